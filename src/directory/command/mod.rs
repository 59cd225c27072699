//! Commands: what somebody wants done to the directory, who may, and what
//! follows from it.
//!
//! A [`Command`] is data. [`Command::asks`] are the questions that aobo's own
//! policies must allow for the caller; [`Command::plan`] is what the command
//! does to a world: the changes, the duties that come with them, and what the
//! caller gets. What was decided becomes an event, whose payload
//! ([`event_payload`]) holds the changes themselves: replaying it folds them and
//! runs no command again. Deliberately not here: the log, clocks and chance
//! (times, ids and links come in from outside), mail, and passwords, which aobo
//! neither makes nor keeps.
//!
//! | | |
//! |---|---|
//! | `machine`, `machines/` | state machines as tables, and the six of the domain |
//! | `verbs` | the commands there are |
//! | `asks` | authorization |
//! | `plan` | from a command to its changes; the other files are its areas |
//! | `import` | the CSV file of users |

mod asks;
mod azure;
mod devices;
mod error;
mod event;
mod import;
mod invitation;
mod licences;
mod machine;
pub mod machines;
mod mail;
mod plan;
mod relationship;
mod users;
mod verbs;

pub use asks::Caller;
pub use error::{BadCell, CommandError};
pub use event::{event_changes, event_payload};
pub use import::{IMPORT_NAME_CHARS_MAX, IMPORT_ROWS_MAX};
pub use invitation::MAIL_TEXT_BYTES_MAX;
pub use machine::{Illegal, Machine, Named};
pub use plan::{Advice, Ids, Output, Planned, RestoredUser};
pub use users::{RESTORE_DAYS_MAX, restorable_until};

pub use verbs::Command;
