//! Single decisions and batches.
//!
//! Every question is asked once, except where it says hot, so that what a
//! decision needs is in a cache only if so small a world fits into one. Times are
//! medians of short blocks, of which other work of the machine spoils the fewest.

use std::hint::black_box;

use super::clock::{Times, timed};
use super::report::Unit;
use super::{MeasureError, Report};
use crate::engine::intake::{Ask, Interned, Now, direct_batch};
use crate::engine::{
    Decision, Effect, ErrorMode, Outcome, Problem, Query, Request, Snapshot, decide_batch,
};
use crate::measure::{NOW, Questions, Spread, Workload};

/// Questions that are timed together.
const BLOCK: usize = 500;
/// Items of a batch. Source: contract, section 3.
const BATCH: usize = 1_000;
/// Customers of the questions that are asked again and again.
const HOT_CUSTOMERS: u32 = 8;
const MODE: ErrorMode = ErrorMode::Strict;

/// Questions, as the engine takes them, and their answers.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    pub(super) requests: Vec<Request>,
    /// The same as they are asked.
    asks: Vec<Ask<'static>>,
    pub(super) expected: Vec<Effect>,
}

impl Drawn {
    pub(super) fn new(questions: Questions<'_>, count: usize) -> Self {
        let mut drawn = Self::default();
        for question in questions.take(count) {
            drawn.asks.push(question.ask());
            drawn.requests.push(question.request);
            drawn.expected.push(question.expected);
        }
        drawn
    }

    pub(super) fn queries(&self, snapshot: &Snapshot) -> Result<Vec<Query>, MeasureError> {
        let queries = self.requests.iter();
        let queries = queries.map(|request| Query::new(snapshot, request));
        Ok(queries.collect::<Result<_, Problem>>()?)
    }
}

/// Decides queries one by one, and says how long each block of them took.
pub(super) fn decide_all(
    snapshot: &Snapshot,
    queries: &[Query],
    expected: &[Effect],
    times: &mut Times,
) -> Result<(), MeasureError> {
    for (queries, expected) in queries.chunks(BLOCK).zip(expected.chunks(BLOCK)) {
        let (right, took) = timed(|| {
            let (mut right, mut policies) = (0, 0);
            for (query, expected) in queries.iter().zip(expected) {
                if let Ok(outcome) = Outcome::of(snapshot, query, MODE) {
                    policies += outcome.determining_count() + outcome.erroring_count();
                    right += usize::from(outcome.effect == *expected);
                }
            }
            black_box(policies);
            right
        });
        times.add(took, queries.len());
        all_right("decide", right, queries.len())?;
    }
    Ok(())
}

pub(super) fn measure(
    workload: &Workload,
    snapshot: &Snapshot,
    questions: usize,
    report: &mut Report,
) -> Result<(), MeasureError> {
    let drawn = |seed, spread, count| Drawn::new(workload.questions(seed, spread), count);
    let cold = drawn(1, Spread::Uniform, questions);
    let ns = single(snapshot, &cold)?;
    let unit = Unit::Nanoseconds;
    report.add("decide_ns", ns, unit, "a decision, ids interned, cold");
    let hot = drawn(2, Spread::Hot(HOT_CUSTOMERS), BATCH);
    let ns = again(snapshot, &hot, questions)?;
    report.add("decide_hot_ns", ns, unit, "the same about few customers");
    let cold = drawn(3, Spread::Uniform, questions);
    let ns = strings(snapshot, &cold)?;
    report.add("decide_strings_ns", ns, unit, "a decision, from strings");
    let cold = drawn(4, Spread::Uniform, questions);
    let ns = batch(snapshot, &cold)?;
    report.add("batch_ns", ns, unit, "one of a batch, ids interned");
    let cold = drawn(5, Spread::Uniform, questions);
    let ns = batch_strings(snapshot, &cold)?;
    report.add("batch_strings_ns", ns, unit, "one of a batch, from strings");
    Ok(())
}

fn single(snapshot: &Snapshot, drawn: &Drawn) -> Result<f64, MeasureError> {
    let queries = drawn.queries(snapshot)?;
    let mut times = Times::default();
    decide_all(snapshot, &queries, &drawn.expected, &mut times)?;
    Ok(times.median_ns())
}

fn again(snapshot: &Snapshot, drawn: &Drawn, questions: usize) -> Result<f64, MeasureError> {
    let queries = drawn.queries(snapshot)?;
    let mut times = Times::default();
    for _ in 0..questions.div_ceil(queries.len()) {
        decide_all(snapshot, &queries, &drawn.expected, &mut times)?;
    }
    Ok(times.median_ns())
}

fn strings(snapshot: &Snapshot, drawn: &Drawn) -> Result<f64, MeasureError> {
    let mut times = Times::default();
    let blocks = drawn.asks.chunks(BLOCK);
    for (asks, expected) in blocks.zip(drawn.expected.chunks(BLOCK)) {
        let (right, took) = timed(|| {
            let asked = asks.iter().zip(expected);
            let right = asked.filter(|(ask, expected)| {
                let interned = Interned::of(snapshot, (ask, None), Vec::new, &Now::new(NOW));
                let query = interned.query;
                let outcome = query.and_then(|query| Outcome::of(snapshot, &query, MODE));
                outcome.is_ok_and(|outcome| outcome.effect == **expected)
            });
            right.count()
        });
        times.add(took, asks.len());
        all_right("decide_strings", right, asks.len())?;
    }
    Ok(times.median_ns())
}

fn batch(snapshot: &Snapshot, drawn: &Drawn) -> Result<f64, MeasureError> {
    let queries = drawn.queries(snapshot)?;
    let mut times = Times::default();
    for (at, some) in queries.chunks(BATCH).enumerate() {
        let (outcomes, took) = timed(|| decide_batch(snapshot, some, MODE));
        times.add(took, some.len());
        let expected = drawn.expected.get(at * BATCH..).unwrap_or_default();
        same_as_single("batch", snapshot, some, &outcomes, expected)?;
    }
    Ok(times.median_ns())
}

fn batch_strings(snapshot: &Snapshot, drawn: &Drawn) -> Result<f64, MeasureError> {
    let mut times = Times::default();
    for (at, some) in drawn.asks.chunks(BATCH).enumerate() {
        let (decided, took) = timed(|| {
            let now = Now::new(NOW);
            let plain = direct_batch(snapshot, some.iter().map(|ask| (ask, None)), &now);
            let queries = plain.into_iter().zip(some).map(|(plain, ask)| match plain {
                Some(query) => Ok(query),
                None => Interned::of(snapshot, (ask, None), Vec::new, &now).query,
            });
            let queries: Vec<Query> = queries.collect::<Result<_, Problem>>()?;
            let outcomes = decide_batch(snapshot, &queries, MODE);
            Ok::<_, Problem>((queries, outcomes))
        });
        times.add(took, some.len());
        let (queries, outcomes) = decided?;
        let expected = drawn.expected.get(at * BATCH..).unwrap_or_default();
        same_as_single("batch_strings", snapshot, &queries, &outcomes, expected)?;
    }
    Ok(times.median_ns())
}

/// Effect, determining and erroring policies of a batch are those of each item
/// alone.
fn same_as_single(
    what: &'static str,
    snapshot: &Snapshot,
    queries: &[Query],
    outcomes: &[Result<Outcome, Problem>],
    expected: &[Effect],
) -> Result<(), MeasureError> {
    all_right(what, outcomes.len(), queries.len())?;
    for ((query, outcome), expected) in queries.iter().zip(outcomes).zip(expected) {
        let Ok(outcome) = outcome else {
            return Err(unexpected(what, Some(expected)));
        };
        let single = Outcome::of(snapshot, query, MODE)?;
        let [one, other] = [&single, outcome].map(|o| Decision::naming(snapshot, query, o));
        let same = (one.effect, &one.determining, &one.erroring)
            == (other.effect, &other.determining, &other.erroring);
        if !same || one.effect != *expected {
            return Err(unexpected(what, Some(expected)));
        }
    }
    Ok(())
}

fn all_right(what: &'static str, right: usize, all: usize) -> Result<(), MeasureError> {
    match right == all {
        true => Ok(()),
        false => Err(MeasureError::wrong(
            what,
            format!("{right} of {all} questions got the expected answer"),
        )),
    }
}

fn unexpected(what: &'static str, expected: Option<&Effect>) -> MeasureError {
    let expected = expected.map_or("an answer", |effect| effect.as_str());
    MeasureError::wrong(what, format!("a question did not get `{expected}`"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::directory::Profile;
    use crate::engine::Revision;

    fn world() -> (Workload, Snapshot) {
        let workload = Workload::new(1, 3);
        let bundle = Arc::new(Profile::Seed.bundle().unwrap());
        let snapshot = Snapshot::build(bundle, workload.changes(), Revision(0));
        (workload, snapshot.unwrap())
    }

    #[test]
    fn a_wrong_answer_is_no_figure() {
        let (workload, snapshot) = world();
        let mut drawn = Drawn::new(workload.questions(1, Spread::Uniform), 30);
        let queries = drawn.queries(&snapshot).unwrap();
        assert!(single(&snapshot, &drawn).unwrap() > 0.0);
        assert!(batch(&snapshot, &drawn).unwrap() > 0.0);
        drawn.expected[17] = match drawn.expected[17] {
            Effect::Allow => Effect::Deny,
            Effect::Deny => Effect::Allow,
        };
        for wrong in [
            single(&snapshot, &drawn),
            again(&snapshot, &drawn, 30),
            strings(&snapshot, &drawn),
            batch(&snapshot, &drawn),
            batch_strings(&snapshot, &drawn),
        ] {
            assert!(
                matches!(wrong, Err(MeasureError::Wrong { .. })),
                "{wrong:?}"
            );
        }
        let none = same_as_single("batch", &snapshot, &queries, &[], &drawn.expected);
        assert!(matches!(none, Err(MeasureError::Wrong { .. })));
    }
}
