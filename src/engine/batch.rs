//! Many questions on one snapshot.
//!
//! A question about a large world waits for memory more than it computes. A batch
//! asks ahead for the questions that come next, stage by stage, so that their waits
//! overlap: while one is decided, the lists of that a few places on are under way,
//! and the rows of those after it.

use super::ahead::Stage;
use super::query::Naming;
use super::{ErrorMode, Outcome, Problem, Query, Request, Snapshot};

/// Questions that are interned together.
pub(crate) const AHEAD: usize = 32;

/// Questions between a stage and the next.
const APART: usize = 4;

/// Decides each query; the answers stand in the order of the queries.
pub fn decide_batch(
    snapshot: &Snapshot,
    queries: &[Query],
    mode: ErrorMode,
) -> Vec<Result<Outcome, Problem>> {
    if !snapshot.state().is_far() {
        let decided = queries.iter();
        return decided
            .map(|query| Outcome::of(snapshot, query, mode))
            .collect();
    }
    let mut outcomes = Vec::with_capacity(queries.len());
    let last = Stage::ALL.len() * APART;
    for at in 0..queries.len() + last {
        for (n, stage) in Stage::ALL.into_iter().enumerate() {
            if let Some(query) = at.checked_sub(n * APART).and_then(|at| queries.get(at)) {
                query.ask_ahead(snapshot, stage);
            }
        }
        if let Some(query) = at.checked_sub(last).and_then(|at| queries.get(at)) {
            outcomes.push(Outcome::of_asked(snapshot, query, mode));
        }
    }
    outcomes
}

/// Interns many requests, the look-ups of their ids overlapping.
pub fn intern_batch(snapshot: &Snapshot, requests: &[Request]) -> Vec<Result<Query, Problem>> {
    let mut queries = Vec::with_capacity(requests.len());
    let mut naming = Vec::with_capacity(AHEAD);
    for some in requests.chunks(AHEAD) {
        naming.extend(some.iter().map(|request| Naming::new(snapshot, request)));
        for stage in snapshot.state().look_ups() {
            let named = naming.iter().flatten();
            named.for_each(|naming| naming.ask_ahead(snapshot.state(), *stage));
        }
        let named = naming.drain(..).zip(some);
        queries.extend(named.map(|(naming, request)| Query::named(snapshot, request, &naming?)));
    }
    queries
}
