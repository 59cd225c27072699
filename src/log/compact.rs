//! Moving the oldest records out of a log into an archive.
//!
//! INVARIANT (archived): a record leaves the log only after the archive that
//! holds it is synced, and what it adds up to with those before it is durable as
//! the state at the floor. The archive is new: one that exists is never written to.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::json_lines::export_up_to;
use super::{FloorState, Log, LogError, Verified};

/// The last record that is archived when records before `before` are.
///
/// # Errors
/// [`LogError::NotCompactable`] if `before` is not within the log.
pub fn compactable(log: &dyn Log, before: u64) -> Result<u64, LogError> {
    let (floor, head) = (log.floor().seq, log.head().seq);
    let last = before.saturating_sub(1);
    match floor < last && last < head {
        true => Ok(last),
        false => Err(LogError::NotCompactable {
            what: format!(
                "it holds records {} to {head}, and its last one stays; name a number among them to compact before",
                floor.saturating_add(1)
            ),
        }),
    }
}

/// Writes the records up to a state's position to a new file `archive`, in the form
/// of [`super::export`], and then drops them from the log, which begins at that
/// state from then on. The chain still verifies: the log keeps the position as its
/// floor. Answers what was archived. The space is used again for new records; the
/// database file itself does not shrink.
///
/// # Errors
/// [`LogError::NotCompactable`] as [`compactable`]; [`LogError::NoSuchPosition`] if
/// the state is that of another log; [`LogError::Backend`] if the archive exists or
/// cannot be written. The log is as it was then. Otherwise as [`Log::drop_archived`].
pub fn compact(log: &dyn Log, archive: &Path, state: FloorState<'_>) -> Result<Verified, LogError> {
    let at = state.at;
    let last = compactable(log, at.seq.saturating_add(1))?;
    log.writable()?;
    let file = File::create_new(archive).map_err(LogError::backend("creating the archive"))?;
    let archived = write(log, last, file).and_then(|archived| match archived.head == at {
        true => Ok(archived),
        false => Err(LogError::NoSuchPosition { at }),
    });
    let synced = archived.and_then(|archived| {
        sync_folder_of(archive).map_err(LogError::backend("syncing the archive's folder"))?;
        Ok(archived)
    });
    let dropped = synced.and_then(|archived| log.drop_archived(state).map(|()| archived));
    dropped.inspect_err(|error| {
        // Only the file that was created here, and only if the log is whole.
        if !error.is_unknown_outcome() {
            let _ = std::fs::remove_file(archive);
        }
    })
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
