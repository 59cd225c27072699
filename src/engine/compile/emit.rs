//! The typed form to the flat one.

use std::sync::Arc;

use super::code::{Code, From, Op, Pool};
use super::ir::{Ir, Root, Unary};
use crate::engine::canonical::Canonical;
use crate::engine::state::{Record, Slot, Texts, Wide};

/// What cannot be emitted: a number past what an operation can hold. Policies
/// within the limits never come there.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// Emits an expression. Texts get their numbers from the state.
pub(crate) fn emit(ir: &Ir, texts: &mut impl Texts) -> Result<Code, TooLarge> {
    let mut emitter = Emitter {
        ops: Vec::new(),
        pool: Pool::default(),
        depth: 0,
        deepest: 0,
        texts,
    };
    emitter.value(ir)?;
    Ok(Code {
        ops: emitter.ops.into(),
        stack: emitter.deepest,
        pool: emitter.pool,
    })
}

struct Emitter<'t, T> {
    ops: Vec<Op>,
    pool: Pool,
    depth: usize,
    deepest: usize,
    texts: &'t mut T,
}

type Done = Result<(), TooLarge>;

impl<T: Texts> Emitter<'_, T> {
    /// Emits an operation that leaves `more` values more than it found.
    fn push(&mut self, op: Op, more: isize) {
        self.ops.push(op);
        self.depth = self.depth.saturating_add_signed(more);
        self.deepest = self.deepest.max(self.depth);
    }

    fn value(&mut self, ir: &Ir) -> Done {
        match ir {
            Ir::Const(value) => self.constant(value)?,
            Ir::Principal => self.push(Op::Principal, 1),
            Ir::Resource => self.push(Op::Resource, 1),
            Ir::Field(root, field) => {
                let from = self.root(root)?;
                let bit = small(field.present)?;
                let op = match &field.slot {
                    Slot::Record(record) => self.load_record(from, record, Some(field.present))?,
                    slot => load(from, bit, slot)?,
                };
                self.push(op, more(from));
            }
            Ir::Place(root, record, within) => {
                let from = self.root(root)?;
                let op = self.load_record(from, record, *within)?;
                self.push(op, more(from));
            }
            Ir::Has(root, bit, within) => {
                let from = self.root(root)?;
                let within = within.map(small).transpose()?;
                self.push(Op::Has(from, small(*bit)?, within), more(from));
            }
            Ir::Get(inner, name) => {
                self.value(inner)?;
                let name = self.name(name)?;
                self.push(Op::Get(name), 0);
            }
            Ir::HasName(inner, name) => {
                self.value(inner)?;
                let name = self.name(name)?;
                self.push(Op::HasName(name), 0);
            }
            Ir::And(_) | Ir::Or(_) => self.truth(ir)?,
            Ir::If(parts) => self.conditional(parts)?,
            Ir::Unary(op, inner) => {
                self.value(inner)?;
                self.push(Op::Unary(*op), 0);
            }
            Ir::Binary(op, parts) => {
                let [left, right] = parts.as_ref();
                self.value(left)?;
                self.value(right)?;
                self.push(Op::Binary(*op), -1);
            }
            Ir::Is(inner, ty) => {
                self.value(inner)?;
                self.push(Op::Is(*ty), 0);
            }
            Ir::Like(inner, pattern) => {
                self.value(inner)?;
                self.pool.patterns.push(Arc::clone(pattern));
                self.push(Op::Like(small(self.pool.patterns.len() - 1)?), 0);
            }
            Ir::Set(items) => {
                items.iter().try_for_each(|item| self.value(item))?;
                self.push(Op::MakeSet(small(items.len())?), 1 - signed(items.len())?);
            }
            Ir::Record(fields) => {
                fields.iter().try_for_each(|(_, value)| self.value(value))?;
                let names = fields.iter().map(|(name, _)| Arc::clone(name)).collect();
                self.pool.made.push(names);
                let made = small(self.pool.made.len() - 1)?;
                self.push(Op::MakeRecord(made), 1 - signed(fields.len())?);
            }
            Ir::Fail => self.push(Op::Fail, 1),
        }
        Ok(())
    }

    fn constant(&mut self, value: &Canonical) -> Done {
        let op = match value {
            Canonical::Bool(value) => Op::Bool(*value),
            Canonical::Long(value) => Op::Long(*value),
            Canonical::Entity(eid) => Op::Entity(*eid),
            Canonical::String(text) => Op::Text(self.texts.text_number(text)),
            other => {
                self.pool.values.push(other.clone());
                let last = self.pool.values.len() - 1;
                Op::Value(u32::try_from(last).map_err(|_| TooLarge)?)
            }
        };
        self.push(op, 1);
        Ok(())
    }

    fn root(&mut self, root: &Root) -> Result<From, TooLarge> {
        Ok(match root {
            Root::Principal => From::Principal,
            Root::Resource => From::Resource,
            Root::Context => From::Context,
            Root::Of(inner) => {
                self.value(inner)?;
                From::Top
            }
        })
    }

    fn load_record(
        &mut self,
        from: From,
        record: &Arc<Record>,
        within: Option<usize>,
    ) -> Result<Op, TooLarge> {
        self.pool.records.push(Arc::clone(record));
        let number = small(self.pool.records.len() - 1)?;
        Ok(Op::LoadRecord(from, number, within.map(small).transpose()?))
    }

    fn name(&mut self, name: &Arc<str>) -> Result<u16, TooLarge> {
        self.pool.names.push(Arc::clone(name));
        small(self.pool.names.len() - 1)
    }

    fn conditional(&mut self, parts: &[Ir; 3]) -> Done {
        let [test, yes, no] = parts;
        let to_no = self.branch(test, false)?;
        let depth = self.depth;
        self.value(yes)?;
        let to_end = self.ops.len();
        self.ops.push(Op::Jump(0));
        self.depth = depth;
        self.land(&to_no)?;
        self.value(no)?;
        self.land(&[to_end])
    }

    /// A chain of `&&` or `||` as a value.
    fn truth(&mut self, ir: &Ir) -> Done {
        let to_no = self.branch(ir, false)?;
        let depth = self.depth;
        self.push(Op::Bool(true), 1);
        let to_end = self.ops.len();
        self.ops.push(Op::Jump(0));
        self.depth = depth;
        self.land(&to_no)?;
        self.push(Op::Bool(false), 1);
        self.land(&[to_end])
    }

    /// Emits a test; the jumps that it returns are taken when it comes out as
    /// `when`, else what is emitted next is run.
    fn branch(&mut self, ir: &Ir, when: bool) -> Result<Vec<usize>, TooLarge> {
        let (parts, stops) = match ir {
            Ir::Unary(Unary::Not, inner) => return self.branch(inner, !when),
            Ir::And(parts) => (parts, false),
            Ir::Or(parts) => (parts, true),
            other => {
                self.value(other)?;
                self.push(Op::JumpIf(when, 0), -1);
                return Ok(vec![self.ops.len() - 1]);
            }
        };
        if stops == when {
            let jumps = parts.iter().map(|part| self.branch(part, when));
            return Ok(jumps.collect::<Result<Vec<_>, _>>()?.concat());
        }
        let Some((last, before)) = parts.split_last() else {
            return Err(TooLarge);
        };
        let mut past = Vec::new();
        for part in before {
            past.extend(self.branch(part, stops)?);
        }
        let jumps = self.branch(last, when)?;
        self.land(&past)?;
        Ok(jumps)
    }

    /// Points jumps at what is emitted next.
    fn land(&mut self, jumps: &[usize]) -> Done {
        let here = u32::try_from(self.ops.len()).map_err(|_| TooLarge)?;
        for jump in jumps {
            match self.ops.get_mut(*jump) {
                Some(Op::Jump(to) | Op::JumpIf(_, to)) => *to = here,
                _ => return Err(TooLarge),
            }
        }
        Ok(())
    }
}

fn load(from: From, bit: u16, slot: &Slot) -> Result<Op, TooLarge> {
    Ok(match slot {
        Slot::Bool(at) => Op::LoadBool(from, bit, small(*at)?),
        Slot::Text(at) => Op::LoadText(from, bit, small(*at)?),
        Slot::Entity(at, _) => Op::LoadEntity(from, bit, small(*at)?),
        Slot::EntitySet(kind, _) => Op::LoadSet(from, bit, *kind),
        Slot::Value(at) => Op::LoadValue(from, bit, small(*at)?),
        Slot::Wide(at, Wide::Long) => Op::LoadLong(from, bit, small(*at)?),
        Slot::Wide(at, Wide::Decimal) => Op::LoadDecimal(from, bit, small(*at)?),
        Slot::Wide(at, Wide::Datetime) => Op::LoadDatetime(from, bit, small(*at)?),
        Slot::Wide(at, Wide::Duration) => Op::LoadDuration(from, bit, small(*at)?),
        Slot::Record(_) => return Err(TooLarge),
    })
}

/// A row on the stack is taken off, any other is not there.
fn more(from: From) -> isize {
    match from {
        From::Top => 0,
        _ => 1,
    }
}

pub(super) fn small(n: usize) -> Result<u16, TooLarge> {
    u16::try_from(n).map_err(|_| TooLarge)
}

fn signed(n: usize) -> Result<isize, TooLarge> {
    isize::try_from(n).map_err(|_| TooLarge)
}
