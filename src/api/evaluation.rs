//! `POST /access/v1/evaluation`: one question, one decision.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::answer::EvaluationAnswer;
use super::body::{BODY_BYTES_MAX, json_text};
use super::decided::Deciding;
use super::error::ApiError;
use super::position::{Placed, Position, REVISION};
use super::wire::EvaluationRequest;

/// Answers one evaluation from the current state.
///
/// # Errors
/// [`ApiError`] if the request is not one, or asks for a revision that is not
/// here. A question that is merely about unknown things is decided: deny.
pub(super) async fn evaluation(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let text = json_text(&headers, &body, BODY_BYTES_MAX)?;
    let EvaluationRequest { ask, explain } = EvaluationRequest::parse(text)?;
    let Placed { point, now } = Position::read(&headers)?.place(&state).await?;
    let mut deciding = Deciding::of(&state, &headers, None);
    let asked = deciding.begin(&ask);
    let (answer, explanation) = match explain {
        true => point.explain(ask, now),
        false => (point.decide(ask, now), None),
    };
    deciding.end(asked, None, (&point, &answer), now);
    deciding.recorded().await?;
    let revision = HeaderValue::from(answer.decision.revision.0);
    let answer = match explain {
        true => EvaluationAnswer::explained(&answer, explanation.as_ref()),
        false => EvaluationAnswer::plain(&answer.decision),
    };
    Ok(([(REVISION, revision)], Json(answer)).into_response())
}
