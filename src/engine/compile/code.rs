//! The flat form that runs: operations on a small stack, with jumps.
//!
//! Nothing in it recurses, so the stack of a thread is never a matter of the
//! policy; how many values a code needs at once is known when it is made.

use std::sync::Arc;

use super::ir::{Binary, Unary};
use super::pattern::Pattern;
use crate::engine::canonical::Canonical;
use crate::engine::state::{Eid, Kind, Record, TypeId};

/// A condition or an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Code {
    pub(crate) ops: Box<[Op]>,
    /// Values that it holds at once, at most.
    pub(crate) stack: usize,
    pub(crate) pool: Pool,
}

/// What operations refer to by number.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pool {
    pub(crate) values: Vec<Canonical>,
    pub(crate) patterns: Vec<Arc<Pattern>>,
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) records: Vec<Arc<Record>>,
    /// Names of the fields of records that are made.
    pub(crate) made: Vec<Vec<Arc<str>>>,
}

/// The row that an operation reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Principal,
    Resource,
    Context,
    /// That of the entity on top of the stack, which is taken off.
    Top,
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Op {
    Bool(bool),
    Long(i64),
    Entity(Eid),
    /// Number of a text of the state.
    Text(u32),
    Value(u32),
    Principal,
    Resource,
    LoadBool(From, u16, u16),
    LoadLong(From, u16, u16),
    LoadDecimal(From, u16, u16),
    LoadDatetime(From, u16, u16),
    LoadDuration(From, u16, u16),
    LoadText(From, u16, u16),
    LoadEntity(From, u16, u16),
    LoadSet(From, u16, Kind),
    LoadValue(From, u16, u16),
    /// Number of the record, and its presence bit if it has one.
    LoadRecord(From, u16, Option<u16>),
    /// Presence bit, and that of the record around it.
    Has(From, u16, Option<u16>),
    Get(u16),
    HasName(u16),
    Unary(Unary),
    Binary(Binary),
    Is(Option<TypeId>),
    Like(u16),
    MakeSet(u16),
    MakeRecord(u16),
    Jump(u32),
    /// Takes a boolean off and jumps if it is this one.
    JumpIf(bool, u32),
    Fail,
}
