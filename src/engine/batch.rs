//! Many questions on one snapshot.
//!
//! A question about a large world waits for memory more than it computes. A batch
//! reads ahead for some questions, stage by stage, so that their waits overlap, and
//! then decides each: first the rows of principal and resource, then those that
//! these name, then the lists of those.

use super::query::{Naming, Stage};
use super::{ErrorMode, Outcome, Problem, Query, Request, Snapshot};

/// Entities from which a state no longer fits into a processor's caches, at some
/// hundred bytes each; below, reading ahead costs more than it saves.
const FAR_ENTITIES_MIN: usize = 250_000;

/// Questions whose rows are read ahead together.
pub(crate) const AHEAD: usize = 32;

/// Decides each query; the answers stand in the order of the queries.
pub fn decide_batch(
    snapshot: &Snapshot,
    queries: &[Query],
    mode: ErrorMode,
) -> Vec<Result<Outcome, Problem>> {
    let mut outcomes = Vec::with_capacity(queries.len());
    let stages = if is_far(snapshot) {
        Stage::ALL.as_slice()
    } else {
        &[]
    };
    for some in queries.chunks(AHEAD) {
        for stage in stages {
            let read = some.iter().map(|query| query.read_ahead(snapshot, *stage));
            std::hint::black_box(read.fold(0, |sum, cell| sum ^ cell));
        }
        outcomes.extend(some.iter().map(|query| Outcome::of(snapshot, query, mode)));
    }
    outcomes
}

/// Interns many requests, the look-ups of their ids overlapping.
pub fn intern_batch(snapshot: &Snapshot, requests: &[Request]) -> Vec<Result<Query, Problem>> {
    let mut queries = Vec::with_capacity(requests.len());
    let (mut naming, far) = (Vec::with_capacity(AHEAD), is_far(snapshot));
    for some in requests.chunks(AHEAD) {
        naming.extend(some.iter().map(|request| Naming::new(snapshot, request)));
        if far {
            let read = naming.iter().flatten();
            let read = read.map(|naming| naming.read_ahead(snapshot.state()));
            std::hint::black_box(read.fold(0, |sum, slot| sum ^ slot));
        }
        let named = naming.drain(..).zip(some);
        queries.extend(named.map(|(naming, request)| Query::named(snapshot, request, &naming?)));
    }
    queries
}

fn is_far(snapshot: &Snapshot) -> bool {
    snapshot.facts().entity_count() >= FAR_ENTITIES_MIN
}
