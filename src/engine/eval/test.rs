//! The walk through a condition's graph, and what its tests ask.

use crate::engine::compile::graph::{
    Cell, Ent, Graph, Owner, Place, Row as Side, Set, Target, Test,
};
use crate::engine::eval::{Failure, Machine, V};
use crate::engine::query::LOCAL;
use crate::engine::state::{Eid, Row, entity_of, has_bit};

impl<'a> Machine<'a> {
    /// Whether a condition holds; none if it fails, for the reason then in
    /// [`Machine::failure`].
    pub(crate) fn holds(&self, graph: &Graph) -> Option<bool> {
        let mut target = graph.start;
        while let Some(node) = graph.nodes.get(target.place()) {
            let held = match self.asked.get() & node.shared {
                0 => self.ask(&node.test)?,
                _ => self.held.get() & node.shared != 0,
            };
            // A test that failed is asked again, and fails again.
            self.asked.set(self.asked.get() | node.shared);
            if held {
                self.held.set(self.held.get() | node.shared);
            }
            target = if held { node.yes } else { node.no };
        }
        Some(target == Target::TRUE)
    }

    #[inline]
    fn ask(&self, test: &Test) -> Option<bool> {
        Some(match test {
            Test::Has(owner, bit) => has_bit(self.cells(*owner)?, usize::from(*bit)),
            Test::Bool(place) => self.read(*place)? != 0,
            Test::In(lower, upper) => {
                let (lower, upper) = (self.ent(*lower)?, self.ent(*upper)?);
                self.is_in(lower, upper)
            }
            Test::InAny(Ent::Principal, uppers) => self.is_principal_in_any(uppers),
            Test::InAny(lower, uppers) => {
                let lower = self.ent(*lower)?;
                uppers.all.iter().any(|upper| self.is_in(lower, *upper))
            }
            Test::InEach(lower, uppers) => {
                let lower = self.ent(*lower)?;
                let mut found = false;
                for upper in uppers {
                    let upper = self.ent(*upper)?;
                    found = found || self.is_in(lower, upper);
                }
                found
            }
            Test::Same(one, other) => self.ent(*one)? == self.ent(*other)?,
            Test::Among(one, all) => {
                let one = self.ent(*one)?;
                all.contains(&one)
            }
            Test::Text(place, wanted) => self.is_text(*place, *wanted)?,
            Test::Like(place, patterns) => {
                let text = self.known_text(self.read(*place)?)?;
                patterns.matches(text)
            }
            Test::Holds(set, item) => {
                let row = self.set(*set)?;
                let item = self.ent(*item)?;
                row.lists().has(set.kind, item)
            }
            Test::AllAmong(set, all) => {
                let mut items = self.set(*set)?.lists().of(set.kind).map(entity_of);
                items.all(|item| all.binary_search(&item).is_ok())
            }
            Test::Code(code) => match self.run(code) {
                Ok(V::Bool(value)) => value,
                Ok(_) => return self.fail(Failure::Type),
                Err(failure) => return self.fail(failure),
            },
        })
    }

    #[cold]
    fn fail<T>(&self, failure: Failure) -> Option<T> {
        self.failed.set(failure);
        None
    }

    /// Why the last test failed that did.
    pub(crate) fn failure(&self) -> Failure {
        self.failed.get()
    }

    #[inline]
    fn ent(&self, ent: Ent) -> Option<Eid> {
        Some(match ent {
            Ent::Principal => self.query.principal,
            Ent::Resource => self.query.resource,
            Ent::Const(eid) => eid,
            Ent::At(place) => Eid(self.read(place)?),
        })
    }

    /// The cell of an attribute that must be there.
    #[inline]
    fn read(&self, place: Place) -> Option<u32> {
        let cells = self.cells(place.owner)?;
        if !has_bit(cells, usize::from(place.present)) {
            return self.absent(place.owner);
        }
        cells.get(usize::from(place.at)).copied()
    }

    #[inline]
    fn cells(&self, owner: Owner) -> Option<&'a [u32]> {
        match owner {
            Owner::At(side) => Some(self.side(side).cells),
            Owner::Via(cell) => Some(self.near(self.via(cell)?).cells),
        }
    }

    /// The entity in a cell.
    #[inline]
    fn via(&self, cell: Cell) -> Option<Eid> {
        let cells = self.side(cell.of).cells;
        if !has_bit(cells, usize::from(cell.present)) {
            return self.absent(Owner::At(cell.of));
        }
        cells.get(usize::from(cell.at)).copied().map(Eid)
    }

    #[cold]
    fn absent<T>(&self, owner: Owner) -> Option<T> {
        let eid = match owner {
            Owner::At(Side::Principal) => Some(self.query.principal),
            Owner::At(Side::Resource) => Some(self.query.resource),
            Owner::At(Side::Context) => None,
            Owner::Via(cell) => Some(self.via(cell)?),
        };
        self.fail(Failure::NoAttribute(eid))
    }

    /// The row of an entity that policies ask for again and again.
    #[inline]
    fn near(&self, eid: Eid) -> Row<'a> {
        let (known, row) = self.near.get();
        if known == eid {
            return row;
        }
        let row = self.row(eid);
        self.near.set((eid, row));
        row
    }

    /// The row whose lists hold a set's elements; the set must be there.
    #[inline]
    fn set(&self, set: Set) -> Option<Row<'a>> {
        let row = match set.owner {
            Owner::At(Side::Context) => return self.fail(Failure::Type),
            Owner::At(side) => self.side(side),
            Owner::Via(cell) => self.near(self.via(cell)?),
        };
        match has_bit(row.cells, usize::from(set.present)) {
            true => Some(row),
            false => self.absent(set.owner),
        }
    }

    fn is_text(&self, place: Place, wanted: u32) -> Option<bool> {
        let number = self.read(place)?;
        if number & LOCAL == 0 {
            return Some(number == wanted);
        }
        Some(self.known_text(number)? == self.known_text(wanted)?)
    }

    #[inline]
    fn known_text(&self, number: u32) -> Option<&'a str> {
        match self.text(number) {
            Some(text) => Some(text),
            None => self.fail(Failure::Type),
        }
    }
}
