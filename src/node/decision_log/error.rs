//! Why a row is not written, or not read.

use std::io;

/// What keeps the decision log from being kept, or from being read.
#[derive(Debug, thiserror::Error)]
pub enum DecisionLogError {
    /// The file, or the key of the masks, is not taken.
    #[error(
        "the decision log `{path}` cannot be opened: {error}; name a file in a folder that is there and can be written"
    )]
    Open {
        /// The path.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// Another process writes the file.
    #[error("the decision log `{path}` is written by another process; name another file")]
    Locked {
        /// The path.
        path: String,
    },
    /// A file that should hold the key of the masks, and does not.
    #[error(
        "`{path}` does not hold a key: 64 hexadecimal digits are wanted; remove the file, and a new key is made"
    )]
    Key {
        /// The path.
        path: String,
    },
    /// The operating system has no randomness or no thread.
    #[error("the decision log does not start: {what}; try again")]
    Start {
        /// What the system says.
        what: String,
    },
    /// A row that had to be written was not.
    #[error("the decision is not given, because its row could not be written to the decision log")]
    NotWritten,
    /// A line that is no row.
    #[error("{file}:{line}: {what}; name files that `aobo serve --decision-log` wrote")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A file that cannot be read.
    #[error("cannot read `{file}`: {error}; check that it is there and can be read")]
    Read {
        /// The file.
        file: String,
        /// What the system says.
        error: io::Error,
    },
    /// A row of another log.
    #[error("{file}:{line}: {what}; name the data folder that the row was decided on")]
    OtherLog {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What of the row is not of this log.
        what: String,
    },
}
