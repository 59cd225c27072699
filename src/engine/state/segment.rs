//! Rows of one type, many together, and what was changed since.
//!
//! A segment is a packed base and a small persistent map of rows that were
//! written after it was packed. A write copies one row and a path of the map;
//! when the map has grown, the segment is packed anew, which costs its size once
//! in [`CHANGED_MAX`] writes.

use std::sync::Arc;

use imbl::{GenericHashMap, OrdSet, shared_ptr::DefaultSharedPtr};

use super::eid::{SEGMENT_ROWS, TypeId};
use super::lists::{Lists, ListsRef};

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

/// A row, wherever it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) cells: &'a [u32],
    place: Place<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Packed(&'a Base, usize),
    Alone(&'a Stored),
}

impl Segment {
    pub(super) fn new(ty: TypeId, width: usize) -> Self {
        Self {
            ty,
            width,
            rows: 0,
            base: Arc::new(Base::default()),
            changed: Changed::default(),
        }
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
        let cells = self.base.cells.get(from..from + self.width)?;
        Some(Row {
            cells,
            place: Place::Packed(&self.base, row),
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
        let from = *self.base.cells.get(row * self.width + at)? as usize;
        let (length, rest) = self.base.texts.get(from..)?.split_first_chunk::<2>()?;
        let bytes = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
        std::str::from_utf8(bytes).ok()
    }

    /// Whether the id of a row is this one. Compares bytes: texts went in whole.
    pub(super) fn is_text(&self, row: usize, at: usize, text: &str) -> bool {
        if !self.changed.is_empty()
            && let Some(own) = self.alone(row).and_then(|stored| stored.text.as_deref())
        {
            return own == text;
        }
        let from = self.base.cells.get(row * self.width + at);
        let held = from.and_then(|from| self.base.texts.get(*from as usize..));
        let held = held.and_then(<[u8]>::split_first_chunk::<2>);
        held.is_some_and(|(length, rest)| {
            usize::from(u16::from_le_bytes(*length)) == text.len()
                && rest.get(..text.len()) == Some(text.as_bytes())
        })
    }

    /// Adds a row of which only the id is known; its number within the segment.
    pub(super) fn push(&mut self, text: &str) -> usize {
        let row = self.rows;
        let stored = Stored {
            cells: vec![0; self.width].into(),
            lists: Lists::Array(Vec::new()),
            text: Some(text.into()),
        };
        self.changed.insert(index(row), Arc::new(stored));
        self.rows += 1;
        row
    }

    /// A row to be written, copied if another snapshot has it.
    pub(super) fn edit(&mut self, row: usize) -> Option<&mut Stored> {
        let key = index(row);
        if !self.changed.contains_key(&key) {
            let stored = self.row(row)?.to_stored();
            self.changed.insert(key, Arc::new(stored));
        }
        self.changed.get_mut(&key).map(Arc::make_mut)
    }

    /// Packs if enough has changed, or whatever has if `all`.
    pub(super) fn settle(&mut self, text_at: usize, all: bool) {
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
                        *cell = offset(texts.len());
                        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
                        texts.extend_from_slice(&length.to_le_bytes());
                        texts.extend_from_slice(text.as_bytes());
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
        let alone: usize = self.changed.values().map(|stored| stored.bytes()).sum();
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
            place: Place::Alone(stored),
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
            Place::Alone(stored) => stored.lists.borrow(),
            Place::Packed(base, row) => {
                if let Some(tree) = tree(&base.trees, row) {
                    return ListsRef::Tree(tree);
                }
                let entries = range(&base.starts, row).and_then(|r| base.entries.get(r));
                ListsRef::Array(entries.unwrap_or_default())
            }
        }
    }

    fn to_stored(self) -> Stored {
        Stored {
            cells: self.cells.into(),
            lists: self.lists().to_owned(),
            text: match self.place {
                Place::Alone(stored) => stored.text.clone(),
                Place::Packed(..) => None,
            },
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

/// A row's number: below [`SEGMENT_ROWS`], which 16 bits hold.
fn index(row: usize) -> u16 {
    u16::try_from(row).unwrap_or(u16::MAX)
}

/// A place within a segment: at most 16,384 ids of 64 KiB.
fn offset(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
