//! What can go wrong with a log. Each says what to do next.

use std::error::Error;
use std::path::PathBuf;

use super::Head;

/// An append, a read or a start that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The head is not what the writer took it for.
    #[error("the log has moved on to record {}; read what is new and try again", head.seq)]
    Moved {
        /// The head as it is.
        head: Head,
    },
    /// An idempotency key that is there already.
    #[error("the idempotency key `{key}` is {}", where_repeated(*seq))]
    Repeated {
        /// The key.
        key: String,
        /// The record that has it; `None` if it is twice in the same batch.
        seq: Option<u64>,
    },
    /// A draft that the log does not keep.
    #[error("draft {index} is refused: {what}; change it and try again")]
    Draft {
        /// Its place in the batch, from 0.
        index: usize,
        /// What is wrong with it.
        what: String,
    },
    /// No appends any more, or none from the beginning.
    #[error(
        "the log is read-only after record {after}: {why}; see to the cause, then open it again"
    )]
    ReadOnly {
        /// The last acknowledged record.
        after: u64,
        /// What happened.
        why: String,
    },
    /// A record that is not as it was acknowledged.
    #[error(
        "record {seq} is damaged: {what}; restore the log from a backup, or export the records before it and import them into a new folder"
    )]
    Corrupt {
        /// Its number.
        seq: u64,
        /// What is wrong.
        what: String,
    },
    /// A file that is not as it was written.
    #[error(
        "`{file}` is damaged: {what}; restore the log from a backup, or export what can be read and import it into a new folder"
    )]
    Damaged {
        /// Its name in the data folder.
        file: &'static str,
        /// What is wrong, and at which page if that is known.
        what: String,
    },
    /// Acknowledged records that are gone from the end.
    #[error(
        "the log ends at record {last}, and record {acknowledged} was acknowledged: its end is lost; restore it from a backup, or export what is left and import it into a new folder"
    )]
    Shortened {
        /// The last record that is there.
        last: u64,
        /// The last record that was acknowledged.
        acknowledged: u64,
    },
    /// A folder without a log.
    #[error("`{}` holds no event log; check the path", dir.display())]
    Missing {
        /// The folder.
        dir: PathBuf,
    },
    /// Another process has the log.
    #[error("`{}` is in use by another process; stop that one first", dir.display())]
    InUse {
        /// The data folder.
        dir: PathBuf,
    },
    /// A log of a later version of this program.
    #[error(
        "the log has format {found}, and this version reads up to {known}; use a newer version of aobo"
    )]
    Newer {
        /// The format found.
        found: u64,
        /// The newest known here.
        known: u64,
    },
    /// A database that is something else.
    #[error("`{file}` is not an event log: {what}; name another data folder")]
    Alien {
        /// Its name in the data folder.
        file: &'static str,
        /// What is different.
        what: String,
    },
    /// Records that are no longer here.
    #[error(
        "the records up to {floor} are archived; read them from the archive, or start after them"
    )]
    Archived {
        /// The last of them.
        floor: u64,
    },
    /// A position that this log does not have.
    #[error("the log has no record {} with hash {}; take a position from this log", at.seq, at.hash)]
    NoSuchPosition {
        /// The position.
        at: Head,
    },
    /// An import into a log that has records.
    #[error("the log holds records up to {}; import into a new folder", head.seq)]
    NotEmpty {
        /// Its head.
        head: Head,
    },
    /// A line that is no record.
    #[error("line {line} is no record: {what}; import an export as it was written")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Records that must stay.
    #[error("the log is not compacted: {what}")]
    NotCompactable {
        /// Why, and what to do.
        what: String,
    },
    /// A checkpoint that is too large to be kept.
    #[error(
        "a checkpoint of {bytes} bytes is not kept, at most {bytes_max} are; go on without it, a start then replays more records"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest that is kept.
        bytes_max: usize,
    },
    /// The backend, the disk or a file fails.
    #[error("{doing} failed; see to the cause, then try again")]
    Backend {
        /// What was under way.
        doing: &'static str,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A write that was not acknowledged. Whether it is there shows when the log is
    /// opened again.
    #[error(
        "the write was not acknowledged, and the log is read-only now; see to the cause, open it again, and see whether the write is there before trying again"
    )]
    Unacknowledged {
        /// The cause.
        source: Box<LogError>,
    },
}

impl LogError {
    /// Whether what was to be written may be there or not.
    #[must_use]
    pub fn is_unknown_outcome(&self) -> bool {
        matches!(self, Self::Unacknowledged { .. })
    }

    /// Whether the store itself failed, rather than refused.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Backend { .. } | Self::Damaged { .. })
    }

    pub(super) fn backend<E: Into<Box<dyn Error + Send + Sync>>>(
        doing: &'static str,
    ) -> impl Fn(E) -> Self {
        move |source| Self::Backend {
            doing,
            source: source.into(),
        }
    }
}

fn where_repeated(seq: Option<u64>) -> String {
    match seq {
        Some(seq) => format!("that of record {seq}; the event is there, do not append it again"),
        None => "twice in one batch; append the event once".to_owned(),
    }
}
