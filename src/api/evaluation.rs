//! `POST /access/v1/evaluation`: one question, one decision.

use std::sync::Arc;

use axum::response::Response;

use super::AppState;
use super::answer::{EvaluationAnswer, SAID, told};
use super::body::json_text;
use super::caller::CallerIdentity;
use super::decided::Deciding;
use super::error::ApiError;
use super::front::Sent;
use super::position::{Placed, Position};
use super::wire::EvaluationRequest;
use crate::engine::intake::Ask;

/// What came of an evaluation.
pub(super) enum Evaluated {
    Answered(Response),
    /// It is to be explained, which takes long: [`explained`] does it, for this caller.
    ToExplain(Arc<CallerIdentity>),
}

/// Answers one evaluation from the current state.
///
/// # Errors
/// [`ApiError`] if the request is not one, asks for a revision that is not here, or
/// is about none of the caller's tenants. A question that is merely about unknown
/// things is decided: deny.
pub(super) async fn evaluation(
    state: &Arc<AppState>,
    sent: Sent<'_>,
) -> Result<Evaluated, ApiError> {
    let (request, position) = read(&sent)?;
    // The past is answered where there is time already.
    if request.explain && !position.is_past() {
        return Ok(Evaluated::ToExplain(sent.caller));
    }
    let answered = answer(state, sent, request, &position).await;
    answered.map(Evaluated::Answered)
}

/// The same where there is time to explain.
///
/// # Errors
/// As [`evaluation`].
pub(super) async fn explained(state: &Arc<AppState>, sent: Sent<'_>) -> Result<Response, ApiError> {
    let (request, position) = read(&sent)?;
    answer(state, sent, request, &position).await
}

fn read<'r>(sent: &Sent<'r>) -> Result<(EvaluationRequest<'r>, Position), ApiError> {
    let text = json_text(sent.headers, sent.body)?;
    let request = EvaluationRequest::parse(text)?;
    Ok((request, Position::read(sent.headers)?))
}

async fn answer(
    state: &Arc<AppState>,
    sent: Sent<'_>,
    EvaluationRequest { ask, explain }: EvaluationRequest<'_>,
    position: &Position,
) -> Result<Response, ApiError> {
    let placed = position.place(state, sent.caller).await?;
    let mut deciding = Deciding::of(&placed, sent.id);
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
    // Whoever is denied may ask for more, where somebody takes requests.
    let asked = placed.state.access_requests().map(|_| ask.clone());
    let offer = |allows: bool| asked.filter(|_| !allows).and_then(|ask| placed.offer(&ask));
    if explain || deciding.is_recording() {
        let (answer, explanation) = placed.decide(deciding, None, ask, explain);
        let offer = offer(answer.decision.allows());
        let answer = match explain {
            true => EvaluationAnswer::explained(&answer, explanation.as_ref()),
            false => EvaluationAnswer::plain(&answer.decision),
        };
        return told(placed, &answer.offering(offer.as_ref()));
    }
    let decided = placed.decide_alone(ask);
    let offer = offer(decided.allows());
    let snapshot = placed.point.snapshot();
    match decided.may_say_more(snapshot, &SAID) {
        false => {
            let answer = EvaluationAnswer::bare(decided.allows());
            told(placed, &answer.offering(offer.as_ref()))
        }
        true => {
            let answer = decided.answer(snapshot);
            let answer = EvaluationAnswer::plain(&answer.decision);
            told(placed, &answer.offering(offer.as_ref()))
        }
    }
}
