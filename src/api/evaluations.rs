//! `POST /access/v1/evaluations`: many questions, one state, one answer each.
//!
//! INVARIANT (one state): every item is decided by the same facts and policies
//! and at the same time.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use tokio::runtime::Handle;

use super::AppState;
use super::answer::{EvaluationAnswer, EvaluationsAnswer};
use super::aside::aside;
use super::body::{EVALUATIONS_BODY_BYTES_MAX, json_text};
use super::error::ApiError;
use super::evaluation::answer_one;
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
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let here = Handle::current();
    aside(move || {
        let text = json_text(&headers, &body, EVALUATIONS_BODY_BYTES_MAX)?;
        let request = EvaluationsRequest::parse(text)?;
        let placed = here.block_on(Position::read(&headers)?.place(&state))?;
        Ok(match request.asked {
            Asked::One(ask) => answer_one(&placed, *ask, request.explain),
            Asked::Many(items) => {
                let items = decide(&placed, items, request.semantic, request.explain);
                let evaluations = items.iter().map(Item::answer).collect();
                let answer = Json(EvaluationsAnswer { evaluations });
                (placed.header(), answer).into_response()
            }
        })
    })
    .await
}

/// An item, answered.
enum Item {
    /// It was no question.
    Invalid(ApiError),
    /// There is nothing to say but the effect.
    Bare(bool),
    /// Something went wrong.
    Failed(Box<Answer>),
    /// The caller asked why.
    Explained(Box<(Answer, Option<Explanation>)>),
}

impl Item {
    fn allows(&self) -> bool {
        match self {
            Self::Invalid(_) => false,
            Self::Bare(allows) => *allows,
            Self::Failed(answer) => answer.decision.allows(),
            Self::Explained(told) => told.0.decision.allows(),
        }
    }

    fn answer(&self) -> EvaluationAnswer<'_> {
        match self {
            Self::Invalid(error) => EvaluationAnswer::invalid(error),
            Self::Bare(allows) => EvaluationAnswer::bare(*allows),
            Self::Failed(answer) => EvaluationAnswer::brief(&answer.decision),
            Self::Explained(told) => EvaluationAnswer::explained(&told.0, told.1.as_ref()),
        }
    }
}

fn decide(
    placed: &Placed,
    items: Vec<Result<Ask<'_>, ApiError>>,
    semantic: Semantic,
    explain: bool,
) -> Vec<Item> {
    if semantic == Semantic::ExecuteAll && !explain {
        return decide_all(placed, items);
    }
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        let answer = match item {
            Err(error) => Item::Invalid(error),
            Ok(ask) if explain => Item::Explained(Box::new(placed.decide(ask, true))),
            Ok(ask) => one_of_many(placed, ask),
        };
        let last = semantic.ends_with(answer.allows());
        answers.push(answer);
        if last {
            break;
        }
    }
    answers
}

/// All at once, as the engine likes it best.
fn decide_all(placed: &Placed, items: Vec<Result<Ask<'_>, ApiError>>) -> Vec<Item> {
    let mut invalid = Vec::new();
    let count = items.len();
    let asks = items
        .into_iter()
        .enumerate()
        .filter_map(|(at, item)| item.map_err(|error| invalid.push((at, error))).ok());
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

fn one_of_many(placed: &Placed, ask: Ask<'_>) -> Item {
    let decided = placed.decide_many([ask]).pop();
    decided.map_or(Item::Bare(false), |decided| of_decided(placed, decided))
}

fn of_decided(placed: &Placed, decided: crate::node::Decided) -> Item {
    match decided.failed() {
        true => Item::Failed(Box::new(decided.answer(placed.point.snapshot()))),
        false => Item::Bare(decided.allows()),
    }
}
