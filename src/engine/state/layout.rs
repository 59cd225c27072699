//! Where each attribute of each type stands in a row.
//!
//! A row is a run of 32-bit cells, the same number for every entity of a type:
//!
//! ```text
//! cell 0     bit 0 stored, bits 1-4 which lists there are, then one presence bit an attribute
//! ..         more presence bits, if 27 are too few
//! text       where the id stands in the segment's text
//! attributes Bool, String, entity: one cell; Long, decimal, datetime, duration: two;
//!            a record: its own attributes, in place; anything else: one cell, a number of a value
//! ancestors  how many, then the nearest; only for types that can have parents
//! ```
//!
//! A set of entities takes no cell: its elements are list entries of the entity.
//! A context has the same layout, without id and ancestors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use foldhash::HashMap;

use super::eid::TypeId;
use super::lists::Kind;
use crate::policy::{ActionShape, Extension, RecordShape, Shape, Type};

/// Presence bits begin here in cell 0.
pub(crate) const PRESENCE_BIT: usize = 5;

/// Where one attribute stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// Its presence bit, counted from bit 0 of cell 0.
    pub(crate) present: usize,
    /// Where the value is.
    pub(crate) slot: Slot,
    /// The number of its inverted list, if it refers to entities of a row.
    pub(crate) inverted: Option<Kind>,
}

/// The place of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slot {
    Bool(usize),
    /// 64 bits over two cells.
    Wide(usize, Wide),
    /// Number of a text.
    Text(usize),
    /// Number of an entity.
    Entity(usize, TypeId),
    /// List entries of this kind.
    EntitySet(Kind, TypeId),
    /// Number of a value.
    Value(usize),
    Record(Arc<Record>),
}

/// What 64 bits mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wide {
    Long,
    Decimal,
    Datetime,
    Duration,
}

/// The attributes of an entity type, a record or a context.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) fields: BTreeMap<Arc<str>, Field>,
    /// The same as they are declared, in order of their names: values are checked
    /// along it.
    pub(crate) declared: Box<[Declared]>,
    /// Presence bits of those that must be there.
    pub(crate) required: Box<[usize]>,
}

/// An attribute as it is declared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declared {
    pub(crate) name: Arc<str>,
    pub(crate) field: Field,
    pub(crate) ty: Type,
}

/// One entity type.
#[derive(Debug)]
pub(crate) struct TypeLayout {
    /// The name as Cedar has it, because reading it from text takes long.
    cedar_name: Option<EntityTypeName>,
    pub(crate) record: Record,
    /// The attributes that refer to entities, those of records in it included.
    pub(crate) referring: Vec<Field>,
    /// The shape, which types of expressions come from; empty for actions.
    pub(crate) attributes: RecordShape,
    pub(crate) tags: Option<(usize, Type)>,
    pub(crate) tags_present: usize,
    pub(crate) ids: Option<BTreeSet<String>>,
    /// Types of possible parents; none are checked for actions.
    pub(crate) parents: BTreeSet<TypeId>,
    /// Types of all possible ancestors.
    pub(crate) ancestors: BTreeSet<TypeId>,
    pub(crate) is_action: bool,
    pub(crate) text: usize,
    /// Where the count of ancestors stands, and how many numbers fit after it.
    pub(crate) nearest: Option<(usize, usize)>,
    /// Cells of a row.
    pub(crate) cells: usize,
}

/// A context.
#[derive(Debug)]
pub(crate) struct ContextLayout {
    pub(crate) record: Record,
    pub(crate) cells: usize,
}

/// All types of a schema.
#[derive(Debug)]
pub(crate) struct Layouts {
    types: Vec<TypeLayout>,
    numbers: HashMap<Arc<str>, TypeId>,
    contexts: HashMap<(String, String), Arc<ContextLayout>>,
}

impl Layouts {
    pub(crate) fn new(shape: &Shape) -> Self {
        let action_types: BTreeSet<&String> = shape.actions.keys().map(|(ty, _)| ty).collect();
        let names = shape.entities.keys().chain(action_types);
        let names: Vec<Arc<str>> = names.map(|name| Arc::from(name.as_str())).collect();
        let numbered = names.iter().enumerate();
        // A schema text within the limits cannot declare so many types.
        let numbered =
            numbered.filter_map(|(n, name)| Some((name.clone(), u16::try_from(n).ok()?)));
        let numbers: HashMap<_, _> = numbered.map(|(name, n)| (name, TypeId(n))).collect();
        let direct = parents_of(shape, &names, &numbers);
        let mut inverted = Kind::FIRST_INVERTED;
        let types = names.iter().map(|name| {
            let mut builder = Builder {
                numbers: &numbers,
                next_cell: 0,
                next_bit: PRESENCE_BIT,
                rows: true,
                next_set: Kind::FIRST_SET,
                next_inverted: inverted,
            };
            let layout = builder.entity(shape, name, &direct);
            inverted = builder.next_inverted;
            layout
        });
        let types = types.collect();
        let contexts = shape.actions.iter();
        let contexts = contexts.map(|(key, action)| (key.clone(), context(action, &numbers)));
        Self {
            types,
            contexts: contexts.collect(),
            numbers,
        }
    }

    #[inline]
    pub(crate) fn of(&self, id: TypeId) -> Option<&TypeLayout> {
        self.types.get(usize::from(id.0))
    }

    pub(crate) fn number(&self, name: &str) -> Option<TypeId> {
        self.numbers.get(name).copied()
    }

    /// An entity of a type.
    pub(crate) fn uid(&self, ty: TypeId, id: &str) -> Option<EntityUid> {
        let name = self.of(ty)?.cedar_name.clone()?;
        Some(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
    }

    pub(crate) fn context(&self, action: &(String, String)) -> Option<&Arc<ContextLayout>> {
        self.contexts.get(action)
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = (TypeId, &TypeLayout)> {
        let numbered = self.types.iter().enumerate();
        numbered.filter_map(|(n, layout)| Some((TypeId(u16::try_from(n).ok()?), layout)))
    }
}

impl Record {
    /// The field at a path of names through nested records.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }
}

fn context(action: &ActionShape, numbers: &HashMap<Arc<str>, TypeId>) -> Arc<ContextLayout> {
    let mut builder = Builder {
        numbers,
        next_cell: 0,
        next_bit: PRESENCE_BIT,
        rows: false,
        next_set: Kind::FIRST_SET,
        next_inverted: Kind::FIRST_INVERTED,
    };
    builder.next_cell = presence_cells(count(&action.context));
    let record = builder.record(&action.context);
    Arc::new(ContextLayout {
        record,
        cells: builder.next_cell,
    })
}

/// Direct parent types by type, and of actions none.
fn parents_of(
    shape: &Shape,
    names: &[Arc<str>],
    numbers: &HashMap<Arc<str>, TypeId>,
) -> Vec<BTreeSet<TypeId>> {
    let of = |name: &Arc<str>| {
        let declared = shape.entities.get(name.as_ref());
        let parents = declared.into_iter().flat_map(|e| &e.parents);
        parents
            .filter_map(|parent| numbers.get(parent.as_str()).copied())
            .collect()
    };
    names.iter().map(of).collect()
}

fn all_above(direct: &[BTreeSet<TypeId>], from: &BTreeSet<TypeId>) -> BTreeSet<TypeId> {
    let mut found = from.clone();
    let mut open: Vec<TypeId> = from.iter().copied().collect();
    while let Some(ty) = open.pop() {
        for parent in direct.get(usize::from(ty.0)).into_iter().flatten() {
            if found.insert(*parent) {
                open.push(*parent);
            }
        }
    }
    found
}

/// Attributes of a record, those of records in it included.
fn count(record: &RecordShape) -> usize {
    let inner = |ty: &Type| match ty {
        Type::Record(inner) => count(inner),
        _ => 0,
    };
    record.values().map(|a| 1 + inner(&a.ty)).sum()
}

/// An attribute of a record that is not there is not there either.
fn referring(record: &Record) -> Vec<Field> {
    let fields = record.fields.values().flat_map(|field| match &field.slot {
        Slot::Record(inner) => referring(inner),
        _ => field.inverted.map(|_| field.clone()).into_iter().collect(),
    });
    fields.collect()
}

fn presence_cells(attributes: usize) -> usize {
    (PRESENCE_BIT + attributes).div_ceil(32)
}

struct Builder<'a> {
    numbers: &'a HashMap<Arc<str>, TypeId>,
    next_cell: usize,
    next_bit: usize,
    /// Whether this is a row with lists (an entity), not a context.
    rows: bool,
    next_set: Kind,
    next_inverted: Kind,
}

impl Builder<'_> {
    fn entity(
        &mut self,
        shape: &Shape,
        name: &Arc<str>,
        direct: &[BTreeSet<TypeId>],
    ) -> TypeLayout {
        let declared = shape.entities.get(name.as_ref());
        let attributes = declared.map(|e| e.attributes.clone()).unwrap_or_default();
        let tags = declared.and_then(|e| e.tags.clone());
        // One bit more than attributes, for the tags.
        let text = presence_cells(count(&attributes) + 1);
        self.next_cell = text + 1;
        let record = self.record(&attributes);
        let tags = tags.map(|ty| (self.take(1), ty));
        let number = self.numbers.get(name);
        let parents = number.and_then(|n| direct.get(usize::from(n.0)));
        let parents = parents.cloned().unwrap_or_default();
        let ancestors = all_above(direct, &parents);
        let asks = |action: &ActionShape| action.principals.iter().any(|of| **of == **name);
        let room = match declared {
            // Who asks is in several groups of a type, and is looked up most.
            Some(_) if shape.actions.values().any(asks) => 3 * ancestors.len(),
            Some(_) => ancestors.len(),
            // Actions have groups above them.
            None => 2,
        };
        let nearest = (room > 0).then(|| (self.take(room + 2), room + 1));
        TypeLayout {
            cedar_name: shape.type_name(name).cloned(),
            referring: referring(&record),
            record,
            attributes,
            tags,
            tags_present: self.next_bit,
            ids: declared
                .and_then(|e| e.ids.as_ref())
                .map(|ids| ids.iter().cloned().collect()),
            parents,
            ancestors,
            is_action: declared.is_none(),
            text,
            nearest,
            cells: self.next_cell,
        }
    }

    fn take(&mut self, cells: usize) -> usize {
        let at = self.next_cell;
        self.next_cell += cells;
        at
    }

    fn record(&mut self, shape: &RecordShape) -> Record {
        let fields = shape.iter().map(|(name, attribute)| {
            let present = self.next_bit;
            self.next_bit += 1;
            let slot = self.slot(&attribute.ty);
            let refers = matches!(slot, Slot::Entity(..) | Slot::EntitySet(..));
            let inverted = (self.rows && refers).then(|| {
                let kind = self.next_inverted;
                self.next_inverted = kind.following();
                kind
            });
            let field = Field {
                present,
                slot,
                inverted,
            };
            (Arc::from(name.as_str()), field)
        });
        let fields: BTreeMap<Arc<str>, Field> = fields.collect();
        // Both are in order of the same names.
        let both = || fields.iter().zip(shape.values());
        let declared = both().map(|((name, field), attribute)| Declared {
            name: Arc::clone(name),
            field: field.clone(),
            ty: attribute.ty.clone(),
        });
        let required = both().filter(|(_, attribute)| attribute.required);
        Record {
            declared: declared.collect(),
            required: required.map(|((_, field), _)| field.present).collect(),
            fields,
        }
    }

    fn slot(&mut self, ty: &Type) -> Slot {
        let entity = |name: &String| self.numbers.get(name.as_str()).copied();
        match ty {
            Type::Bool => Slot::Bool(self.take(1)),
            Type::Long => Slot::Wide(self.take(2), Wide::Long),
            Type::String => Slot::Text(self.take(1)),
            Type::Entity(name) => match entity(name) {
                Some(id) => Slot::Entity(self.take(1), id),
                None => Slot::Value(self.take(1)),
            },
            Type::Set(element) => match element.as_ref() {
                Type::Entity(name) if self.rows => match entity(name) {
                    Some(id) => {
                        let kind = self.next_set;
                        self.next_set = kind.following();
                        Slot::EntitySet(kind, id)
                    }
                    None => Slot::Value(self.take(1)),
                },
                _ => Slot::Value(self.take(1)),
            },
            Type::Record(inner) => Slot::Record(Arc::new(self.record(inner))),
            Type::Extension(Extension::Decimal) => Slot::Wide(self.take(2), Wide::Decimal),
            Type::Extension(Extension::Datetime) => Slot::Wide(self.take(2), Wide::Datetime),
            Type::Extension(Extension::Duration) => Slot::Wide(self.take(2), Wide::Duration),
            Type::Extension(Extension::Ip) => Slot::Value(self.take(1)),
        }
    }
}
