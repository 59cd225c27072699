//! Memory that is asked for before it is looked at.
//!
//! Deciding waits for memory more than it computes, once a world is larger than the
//! processor's caches. What a question will need is known before it is needed; asked
//! for early, its lines come beside each other instead of one after the other.
//!
//! INVARIANT: asking reads nothing and changes nothing, so that no answer depends on
//! it.

use std::sync::atomic::Ordering;

use super::eid::Eid;
use super::ids::{IdHash, number};
use super::segment::Row;
use super::table::State;

/// Entities from which a state no longer fits into a processor's caches, at some
/// hundred bytes each; below, asking costs more than it saves.
const FAR_ENTITIES_MIN: usize = 250_000;

/// Asks for the line of memory that a value begins in.
#[inline]
pub(super) fn ask_for<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[expect(
            unsafe_code,
            reason = "a hint to the processor, which any address is good for; a reference is a \
                      good one"
        )]
        // SAFETY: a prefetch never faults and is no access.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

impl State {
    /// Whether what a question needs is most likely in no cache.
    #[inline]
    pub(crate) fn is_far(&self) -> bool {
        self.counts.stored >= FAR_ENTITIES_MIN
    }

    /// Asks for the place where the look-up of an id begins.
    #[inline]
    pub(crate) fn ask_for_slot(&self, hash: IdHash) {
        if let Some(slot) = self.ids.slot(hash) {
            ask_for(slot);
        }
    }

    /// Asks for the row that an id is of most likely; waits for its place.
    #[inline]
    pub(crate) fn ask_for_found(&self, hash: IdHash) {
        if let Some(slot) = self.ids.slot(hash) {
            self.ask_for_row(number(slot.load(Ordering::Relaxed)));
        }
    }

    /// Asks for the id of that row; waits for the row.
    #[inline]
    pub(crate) fn ask_for_text(&self, hash: IdHash) {
        if let Some(slot) = self.ids.slot(hash)
            && let Some(first) = self.text_of(number(slot.load(Ordering::Relaxed)))
        {
            ask_for(first);
        }
    }

    /// Asks for the row of an entity.
    #[inline]
    pub(crate) fn ask_for_row(&self, eid: Eid) {
        if let Some(row) = self.row(eid) {
            row.ask();
        }
    }
}

impl Row<'_> {
    /// Asks for the cells.
    #[inline]
    pub(crate) fn ask(self) {
        if let [first, .., last] = self.cells {
            ask_for(first);
            ask_for(last);
        }
    }

    /// Asks for the entries; waits for where they are.
    #[inline]
    pub(crate) fn ask_for_lists(self) {
        if let Some(first) = self.lists().first() {
            ask_for(first);
        }
    }
}
