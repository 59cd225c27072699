//! HTTP: the decision routes of a running point.
//!
//! Shapes are those of the OpenID AuthZEN Authorization API 1.0 and of the
//! contract, section 2. A body is read once into borrowed strings, checked into
//! a question, and answered from one state of the point that does not change
//! under it. Deliberately not here: what is allowed, where facts come from, and
//! files; the clock is the point's.
//!
//! INVARIANT (closed): an answer says `"decision": true` only if the point's
//! decision allows; every failure, a panic included, is an error object.

mod admin;
mod answer;
mod body;
mod decided;
mod error;
mod evaluation;
mod health;
mod ledger_problem;
mod listener;
mod position;
mod reason;
mod request_id;
mod routes;
mod state;
mod watch;
mod wire;

pub use admin::{COMMANDS, CommandRoute, admin_router, reads};
pub use body::BODY_BYTES_MAX;
pub use listener::{DRAIN_SECONDS_MAX, serve};
pub use position::AT_LEAST_SECONDS_MAX;
pub use reason::reason;
pub use request_id::REQUEST_ID_BYTES_MAX;
pub use routes::{DECISION_ROUTES, Pool, RouteSpec, router};
pub use state::AppState;
