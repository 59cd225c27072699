//! The loop over operations.

use std::cell::Cell;

use crate::engine::canonical::Canonical;
use crate::engine::compile::Environment;
use crate::engine::compile::code::{Code, From, Op, Pool};
use crate::engine::compile::graph::Row as Side;
use crate::engine::eval::{Failure, V};
use crate::engine::query::Query;
use crate::engine::state::{
    Eid, Field, Lower, Record, Row, Slot, State, TypeId, Wide, has_bit, wide_at,
};

/// Values that fit without asking for memory.
const SHALLOW: usize = 12;

/// One question on one state.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) state: &'a State,
    pub(crate) query: &'a Query,
    pub(super) environment: &'a Environment,
    /// Those of principal and resource, and the context as one.
    rows: [Row<'a>; 3],
    /// The principal as it may be in others; none if rows of the question may say more.
    pub(super) principal: Option<Lower<'a>>,
    /// Shared tests that were asked, and those of them that held.
    pub(super) asked: Cell<u64>,
    pub(super) held: Cell<u64>,
    /// Why the last test failed that did.
    pub(super) failed: Cell<Failure>,
    /// The last row that was read by the way.
    pub(super) near: Cell<(Eid, Row<'a>)>,
}

impl<'a> Machine<'a> {
    /// A machine for a question of an environment.
    #[inline]
    pub(crate) fn new(state: &'a State, query: &'a Query, environment: &'a Environment) -> Self {
        let (principal, resource) = match query.has_own() {
            false => (
                stored(state, query.principal),
                stored(state, query.resource),
            ),
            true => (
                row_of(state, query, query.principal),
                row_of(state, query, query.resource),
            ),
        };
        let nearest = environment.nearest_principal;
        let lower = || state.lower(query.principal, principal, nearest).counted();
        Self {
            state,
            query,
            environment,
            rows: [principal, resource, Row::bare(&query.context)],
            principal: (!query.may_move_principal()).then(lower),
            asked: Cell::new(0),
            held: Cell::new(0),
            failed: Cell::new(Failure::Type),
            near: Cell::new((Eid::NONE, Row::bare(&[]))),
        }
    }

    /// The row of principal or resource, or the context.
    #[inline]
    pub(super) fn side(&self, side: Side) -> Row<'a> {
        let row = self.rows.get(side as usize).copied();
        row.unwrap_or(Row::bare(&[]))
    }

    /// The row of the principal.
    #[inline]
    pub(crate) fn principal(&self) -> Row<'a> {
        self.side(Side::Principal)
    }

    /// The row of the resource.
    #[inline]
    pub(crate) fn resource(&self) -> Row<'a> {
        self.side(Side::Resource)
    }

    /// Runs an expression.
    pub(crate) fn run(&self, code: &Code) -> Result<V<'a>, Failure> {
        if code.stack <= SHALLOW {
            let mut values = [const { V::Bool(false) }; SHALLOW];
            return self.run_on(code, &mut Stack::new(&mut values));
        }
        let mut values = vec![V::Bool(false); code.stack];
        self.run_on(code, &mut Stack::new(&mut values))
    }

    fn run_on(&self, code: &Code, stack: &mut Stack<'_, 'a>) -> Result<V<'a>, Failure> {
        let mut next = 0;
        while let Some(op) = code.ops.get(next) {
            next += 1;
            match *op {
                Op::JumpIf(when, to) => match stack.pop()? {
                    V::Bool(value) if value == when => next = to as usize,
                    V::Bool(_) => {}
                    _ => return Err(Failure::Type),
                },
                Op::Jump(to) => next = to as usize,
                Op::Binary(op) => {
                    let right = stack.pop()?;
                    let left = stack.pop()?;
                    stack.push(self.binary(op, &left, &right)?)?;
                }
                Op::Unary(op) => {
                    let inner = stack.pop()?;
                    stack.push(self.unary(op, &inner)?)?;
                }
                op => self.step(op, &code.pool, stack)?,
            }
        }
        stack.pop()
    }

    fn step(&self, op: Op, pool: &Pool, stack: &mut Stack<'_, 'a>) -> Result<(), Failure> {
        let value = match op {
            Op::Principal => V::Entity(self.query.principal),
            Op::Resource => V::Entity(self.query.resource),
            Op::Entity(eid) => V::Entity(eid),
            Op::Text(number) => V::Text(number),
            Op::Bool(value) => V::Bool(value),
            Op::Long(value) => V::Long(value),
            Op::LoadEntity(from, bit, at) => V::Entity(Eid(self.cell(from, bit, at, stack)?)),
            Op::LoadText(from, bit, at) => V::Text(self.cell(from, bit, at, stack)?),
            Op::LoadBool(from, bit, at) => V::Bool(self.cell(from, bit, at, stack)? != 0),
            Op::LoadLong(from, bit, at) => V::Long(self.wide(from, bit, at, stack)?),
            Op::LoadDatetime(from, bit, at) => V::Datetime(self.wide(from, bit, at, stack)?),
            Op::LoadDuration(from, bit, at) => V::Duration(self.wide(from, bit, at, stack)?),
            Op::LoadDecimal(from, bit, at) => V::Decimal(self.wide(from, bit, at, stack)?),
            Op::LoadSet(from, bit, kind) => {
                let (eid, cells) = self.source(from, stack)?;
                there(cells, bit, eid)?;
                V::Set(eid.ok_or(Failure::Type)?, kind)
            }
            Op::LoadValue(from, bit, at) => {
                let number = self.cell(from, bit, at, stack)?;
                V::of(self.value(number).ok_or(Failure::Type)?)
            }
            Op::LoadRecord(from, number, within) => {
                let (eid, cells) = self.source(from, stack)?;
                if let Some(bit) = within {
                    there(cells, bit, eid)?;
                }
                let record = pool.records.get(usize::from(number)).ok_or(Failure::Type)?;
                V::Own(Box::new(self.record(eid, cells, record)?))
            }
            Op::Has(from, bit, within) => {
                let (eid, cells) = self.source(from, stack)?;
                if let Some(bit) = within {
                    there(cells, bit, eid)?;
                }
                V::Bool(has_bit(cells, usize::from(bit)))
            }
            Op::Value(_) | Op::Get(_) | Op::HasName(_) | Op::Is(_) | Op::Like(_) => {
                self.rare(op, pool, stack)?
            }
            Op::MakeSet(_) | Op::MakeRecord(_) => make(self, op, pool, stack)?,
            _ => return Err(Failure::Type),
        };
        stack.push(value)
    }

    fn rare(&self, op: Op, pool: &Pool, stack: &mut Stack<'_, 'a>) -> Result<V<'a>, Failure> {
        let name = |n: u16| pool.names.get(usize::from(n)).ok_or(Failure::Type);
        Ok(match op {
            Op::Value(number) => {
                let value = pool.values.get(number as usize);
                V::own(value.cloned().ok_or(Failure::Type)?)
            }
            Op::Get(n) => self.get(&stack.pop()?, name(n)?)?,
            Op::HasName(n) => V::Bool(self.has_name(&stack.pop()?, name(n)?)?),
            Op::Is(wanted) => match stack.pop()? {
                V::Entity(eid) => V::Bool(self.type_of(eid).is_some_and(|ty| Some(ty) == wanted)),
                _ => return Err(Failure::Type),
            },
            Op::Like(n) => {
                let text = stack.pop()?;
                let pattern = pool.patterns.get(usize::from(n)).ok_or(Failure::Type)?;
                V::Bool(pattern.matches(self.text_of(&text)?))
            }
            _ => return Err(Failure::Type),
        })
    }

    /// The cells that an operation reads, and the entity they are of.
    fn source(
        &self,
        from: From,
        stack: &mut Stack<'_, 'a>,
    ) -> Result<(Option<Eid>, &'a [u32]), Failure> {
        Ok(match from {
            From::Principal => (Some(self.query.principal), self.side(Side::Principal).cells),
            From::Resource => (Some(self.query.resource), self.side(Side::Resource).cells),
            From::Context => (None, &self.query.context),
            From::Top => match stack.pop()? {
                V::Entity(eid) => (Some(eid), self.row(eid).cells),
                _ => return Err(Failure::Type),
            },
        })
    }

    fn cell(
        &self,
        from: From,
        bit: u16,
        at: u16,
        stack: &mut Stack<'_, 'a>,
    ) -> Result<u32, Failure> {
        let (eid, cells) = self.source(from, stack)?;
        there(cells, bit, eid)?;
        cells.get(usize::from(at)).copied().ok_or(Failure::Type)
    }

    fn wide(
        &self,
        from: From,
        bit: u16,
        at: u16,
        stack: &mut Stack<'_, 'a>,
    ) -> Result<i64, Failure> {
        let (eid, cells) = self.source(from, stack)?;
        there(cells, bit, eid)?;
        wide_at(cells, usize::from(at)).ok_or(Failure::Type)
    }

    /// The row of an entity, the query's own first; an empty one if there is none.
    #[inline]
    pub(crate) fn row(&self, eid: Eid) -> Row<'a> {
        row_of(self.state, self.query, eid)
    }

    pub(crate) fn type_of(&self, eid: Eid) -> Option<TypeId> {
        self.query
            .local_type(eid)
            .or_else(|| self.state.type_of(eid))
    }

    /// An attribute by name, of a value or an entity.
    fn get(&self, of: &V<'a>, name: &str) -> Result<V<'a>, Failure> {
        match of {
            V::Ref(record) => {
                let field = record.field(name);
                Ok(V::of(field.ok_or(Failure::NoAttribute(None))?))
            }
            V::Own(record) => {
                let field = record.field(name);
                Ok(V::own(field.cloned().ok_or(Failure::NoAttribute(None))?))
            }
            V::Entity(eid) => {
                let missing = Failure::NoAttribute(Some(*eid));
                let field = self.field(*eid, name).ok_or(missing)?;
                let cells = self.row(*eid).cells;
                match has_bit(cells, field.present) {
                    true => self.load(Some(*eid), cells, field),
                    false => Err(missing),
                }
            }
            _ => Err(Failure::Type),
        }
    }

    fn has_name(&self, of: &V<'a>, name: &str) -> Result<bool, Failure> {
        match of {
            V::Entity(eid) => {
                let field = self.field(*eid, name);
                Ok(field.is_some_and(|field| has_bit(self.row(*eid).cells, field.present)))
            }
            other => match other.compound() {
                Some(record @ Canonical::Record(_)) => Ok(record.field(name).is_some()),
                _ => Err(Failure::Type),
            },
        }
    }

    fn field(&self, eid: Eid, name: &str) -> Option<&'a Field> {
        let layout = self.state.layouts().of(self.type_of(eid)?)?;
        layout.record.field(name)
    }

    /// A field that is there.
    fn load(&self, eid: Option<Eid>, cells: &'a [u32], field: &Field) -> Result<V<'a>, Failure> {
        let cell = |at: &usize| cells.get(*at).copied().ok_or(Failure::Type);
        Ok(match &field.slot {
            Slot::Bool(at) => V::Bool(cell(at)? != 0),
            Slot::Text(at) => V::Text(cell(at)?),
            Slot::Entity(at, _) => V::Entity(Eid(cell(at)?)),
            Slot::EntitySet(kind, _) => V::Set(eid.ok_or(Failure::Type)?, *kind),
            Slot::Value(at) => V::of(self.value(cell(at)?).ok_or(Failure::Type)?),
            Slot::Record(record) => V::Own(Box::new(self.record(eid, cells, record)?)),
            Slot::Wide(at, wide) => {
                let number = wide_at(cells, *at).ok_or(Failure::Type)?;
                match wide {
                    Wide::Long => V::Long(number),
                    Wide::Decimal => V::Decimal(number),
                    Wide::Datetime => V::Datetime(number),
                    Wide::Duration => V::Duration(number),
                }
            }
        })
    }

    fn record(
        &self,
        eid: Option<Eid>,
        cells: &'a [u32],
        record: &Record,
    ) -> Result<Canonical, Failure> {
        let there = record
            .fields
            .iter()
            .filter(|(_, field)| has_bit(cells, field.present));
        let fields = there.map(|(name, field)| {
            let value = self.load(eid, cells, field)?;
            Ok((name.clone(), self.canonical(&value)?))
        });
        Ok(Canonical::record(fields.collect::<Result<_, Failure>>()?))
    }
}

/// A set or a record of what is on top of the stack.
fn make<'a>(
    machine: &Machine<'a>,
    op: Op,
    pool: &Pool,
    stack: &mut Stack<'_, 'a>,
) -> Result<V<'a>, Failure> {
    let mut take = |n: usize| -> Result<Vec<Canonical>, Failure> {
        let taken = (0..n).map(|_| machine.canonical(&stack.pop()?));
        let mut taken: Vec<Canonical> = taken.collect::<Result<_, _>>()?;
        taken.reverse();
        Ok(taken)
    };
    Ok(V::own(match op {
        Op::MakeSet(n) => Canonical::set(take(usize::from(n))?),
        Op::MakeRecord(n) => {
            let names = pool.made.get(usize::from(n)).ok_or(Failure::Type)?;
            let values = take(names.len())?;
            Canonical::record(names.iter().cloned().zip(values).collect())
        }
        _ => return Err(Failure::Type),
    }))
}

#[inline]
fn row_of<'a>(state: &'a State, query: &'a Query, eid: Eid) -> Row<'a> {
    query.own_row(eid).unwrap_or_else(|| stored(state, eid))
}

#[inline]
fn stored(state: &State, eid: Eid) -> Row<'_> {
    state.row(eid).unwrap_or(Row::bare(&[]))
}

#[inline]
fn there(cells: &[u32], bit: u16, eid: Option<Eid>) -> Result<(), Failure> {
    match has_bit(cells, usize::from(bit)) {
        true => Ok(()),
        false => Err(Failure::NoAttribute(eid)),
    }
}

/// Values, the last one on top.
struct Stack<'s, 'a> {
    values: &'s mut [V<'a>],
    used: usize,
}

impl<'s, 'a> Stack<'s, 'a> {
    fn new(values: &'s mut [V<'a>]) -> Self {
        Self { values, used: 0 }
    }

    #[inline]
    fn push(&mut self, value: V<'a>) -> Result<(), Failure> {
        // A code never holds more than it says.
        *self.values.get_mut(self.used).ok_or(Failure::Type)? = value;
        self.used += 1;
        Ok(())
    }

    #[inline]
    fn pop(&mut self) -> Result<V<'a>, Failure> {
        self.used = self.used.checked_sub(1).ok_or(Failure::Type)?;
        let top = self.values.get_mut(self.used).ok_or(Failure::Type)?;
        Ok(std::mem::replace(top, V::Bool(false)))
    }
}
