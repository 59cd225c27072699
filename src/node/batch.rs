//! Questions of which the effect is wanted, and perhaps more: one, or many on one
//! state.

use jiff::Timestamp;

use super::{Answer, Point};
use crate::engine::intake::{Ask, Interned, Now, Placed, Posed, direct_batch, prepare_at};
use crate::engine::{
    AHEAD, Decision, Outcome, Problem, Query, Snapshot, decide_batch, intern_batch,
};

/// Answers that room is made for before they are there, at most. Our choice.
const ROOM_MAX: usize = 1_024;

/// A question, decided. Policies are named when the answer is asked for, because
/// most of those who ask want to know nothing else than the effect.
#[derive(Debug)]
pub struct Decided {
    decided: Result<(Query, Outcome), Problem>,
    ignored: Vec<String>,
}

/// A question as the engine is asked it, and where its resource stands.
type Normalized<'a> = (Ask<'a>, Option<Box<Placed>>);

/// What of a question did not count, and why it could not be evaluated.
#[derive(Default)]
struct Note {
    ignored: Vec<String>,
    problem: Option<Problem>,
}

impl Point {
    /// Answers a question as [`Point::decide`] does. `now` is the decider's clock.
    #[must_use]
    pub fn decided(&self, ask: Ask<'_>, now: Timestamp) -> Decided {
        let (snapshot, now) = (self.snapshot(), Now::new(now));
        let (ask, placed) = self.normalized(ask);
        let posed = (&ask, placed.as_deref());
        let own = || self.own_entities(&ask);
        let Interned { query, ignored } = Interned::of(snapshot, posed, own, &now);
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
        let (few, most) = asks.size_hint();
        let mut decided = Vec::with_capacity(most.unwrap_or(few).min(ROOM_MAX));
        let mut some = Vec::with_capacity(AHEAD);
        loop {
            let next = asks.by_ref().take(AHEAD);
            some.extend(next.map(|ask| self.normalized(ask)));
            if some.is_empty() {
                return decided;
            }
            self.decide_some(&mut some, &now, &mut decided);
        }
    }

    /// Answers as many questions as are read ahead together, and takes them away.
    fn decide_some(&self, some: &mut Vec<Normalized<'_>>, now: &Now, decided: &mut Vec<Decided>) {
        let snapshot = self.snapshot();
        let mut queries = direct_batch(snapshot, some.iter().map(posed), now);
        let (mut requests, mut notes) = (Vec::new(), Vec::with_capacity(some.len()));
        for (query, (ask, _)) in queries.iter().zip(some.drain(..)) {
            let mut note = Note::default();
            if query.is_none() {
                match prepare_at(snapshot, &ask, self.own_entities(&ask), now) {
                    Ok(prepared) => {
                        requests.push(prepared.request);
                        note.ignored = prepared.ignored;
                    }
                    Err(problem) => note.problem = Some(problem),
                }
            }
            notes.push(note);
        }
        let mut whole = intern_batch(snapshot, &requests).into_iter();
        for (query, note) in queries.iter_mut().zip(&mut notes) {
            if query.is_none() && note.problem.is_none() {
                match whole.next().unwrap_or_else(|| Err(lost())) {
                    Ok(interned) => *query = Some(interned),
                    Err(problem) => note.problem = Some(problem),
                }
            }
        }
        // Some are most often all.
        let mut asked: Vec<Query> = Vec::with_capacity(queries.len());
        asked.extend(queries.into_iter().flatten());
        let outcomes = decide_batch(snapshot, &asked, self.mode());
        let mut answers = asked.into_iter().zip(outcomes);
        decided.extend(notes.into_iter().map(|Note { ignored, problem }| {
            let answer = match problem {
                Some(problem) => Err(problem),
                None => answers.next().ok_or_else(lost),
            };
            Decided {
                decided: answer.and_then(|(query, outcome)| Ok((query, outcome?))),
                ignored,
            }
        }));
    }
}

fn posed<'q>((ask, placed): &'q Normalized<'q>) -> Posed<'q> {
    (ask, placed.as_deref())
}

impl Decided {
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
