//! From a method and a path to the row of a table.
//!
//! A path without parameters is found by one look-up; one with parameters by
//! `matchit`, as axum finds it. Each row brings with it what is known of a route
//! beforehand, so that nothing is looked up again while it is answered.

use std::collections::HashMap;
use std::fmt;

use axum::http::{HeaderValue, Method};
use foldhash::fast::RandomState;

use super::metrics::{Counted, Metrics};
use super::routes::{Handler, RouteSpec};

/// A row, and who answers its requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) spec: RouteSpec,
    pub(super) handler: Handler,
    pub(super) counted: Counted,
}

/// The rows of one path, by method.
#[derive(Debug)]
pub(super) struct Methods {
    rows: Vec<Row>,
    /// The value of `Allow`. Shape: `GET,HEAD,POST`.
    pub(super) allow: HeaderValue,
}

/// What there is at a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'p> {
    /// A route.
    Row(&'p Row),
    /// Routes of other methods.
    Others(&'p Methods),
    /// Nothing.
    Nothing,
}

/// The paths of one listener.
#[derive(Default)]
pub(super) struct Paths {
    fixed: HashMap<&'static str, Methods, RandomState>,
    patterns: matchit::Router<Methods>,
}

impl Paths {
    /// The paths of a table.
    pub(super) fn new(
        table: impl IntoIterator<Item = (RouteSpec, Handler)>,
        metrics: &Metrics,
    ) -> Self {
        let mut by_path: HashMap<&'static str, Vec<Row>, RandomState> = HashMap::default();
        for (spec, handler) in table {
            let counted = metrics.counted_at(spec.method, spec.path);
            by_path.entry(spec.path).or_default().push(Row {
                spec,
                handler,
                counted,
            });
        }
        let mut paths = Self::default();
        for (path, rows) in by_path {
            let methods = Methods::of(rows);
            if !path.contains('{') {
                paths.fixed.insert(path, methods);
            } else if let Err(error) = paths.patterns.insert(path, methods) {
                // axum's router says no to it as well, and the path is not there.
                tracing::error!(path, %error, "a route is not there");
            }
        }
        paths
    }

    /// What there is at a path for a method; HEAD is GET without the body.
    pub(super) fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let fixed = self.fixed.get(path);
        let methods = fixed.or_else(|| Some(self.patterns.at(path).ok()?.value));
        let Some(methods) = methods else {
            return Found::Nothing;
        };
        let asked = match *method {
            Method::HEAD => "GET",
            ref method => method.as_str(),
        };
        let row = methods.rows.iter().find(|row| row.spec.method == asked);
        row.map_or(Found::Others(methods), Found::Row)
    }
}

impl Methods {
    fn of(rows: Vec<Row>) -> Self {
        let told = rows.iter().map(|row| match row.spec.method {
            "GET" => "GET,HEAD",
            method => method,
        });
        let allow = told.collect::<Vec<_>>().join(",");
        // Names of methods are always a header's value.
        let allow = HeaderValue::from_str(&allow).unwrap_or_else(|_| HeaderValue::from_static(""));
        Self { rows, allow }
    }

    /// The path's template.
    pub(super) fn path(&self) -> Option<&'static str> {
        Some(self.rows.first()?.spec.path)
    }
}

impl Found<'_> {
    /// The template of the path, and where requests for it are counted.
    pub(super) fn counted(&self) -> (Option<&'static str>, Counted) {
        match self {
            Self::Row(row) => (Some(row.spec.path), row.counted),
            Self::Others(methods) => (methods.path(), Counted::OTHER),
            Self::Nothing => (None, Counted::OTHER),
        }
    }
}

impl fmt::Debug for Paths {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fixed = self.fixed.keys();
        to.debug_struct("Paths")
            .field("fixed", &fixed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::api::{DECISION_ROUTES, admin_routes};

    fn paths(table: impl Iterator<Item = RouteSpec>) -> Paths {
        let metrics = Metrics::new(Timestamp::UNIX_EPOCH);
        Paths::new(table.map(|spec| (spec, Handler::Routed)), &metrics)
    }

    /// The template that is found, or the methods that there are.
    #[track_caller]
    fn check(paths: &Paths, method: Method, path: &str, expected: Option<&str>) {
        let found = match paths.find(&method, path) {
            Found::Row(row) => Some(row.spec.path),
            Found::Others(methods) => Some(methods.allow.to_str().unwrap()),
            Found::Nothing => None,
        };
        assert_eq!(found, expected, "{method} {path}");
    }

    #[test]
    fn a_path_is_found_to_the_letter() {
        let paths = &paths(DECISION_ROUTES.iter().copied());
        let evaluation = "/access/v1/evaluation";
        check(paths, Method::POST, evaluation, Some(evaluation));
        check(paths, Method::GET, evaluation, Some("POST"));
        check(paths, Method::HEAD, "/livez", Some("/livez"));
        check(paths, Method::POST, "/livez", Some("GET,HEAD"));
        for other in ["", "/", "/access/v1/evaluation/", "/Access/v1/evaluation"] {
            check(paths, Method::POST, other, None);
        }
    }

    #[test]
    fn a_path_with_parameters_is_found_as_axum_finds_it() {
        let paths = &paths(admin_routes());
        check(paths, Method::DELETE, "/v1/keys/7", Some("/v1/keys/{id}"));
        check(paths, Method::GET, "/v1/keys/7", Some("DELETE"));
        check(paths, Method::DELETE, "/v1/keys/", None);
        check(paths, Method::GET, "/v1/keys", Some("/v1/keys"));
        check(paths, Method::PUT, "/v1/bundle", Some("GET,HEAD,POST"));
    }
}
