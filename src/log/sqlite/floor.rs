//! The state at the floor, in a file of its own, named by the floor's number.
//!
//! ```text
//! floor/00000000000000000499.jsonl
//! ```
//!
//! Its form is that of an export's head (`crate::log::floor`), so that any tool
//! reads it. The database says which record is the floor; a file of another
//! number is what a process left that stopped between the two.
//!
//! INVARIANT (durable first): a file gets its name when it is synced, and the
//! floor goes there after that. The file of the floor before goes last.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::log::compact::sync_folder_of;
use crate::log::floor::{Entry, FloorText, write_state};
use crate::log::json_lines::Entries;
use crate::log::{FloorState, Head, LogError, Payload};

/// The folder's name in the data folder.
const FOLDER: &str = "floor";
/// What is being written.
const HALF: &str = "new";
/// Bytes that go to and from the file at a time.
const BUFFER_BYTES: usize = 1 << 20;
const WRITING: &str = "writing the state at the floor";

/// Writes a state down. When this returns it is durable.
pub(super) fn keep(dir: &Path, state: FloorState<'_>) -> Result<(), LogError> {
    let at = state.at;
    let half = make(dir)?;
    let written = write_state(state, half).and_then(|half| name(dir, half, at));
    written.inspect_err(|_| drop(fs::remove_file(dir.join(FOLDER).join(HALF))))
}

/// A state that is given part by part.
pub(super) struct Kept {
    at: Head,
    text: FloorText<BufWriter<File>>,
}

impl Kept {
    pub(super) fn begin(dir: &Path, at: Head) -> Result<Self, LogError> {
        let text = FloorText::begin(make(dir)?, at).map_err(LogError::backend(WRITING))?;
        Ok(Self { at, text })
    }

    pub(super) fn at(&self) -> Head {
        self.at
    }

    pub(super) fn part(&mut self, part: &Payload) -> Result<(), LogError> {
        self.text.part(part).map_err(LogError::backend(WRITING))
    }

    /// When this returns it is durable.
    pub(super) fn end(self, dir: &Path) -> Result<Head, LogError> {
        let half = self.text.end().map_err(LogError::backend(WRITING))?;
        name(dir, half, self.at)?;
        Ok(self.at)
    }
}

fn make(dir: &Path) -> Result<BufWriter<File>, LogError> {
    let failed = LogError::backend(WRITING);
    let folder = dir.join(FOLDER);
    match fs::create_dir(&folder) {
        Ok(()) => sync_folder_of(&folder).map_err(&failed)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let file = File::create(folder.join(HALF)).map_err(failed)?;
    Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
}

fn name(dir: &Path, mut half: BufWriter<File>, at: Head) -> Result<(), LogError> {
    let path = path(dir, at);
    let flushed = half.flush().and_then(|()| half.get_ref().sync_all());
    let named = flushed.and_then(|()| fs::rename(dir.join(FOLDER).join(HALF), &path));
    let named = named.and_then(|()| sync_folder_of(&path));
    named.map_err(LogError::backend(WRITING))
}

/// The state at the floor; `None` if there is no file of it.
pub(super) fn read(dir: &Path, floor: Head) -> Result<Option<FloorState<'static>>, LogError> {
    let file = match File::open(path(dir, floor)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::backend("reading the state at the floor")(error)),
    };
    let mut entries = Entries::new(BufReader::with_capacity(BUFFER_BYTES, file));
    match entries.next() {
        Some(Ok(Entry::Floor(at))) if at == floor => {}
        Some(Err(error)) => return Err(damaged(error.to_string())),
        _ => return Err(damaged(format!("it is not that of record {}", floor.seq))),
    }
    let parts = entries.map(|entry| match entry {
        Ok(Entry::State(part)) => Ok(part),
        Ok(_) => Err(damaged("there is more in it than one state")),
        Err(error) => Err(damaged(error.to_string())),
    });
    Ok(Some(FloorState {
        at: floor,
        parts: Box::new(parts),
    }))
}

/// Reads the state at the floor to its end.
///
/// # Errors
/// [`LogError::Damaged`] if it is not as it was written, or missing.
pub(super) fn verify(dir: &Path, floor: Head) -> Result<(), LogError> {
    if floor == Head::START {
        return Ok(());
    }
    let mut state = read(dir, floor)?.ok_or_else(|| {
        damaged(format!(
            "the records up to {} are archived, and what they add up to is missing",
            floor.seq
        ))
    })?;
    state.parts.try_for_each(|part| part.map(drop))
}

/// The same, but that a folder without any states is taken: versions before the
/// first that wrote them left none.
pub(super) fn verify_if_kept(dir: &Path, floor: Head) -> Result<(), LogError> {
    match dir.join(FOLDER).exists() {
        true => verify(dir, floor),
        false => Ok(()),
    }
}

/// Lets go of all files but that of the floor.
pub(super) fn drop_others(dir: &Path, floor: Head) -> io::Result<()> {
    let kept = path(dir, floor);
    for entry in fs::read_dir(dir.join(FOLDER))? {
        let found = entry?.path();
        if found != kept {
            fs::remove_file(found)?;
        }
    }
    Ok(())
}

fn path(dir: &Path, at: Head) -> PathBuf {
    dir.join(FOLDER).join(format!("{:020}.jsonl", at.seq))
}

fn damaged(what: impl Into<String>) -> LogError {
    LogError::Damaged {
        file: FOLDER,
        what: what.into(),
    }
}
