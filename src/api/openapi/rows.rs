//! The routes of both listeners in one form, from the tables that make them.

use crate::api::admin::{COMMANDS, reads};
use crate::api::routes::{DECISION_ROUTES, Pool};
use crate::node::Role;

/// What both listeners have.
const BOTH: [&str; 4] = ["/livez", "/readyz", "/metrics", "/openapi.json"];

/// A route.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct Row {
    /// As `RouteSpec` has it.
    pub(in crate::api) method: &'static str,
    /// The template of the path.
    pub(in crate::api) path: &'static str,
    /// What it does, in a sentence; empty where the operation says it.
    pub(in crate::api) summary: &'static str,
    /// The role that a caller needs; none where anybody may ask.
    pub(in crate::api) needs: Option<Role>,
    /// Whose share of the server it uses.
    pub(in crate::api) pool: Pool,
    /// The command that it gives; empty where the body names it.
    pub(in crate::api) command: Option<&'static str>,
}

/// The routes of the decision listener.
pub(in crate::api) fn decision_rows() -> impl Iterator<Item = Row> {
    DECISION_ROUTES.iter().map(|spec| Row {
        method: spec.method,
        path: spec.path,
        summary: spec.summary,
        needs: spec.needs,
        pool: spec.pool,
        command: None,
    })
}

/// The routes of the admin listener.
pub(in crate::api) fn admin_rows() -> impl Iterator<Item = Row> {
    let commands = COMMANDS.iter().map(|route| Row {
        command: Some(route.command),
        summary: route.summary,
        ..row(
            route.method,
            route.path,
            Some(Role::AdminWrite),
            Pool::Admin,
        )
    });
    let read = |path| row("GET", path, Some(Role::AdminRead), Pool::Admin);
    let reads = reads().map(read);
    let keys = [
        row("POST", "/v1/keys", Some(Role::Operator), Pool::Admin),
        row("DELETE", "/v1/keys/{id}", Some(Role::Operator), Pool::Admin),
    ];
    let both = decision_rows().filter(|row| BOTH.contains(&row.path));
    commands.chain(reads).chain(keys).chain(both)
}

fn row(method: &'static str, path: &'static str, needs: Option<Role>, pool: Pool) -> Row {
    Row {
        method,
        path,
        summary: "",
        needs,
        pool,
        command: None,
    }
}
