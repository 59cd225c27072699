//! What every log does, whatever it is kept in.

use std::fmt::Debug;
use std::ops::ControlFlow;

use super::{Draft, Head, LogError, Record};

/// Checkpoints that are kept, the newest ones. Our choice: one that turns out bad
/// leaves others to start from.
pub const CHECKPOINTS_KEPT: usize = 3;
/// Bytes of a checkpoint. Source: SQLite keeps values below 1,000,000,000 bytes.
pub const CHECKPOINT_BYTES_MAX: usize = 900_000_000;

/// An ordered, durable log of events, and checkpoints of what they add up to.
///
/// Object-safe. `&self` throughout: appends wait for each other, and nobody who
/// reads waits for an append.
pub trait Log: Send + Sync + Debug {
    /// The last acknowledged position; [`Head::START`] if there is none.
    fn head(&self) -> Head;

    /// The last position whose record was archived; [`Head::START`] if none was.
    fn floor(&self) -> Head;

    /// Appends the drafts in order, all in one durable transaction or none, if
    /// the head is `expected`. Many drafts in one call cost one sync: whoever has
    /// concurrent writers collects their drafts. No drafts append nothing.
    ///
    /// An error that [`LogError::is_unknown_outcome`] means that nothing was
    /// acknowledged and the records may yet be there when the log is opened
    /// again, all or none; their idempotency keys tell.
    ///
    /// # Errors
    /// In this order: [`LogError::ReadOnly`]; [`LogError::Moved`];
    /// [`LogError::Draft`]; [`LogError::Repeated`] for a key that the log holds or
    /// two drafts share. Then nothing was appended, and the log goes on. Whatever
    /// keeps the transaction from becoming durable makes the log read-only.
    fn append(&self, expected: Head, drafts: &[Draft]) -> Result<Vec<Record>, LogError>;

    /// Gives the records after `after`, up to the head, one by one until `each`
    /// breaks off: for replay. The record is the reader's only during the call. Each
    /// is checked to follow the one before it; the hashes over what it holds were
    /// verified when the log was opened, and are not computed again.
    ///
    /// # Errors
    /// [`LogError::Archived`] if `after` is below the floor; [`LogError::Corrupt`].
    fn scan(
        &self,
        after: u64,
        each: &mut dyn FnMut(&Record) -> ControlFlow<()>,
    ) -> Result<(), LogError>;

    /// At most `limit` records after `after`; fewer only if the head is reached.
    /// Each is checked against its hash.
    ///
    /// # Errors
    /// As [`Log::scan`].
    fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, LogError>;

    /// The record with an idempotency key. Keys are known as long as their records
    /// are; those of archived ones are forgotten.
    ///
    /// # Errors
    /// [`LogError::Corrupt`].
    fn with_key(&self, key: &str) -> Result<Option<Record>, LogError>;

    /// Keeps what the records up to `at` add up to; only the newest
    /// [`CHECKPOINTS_KEPT`] stay.
    ///
    /// # Errors
    /// [`LogError::ReadOnly`]; [`LogError::NoSuchPosition`] if `at` is not a
    /// position of this log; [`LogError::TooLarge`] above [`CHECKPOINT_BYTES_MAX`].
    fn put_checkpoint(&self, at: Head, state: &[u8]) -> Result<(), LogError>;

    /// The newest checkpoint at or before `at_most`. One whose checksum is wrong,
    /// or whose position is not of this log, is passed over.
    ///
    /// # Errors
    /// What keeps the backend from reading.
    fn checkpoint(&self, at_most: u64) -> Result<Option<(Head, Vec<u8>)>, LogError>;

    /// Fills an empty log with records that were exported, all or none.
    /// [`super::import`] is what calls it.
    ///
    /// # Errors
    /// [`LogError::ReadOnly`]; [`LogError::NotEmpty`]; the first error among the
    /// records; [`LogError::Corrupt`] if they are no chain from 1 on.
    fn restore(
        &self,
        records: &mut dyn Iterator<Item = Result<Record, LogError>>,
    ) -> Result<Head, LogError>;

    /// Deletes the records up to `last`, in one transaction, and keeps the
    /// position as the floor. The caller has them archived: [`super::compact`] is
    /// what calls it.
    ///
    /// # Errors
    /// [`LogError::ReadOnly`]; [`LogError::NoSuchPosition`];
    /// [`LogError::NotCompactable`] if that would leave no record, or no
    /// checkpoint from which a start could go on.
    fn drop_archived(&self, last: Head) -> Result<(), LogError>;

    /// Walks through all there is, down to the backend's own structures.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    fn verify(&self) -> Result<Verified, LogError>;

    /// Whether appends are taken, for readiness.
    ///
    /// # Errors
    /// [`LogError::ReadOnly`] with the reason.
    fn writable(&self) -> Result<(), LogError>;
}

/// A log that was walked through and found sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Records there are.
    pub records: u64,
    /// The position before the first of them.
    pub floor: Head,
    /// The position of the last of them.
    pub head: Head,
}
