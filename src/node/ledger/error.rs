//! Why a write, a start or a look into the past fails.

use crate::directory::DirectoryError;
use crate::directory::command::CommandError;
use crate::engine::EngineError;
use crate::log::LogError;
use crate::node::{NodeError, Refusal};
use crate::policy::{Finding, Refused};

/// What did not come about. Nothing was written, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The command.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The directory does not take what an event says.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The engine does not take what follows from a change.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A state is not taken into use.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Policies are refused.
    #[error("the policies are refused: {0}")]
    Policies(#[from] Refused),
    /// A bundle that was offered is not taken.
    #[error(transparent)]
    Bundle(Box<Refusal>),
    /// The world file that an empty log was to begin with.
    #[error("the world file is refused: {0}")]
    World(Box<Finding>),
    /// A bundle of the log that comes out as another one.
    #[error("the log's bundle {wanted} comes out as {got} in this version of aobo")]
    BundleHash {
        /// As the log has it.
        wanted: String,
        /// As it comes out.
        got: String,
    },
    /// Policies of the log that this program does not build.
    #[error("{0}; start with --profile to take policies of this version into use")]
    Unbuilt(std::sync::Arc<str>),
    /// An event that cannot be read.
    #[error("event {seq} (`{kind}`) cannot be read: {what}")]
    Event {
        /// Its position.
        seq: u64,
        /// Its kind.
        kind: String,
        /// What is wrong.
        what: String,
    },
    /// What archived events add up to, in a form that cannot be read.
    #[error("the state at record {seq}, where the log begins, cannot be read: {what}")]
    Floor {
        /// The last archived record.
        seq: u64,
        /// What is wrong.
        what: String,
    },
    /// A compacted log that nothing leads into.
    #[error(
        "the records up to {floor} are archived, and neither a checkpoint nor the state at {floor} is there; import the archives and then an export of this log into a new folder"
    )]
    NoFloor {
        /// The last archived record.
        floor: u64,
    },
    /// The caller may not do it.
    #[error("{message}")]
    Forbidden {
        /// Who may not do what, and what is missing.
        message: String,
    },
    /// The caller saw another revision than there is.
    #[error(
        "the state is at revision {current}, not {expected}; look at what is new and try again"
    )]
    Precondition {
        /// What the caller expected.
        expected: u64,
        /// What there is.
        current: u64,
    },
    /// An idempotency key that was used for something else.
    #[error(
        "the idempotency key `{key}` was used for another request (revision {revision}); use a new key for a new request"
    )]
    KeyReused {
        /// The key.
        key: String,
        /// Where it was used.
        revision: u64,
    },
    /// A revision or time before the log begins, or past its end.
    #[error("{wanted} is not in the log, which holds {floor} to {head}")]
    OutOfRange {
        /// What was asked for.
        wanted: String,
        /// The first revision that can be decided at.
        floor: u64,
        /// The last.
        head: u64,
    },
    /// A world file other than the one that the log began with.
    #[error(
        "the log was not seeded from this world file; start without --world, or add its facts by commands, or use a new data folder"
    )]
    OtherSeed,
    /// A key that cannot be made.
    #[error("{0}")]
    BadKey(String),
    /// What the log does not keep.
    #[error("{0}; change it and try again")]
    BadEvent(String),
    /// A mistake of ours.
    #[error("the write failed: {0}")]
    Fault(String),
    /// An API key that is not there.
    #[error("there is no API key `{id}`; `aobo keys list` shows those there are")]
    NoKey {
        /// Its id.
        id: String,
    },
    /// The log did not take it.
    #[error("{message}")]
    NotWritten {
        /// Whether it may be there all the same when the log is opened again.
        unknown: bool,
        /// What the log says.
        message: String,
    },
    /// The writer is gone or has too much to do.
    #[error("writes are not taken at the moment; try again later")]
    Busy,
}

impl From<Refusal> for LedgerError {
    fn from(refusal: Refusal) -> Self {
        Self::Bundle(Box::new(refusal))
    }
}
