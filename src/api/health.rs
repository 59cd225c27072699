//! Whether the process lives, and whether it should be sent requests.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::AppState;

/// Shape: `{"status": "alive"}`.
#[derive(Serialize)]
struct Alive {
    status: &'static str,
}

/// Shape: `{"status": "ready", "revision": 0, "bundle": "<64 hexadecimal digits>"}`,
/// and `"warnings": ["…"]` if somebody should look although it decides.
#[derive(Serialize)]
struct Ready<'a> {
    status: &'static str,
    revision: u64,
    bundle: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// Shape: `{"status": "not ready", "reasons": ["shutting down"]}`.
#[derive(Serialize)]
struct NotReady {
    status: &'static str,
    reasons: Vec<&'static str>,
}

/// `GET /livez`: 200 for as long as anything is answered at all.
pub(super) async fn livez() -> Response {
    Json(Alive { status: "alive" }).into_response()
}

/// `GET /readyz`: 200 and what is being answered from, or 503 and why not.
pub(super) async fn readyz(State(state): State<Arc<AppState>>) -> Response {
    let reasons = state.unready();
    if !reasons.is_empty() {
        let status = "not ready";
        let body = Json(NotReady { status, reasons });
        return (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
    }
    let point = state.point().current();
    let snapshot = point.snapshot();
    let warning = state.point().warning();
    Json(Ready {
        status: "ready",
        revision: snapshot.revision().0,
        bundle: snapshot.bundle().hash().as_str(),
        warnings: warning.as_deref().map_or(&[], std::slice::from_ref),
    })
    .into_response()
}
