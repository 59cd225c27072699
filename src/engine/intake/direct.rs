//! The direct way of a plain question: from how it was asked to its [`Query`], with no
//! [`Request`](crate::engine::Request) between.
//!
//! Most questions are plain. Both parties are known, or the resource stands by its id in
//! one that is ([`Placed`](super::Placed)); they bring no properties, and the context
//! holds nothing but declared booleans, whole numbers, texts and known
//! entities; those are read straight into the cells that policies look at. Whatever
//! else a question is, wrong ones included, it is not plain, and goes the whole way:
//! [`prepare_at`](super::prepare_at), then [`Query::new`]. What is wrong with a question
//! and what of it does not count is said there and nowhere else.
//!
//! INVARIANT (same query): where there is a query here, the whole way has one that is
//! decided the same, and drops nothing of the question.

use smallvec::SmallVec;

use super::placed::Around;
use super::{ACTION, Ask, NOW, Now, Party, Posed};
use crate::engine::compile::Asked;
use crate::engine::query::local_number;
use crate::engine::state::{
    Eid, Field, IdHash, LookUp, Slot, TypeId, Wide, has_bit, set_bit, set_wide,
};
use crate::engine::{AHEAD, Input, Query, Snapshot};

/// The query of a plain question; none of any other. For the question the domain
/// supplies no entities, or those that the place of the resource stands for.
#[must_use]
pub fn direct(snapshot: &Snapshot, posed: Posed<'_>, now: &Now) -> Option<Query> {
    let plain = Plain::of(snapshot, posed)?;
    for stage in snapshot.state().look_ups() {
        plain.ask_ahead(*stage);
    }
    plain.query(now)
}

/// The same of some questions, in their order; the look-ups of their ids overlap.
pub fn direct_batch<'q>(
    snapshot: &'q Snapshot,
    asks: impl IntoIterator<Item = Posed<'q>>,
    now: &Now,
) -> Vec<Option<Query>> {
    let mut asks = asks.into_iter();
    let mut queries = Vec::with_capacity(asks.size_hint().0);
    let mut some = SmallVec::<[Option<Plain<'q>>; AHEAD]>::new();
    loop {
        let next = asks.by_ref().take(AHEAD);
        some.extend(next.map(|posed| Plain::of(snapshot, posed)));
        if some.is_empty() {
            return queries;
        }
        for stage in snapshot.state().look_ups() {
            let plain = some.iter().flatten();
            plain.for_each(|plain| plain.ask_ahead(*stage));
        }
        queries.extend(some.drain(..).map(|plain| plain?.query(now)));
    }
}

/// A question that may be plain, before its ids are looked up.
struct Plain<'q> {
    snapshot: &'q Snapshot,
    ask: &'q Ask<'q>,
    asked: Asked<'q>,
    principal: IdHash,
    resource: IdHash,
    /// Apart: few questions have one, and the others are moved.
    around: Option<Box<Around<'q>>>,
}

impl<'q> Plain<'q> {
    fn of(snapshot: &'q Snapshot, (ask, placed): Posed<'q>) -> Option<Self> {
        let (state, program) = (snapshot.state(), snapshot.program());
        let brought = [
            &ask.principal.properties,
            &ask.resource.properties,
            &ask.action_properties,
        ];
        // The reference evaluator asks for the request itself.
        if program.asks_reference() || brought.into_iter().any(|given| !given.is_empty()) {
            return None;
        }
        let action = program.action(ask.action_type.as_deref(), &ask.action)?;
        let asked = action.applied(&ask.principal.ty, &ask.resource.ty)?;
        let [principal, resource] = asked.types;
        let around = match placed {
            Some(placed) => Some(Box::new(Around::of(state, placed, &ask.resource.id)?)),
            None => None,
        };
        Some(Self {
            around,
            snapshot,
            ask,
            asked,
            principal: state.hash(principal, &ask.principal.id),
            resource: state.hash(resource, &ask.resource.id),
        })
    }

    /// Asks for what a stage of the look-ups will need.
    fn ask_ahead(&self, stage: LookUp) {
        let state = self.snapshot.state();
        state.ask_for_id(self.principal, stage);
        state.ask_for_id(self.resource, stage);
        self.around
            .iter()
            .for_each(|around| around.ask_ahead(state, stage));
    }

    fn query(&self, now: &Now) -> Option<Query> {
        let [principal, resource] = self.asked.types;
        let mut query = Query {
            snapshot: self.snapshot.id(),
            environment: self.asked.environment,
            principal: self.known((self.principal, principal), &self.ask.principal)?,
            resource: Eid::NONE,
            context: SmallVec::from_elem(0, self.asked.action.context.cells),
            texts: SmallVec::new(),
            more: None,
        };
        let known = self.known((self.resource, resource), &self.ask.resource);
        match &self.around {
            None => query.resource = known?,
            Some(around) => {
                let named = (known, resource, self.ask.resource.id.as_ref());
                around.place(self.snapshot.state(), &mut query, named)?;
            }
        }
        self.take_context(&mut query)?;
        self.take_clock(&mut query, now)?;
        let mut required = self.asked.action.context.record.required.iter();
        required
            .all(|bit| has_bit(&query.context, *bit))
            .then_some(query)
    }

    fn known(&self, (hash, ty): (IdHash, TypeId), party: &Party<'_>) -> Option<Eid> {
        self.snapshot.state().find_hashed(hash, ty, &party.id)
    }

    /// Reads what the caller says: each member declared, and once.
    fn take_context(&self, query: &mut Query) -> Option<()> {
        let declared = &self.asked.action.context.record.declared;
        for member in &self.ask.context {
            let is_it = |name: &str| *name == *member.name;
            let field = &declared.iter().find(|one| is_it(&one.name))?.field;
            if is_it(NOW) || has_bit(&query.context, field.present) {
                return None;
            }
            set_bit(&mut query.context, field.present);
            self.take(field, &member.value, query)?;
        }
        Some(())
    }

    fn take(&self, field: &Field, value: &Input<'_>, query: &mut Query) -> Option<()> {
        match (&field.slot, value) {
            (Slot::Bool(at), Input::Bool(value)) => put(&mut query.context, *at, u32::from(*value)),
            (Slot::Wide(at, Wide::Long), Input::Long(value)) => {
                set_wide(&mut query.context, *at, *value)
            }
            (Slot::Text(at), Input::String(text)) => {
                query.texts.push(text.as_ref().into());
                let number = local_number(query.texts.len());
                put(&mut query.context, *at, number)
            }
            (Slot::Entity(at, ty), Input::String(id)) => {
                let state = self.snapshot.state();
                let ids = state.layouts().of(*ty)?.ids.as_ref();
                if ids.is_some_and(|ids| !ids.contains(id.as_ref())) {
                    return None;
                }
                let eid = state.find(*ty, id)?;
                put(&mut query.context, *at, eid.0)
            }
            _ => None,
        }
    }

    /// Fills in the decider's clock where it is declared. An action that takes
    /// properties is not plain.
    fn take_clock(&self, query: &mut Query, now: &Now) -> Option<()> {
        for one in &self.asked.action.context.record.declared {
            let (at, number) = match (&*one.name, &one.field.slot) {
                (ACTION, _) => return None,
                (NOW, Slot::Wide(at, Wide::Datetime)) => (*at, now.milliseconds()?),
                (NOW, Slot::Wide(at, Wide::Long)) => (*at, now.second()),
                _ => continue,
            };
            set_bit(&mut query.context, one.field.present);
            set_wide(&mut query.context, at, number)?;
        }
        Some(())
    }
}

fn put(cells: &mut [u32], at: usize, number: u32) -> Option<()> {
    *cells.get_mut(at)? = number;
    Some(())
}
