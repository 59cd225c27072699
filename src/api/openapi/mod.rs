//! `GET /openapi.json`: each listener's routes, as OpenAPI 3.1 describes them.
//!
//! Which routes there are comes from the tables that the router is made of; what
//! the commands take and return comes from the types that parse them; the rest is
//! written here, and tests hold every answer to it. Deliberately not here: what a
//! policy decides, and servers' addresses, which the reader knows.
//!
//! | | |
//! |---|---|
//! | `rows` | the routes of both listeners, in one form |
//! | `operation` | what is said about one route, and what all have in common |
//! | `decisions`, `reads`, `commands`, `bundle`, `common` | operations, by area |
//! | `samples` | values that examples are made of |
//! | `document` | the whole |

mod bundle;
mod commands;
mod common;
mod decisions;
mod document;
mod operation;
mod reads;
mod route;
mod rows;
mod samples;

pub use document::document;
pub(super) use route::{openapi_admin, openapi_decisions};
pub(super) use rows::{Row, admin_rows, decision_rows};
