//! The typed form of a condition under one request environment.

use std::sync::Arc;

use super::pattern::Pattern;
use crate::engine::canonical::Canonical;
use crate::engine::state::{Field, Record, TypeId};

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum Ir {
    Const(Canonical),
    Principal,
    Resource,
    /// An attribute of a row.
    Field(Root, Box<Field>),
    /// Whether a row has the attribute of the first presence bit. Fails if the
    /// record around it, of the second bit, is not there.
    Has(Root, usize, Option<usize>),
    /// A whole record that stands in a row, and its presence bit; a context and
    /// what is read from it has none.
    Place(Root, Arc<Record>, Option<usize>),
    /// An attribute of a value or entity that is known only when it runs.
    Get(Box<Ir>, Arc<str>),
    HasName(Box<Ir>, Arc<str>),
    And(Vec<Ir>),
    Or(Vec<Ir>),
    If(Box<[Ir; 3]>),
    Unary(Unary, Box<Ir>),
    Binary(Binary, Box<[Ir; 2]>),
    Is(Box<Ir>, Option<TypeId>),
    Like(Box<Ir>, Arc<Pattern>),
    Set(Vec<Ir>),
    Record(Vec<(Arc<str>, Ir)>),
    /// Fails whenever it is come to.
    Fail,
}

/// Where a row comes from.
#[derive(Debug, Clone)]
pub(crate) enum Root {
    Principal,
    Resource,
    Context,
    Of(Box<Ir>),
}

/// Operations on one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unary {
    Not,
    Neg,
    IsEmpty,
    Decimal,
    Datetime,
    Duration,
    Ip,
    IsIpv4,
    IsIpv6,
    IsLoopback,
    IsMulticast,
    ToDate,
    ToTime,
    ToMilliseconds,
    ToSeconds,
    ToMinutes,
    ToHours,
    ToDays,
}

/// Operations on two values; the left one is computed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Eq,
    NotEq,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    Add,
    Sub,
    Mul,
    In,
    Contains,
    ContainsAll,
    ContainsAny,
    GetTag,
    HasTag,
    IsInRange,
    Offset,
    DurationSince,
}

impl Ir {
    pub(crate) const TRUE: Self = Self::Const(Canonical::Bool(true));
    pub(crate) const FALSE: Self = Self::Const(Canonical::Bool(false));

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Const(Canonical::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// A conjunction, with what is settled folded away. A part that may fail is
    /// kept in its place: what stands after a `false` is never come to, what
    /// stands before one still is.
    pub(crate) fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::chain(parts, true)
    }

    /// A disjunction, folded likewise.
    pub(crate) fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::chain(parts, false)
    }

    fn chain(parts: impl IntoIterator<Item = Self>, neutral: bool) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match (part, neutral) {
                (Self::And(inner), true) | (Self::Or(inner), false) => kept.extend(inner),
                (part, _) => kept.push(part),
            }
            match kept.last().and_then(Self::as_bool) {
                Some(value) if value == neutral => {
                    kept.pop();
                }
                // What cannot fail need not be asked before what is settled.
                Some(value) if kept.iter().all(Self::cannot_fail) => {
                    return Self::Const(Canonical::Bool(value));
                }
                Some(_) => break,
                None => {}
            }
        }
        match (kept.pop(), kept.is_empty(), neutral) {
            (None, ..) => Self::Const(Canonical::Bool(neutral)),
            (Some(only), true, _) => only,
            (Some(last), false, true) => {
                kept.push(last);
                Self::And(kept)
            }
            (Some(last), false, false) => {
                kept.push(last);
                Self::Or(kept)
            }
        }
    }

    /// Whether it is always a boolean, whatever is stored.
    fn cannot_fail(&self) -> bool {
        let entity = |ir: &Self| {
            let constant = matches!(ir, Self::Const(Canonical::Entity(_)));
            constant || matches!(ir, Self::Principal | Self::Resource)
        };
        match self {
            Self::Has(Root::Principal | Root::Resource | Root::Context, _, None)
            | Self::Const(Canonical::Bool(_)) => true,
            Self::Binary(Binary::Eq | Binary::NotEq | Binary::In, parts) => {
                parts.iter().all(entity)
            }
            Self::Unary(Unary::Not, inner) => inner.cannot_fail(),
            Self::And(parts) | Self::Or(parts) => parts.iter().all(Self::cannot_fail),
            _ => false,
        }
    }

    pub(crate) fn not(inner: Self) -> Self {
        match inner.as_bool() {
            Some(value) => Self::Const(Canonical::Bool(!value)),
            None => Self::Unary(Unary::Not, Box::new(inner)),
        }
    }

    /// Whether the expression reads the principal (or the resource).
    pub(crate) fn mentions(&self, resource: bool) -> bool {
        let root = |root: &Root| match root {
            Root::Principal => !resource,
            Root::Resource => resource,
            Root::Context => false,
            Root::Of(inner) => inner.mentions(resource),
        };
        let all = |parts: &[Self]| parts.iter().any(|part| part.mentions(resource));
        match self {
            Self::Const(_) | Self::Fail => false,
            Self::Principal => !resource,
            Self::Resource => resource,
            Self::Field(from, _) | Self::Has(from, ..) | Self::Place(from, ..) => root(from),
            Self::Get(inner, _)
            | Self::HasName(inner, _)
            | Self::Unary(_, inner)
            | Self::Is(inner, _)
            | Self::Like(inner, _) => inner.mentions(resource),
            Self::And(parts) | Self::Or(parts) | Self::Set(parts) => all(parts),
            Self::If(parts) => all(parts.as_slice()),
            Self::Binary(_, parts) => all(parts.as_slice()),
            Self::Record(fields) => fields.iter().any(|(_, part)| part.mentions(resource)),
        }
    }
}
