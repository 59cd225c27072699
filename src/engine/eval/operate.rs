//! Operations on values: Cedar's, failure by failure.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::engine::canonical::Canonical;
use crate::engine::compile::graph::Uppers;
use crate::engine::compile::ir::{Binary, Unary};
use crate::engine::eval::{Failure, Machine, V};
use crate::engine::extension::{
    IpRange, parse_datetime, parse_decimal, parse_duration, to_date, to_time,
};
use crate::engine::query::LOCAL;
use crate::engine::state::{Eid, Kind, entity_of, has_bit};

impl<'a> Machine<'a> {
    pub(super) fn unary(&self, op: Unary, inner: &V<'a>) -> Result<V<'a>, Failure> {
        let made = |value: Option<V<'a>>| value.ok_or(Failure::Type);
        match op {
            Unary::Not => match inner {
                V::Bool(value) => Ok(V::Bool(!value)),
                _ => Err(Failure::Type),
            },
            Unary::Neg => match inner {
                V::Long(value) => value.checked_neg().map(V::Long).ok_or(Failure::Overflow),
                _ => Err(Failure::Type),
            },
            Unary::IsEmpty => Ok(V::Bool(match inner {
                V::Set(owner, kind) => self.elements(*owner, *kind).next().is_none(),
                other => items(other)?.is_empty(),
            })),
            Unary::Decimal => made(parse_decimal(self.text_of(inner)?).map(V::Decimal)),
            Unary::Datetime => made(parse_datetime(self.text_of(inner)?).map(V::Datetime)),
            Unary::Duration => made(parse_duration(self.text_of(inner)?).map(V::Duration)),
            Unary::Ip => {
                let ip = IpRange::parse(self.text_of(inner)?);
                made(ip.map(|ip| V::own(Canonical::Ip(ip))))
            }
            Unary::IsIpv4 => Ok(V::Bool(ip(inner)?.is_v4())),
            Unary::IsIpv6 => Ok(V::Bool(!ip(inner)?.is_v4())),
            Unary::IsLoopback => Ok(V::Bool(ip(inner)?.is_loopback())),
            Unary::IsMulticast => Ok(V::Bool(ip(inner)?.is_multicast())),
            Unary::ToDate | Unary::ToTime => match inner {
                V::Datetime(ms) if op == Unary::ToTime => Ok(V::Duration(to_time(*ms))),
                V::Datetime(ms) => to_date(*ms).map(V::Datetime).ok_or(Failure::Overflow),
                _ => Err(Failure::Type),
            },
            Unary::ToMilliseconds => Ok(V::Long(duration(inner)?)),
            Unary::ToSeconds => Ok(V::Long(duration(inner)? / 1_000)),
            Unary::ToMinutes => Ok(V::Long(duration(inner)? / 60_000)),
            Unary::ToHours => Ok(V::Long(duration(inner)? / 3_600_000)),
            Unary::ToDays => Ok(V::Long(duration(inner)? / 86_400_000)),
        }
    }

    pub(super) fn binary(&self, op: Binary, a: &V<'a>, b: &V<'a>) -> Result<V<'a>, Failure> {
        let arithmetic = |done: fn(i64, i64) -> Option<i64>| match (a, b) {
            (V::Long(a), V::Long(b)) => done(*a, *b).map(V::Long).ok_or(Failure::Overflow),
            _ => Err(Failure::Type),
        };
        let ordered = |fits: fn(Ordering) -> bool| compare(a, b).map(|order| V::Bool(fits(order)));
        match op {
            Binary::Eq => self.equal(a, b).map(V::Bool),
            Binary::NotEq => self.equal(a, b).map(|equal| V::Bool(!equal)),
            Binary::In => self.within(a, b).map(V::Bool),
            Binary::Contains => self.contains(a, b).map(V::Bool),
            Binary::ContainsAll => self.contains_all(a, b).map(V::Bool),
            Binary::ContainsAny => self.contains_any(a, b).map(V::Bool),
            Binary::Less => ordered(Ordering::is_lt),
            Binary::LessEq => ordered(Ordering::is_le),
            Binary::Greater => ordered(Ordering::is_gt),
            Binary::GreaterEq => ordered(Ordering::is_ge),
            Binary::Add => arithmetic(i64::checked_add),
            Binary::Sub => arithmetic(i64::checked_sub),
            Binary::Mul => arithmetic(i64::checked_mul),
            Binary::HasTag => self.tag(a, b).map(|tag| V::Bool(tag.is_some())),
            Binary::GetTag => match (self.tag(a, b)?, a) {
                (Some(tag), _) => Ok(V::of(tag)),
                (None, V::Entity(eid)) => Err(Failure::NoTag(*eid)),
                (None, _) => Err(Failure::Type),
            },
            Binary::IsInRange => Ok(V::Bool(ip(a)?.is_in(ip(b)?))),
            Binary::Offset => match (a, b) {
                (V::Datetime(at), V::Duration(by)) => at
                    .checked_add(*by)
                    .map(V::Datetime)
                    .ok_or(Failure::Overflow),
                _ => Err(Failure::Type),
            },
            Binary::DurationSince => match (a, b) {
                (V::Datetime(to), V::Datetime(from)) => to
                    .checked_sub(*from)
                    .map(V::Duration)
                    .ok_or(Failure::Overflow),
                _ => Err(Failure::Type),
            },
        }
    }

    fn equal(&self, a: &V<'a>, b: &V<'a>) -> Result<bool, Failure> {
        Ok(match (a, b) {
            (V::Entity(a), V::Entity(b)) => a == b,
            (V::Text(a), V::Text(b)) => {
                a == b || ((a | b) & LOCAL != 0 && self.text(*a) == self.text(*b))
            }
            (V::Bool(a), V::Bool(b)) => a == b,
            (V::Long(a), V::Long(b))
            | (V::Decimal(a), V::Decimal(b))
            | (V::Datetime(a), V::Datetime(b))
            | (V::Duration(a), V::Duration(b)) => a == b,
            (V::Text(_), V::Ref(_) | V::Own(_)) | (V::Ref(_) | V::Own(_), V::Text(_)) => {
                match (self.text_of(a), self.text_of(b)) {
                    (Ok(a), Ok(b)) => a == b,
                    _ => false,
                }
            }
            (V::Set(..) | V::Ref(_) | V::Own(_), V::Set(..) | V::Ref(_) | V::Own(_)) => {
                self.canonical(a)? == self.canonical(b)?
            }
            _ => false,
        })
    }

    fn within(&self, a: &V<'a>, b: &V<'a>) -> Result<bool, Failure> {
        let V::Entity(lower) = a else {
            return Err(Failure::Type);
        };
        match b {
            V::Entity(upper) => Ok(self.is_in(*lower, *upper)),
            V::Set(owner, kind) => Ok(self
                .elements(*owner, *kind)
                .any(|upper| self.is_in(*lower, upper))),
            other => {
                let mut found = false;
                for item in items(other)? {
                    let Canonical::Entity(upper) = item else {
                        return Err(Failure::Type);
                    };
                    found = found || self.is_in(*lower, *upper);
                }
                Ok(found)
            }
        }
    }

    /// Whether one entity is the other or in it, with what the query brings.
    pub(crate) fn is_in(&self, lower: Eid, upper: Eid) -> bool {
        match &self.principal {
            Some(principal) if lower == self.query.principal => {
                self.state.is_below(principal, upper)
            }
            Some(_) if !self.query.has_own() => self.state.is_in(lower, upper),
            _ => self.query.is_in(self.state, lower, upper),
        }
    }

    /// Whether the principal is an entity or in it; none is any.
    #[inline]
    pub(crate) fn is_principal_in(&self, upper: Eid) -> bool {
        upper == Eid::NONE
            || match &self.principal {
                Some(principal) => self.state.is_below(principal, upper),
                None => self.is_in(self.query.principal, upper),
            }
    }

    /// Whether the principal is one of some entities or in one.
    #[inline]
    pub(super) fn is_principal_in_any(&self, uppers: &Uppers) -> bool {
        let mut all = uppers.all.iter();
        let Some(principal) = &self.principal else {
            return all.any(|upper| self.is_in(self.query.principal, *upper));
        };
        if !principal.is_far_from(uppers.bits) && all.any(|upper| principal.is_near(*upper)) {
            return true;
        }
        let mut all = uppers.all.iter();
        self.state.are_above_wide(principal, &uppers.types)
            && all.any(|upper| self.state.is_below_widely(principal, *upper))
    }

    pub(super) fn elements(&self, owner: Eid, kind: Kind) -> impl Iterator<Item = Eid> + 'a {
        self.row(owner).lists().of(kind).map(entity_of)
    }

    fn contains(&self, set: &V<'a>, wanted: &V<'a>) -> Result<bool, Failure> {
        match (set, wanted) {
            (V::Set(owner, kind), V::Entity(wanted)) => {
                Ok(self.row(*owner).lists().has(*kind, *wanted))
            }
            (V::Set(..), _) => Ok(false),
            (set, wanted) => {
                let wanted = self.canonical(wanted)?;
                Ok(items(set)?.binary_search(&wanted).is_ok())
            }
        }
    }

    fn contains_all(&self, a: &V<'a>, b: &V<'a>) -> Result<bool, Failure> {
        let (a, b) = (self.canonical(a)?, self.canonical(b)?);
        let (Some(a), Some(b)) = (a.items(), b.items()) else {
            return Err(Failure::Type);
        };
        Ok(b.iter().all(|item| a.binary_search(item).is_ok()))
    }

    fn contains_any(&self, a: &V<'a>, b: &V<'a>) -> Result<bool, Failure> {
        let (a, b) = (self.canonical(a)?, self.canonical(b)?);
        let (Some(a), Some(b)) = (a.items(), b.items()) else {
            return Err(Failure::Type);
        };
        Ok(b.iter().any(|item| a.binary_search(item).is_ok()))
    }

    fn tag(&self, of: &V<'a>, name: &V<'a>) -> Result<Option<&'a Canonical>, Failure> {
        let V::Entity(eid) = of else {
            return Err(Failure::Type);
        };
        let name = self.text_of(name)?;
        let layout = self
            .type_of(*eid)
            .and_then(|ty| self.state.layouts().of(ty));
        let (row, Some(layout)) = (self.row(*eid), layout) else {
            return Ok(None);
        };
        let at = layout.tags.as_ref().map(|(at, _)| *at);
        let at = at.filter(|_| has_bit(row.cells, layout.tags_present));
        let tags = at.and_then(|at| self.value(*row.cells.get(at)?));
        Ok(tags.and_then(|tags| tags.field(name)))
    }

    /// The text of a number.
    pub(super) fn text(&self, number: u32) -> Option<&'a Arc<str>> {
        match number & LOCAL {
            0 => self.state.text_at(number),
            _ => self.query.texts.get((number & !LOCAL) as usize),
        }
    }

    /// The value of a number.
    pub(super) fn value(&self, number: u32) -> Option<&'a Canonical> {
        match number & LOCAL {
            0 => self.state.value_at(number),
            _ => self.query.value(number),
        }
    }

    pub(super) fn text_of<'v>(&self, value: &'v V<'a>) -> Result<&'v str, Failure> {
        match value {
            V::Text(number) => self.text(*number).map(Arc::as_ref).ok_or(Failure::Type),
            other => match other.compound() {
                Some(Canonical::String(text)) => Ok(text),
                _ => Err(Failure::Type),
            },
        }
    }

    /// A value in canonical form.
    pub(crate) fn canonical(&self, value: &V<'a>) -> Result<Canonical, Failure> {
        Ok(match value {
            V::Bool(value) => Canonical::Bool(*value),
            V::Long(value) => Canonical::Long(*value),
            V::Entity(eid) => Canonical::Entity(*eid),
            V::Text(number) => Canonical::String(self.text(*number).cloned().ok_or(Failure::Type)?),
            V::Decimal(value) => Canonical::Decimal(*value),
            V::Datetime(value) => Canonical::Datetime(*value),
            V::Duration(value) => Canonical::Duration(*value),
            V::Set(owner, kind) => Canonical::set(
                self.elements(*owner, *kind)
                    .map(Canonical::Entity)
                    .collect(),
            ),
            V::Ref(value) => Canonical::clone(value),
            V::Own(value) => Canonical::clone(value),
        })
    }
}

fn compare(a: &V<'_>, b: &V<'_>) -> Result<Ordering, Failure> {
    match (a, b) {
        (V::Long(a), V::Long(b))
        | (V::Decimal(a), V::Decimal(b))
        | (V::Datetime(a), V::Datetime(b))
        | (V::Duration(a), V::Duration(b)) => Ok(a.cmp(b)),
        _ => Err(Failure::Type),
    }
}

fn items<'v>(value: &'v V<'_>) -> Result<&'v [Canonical], Failure> {
    value
        .compound()
        .and_then(Canonical::items)
        .ok_or(Failure::Type)
}

fn ip(value: &V<'_>) -> Result<IpRange, Failure> {
    match value.compound() {
        Some(Canonical::Ip(ip)) => Ok(*ip),
        _ => Err(Failure::Type),
    }
}

fn duration(value: &V<'_>) -> Result<i64, Failure> {
    match value {
        V::Duration(ms) => Ok(*ms),
        _ => Err(Failure::Type),
    }
}
