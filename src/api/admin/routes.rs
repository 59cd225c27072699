//! The admin routes.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodFilter, delete, get, on};

use super::bundle::BUNDLE_BODY_BYTES_MAX;
use super::commands::{COMMANDS, command};
use super::read::{self, Asks, Read, answer};
use super::{bundle, events, keys};
use crate::api::front::Front;
use crate::api::health::{livez, readyz};
use crate::api::metrics::metrics;
use crate::api::openapi::openapi_admin;
use crate::api::routes::{Handler, Listener, Pool, RouteSpec, finished, spec};
use crate::api::{AppState, Limits};
use crate::node::Role;

/// Every read of the directory, by path, and what a principal is asked.
#[rustfmt::skip]
const FOLDED_READS: &[(&str, Read, Asks, &str)] = &[
    ("/v1/partners/{partner}/customers", read::customers, Asks::Partner, "A partner's customers."),
    ("/v1/partners/{partner}/invitations", read::invitations_of, Asks::Partner, "Invitations of a partner that wait for an answer."),
    ("/v1/customers/{customer}/partners", read::partners, Asks::Customer("ViewPartnerRelationships"), "A customer's partners, as its Global Administrator sees them."),
    ("/v1/customers/{customer}/invitations", read::invitations_to, Asks::Customer("ViewPartnerRelationships"), "Invitations to a customer that wait for an answer."),
    ("/v1/customers/{customer}/users", read::users, Asks::Customer("ListUsers"), "Users of a customer; `licensed=false` for those without a licence."),
    ("/v1/customers/{customer}/deletedUsers", read::deleted_users, Asks::Customer("ListDeletedUsers"), "Deleted users, with the days that are left to restore them."),
    ("/v1/customers/{customer}/directoryRoles/{role}/members", read::role_members, Asks::Customer("ListRoleMembers"), "Members of a directory role, without implicit ones."),
    ("/v1/customers/{customer}/effectiveRoles", read::effective_roles, Asks::Customer("ReadDirectory"), "Directory roles that somebody holds at a customer, and how."),
    ("/v1/roleAssignments", read::role_assignments, Asks::Scope, "Role assignments that reach a scope."),
    ("/v1/facts", read::facts, Asks::Nobody, "Every fact, as world files have it."),
];

const EVENTS: &str = "/v1/events";
const DIFF: &str = "/v1/revisions/{from}/diff/{to}";
const BUNDLE: &str = "/v1/bundle";
const KEYS: &str = "/v1/keys";
const KEY: &str = "/v1/keys/{id}";
const METRICS: &str = "/metrics";
const OPENAPI: &str = "/openapi.json";
const LIVEZ: &str = "/livez";
const READYZ: &str = "/readyz";

/// The rows of the routes that no other table tells.
#[rustfmt::skip]
const OTHERS: &[RouteSpec] = &[
    spec("GET", EVENTS, Some(Role::AdminRead), Pool::Admin, "Events in order, or those about a thing."),
    spec("GET", DIFF, Some(Role::AdminRead), Pool::Admin, "The facts that differ between two revisions."),
    spec("GET", BUNDLE, Some(Role::AdminRead), Pool::Admin, "The policies and the schema in use."),
    RouteSpec {
        body_bytes_max: BUNDLE_BODY_BYTES_MAX,
        ..spec("POST", BUNDLE, Some(Role::Operator), Pool::Admin, "Takes other policies into use, or says why not.")
    },
    spec("GET", KEYS, Some(Role::AdminRead), Pool::Admin, "API keys, without their hashes."),
    spec("POST", KEYS, Some(Role::Operator), Pool::Admin, "Makes an API key, and shows it this once."),
    spec("DELETE", KEY, Some(Role::Operator), Pool::Admin, "Takes an API key out of use."),
    spec("GET", METRICS, Some(Role::Metrics), Pool::Free, "Tells what is measured, in the text form of OpenMetrics."),
    spec("GET", OPENAPI, None, Pool::Free, "Describes this listener's routes: OpenAPI 3.1."),
    spec("GET", LIVEZ, None, Pool::Free, "Says that the process runs."),
    spec("GET", READYZ, None, Pool::Free, "Says whether it decides, and from what."),
];

/// Every route of the admin listener.
pub fn admin_routes() -> impl Iterator<Item = RouteSpec> {
    let reads = FOLDED_READS.iter().map(|(path, _, _, summary)| {
        spec("GET", path, Some(Role::AdminRead), Pool::Admin, summary)
    });
    let writes = COMMANDS.iter().map(|route| {
        let needs = Some(Role::AdminWrite);
        spec(route.method, route.path, needs, Pool::Admin, route.summary)
    });
    reads.chain(writes).chain(OTHERS.iter().copied())
}

/// Paths of all reads, for documents and tests.
pub fn reads() -> impl Iterator<Item = &'static str> {
    let reads = admin_routes().filter(|route| route.needs == Some(Role::AdminRead));
    reads.map(|route| route.path)
}

/// The admin routes over a state that has a ledger, as a router.
///
/// Every response, errors included, is JSON and carries `X-Request-ID`.
pub fn admin_router(state: Arc<AppState>) -> Router {
    admin_front_within(state, &Limits::default()).into_router()
}

/// The admin routes over a state that has a ledger, within limits.
pub fn admin_front_within(state: Arc<AppState>, limits: &Limits) -> Front {
    let mut router = Router::new()
        .route(BUNDLE, get(bundle::in_use).post(bundle::take))
        .route(EVENTS, get(events::events))
        .route(DIFF, get(events::diff))
        .route(KEYS, get(keys::list).post(keys::create))
        .route(KEY, delete(keys::revoke))
        .route(METRICS, get(metrics))
        .route(OPENAPI, get(openapi_admin))
        .route(LIVEZ, get(livez))
        .route(READYZ, get(readyz));
    for (path, read, asks, _) in FOLDED_READS {
        let row = (*read, *asks);
        let handler = move |state, caller, path, query, headers| {
            answer(row, state, caller, (path, query), headers)
        };
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
        let handler = move |state, caller, members, headers, body| {
            command(route, state, caller, members, headers, body)
        };
        router = router.route(route.path, on(method, handler));
    }
    let table = admin_routes().map(|spec| (spec, Handler::Routed));
    finished(router, state, Listener::Admin, table, limits)
}
