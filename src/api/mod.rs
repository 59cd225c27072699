//! HTTP: the decision routes of a running point.
//!
//! Shapes are those of the OpenID AuthZEN Authorization API 1.0 and of the
//! contract, section 2. A body is read once into borrowed strings, checked into
//! a question, and answered from one state of the point that does not change
//! under it. Deliberately not here: what is allowed, where facts come from, and
//! files other than the keys of an issuer of tokens; the clock is the point's.
//!
//! INVARIANT (closed): an answer says `"decision": true` only if the point's
//! decision allows; every failure, a panic included, is an error object.

mod access_request;
mod admin;
mod answer;
mod body;
mod caller;
mod decide;
mod decided;
mod error;
mod evaluation;
mod evaluations;
mod front;
mod given;
mod health;
mod ledger_problem;
mod listener;
mod members;
mod metadata;
mod metrics;
mod openapi;
mod otlp;
mod paths;
mod pool;
mod position;
mod reason;
mod request_id;
mod routes;
mod search;
mod stamp;
mod state;
mod tls;
mod trace;
mod typed;
mod watch;
mod wire;

pub use access_request::{AccessRequestError, AccessRequests, OFFER_SECONDS};
pub use admin::{
    BUNDLE_BODY_BYTES_MAX, COMMANDS, CommandRoute, admin_front_within, admin_router, admin_routes,
    reads,
};
pub use body::{BODY_BYTES_MAX, EVALUATIONS_BODY_BYTES_MAX};
pub use caller::*;
pub use front::Front;
pub use listener::*;
pub use metadata::{METADATA_CACHE_SECONDS, PublicUrl};
pub use metrics::{Asked, Hooked, Metrics, UnderWay};
pub use openapi::document;
pub use otlp::Spans;
pub use position::AT_LEAST_SECONDS_MAX;
pub use reason::reason;
pub use request_id::REQUEST_ID_BYTES_MAX;
pub use routes::{DECISION_ROUTES, Listener, Pool, RouteSpec, front_within, router, router_within};
pub use search::{
    PAGE_TOKEN_SECONDS, PINNED_PAST_POINTS_MAX, PINNED_POINTS_MAX, SEARCH_RESULTS_MAX, Sought,
};
pub use state::AppState;
pub use tls::{ClientCertificate, Tls, TlsError, TlsFiles};
pub use wire::{EVALUATIONS_ITEMS_MAX, EVALUATIONS_SHARED_BYTES_MAX};
