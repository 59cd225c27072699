//! `POST /access/v1/evaluation`: one question, one decision.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::answer::EvaluationAnswer;
use super::body::{BODY_BYTES_MAX, json_text};
use super::caller::Asking;
use super::decided::Deciding;
use super::error::ApiError;
use super::position::{Placed, Position};
use super::wire::EvaluationRequest;
use crate::engine::intake::Ask;

/// Answers one evaluation from the current state.
///
/// # Errors
/// [`ApiError`] if the request is not one, asks for a revision that is not here, or
/// is about none of the caller's tenants. A question that is merely about unknown
/// things is decided: deny.
pub(super) async fn evaluation(
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let text = json_text(&headers, &body, BODY_BYTES_MAX)?;
    let EvaluationRequest { ask, explain } = EvaluationRequest::parse(text)?;
    let placed = Position::read(&headers)?.place(&state, caller).await?;
    let mut deciding = Deciding::of(&placed, &headers);
    let answer = answer_one(&placed, &mut deciding, ask, explain)?;
    deciding.recorded().await?;
    Ok(answer)
}

/// Decides one question and tells the answer.
///
/// # Errors
/// [`ApiError::Forbidden`] if the caller may not ask it.
pub(super) fn answer_one(
    placed: &Placed,
    deciding: &mut Deciding<'_>,
    ask: Ask<'_>,
    explain: bool,
) -> Result<Response, ApiError> {
    placed.permits(&ask)?;
    let asked = placed.state.access_requests().map(|_| ask.clone());
    let (answer, explanation) = placed.decide(deciding, None, ask, explain);
    let offer = asked.and_then(|ask| placed.offer(&ask, &answer));
    let told = match explain {
        true => EvaluationAnswer::explained(&answer, explanation.as_ref()),
        false => EvaluationAnswer::plain(&answer.decision),
    };
    Ok((placed.stamp(), Json(told.offering(offer.as_ref()))).into_response())
}
