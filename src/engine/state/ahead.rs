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

/// What looking an id up comes to. Each stage waits for the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookUp {
    /// The place in the index.
    Slots,
    /// The row that it tells of.
    Rows,
    /// The id there, to be compared.
    Texts,
}

impl State {
    /// Whether what a question needs is most likely in no cache.
    #[inline]
    pub(crate) fn is_far(&self) -> bool {
        self.counts.stored >= FAR_ENTITIES_MIN
    }

    /// The stages in which looking ids up is worth asking for.
    #[inline]
    pub(crate) fn look_ups(&self) -> &'static [LookUp] {
        match self.is_far() {
            true => &[LookUp::Slots, LookUp::Rows, LookUp::Texts],
            false => &[],
        }
    }

    /// Asks for what looking an id up will need.
    pub(crate) fn ask_for_id(&self, hash: IdHash, stage: LookUp) {
        let Some(slot) = self.ids.slot(hash) else {
            return;
        };
        if stage == LookUp::Slots {
            return ask_for(slot);
        }
        // Of most ids it is the very slot where the look-up begins.
        let eid = number(slot.load(Ordering::Relaxed));
        match stage {
            LookUp::Slots | LookUp::Rows => self.ask_for_row(eid),
            LookUp::Texts => {
                self.text_of(eid).inspect(|first| ask_for(*first));
            }
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
