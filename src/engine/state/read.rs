//! Rows as data again: for explanations, listings, exports and the oracle.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::EntityUid;

use super::eid::Eid;
use super::layout::{Field, Record, Slot, Wide};
use super::links::LinkRef;
use super::lists::{Kind, entity_of};
use super::segment::Row;
use super::table::{State, flag};
use super::write::has_bit;
use crate::engine::canonical::Canonical;
use crate::engine::extension::{print_datetime, print_decimal, print_duration};
use crate::engine::{Change, EdgeKind, EntityData, Link, StandingPolicy, Value};
use crate::policy::Extension;

/// Standing policies by id.
pub(crate) type StandingPolicies = imbl::OrdMap<String, Arc<StandingPolicy>>;

/// The facts of a snapshot, as data.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    state: &'a State,
    standing: &'a StandingPolicies,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(state: &'a State, standing: &'a StandingPolicies) -> Self {
        Self { state, standing }
    }

    /// An entity with its parents, if it is stored or has parents.
    #[must_use]
    pub fn entity(self, uid: &EntityUid) -> Option<EntityData> {
        self.state.entity(self.state.lookup(uid)?)
    }

    /// The same without its parents, of which there may be very many. Not of actions,
    /// which are the schema's.
    pub(crate) fn entity_alone(self, uid: &EntityUid) -> Option<EntityData> {
        let eid = self.state.lookup(uid)?;
        let layout = self.state.layout_of(eid)?;
        (!layout.is_action).then(|| self.state.entity_alone(eid))?
    }

    /// Whether an entity is stored or has parents.
    #[must_use]
    pub fn knows(self, uid: &EntityUid) -> bool {
        let found = self.state.lookup(uid);
        found.is_some_and(|eid| self.state.is_known(eid))
    }

    /// All entities that are stored or have parents, types in order, then as they
    /// were first heard of.
    pub fn entities(self) -> impl Iterator<Item = EntityData> + 'a {
        let types = self.state.layouts().types();
        let types = types.filter(|(_, layout)| !layout.is_action);
        let all = types.flat_map(|(ty, _)| self.state.all_of(ty));
        all.filter_map(|eid| self.state.entity(eid))
    }

    /// How many entities are stored.
    #[must_use]
    pub fn entity_count(self) -> usize {
        self.state.counts().stored
    }

    /// How many links there are.
    #[must_use]
    pub fn link_count(self) -> usize {
        self.state.counts().links
    }

    /// How many memberships there are.
    #[must_use]
    pub fn edge_count(self) -> usize {
        self.state.counts().edges
    }

    /// Direct parents of an entity, in order of their ids.
    pub fn parents(self, uid: &EntityUid) -> impl Iterator<Item = (EntityUid, EdgeKind)> {
        let found = self.state.lookup(uid);
        let parents = found.into_iter().flat_map(|eid| self.state.parents_of(eid));
        let parents = parents.filter_map(|(eid, kind)| Some((self.state.uid(eid)?, kind)));
        let parents: BTreeMap<EntityUid, EdgeKind> = parents.collect();
        parents.into_iter()
    }

    /// Members of an entity by explicit edges only (A-DAP-06).
    pub fn explicit_members(self, parent: &EntityUid) -> impl Iterator<Item = EntityUid> + 'a {
        let found = self.state.lookup(parent);
        let members = found.into_iter().flat_map(move |parent| {
            let narrow = self.state.entries(parent, Kind::CHILD);
            let all = narrow.chain(self.state.entries(parent, Kind::WIDE_CHILD));
            all.map(entity_of).filter(move |child| {
                let mut edges = self.state.parents_of(*child);
                edges.any(|edge| edge == (parent, EdgeKind::Explicit))
            })
        });
        members.filter_map(|eid| self.state.uid(eid))
    }

    /// All links.
    pub fn links(self) -> impl Iterator<Item = Link> + 'a {
        self.state
            .all_links()
            .filter_map(|link| self.state.link_of(link))
    }

    /// The links whose scope is the resource or above it, or whose principal is
    /// the principal or above it.
    #[must_use]
    pub fn links_near(self, principal: &[EntityUid], resource: &[EntityUid]) -> Vec<Link> {
        let of = |uids: &[EntityUid]| -> Vec<Eid> {
            uids.iter()
                .filter_map(|uid| self.state.lookup(uid))
                .collect()
        };
        let of_principal = of(principal);
        let of_principal = of_principal
            .into_iter()
            .flat_map(|eid| self.state.links_of(eid));
        let at_resource = of(resource);
        let at_resource = at_resource
            .into_iter()
            .flat_map(|eid| self.state.links_at(eid));
        let found: std::collections::BTreeSet<LinkRef> = at_resource.chain(of_principal).collect();
        let mut found: Vec<Link> = found
            .into_iter()
            .filter_map(|link| self.state.link_of(link))
            .collect();
        found.sort();
        found
    }

    /// All standing policies, by id.
    pub fn policies(self) -> impl Iterator<Item = &'a StandingPolicy> {
        self.standing.values().map(Arc::as_ref)
    }

    /// One standing policy by id.
    #[must_use]
    pub fn policy(self, id: &str) -> Option<&'a StandingPolicy> {
        self.standing.get(id).map(Arc::as_ref)
    }

    /// Everything as the changes that would make it.
    pub fn changes(self) -> impl Iterator<Item = Change> + 'a {
        let entities = self.entities().flat_map(|mut entity| {
            let parents = std::mem::take(&mut entity.parents);
            let child = entity.uid.clone();
            let edges = parents
                .into_iter()
                .map(move |(parent, kind)| Change::AddEdge {
                    child: child.clone(),
                    parent,
                    kind,
                });
            let known = self.state.lookup(&entity.uid);
            let stored = known.is_some_and(|eid| self.state.is_stored(eid));
            let put = stored.then_some(Change::PutEntity(entity));
            put.into_iter().chain(edges)
        });
        let policies = self.policies().cloned().map(Box::new);
        let links = self.links().map(Change::AddLink);
        entities.chain(links).chain(policies.map(Change::PutPolicy))
    }
}

impl PartialEq for Facts<'_> {
    /// Whether the same is known, however it came about.
    fn eq(&self, other: &Self) -> bool {
        let entities = |facts: &Self| -> BTreeMap<EntityUid, EntityData> {
            facts
                .entities()
                .map(|entity| (entity.uid.clone(), entity))
                .collect()
        };
        let links = |facts: &Self| facts.links().collect::<std::collections::BTreeSet<Link>>();
        entities(self) == entities(other)
            && links(self) == links(other)
            && self.policies().eq(other.policies())
    }
}

impl State {
    pub(crate) fn uid(&self, eid: Eid) -> Option<EntityUid> {
        self.layouts().uid(self.type_of(eid)?, self.text(eid)?)
    }

    pub(crate) fn is_stored(&self, eid: Eid) -> bool {
        self.has_flag(eid, flag::STORED)
    }

    /// Whether an entity is stored or has parents.
    pub(crate) fn is_known(&self, eid: Eid) -> bool {
        self.has_flag(eid, flag::STORED | flag::PARENTS)
    }

    fn has_flag(&self, eid: Eid, bits: u32) -> bool {
        self.row(eid).is_some_and(|row| row.has_flag(bits))
    }

    pub(crate) fn link_of(&self, link: LinkRef) -> Option<Link> {
        let slot = |eid: Eid| (eid != Eid::NONE).then(|| self.uid(eid)).flatten();
        Some(Link {
            template: self.template_slots(link.template)?.id.to_string(),
            principal: slot(link.principal),
            resource: slot(link.resource),
        })
    }

    pub(crate) fn entity(&self, eid: Eid) -> Option<EntityData> {
        let mut entity = self.entity_alone(eid)?;
        let parents = self.parents_of(eid);
        entity.parents = parents
            .filter_map(|(eid, kind)| Some((self.uid(eid)?, kind)))
            .collect();
        Some(entity)
    }

    fn entity_alone(&self, eid: Eid) -> Option<EntityData> {
        if !self.is_known(eid) {
            return None;
        }
        let (row, layout) = (self.row(eid)?, self.layout_of(eid)?);
        let mut entity = EntityData::new(self.uid(eid)?);
        entity.attrs = self.values_of(row, &layout.record);
        if let Some((at, _)) = layout
            .tags
            .as_ref()
            .filter(|_| has_bit(row.cells, layout.tags_present))
        {
            let tags = row.cells.get(*at).and_then(|n| self.values.value(*n));
            if let Some(Value::Record(tags)) = tags.and_then(|tags| self.as_data(tags)) {
                entity.tags = tags;
            }
        }
        Some(entity)
    }

    fn values_of(&self, row: Row<'_>, record: &Record) -> BTreeMap<String, Value> {
        let there = record
            .fields
            .iter()
            .filter(|(_, field)| has_bit(row.cells, field.present));
        there
            .filter_map(|(name, field)| Some((name.to_string(), self.value_of(row, field)?)))
            .collect()
    }

    fn value_of(&self, row: Row<'_>, field: &Field) -> Option<Value> {
        let cell = |at: &usize| row.cells.get(*at).copied();
        match &field.slot {
            Slot::Bool(at) => Some(Value::Bool(cell(at)? != 0)),
            Slot::Text(at) => self.values.text(cell(at)?).cloned().map(Value::String),
            Slot::Entity(at, _) => self.uid(Eid(cell(at)?)).map(Value::Entity),
            Slot::Value(at) => self.as_data(self.values.value(cell(at)?)?),
            Slot::Record(inner) => Some(Value::Record(self.values_of(row, inner))),
            Slot::EntitySet(kind, _) => {
                let items = row.lists().of(*kind).map(entity_of);
                let mut items: Vec<Value> = items
                    .filter_map(|eid| self.uid(eid).map(Value::Entity))
                    .collect();
                items.sort();
                Some(Value::Set(items))
            }
            Slot::Wide(at, wide) => {
                let number = wide_at(row.cells, *at)?;
                self.as_data(&match wide {
                    Wide::Long => Canonical::Long(number),
                    Wide::Decimal => Canonical::Decimal(number),
                    Wide::Datetime => Canonical::Datetime(number),
                    Wide::Duration => Canonical::Duration(number),
                })
            }
        }
    }

    /// A value as data.
    pub(crate) fn as_data(&self, value: &Canonical) -> Option<Value> {
        let extension = |kind, text: String| Value::Extension(kind, text.into());
        Some(match value {
            Canonical::Bool(value) => Value::Bool(*value),
            Canonical::Long(value) => Value::Long(*value),
            Canonical::String(text) => Value::String(Arc::clone(text)),
            Canonical::Entity(eid) => Value::Entity(self.uid(*eid)?),
            Canonical::Decimal(n) => extension(Extension::Decimal, print_decimal(*n)),
            Canonical::Datetime(ms) => extension(Extension::Datetime, print_datetime(*ms)),
            Canonical::Duration(ms) => extension(Extension::Duration, print_duration(*ms)),
            Canonical::Ip(ip) => extension(Extension::Ip, ip.print()),
            Canonical::Set(items) => {
                let items = items.iter().map(|item| self.as_data(item));
                let mut items = items.collect::<Option<Vec<_>>>()?;
                items.sort();
                Value::Set(items)
            }
            Canonical::Record(fields) => {
                let fields = fields.iter();
                let fields =
                    fields.map(|(name, value)| Some((name.to_string(), self.as_data(value)?)));
                Value::Record(fields.collect::<Option<_>>()?)
            }
        })
    }
}

/// 64 bits over two cells.
#[inline]
pub(crate) fn wide_at(cells: &[u32], at: usize) -> Option<i64> {
    let low = u64::from(*cells.get(at)?);
    let high = u64::from(*cells.get(at + 1)?);
    Some((high << 32 | low).cast_signed())
}
