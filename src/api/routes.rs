//! The routes, and what every one of them has in common.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::routing::{get, post};
use axum::{handler::Handler, middleware};

use super::AppState;
use super::body::BODY_BYTES_MAX;
use super::error::ApiError;
use super::evaluation::evaluation;
use super::health::{livez, readyz};
use super::watch::watched;

/// The decision routes over a state.
///
/// Every response, errors included, is JSON and carries `X-Request-ID`.
pub fn router(state: Arc<AppState>) -> Router {
    let one = evaluation.layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    Router::new()
        .route("/access/v1/evaluation", post(one))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), watched))
        .with_state(state)
}

pub(super) async fn not_found(uri: Uri) -> ApiError {
    ApiError::NotFound {
        path: uri.path().to_owned(),
    }
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::Method {
        path: uri.path().to_owned(),
        method: method.to_string(),
    }
}
