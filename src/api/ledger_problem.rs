//! What the ledger refuses, as HTTP says it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use crate::directory::command::CommandError;
use crate::log::LogError;
use crate::node::{LedgerError, Refusal};

/// A refusal of the ledger: status, code, text, and what helps to go on.
#[derive(Debug, Clone)]
pub(super) struct LedgerProblem {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) more: Map<String, Value>,
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        let (status, code) = status(&error);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            return Self::Internal {
                detail: error.to_string(),
            };
        }
        let more = match &error {
            LedgerError::Command(error) => more(error),
            LedgerError::Bundle(refusal) => told(refusal),
            _ => Map::new(),
        };
        Self::Ledger(Box::new(LedgerProblem {
            status,
            code,
            message: error.to_string(),
            more,
        }))
    }
}

/// A request that is wrong is 400, one that comes at the wrong time 409.
fn status(error: &LedgerError) -> (StatusCode, &'static str) {
    match error {
        LedgerError::Command(error) => (of_command(error), error.code()),
        LedgerError::Bundle(refusal) => match **refusal {
            Refusal::Facts(_) => (StatusCode::CONFLICT, "facts-do-not-fit"),
            Refusal::SelfTest(_) => (StatusCode::BAD_REQUEST, "self-test-failed"),
            Refusal::Unreadable(_) | Refusal::Policies(_) | Refusal::Engine(_) => {
                (StatusCode::BAD_REQUEST, "policies-refused")
            }
        },
        LedgerError::Directory(_) | LedgerError::Engine(_) | LedgerError::Node(_) => {
            (StatusCode::CONFLICT, "directory")
        }
        LedgerError::Forbidden { .. } => (StatusCode::FORBIDDEN, "forbidden"),
        LedgerError::Precondition { .. } => {
            (StatusCode::PRECONDITION_FAILED, "precondition-failed")
        }
        LedgerError::KeyReused { .. } => (StatusCode::CONFLICT, "idempotency-key-reused"),
        LedgerError::OutOfRange { .. } => (StatusCode::BAD_REQUEST, "revision-out-of-range"),
        LedgerError::BadKey(_) | LedgerError::BadEvent(_) => {
            (StatusCode::BAD_REQUEST, "invalid-request")
        }
        LedgerError::NoKey { .. } => (StatusCode::NOT_FOUND, "not-found"),
        LedgerError::NotWritten { .. } | LedgerError::Log(LogError::ReadOnly { .. }) => {
            (StatusCode::SERVICE_UNAVAILABLE, "not-written")
        }
        LedgerError::Log(LogError::Archived { .. }) | LedgerError::NoFloor { .. } => {
            (StatusCode::BAD_REQUEST, "archived")
        }
        LedgerError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        LedgerError::Log(_)
        | LedgerError::Fault(_)
        | LedgerError::Policies(_)
        | LedgerError::World(_)
        | LedgerError::BundleHash { .. }
        | LedgerError::Unbuilt(_)
        | LedgerError::Event { .. }
        | LedgerError::Floor { .. }
        | LedgerError::OtherSeed => (StatusCode::INTERNAL_SERVER_ERROR, "internal-error"),
    }
}

fn of_command(error: &CommandError) -> StatusCode {
    match error {
        CommandError::NotFound { .. } => StatusCode::NOT_FOUND,
        CommandError::Exists { .. } | CommandError::Illegal { .. } | CommandError::Directory(_) => {
            StatusCode::CONFLICT
        }
        CommandError::Invalid { .. } | CommandError::Import(_) => StatusCode::BAD_REQUEST,
        CommandError::Refused { .. } => StatusCode::CONFLICT,
        CommandError::NotYours { .. } => StatusCode::FORBIDDEN,
    }
}

fn more(error: &CommandError) -> Map<String, Value> {
    let mut more = Map::new();
    more.insert("nextStep".to_owned(), error.next_step().into());
    if !error.rules().is_empty() {
        more.insert("rules".to_owned(), json!(error.rules()));
    }
    match error {
        CommandError::Illegal { state, legal, .. } => {
            more.insert("state".to_owned(), (*state).into());
            more.insert("legal".to_owned(), json!(legal));
        }
        CommandError::Import(cells) => {
            more.insert("cells".to_owned(), json!(cells));
        }
        _ => {}
    }
    more
}

/// What stands against a bundle. Shape: `{"findings": [{"place": "p.cedar:3",
/// "message": "…", "help": "…"}], "more": 0}`.
fn told(refusal: &Refusal) -> Map<String, Value> {
    let (told, rest) = refusal.told();
    let findings = told
        .into_iter()
        .map(|told| json!({ "place": told.place, "message": told.message, "help": told.help }));
    let mut more = Map::new();
    more.insert("findings".to_owned(), findings.collect());
    more.insert("more".to_owned(), rest.into());
    more
}
