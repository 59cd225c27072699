//! The engine and its reference evaluator over a set that validates: the second
//! and the third answer.
//!
//! Requests are made here and not by [`crate::engine::intake::prepare`]: that one
//! puts the decider's clock in the place of a context's `now`, and a corpus has
//! no clock.

use std::sync::Arc;

use super::read::{Question, Texts};
use crate::engine::intake::read_value;
use crate::engine::reference::Evaluation;
use crate::engine::{
    Change, Effect, EngineError, EntityData, ErrorMode, Input, Problem, Request, Revision,
    Snapshot, Value, decide, parse_entities,
};
use crate::policy::{Bundle, Type};
use crate::suite::coverage::Coverage;
use crate::suite::outcome::Outcome;
use crate::suite::report::Report;

/// A set in the engine's form.
pub(super) struct Engine {
    snapshot: Snapshot,
}

/// Both answers, each with the name of who gave it.
pub(super) type Answers = [(&'static str, Outcome); 2];

impl Engine {
    /// Takes the entities in.
    ///
    /// # Errors
    /// A sentence naming the entity that the engine does not take.
    pub(super) fn load(bundle: Bundle, texts: &Texts) -> Result<Self, String> {
        let entities = entities(&bundle, &texts.entities.text)
            .map_err(|message| format!("`{}`: {message}", texts.entities.name))?;
        let snapshot = snapshot(Arc::new(bundle), entities);
        let snapshot = snapshot.map_err(|error| format!("`{}`: {error}", texts.entities.name))?;
        Ok(Self { snapshot })
    }

    /// Takes the policies into a report, as not determining yet.
    pub(super) fn cover(&self, report: &mut Report) {
        report.coverage.load(self.snapshot.bundle());
        report.look_at(&self.snapshot);
    }

    /// Answers a question that the schema allows.
    ///
    /// # Errors
    /// A sentence: the engine or its reference does not take the request.
    pub(super) fn ask(
        &self,
        question: &Question,
        coverage: &mut Coverage,
    ) -> Result<Answers, String> {
        let request = self.request(question).map_err(|error| error.to_string())?;
        let decision = decide(&self.snapshot, &request, ErrorMode::Cedar);
        coverage.count(self.snapshot.bundle(), &decision);
        let reference = evaluate(&self.snapshot, &request)?;
        Ok([
            ("the engine", Outcome::from(&decision)),
            ("the reference", Outcome::from(reference)),
        ])
    }

    fn request(&self, question: &Question) -> Result<Request, Problem> {
        let shape = self.snapshot.bundle().shape();
        let (ty, id) = (question.action.type_name(), question.action.id());
        let key = (ty.to_string(), id.unescaped().to_owned());
        let declared = shape.actions.get(&key);
        let declared = declared.ok_or_else(|| Problem::UnknownAction {
            name: key.1.clone(),
        })?;
        let ty = Type::Record(declared.context.clone());
        let Value::Record(context) = read_value(shape, &ty, &question.context, "context")? else {
            return Err(Problem::Refused {
                message: "a context is a record".to_owned(),
            });
        };
        Ok(Request {
            principal: question.principal.clone(),
            action: question.action.clone(),
            resource: question.resource.clone(),
            context,
            entities: Vec::new(),
        })
    }
}

/// The one place that knows how a state is made.
fn snapshot(bundle: Arc<Bundle>, entities: Vec<EntityData>) -> Result<Snapshot, EngineError> {
    let changes = entities.into_iter().map(Change::PutEntity);
    Snapshot::build(bundle, changes, Revision(0))
}

/// The one place that knows how the reference is reached.
fn evaluate(snapshot: &Snapshot, request: &Request) -> Result<Evaluation, String> {
    let reference = snapshot.reference();
    let reference = reference.map_err(|error| format!("the reference: {error}"))?;
    let evaluation = reference.evaluate(request);
    evaluation.map_err(|problem| format!("the reference: {problem}"))
}

impl From<Evaluation> for Outcome {
    fn from(evaluation: Evaluation) -> Self {
        Self {
            effect: match evaluation.allow {
                true => Effect::Allow,
                false => Effect::Deny,
            },
            determining: evaluation.determining.into_iter().collect(),
            erroring: evaluation.erroring.into_iter().collect(),
            problem: None,
        }
    }
}

/// The entities of a file, without the actions in it: those are the schema's.
fn entities(bundle: &Bundle, text: &str) -> Result<Vec<EntityData>, String> {
    let mut input = Input::parse(text).map_err(|error| error.to_string())?;
    if let Input::List(items) = &mut input {
        items.retain(|item| !is_action(item));
    }
    let text = input.to_json().to_string();
    parse_entities(&text, bundle.shape()).map_err(|error| error.to_string())
}

/// No schema declares an entity type of that name: it is Cedar's own.
fn is_action(item: &Input<'_>) -> bool {
    let uid = item.get("uid");
    let uid = uid.map(|uid| uid.get("__entity").unwrap_or(uid));
    let ty = uid.and_then(|uid| uid.get("type")?.as_str());
    ty.is_some_and(|ty| ty.rsplit("::").next() == Some("Action"))
}
