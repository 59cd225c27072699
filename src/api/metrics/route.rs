//! `GET /metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::page::{MEDIA_TYPE, page};
use crate::api::AppState;
use crate::api::error::ApiError;

/// Everything that is measured, as text.
///
/// # Errors
/// None that is known.
pub(in crate::api) async fn metrics(
    State(state): State<Arc<AppState>>,
) -> Result<Response, ApiError> {
    let page = page(state).map_err(|error| ApiError::Internal {
        detail: error.to_string(),
    })?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], page).into_response())
}
