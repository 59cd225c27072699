//! Rows of one type while a state is built.
//!
//! Nobody else has a state that is being built, so nothing of it must stay as it
//! was: cells and ids are written where they will stay, and a row's entries are a
//! list of their own until the segment is packed, which happens once.

use super::eid::SEGMENT_ROWS;
use super::lists::Lists;
use super::segment::{RowMut, push_text, row_in, text_in};

/// Rows after which a segment is expected to become full.
const MANY: usize = SEGMENT_ROWS / 16;

/// The rows of an open segment.
#[derive(Debug, Clone, Default)]
pub(super) struct Open {
    /// As a packed segment has them.
    pub(super) cells: Vec<u32>,
    /// Ids, as a packed segment has them.
    pub(super) texts: Vec<u8>,
    pub(super) lists: Vec<Lists>,
}

impl Open {
    /// Adds a row of which only the id is known. `at` is its text cell.
    pub(super) fn push(&mut self, width: usize, at: usize, text: &str) {
        if self.lists.len() == MANY {
            self.reserve_all();
        }
        // Before it goes what tells its entries, when they are packed.
        let from = self.cells.len() + 1;
        self.cells.resize(from + width, 0);
        if let Some(cell) = self.cells.get_mut(from + at) {
            *cell = push_text(&mut self.texts, text);
        }
        self.lists.push(Lists::default());
    }

    /// Makes room for a full segment of rows like those that are there, instead of
    /// moving them each time that they double.
    fn reserve_all(&mut self) {
        let more = SEGMENT_ROWS / MANY - 1;
        self.cells.reserve_exact(self.cells.len() * more);
        self.lists.reserve_exact(self.lists.len() * more);
        self.texts.reserve(self.texts.len() * more);
    }

    #[inline]
    pub(super) fn row(&self, width: usize, row: usize) -> Option<(&[u32], &Lists)> {
        let cells = row_in(&self.cells, width, row)?;
        Some((cells, self.lists.get(row)?))
    }

    #[inline]
    pub(super) fn edit(&mut self, width: usize, row: usize) -> Option<RowMut<'_>> {
        let from = row * (width + 1) + 1;
        Some(RowMut {
            cells: self.cells.get_mut(from..from + width)?,
            lists: self.lists.get_mut(row)?,
        })
    }

    /// The id of a row, as bytes. `at` is the row's text cell.
    #[inline]
    pub(super) fn text(&self, width: usize, row: usize, at: usize) -> Option<&[u8]> {
        text_in(&self.texts, *row_in(&self.cells, width, row)?.get(at)?)
    }
}
