//! Changes into rows: every value is checked against the schema as it goes in.
//!
//! INVARIANT (valid rows): a stored row has exactly the attributes and tags that
//! its type declares, of the declared types, the required ones included.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use smallvec::SmallVec;

use super::eid::{Eid, TypeId};
use super::hierarchy::EdgeRefused;
use super::layout::{Field, Layouts, Record, Slot, TypeLayout, Wide};
use super::links::LinkRef;
use super::lists::{Kind, entity_of};
use super::table::{State, flag};
use super::values::Texts;
use crate::engine::canonical::Canonical;
use crate::engine::extension::{IpRange, parse_datetime, parse_decimal, parse_duration};
use crate::engine::{Change, EngineError, EntityData, Link, Value, display_uid};
use crate::policy::{Extension, Type};

/// What a row refers to, by inverted list, in order.
type References = SmallVec<[(Kind, Eid); 8]>;

/// Gives numbers to what values hold: the state, or one query for itself.
pub(crate) trait Numbers: Texts {
    /// The number of an entity of the type.
    fn entity(&mut self, ty: TypeId, uid: &EntityUid) -> Result<Eid, EngineError>;
}

impl Texts for State {
    fn text_number(&mut self, text: &Arc<str>) -> u32 {
        self.values.text_number(text)
    }

    fn value_number(&mut self, value: Canonical) -> u32 {
        self.values.value_number(value)
    }
}

impl Numbers for State {
    fn entity(&mut self, ty: TypeId, uid: &EntityUid) -> Result<Eid, EngineError> {
        self.intern(ty, uid.id().unescaped())
    }
}

/// A row or context as it is filled.
#[derive(Debug)]
pub(crate) struct Cells {
    pub(crate) cells: SmallVec<[u32; CELLS]>,
    /// Elements of the sets of entities.
    pub(crate) sets: Vec<(Kind, Eid)>,
}

/// Cells that are filled without asking for memory: most rows have fewer.
pub(super) const CELLS: usize = 40;

impl Cells {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            cells: SmallVec::from_elem(0, count),
            sets: Vec::new(),
        }
    }
}

/// Why a value was not taken: `attribute`: what.
pub(crate) type Refusal = String;

impl Layouts {
    /// The number of a type by its name, without building the name's text.
    pub(crate) fn type_number(&self, name: &EntityTypeName) -> Option<TypeId> {
        match name.namespace_components().next() {
            None => self.number(name.basename()),
            Some(_) => self.number(&name.to_string()),
        }
    }
}

/// Fills the cells of a record. `complete` asks for the required attributes.
pub(crate) fn fill(
    layouts: &Layouts,
    numbers: &mut impl Numbers,
    record: &Record,
    values: &BTreeMap<String, Value>,
    complete: bool,
    into: &mut Cells,
) -> Result<(), Refusal> {
    let mut declared = record.declared.iter();
    for (name, value) in values {
        // Both are in order of the names, so that one that is passed comes no more.
        let Some(one) = declared.find(|one| *one.name == **name) else {
            return Err(format!("the schema declares no attribute `{name}`"));
        };
        put(layouts, numbers, &one.field, &one.ty, value, into)
            .map_err(|message| format!("attribute `{name}`: {message}"))?;
    }
    let mut required = record.required.iter();
    let missing = required.find(|bit| complete && !has_bit(&into.cells, **bit));
    let Some(missing) = missing else {
        return Ok(());
    };
    let mut declared = record.declared.iter();
    let missing = declared.find(|one| one.field.present == *missing);
    let name = missing.map_or("", |one| &one.name);
    Err(format!("the required attribute `{name}` is missing"))
}

fn put(
    layouts: &Layouts,
    numbers: &mut impl Numbers,
    field: &Field,
    ty: &Type,
    value: &Value,
    into: &mut Cells,
) -> Result<(), Refusal> {
    set_bit(&mut into.cells, field.present);
    match (&field.slot, value) {
        (Slot::Record(record), Value::Record(fields)) => {
            return fill(layouts, numbers, record, fields, true, into);
        }
        (Slot::EntitySet(kind, of), Value::Set(items)) => {
            for item in items {
                let eid = entity(layouts, numbers, *of, item)
                    .map_err(|e| e.unwrap_or_else(|| wrong(ty)))?;
                into.sets.push((*kind, eid));
            }
            return Ok(());
        }
        _ => {}
    }
    let (at, number) = match (&field.slot, value) {
        (Slot::Bool(at), Value::Bool(value)) => (*at, u32::from(*value)),
        (Slot::Text(at), Value::String(text)) => (*at, numbers.text_number(text)),
        (Slot::Entity(at, of), value) => {
            let eid =
                entity(layouts, numbers, *of, value).map_err(|e| e.unwrap_or_else(|| wrong(ty)))?;
            (*at, eid.0)
        }
        (Slot::Wide(at, wide), value) => {
            let number = wide_of(*wide, value).ok_or_else(|| wrong(ty))?;
            return set_wide(&mut into.cells, *at, number).ok_or_else(|| wrong(ty));
        }
        (Slot::Value(at), value) => {
            let value = canonical(layouts, numbers, ty, value)?;
            (*at, numbers.value_number(value))
        }
        _ => return Err(wrong(ty)),
    };
    if let Some(cell) = into.cells.get_mut(at) {
        *cell = number;
    }
    Ok(())
}

/// An entity of a type. `Err(None)` if the value is none.
fn entity(
    layouts: &Layouts,
    numbers: &mut impl Numbers,
    of: TypeId,
    value: &Value,
) -> Result<Eid, Option<Refusal>> {
    let Value::Entity(uid) = value else {
        return Err(None);
    };
    if layouts.type_number(uid.type_name()) != Some(of) {
        return Err(None);
    }
    check_enumerated(layouts.of(of), uid).map_err(Some)?;
    numbers
        .entity(of, uid)
        .map_err(|error| Some(error.to_string()))
}

fn check_enumerated(layout: Option<&TypeLayout>, uid: &EntityUid) -> Result<(), Refusal> {
    let ids = layout.and_then(|layout| layout.ids.as_ref());
    match ids.filter(|ids| !ids.contains(uid.id().unescaped())) {
        Some(ids) => {
            let known: Vec<&str> = ids.iter().map(String::as_str).collect();
            let known = known.join("`, `");
            Err(format!(
                "there is no `{}`; there are `{known}`",
                display_uid(uid)
            ))
        }
        None => Ok(()),
    }
}

/// A value of a type in canonical form.
pub(crate) fn canonical(
    layouts: &Layouts,
    numbers: &mut impl Numbers,
    ty: &Type,
    value: &Value,
) -> Result<Canonical, Refusal> {
    Ok(match (ty, value) {
        (Type::Bool, Value::Bool(value)) => Canonical::Bool(*value),
        (Type::Long, Value::Long(value)) => Canonical::Long(*value),
        (Type::String, Value::String(text)) => Canonical::String(Arc::clone(text)),
        (Type::Entity(name), value) => {
            let of = layouts.number(name).ok_or_else(|| wrong(ty))?;
            let eid = entity(layouts, numbers, of, value);
            Canonical::Entity(eid.map_err(|e| e.unwrap_or_else(|| wrong(ty)))?)
        }
        (Type::Set(element), Value::Set(items)) => {
            let items = items
                .iter()
                .map(|item| canonical(layouts, numbers, element, item));
            Canonical::set(items.collect::<Result<_, _>>()?)
        }
        (Type::Record(shape), Value::Record(fields)) => {
            let missing = shape
                .iter()
                .find(|(name, a)| a.required && !fields.contains_key(*name));
            if let Some((name, _)) = missing {
                return Err(format!("the required attribute `{name}` is missing"));
            }
            let fields = fields.iter().map(|(name, value)| {
                let declared = shape.get(name);
                let declared =
                    declared.ok_or_else(|| format!("the schema declares no attribute `{name}`"))?;
                let value = canonical(layouts, numbers, &declared.ty, value)?;
                Ok((Arc::from(name.as_str()), value))
            });
            Canonical::record(fields.collect::<Result<_, Refusal>>()?)
        }
        (Type::Extension(extension), Value::Extension(given, text)) if extension == given => {
            let parsed = match extension {
                Extension::Decimal => parse_decimal(text).map(Canonical::Decimal),
                Extension::Datetime => parse_datetime(text).map(Canonical::Datetime),
                Extension::Duration => parse_duration(text).map(Canonical::Duration),
                Extension::Ip => IpRange::parse(text).map(Canonical::Ip),
            };
            parsed.ok_or_else(|| format!("`{text}` is not a {}", extension.constructor()))?
        }
        _ => return Err(wrong(ty)),
    })
}

fn wide_of(wide: Wide, value: &Value) -> Option<i64> {
    match (wide, value) {
        (Wide::Long, Value::Long(value)) => Some(*value),
        (Wide::Decimal, Value::Extension(Extension::Decimal, text)) => parse_decimal(text),
        (Wide::Datetime, Value::Extension(Extension::Datetime, text)) => parse_datetime(text),
        (Wide::Duration, Value::Extension(Extension::Duration, text)) => parse_duration(text),
        _ => None,
    }
}

fn wrong(ty: &Type) -> Refusal {
    let wanted = match ty {
        Type::Bool => "a boolean".to_owned(),
        Type::Long => "a whole number".to_owned(),
        Type::String => "a string".to_owned(),
        Type::Entity(name) => format!("a `{name}`"),
        Type::Set(_) => "a set of the declared type".to_owned(),
        Type::Record(_) => "a record of the declared attributes".to_owned(),
        Type::Extension(extension) => format!("a {} in its own form", extension.constructor()),
    };
    format!("it takes {wanted}")
}

pub(crate) fn set_bit(cells: &mut [u32], bit: usize) {
    if let Some(cell) = cells.get_mut(bit / 32) {
        *cell |= 1 << (bit % 32);
    }
}

/// Writes 64 bits over two cells.
#[expect(clippy::cast_possible_truncation, reason = "the two halves of 64 bits")]
pub(crate) fn set_wide(cells: &mut [u32], at: usize, number: i64) -> Option<()> {
    let bits = number.cast_unsigned();
    *cells.get_mut(at)? = bits as u32;
    *cells.get_mut(at + 1)? = (bits >> 32) as u32;
    Some(())
}

impl State {
    /// Applies one change. A change that is refused may leave half of itself
    /// behind: the caller drops the state it was applied to.
    pub(crate) fn apply(&mut self, change: Change) -> Result<(), EngineError> {
        match change {
            Change::PutEntity(entity) => self.put_entity(&entity),
            Change::RemoveEntity(uid) => {
                if let Some(eid) = self.lookup(&uid) {
                    self.clear(eid);
                }
                Ok(())
            }
            Change::AddEdge {
                child,
                parent,
                kind,
            } => self.edge(&child, &parent, kind),
            Change::RemoveEdge { child, parent } => {
                if let (Some(child), Some(parent)) = (self.lookup(&child), self.lookup(&parent)) {
                    self.remove_edge(child, parent);
                }
                Ok(())
            }
            Change::AddLink(link) => {
                let link = self.link(&link)?;
                self.add_link(link);
                Ok(())
            }
            Change::RemoveLink(link) => {
                let link = self.link(&link)?;
                self.remove_link(link);
                Ok(())
            }
            // Standing policies belong to the program.
            Change::PutPolicy(_) | Change::RemovePolicy(_) => Ok(()),
        }
    }

    /// The number of an entity that was heard of.
    pub(crate) fn lookup(&self, uid: &EntityUid) -> Option<Eid> {
        let ty = self.layouts.type_number(uid.type_name())?;
        self.find(ty, uid.id().unescaped())
    }

    pub(crate) fn intern_uid(&mut self, uid: &EntityUid) -> Result<Eid, EngineError> {
        let ty = self.layouts.type_number(uid.type_name());
        let ty = ty.ok_or_else(|| entity_error(uid, "the schema has no such entity type"))?;
        check_enumerated(self.layouts.of(ty), uid).map_err(|message| entity_error(uid, message))?;
        self.intern(ty, uid.id().unescaped())
    }

    pub(super) fn edge(
        &mut self,
        child: &EntityUid,
        parent: &EntityUid,
        kind: crate::engine::EdgeKind,
    ) -> Result<(), EngineError> {
        let (lower, upper) = (self.intern_uid(child)?, self.intern_uid(parent)?);
        self.join_to((lower, child), (upper, parent), kind)
    }

    fn join_to(
        &mut self,
        (lower, child): (Eid, &EntityUid),
        (upper, parent): (Eid, &EntityUid),
        kind: crate::engine::EdgeKind,
    ) -> Result<(), EngineError> {
        self.add_edge(lower, upper, kind).map_err(|refused| {
            let parent = display_uid(parent);
            let message = match refused {
                EdgeRefused::Types => format!("the schema lets it be in no `{parent}`"),
                EdgeRefused::Cycle => {
                    format!("`{parent}` is in it already: memberships may not go in a circle")
                }
            };
            entity_error(child, message)
        })
    }

    fn put_entity(&mut self, entity: &EntityData) -> Result<(), EngineError> {
        let refused = |message: Refusal| entity_error(&entity.uid, message);
        let eid = self.intern_uid(&entity.uid)?;
        let layouts = Arc::clone(&self.layouts);
        let Some(layout) = self.type_of(eid).and_then(|ty| layouts.of(ty)) else {
            return Ok(());
        };
        let mut cells = Cells::new(layout.cells);
        let (record, attrs) = (&layout.record, &entity.attrs);
        fill(&layouts, self, record, attrs, true, &mut cells).map_err(refused)?;
        if let Some(tags) = tags_of(&layouts, self, layout, entity).map_err(refused)? {
            let number = self.values.value_number(tags);
            set_bit(&mut cells.cells, layout.tags_present);
            if let Some(cell) = layout
                .tags
                .as_ref()
                .and_then(|(at, _)| cells.cells.get_mut(*at))
            {
                *cell = number;
            }
        }
        let before = match self.is_stored(eid) {
            true => self.references(eid, layout),
            false => References::new(),
        };
        self.write_row(eid, layout, &cells);
        self.turn_references(eid, &before, &self.references(eid, layout));
        for (parent, kind) in &entity.parents {
            let upper = self.intern_uid(parent)?;
            self.join_to((eid, &entity.uid), (upper, parent), *kind)?;
        }
        Ok(())
    }

    /// Puts attributes, tags and sets in the place of what was there. Lists of
    /// other kinds, ancestors and the id stay.
    fn write_row(&mut self, eid: Eid, layout: &TypeLayout, new: &Cells) {
        let kept = flag::VIA | flag::LINKS | flag::PARENTS | flag::WIDE;
        let Some(stored) = self.edit(eid) else {
            return;
        };
        let was_stored = stored.cells.first().is_some_and(|c| c & flag::STORED != 0);
        let end = layout.nearest.map_or(layout.cells, |(at, _)| at);
        for (n, (old, new)) in stored
            .cells
            .iter_mut()
            .zip(&new.cells)
            .take(end)
            .enumerate()
        {
            match n {
                0 => *old = (*old & kept) | (new & !flag::ALL) | flag::STORED,
                n if n == layout.text => {}
                _ => *old = *new,
            }
        }
        let sets = stored.lists.borrow();
        let sets = sets
            .iter()
            .filter(|entry| is_set(super::lists::kind_of(*entry)));
        let old: SmallVec<[u64; 8]> = sets.collect();
        let new = new.sets.iter();
        let new = new.map(|(kind, item)| super::lists::entry(*kind, *item, 0));
        let mut new: SmallVec<[u64; 8]> = new.collect();
        new.sort_unstable();
        for gone in old.iter().filter(|entry| new.binary_search(entry).is_err()) {
            stored.lists.remove(*gone);
        }
        for come in new {
            stored.lists.insert(come);
        }
        self.counts.stored += usize::from(!was_stored);
    }

    /// Takes attributes, tags and sets away. Edges and links stay.
    fn clear(&mut self, eid: Eid) {
        let layouts = Arc::clone(&self.layouts);
        let Some(layout) = self.type_of(eid).and_then(|ty| layouts.of(ty)) else {
            return;
        };
        if !self.is_stored(eid) {
            return;
        }
        let before = self.references(eid, layout);
        self.write_row(eid, layout, &Cells::new(layout.cells));
        if let Some(row) = self.edit(eid)
            && let Some(cell) = row.cells.first_mut()
        {
            *cell &= !flag::STORED;
        }
        self.counts.stored -= 1;
        self.turn_references(eid, &before, &References::new());
    }

    /// What a row refers to, as far as inverted lists are kept.
    fn references(&self, eid: Eid, layout: &TypeLayout) -> References {
        let mut found = References::new();
        let Some(row) = self.row(eid).filter(|_| !self.inverted.is_empty()) else {
            return found;
        };
        for field in &layout.referring {
            let there = has_bit(row.cells, field.present);
            let kept = field
                .inverted
                .filter(|kind| there && self.inverted.contains(kind));
            match (&field.slot, kept) {
                (Slot::Entity(at, _), Some(kind)) => {
                    found.extend(row.cells.get(*at).map(|number| (kind, Eid(*number))));
                }
                (Slot::EntitySet(set, _), Some(kind)) => {
                    found.extend(row.lists().of(*set).map(|entry| (kind, entity_of(entry))));
                }
                _ => {}
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn turn_references(&mut self, owner: Eid, before: &References, after: &References) {
        for (kind, target) in before.iter().filter(|r| after.binary_search(r).is_err()) {
            self.take(*target, *kind, owner, 0);
        }
        for (kind, target) in after.iter().filter(|r| before.binary_search(r).is_err()) {
            self.add(*target, *kind, owner, 0);
        }
    }

    fn link(&mut self, link: &Link) -> Result<LinkRef, EngineError> {
        let refused = |message: &str| EngineError::Link {
            id: link.id(),
            message: message.to_owned(),
        };
        let template = self.template(&link.template);
        let template = template.ok_or_else(|| refused("there is no such template"))?;
        let slots = self.template_slots(template);
        let fits = slots.is_some_and(|slots| {
            slots.principal == link.principal.is_some() && slots.resource == link.resource.is_some()
        });
        if !fits {
            return Err(refused("it does not fill exactly the template's slots"));
        }
        let mut number = |uid: &Option<EntityUid>| match uid {
            None => Ok(Eid::NONE),
            Some(uid) => self
                .intern_uid(uid)
                .map_err(|error| refused(&error.to_string())),
        };
        Ok(LinkRef {
            template,
            principal: number(&link.principal)?,
            resource: number(&link.resource)?,
        })
    }
}

#[inline]
pub(crate) fn has_bit(cells: &[u32], bit: usize) -> bool {
    cells
        .get(bit / 32)
        .is_some_and(|cell| cell & (1 << (bit % 32)) != 0)
}

pub(super) fn is_set(kind: Kind) -> bool {
    kind >= Kind::FIRST_SET && !kind.is_inverted()
}

/// An entity's tags as a record; none if it has none.
pub(super) fn tags_of(
    layouts: &Layouts,
    numbers: &mut impl Numbers,
    layout: &TypeLayout,
    entity: &EntityData,
) -> Result<Option<Canonical>, Refusal> {
    if entity.tags.is_empty() {
        return Ok(None);
    }
    let (_, ty) = layout.tags.as_ref().ok_or("the schema declares no tags")?;
    let tags = entity.tags.iter().map(|(name, value)| {
        let value = canonical(layouts, numbers, ty, value);
        let value = value.map_err(|message| format!("tag `{name}`: {message}"))?;
        Ok((Arc::from(name.as_str()), value))
    });
    Ok(Some(Canonical::record(
        tags.collect::<Result<_, Refusal>>()?,
    )))
}

fn entity_error(uid: &EntityUid, message: impl Into<String>) -> EngineError {
    EngineError::Entity {
        uid: display_uid(uid),
        message: message.into(),
    }
}
