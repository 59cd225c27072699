//! cedar-policy on the same questions: the baseline of decisions.
//!
//! It gets the best terms that a caller could give it: the request is made
//! beforehand, the entities are all there, and of the links it sees only those on
//! the question's path, which somebody else must have found.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision as CedarDecision, Entities, PolicyId,
    PolicySet, Request as CedarRequest, Response, RestrictedExpression, SlotId,
};

use super::MeasureError;
use super::clock::{Times, timed};
use crate::engine::reference::Reference;
use crate::engine::{
    Change, Decision, Effect, ErrorMode, Link, Request, Revision, Snapshot, Value, decide,
};
use crate::measure::{Question, Spread, Workload};
use crate::policy::{Bundle, Extension};

/// Questions that are timed together.
const BLOCK: usize = 4;

/// A workload as cedar-policy holds it, without its links.
#[derive(Debug, Clone)]
pub struct Baseline {
    reference: Arc<Reference>,
    bundle: Arc<Bundle>,
}

/// A question as cedar-policy takes it.
#[derive(Debug)]
pub struct Asked {
    request: CedarRequest,
    policies: PolicySet,
}

impl Baseline {
    /// The entities of a workload; `snapshot` says by which bundle.
    ///
    /// # Errors
    /// [`MeasureError::Engine`] if either evaluator refuses them.
    pub fn new(workload: &Workload, snapshot: &Snapshot) -> Result<Self, MeasureError> {
        let entities = workload.changes_ahead();
        let entities = entities.filter(|change| !matches!(change, Change::AddLink(_)));
        let snapshot = snapshot.rebuilt(entities, Revision(0))?;
        Ok(Self {
            reference: snapshot.reference()?,
            bundle: Arc::clone(snapshot.bundle()),
        })
    }

    /// A question with the links that it is to see.
    ///
    /// # Errors
    /// [`MeasureError::Cedar`] if cedar-policy refuses them.
    pub fn ask(
        &self,
        request: &Request,
        links: impl IntoIterator<Item = Link>,
    ) -> Result<Asked, MeasureError> {
        Ok(Asked {
            request: cedar_request(request)?,
            policies: with_links(&self.bundle, links)?,
        })
    }

    /// The entities, for questions that bring none of their own.
    ///
    /// # Errors
    /// [`MeasureError::Question`] never for such.
    pub fn entities(&self, request: &Request) -> Result<&Entities, MeasureError> {
        match self.reference.entities_for(request)? {
            std::borrow::Cow::Borrowed(entities) => Ok(entities),
            std::borrow::Cow::Owned(_) => Err(MeasureError::wrong(
                "cedar",
                "the question brings entities of its own",
            )),
        }
    }
}

impl Asked {
    /// Cedar's own answer.
    #[must_use]
    pub fn decide(&self, entities: &Entities) -> Response {
        Authorizer::new().is_authorized(&self.request, &self.policies, entities)
    }
}

/// Static policies and templates, and links of these.
pub(super) fn with_links(
    bundle: &Bundle,
    links: impl IntoIterator<Item = Link>,
) -> Result<PolicySet, MeasureError> {
    let mut policies = bundle.policies().clone();
    for link in links {
        let id = PolicyId::new(link.id());
        let slots = [
            (SlotId::principal(), link.principal),
            (SlotId::resource(), link.resource),
        ];
        let slots = slots.into_iter();
        let slots: HashMap<_, _> = slots.filter_map(|(slot, uid)| Some((slot, uid?))).collect();
        let template = PolicyId::new(link.template);
        policies
            .link(template, id, slots)
            .map_err(MeasureError::cedar)?;
    }
    Ok(policies)
}

/// The context of a workload's question in cedar-policy's form.
pub(super) fn cedar_context(request: &Request) -> Result<Context, MeasureError> {
    let values = request.context.iter();
    let values = values.filter_map(|(name, value)| {
        let value = match value {
            Value::Bool(value) => RestrictedExpression::new_bool(*value),
            Value::String(text) => RestrictedExpression::new_string(text.to_string()),
            Value::Entity(uid) => RestrictedExpression::new_entity_uid(uid.clone()),
            Value::Extension(Extension::Datetime, at) => {
                RestrictedExpression::new_datetime(at.as_ref())
            }
            // No question of a workload has others.
            _ => return None,
        };
        Some((name.clone(), value))
    });
    Context::from_pairs(values).map_err(MeasureError::cedar)
}

fn cedar_request(request: &Request) -> Result<CedarRequest, MeasureError> {
    CedarRequest::new(
        request.principal.clone(),
        request.action.clone(),
        request.resource.clone(),
        cedar_context(request)?,
        None,
    )
    .map_err(MeasureError::cedar)
}

/// How long the baseline takes for questions that see the links on their path.
/// Every answer is compared with the engine's.
pub(super) fn measure(
    workload: &Workload,
    snapshot: &Snapshot,
    baseline: &Baseline,
    count: usize,
) -> Result<f64, MeasureError> {
    let mut questions = workload.questions(6, Spread::Uniform).take(count);
    let mut times = Times::default();
    loop {
        let questions: Vec<Question> = questions.by_ref().take(BLOCK).collect();
        let Some(first) = questions.first() else {
            return Ok(times.median_ns());
        };
        let asked = questions.iter().map(|question| {
            let links = workload.links_on_path(question);
            baseline.ask(&question.request, links)
        });
        let asked: Vec<Asked> = asked.collect::<Result<_, _>>()?;
        let entities = baseline.entities(&first.request)?;
        let (responses, took) = timed(|| {
            let asked = asked.iter();
            asked.map(|a| a.decide(entities)).collect::<Vec<Response>>()
        });
        times.add(took, questions.len());
        for (question, response) in questions.iter().zip(&responses) {
            same("decide", snapshot, question, response)?;
        }
    }
}

/// The same with every link of the world as a policy.
pub(super) fn measure_all_links(
    workload: &Workload,
    snapshot: &Snapshot,
    baseline: &Baseline,
    count: usize,
) -> Result<f64, MeasureError> {
    let mut policies = Some(with_links(&baseline.bundle, snapshot.facts().links())?);
    let mut times = Times::default();
    for question in workload.questions(7, Spread::Uniform).take(count) {
        let entities = baseline.entities(&question.request)?;
        let asked = Asked {
            request: cedar_request(&question.request)?,
            policies: policies.take().unwrap_or_default(),
        };
        let (response, took) = timed(|| asked.decide(entities));
        times.add(took, 1);
        same("decide with all links", snapshot, &question, &response)?;
        policies = Some(asked.policies);
    }
    Ok(times.median_ns())
}

/// Engine and cedar-policy answer the same: effect, determining and erroring.
fn same(
    what: &'static str,
    snapshot: &Snapshot,
    question: &Question,
    response: &Response,
) -> Result<(), MeasureError> {
    let decision = decide(snapshot, &question.request, ErrorMode::Cedar);
    let effect = match response.decision() {
        CedarDecision::Allow => Effect::Allow,
        CedarDecision::Deny => Effect::Deny,
    };
    let diagnostics = response.diagnostics();
    let mut determining: Vec<&str> = diagnostics.reason().map(AsRef::as_ref).collect();
    let errors = diagnostics.errors();
    let mut erroring: Vec<&str> = errors
        .map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id().as_ref())
        .collect();
    determining.sort_unstable();
    erroring.sort_unstable();
    let (engine_determining, engine_erroring) = ids(&decision);
    let same = (decision.effect, &engine_determining, &engine_erroring)
        == (effect, &determining, &erroring);
    match same && effect == question.expected && decision.problem.is_none() {
        true => Ok(()),
        false => Err(MeasureError::wrong(
            what,
            format!(
                "expected {:?}; the engine says {:?} by {engine_determining:?}, failing \
                 {engine_erroring:?}; cedar-policy says {effect:?} by {determining:?}, failing \
                 {erroring:?}: {:?}",
                question.expected, decision.effect, question.request
            ),
        )),
    }
}

fn ids(decision: &Decision) -> (Vec<&str>, Vec<&str>) {
    let determining = decision.determining.iter().map(|policy| policy.id.as_str());
    let erroring = decision.erroring.iter().map(|e| e.policy.id.as_str());
    (determining.collect(), erroring.collect())
}
