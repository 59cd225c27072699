//! Rows of one type, many together, and what was changed since.
//!
//! A segment is a packed base and a small persistent map of rows that were
//! written after it was packed. A write copies one row and a path of the map;
//! when the map has grown, the segment is packed anew, which costs its size once
//! in [`CHANGED_MAX`] writes. While a state is built its segments are open instead
//! ([`Open`]) and are packed once, at the end.
//!
//! A packed row stands behind a cell that tells its entries, where they begin and
//! how many they are, so that who has come to the row needs no other look to find
//! its lists:
//!
//! ```text
//! entries of row 0 | cells of row 0 | entries of row 1 | cells of row 1 | …
//! ```
//!
//! INVARIANT (one place): all rows of an open segment are in what is open; base
//! and map are empty.

use std::sync::Arc;

use imbl::{GenericHashMap, OrdSet, shared_ptr::DefaultSharedPtr};

use super::eid::{SEGMENT_ROWS, TypeId};
use super::lists::{ARRAY_MAX, Lists, ListsRef};
use super::open::Open;

/// Changed rows above which a segment is packed anew.
const CHANGED_MAX: usize = 2048;

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
    /// Each row's cells, before them its [`Span`].
    cells: Vec<u32>,
    /// Ids: a length of two bytes, then the bytes.
    texts: Vec<u8>,
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
        let Some(cells) = self.base.row(self.width, row) else {
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
        let cells = self.base.row(self.width, row);
        match cells.and_then(|cells| cells.get(at)) {
            Some(from) => text_in(&self.base.texts, *from),
            None => self.open.as_ref()?.text(self.width, row, at),
        }
    }

    /// Where the id of a packed row begins.
    #[inline]
    pub(super) fn text_at(&self, row: usize, at: usize) -> Option<&u8> {
        let from = self.base.row(self.width, row)?.get(at)?;
        self.base.texts.get(*from as usize)
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
            self.base = Arc::new(Base::of(*open, self.width));
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
        let mut new = Base {
            cells: Vec::with_capacity(self.rows * (self.width + 1)),
            texts: Vec::new(),
            entries: Vec::with_capacity(old.entries.len()),
            trees: Vec::new(),
        };
        let mut texts = old.texts;
        for row in 0..self.rows {
            let (span, first) = (new.cells.len(), new.entries.len());
            new.cells.push(0);
            match self.alone(row) {
                Some(stored) => {
                    new.cells.extend_from_slice(&stored.cells);
                    match &stored.lists {
                        Lists::Array(entries) => new.entries.extend_from_slice(entries),
                        Lists::Tree(entries) => new.trees.push((index(row), entries.clone())),
                    }
                    if let (Some(text), Some(cell)) =
                        (&stored.text, new.cells.get_mut(span + 1 + text_at))
                    {
                        *cell = push_text(&mut texts, text);
                    }
                }
                None => {
                    let cells = row_in(&old.cells, self.width, row);
                    new.cells.extend_from_slice(cells.unwrap_or_default());
                    let entries = entries_in(&old.cells, &old.entries, self.width, row);
                    new.entries.extend_from_slice(entries.unwrap_or_default());
                    new.trees
                        .extend(tree(&old.trees, row).map(|tree| (index(row), tree.clone())));
                }
            }
            if let Some(cell) = new.cells.get_mut(span) {
                *cell = Span::of(first, new.entries.len()).0;
            }
        }
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
        let lists = base.entries.capacity() * 8 + trees;
        (
            base.cells.capacity() * 4 + lists + alone,
            base.texts.capacity(),
        )
    }
}

impl Base {
    fn copied(shared: &Self) -> Self {
        Self {
            cells: shared.cells.clone(),
            texts: Vec::new(),
            entries: shared.entries.clone(),
            trees: shared.trees.clone(),
        }
    }

    /// Packs the entries; cells and ids stand as they will.
    fn of(open: Open, width: usize) -> Self {
        let many = open.lists.iter().map(|lists| match lists {
            Lists::Array(entries) => entries.len(),
            Lists::Tree(_) => 0,
        });
        let mut packed = Self {
            entries: Vec::with_capacity(many.sum()),
            cells: open.cells,
            texts: open.texts,
            trees: Vec::new(),
        };
        let rows = packed.cells.chunks_exact_mut(width + 1);
        for ((row, lists), cells) in open.lists.into_iter().enumerate().zip(rows) {
            let first = packed.entries.len();
            match lists {
                Lists::Array(entries) => packed.entries.extend_from_slice(&entries),
                Lists::Tree(entries) => packed.trees.push((index(row), entries)),
            }
            if let Some(cell) = cells.first_mut() {
                *cell = Span::of(first, packed.entries.len()).0;
            }
        }
        packed.cells.shrink_to_fit();
        packed.texts.shrink_to_fit();
        packed
    }

    #[inline]
    fn row(&self, width: usize, row: usize) -> Option<&[u32]> {
        row_in(&self.cells, width, row)
    }
}

/// Where a packed row's entries are among those of its segment: the first in the upper
/// 24 bits, how many in the lower 8.
#[derive(Debug, Clone, Copy)]
struct Span(u32);

/// Both fit.
const _: () = assert!(ARRAY_MAX < 1 << 8 && SEGMENT_ROWS * ARRAY_MAX < 1 << 24);

impl Span {
    fn of(first: usize, end: usize) -> Self {
        Self(offset(first) << 8 | offset(end - first))
    }

    #[inline]
    fn range(self) -> std::ops::Range<usize> {
        let (first, count) = (self.0 >> 8, self.0 & 0xff);
        first as usize..(first + count) as usize
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
                let entries = entries_in(&base.cells, &base.entries, self.cells.len(), row);
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

/// The cells of a packed row.
#[inline]
pub(super) fn row_in(cells: &[u32], width: usize, row: usize) -> Option<&[u32]> {
    let from = row * (width + 1) + 1;
    cells.get(from..from + width)
}

/// The entries of a packed row.
#[inline]
fn entries_in<'e>(
    cells: &[u32],
    entries: &'e [u64],
    width: usize,
    row: usize,
) -> Option<&'e [u64]> {
    let span = Span(*cells.get(row * (width + 1))?);
    entries.get(span.range())
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

#[cfg(test)]
mod tests {
    use super::super::eid::Eid;
    use super::super::lists::{Kind, entry};
    use super::*;

    /// The text cell of the rows here.
    const TEXT: usize = 1;

    #[test]
    fn lists_are_read_as_they_were_written_short_or_long() {
        let counts = [0, 1, ARRAY_MAX - 1, ARRAY_MAX, ARRAY_MAX + 1, 2];
        for is_open in [false, true] {
            let mut segment = Segment::new(TypeId(0), 2);
            if is_open {
                segment.open(TEXT);
            }
            for (row, count) in counts.into_iter().enumerate() {
                assert_eq!(segment.push(TEXT, &format!("row {row}")), row);
                let written = segment.edit(row).unwrap();
                for number in 0..u32::try_from(count).unwrap() {
                    assert!(written.lists.insert(entry(Kind::CHILD, Eid(number), 0)));
                }
            }
            // Once more, so that what was packed is packed again.
            for _ in 0..2 {
                segment.settle(TEXT, true);
                for (row, count) in counts.into_iter().enumerate() {
                    let text = format!("row {row}");
                    assert_eq!(segment.text(row, TEXT), Some(text.as_str()));
                    let lists = segment.row(row).unwrap().lists();
                    assert_eq!(lists.of(Kind::CHILD).count(), count, "{row} {is_open}");
                }
                segment.edit(0).unwrap();
            }
        }
    }
}
