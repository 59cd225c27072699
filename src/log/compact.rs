//! Moving the oldest records out of a log into an archive.
//!
//! INVARIANT (archived): a record leaves the log only after the archive that
//! holds it is synced. The archive is new: one that exists is never written to.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::json_lines::export_up_to;
use super::{Log, LogError, Verified};

/// Writes the records before `before` to a new file `archive`, in the form of
/// [`super::export`], and then drops them from the log. The chain still verifies:
/// the log keeps the last archived position as its floor. Answers what was
/// archived. The space is used again for new records; the database file itself
/// does not shrink.
///
/// # Errors
/// [`LogError::NotCompactable`] if `before` is not within the log, or if no
/// checkpoint is at or after `before - 1`, from which a start could go on;
/// [`LogError::Backend`] if the archive exists or cannot be written, in which case
/// the log is as it was; otherwise as [`Log::drop_archived`].
pub fn compact(log: &dyn Log, before: u64, archive: &Path) -> Result<Verified, LogError> {
    let refused = |what: String| LogError::NotCompactable { what };
    let (floor, head) = (log.floor().seq, log.head().seq);
    let last = before.saturating_sub(1);
    if last <= floor || last >= head {
        return Err(refused(format!(
            "it holds records {} to {head}, and its last one stays; name a number among them to compact before",
            floor.saturating_add(1)
        )));
    }
    let checkpoint = log.sound_checkpoint(head)?.map_or(0, |at| at.seq);
    if checkpoint < last {
        return Err(refused(no_checkpoint(last)));
    }
    log.writable()?;
    let file = File::create_new(archive).map_err(LogError::backend("creating the archive"))?;
    let archived = write(log, last, file).inspect_err(|_| {
        // Only the file that was created here; the log is whole, so nothing is lost.
        let _ = std::fs::remove_file(archive);
    })?;
    sync_folder_of(archive).map_err(LogError::backend("syncing the archive's folder"))?;
    log.drop_archived(archived.head)?;
    Ok(archived)
}

pub(super) fn no_checkpoint(last: u64) -> String {
    format!(
        "no checkpoint is at record {last} or after it, and a start needs one; start the server once, so that it writes one, or compact fewer records"
    )
}

fn write(log: &dyn Log, last: u64, file: File) -> Result<Verified, LogError> {
    let mut to = BufWriter::new(file);
    let archived = export_up_to(log, last, &mut to)?;
    let synced = to.flush().and_then(|()| to.get_ref().sync_all());
    synced.map_err(LogError::backend("writing the archive"))?;
    Ok(archived)
}

/// Makes a file's name durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
