//! The admin routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware;
use axum::routing::{MethodFilter, delete, get, on};

use super::bundle::BUNDLE_BODY_BYTES_MAX;
use super::commands::{COMMANDS, command};
use super::read::{self, Read, answer};
use super::{bundle, events, keys};
use crate::api::AppState;
use crate::api::body::BODY_BYTES_MAX;
use crate::api::health::{livez, readyz};
use crate::api::routes::{method_not_allowed, not_found};
use crate::api::watch::watched;

/// Every read of the directory, by path.
const FOLDED_READS: &[(&str, Read)] = &[
    ("/v1/partners/{partner}/customers", read::customers),
    ("/v1/partners/{partner}/invitations", read::invitations_of),
    ("/v1/customers/{customer}/partners", read::partners),
    ("/v1/customers/{customer}/invitations", read::invitations_to),
    ("/v1/customers/{customer}/users", read::users),
    ("/v1/customers/{customer}/deletedUsers", read::deleted_users),
    (
        "/v1/customers/{customer}/directoryRoles/{role}/members",
        read::role_members,
    ),
    (
        "/v1/customers/{customer}/effectiveRoles",
        read::effective_roles,
    ),
    ("/v1/roleAssignments", read::role_assignments),
    ("/v1/facts", read::facts),
];

const EVENTS: &str = "/v1/events";
const DIFF: &str = "/v1/revisions/{from}/diff/{to}";
const KEYS: &str = "/v1/keys";
const BUNDLE: &str = "/v1/bundle";

/// Paths of all reads, for documents and tests.
pub fn reads() -> impl Iterator<Item = &'static str> {
    let folded = FOLDED_READS.iter().map(|(path, _)| *path);
    folded.chain([EVENTS, DIFF, KEYS, BUNDLE])
}

/// The admin routes over a state that has a ledger.
///
/// Every response, errors included, is JSON and carries `X-Request-ID`.
pub fn admin_router(state: Arc<AppState>) -> Router {
    let take = bundle::take.layer(DefaultBodyLimit::max(BUNDLE_BODY_BYTES_MAX));
    let mut router = Router::new()
        .route(BUNDLE, get(bundle::in_use).post(take))
        .route(EVENTS, get(events::events))
        .route(DIFF, get(events::diff))
        .route(KEYS, get(keys::list).post(keys::create))
        .route("/v1/keys/{id}", delete(keys::revoke))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz));
    for (path, read) in FOLDED_READS {
        let read = *read;
        let handler = move |state, path, query, headers| answer(read, state, path, query, headers);
        router = router.route(path, get(handler));
    }
    for route in COMMANDS {
        let method = match route.method {
            "POST" => MethodFilter::POST,
            "PUT" => MethodFilter::PUT,
            "PATCH" => MethodFilter::PATCH,
            _ => MethodFilter::DELETE,
        };
        let route = *route;
        let handler =
            move |state, members, headers, body| command(route, state, members, headers, body);
        router = router.route(route.path, on(method, handler));
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), watched))
        .with_state(state)
}
