//! The embedded log: one SQLite database in a data folder.
//!
//! ```text
//! DIR/            mode 0700 if it is made here
//!   events.db     events, meta; any SQLite tool reads them
//!   events.db-wal, events.db-shm   SQLite's own
//!   head          the last acknowledged position, see below
//!   floor/        what archived records add up to: where a compacted log begins
//!   checkpoints/  what the records up to a position add up to: a cache
//!   lock          held by the one process that writes
//! ```
//!
//! **Acknowledged means synced**: WAL with `synchronous=FULL`. After any write,
//! commit or sync that fails nothing is acknowledged, and the log is read-only
//! until it is opened again: what a disk says after a failed sync is not to be
//! relied upon, only what is read back from it. Whether the append that failed is
//! there then is unknown: a commit whose sync failed may have reached the disk.
//! It is there as a whole or not at all, and its idempotency keys tell.
//!
//! **A shortened log is noticed.** SQLite ends the recovery of a WAL silently at
//! the first bad frame, and what is left is a sound database with an earlier end.
//! So each acknowledged position is also written to `head`, without a sync of its
//! own, and a log that ends before it is not opened. A log that goes on beyond it
//! is fine: the process or the machine stopped between the two writes.
//!
//! **Opening verifies everything**: the pages (`quick_check`), the hash of each
//! record and the chain they make, the index of idempotency keys against the
//! records, and the state at the floor. Nothing on disk is touched before that has succeeded.
//!
//! Deliberately not here: damage repaired. What can be read can be exported by
//! [`Sqlite::open_as_it_is`] and imported into a new folder.

mod checkpoints;
mod connect;
mod faults;
mod floor;
mod head_file;
mod open;
mod reading;
mod schema;
mod store;
mod whole;
mod writer;

pub use faults::{Faults, Step};
pub use store::Sqlite;
