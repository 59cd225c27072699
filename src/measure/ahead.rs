//! Changes that are made while those before them are taken in.
//!
//! Making a world takes about as long as taking it in, and neither needs the
//! other: a thread makes blocks of changes, at most [`BLOCKS_MAX`] ahead of whoever
//! takes them. Deliberately not here: any order but that of [`Workload::changes`].
//!
//! INVARIANT (same changes): they are those of [`Workload::changes`], in its order.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::workload::Workload;
use crate::engine::Change;

/// Changes that are handed over together.
const BLOCK: usize = 4_096;
/// Blocks that are held at most, besides the one being made.
const BLOCKS_MAX: usize = 4;

impl Workload {
    /// [`Workload::changes`] from a thread of their own, which ends with them, or
    /// when nobody takes them any more.
    pub fn changes_ahead(&self) -> impl Iterator<Item = Change> + use<> {
        let (made, blocks) = sync_channel::<Vec<Change>>(BLOCKS_MAX);
        let workload = self.clone();
        thread::spawn(move || {
            let mut changes = workload.changes();
            loop {
                let block: Vec<Change> = changes.by_ref().take(BLOCK).collect();
                if block.is_empty() || made.send(block).is_err() {
                    return;
                }
            }
        });
        blocks.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_changes_in_the_same_order() {
        let workload = Workload::new(1, 300);
        assert!(workload.changes().count() > BLOCK * BLOCKS_MAX / 3);
        assert!(workload.changes().eq(workload.changes_ahead()));
    }

    #[test]
    fn who_takes_only_some_is_not_waited_for() {
        let workload = Workload::new(1, 3_000);
        assert_eq!(workload.changes_ahead().take(1).count(), 1);
    }
}
