//! What every log does, whatever it is kept in.

use std::fmt::Debug;
use std::ops::ControlFlow;

use super::{Draft, Entry, Head, LogError, Payload, Record};

/// Checkpoints that are kept, the newest ones. Our choice: one that turns out bad
/// leaves others to start from.
pub const CHECKPOINTS_KEPT: usize = 3;
/// Bytes of one part of a checkpoint. Our choice: what is held in memory at a time
/// while one is written or read; a checkpoint has as many parts as it takes.
pub const CHECKPOINT_PART_BYTES_MAX: usize = 64 << 20;

/// A checkpoint that is being read.
pub struct Checkpoint<'a> {
    /// The position whose state it is.
    pub at: Head,
    /// Its parts, in order, each verified before it is given out. After an error
    /// there are no others, and what was given out is of no use.
    pub parts: Box<dyn Iterator<Item = Result<Vec<u8>, LogError>> + Send + 'a>,
}

/// What archived records add up to: where a log begins that has no others before
/// its own. No cache: the records are gone, and nothing else holds it.
pub struct FloorState<'a> {
    /// The position whose state it is: that of the last archived record.
    pub at: Head,
    /// Its parts, in order, as whoever folds events wrote them. One that comes out
    /// of a log counts only when the last part has come without an error.
    pub parts: Box<dyn Iterator<Item = Result<Payload, LogError>> + Send + 'a>,
}

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

    /// Keeps what the records up to `at` add up to, part by part as `parts` gives
    /// them; only the newest [`CHECKPOINTS_KEPT`] stay. Appends do not wait for it,
    /// and one that fails leaves the older ones and the log as they were.
    ///
    /// # Errors
    /// [`LogError::ReadOnly`]; [`LogError::NoSuchPosition`] if `at` is not a
    /// position of this log; [`LogError::TooLarge`] for a part above
    /// [`CHECKPOINT_PART_BYTES_MAX`]; what keeps the backend from writing.
    fn keep_checkpoint(
        &self,
        at: Head,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), LogError>;

    /// Begins to read the newest checkpoint at or before `at_most`. One whose
    /// beginning is damaged, or whose position is not of this log, is passed over.
    ///
    /// # Errors
    /// What keeps the backend from reading.
    fn read_checkpoint(&self, at_most: u64) -> Result<Option<Checkpoint<'_>>, LogError>;

    /// Keeps a checkpoint of one part.
    ///
    /// # Errors
    /// As [`Log::keep_checkpoint`].
    fn put_checkpoint(&self, at: Head, state: &[u8]) -> Result<(), LogError> {
        self.keep_checkpoint(at, &mut std::iter::once(state.to_vec()))
    }

    /// The newest checkpoint at or before `at_most` that is whole, its parts one
    /// after the other.
    ///
    /// # Errors
    /// As [`Log::read_checkpoint`].
    fn checkpoint(&self, at_most: u64) -> Result<Option<(Head, Vec<u8>)>, LogError> {
        let mut at_most = at_most;
        while let Some(Checkpoint { at, parts }) = self.read_checkpoint(at_most)? {
            let whole: Result<Vec<Vec<u8>>, LogError> = parts.collect();
            match (whole, at.seq.checked_sub(1)) {
                (Ok(parts), _) => return Ok(Some((at, parts.concat()))),
                (Err(_), Some(before)) => at_most = before,
                (Err(_), None) => break,
            }
        }
        Ok(None)
    }

    /// The position of the newest checkpoint at or before `at_most` that is whole.
    ///
    /// # Errors
    /// As [`Log::read_checkpoint`].
    fn sound_checkpoint(&self, at_most: u64) -> Result<Option<Head>, LogError> {
        let mut at_most = at_most;
        while let Some(Checkpoint { at, mut parts }) = self.read_checkpoint(at_most)? {
            match (parts.all(|part| part.is_ok()), at.seq.checked_sub(1)) {
                (true, _) => return Ok(Some(at)),
                (false, Some(before)) => at_most = before,
                (false, None) => break,
            }
        }
        Ok(None)
    }

    /// Fills an empty log with what was exported, all or nothing: records from 1
    /// on, or a state and the records after it, which is then the floor. A state
    /// further on is checked to stand where the records lead, and is not kept.
    /// [`super::import`] is what calls it.
    ///
    /// # Errors
    /// [`LogError::ReadOnly`]; [`LogError::NotEmpty`]; the first error among the
    /// entries; [`LogError::Corrupt`] if the records are no chain.
    fn restore(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, LogError>>,
    ) -> Result<Head, LogError>;

    /// Deletes the records up to a state's position, in one transaction, and keeps
    /// the position as the floor. The state is durable before any record goes, and
    /// the one of an earlier floor stays until then. The caller has the records
    /// archived: [`super::compact`] is what calls it.
    ///
    /// # Errors
    /// [`LogError::ReadOnly`]; [`LogError::NoSuchPosition`];
    /// [`LogError::NotCompactable`] if that would leave no record; the first error
    /// among the state's parts, and what keeps it from being written: the log is
    /// then as it was.
    fn drop_archived(&self, state: FloorState<'_>) -> Result<(), LogError>;

    /// The state at the floor; `None` for a log that holds its records from 1 on,
    /// or was compacted by a version that kept none.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if it is there and is not as it was written, now or
    /// while its parts are read.
    fn floor_state(&self) -> Result<Option<FloorState<'_>>, LogError>;

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
