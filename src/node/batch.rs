//! Questions of which the effect is wanted, and perhaps more: one, or many on one
//! state.

use jiff::Timestamp;
use smallvec::SmallVec;

use super::{Answer, Point};
use crate::engine::intake::{Ask, Now, Prepared};
use crate::engine::{
    AHEAD, Decision, Outcome, Problem, Query, Request, Snapshot, decide_batch, intern_batch,
};

/// A question, decided. Policies are named when the answer is asked for, because
/// most of those who ask want to know nothing else than the effect.
#[derive(Debug)]
pub struct Decided {
    decided: Result<(Query, Outcome), Problem>,
    ignored: Vec<String>,
}

impl Point {
    /// Answers a question as [`Point::decide`] does. `now` is the decider's clock.
    #[must_use]
    pub fn decided(&self, ask: Ask<'_>, now: Timestamp) -> Decided {
        let Prepared { request, ignored } = match self.prepare(ask, now) {
            Ok(prepared) => prepared,
            Err(problem) => return Decided::refusing(problem),
        };
        let snapshot = self.snapshot();
        let query = Query::new(snapshot, &request);
        let decided = query.and_then(|query| {
            let outcome = Outcome::of(snapshot, &query, self.mode())?;
            Ok((query, outcome))
        });
        Decided { decided, ignored }
    }

    /// Answers questions; the answers stand in their order, and each is that of
    /// [`Point::decide`]. `now` is the decider's clock.
    #[must_use]
    pub fn decide_many<'a>(
        &self,
        asks: impl IntoIterator<Item = Ask<'a>>,
        now: Timestamp,
    ) -> Vec<Decided> {
        let now = Now::new(now);
        let mut asks = asks.into_iter();
        let mut decided = Vec::with_capacity(asks.size_hint().0);
        let mut requests = Vec::with_capacity(AHEAD);
        loop {
            let some = asks.by_ref().take(AHEAD);
            let notes: SmallVec<[Result<Vec<String>, Problem>; AHEAD]> = some
                .map(|ask| {
                    let prepared = self.prepare_at(ask, &now)?;
                    requests.push(prepared.request);
                    Ok(prepared.ignored)
                })
                .collect();
            if notes.is_empty() {
                return decided;
            }
            let mut answers = self.decide_requests(&requests).into_iter();
            requests.clear();
            decided.extend(notes.into_iter().map(|note| match note {
                Err(problem) => Decided::refusing(problem),
                Ok(ignored) => Decided {
                    decided: answers.next().unwrap_or_else(|| Err(lost())),
                    ignored,
                },
            }));
        }
    }

    fn decide_requests(&self, requests: &[Request]) -> Vec<Result<(Query, Outcome), Problem>> {
        let snapshot = self.snapshot();
        let (mut queries, mut refused) = (Vec::with_capacity(requests.len()), Vec::new());
        for (at, query) in intern_batch(snapshot, requests).into_iter().enumerate() {
            match query {
                Ok(query) => queries.push(query),
                Err(problem) => refused.push((at, problem)),
            }
        }
        let outcomes = decide_batch(snapshot, &queries, self.mode());
        let mut decided = queries.into_iter().zip(outcomes);
        let mut refused = refused.into_iter().peekable();
        let answers = (0..requests.len()).map(|at| {
            if let Some((_, problem)) = refused.next_if(|(refused, _)| *refused == at) {
                return Err(problem);
            }
            let (query, outcome) = decided.next().ok_or_else(lost)?;
            Ok((query, outcome?))
        });
        answers.collect()
    }
}

impl Decided {
    fn refusing(problem: Problem) -> Self {
        Self {
            decided: Err(problem),
            ignored: Vec::new(),
        }
    }

    /// Whether the question is allowed.
    #[must_use]
    pub fn allows(&self) -> bool {
        matches!(&self.decided, Ok((_, outcome)) if outcome.allows())
    }

    /// Whether something went wrong: the question could not be evaluated, or a
    /// policy failed on it. What the schema does not know is nothing wrong.
    #[must_use]
    pub fn failed(&self) -> bool {
        match &self.decided {
            Ok((_, outcome)) => outcome.erroring_count() > 0,
            Err(problem) => !problem.is_unknown_name(),
        }
    }

    /// Whether there may be more to say than the effect: something went wrong, or a
    /// policy that made the effect may have one of these annotations. `snapshot` is
    /// that of the point which decided.
    #[must_use]
    pub fn may_say_more(&self, snapshot: &Snapshot, annotations: &[&str]) -> bool {
        let outcome = self.decided.as_ref().map(|(_, outcome)| outcome);
        self.failed() || outcome.is_ok_and(|made| made.may_be_annotated(snapshot, annotations))
    }

    /// How many policies failed on it.
    #[must_use]
    pub fn erroring_count(&self) -> usize {
        let outcome = self.decided.as_ref().map(|(_, outcome)| outcome);
        outcome.map_or(0, Outcome::erroring_count)
    }

    /// The whole answer, policies named. `snapshot` is that of the point which
    /// decided.
    #[must_use]
    pub fn answer(self, snapshot: &Snapshot) -> Answer {
        Answer {
            decision: match self.decided {
                Ok((query, outcome)) => Decision::naming(snapshot, &query, &outcome),
                Err(problem) => Decision::refusing(snapshot, problem),
            },
            ignored: self.ignored,
        }
    }
}

/// A batch has an outcome for each question; should one be lost, that is a deny.
fn lost() -> Problem {
    Problem::Refused {
        message: "the batch lost the question; ask it alone".to_owned(),
    }
}
