//! What a running server tells of a decision, read back.
//!
//! Members that are not known are passed over, so that a newer server is
//! understood; what is known must be of its type.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;

use super::shown::Shown;
use crate::engine::explain::{ClauseReport, Explanation, Hop, Outcome, PolicyReport, Unlinked};
use crate::engine::{EngineError, EntityUid, ErrorMode, PolicyRef, uid};
use crate::policy::Annotations;

/// The answer to an evaluation. Shape: that of `POST /access/v1/evaluation`.
#[derive(Deserialize)]
struct Told {
    decision: bool,
    #[serde(default)]
    context: Context,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    advice: Vec<String>,
    duty: Vec<String>,
    error: Option<Problem>,
    erroring: Vec<Failed>,
    ignored: Vec<String>,
    reason: Option<Json>,
}

#[derive(Deserialize)]
struct Problem {
    message: String,
}

#[derive(Deserialize)]
struct Failed {
    policy: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reason {
    determining: Vec<Policy>,
    near: Vec<Policy>,
    unlinked: Option<Templates>,
    unknown: Vec<Entity>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Policy {
    policy: String,
    effect: String,
    #[serde(default)]
    annotations: Annotations,
    place: Option<String>,
    #[serde(default)]
    clauses: Vec<Clause>,
}

#[derive(Deserialize)]
struct Clause {
    layer: Option<String>,
    text: String,
    outcome: String,
    message: Option<String>,
    lacking: Option<String>,
    #[serde(default)]
    path: Vec<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    #[serde(rename = "type")]
    ty: String,
    id: String,
    #[serde(default)]
    implicit: bool,
}

#[derive(Deserialize)]
struct Templates {
    templates: Vec<String>,
    layer: Option<String>,
    lacking: Option<String>,
}

/// Reads an answer.
///
/// # Errors
/// A sentence, if it is not the answer to an evaluation.
pub(super) fn decision(answer: Json, revision: Option<u64>) -> Result<Shown, String> {
    let wrong = |error: serde_json::Error| error.to_string();
    let Told { decision, context } = serde_json::from_value(answer).map_err(wrong)?;
    let reason: Option<Reason> = match &context.reason {
        None => None,
        Some(reason) => Some(Reason::deserialize(reason).map_err(wrong)?),
    };
    let unknown = reason.as_ref().and_then(|reason| reason.message.clone());
    let problem = context.error.map(|error| error.message).or(unknown);
    let explanation = match reason {
        Some(reason) if problem.is_none() => {
            Some(reason.explanation().map_err(|error| error.to_string())?)
        }
        _ => None,
    };
    let determining = explanation.as_ref().map(|explanation| {
        let reports = explanation.determining.iter();
        reports.map(|report| report.policy.clone()).collect()
    });
    let advice = context.advice.into_iter().map(|text| ("Advice", text));
    let duties = context.duty.into_iter().map(|text| ("Duty", text));
    let erroring = context.erroring.into_iter();
    Ok(Shown {
        allows: decision,
        problem,
        erroring: erroring
            .map(|failed| (failed.policy, failed.message))
            .collect(),
        determining,
        said: advice.chain(duties).collect(),
        ignored: context.ignored,
        revision,
        bundle: None,
        explanation,
        reason: context.reason,
        // A server is always strict.
        mode: ErrorMode::Strict,
    })
}

impl Reason {
    fn explanation(self) -> Result<Explanation, EngineError> {
        let all = |policies: Vec<Policy>| -> Result<Vec<PolicyReport>, EngineError> {
            policies.into_iter().map(Policy::report).collect()
        };
        let unknown = self.unknown.iter().map(Entity::uid);
        Ok(Explanation {
            unknown: unknown.collect::<Result<_, _>>()?,
            determining: all(self.determining)?,
            near: all(self.near)?,
            unlinked: self.unlinked.map(|unlinked| Unlinked {
                templates: unlinked.templates,
                layer: unlinked.layer,
                lacking: unlinked.lacking,
            }),
        })
    }
}

impl Policy {
    fn report(self) -> Result<PolicyReport, EngineError> {
        let place = self.place.as_deref().and_then(|place| {
            let (file, line) = place.rsplit_once(':')?;
            Some((Arc::from(file), line.parse().ok()?))
        });
        let clauses = self.clauses.into_iter().map(Clause::report);
        Ok(PolicyReport {
            policy: PolicyRef {
                id: self.policy,
                permits: self.effect == "permit",
                annotations: Arc::new(self.annotations),
                place,
            },
            clauses: clauses.collect::<Result<_, _>>()?,
        })
    }
}

impl Clause {
    fn report(self) -> Result<ClauseReport, EngineError> {
        let path = self.path.iter().map(|hop| {
            Ok(Hop {
                entity: hop.uid()?,
                implicit: hop.implicit,
            })
        });
        let path = path.collect::<Result<_, EngineError>>()?;
        Ok(ClauseReport {
            layer: self.layer,
            text: self.text,
            outcome: match self.outcome.as_str() {
                "held" => Outcome::Held,
                "not-held" => Outcome::NotHeld,
                _ => Outcome::Failed(self.message.unwrap_or_default()),
            },
            lacking: self.lacking,
            path,
        })
    }
}

impl Entity {
    fn uid(&self) -> Result<EntityUid, EngineError> {
        uid(&self.ty, &self.id)
    }
}
