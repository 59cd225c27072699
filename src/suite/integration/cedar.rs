//! cedar-policy over the texts as they are: the first of the answers.
//!
//! Nothing of ours reads the policies, the entities or the request here, so that
//! a mistake in our reading shows as a difference between this answer and the
//! engine's.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, PolicySet, Request, Schema,
    ValidationMode, Validator,
};

use super::read::{Question, Texts};
use crate::engine::Effect;
use crate::policy::with_room;
use crate::suite::error::chain;
use crate::suite::outcome::Outcome;

/// A set in cedar-policy's form.
pub(super) struct Cedar {
    schema: Schema,
    policies: PolicySet,
    entities: Entities,
}

/// What cedar-policy makes of a request.
pub(super) struct Asked {
    pub(super) outcome: Outcome,
    /// Whether the schema allows the request, so that the engine holds it too.
    pub(super) within_schema: bool,
}

impl Cedar {
    /// Reads the texts. Whoever calls has seen to it that the policies cannot
    /// exhaust the stack.
    ///
    /// # Errors
    /// A sentence: the policies do not parse, or the entities do not conform.
    pub(super) fn load(schema: Schema, texts: &Texts) -> Result<Self, String> {
        let policies = PolicySet::from_str(&texts.policies.text)
            .map_err(|error| format!("`{}`: {}", texts.policies.name, chain(&error)))?;
        let entities = Entities::from_json_str(&texts.entities.text, Some(&schema))
            .map_err(|error| format!("`{}`: {}", texts.entities.name, chain(&error)))?;
        Ok(Self {
            schema,
            policies,
            entities,
        })
    }

    /// Validates strictly.
    ///
    /// # Errors
    /// The first thing found.
    pub(super) fn validate(&self) -> Result<(), String> {
        let validator = Validator::new(self.schema.clone());
        let result = validator.validate(&self.policies, ValidationMode::Strict);
        match result.validation_errors().next() {
            None => Ok(()),
            Some(error) => Err(chain(error)),
        }
    }

    /// Answers a question. One that must not fit the schema is read by it where
    /// it can be, and else by its own escapes.
    ///
    /// # Errors
    /// A sentence: the request must validate and does not, or is none at all.
    pub(super) fn ask(&self, question: &Question) -> Result<Asked, String> {
        let json = || question.context.to_json();
        let typed = Context::from_json_value(json(), Some((&self.schema, &question.action)));
        let valid = match &typed {
            Err(error) => Err(chain(error)),
            Ok(context) => self.request(question, context.clone(), true),
        };
        match (valid, typed) {
            (Ok(request), _) => Ok(Asked {
                outcome: self.answer(&request),
                within_schema: true,
            }),
            (Err(message), _) if question.must_validate => {
                Err(format!("the request does not validate: {message}"))
            }
            (Err(_), typed) => {
                let context = match typed {
                    Ok(context) => context,
                    Err(_) => Context::from_json_value(json(), None).map_err(|e| chain(&e))?,
                };
                let request = self.request(question, context, false)?;
                Ok(Asked {
                    outcome: self.answer(&request),
                    within_schema: false,
                })
            }
        }
    }

    fn request(&self, asked: &Question, context: Context, check: bool) -> Result<Request, String> {
        let schema = check.then_some(&self.schema);
        let (principal, action) = (asked.principal.clone(), asked.action.clone());
        let request = Request::new(principal, action, asked.resource.clone(), context, schema);
        request.map_err(|error| chain(&error))
    }

    fn answer(&self, request: &Request) -> Outcome {
        let response =
            with_room(|| Authorizer::new().is_authorized(request, &self.policies, &self.entities));
        let diagnostics = response.diagnostics();
        let errors: BTreeMap<String, String> = diagnostics
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| {
                (error.policy_id().to_string(), chain(error.inner()))
            })
            .collect();
        let determining: BTreeSet<String> = diagnostics.reason().map(ToString::to_string).collect();
        Outcome {
            effect: match response.decision() {
                Decision::Allow => Effect::Allow,
                Decision::Deny => Effect::Deny,
            },
            determining,
            erroring: errors,
            problem: None,
        }
    }
}
