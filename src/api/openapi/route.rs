//! `GET /openapi.json` of either listener.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::document::document;
use crate::api::Listener;

static DECISIONS: LazyLock<String> = LazyLock::new(|| document(Listener::Decisions).to_string());
static ADMIN: LazyLock<String> = LazyLock::new(|| document(Listener::Admin).to_string());

/// The decision listener's document.
pub(in crate::api) async fn openapi_decisions() -> Response {
    json(&DECISIONS)
}

/// The admin listener's document.
pub(in crate::api) async fn openapi_admin() -> Response {
    json(&ADMIN)
}

fn json(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
