//! The table of rows: numbers to rows, ids to numbers.

use std::sync::Arc;

use foldhash::HashSet;
use imbl::GenericHashSet;
use imbl::shared_ptr::DefaultSharedPtr;

use super::eid::{Eid, TypeId, TypeSet};
use super::ids::{IdHash, Ids};
use super::layout::{Layouts, TypeLayout};
use super::links::TemplateSlots;
use super::lists::{Kind, entry};
use super::segment::{Row, RowMut, Segment};
use super::values::Values;
use crate::engine::EngineError;

/// Bytes of an id.
const ID_BYTES_MAX: usize = u16::MAX as usize;

/// Segments that are copied together when one is written.
const GROUP: usize = 16;

/// Bits of a row's first cell, below the presence bits.
pub(crate) mod flag {
    /// The entity is stored, not only referred to.
    pub(crate) const STORED: u32 = 1;
    /// It, or one below it, has children by wide edges.
    pub(crate) const VIA: u32 = 1 << 1;
    /// Links have it as their resource.
    pub(crate) const LINKS: u32 = 1 << 2;
    /// It has parents.
    pub(crate) const PARENTS: u32 = 1 << 3;
    /// Some of its parents are parents by wide edges.
    pub(crate) const WIDE: u32 = 1 << 4;
    /// All of these.
    pub(crate) const ALL: u32 = (1 << 5) - 1;
}

type Wide = GenericHashSet<(Eid, TypeId), foldhash::quality::RandomState, DefaultSharedPtr>;

/// Types that wide edges can concern at all.
#[derive(Debug, Clone, Default)]
pub(super) struct WideTypes {
    /// Those that can have one, of their own or above them.
    pub(super) below: TypeSet,
    /// Those that can be reached over one.
    pub(super) above: TypeSet,
}

/// Everything that is known, at one revision.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(super) layouts: Arc<Layouts>,
    /// In order of their ids; a link names its template by the place here.
    pub(super) templates: Arc<[TemplateSlots]>,
    groups: Vec<Arc<Vec<Segment>>>,
    /// The type of each segment.
    types: Arc<Vec<TypeId>>,
    /// The segment of each type that takes new rows.
    open: Arc<Vec<Option<usize>>>,
    /// Whether the state is being built, by its only holder.
    filling: bool,
    pub(super) ids: Ids,
    pub(super) values: Values,
    /// Inverted lists that are kept.
    pub(super) inverted: Arc<HashSet<Kind>>,
    /// Entities whose edges to parents of a type are wide.
    pub(super) wide: Wide,
    pub(super) wide_types: Arc<WideTypes>,
    pub(super) counts: Counts,
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) stored: usize,
    pub(crate) links: usize,
    pub(crate) edges: usize,
}

impl State {
    pub(crate) fn new(layouts: Arc<Layouts>, templates: Vec<TemplateSlots>) -> Self {
        let types = layouts.types().count();
        Self {
            layouts,
            templates: templates.into(),
            groups: Vec::new(),
            types: Arc::default(),
            open: Arc::new(vec![None; types]),
            filling: false,
            ids: Ids::new(),
            values: Values::default(),
            inverted: Arc::default(),
            wide: Wide::default(),
            wide_types: Arc::default(),
            counts: Counts::default(),
        }
    }

    pub(crate) fn text_at(&self, number: u32) -> Option<&Arc<str>> {
        self.values.text(number)
    }

    pub(crate) fn value_at(&self, number: u32) -> Option<&crate::engine::canonical::Canonical> {
        self.values.value(number)
    }

    /// Says which inverted lists to keep. Before any entity is put.
    pub(crate) fn keep_inverted(&mut self, kinds: HashSet<Kind>) {
        self.inverted = Arc::new(kinds);
    }

    /// Whether an inverted list is kept.
    pub(crate) fn keeps(&self, kind: Kind) -> bool {
        self.inverted.contains(&kind)
    }

    /// Whether entities of a type can be below an entity.
    pub(crate) fn may_hold(&self, eid: Eid, below: TypeId) -> bool {
        let own = self.type_of(eid);
        let layout = self.layouts.of(below);
        own.is_some_and(|own| layout.is_some_and(|layout| layout.ancestors.contains(&own)))
    }

    pub(crate) fn layouts(&self) -> &Arc<Layouts> {
        &self.layouts
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    #[inline]
    fn segment(&self, eid: Eid) -> Option<&Segment> {
        let n = eid.segment();
        self.groups.get(n / GROUP)?.get(n % GROUP)
    }

    /// The row of an entity that this state has heard of.
    #[inline]
    pub(crate) fn row(&self, eid: Eid) -> Option<Row<'_>> {
        self.segment(eid)?.row(eid.row())
    }

    #[inline]
    pub(crate) fn type_of(&self, eid: Eid) -> Option<TypeId> {
        self.types.get(eid.segment()).copied()
    }

    pub(crate) fn layout_of(&self, eid: Eid) -> Option<&TypeLayout> {
        self.layouts.of(self.type_of(eid)?)
    }

    /// The id's text.
    pub(crate) fn text(&self, eid: Eid) -> Option<&str> {
        let segment = self.segment(eid)?;
        let at = self.layouts.of(segment.ty)?.text;
        segment.text(eid.row(), at)
    }

    pub(crate) fn hash(&self, ty: TypeId, text: &str) -> IdHash {
        self.ids.hash(ty, text)
    }

    /// Where the text of an entity's id begins, if it stands beside others.
    #[inline]
    pub(super) fn text_of(&self, eid: Eid) -> Option<&u8> {
        let segment = self.segment(eid)?;
        let at = self.layouts.of(segment.ty)?.text;
        segment.text_at(eid.row(), at)
    }

    /// The number of an id that this state has heard of.
    pub(crate) fn find(&self, ty: TypeId, text: &str) -> Option<Eid> {
        self.find_hashed(self.ids.hash(ty, text), ty, text)
    }

    pub(crate) fn find_hashed(&self, hash: IdHash, ty: TypeId, text: &str) -> Option<Eid> {
        let at = self.layouts.of(ty)?.text;
        self.ids.find(hash, |eid| {
            self.segment(eid).is_some_and(|s| {
                s.ty == ty && eid.row() < s.rows() && s.is_text(eid.row(), at, text)
            })
        })
    }

    /// The number of an id, given now if it has none.
    pub(crate) fn intern(&mut self, ty: TypeId, text: &str) -> Result<Eid, EngineError> {
        let hash = self.ids.hash(ty, text);
        if let Some(eid) = self.find_hashed(hash, ty, text) {
            return Ok(eid);
        }
        let full = |message: &str| EngineError::Cedar {
            message: message.to_owned(),
        };
        if text.len() > ID_BYTES_MAX {
            return Err(full("an id is longer than 65535 bytes"));
        }
        let eid = self.new_row(ty, text);
        let eid = eid.ok_or_else(|| full("the engine holds no more than 2147483648 entities"))?;
        let (groups, known) = (&self.groups, |eid: Eid| eid.segment());
        self.ids.insert(hash, eid, |eid| {
            let n = known(eid);
            let segment = groups.get(n / GROUP).and_then(|group| group.get(n % GROUP));
            segment.is_some_and(|segment| eid.row() < segment.rows())
        });
        Ok(eid)
    }

    fn new_row(&mut self, ty: TypeId, text: &str) -> Option<Eid> {
        let layouts = Arc::clone(&self.layouts);
        let layout = layouts.of(ty)?;
        let slot = usize::from(ty.0);
        let open = self.open.get(slot).copied().flatten();
        let open = open.filter(|n| {
            let segment = self.groups.get(n / GROUP).and_then(|g| g.get(n % GROUP));
            segment.is_some_and(|segment| !segment.is_full())
        });
        let n = match open {
            Some(n) => n,
            None => {
                let mut segment = Segment::new(ty, layout.cells);
                if self.filling {
                    segment.open(layout.text);
                }
                let n = self.add_segment(segment);
                *Arc::make_mut(&mut self.open).get_mut(slot)? = Some(n);
                n
            }
        };
        let group = Arc::make_mut(self.groups.get_mut(n / GROUP)?);
        let row = group.get_mut(n % GROUP)?.push(layout.text, text);
        Eid::at(n, row)
    }

    fn add_segment(&mut self, segment: Segment) -> usize {
        Arc::make_mut(&mut self.types).push(segment.ty);
        match self.groups.last_mut() {
            Some(group) if group.len() < GROUP => Arc::make_mut(group).push(segment),
            _ => self.groups.push(Arc::new(vec![segment])),
        }
        let last = self.groups.last().map_or(0, |group| group.len());
        (self.groups.len() - 1) * GROUP + last - 1
    }

    /// A row to be written.
    pub(super) fn edit(&mut self, eid: Eid) -> Option<RowMut<'_>> {
        let n = eid.segment();
        let group = Arc::make_mut(self.groups.get_mut(n / GROUP)?);
        let segment = group.get_mut(n % GROUP)?;
        let text = self.layouts.of(segment.ty)?.text;
        segment.settle(text, false);
        segment.edit(eid.row())
    }

    /// Adds an entry to an entity's lists; whether it was not there.
    pub(super) fn add(&mut self, to: Eid, kind: Kind, entity: Eid, more: u16) -> bool {
        let added = entry(kind, entity, more);
        // A row that another state may hold is not copied for nothing.
        if !self.filling && self.row(to).is_some_and(|row| row.lists().contains(added)) {
            return false;
        }
        let Some(stored) = self.edit(to) else {
            return false;
        };
        if let (Some(bit), Some(cell)) = (flag_of(kind), stored.cells.first_mut()) {
            *cell |= bit;
        }
        stored.lists.insert(added)
    }

    /// Takes an entry away; whether it was there.
    pub(super) fn take(&mut self, from: Eid, kind: Kind, entity: Eid, more: u16) -> bool {
        let gone = entry(kind, entity, more);
        if !self.row(from).is_some_and(|row| row.lists().contains(gone)) {
            return false;
        }
        let Some(stored) = self.edit(from) else {
            return false;
        };
        stored.lists.remove(gone);
        if let Some(bits) = flag_of(kind) {
            let kept = [Kind::PARENT, Kind::WIDE_PARENT, Kind::VIA, Kind::LINK_AT];
            let left = kept
                .into_iter()
                .filter(|kind| stored.lists.borrow().of(*kind).next().is_some());
            let left = left.filter_map(flag_of).fold(0, |all, bits| all | bits);
            if let Some(cell) = stored.cells.first_mut() {
                *cell &= !bits | left;
            }
        }
        true
    }

    /// Makes ready for very many changes by the state's only holder: until
    /// [`State::settle`], rows are written in place.
    pub(crate) fn fill(&mut self) {
        self.filling = true;
        for group in &mut self.groups {
            for segment in Arc::make_mut(group) {
                let text = self.layouts.of(segment.ty).map_or(0, |layout| layout.text);
                segment.open(text);
            }
        }
    }

    /// Packs every segment that was written since it was packed.
    pub(crate) fn settle(&mut self) {
        self.filling = false;
        for group in &mut self.groups {
            for segment in Arc::make_mut(group) {
                let text = self.layouts.of(segment.ty).map_or(0, |layout| layout.text);
                segment.settle(text, true);
            }
        }
    }

    /// Every entity of a type that was ever heard of, in order of its number.
    pub(crate) fn all_of(&self, ty: TypeId) -> impl Iterator<Item = Eid> + '_ {
        let segments = self.groups.iter().flat_map(|group| group.iter());
        let segments = segments.enumerate().filter(move |(_, s)| s.ty == ty);
        segments.flat_map(|(n, s)| (0..s.rows()).filter_map(move |row| Eid::at(n, row)))
    }

    /// Every entity that was ever heard of.
    pub(crate) fn all(&self) -> impl Iterator<Item = Eid> + '_ {
        let segments = self.groups.iter().flat_map(|group| group.iter());
        segments
            .enumerate()
            .flat_map(|(n, s)| (0..s.rows()).filter_map(move |row| Eid::at(n, row)))
    }

    /// Bytes of state, and bytes of the ids' texts besides.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        let segments = self.groups.iter().flat_map(|group| group.iter());
        let sums = segments.map(Segment::bytes);
        let (rows, texts) = sums.fold((0, 0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
        (rows + self.ids.bytes() + self.values.bytes(), texts)
    }
}

fn flag_of(kind: Kind) -> Option<u32> {
    match kind {
        Kind::VIA => Some(flag::VIA),
        Kind::LINK_AT => Some(flag::LINKS),
        Kind::PARENT => Some(flag::PARENTS),
        Kind::WIDE_PARENT => Some(flag::PARENTS | flag::WIDE),
        _ => None,
    }
}
