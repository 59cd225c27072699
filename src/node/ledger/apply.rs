//! One write on top of a state: who may, what it does, and the event it becomes.
//!
//! In two parts, because the second one takes the state along: [`Step::plan`] looks
//! at a state and refuses what is not to be written; [`Step::onto`] puts what was
//! planned into the state. Planning comes first, so that a refusal costs nobody else
//! anything.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::event::{self, BUNDLE_TAKEN, KEY_CREATED, KEY_REVOKED};
use super::{
    ApiKey, Folded, LedgerError, NewKey, NextBundle, PAYLOAD_VERSION, Submission, TenantScope,
    What, Written,
};
use crate::directory::command::{Command, Ids};
use crate::directory::world_file::change_form;
use crate::directory::{Change, World};
use crate::engine::intake::Ask;
use crate::engine::{self, Decision};
use crate::log::{Draft, Json, Log, Payload, Record};
use crate::node::Point;

/// A state that writes are done on, one after another: facts and keys, and the
/// point that decides by them. Nobody else sees it.
#[derive(Debug, Clone)]
pub(super) struct Working {
    pub(super) folded: Folded,
    pub(super) point: Point,
}

/// A write that may be done, and what it does.
pub(super) struct Step {
    draft: Draft,
    answer: Value,
    then: Then,
}

/// What becomes of a state.
enum Then {
    Facts(Box<World>, Vec<engine::Change>),
    KeyIs(ApiKey),
    NoKey(String),
    DecidedBy(Arc<NextBundle>, Point),
}

impl Step {
    /// What a write does to a state. `text` is its command, written down.
    ///
    /// # Errors
    /// [`LedgerError`] if the caller may not, or it cannot be done or kept.
    pub(super) fn plan(
        submission: &Submission,
        text: Option<&Json>,
        Working { folded, point }: &Working,
        at: Timestamp,
        (log, ids): (&dyn Log, &mut dyn Ids),
    ) -> Result<Self, LedgerError> {
        still_good(submission, folded)?;
        let (kind, payload, answer, then) = match &submission.what {
            What::Command(command) => {
                may(submission, command, (folded, point), at)?;
                let planned = command.plan(&folded.world, at, ids)?;
                let answer = json!({ "duties": planned.duties, "output": planned.output });
                let payload = payload(text, command, &planned.changes, &answer);
                let then = Then::Facts(Box::new(planned.world), planned.effects);
                (command.kind(), payload, answer, then)
            }
            What::CreateKey { key, id, sha256 } => {
                operator(submission, "make API keys")?;
                key.check().map_err(LedgerError::BadKey)?;
                let key = kept(key, id, sha256, at);
                let answer = json!({ "id": key.id });
                (KEY_CREATED, Payload::of(&key), answer, Then::KeyIs(key))
            }
            What::TakeBundle(bundle) => {
                operator(submission, "take policies into use")?;
                let next = bundle.over(log, folded, point)?;
                let answer = json!({ "bundle": bundle.hash() });
                let then = Then::DecidedBy(Arc::clone(bundle), next);
                (BUNDLE_TAKEN, bundle.payload(), answer, then)
            }
            What::RevokeKey { id } => {
                operator(submission, "revoke API keys")?;
                if !folded.keys.values().any(|key| key.id == *id) {
                    return Err(LedgerError::NoKey { id: id.clone() });
                }
                let then = Then::NoKey(id.clone());
                (KEY_REVOKED, event::revoked(id), json!({}), then)
            }
        };
        let payload =
            payload.map_err(|what| LedgerError::BadEvent(format!("its payload {what}")))?;
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
        Ok(Self {
            draft,
            answer,
            then,
        })
    }

    /// Does it.
    ///
    /// # Errors
    /// [`LedgerError::Node`] if the engine does not take what the directory took. The
    /// state is gone then: who may have to go on without this write keeps another.
    pub(super) fn onto(
        self,
        Working { mut folded, point }: Working,
    ) -> Result<(Working, Draft, Written), LedgerError> {
        let point = match self.then {
            Then::Facts(world, changes) => {
                folded.world = *world;
                point.advanced(folded.world.clone(), changes)?
            }
            Then::KeyIs(key) => {
                Arc::make_mut(&mut folded.keys).insert(key.sha256.clone(), key);
                point.advanced(folded.world.clone(), Vec::new())?
            }
            Then::NoKey(id) => {
                Arc::make_mut(&mut folded.keys).retain(|_, key| key.id != id);
                point.advanced(folded.world.clone(), Vec::new())?
            }
            Then::DecidedBy(bundle, next) => {
                bundle.fold_into(&mut folded);
                next
            }
        };
        let revision = point.snapshot().revision().0;
        folded.head.seq = revision;
        folded.at = self.draft.at;
        let written = Written {
            revision,
            answer: self.answer,
            repeated: false,
        };
        Ok((Working { folded, point }, self.draft, written))
    }
}

/// The payload of a command's event: what the writer was answered, the changes, and
/// the command itself, for people.
fn payload(
    text: Option<&Json>,
    command: &Command,
    changes: &[Change],
    answer: &Value,
) -> Result<Payload, String> {
    let changes: Vec<_> = changes.iter().map(change_form).collect();
    let (answer, changes) = (Json::of(answer)?, Json::of(&changes)?);
    let written;
    let command = match text {
        Some(text) => text,
        None => {
            written = Json::of(command)?;
            &written
        }
    };
    Payload::object([
        (ANSWER, &answer),
        ("changes", &changes),
        ("command", command),
    ])
}

/// The member of a payload that holds what the writer got back.
const ANSWER: &str = "answer";

/// Whether the key that the caller showed has not been revoked since, and the principal
/// that it acts as has stayed within its tenants.
fn still_good(submission: &Submission, folded: &Folded) -> Result<(), LedgerError> {
    let actor = &submission.actor;
    let forbidden = |message| Err(LedgerError::Forbidden { message });
    if let Some(id) = &actor.key
        && !folded.keys.values().any(|key| key.id == *id)
    {
        return forbidden(format!("key {id} was revoked; use another"));
    }
    let Some(principal) = actor.principal.as_ref() else {
        return Ok(());
    };
    let tenant = folded.world.tenant_of(principal);
    match &actor.tenants {
        TenantScope::All => Ok(()),
        TenantScope::Of(tenants) if tenant.is_some_and(|of| tenants.contains(of)) => Ok(()),
        TenantScope::Of(_) => forbidden(format!(
            "`{}` is not for the tenant of `{}`; use a caller that is",
            actor.name, principal.id
        )),
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
    let Some((what, decision)) = first_denied(point, &asks, now) else {
        return Ok(());
    };
    if let Some((before, told)) = command.out_of_step(&folded.world)
        && could_have(before, &asks, (folded, point), now)
    {
        return Err(told.into());
    }
    Err(LedgerError::Forbidden {
        message: match decision.problem {
            Some(problem) => format!("{} `{}` may not {what}: {problem}", caller.ty, caller.id),
            None => format!("{} `{}` may not {what}", caller.ty, caller.id),
        },
    })
}

/// The first question that is not allowed, told for people.
fn first_denied(
    point: &Point,
    asks: &[Ask<'static>],
    now: Timestamp,
) -> Option<(String, Decision)> {
    asks.iter().find_map(|ask| {
        let decided = point.decided(ask.clone(), now);
        if decided.allows() {
            return None;
        }
        let resource = &ask.resource;
        let what = format!("{} on {} `{}`", ask.action, resource.ty, resource.id);
        Some((what, decided.answer(point.snapshot()).decision))
    })
}

/// Whether the questions were allowed if facts were as they were.
fn could_have(
    before: Vec<Change>,
    asks: &[Ask<'static>],
    (folded, point): (&Folded, &Point),
    now: Timestamp,
) -> bool {
    let mut world = folded.world.clone();
    let mut effects = Vec::new();
    for change in before {
        match world.apply(change) {
            Ok(caused) => effects.extend(caused),
            Err(_) => return false,
        }
    }
    let then = point.after(world, effects).ok();
    then.is_some_and(|then| first_denied(&then, asks, now).is_none())
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
