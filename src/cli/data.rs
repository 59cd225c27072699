//! The data folder, as commands open it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::Failure;
use super::busy::Busy;
use crate::log::{Log, LogError, Sqlite};
use crate::node::{
    Choice, Folded, Ledger, LedgerError, Moment, Point, RandomIds, Settings, moment,
};
use crate::policy::Source;

/// Where data is if nobody says.
pub(super) const DATA: &str = "aobo-data";

/// The link of an invitation begins so if nobody says.
const INVITATION_URL: &str = "https://localhost/invitations";

/// Opens the log of a data folder for writing, and folds it.
///
/// # Errors
/// [`Failure`]: another process has it, it is damaged, or the policies or the
/// world file are refused.
pub(super) fn open(
    dir: &Path,
    choice: Choice,
    world: Option<Source>,
    invitation_url: Option<&str>,
) -> Result<Ledger, Failure> {
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(dir)?);
    let settings = Settings {
        choice,
        world,
        clock: Arc::new(Timestamp::now),
    };
    let ids = RandomIds::new(invitation_url.unwrap_or(INVITATION_URL))
        .map_err(|error| Failure::new(format!("no randomness: {error}"), "try again"))?;
    Ok(Ledger::open(log, &settings, Box::new(ids))?)
}

/// Opens the log of a data folder beside whoever writes it.
///
/// # Errors
/// [`Failure`] if there is none, or it is damaged.
pub(super) fn read(dir: &Path) -> Result<Sqlite, Failure> {
    Ok(Sqlite::open_beside(dir)?)
}

/// The same to verify it, or to save what is left.
///
/// # Errors
/// As [`read`].
pub(super) fn read_as_it_is(dir: &Path) -> Result<Sqlite, Failure> {
    Ok(Sqlite::open_as_it_is(dir)?)
}

/// The state of a data folder at a moment, the last one if none is named, and its
/// time.
///
/// # Errors
/// [`Failure`] if the log does not reach there.
pub(super) fn point_at(
    dir: &Path,
    as_of: Option<&str>,
) -> Result<(Point, Option<Timestamp>), Failure> {
    let log = read(dir)?;
    let asked = match as_of {
        None => Moment::Revision(log.head().seq),
        Some(text) => moment(text).ok_or_else(|| {
            Failure::new(
                format!("`{text}` is neither a revision nor a time"),
                "write --as-of 17, or --as-of 2020-09-01T09:00:00Z",
            )
        })?,
    };
    let busy = Busy::new("reading the log");
    let (folded, point) = Folded::at(&log, asked)?;
    drop(busy);
    Ok((point, as_of.map(|_| asked.now(folded.at))))
}

/// The flag that names the data folder.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DataArgs {
    /// Data folder: the log of what was done.
    #[arg(long, value_name = "DIR", default_value = DATA)]
    pub(super) data: PathBuf,
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        let told = chain(&error);
        // Its text says what to do next.
        match told.rsplit_once("; ") {
            Some((what, next)) => Self::new(what, next),
            None => Self::new(told, "see to the cause, then try again"),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Log(error) => error.into(),
            LedgerError::Policies(refused) => refused.into(),
            LedgerError::World(finding) => finding.into(),
            LedgerError::Bundle(refusal) => (*refusal).into(),
            LedgerError::Node(error) => error.into(),
            LedgerError::Engine(error) => error.into(),
            other => {
                let told = other.to_string();
                match told.rsplit_once("; ") {
                    Some((what, next)) => Self::new(what, next),
                    None => Self::new(told, "correct it and try again"),
                }
            }
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        told = format!("{source}: {told}");
        next = source.source();
    }
    told
}
