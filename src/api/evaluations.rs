//! `POST /access/v1/evaluations`: many questions, one state, one answer each.
//!
//! INVARIANT (one state): every item is decided by the same facts and policies
//! and at the same time.

use std::sync::Arc;

use axum::response::Response;

use super::AppState;
use super::answer::{EvaluationAnswer, Told, told_all};
use super::body::json_text;
use super::decided::Deciding;
use super::error::ApiError;
use super::evaluation::answer_one;
use super::front::Sent;
use super::position::{Placed, Position};
use super::wire::{Asked, EvaluationsRequest, Semantic};
use crate::engine::explain::Explanation;
use crate::engine::intake::Ask;
use crate::node::Answer;

/// Answers several evaluations, or one, from the current state.
///
/// # Errors
/// [`ApiError`] if the request is not one, or asks for a revision that is not
/// here. What is wrong with one item is that item's answer: deny.
pub(super) async fn evaluations(
    state: &Arc<AppState>,
    sent: Sent<'_>,
) -> Result<Response, ApiError> {
    let text = json_text(sent.headers, sent.body)?;
    let request = EvaluationsRequest::parse(text)?;
    let position = Position::read(sent.headers)?;
    let placed = position.place(state, sent.caller).await?;
    let mut deciding = Deciding::of(&placed, sent.id);
    let answer = match request.asked {
        Asked::One(ask) => answer_one(&placed, &mut deciding, *ask, request.explain)?,
        Asked::Many(items) => {
            state.metrics().batched(items.len());
            let deciding = &mut deciding;
            let items = decide(&placed, deciding, items, request.semantic, request.explain);
            told_all(&placed, items.iter().map(Item::told))?
        }
    };
    deciding.recorded().await?;
    Ok(answer)
}

/// An item, answered.
enum Item {
    /// It was no question.
    Invalid(ApiError),
    /// There is nothing to say but the effect.
    Bare(bool),
    /// It could not be evaluated, or policies failed.
    Failed(Box<Answer>),
    /// The caller asked why.
    Explained(Box<(Answer, Option<Explanation>)>),
}

impl Item {
    fn of(answer: Answer) -> Self {
        match answer.decision.is_sound() {
            true => Self::Bare(answer.decision.allows()),
            false => Self::Failed(Box::new(answer)),
        }
    }

    fn allows(&self) -> bool {
        match self {
            Self::Invalid(_) => false,
            Self::Bare(allows) => *allows,
            Self::Failed(answer) => answer.decision.allows(),
            Self::Explained(told) => told.0.decision.allows(),
        }
    }

    fn told(&self) -> Told<'_> {
        Told::More(Box::new(match self {
            Self::Bare(allows) => return Told::Effect(*allows),
            Self::Invalid(error) => EvaluationAnswer::invalid(error),
            Self::Failed(answer) => EvaluationAnswer::brief(&answer.decision),
            Self::Explained(told) => EvaluationAnswer::explained(&told.0, told.1.as_ref()),
        }))
    }
}

fn decide(
    placed: &Placed,
    deciding: &mut Deciding<'_>,
    items: Vec<Result<Ask<'_>, ApiError>>,
    semantic: Semantic,
    explain: bool,
) -> Vec<Item> {
    if semantic == Semantic::ExecuteAll && !explain && !deciding.is_recording() {
        return decide_all(placed, items);
    }
    let mut answers = Vec::with_capacity(items.len());
    for (at, item) in (0..).zip(items) {
        let answer = match item.and_then(|ask| permitted(placed, ask)) {
            Err(error) => Item::Invalid(error),
            Ok(ask) => {
                let (answer, explanation) = placed.decide(deciding, Some(at), ask, explain);
                match explain {
                    true => Item::Explained(Box::new((answer, explanation))),
                    false => Item::of(answer),
                }
            }
        };
        let last = semantic.ends_with(answer.allows());
        answers.push(answer);
        if last {
            break;
        }
    }
    answers
}

/// A question that the caller may ask; what it may not is that item's error.
fn permitted<'a>(placed: &Placed, ask: Ask<'a>) -> Result<Ask<'a>, ApiError> {
    placed.permits(&ask).map(|()| ask)
}

/// All at once, as the engine likes it best.
fn decide_all(placed: &Placed, items: Vec<Result<Ask<'_>, ApiError>>) -> Vec<Item> {
    let mut invalid = Vec::new();
    let count = items.len();
    let asks = items.into_iter().enumerate().filter_map(|(at, item)| {
        let refused = match item {
            Ok(ask) => match placed.permits(&ask) {
                Ok(()) => return Some(ask),
                Err(error) => error,
            },
            Err(error) => error,
        };
        invalid.push((at, refused));
        None
    });
    let decided = placed.decide_many(asks);
    let mut decided = decided
        .into_iter()
        .map(|decided| of_decided(placed, decided));
    let mut invalid = invalid.into_iter().peekable();
    let answers = (0..count).map(|at| match invalid.next_if(|(bad, _)| *bad == at) {
        Some((_, error)) => Item::Invalid(error),
        // Each question has its answer; one that had none would be a deny.
        None => decided.next().unwrap_or(Item::Bare(false)),
    });
    answers.collect()
}

fn of_decided(placed: &Placed, decided: crate::node::Decided) -> Item {
    match decided.failed() {
        true => Item::Failed(Box::new(decided.answer(placed.point.snapshot()))),
        false => Item::Bare(decided.allows()),
    }
}
