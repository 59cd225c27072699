//! Rows of one type, many together, and what was changed since.
//!
//! A segment is a packed base and a small persistent map of rows that were
//! written after it was packed. A write copies one row and a path of the map;
//! when the map has grown, the segment is packed anew, which costs its size once
//! in [`CHANGED_MAX`] writes. While a state is built its segments are open instead
//! ([`Open`]) and are packed once, at the end.
//!
//! INVARIANT (one place): all rows of an open segment are in what is open; base
//! and map are empty.

use std::sync::Arc;

use imbl::{GenericHashMap, OrdSet, shared_ptr::DefaultSharedPtr};

use super::eid::{SEGMENT_ROWS, TypeId};
use super::lists::{Lists, ListsRef};
use super::open::Open;

/// Changed rows above which a segment is packed anew.
const CHANGED_MAX: usize = 1024;

type Changed = GenericHashMap<u16, Arc<Stored>, foldhash::fast::FixedState, DefaultSharedPtr>;

/// One segment. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) ty: TypeId,
    /// Cells of a row.
    width: usize,
    rows: usize,
    base: Arc<Base>,
    changed: Changed,
    open: Option<Box<Open>>,
}

/// Packed rows.
#[derive(Debug, Default)]
struct Base {
    cells: Vec<u32>,
    /// Ids: a length of two bytes, then the bytes.
    texts: Vec<u8>,
    /// Where each row's entries begin, and the end.
    starts: Vec<u32>,
    entries: Vec<u64>,
    /// Entries that are trees, by row.
    trees: Vec<(u16, OrdSet<u64>)>,
}

/// A row by itself.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) cells: Box<[u32]>,
    pub(super) lists: Lists,
    /// The id, until the row is packed.
    text: Option<Arc<str>>,
}

/// A row to be written, wherever it stands.
#[derive(Debug)]
pub(super) struct RowMut<'a> {
    pub(super) cells: &'a mut [u32],
    pub(super) lists: &'a mut Lists,
}

/// A row, wherever it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) cells: &'a [u32],
    place: Place<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Packed(&'a Base, usize),
    Alone(&'a Lists),
}

impl Segment {
    pub(super) fn new(ty: TypeId, width: usize) -> Self {
        Self {
            ty,
            width,
            rows: 0,
            base: Arc::default(),
            changed: Changed::default(),
            open: None,
        }
    }

    /// Takes the rows out of base and map, to be written in place. `at` is the text
    /// cell of a row. Whoever holds the state must be its only holder.
    pub(super) fn open(&mut self, at: usize) {
        if self.open.is_some() {
            return;
        }
        let mut open = Open::default();
        for row in 0..self.rows {
            open.push(self.width, at, self.text(row, at).unwrap_or_default());
            if let (Some(old), Some(new)) = (self.row(row), open.edit(self.width, row)) {
                let both = new.cells.iter_mut().zip(old.cells).enumerate();
                both.filter(|(n, _)| *n != at)
                    .for_each(|(_, (new, old))| *new = *old);
                *new.lists = old.lists().to_owned();
            }
        }
        self.base = Arc::default();
        self.changed = Changed::default();
        self.open = Some(Box::new(open));
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= SEGMENT_ROWS
    }

    #[inline]
    pub(super) fn row(&self, row: usize) -> Option<Row<'_>> {
        if !self.changed.is_empty()
            && let Some(stored) = self.alone(row)
        {
            return Some(Row::alone(stored));
        }
        let from = row * self.width;
        let Some(cells) = self.base.cells.get(from..from + self.width) else {
            return self.open_row(row);
        };
        Some(Row {
            cells,
            place: Place::Packed(&self.base, row),
        })
    }

    /// Apart from [`Segment::row`], because no decision comes here.
    #[cold]
    fn open_row(&self, row: usize) -> Option<Row<'_>> {
        let (cells, lists) = self.open.as_ref()?.row(self.width, row)?;
        Some(Row {
            cells,
            place: Place::Alone(lists),
        })
    }

    /// Apart from what asks, so that a row that is packed is found in few steps.
    #[inline(never)]
    fn alone(&self, row: usize) -> Option<&Stored> {
        let row = u16::try_from(row).ok()?;
        self.changed.get(&row).map(Arc::as_ref)
    }

    /// The id of a row. `at` is the row's text cell.
    pub(super) fn text(&self, row: usize, at: usize) -> Option<&str> {
        if !self.changed.is_empty()
            && let Some(text) = self.alone(row).and_then(|stored| stored.text.as_deref())
        {
            return Some(text);
        }
        std::str::from_utf8(self.held_text(row, at)?).ok()
    }

    /// Whether the id of a row is this one. Compares bytes: texts went in whole.
    pub(super) fn is_text(&self, row: usize, at: usize, text: &str) -> bool {
        if !self.changed.is_empty()
            && let Some(own) = self.alone(row).and_then(|stored| stored.text.as_deref())
        {
            return own == text;
        }
        self.held_text(row, at) == Some(text.as_bytes())
    }

    /// The id of a row that is not in the map, or of one in it that was packed.
    #[inline]
    fn held_text(&self, row: usize, at: usize) -> Option<&[u8]> {
        match self.base.cells.get(row * self.width + at) {
            Some(from) => text_in(&self.base.texts, *from),
            None => self.open.as_ref()?.text(self.width, row, at),
        }
    }

    /// Adds a row of which only the id is known; its number within the segment.
    /// `at` is the row's text cell.
    pub(super) fn push(&mut self, at: usize, text: &str) -> usize {
        let row = self.rows;
        self.rows += 1;
        if let Some(open) = &mut self.open {
            open.push(self.width, at, text);
            return row;
        }
        let stored = Stored {
            cells: vec![0; self.width].into(),
            lists: Lists::default(),
            text: Some(text.into()),
        };
        self.changed.insert(index(row), Arc::new(stored));
        row
    }

    /// A row to be written, copied if another snapshot has it.
    pub(super) fn edit(&mut self, row: usize) -> Option<RowMut<'_>> {
        if self.open.is_some() {
            return self.open.as_mut()?.edit(self.width, row);
        }
        let key = index(row);
        if !self.changed.contains_key(&key) {
            let stored = self.row(row)?.to_stored();
            self.changed.insert(key, Arc::new(stored));
        }
        let stored = Arc::make_mut(self.changed.get_mut(&key)?);
        Some(RowMut {
            cells: &mut stored.cells,
            lists: &mut stored.lists,
        })
    }

    /// Packs if enough has changed, or whatever has if `all`.
    pub(super) fn settle(&mut self, text_at: usize, all: bool) {
        if all && let Some(open) = self.open.take() {
            self.base = Arc::new(Base::of(*open));
        }
        if self.changed.len() > CHANGED_MAX || (all && !self.changed.is_empty()) {
            let base = std::mem::take(&mut self.base);
            let base = Arc::try_unwrap(base).unwrap_or_else(|shared| Base {
                texts: shared.texts.clone(),
                ..Base::copied(&shared)
            });
            self.base = Arc::new(self.packed(base, text_at));
            self.changed = Changed::default();
        }
    }

    fn packed(&self, old: Base, text_at: usize) -> Base {
        let grown = self.rows * self.width;
        let mut new = Base {
            cells: Vec::with_capacity(grown),
            texts: Vec::new(),
            starts: Vec::with_capacity(self.rows + 1),
            entries: Vec::with_capacity(old.entries.len()),
            trees: Vec::new(),
        };
        let mut texts = old.texts;
        for row in 0..self.rows {
            new.starts.push(offset(new.entries.len()));
            let first = new.cells.len();
            match self.alone(row) {
                Some(stored) => {
                    new.cells.extend_from_slice(&stored.cells);
                    match &stored.lists {
                        Lists::Array(entries) => new.entries.extend_from_slice(entries),
                        Lists::Tree(entries) => new.trees.push((index(row), entries.clone())),
                    }
                    if let (Some(text), Some(cell)) =
                        (&stored.text, new.cells.get_mut(first + text_at))
                    {
                        *cell = push_text(&mut texts, text);
                    }
                }
                None => {
                    let from = row * self.width;
                    let cells = old.cells.get(from..from + self.width);
                    new.cells.extend_from_slice(cells.unwrap_or_default());
                    let entries = range(&old.starts, row).and_then(|r| old.entries.get(r));
                    new.entries.extend_from_slice(entries.unwrap_or_default());
                    new.trees
                        .extend(tree(&old.trees, row).map(|tree| (index(row), tree.clone())));
                }
            }
        }
        new.starts.push(offset(new.entries.len()));
        new.entries.shrink_to_fit();
        texts.shrink_to_fit();
        new.texts = texts;
        new
    }

    /// Bytes of rows and lists, and bytes of the ids' texts.
    pub(super) fn bytes(&self) -> (usize, usize) {
        let base = &self.base;
        let trees: usize = base.trees.iter().map(|(_, tree)| tree.len() * 16).sum();
        let mut alone: usize = self.changed.values().map(|stored| stored.bytes()).sum();
        if let Some(open) = &self.open {
            alone += open.cells.capacity() * 4 + open.lists.capacity() * size_of::<Lists>();
        }
        let rows = base.cells.capacity() * 4 + base.starts.capacity() * 4;
        (
            rows + base.entries.capacity() * 8 + trees + alone,
            base.texts.capacity(),
        )
    }
}

impl Base {
    fn copied(shared: &Self) -> Self {
        Self {
            cells: shared.cells.clone(),
            texts: Vec::new(),
            starts: shared.starts.clone(),
            entries: shared.entries.clone(),
            trees: shared.trees.clone(),
        }
    }

    /// Packs the entries; cells and ids stand as they will.
    fn of(open: Open) -> Self {
        let many = open.lists.iter().map(|lists| match lists {
            Lists::Array(entries) => entries.len(),
            Lists::Tree(_) => 0,
        });
        let mut packed = Self {
            entries: Vec::with_capacity(many.sum()),
            starts: Vec::with_capacity(open.lists.len() + 1),
            cells: open.cells,
            texts: open.texts,
            trees: Vec::new(),
        };
        for (row, lists) in open.lists.into_iter().enumerate() {
            packed.starts.push(offset(packed.entries.len()));
            match lists {
                Lists::Array(entries) => packed.entries.extend_from_slice(&entries),
                Lists::Tree(entries) => packed.trees.push((index(row), entries)),
            }
        }
        packed.starts.push(offset(packed.entries.len()));
        packed.cells.shrink_to_fit();
        packed.texts.shrink_to_fit();
        packed
    }
}

impl Stored {
    fn bytes(&self) -> usize {
        let entries = match &self.lists {
            Lists::Array(entries) => entries.capacity() * 8,
            Lists::Tree(entries) => entries.len() * 16,
        };
        size_of::<Self>() + self.cells.len() * 4 + entries + 64
    }

    /// A row that no state holds.
    pub(super) fn local(cells: Box<[u32]>, lists: Lists) -> Self {
        Self {
            cells,
            lists,
            text: None,
        }
    }
}

impl<'a> Row<'a> {
    #[inline]
    pub(super) fn alone(stored: &'a Stored) -> Self {
        Self {
            cells: &stored.cells,
            place: Place::Alone(&stored.lists),
        }
    }

    /// Cells that no segment holds, without entries: a context; nothing.
    #[inline]
    pub(crate) fn bare(cells: &'a [u32]) -> Self {
        static NOTHING: Base = Base {
            cells: Vec::new(),
            texts: Vec::new(),
            starts: Vec::new(),
            entries: Vec::new(),
            trees: Vec::new(),
        };
        Self {
            cells,
            place: Place::Packed(&NOTHING, 0),
        }
    }

    /// Whether any of the bits of the first cell is set.
    #[inline]
    pub(crate) fn has_flag(self, bits: u32) -> bool {
        self.cells.first().is_some_and(|cell| cell & bits != 0)
    }

    /// The row's entries.
    #[inline]
    pub(crate) fn lists(self) -> ListsRef<'a> {
        match self.place {
            Place::Alone(lists) => lists.borrow(),
            Place::Packed(base, row) => {
                if let Some(tree) = tree(&base.trees, row) {
                    return ListsRef::Tree(tree);
                }
                let entries = range(&base.starts, row).and_then(|r| base.entries.get(r));
                ListsRef::Array(entries.unwrap_or_default())
            }
        }
    }

    /// A copy of a packed row, whose id stays where it is.
    fn to_stored(self) -> Stored {
        Stored {
            cells: self.cells.into(),
            lists: self.lists().to_owned(),
            text: None,
        }
    }
}

#[inline]
fn tree(trees: &[(u16, OrdSet<u64>)], row: usize) -> Option<&OrdSet<u64>> {
    if trees.is_empty() {
        return None;
    }
    let at = trees.binary_search_by_key(&index(row), |(row, _)| *row);
    at.ok().and_then(|at| trees.get(at)).map(|(_, tree)| tree)
}

#[inline]
fn range(starts: &[u32], row: usize) -> Option<std::ops::Range<usize>> {
    let (from, to) = (starts.get(row)?, starts.get(row + 1)?);
    Some(*from as usize..*to as usize)
}

/// The id at a place of a segment's texts, as bytes.
#[inline]
pub(super) fn text_in(texts: &[u8], from: u32) -> Option<&[u8]> {
    let (length, rest) = texts.get(from as usize..)?.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_le_bytes(*length)))
}

/// Appends an id to a segment's texts; where it begins.
pub(super) fn push_text(texts: &mut Vec<u8>, text: &str) -> u32 {
    let from = offset(texts.len());
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    texts.extend_from_slice(&length.to_le_bytes());
    texts.extend_from_slice(text.as_bytes());
    from
}

/// A row's number: below [`SEGMENT_ROWS`], which 16 bits hold.
fn index(row: usize) -> u16 {
    u16::try_from(row).unwrap_or(u16::MAX)
}

/// A place within a segment: at most 16,384 ids of 64 KiB.
fn offset(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
