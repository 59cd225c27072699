//! Resources that nobody need store, because their ids say where they stand.
//!
//! Most Azure resources are never written down: an id names everything that encloses
//! it, up to a subscription, which is stored. A question about one brings a row for it,
//! and one for each scope between that a link names; what nobody has heard of no policy
//! can tell from nothing. These rows say what entities of the whole way would say.

use smallvec::SmallVec;

use crate::engine::Query;
use crate::engine::state::{Eid, IdHash, LookUp, OwnRow, State, TypeId};

/// Most ids name no more scopes.
const MOST: usize = 4;

/// Where a resource stands by its id alone: in others, whose ids its own begins with.
#[derive(Debug, Clone)]
pub struct Placed {
    /// What encloses it, the nearest first: type, and length of the id in bytes. The
    /// last one is stored; it and the resource are never the same.
    pub within: SmallVec<[(&'static str, usize); MOST]>,
    /// The attribute that each of them has from the last one, and no other.
    pub inherits: &'static str,
}

impl Placed {
    /// Type and id of what encloses a resource of this id, the nearest first.
    pub fn enclosing<'a>(
        &'a self,
        id: &'a str,
    ) -> impl DoubleEndedIterator<Item = (&'static str, &'a str)> {
        let within = self.within.iter();
        within.filter_map(move |(ty, length)| Some((*ty, id.get(..*length)?)))
    }
}

/// The same in a state's types, before ids are looked up.
#[derive(Debug)]
pub(super) struct Around<'q> {
    between: SmallVec<[Place<'q>; MOST]>,
    root: Place<'q>,
    inherits: &'static str,
}

#[derive(Debug, Clone, Copy)]
struct Place<'q> {
    hash: IdHash,
    ty: TypeId,
    id: &'q str,
}

impl<'q> Around<'q> {
    /// None if the schema lacks a type of those.
    pub(super) fn of(state: &State, placed: &'q Placed, id: &'q str) -> Option<Self> {
        let of = |(name, id)| {
            let ty = state.layouts().number(name)?;
            let hash = state.hash(ty, id);
            Some(Place { hash, ty, id })
        };
        let mut between = SmallVec::new();
        for place in placed.enclosing(id) {
            between.push(of(place)?);
        }
        let root = between.pop()?;
        Some(Self {
            between,
            root,
            inherits: placed.inherits,
        })
    }

    /// Asks for what a stage of the look-ups will need.
    pub(super) fn ask_ahead(&self, state: &State, stage: LookUp) {
        for place in self.between.iter().chain([&self.root]) {
            state.ask_for_id(place.hash, stage);
        }
    }

    /// Puts the resource into a query, and what it stands in. None if something is
    /// stored that was not to be, or does not fit.
    pub(super) fn place(
        &self,
        state: &State,
        query: &mut Query,
        resource: (Option<Eid>, TypeId, &str),
    ) -> Option<()> {
        let find = |place: &Place<'_>| state.find_hashed(place.hash, place.ty, place.id);
        let root = find(&self.root)?;
        let inherited = (self.inherits, state.inheritable(root, self.inherits)?);
        let mut rows = SmallVec::<[(Eid, TypeId); MOST]>::new();
        for place in &self.between {
            // Of what nobody has heard there is nothing to tell.
            rows.extend(find(place).map(|eid| (eid, place.ty)));
        }
        let named = rows.iter().map(|(eid, _)| *eid);
        let above: SmallVec<[Eid; 8]> = named.chain(state.with_ancestors(root)?).collect();
        let (known, ty, id) = resource;
        query.resource = match known {
            Some(known) => known,
            None => query.local(ty, &state.layouts().uid(ty, id)?),
        };
        let all = std::iter::once((query.resource, ty)).chain(rows.iter().copied());
        for (at, (eid, ty)) in all.enumerate() {
            let row = OwnRow::placed(state, (eid, ty), inherited, above.get(at..)?)?;
            query.bring(eid, row)?;
        }
        Some(())
    }
}
