//! A file of rows that gives way to a new one when it is full.
//!
//! `decisions.jsonl` is written; before it `decisions.jsonl.1` was, and before that
//! `decisions.jsonl.2`; the oldest goes. A torn last row, which a killed process
//! leaves, is cut off when the file is opened again: it was never whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{DecisionLogError, Sink};

/// Bytes of one file, unless the operator says otherwise. The rows of one request
/// stay together; those that alone are more make a file of their own.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// Files that are kept besides the one that is written, unless the operator says
/// otherwise.
pub const FILES_KEPT_MAX: u32 = 7;
/// Bytes that are written to see whether there is room.
const PROBE_BYTES: usize = 4 << 10;
/// Bytes of one look backwards for the last end of a line.
const LOOK_BYTES: u64 = 64 << 10;

/// A file of rows, and those before it.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    bytes_max: u64,
    kept_max: u32,
    file: File,
    /// Bytes of the file that are whole rows.
    length: u64,
    /// Rows that are taken and not written.
    waiting: Vec<u8>,
    /// Whether the file may end in a part of a row.
    torn: bool,
}

impl RotatingFile {
    /// Opens or makes the file. `bytes_max` is the size of one, `kept_max` how many
    /// others are kept.
    ///
    /// # Errors
    /// [`DecisionLogError::Open`] if it is no file that can be written, and
    /// [`DecisionLogError::Locked`] if another process has it.
    pub fn open(path: &Path, bytes_max: u64, kept_max: u32) -> Result<Self, DecisionLogError> {
        let unopened = |error| DecisionLogError::Open {
            path: path.display().to_string(),
            error,
        };
        if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Err(unopened(io::Error::other("it is no regular file")));
        }
        let mut file = appending(path).map_err(unopened)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = path.display().to_string();
                return Err(DecisionLogError::Locked { path });
            }
            Err(TryLockError::Error(error)) => return Err(unopened(error)),
        }
        let length = cut_torn(&mut file, path).map_err(unopened)?;
        Ok(Self {
            path: path.to_owned(),
            bytes_max,
            kept_max,
            file,
            length,
            waiting: Vec::new(),
            torn: false,
        })
    }

    /// Writes all that waits, or leaves the file as it was.
    fn write(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        let written = self.file.write_all(&self.waiting);
        match written {
            Ok(()) => self.length += self.waiting.len() as u64,
            Err(_) => self.torn = self.file.set_len(self.length).is_err(),
        }
        self.waiting.clear();
        written
    }

    /// Makes the file the first of those that are kept, and begins another. What
    /// fails can be tried again: nothing goes but the oldest file, and that once.
    fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        let file = appending(&new)?;
        file.set_len(0)?;
        file.try_lock().map_err(io::Error::from)?;
        // Files move up only as far as there is a place that is free.
        let free = (1..self.kept_max).find(|number| !self.numbered(*number).exists());
        for number in (0..free.unwrap_or(self.kept_max)).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&new, &self.path)?;
        self.file = file;
        self.length = 0;
        Ok(())
    }

    /// The file itself is number 0.
    fn numbered(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        if number > 0 {
            path.push(format!(".{number}"));
        }
        path.into()
    }
}

impl Sink for RotatingFile {
    fn put(&mut self, rows: &[u8]) -> io::Result<()> {
        let length = self.length + self.waiting.len() as u64;
        if length > 0 && length + rows.len() as u64 > self.bytes_max {
            self.write()?;
            self.rotate()?;
        }
        self.waiting.extend_from_slice(rows);
        Ok(())
    }

    fn flush(&mut self, durable: bool) -> io::Result<()> {
        self.write()?;
        if durable {
            self.file.sync_data()?;
        }
        Ok(())
    }

    fn probe(&mut self) -> io::Result<()> {
        self.write()?;
        let written = self
            .file
            .write_all(&[b' '; PROBE_BYTES])
            .and_then(|()| self.file.sync_data());
        let cut = self.file.set_len(self.length);
        self.torn = cut.is_err();
        written.and(cut)
    }
}

impl Drop for RotatingFile {
    /// What was taken is not lost because nobody said to flush.
    fn drop(&mut self) {
        let _ = self.flush(false);
    }
}

/// Options of a file that is for its owner alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

fn appending(path: &Path) -> io::Result<File> {
    private().append(true).create(true).open(path)
}

/// Cuts off what stands after the last end of a line; returns how many bytes are
/// left.
fn cut_torn(file: &mut File, path: &Path) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut part = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(LOOK_BYTES);
        part.clear();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(file)
            .take(end - start)
            .read_to_end(&mut part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length {
        let (path, torn_bytes) = (path.display(), length - end);
        tracing::warn!(%path, torn_bytes, "a row that was not written whole is cut off");
        file.set_len(end)?;
    }
    Ok(end)
}
