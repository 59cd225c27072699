//! The decision log: a line of JSON for every decision, and its replay.
//!
//! A row holds what the policies can read of a question, and hashes of the rest,
//! so that it decides the same again without saying what is nobody's business. It
//! is made by whoever decided, and written by a thread of its own: a queue of
//! bounded size lies between the two. Deliberately not here: HTTP, and the state
//! that rows are replayed on, which comes from [`crate::node::Ledger`] or a file.
//!
//! INVARIANT (replays): a row that does not say that it is unreplayable gets the
//! same answer again from the bundle and the facts that it names.
//! INVARIANT (strict): with [`Audit::Strict`], [`DecisionLog::write`] returns `Ok`
//! only when the rows are on disk.

mod error;
mod file;
mod mask;
mod question;
mod read;
mod replay;
mod report;
mod row;
mod shown;
mod sink;
mod writer;

pub use error::DecisionLogError;
pub use file::{FILE_BYTES_MAX, FILES_KEPT_MAX, RotatingFile};
pub use mask::{MaskKey, SECRET_WORDS, is_secret};
pub use question::Place;
pub use read::{LINE_BYTES_MAX, LoggedRow, Rows};
pub use replay::{ReplayError, Replayed, State, replay};
pub use report::{Alike, EXAMPLES_MAX, Example, Flip, GROUPS_MAX, Group, Judgement, ReplayReport};
pub use row::{Decided, ID_BYTES_SHOWN, QUESTION_BYTES_MAX, ROW_VERSION, Row};
pub use sink::{Sink, Stdout};
pub use writer::{Audit, DecisionLog, QUEUE_BYTES_MAX};
