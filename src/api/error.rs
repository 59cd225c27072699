//! What is answered instead of a decision.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::ledger_problem::LedgerProblem;
use super::search::PageProblem;
use super::wire::{EVALUATIONS_ITEMS_MAX, EVALUATIONS_SHARED_BYTES_MAX};

use crate::engine::{InputError, Revision};

/// A request that is not answered with a decision.
///
/// Its text is for the caller; [`ApiError::detail`] is for the log and never
/// leaves it.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ApiError {
    /// Not declared as JSON.
    #[error("the Content-Type must be `application/json`, {got}")]
    ContentType {
        /// `and is missing`, or what it is.
        got: String,
    },
    /// Nothing in the body.
    #[error("the body is empty; send a JSON object")]
    EmptyBody,
    /// More than the route takes.
    #[error("the body is larger than {bytes_max} bytes, the most that is taken here")]
    BodyTooLarge {
        /// Bytes that are taken.
        bytes_max: usize,
    },
    /// The body ended before its end.
    #[error("the body did not arrive whole; send the request again")]
    BodyBroken {
        /// What the connection said.
        detail: String,
    },
    /// The body took too long to arrive.
    #[error("the body did not arrive within {seconds_max} s; send it without pauses")]
    BodyLate {
        /// Seconds that it may take.
        seconds_max: u64,
    },
    /// No room for another request of this kind.
    #[error("too many {what} are under way here; try again in 1 s")]
    Overloaded {
        /// Which, in the plural.
        what: &'static str,
    },
    /// The answer took too long to make.
    #[error("the request was not answered within {seconds_max} s; ask for less, or try again")]
    TooSlow {
        /// Seconds that it may take.
        seconds_max: u64,
    },
    /// Bytes that are no text.
    #[error("the body is not UTF-8: byte {at} (from 0) belongs to no character")]
    NotUtf8 {
        /// Offset in bytes of the first that does not fit.
        at: usize,
    },
    /// Not JSON as we take it.
    #[error("the body is not valid JSON: {0}")]
    Json(InputError),
    /// A member that is missing or of the wrong type.
    #[error("{0}")]
    Member(String),
    /// More evaluations than one request may hold.
    #[error(
        "`evaluations` holds {count} items, and {EVALUATIONS_ITEMS_MAX} are the most; send them in several requests"
    )]
    TooManyItems {
        /// As sent.
        count: usize,
    },
    /// Evaluations that take too much from the top level.
    #[error(
        "the items take more than {EVALUATIONS_SHARED_BYTES_MAX} bytes from the top level, each item's share counted; send fewer items, or less at the top level"
    )]
    TooMuchShared,
    /// A page of a search that cannot be continued.
    #[error("{0}")]
    Page(PageProblem),
    /// A request header that does not parse.
    #[error("the header `{name}` {message}")]
    Header {
        /// Its name.
        name: &'static str,
        /// What it must be.
        message: String,
    },
    /// A past state was asked for, and none is kept.
    #[error("{0}")]
    AsOf(&'static str),
    /// A revision was asked for that is not here.
    #[error("revision {wanted} is not applied here, this is {current}; ask again later")]
    NotReached {
        /// What was asked for.
        wanted: u64,
        /// What there is.
        current: Revision,
    },
    /// No such path.
    #[error(
        "there is no `{path}` here; decisions are asked at `POST /access/v1/evaluation`, and commands given to the admin listener"
    )]
    NotFound {
        /// As asked.
        path: String,
    },
    /// The path does not take this method.
    #[error("`{path}` does not take {method}; the header `Allow` says what it takes")]
    Method {
        /// As asked.
        path: String,
        /// As asked.
        method: String,
    },
    /// No credential where one is needed, or none that is good.
    #[error(
        "show an API key that is in use, or a token that is valid: `Authorization: Bearer …`, once; \
         `aobo keys create` makes a key"
    )]
    Unauthorized,
    /// A caller that is known and may not.
    #[error("{0}")]
    Forbidden(String),
    /// There is no log behind this server.
    #[error("this server has no log; start it with --data")]
    NoLog,
    /// A write, or a look into the past, that did not come about.
    #[error("{}", .0.message)]
    Ledger(Box<LedgerProblem>),
    /// The decision log did not take the row without which no decision is given.
    #[error("the decision is withheld, because it could not be recorded; ask again later")]
    NotRecorded,
    /// A mistake of ours.
    #[error("the request could not be answered; this is a fault here, not in the request")]
    Internal {
        /// What happened.
        detail: String,
    },
}

impl ApiError {
    /// The status of the response.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::ContentType { .. }
            | Self::EmptyBody
            | Self::BodyBroken { .. }
            | Self::NotUtf8 { .. }
            | Self::Json(_)
            | Self::Member(_)
            | Self::TooManyItems { .. }
            | Self::TooMuchShared
            | Self::Page(_)
            | Self::Header { .. }
            | Self::AsOf(_) => StatusCode::BAD_REQUEST,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyLate { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::NotReached { .. }
            | Self::NotRecorded
            | Self::Overloaded { .. }
            | Self::TooSlow { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NoLog => StatusCode::BAD_REQUEST,
            Self::Ledger(problem) => problem.status,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A word that a client can act on; it does not change between releases.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::ContentType { .. } => "content-type",
            Self::EmptyBody => "empty-body",
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::BodyBroken { .. } => "body-incomplete",
            Self::BodyLate { .. } => "body-late",
            Self::Overloaded { .. } => "overloaded",
            Self::TooSlow { .. } => "too-slow",
            Self::NotUtf8 { .. } => "not-utf-8",
            Self::Json(_) => "invalid-json",
            Self::Member(_) => "invalid-request",
            Self::TooManyItems { .. } => "too-many-evaluations",
            Self::TooMuchShared => "too-much-shared",
            Self::Page(problem) => problem.code(),
            Self::Header { .. } => "invalid-header",
            Self::AsOf(_) => "as-of-unavailable",
            Self::NotReached { .. } => "revision-not-reached",
            Self::NotFound { .. } => "not-found",
            Self::Method { .. } => "method-not-allowed",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::NoLog => "no-log",
            Self::NotRecorded => "decision-not-recorded",
            Self::Ledger(problem) => problem.code,
            Self::Internal { .. } => "internal-error",
        }
    }

    /// What the caller is not told.
    pub(super) fn detail(&self) -> Option<&str> {
        match self {
            Self::BodyBroken { detail } | Self::Internal { detail } => Some(detail),
            _ => None,
        }
    }
}

/// Shape: `{"error": {"status": 400, "code": "invalid-request", "message": "…"}}`.
/// Source: AuthZEN 1.0, "Error Responses"; contract, section 2 (a JSON object with
/// a message); the other members are our choice.
#[derive(Serialize)]
struct ErrorBody {
    error: ErrorObject,
}

#[derive(Serialize)]
struct ErrorObject {
    status: u16,
    code: &'static str,
    message: String,
    /// What to do next, what is legal, which rule says so.
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::Member(format!("the path: {}", rejection.body_text()))
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::Member(format!("the query: {}", rejection.body_text()))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let error = ErrorObject {
            status: status.as_u16(),
            code: self.code(),
            message: self.to_string(),
            more: match &self {
                Self::Ledger(problem) => problem.more.clone(),
                _ => Map::new(),
            },
        };
        let mut response = (status, Json(ErrorBody { error })).into_response();
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
        }
        if matches!(self, Self::Unauthorized) {
            let headers = response.headers_mut();
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(CHALLENGE),
            );
        }
        // For the log line, which is written where the request id is known.
        response.extensions_mut().insert(self);
        response
    }
}

/// How to show who one is, and to whom. Source: RFC 6750, section 3; RFC 9110, 11.5.
const CHALLENGE: &str = "Bearer realm=\"aobo\"";

/// Seconds after which a caller may ask again.
const RETRY_SECONDS: u64 = 1;
