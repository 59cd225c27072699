//! What enforcement comes to, and how a refusal is answered.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::engine::Decision;

/// A decision that allows. It is put into the request, for the service within:
/// a policy may bind what it permits to a duty.
#[derive(Debug, Clone)]
pub struct Allowed {
    decision: std::sync::Arc<Decision>,
}

impl Allowed {
    /// The decision, if it allows.
    pub(super) fn of(decision: Decision) -> Result<Self, Denied> {
        match decision.allows() {
            true => Ok(Self {
                decision: std::sync::Arc::new(decision),
            }),
            false => Err(Denied {
                decision: Box::new(decision),
            }),
        }
    }

    /// The whole decision: determining policies, revision, bundle.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What the determining policies demand of whoever acts: their `@duty`.
    pub fn duties(&self) -> impl Iterator<Item = &str> {
        let determining = self.decision.determining.iter();
        determining.filter_map(|policy| policy.annotation("duty"))
    }
}

/// A decision that does not allow.
///
/// As a response: 403 without a word about policies, which are no business of the
/// caller's; [`Denied::decision`] is for the service's log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not allowed")]
pub struct Denied {
    decision: Box<Decision>,
}

impl Denied {
    /// The whole decision: policies that forbade or failed, or why the question
    /// could not be evaluated.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

/// A request that no question can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    /// Nobody is signed in. As a response: 401 with this challenge.
    #[error("sign in first")]
    Unauthenticated {
        /// The `WWW-Authenticate` of the answer: `Bearer`.
        challenge: &'static str,
    },
    /// The request lacks what the question needs. As a response: 400 with this text.
    #[error("{0}")]
    Invalid(&'static str),
    /// There is nothing that the request could be about. As a response: 404.
    #[error("there is nothing here")]
    NotFound,
    /// A fault of the service, which is told nothing but that. As a response: 500.
    #[error("the question could not be made: {0}")]
    Fault(String),
}

/// Shape: `{"error": {"status": 403, "code": "denied", "message": "…"}}`.
#[derive(Serialize)]
struct Body {
    error: Refusal,
}

#[derive(Serialize)]
struct Refusal {
    status: u16,
    code: &'static str,
    message: &'static str,
}

fn refusal(status: StatusCode, code: &'static str, message: &'static str) -> Response {
    let error = Refusal {
        status: status.as_u16(),
        code,
        message,
    };
    (status, Json(Body { error })).into_response()
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        refusal(StatusCode::FORBIDDEN, "denied", "you may not do this")
    }
}

impl IntoResponse for Unasked {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthenticated { challenge } => {
                let status = StatusCode::UNAUTHORIZED;
                let told = refusal(status, "unauthenticated", "sign in first");
                ([(header::WWW_AUTHENTICATE, challenge)], told).into_response()
            }
            Self::Invalid(message) => refusal(StatusCode::BAD_REQUEST, "invalid-request", message),
            Self::NotFound => refusal(StatusCode::NOT_FOUND, "not-found", "there is nothing here"),
            Self::Fault(detail) => {
                tracing::error!(detail, "a question could not be made");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                refusal(status, "fault", "this is a fault here, not in the request")
            }
        }
    }
}
