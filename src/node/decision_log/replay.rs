//! Rows decided again: on the facts and policies of then, on others, or by a
//! candidate over the facts of then.

use std::sync::Arc;

use super::question::{Place, Taking, Use};
use super::report::{Judgement, ReplayReport};
use super::row::told;
use super::{DecisionLogError, LoggedRow};
use crate::engine::intake::Ask;
use crate::engine::{Input, Member};
use crate::log::LogError;
use crate::node::{Answer, LedgerError, Point, ReadsKept, Walk};
use crate::policy::{Attribute, Extension, Reads, Shape, Type};

/// What rows are decided on.
pub enum State<'l> {
    /// One state, whatever revision they name; rows of other policies are not
    /// compared.
    Present(Arc<Point>),
    /// One state, whatever revision and policies they name.
    Candidate(Arc<Point>),
    /// The state of each row's own revision.
    Past(Box<Walk<'l>>),
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The same answer again.
    Same,
    /// Another one.
    Other(Judgement),
    /// None that could be compared, and why.
    Unreplayable(String),
}

/// Why a replay ends.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The rows.
    #[error(transparent)]
    Rows(#[from] DecisionLogError),
    /// The state of a revision.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Why a row says nothing of a state whose policies are not those that decided it.
const OTHER_POLICIES: &str = "it was decided by other policies";

/// Decides rows again and adds what becomes of them to a report. They are taken in
/// order of their revisions, so that a log is folded forward once; `each` hears of
/// every row that is done.
///
/// # Errors
/// [`DecisionLogError::OtherLog`] for a row that names a revision or policies that
/// the log never had, and whatever keeps the log from being folded.
pub fn replay(
    mut rows: Vec<LoggedRow>,
    state: &mut State<'_>,
    report: &mut ReplayReport,
    each: &mut dyn FnMut(),
) -> Result<(), ReplayError> {
    rows.sort_by_key(|row| row.revision);
    let reads = ReadsKept::default();
    for row in rows {
        let replayed = match &row.unreplayable {
            Some(why) => Replayed::Unreplayable(why.clone()),
            None => again(&row, state, &reads)?,
        };
        report.add(&row, replayed);
        each();
    }
    Ok(())
}

fn again(
    row: &LoggedRow,
    state: &mut State<'_>,
    reads: &ReadsKept,
) -> Result<Replayed, ReplayError> {
    let other_log = |what: String| DecisionLogError::OtherLog {
        file: row.file.to_string(),
        line: row.line,
        what,
    };
    let point = match state {
        State::Candidate(point) => point,
        State::Present(point) => {
            let bundle = point.snapshot().bundle().hash().as_str();
            if bundle != row.bundle {
                return Ok(Replayed::Unreplayable(OTHER_POLICIES.to_owned()));
            }
            point
        }
        State::Past(walk) => {
            let (floor, head) = walk.reach();
            if row.revision > head {
                let what = format!(
                    "revision {} is beyond the log, which ends at {head}",
                    row.revision
                );
                return Err(other_log(what).into());
            }
            if row.revision < floor {
                let why = "the log no longer holds its revision".to_owned();
                return Ok(Replayed::Unreplayable(why));
            }
            let candidate = walk.has_candidate();
            match walk.to(row.revision) {
                Ok(point) => {
                    let bundle = point.snapshot().bundle().hash().as_str();
                    if !candidate && bundle != row.bundle {
                        let what = format!("revision {} has other policies", row.revision);
                        return Err(other_log(what).into());
                    }
                    point
                }
                Err(
                    error @ (LedgerError::NoFloor { .. }
                    | LedgerError::Log(LogError::Archived { .. })),
                ) => {
                    return Ok(Replayed::Unreplayable(error.to_string()));
                }
                Err(LedgerError::Unbuilt(why)) => {
                    return Ok(Replayed::Unreplayable(format!(
                        "its policies cannot be built: {why}"
                    )));
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    Ok(on(row, point, &reads.of(point)))
}

/// Decides a row on a state.
fn on(row: &LoggedRow, point: &Point, reads: &Reads) -> Replayed {
    let ask = match restored(row, point.snapshot().bundle().shape(), reads) {
        Ok(ask) => ask,
        Err(why) => return Replayed::Unreplayable(why),
    };
    let answer = match point.mode() == row.mode {
        true => point.decide(ask, row.now),
        false => point.clone().in_mode(row.mode).decide(ask, row.now),
    };
    let judgement = Judgement::of(&answer, !row.masked.is_empty());
    match judgement == row.judgement {
        true => Replayed::Same,
        false => Replayed::Other(judgement),
    }
}

impl Judgement {
    /// An answer as a row of it would say it.
    fn of(answer: &Answer, some_masked: bool) -> Self {
        let decision = &answer.decision;
        let erroring = decision.erroring.iter();
        let problem = decision.problem.as_ref();
        Self {
            allows: decision.allows(),
            determining: decision.determining.iter().map(|p| p.id.clone()).collect(),
            erroring: erroring.map(|e| e.policy.id.clone()).collect(),
            problem: problem.map(|problem| told(problem, some_masked, false)),
        }
    }
}

/// The question of a row, with something in the place of what is masked and must be
/// there.
///
/// # Errors
/// Why it cannot be asked: policies read what is masked.
fn restored(row: &LoggedRow, shape: &Shape, reads: &Reads) -> Result<Ask<'static>, String> {
    let mut ask = row.ask.clone();
    let taking = Taking::of(shape, reads, &row.ask);
    for (place, name) in &row.masked {
        match taking.usage(*place, name) {
            Use::LeftOut => {}
            Use::Read => {
                return Err(format!(
                    "`{}.{name}` is masked, and read by policies",
                    place.name()
                ));
            }
            Use::Checked(attribute) => {
                if attribute.required && matches!(place, Place::Context | Place::Action) {
                    place
                        .members_mut(&mut ask)
                        .push(some(shape, name, attribute));
                }
            }
        }
    }
    Ok(ask)
}

/// A member of the declared type.
fn some(shape: &Shape, name: &str, attribute: &Attribute) -> Member<'static> {
    Member {
        name: name.to_owned().into(),
        value: some_value(shape, &attribute.ty),
    }
}

fn some_value(shape: &Shape, ty: &Type) -> Input<'static> {
    match ty {
        Type::Bool => Input::Bool(false),
        Type::Long => Input::Long(0),
        Type::String => Input::String("".into()),
        Type::Entity(name) => {
            let ids = shape.entities.get(name).and_then(|e| e.ids.as_ref());
            let first = ids.and_then(|ids| ids.first()).cloned();
            Input::String(first.unwrap_or_default().into())
        }
        Type::Set(_) => Input::List(Vec::new()),
        Type::Record(record) => {
            let required = record.iter().filter(|(_, attribute)| attribute.required);
            let members = required.map(|(name, attribute)| some(shape, name, attribute));
            Input::Map(members.collect())
        }
        Type::Extension(extension) => Input::String(
            match extension {
                Extension::Ip => "127.0.0.1",
                Extension::Decimal => "0.0",
                Extension::Datetime => "1970-01-01",
                Extension::Duration => "0ms",
            }
            .into(),
        ),
    }
}
