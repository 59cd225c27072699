//! The routes of both listeners in one form, from the tables that make them.

use crate::api::admin::{COMMANDS, CommandRoute, admin_routes};
use crate::api::routes::{DECISION_ROUTES, Pool, RouteSpec};
use crate::node::Role;

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
    DECISION_ROUTES.iter().map(row)
}

/// The routes of the admin listener.
pub(in crate::api) fn admin_rows() -> impl Iterator<Item = Row> {
    admin_routes().map(|spec| {
        let same = |route: &&CommandRoute| (route.method, route.path) == (spec.method, spec.path);
        let command = COMMANDS.iter().find(same);
        Row {
            command: command.map(|route| route.command),
            ..row(&spec)
        }
    })
}

fn row(spec: &RouteSpec) -> Row {
    Row {
        method: spec.method,
        path: spec.path,
        summary: spec.summary,
        needs: spec.needs,
        pool: spec.pool,
        command: None,
    }
}
