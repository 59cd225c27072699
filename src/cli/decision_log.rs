//! The flags of `aobo serve` that are about the decision log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use crate::node::decision_log::{
    Audit, DecisionLog, DecisionLogError, FILE_BYTES_MAX, FILES_KEPT_MAX, MaskKey, RotatingFile,
    Sink, Stdout,
};

/// The name of standard output.
const STDOUT: &str = "-";
/// The file of the data folder that keeps the key of the masks.
const KEY_FILE: &str = "decision-log.key";

/// Whether and how decisions are recorded.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DecisionLogArgs {
    /// Write a line of JSON for every decision; `-` is stdout.
    #[arg(long, value_name = "PATH")]
    decision_log: Option<PathBuf>,
    /// What becomes of a decision that cannot be recorded: it is given and counted,
    /// or (strict) it waits until its row is on disk, and is a 503 without.
    #[arg(long, value_enum, default_value = "counted")]
    audit: AuditArg,
    /// Bytes of a file before another is begun.
    #[arg(long, value_name = "BYTES", default_value_t = FILE_BYTES_MAX)]
    decision_log_bytes: u64,
    /// Full files that are kept: PATH.1 is the last one.
    #[arg(long, value_name = "COUNT", default_value_t = FILES_KEPT_MAX)]
    decision_log_kept: u32,
    /// The key of the hashes that stand for what no policy reads; made if it is not
    /// there. If absent: decision-log.key in the data folder; in generic mode, a new
    /// one each time.
    #[arg(long, value_name = "FILE", requires = "decision_log")]
    decision_log_key: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum AuditArg {
    Counted,
    Strict,
}

impl DecisionLogArgs {
    /// Opens the log that the flags ask for. `data` is the data folder, which is
    /// there, if there is one.
    ///
    /// # Errors
    /// [`Failure`] if the file or the key is not taken, or rows are asked for and have
    /// no place.
    pub(super) fn open(&self, data: Option<&Path>) -> Result<Option<Arc<DecisionLog>>, Failure> {
        let Some(path) = &self.decision_log else {
            return match self.audit {
                AuditArg::Counted => Ok(None),
                AuditArg::Strict => Err(Failure::new(
                    "--audit strict asks for rows of decisions, and nothing says where to",
                    "add --decision-log FILE, or leave --audit out",
                )),
            };
        };
        let key = match (&self.decision_log_key, data) {
            (Some(file), _) => MaskKey::of_file(file)?,
            (None, Some(data)) => MaskKey::of_file(&data.join(KEY_FILE))?,
            (None, None) => MaskKey::draw()?,
        };
        let sink: Box<dyn Sink> = match path == Path::new(STDOUT) {
            true => Box::new(Stdout),
            false => {
                let (bytes, kept) = (self.decision_log_bytes, self.decision_log_kept);
                Box::new(RotatingFile::open(path, bytes, kept)?)
            }
        };
        let audit = match self.audit {
            AuditArg::Counted => Audit::Counted,
            AuditArg::Strict => Audit::Strict,
        };
        Ok(Some(Arc::new(DecisionLog::start(sink, audit, key)?)))
    }
}

/// Writes what was accepted, and says what was lost.
pub(super) fn close(log: Option<&DecisionLog>) {
    let Some(log) = log else {
        return;
    };
    let closed = log.close();
    let (written, dropped, failed) = (log.written(), log.dropped(), log.failed());
    match closed && dropped + failed == 0 {
        true => tracing::info!(written, "the decision log is closed"),
        false => tracing::warn!(
            written,
            dropped,
            failed,
            closed,
            "decisions were not recorded"
        ),
    }
}

impl From<DecisionLogError> for Failure {
    fn from(error: DecisionLogError) -> Self {
        let told = error.to_string();
        // Its text says what to do next.
        match told.rsplit_once("; ") {
            Some((what, next)) => Self::new(what, next),
            None => Self::new(told, "see to the cause, then try again"),
        }
    }
}
