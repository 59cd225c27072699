//! The reference evaluator: cedar-policy itself, plainly used.
//!
//! It walks every policy on each question and copies the entities when a request
//! brings some of its own. That is its virtue: there is nothing in it to get
//! wrong. It is the oracle of the compiled engine, and evaluates clauses for
//! explanations.

use std::collections::HashMap;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision as CedarDecision, Entities, Entity, PolicyId,
    PolicySet, Request as CedarRequest, SlotId, ValidationMode, Validator,
};

use super::error::chain;
use super::{EngineError, EntityData, Facts, Problem, Request, Value};
use crate::policy::{Bundle, on_large_stack, with_room};

/// cedar-policy's form of a state.
#[derive(Debug)]
pub struct Reference {
    entities: Entities,
    policies: PolicySet,
}

/// What cedar-policy answers, in its own error mode (an erroring policy is
/// skipped). Ids in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// Whether it allows.
    pub allow: bool,
    /// Ids of the policies that made the effect.
    pub determining: Vec<String>,
    /// Ids of the policies that failed, each with its message.
    pub erroring: Vec<(String, String)>,
}

impl Reference {
    pub(super) fn new(bundle: &Bundle, facts: Facts<'_>) -> Result<Self, EngineError> {
        on_large_stack(|| {
            Ok(Self {
                entities: cedar_entities(bundle, facts.entities())?,
                policies: policies(bundle, facts)?,
            })
        })
    }

    /// The entities in cedar-policy's form, those of the request included.
    ///
    /// # Errors
    /// [`Problem::Refused`] if the request's own entities do not fit.
    pub fn entities_for(
        &self,
        request: &Request,
    ) -> Result<std::borrow::Cow<'_, Entities>, Problem> {
        if request.entities.is_empty() {
            return Ok(std::borrow::Cow::Borrowed(&self.entities));
        }
        let own = request.entities.iter().map(|entity| entity.to_cedar());
        let own: Result<Vec<Entity>, EngineError> = own.collect();
        let own = own.map_err(refused)?;
        let all = self.entities.clone().upsert_entities(own, None);
        Ok(std::borrow::Cow::Owned(all.map_err(refused)?))
    }

    /// Evaluates one request against every policy.
    ///
    /// # Errors
    /// [`Problem`] if cedar-policy does not take the request.
    pub fn evaluate(&self, request: &Request) -> Result<Evaluation, Problem> {
        let entities = self.entities_for(request)?;
        let cedar = cedar_request(request)?;
        Ok(evaluate(&cedar, &self.policies, &entities))
    }
}

/// Evaluates in cedar-policy's terms, where the stack has room for it.
pub(super) fn evaluate(
    request: &CedarRequest,
    policies: &PolicySet,
    entities: &Entities,
) -> Evaluation {
    let response = with_room(|| Authorizer::new().is_authorized(request, policies, entities));
    let diagnostics = response.diagnostics();
    let mut determining: Vec<String> = diagnostics.reason().map(name).collect();
    let mut erroring: Vec<(String, String)> = diagnostics
        .errors()
        .map(|AuthorizationError::PolicyEvaluationError(error)| {
            (name(error.policy_id()), chain(error.inner()))
        })
        .collect();
    determining.sort();
    erroring.sort();
    Evaluation {
        allow: response.decision() == CedarDecision::Allow,
        determining,
        erroring,
    }
}

/// An id as it was given; printing one would escape it.
fn name(id: &PolicyId) -> String {
    AsRef::<str>::as_ref(id).to_owned()
}

/// A request in cedar-policy's form.
pub(super) fn cedar_request(request: &Request) -> Result<CedarRequest, Problem> {
    let Request {
        principal,
        action,
        resource,
        ..
    } = request;
    CedarRequest::new(
        principal.clone(),
        action.clone(),
        resource.clone(),
        context(&request.context)?,
        None,
    )
    .map_err(refused)
}

fn context(values: &std::collections::BTreeMap<String, Value>) -> Result<Context, Problem> {
    let pairs: Result<Vec<_>, EngineError> = values
        .iter()
        .map(|(name, value)| Ok((name.clone(), value.to_cedar()?)))
        .collect();
    Context::from_pairs(pairs.map_err(refused)?).map_err(refused)
}

fn refused(error: impl std::error::Error) -> Problem {
    Problem::Refused {
        message: chain(&error),
    }
}

/// Entities in cedar-policy's form, the schema's actions with them.
pub(super) fn cedar_entities(
    bundle: &Bundle,
    entities: impl Iterator<Item = EntityData>,
) -> Result<Entities, EngineError> {
    let all = entities.map(|entity| entity.to_cedar());
    let all: Vec<Entity> = all.collect::<Result<_, _>>()?;
    Entities::from_entities(all, Some(bundle.schema())).map_err(EngineError::cedar)
}

fn policies(bundle: &Bundle, facts: Facts<'_>) -> Result<PolicySet, EngineError> {
    let mut policies = bundle.policies().clone();
    for link in facts.links() {
        let slots = [
            (SlotId::principal(), &link.principal),
            (SlotId::resource(), &link.resource),
        ];
        let values: HashMap<_, _> = slots
            .into_iter()
            .filter_map(|(slot, uid)| Some((slot, uid.clone()?)))
            .collect();
        let id = link.id();
        policies
            .link(PolicyId::new(&link.template), PolicyId::new(&id), values)
            .map_err(|error| EngineError::Link {
                id,
                message: chain(&error),
            })?;
    }
    let mut standing = PolicySet::new();
    for policy in facts.policies() {
        let bad = |message| EngineError::Policy {
            id: policy.id.clone(),
            message,
        };
        for set in [&mut policies, &mut standing] {
            set.add(policy.policy.clone()).map_err(|e| bad(chain(&e)))?;
        }
    }
    let validator = Validator::new(bundle.schema().clone());
    let result = validator.validate(&standing, ValidationMode::Strict);
    match result.validation_errors().next() {
        Some(error) => Err(EngineError::Policy {
            id: name(error.policy_id()),
            message: chain(error),
        }),
        None => Ok(policies),
    }
}
