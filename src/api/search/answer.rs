//! Results as they stand on the wire.

use serde::Serialize;

use crate::api::answer::ErrorContext;

/// The answer to a search. Source: AuthZEN 1.0, "The Search API Response".
///
/// Shape: `{"page": {"next_token": "…", "count": 2, "total": 3}, "results": [{"type":
/// "Customer", "id": "contoso"}, …]}`; `page` comes if the request had one, or if
/// there is more.
#[derive(Debug, Serialize)]
pub(super) struct SearchAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<PageAnswer>,
    #[serde(skip_serializing_if = "SearchContext::is_empty")]
    pub(super) context: SearchContext,
    pub(super) results: Vec<FoundItem<'a>>,
}

/// Source: AuthZEN 1.0, "Paginated Responses".
#[derive(Debug, Serialize)]
pub(super) struct PageAnswer {
    /// Where the next page begins; empty after the last one.
    pub(super) next_token: String,
    /// Results of this page.
    pub(super) count: u64,
    /// Results of all pages.
    pub(super) total: u64,
}

/// What goes with results.
#[derive(Debug, Default, Serialize)]
pub(super) struct SearchContext {
    /// Why the question could not be evaluated, whatever was put in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ErrorContext>,
    /// What of the question did not count, if the caller asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ignored: Vec<String>,
}

impl SearchContext {
    fn is_empty(&self) -> bool {
        let Self { error, ignored } = self;
        error.is_none() && ignored.is_empty()
    }
}

/// A result: exactly what names it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum FoundItem<'a> {
    /// Shape: `{"type": "Customer", "id": "contoso"}`.
    Entity {
        #[serde(rename = "type")]
        ty: &'a str,
        id: &'a str,
    },
    /// Shape: `{"name": "CreateUser"}`.
    Action { name: &'a str },
}
