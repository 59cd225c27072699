//! A request over the ids of one snapshot: what the fast path decides.
//!
//! Making one costs two look-ups of ids; deciding it costs none. What the
//! snapshot has never heard of (ids, texts, values) stays in the query under
//! numbers of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::EntityUid;
use smallvec::SmallVec;

use super::canonical::Canonical;
use super::compile::Asked;
use super::state::{
    Cells, Eid, IdHash, LookUp, Narrow, Numbers, OwnRow, Row, State, Texts, TypeId, fill,
};
use super::{EngineError, EntityData, Problem, Request, Snapshot, display_uid};

/// Marks numbers of texts and values that the query itself holds.
pub(crate) const LOCAL: u32 = 1 << 31;

/// A request with interned ids, good for the snapshot that it was made for. Small:
/// most questions are two cache lines.
#[derive(Debug, Clone)]
pub struct Query {
    pub(super) snapshot: u64,
    pub(super) environment: u32,
    pub(crate) principal: Eid,
    pub(crate) resource: Eid,
    pub(crate) context: SmallVec<[u32; 8]>,
    pub(crate) texts: SmallVec<[Arc<str>; 1]>,
    pub(super) more: Option<Box<More>>,
}

/// What few questions have.
#[derive(Debug, Clone, Default)]
pub(super) struct More {
    values: Vec<Canonical>,
    /// Entities that the snapshot has never heard of.
    unknown: Vec<(TypeId, EntityUid)>,
    /// Rows that count for this question only.
    own: Vec<(Eid, OwnRow)>,
    /// Whether nothing that is stored is in one of those, and what they are in is
    /// stored.
    placed: bool,
    /// The request itself, where the reference evaluator must be asked.
    request: Option<Request>,
    /// Whether the reference evaluator decides the whole.
    by_reference: bool,
}

impl Query {
    /// Interns a request.
    ///
    /// # Errors
    /// [`Problem::NotApplicable`] if the schema has no such request, and
    /// [`Problem::Refused`] if the context or an entity that the request brings
    /// is not of the declared type.
    pub fn new(snapshot: &Snapshot, request: &Request) -> Result<Self, Problem> {
        let naming = Naming::new(snapshot, request)?;
        for stage in snapshot.state().look_ups() {
            naming.ask_ahead(snapshot.state(), *stage);
        }
        Self::named(snapshot, request, &naming)
    }

    /// The same of a request whose names are known already.
    pub(super) fn named(
        snapshot: &Snapshot,
        request: &Request,
        naming: &Naming<'_>,
    ) -> Result<Self, Problem> {
        let (state, program) = (snapshot.state(), snapshot.program());
        let context = &naming.asked.action.context;
        let mut query = Self {
            snapshot: snapshot.id(),
            environment: naming.asked.environment,
            principal: Eid::NONE,
            resource: Eid::NONE,
            context: SmallVec::new(),
            texts: SmallVec::new(),
            more: None,
        };
        query.principal = query.entity_of(state, &naming.principal);
        query.resource = query.entity_of(state, &naming.resource);
        let mut cells = Cells::new(context.cells);
        let mut numbering = Numbering {
            state,
            query: &mut query,
        };
        let (record, values) = (&context.record, &request.context);
        fill(
            state.layouts(),
            &mut numbering,
            record,
            values,
            true,
            &mut cells,
        )
        .map_err(|message| refused(format!("the context: {message}")))?;
        query.context = SmallVec::from_slice(&cells.cells);
        if !request.entities.is_empty() {
            query.take_own(state, &request.entities)?;
        }
        if query.by_reference() || program.asks_reference() {
            query.more_mut().request = Some(request.clone());
        }
        Ok(query)
    }

    fn entity_of(&mut self, state: &State, named: &Named<'_>) -> Eid {
        let found = state.find_hashed(named.hash, named.ty, named.uid.id().unescaped());
        found.unwrap_or_else(|| self.local(named.ty, named.uid))
    }

    /// The number of an entity that the snapshot has not heard of.
    pub(super) fn local(&mut self, ty: TypeId, uid: &EntityUid) -> Eid {
        let unknown = &mut self.more_mut().unknown;
        let known = unknown.iter().position(|(_, known)| known == uid);
        Eid::local(known.unwrap_or_else(|| {
            unknown.push((ty, uid.clone()));
            unknown.len() - 1
        }))
    }

    /// The number of an entity, if the snapshot or the query knows it.
    pub(super) fn find(&self, state: &State, uid: &EntityUid) -> Option<Eid> {
        let unknown = || {
            let unknown = &self.more.as_ref()?.unknown;
            let at = unknown.iter().position(|(_, known)| known == uid)?;
            Some(Eid::local(at))
        };
        state.lookup(uid).or_else(unknown)
    }

    /// The type of an entity that only the query knows.
    pub(crate) fn local_type(&self, eid: Eid) -> Option<TypeId> {
        let more = self.more.as_ref()?;
        more.unknown.get(eid.as_local()?).map(|(ty, _)| *ty)
    }

    fn more_mut(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Whether the question brings rows of its own.
    #[inline]
    pub(crate) fn has_own(&self) -> bool {
        self.more.as_ref().is_some_and(|more| !more.own.is_empty())
    }

    /// Whether rows of the question may say something new about what the principal is
    /// in.
    #[inline]
    pub(crate) fn may_move_principal(&self) -> bool {
        let more = self.more.as_ref();
        more.is_some_and(|more| !more.own.is_empty() && !more.placed)
    }

    /// The row of the resource, if it is in all that its row says and in nothing else.
    #[inline]
    pub(crate) fn placed_resource(&self) -> Option<Row<'_>> {
        let more = self.more.as_ref().filter(|more| more.placed)?;
        more.own.first().map(|(_, row)| row.row())
    }

    /// Takes the row of a placed entity, that of the resource first; none if it is the
    /// principal's.
    pub(super) fn bring(&mut self, eid: Eid, row: OwnRow) -> Option<()> {
        if eid == self.principal {
            return None;
        }
        let more = self.more_mut();
        more.placed = true;
        more.own.push((eid, row));
        Some(())
    }

    /// A value that only the question knows.
    pub(crate) fn value(&self, number: u32) -> Option<&Canonical> {
        self.more.as_ref()?.values.get((number & !LOCAL) as usize)
    }

    /// Whether the reference evaluator decides the whole.
    pub(super) fn by_reference(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.by_reference)
    }

    /// The request itself, if the reference evaluator may be asked.
    pub(super) fn request(&self) -> Option<&Request> {
        self.more.as_ref()?.request.as_ref()
    }

    /// Puts the entity that a search has come to into the request as well.
    pub(super) fn name_again(&mut self, state: &State, resource: bool) {
        let uid = match resource {
            true => self.uid(state, self.resource),
            false => self.uid(state, self.principal),
        };
        let request = self.more.as_mut().and_then(|more| more.request.as_mut());
        if let (Some(request), Some(uid)) = (request, uid) {
            match resource {
                true => request.resource = uid,
                false => request.principal = uid,
            }
        }
    }

    /// The row that the query brings for an entity.
    #[inline]
    pub(crate) fn own_row(&self, eid: Eid) -> Option<Row<'_>> {
        let more = self.more.as_ref()?;
        let found = more.own.iter().find(|(own, _)| *own == eid);
        found.map(|(_, row)| row.row())
    }

    pub(crate) fn uid(&self, state: &State, eid: Eid) -> Option<EntityUid> {
        match eid.as_local() {
            Some(n) => {
                let unknown = self.more.as_ref().map(|more| more.unknown.as_slice());
                unknown?.get(n).map(|(_, uid)| uid.clone())
            }
            None => state.uid(eid),
        }
    }

    /// Takes the entities that count for this question only.
    fn take_own(&mut self, state: &State, entities: &[EntityData]) -> Result<(), Problem> {
        let mut numbered = Vec::new();
        for entity in entities {
            let named = Named::new(state, &entity.uid)?;
            numbered.push((self.entity_of(state, &named), named.ty, entity));
        }
        let mut rows = Vec::new();
        for (eid, ty, entity) in &numbered {
            let mut numbering = Numbering { state, query: self };
            let row = OwnRow::new(state, &mut numbering, (*eid, *ty), entity);
            let mut row = row.map_err(|message| {
                refused(format!("entity `{}`: {message}", display_uid(&entity.uid)))
            })?;
            let parents = self.parents(state, entity)?;
            let known = eid.as_local().is_none() && state.is_known(*eid);
            if known {
                // Other parents than the stored ones would be others for all below.
                let other = state.parent_set(*eid) != parents;
                self.more_mut().by_reference |= other;
            } else {
                let above = self.above(state, parents, &numbered)?;
                row.set_ancestors(state, *ty, &above);
            }
            rows.push((*eid, row));
        }
        self.more_mut().own = rows;
        Ok(())
    }

    fn parents(&mut self, state: &State, entity: &EntityData) -> Result<BTreeSet<Eid>, Problem> {
        let mut found = BTreeSet::new();
        for parent in entity.parents.keys() {
            found.insert(self.entity_of(state, &Named::new(state, parent)?));
        }
        Ok(found)
    }

    /// All that is above some entities, those that the question brings included.
    fn above(
        &mut self,
        state: &State,
        from: BTreeSet<Eid>,
        own: &[(Eid, TypeId, &EntityData)],
    ) -> Result<BTreeSet<Eid>, Problem> {
        let mut found = BTreeSet::new();
        let mut open: Vec<Eid> = from.into_iter().collect();
        while let Some(eid) = open.pop() {
            if !found.insert(eid) {
                continue;
            }
            match own.iter().find(|(own, ..)| *own == eid) {
                Some((_, _, entity)) => open.extend(self.parents(state, entity)?),
                None => open.extend(state.all_ancestors(eid)),
            }
        }
        Ok(found)
    }

    /// Whether one entity is the other or in it, with the rows of the query.
    pub(crate) fn is_in(&self, state: &State, lower: Eid, upper: Eid) -> bool {
        if lower == upper || state.is_in(lower, upper) {
            return true;
        }
        // Of a stored entity the state knows more than its own row does.
        let own = self.own_ancestors(state, lower);
        if let Some(above) = own.filter(|_| !state.is_known(lower)) {
            return above
                .into_iter()
                .any(|eid| eid == upper || state.is_in(eid, upper));
        }
        let own = self.more.as_ref().map(|more| more.own.as_slice());
        own.unwrap_or_default().iter().any(|(own, _)| {
            *own != lower && state.is_in(lower, *own) && self.is_in(state, *own, upper)
        })
    }

    /// The ancestors of an entity whose row the query brings and nobody stores.
    pub(super) fn own_ancestors(&self, state: &State, eid: Eid) -> Option<Vec<Eid>> {
        let row = self.own_row(eid)?;
        let ty = self.local_type(eid).or_else(|| state.type_of(eid))?;
        let nearest = state.layouts().of(ty)?.nearest;
        Some(Narrow::of(row, nearest).iter().collect())
    }
}

/// What a request names, before its ids are looked up.
pub(super) struct Naming<'a> {
    asked: Asked<'a>,
    principal: Named<'a>,
    resource: Named<'a>,
}

impl<'a> Naming<'a> {
    /// # Errors
    /// [`Problem`] if the schema has no such request.
    pub(super) fn new(snapshot: &'a Snapshot, request: &'a Request) -> Result<Self, Problem> {
        let (state, program) = (snapshot.state(), snapshot.program());
        let Some(asked) = program.asked(request) else {
            return Err(not_asked(state, request));
        };
        let [principal, resource] = asked.types;
        Ok(Self {
            asked,
            principal: Named::of(state, principal, &request.principal),
            resource: Named::of(state, resource, &request.resource),
        })
    }

    /// Asks for what a stage of the look-ups will need.
    pub(super) fn ask_ahead(&self, state: &State, stage: LookUp) {
        state.ask_for_id(self.principal.hash, stage);
        state.ask_for_id(self.resource.hash, stage);
    }
}

/// Why the schema has no such request.
#[cold]
fn not_asked(state: &State, request: &Request) -> Problem {
    let unknown = [&request.principal, &request.resource]
        .into_iter()
        .find_map(|uid| Named::new(state, uid).err());
    unknown.unwrap_or_else(|| Problem::NotApplicable {
        action: request.action.id().unescaped().to_owned(),
        principal: request.principal.type_name().to_string(),
        resource: request.resource.type_name().to_string(),
    })
}

/// An entity that is named, before it is looked up.
struct Named<'a> {
    ty: TypeId,
    uid: &'a EntityUid,
    hash: IdHash,
}

impl<'a> Named<'a> {
    fn new(state: &State, uid: &'a EntityUid) -> Result<Self, Problem> {
        let ty = state.layouts().type_number(uid.type_name());
        let ty = ty.ok_or_else(|| Problem::UnknownType {
            name: uid.type_name().to_string(),
        })?;
        Ok(Self::of(state, ty, uid))
    }

    #[inline]
    fn of(state: &State, ty: TypeId, uid: &'a EntityUid) -> Self {
        let hash = state.hash(ty, uid.id().unescaped());
        Self { ty, uid, hash }
    }
}

/// Numbers for what a query holds: the state's where it has heard of it.
struct Numbering<'a> {
    state: &'a State,
    query: &'a mut Query,
}

impl Texts for Numbering<'_> {
    fn text_number(&mut self, text: &Arc<str>) -> u32 {
        self.query.texts.push(Arc::clone(text));
        local_number(self.query.texts.len())
    }

    fn value_number(&mut self, value: Canonical) -> u32 {
        let values = &mut self.query.more_mut().values;
        values.push(value);
        local_number(values.len())
    }
}

impl Numbers for Numbering<'_> {
    fn entity(&mut self, ty: TypeId, uid: &EntityUid) -> Result<Eid, EngineError> {
        let found = self.state.find(ty, uid.id().unescaped());
        Ok(found.unwrap_or_else(|| self.query.local(ty, uid)))
    }
}

/// The number of the last of so many texts or values that a query holds.
pub(super) fn local_number(count: usize) -> u32 {
    LOCAL | u32::try_from(count - 1).unwrap_or(LOCAL - 1)
}

fn refused(message: String) -> Problem {
    Problem::Refused { message }
}
