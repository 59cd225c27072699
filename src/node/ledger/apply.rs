//! One write on top of a state: who may, what it does, and the event it becomes.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::event::{self, BUNDLE_TAKEN, KEY_CREATED, KEY_REVOKED};
use super::{ApiKey, Folded, LedgerError, NewKey, PAYLOAD_VERSION, Submission, What, Written};
use crate::directory::command::{Command, Ids, event_text};
use crate::engine;
use crate::log::{Draft, Record};
use crate::node::Point;

/// A write that can be committed.
pub(super) struct Step {
    pub(super) folded: Folded,
    pub(super) point: Point,
    pub(super) draft: Draft,
    pub(super) written: Written,
}

/// Does a write on a copy of a state.
pub(super) fn step(
    submission: &Submission,
    (folded, point): (&Folded, &Point),
    at: Timestamp,
    ids: &mut dyn Ids,
) -> Result<Step, LedgerError> {
    still_good(submission, folded)?;
    let mut folded = folded.clone();
    let mut next = None;
    let (kind, payload, answer, changes) = match &submission.what {
        What::Command(command) => {
            may(submission, command, (&folded, point), at)?;
            let (payload, answer, changes) = carry_out(command, &mut folded, at, ids)?;
            (command.kind(), payload, answer, changes)
        }
        What::CreateKey { key, id, sha256 } => {
            operator(submission, "make API keys")?;
            key.check().map_err(LedgerError::BadKey)?;
            let key = kept(key, id, sha256, at);
            let answer = json!({ "id": key.id });
            let payload = json!(key).to_string();
            Arc::make_mut(&mut folded.keys).insert(sha256.clone(), key);
            (KEY_CREATED, payload, answer, Vec::new())
        }
        What::TakeBundle(bundle) => {
            operator(submission, "take policies into use")?;
            next = Some(bundle.over(&folded, point)?);
            bundle.fold_into(&mut folded);
            let answer = json!({ "bundle": bundle.hash() });
            (BUNDLE_TAKEN, bundle.payload()?, answer, Vec::new())
        }
        What::RevokeKey { id } => {
            operator(submission, "revoke API keys")?;
            if !folded.keys.values().any(|key| key.id == *id) {
                return Err(LedgerError::NoKey { id: id.clone() });
            }
            Arc::make_mut(&mut folded.keys).retain(|_, key| key.id != *id);
            (KEY_REVOKED, event::revoked(id), json!({}), Vec::new())
        }
    };
    let draft = Draft {
        at,
        actor: submission.actor.name.clone(),
        kind: kind.to_owned(),
        payload,
        version: PAYLOAD_VERSION,
        idempotency_key: submission.idempotency_key.clone(),
    };
    // One that the log would not keep must not spoil the others of its group.
    draft.check().map_err(LedgerError::BadEvent)?;
    let point = match next {
        Some(point) => point,
        None => point.after(folded.world.clone(), changes)?,
    };
    let revision = point.snapshot().revision().0;
    folded.head.seq = revision;
    folded.at = at;
    Ok(Step {
        folded,
        point,
        draft,
        written: Written {
            revision,
            answer,
            repeated: false,
        },
    })
}

/// Does what a command does to a world: the event's payload, the answer, and the
/// changes to the engine.
fn carry_out(
    command: &Command,
    folded: &mut Folded,
    at: Timestamp,
    ids: &mut dyn Ids,
) -> Result<(String, Value, Vec<engine::Change>), LedgerError> {
    let planned = command.plan(&folded.world, at, ids)?;
    let answer = json!({ "duties": planned.duties, "output": planned.output });
    let payload = event_text(command, &planned, &answer);
    folded.world = planned.world;
    Ok((payload, answer, planned.effects))
}

/// The member of a payload that holds what the writer got back.
const ANSWER: &str = "answer";

/// Whether the key that the caller showed has not been revoked since.
fn still_good(submission: &Submission, folded: &Folded) -> Result<(), LedgerError> {
    let Some(id) = &submission.actor.key else {
        return Ok(());
    };
    match folded.keys.values().any(|key| key.id == *id) {
        true => Ok(()),
        false => Err(LedgerError::Forbidden {
            message: format!("key {id} was revoked; use another"),
        }),
    }
}

/// Asks the policies whether the caller may.
fn may(
    submission: &Submission,
    command: &Command,
    (folded, point): (&Folded, &Point),
    now: Timestamp,
) -> Result<(), LedgerError> {
    let actor = &submission.actor;
    if command.operator() {
        return match actor.operator {
            true => Ok(()),
            false => operator(submission, &command.name()),
        };
    }
    let Some(caller) = &actor.principal else {
        return Err(LedgerError::Forbidden {
            message: format!(
                "`{}` acts as no principal, and `{}` is for principals; name one with `Aobo-Principal`",
                actor.name,
                command.name()
            ),
        });
    };
    let asks = command.asks(&folded.world, caller)?;
    let mut denied = asks.into_iter().filter_map(|ask| {
        let what = format!(
            "{} on {} `{}`",
            ask.action, ask.resource.ty, ask.resource.id
        );
        let decision = point.decide(ask, now).decision;
        (!decision.allows()).then_some((what, decision))
    });
    match denied.next() {
        None => Ok(()),
        Some((what, decision)) => Err(LedgerError::Forbidden {
            message: match decision.problem {
                Some(problem) => format!("{} `{}` may not {what}: {problem}", caller.ty, caller.id),
                None => format!("{} `{}` may not {what}", caller.ty, caller.id),
            },
        }),
    }
}

fn operator(submission: &Submission, what: &str) -> Result<(), LedgerError> {
    match submission.actor.operator {
        true => Ok(()),
        false => Err(LedgerError::Forbidden {
            message: format!(
                "`{}` may not do `{what}`: it is for keys with the role `operator`",
                submission.actor.name
            ),
        }),
    }
}

fn kept(key: &NewKey, id: &str, sha256: &str, created: Timestamp) -> ApiKey {
    ApiKey {
        id: id.to_owned(),
        sha256: sha256.to_owned(),
        roles: key.roles.clone(),
        tenants: key.tenants.clone(),
        principal: key.principal.clone(),
        created,
    }
}

/// The answer of a write that was done before.
///
/// # Errors
/// [`LedgerError::KeyReused`] if it was another one, or another writer's.
pub(super) fn repeated(
    submission: &Submission,
    key: &str,
    record: &Record,
) -> Result<Written, LedgerError> {
    let payload: Value = serde_json::from_str(&record.payload).unwrap_or_default();
    let same = match &submission.what {
        What::Command(command) => {
            let command = serde_json::to_value(command).unwrap_or_default();
            payload.get("command") == Some(&command)
        }
        // A key's secret is shown once: the same request again is another key.
        What::CreateKey { .. } => false,
        What::TakeBundle(next) => payload.get("hash").and_then(Value::as_str) == Some(next.hash()),
        What::RevokeKey { id } => payload.get("id").and_then(Value::as_str) == Some(id),
    };
    if !same || record.actor != submission.actor.name {
        return Err(LedgerError::KeyReused {
            key: key.to_owned(),
            revision: record.seq,
        });
    }
    Ok(Written {
        revision: record.seq,
        answer: payload.get(ANSWER).cloned().unwrap_or_default(),
        repeated: true,
    })
}
