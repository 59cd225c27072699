//! Conditions as graphs of tests: the form that decisions run.
//!
//! A node asks one thing and says where to go on, so that a condition is walked
//! without a stack, and `&&`, `||`, `!` and if-then-else cost nothing. What
//! policies ask most (memberships, elements of sets of entities, equality of
//! entities and texts, presence, patterns) are tests of their own; anything else
//! is a [`Code`] that leaves a boolean.
//!
//! INVARIANT (order): the nodes of a graph are come to in the order of Cedar's
//! evaluation, and none that Cedar would not evaluate.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::code::Code;
use super::emit::{TooLarge, emit, small};
use super::ir::{Binary, Ir, Root, Unary};
use super::pattern::{Pattern, Patterns};
use crate::engine::canonical::Canonical;
use crate::engine::state::{Eid, Field, Kind, Slot, State, Texts, TypeId, bit};

/// A condition.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    pub(crate) nodes: Box<[Node]>,
    pub(crate) start: Target,
}

/// A test and where it leads.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) test: Test,
    pub(crate) yes: Target,
    pub(crate) no: Target,
    /// The bit under which its answer is kept for other policies that ask the same;
    /// zero if none does.
    pub(crate) shared: u64,
}

/// A node by number, or the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target(u16);

/// Answers that an environment's policies can share.
const SHARED_MAX: u32 = 64;

/// Tests among which equal ones are looked for: comparing all would take a large
/// policy set too long.
const KNOWN_MAX: usize = 256;

/// Something that is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// Whether an attribute is there.
    Has(Owner, u16),
    Bool(Place),
    /// Whether one entity is the other or in it.
    In(Ent, Ent),
    /// Whether an entity is one of these or in one.
    InAny(Ent, Box<Uppers>),
    /// The same with entities that are read; all are read before any is asked.
    InEach(Ent, Box<[Ent]>),
    Same(Ent, Ent),
    /// Whether an entity is one of these.
    Among(Ent, Box<[Eid]>),
    /// Whether a text is the one of a number.
    Text(Place, u32),
    /// Whether a text matches one of some patterns.
    Like(Place, Box<Patterns>),
    /// Whether a set of entities holds one.
    Holds(Set, Ent),
    /// Whether every element of a set of entities is one of these, which are in
    /// order.
    AllAmong(Set, Box<[Eid]>),
    Code(Box<Code>),
}

/// Constant entities that another may be in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Uppers {
    pub(crate) all: Box<[Eid]>,
    /// The [`bit`] of each.
    pub(crate) bits: u64,
    /// The types that they are of.
    pub(crate) types: Box<[TypeId]>,
}

/// An entity, or the context, whose attributes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    At(Row),
    /// The entity in the cell of one of those.
    Via(Cell),
}

/// An entity as an attribute of principal, resource or context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) of: Row,
    pub(crate) present: u16,
    pub(crate) at: u16,
}

/// A row that is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    Principal,
    Resource,
    Context,
}

/// An attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) owner: Owner,
    pub(crate) present: u16,
    pub(crate) at: u16,
}

/// An attribute that is a set of entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) owner: Owner,
    pub(crate) present: u16,
    pub(crate) kind: Kind,
}

/// An entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ent {
    Principal,
    Resource,
    Const(Eid),
    At(Place),
}

impl Target {
    pub(crate) const TRUE: Self = Self(u16::MAX);
    pub(crate) const FALSE: Self = Self(u16::MAX - 1);

    /// Its place among the nodes; that of an end is past them.
    #[inline]
    pub(crate) fn place(self) -> usize {
        usize::from(self.0)
    }
}

impl Graph {
    /// The cells that it follows to another row.
    pub(super) fn hops(&self) -> impl Iterator<Item = Cell> + '_ {
        let owners = self.nodes.iter().flat_map(|node| node.test.owners());
        owners.filter_map(|owner| match owner {
            Owner::Via(cell) => Some(cell),
            Owner::At(_) => None,
        })
    }

    /// The cells of such rows that hold entities in which another may be.
    pub(super) fn further(&self) -> impl Iterator<Item = (Cell, u16)> + '_ {
        let uppers = self.nodes.iter().flat_map(|node| match &node.test {
            Test::In(_, upper) => std::slice::from_ref(upper),
            Test::InEach(_, uppers) => uppers,
            _ => &[],
        });
        uppers.filter_map(|upper| match upper {
            Ent::At(Place {
                owner: Owner::Via(cell),
                at,
                ..
            }) => Some((*cell, *at)),
            _ => None,
        })
    }
}

impl Test {
    /// Whose attributes it reads.
    fn owners(&self) -> Vec<Owner> {
        let of = |ent: &Ent| match ent {
            Ent::At(place) => Some(place.owner),
            Ent::Principal | Ent::Resource | Ent::Const(_) => None,
        };
        match self {
            Self::Has(owner, _) => vec![*owner],
            Self::Bool(place) | Self::Text(place, _) | Self::Like(place, _) => vec![place.owner],
            Self::In(one, other) | Self::Same(one, other) => {
                [one, other].into_iter().filter_map(of).collect()
            }
            Self::InAny(one, ..) | Self::Among(one, _) => of(one).into_iter().collect(),
            Self::InEach(one, all) => [one].into_iter().chain(all).filter_map(of).collect(),
            Self::Holds(set, one) => [Some(set.owner), of(one)].into_iter().flatten().collect(),
            Self::AllAmong(set, _) => vec![set.owner],
            Self::Code(_) => Vec::new(),
        }
    }
}

/// Makes the graph of a condition. Texts get their numbers from the state.
pub(super) fn graph(ir: &Ir, state: &mut State) -> Result<Graph, TooLarge> {
    let mut builder = Builder {
        nodes: Vec::new(),
        state,
    };
    let start = builder.branch(ir, Target::TRUE, Target::FALSE)?;
    Ok(Graph {
        nodes: builder.nodes.into(),
        start,
    })
}

/// Gives tests that several graphs ask a place to keep the answer.
pub(super) fn share<'g>(graphs: impl Iterator<Item = &'g mut Graph>) {
    // How often, and where it is first asked.
    let mut known: Vec<(&Test, &mut u64)> = Vec::new();
    let mut given = 0;
    for node in graphs.flat_map(|graph| graph.nodes.iter_mut()) {
        // Asking again is as cheap as looking up the answer.
        if matches!(node.test, Test::Has(Owner::At(_), _)) {
            continue;
        }
        let Node { test, shared, .. } = node;
        let at = known.iter().position(|(other, _)| **other == *test);
        if let Some((_, first)) = at.and_then(|at| known.get_mut(at)) {
            if **first == 0 && given < SHARED_MAX {
                **first = 1 << given;
                given += 1;
            }
            *shared = **first;
        } else if known.len() < KNOWN_MAX {
            known.push((test, shared));
        }
    }
}

struct Builder<'s> {
    nodes: Vec<Node>,
    state: &'s mut State,
}

impl Builder<'_> {
    /// Numbers from here on are ends.
    const NODES_MAX: u16 = Target::FALSE.0;

    /// The node where a condition begins that goes on at `yes` or at `no`. Made
    /// from its end, so that where to go on is always there already.
    fn branch(&mut self, ir: &Ir, yes: Target, no: Target) -> Result<Target, TooLarge> {
        match ir {
            Ir::Const(Canonical::Bool(true)) => Ok(yes),
            Ir::Const(Canonical::Bool(false)) => Ok(no),
            Ir::And(parts) => {
                let mut parts = parts.iter().rev();
                parts.try_fold(yes, |next, part| self.branch(part, next, no))
            }
            Ir::Or(parts) => {
                let (mut rest, mut next) = (parts.as_slice(), no);
                while let Some((last, before)) = rest.split_last() {
                    (rest, next) = match alike(rest) {
                        // Patterns of one text are asked together.
                        Some((test, before)) => (before, self.node(test, yes, next)?),
                        None => (before, self.branch(last, yes, next)?),
                    };
                }
                Ok(next)
            }
            Ir::Unary(Unary::Not, inner) => self.branch(inner, no, yes),
            Ir::If(parts) => {
                let [test, then, otherwise] = parts.as_ref();
                let then = self.branch(then, yes, no)?;
                let otherwise = self.branch(otherwise, yes, no)?;
                self.branch(test, then, otherwise)
            }
            Ir::Binary(Binary::NotEq, parts) => match equal(parts, self.state) {
                Some(test) => self.node(test, no, yes),
                None => self.code(ir, yes, no),
            },
            other => match self.test(other) {
                Some(test) => self.node(test, yes, no),
                None => self.code(ir, yes, no),
            },
        }
    }

    fn code(&mut self, ir: &Ir, yes: Target, no: Target) -> Result<Target, TooLarge> {
        let code = emit(ir, self.state)?;
        self.node(Test::Code(Box::new(code)), yes, no)
    }

    fn node(&mut self, test: Test, yes: Target, no: Target) -> Result<Target, TooLarge> {
        let number = Target(small(self.nodes.len())?);
        if number.0 >= Self::NODES_MAX {
            return Err(TooLarge);
        }
        self.nodes.push(Node {
            test,
            yes,
            no,
            shared: 0,
        });
        Ok(number)
    }

    /// The test that an expression is, if it is one of the simple ones.
    fn test(&mut self, ir: &Ir) -> Option<Test> {
        match ir {
            Ir::Has(root, bit, None) => Some(Test::Has(owner(root)?, small(*bit).ok()?)),
            Ir::Field(root, field) => match field.slot {
                Slot::Bool(at) => Some(Test::Bool(place(root, field, at)?)),
                _ => None,
            },
            Ir::Like(..) => {
                let (place, pattern) = like(ir)?;
                let patterns = Patterns::new([Arc::clone(pattern)].into());
                Some(Test::Like(place, Box::new(patterns)))
            }
            Ir::Binary(op, parts) => {
                let [left, right] = parts.as_ref();
                match op {
                    Binary::Eq => equal(parts, self.state),
                    Binary::In => within(left, right, self.state),
                    Binary::Contains => match constants(left) {
                        Some(all) => Some(Test::Among(ent(right)?, all)),
                        None => Some(Test::Holds(set(left)?, ent(right)?)),
                    },
                    Binary::ContainsAll => Some(Test::AllAmong(set(right)?, constants(left)?)),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// A text attribute and the pattern that it is to match.
fn like(ir: &Ir) -> Option<(Place, &Arc<Pattern>)> {
    let Ir::Like(inner, pattern) = ir else {
        return None;
    };
    let Ir::Field(root, field) = inner.as_ref() else {
        return None;
    };
    let Slot::Text(at) = field.slot else {
        return None;
    };
    Some((place(root, field, at)?, pattern))
}

/// The patterns of one text at the end of a disjunction, if they are several, as
/// one test: they read the same, so they fail together. And what comes before.
fn alike(parts: &[Ir]) -> Option<(Test, &[Ir])> {
    let (of, _) = parts.last().and_then(like)?;
    let alike = parts.iter().rev().map_while(like);
    let alike = alike.take_while(|(place, _)| *place == of);
    let mut patterns: Vec<_> = alike.map(|(_, pattern)| Arc::clone(pattern)).collect();
    patterns.reverse();
    let before = parts.get(..parts.len() - patterns.len())?;
    let patterns = (patterns.len() > 1).then(|| Patterns::new(patterns.into()))?;
    Some((Test::Like(of, Box::new(patterns)), before))
}

fn within(lower: &Ir, upper: &Ir, state: &State) -> Option<Test> {
    let lower = ent(lower)?;
    if let Some(all) = constants(upper) {
        let types: BTreeSet<TypeId> = all.iter().filter_map(|eid| state.type_of(*eid)).collect();
        let uppers = Uppers {
            bits: all.iter().fold(0, |bits, eid| bits | bit(*eid)),
            all,
            types: types.into_iter().collect(),
        };
        return Some(Test::InAny(lower, Box::new(uppers)));
    }
    if let Ir::Set(items) = upper {
        let items = items.iter().map(ent);
        return Some(Test::InEach(lower, items.collect::<Option<_>>()?));
    }
    Some(Test::In(lower, ent(upper)?))
}

fn equal(parts: &[Ir; 2], texts: &mut impl Texts) -> Option<Test> {
    let [left, right] = parts;
    if let (Some(left), Some(right)) = (ent(left), ent(right)) {
        return Some(Test::Same(left, right));
    }
    let (Ir::Field(root, field), Ir::Const(Canonical::String(text))) = (left, right) else {
        return None;
    };
    let Slot::Text(at) = field.slot else {
        return None;
    };
    let place = place(root, field, at)?;
    Some(Test::Text(place, texts.text_number(text)))
}

fn ent(ir: &Ir) -> Option<Ent> {
    match ir {
        Ir::Principal => Some(Ent::Principal),
        Ir::Resource => Some(Ent::Resource),
        Ir::Const(Canonical::Entity(eid)) => Some(Ent::Const(*eid)),
        Ir::Field(root, field) => match field.slot {
            Slot::Entity(at, _) => Some(Ent::At(place(root, field, at)?)),
            _ => None,
        },
        _ => None,
    }
}

/// A constant set of nothing but entities.
fn constants(ir: &Ir) -> Option<Box<[Eid]>> {
    let Ir::Const(Canonical::Set(items)) = ir else {
        return None;
    };
    let items = items.iter().map(|item| match item {
        Canonical::Entity(eid) => Some(*eid),
        _ => None,
    });
    items.collect()
}

fn set(ir: &Ir) -> Option<Set> {
    let Ir::Field(root, field) = ir else {
        return None;
    };
    let Slot::EntitySet(kind, _) = field.slot else {
        return None;
    };
    Some(Set {
        owner: owner(root)?,
        present: small(field.present).ok()?,
        kind,
    })
}

fn place(root: &Root, field: &Field, at: usize) -> Option<Place> {
    Some(Place {
        owner: owner(root)?,
        present: small(field.present).ok()?,
        at: small(at).ok()?,
    })
}

fn owner(root: &Root) -> Option<Owner> {
    let Root::Of(inner) = root else {
        return row(root).map(Owner::At);
    };
    match inner.as_ref() {
        Ir::Principal => Some(Owner::At(Row::Principal)),
        Ir::Resource => Some(Owner::At(Row::Resource)),
        Ir::Field(root, field) => {
            let Slot::Entity(at, _) = field.slot else {
                return None;
            };
            let (present, at) = (small(field.present).ok()?, small(at).ok()?);
            let of = row(root)?;
            Some(Owner::Via(Cell { of, present, at }))
        }
        _ => None,
    }
}

fn row(root: &Root) -> Option<Row> {
    match root {
        Root::Principal => Some(Row::Principal),
        Root::Resource => Some(Row::Resource),
        Root::Context => Some(Row::Context),
        Root::Of(_) => None,
    }
}
