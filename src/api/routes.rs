//! The routes, and what every one of them has in common.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::routing::{get, post};

use super::access_request::jwks;
use super::body::{BODY_BYTES_MAX, EVALUATIONS_BODY_BYTES_MAX};
use super::error::ApiError;
use super::front::Front;
use super::health::{livez, readyz};
use super::metadata::{metadata, metadata_of_path};
use super::metrics::metrics;
use super::openapi::openapi_decisions;
use super::search::{search_action, search_resource, search_subject};
use super::{AppState, Limits};
use crate::node::Role;

/// The two sockets that routes are at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Callers ask for decisions there.
    Decisions,
    /// Facts, keys and policies are administered there.
    Admin,
}

/// The share of the server that a route may use, so that a flood of one kind
/// leaves room for the others. Source: reliability, "The process".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool {
    /// Answered at once, whatever the load: health, metrics, documents.
    Free,
    /// Single decisions.
    Single,
    /// Many decisions in one request.
    Batch,
    /// Searches.
    Search,
    /// The admin routes.
    Admin,
}

/// What is fixed about a route: its callers, its share, its place in documents.
#[derive(Debug, Clone, Copy)]
pub struct RouteSpec {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// The path; what stands in braces is a parameter.
    pub path: &'static str,
    /// The role that a caller needs; none where anybody may ask.
    pub needs: Option<Role>,
    /// Whose share of the server it uses.
    pub pool: Pool,
    /// Bytes of a body, at most.
    pub body_bytes_max: usize,
    /// What it does, in a sentence.
    pub summary: &'static str,
}

pub(super) const fn spec(
    method: &'static str,
    path: &'static str,
    needs: Option<Role>,
    pool: Pool,
    summary: &'static str,
) -> RouteSpec {
    RouteSpec {
        method,
        path,
        needs,
        pool,
        body_bytes_max: BODY_BYTES_MAX,
        summary,
    }
}

/// Every route of the decision listener.
#[rustfmt::skip]
pub const DECISION_ROUTES: &[RouteSpec] = &[
    spec("POST", EVALUATION, Some(Role::Decide), Pool::Single, "Decides one question."),
    RouteSpec {
        body_bytes_max: EVALUATIONS_BODY_BYTES_MAX,
        ..spec("POST", EVALUATIONS, Some(Role::Decide), Pool::Batch, "Decides several questions on one state.")
    },
    spec("POST", "/access/v1/search/subject", Some(Role::Search), Pool::Search, "Finds who may do something on a resource."),
    spec("POST", "/access/v1/search/resource", Some(Role::Search), Pool::Search, "Finds on what a subject may do something."),
    spec("POST", "/access/v1/search/action", Some(Role::Search), Pool::Search, "Finds what a subject may do on a resource."),
    spec("GET", "/.well-known/authzen-configuration", None, Pool::Free, "Says where the decision routes are."),
    spec("GET", "/.well-known/authzen-configuration/{*path}", None, Pool::Free, "Says the same of a public URL with a path."),
    spec("GET", "/access/v1/jwks", None, Pool::Free, "Tells the key that binding tokens of access requests are checked with."),
    spec("GET", "/metrics", Some(Role::Metrics), Pool::Free, "Tells what is measured, in the text form of OpenMetrics."),
    spec("GET", "/openapi.json", None, Pool::Free, "Describes this listener's routes: OpenAPI 3.1."),
    spec("GET", "/livez", None, Pool::Free, "Says that the process runs."),
    spec("GET", "/readyz", None, Pool::Free, "Says whether it decides, and from what."),
];

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

/// Where metadata is published. Source: AuthZEN 1.0, "Obtaining Policy Decision
/// Point Metadata".
const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

/// Who answers a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handler {
    /// [`super::evaluation`], by a call.
    Evaluation,
    /// [`super::evaluations`], by a call.
    Evaluations,
    /// axum's router.
    Routed,
}

impl Handler {
    /// Of a decision route.
    fn of(spec: &RouteSpec) -> Self {
        match spec.path {
            EVALUATION => Self::Evaluation,
            EVALUATIONS => Self::Evaluations,
            _ => Self::Routed,
        }
    }
}

/// The decision routes over a state, as a router.
///
/// Every response, errors included, is JSON and carries `X-Request-ID`.
pub fn router(state: Arc<AppState>) -> Router {
    router_within(state, &Limits::default())
}

/// The decision routes over a state, within limits, as a router.
pub fn router_within(state: Arc<AppState>, limits: &Limits) -> Router {
    front_within(state, limits).into_router()
}

/// The decision routes over a state, within limits.
pub fn front_within(state: Arc<AppState>, limits: &Limits) -> Front {
    let router = Router::new()
        .route("/access/v1/search/subject", post(search_subject))
        .route("/access/v1/search/resource", post(search_resource))
        .route("/access/v1/search/action", post(search_action))
        .route(WELL_KNOWN, get(metadata))
        .route(&format!("{WELL_KNOWN}/{{*path}}"), get(metadata_of_path))
        .route("/access/v1/jwks", get(jwks))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi_decisions))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz));
    let table = DECISION_ROUTES
        .iter()
        .map(|spec| (*spec, Handler::of(spec)));
    finished(router, state, Listener::Decisions, table, limits)
}

/// A listener's front, over the router that answers what is not answered by a call.
/// Routes are complete before they come here.
pub(super) fn finished(
    router: Router<Arc<AppState>>,
    state: Arc<AppState>,
    listener: Listener,
    table: impl IntoIterator<Item = (RouteSpec, Handler)>,
    limits: &Limits,
) -> Front {
    // Bodies are bounded, by the table, where they are read.
    let router = router
        .layer(DefaultBodyLimit::disable())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(&state));
    Front::new(router, state, listener, table, limits)
}

pub(super) async fn not_found(uri: Uri) -> ApiError {
    ApiError::NotFound {
        path: uri.path().to_owned(),
    }
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::Method {
        path: uri.path().to_owned(),
        method: method.to_string(),
    }
}
