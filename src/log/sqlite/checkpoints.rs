//! Checkpoints: what the records up to a position add up to, each in a file.
//!
//! Files, and not rows of the database, because one may be larger than a value of
//! SQLite can be, and because nobody who appends waits for one to be written. (The
//! table `checkpoints` of format 1 is where they were; it is not read any more, so
//! that a log of then is replayed once.)
//!
//! ```text
//! file   checkpoints/00000000000000000017
//! head   "aoboCKPT" version (u32)  seq (u64)  hash (32)  checksum (32)
//! part   length (u64)  checksum (32)  bytes
//! end    2^64 - 1 (u64)  count of parts (u64)  checksum (32)
//! ```
//!
//! Numbers are big-endian. Each checksum is the SHA-256 of the one before it and of
//! what it is for, so that no part can be left out or put elsewhere.
//!
//! INVARIANT (trust): a part is given out only if its checksum is right; a reader
//! that reaches the end has had the whole. A file gets its name when it is synced.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::log::compact::sync_folder_of;
use crate::log::{CHECKPOINT_PART_BYTES_MAX, CHECKPOINTS_KEPT, Checkpoint, Hash, Head, LogError};

/// The folder's name in the data folder.
const FOLDER: &str = "checkpoints";
/// What is being written.
const HALF: &str = "new";
const MAGIC: &[u8; 8] = b"aoboCKPT";
/// The version of the file's form. One of another is passed over.
const VERSION: u32 = 1;
/// Stands where a length would: there is no other part.
const END: u64 = u64::MAX;
/// Bytes that go to the file at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes a checkpoint and lets go of old ones.
pub(super) fn keep(
    dir: &Path,
    at: Head,
    parts: &mut dyn Iterator<Item = Vec<u8>>,
) -> Result<(), LogError> {
    let failed = LogError::backend("writing a checkpoint");
    let folder = dir.join(FOLDER);
    match fs::create_dir(&folder) {
        Ok(()) => sync_folder_of(&folder).map_err(&failed)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let half = folder.join(HALF);
    let written = File::create(&half).map_err(&failed).and_then(|file| {
        let mut to = BufWriter::with_capacity(BUFFER_BYTES, file);
        write(&mut to, at, parts)?;
        to.get_ref().sync_all().map_err(&failed)
    });
    let named = written.and_then(|()| {
        let name = folder.join(name(at.seq));
        let named = fs::rename(&half, &name).and_then(|()| sync_folder_of(&name));
        named.map_err(&failed)
    });
    if named.is_err() {
        let _ = fs::remove_file(&half);
        return named;
    }
    let old = seqs(dir)
        .map_err(&failed)?
        .into_iter()
        .skip(CHECKPOINTS_KEPT);
    let mut old = old.map(|seq| fs::remove_file(folder.join(self::name(seq))));
    old.try_for_each(|removed| removed).map_err(&failed)
}

fn write(
    to: &mut impl Write,
    at: Head,
    parts: &mut dyn Iterator<Item = Vec<u8>>,
) -> Result<(), LogError> {
    let failed = LogError::backend("writing a checkpoint");
    let mut put = |bytes: &[&[u8]]| bytes.iter().try_for_each(|it| to.write_all(it));
    let mut last = head_checksum(at);
    let (version, seq) = (VERSION.to_be_bytes(), at.seq.to_be_bytes());
    put(&[MAGIC, &version, &seq, &at.hash.0, &last.0]).map_err(&failed)?;
    let mut count = 0_u64;
    for part in parts {
        let (bytes, bytes_max) = (part.len(), CHECKPOINT_PART_BYTES_MAX);
        if bytes > bytes_max {
            return Err(LogError::TooLarge { bytes, bytes_max });
        }
        last = part_checksum(last, &part);
        let length = (bytes as u64).to_be_bytes();
        put(&[&length, &last.0, &part]).map_err(&failed)?;
        count += 1;
    }
    let last = end_checksum(last, count);
    put(&[&END.to_be_bytes(), &count.to_be_bytes(), &last.0]).map_err(&failed)?;
    to.flush().map_err(failed)
}

/// Lets go of those before a record.
pub(super) fn drop_before(dir: &Path, seq: u64) -> io::Result<()> {
    let old = seqs(dir)?.into_iter().filter(|old| *old < seq);
    let mut old = old.map(|old| fs::remove_file(dir.join(FOLDER).join(name(old))));
    old.try_for_each(|removed| removed)
}

/// Those at or before a record whose beginning is right, the newest first.
pub(super) fn newest_first(
    dir: &Path,
    at_most: u64,
) -> Result<impl Iterator<Item = Found> + use<>, LogError> {
    let seqs = seqs(dir).map_err(LogError::backend("reading checkpoints"))?;
    let folder = dir.join(FOLDER);
    let seqs = seqs.into_iter().filter(move |seq| *seq <= at_most);
    Ok(seqs.filter_map(move |seq| Found::open(&folder.join(name(seq)), seq)))
}

/// A checkpoint that can be read.
pub(super) struct Found {
    at: Head,
    parts: Parts,
}

impl Found {
    fn open(path: &Path, seq: u64) -> Option<Self> {
        let file = File::open(path).ok()?;
        let left = file.metadata().ok()?.len();
        let mut from = BufReader::with_capacity(BUFFER_BYTES, file);
        if take::<8>(&mut from).ok()? != *MAGIC
            || take(&mut from).ok()? != VERSION.to_be_bytes()
            || take(&mut from).ok()? != seq.to_be_bytes()
        {
            return None;
        }
        let hash = Hash(take(&mut from).ok()?);
        let at = Head { seq, hash };
        let last = head_checksum(at);
        let right = take(&mut from).ok()? == last.0;
        right.then_some(Self {
            at,
            parts: Parts {
                from,
                left,
                last,
                count: 0,
                done: false,
            },
        })
    }

    pub(super) fn at(&self) -> Head {
        self.at
    }

    pub(super) fn into_checkpoint(self) -> Checkpoint<'static> {
        Checkpoint {
            at: self.at,
            parts: Box::new(self.parts),
        }
    }
}

/// The parts of a file, one after the other.
struct Parts {
    from: BufReader<File>,
    /// Bytes of the file: no part is longer.
    left: u64,
    last: Hash,
    count: u64,
    done: bool,
}

impl Parts {
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let length = u64::from_be_bytes(take(&mut self.from)?);
        if length == END {
            let count = u64::from_be_bytes(take(&mut self.from)?);
            let stated = Hash(take(&mut self.from)?);
            let right = count == self.count && stated == end_checksum(self.last, count);
            return right.then_some(None).ok_or_else(damaged);
        }
        if length > self.left || length > CHECKPOINT_PART_BYTES_MAX as u64 {
            return Err(damaged());
        }
        let stated = Hash(take(&mut self.from)?);
        let mut part = Vec::new();
        (&mut self.from).take(length).read_to_end(&mut part)?;
        self.last = part_checksum(self.last, &part);
        self.count += 1;
        let right = part.len() as u64 == length && stated == self.last;
        right.then_some(Some(part)).ok_or_else(damaged)
    }
}

impl Iterator for Parts {
    type Item = Result<Vec<u8>, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = self.read();
        self.done = !matches!(read, Ok(Some(_)));
        read.map_err(LogError::backend("reading a checkpoint"))
            .transpose()
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a checksum is wrong")
}

fn take<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn name(seq: u64) -> String {
    format!("{seq:020}")
}

/// The positions that there are files for, the newest first.
fn seqs(dir: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(dir.join(FOLDER)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut seqs: Vec<u64> = paths?
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.parse().ok())
        .collect();
    seqs.sort_unstable_by(|a, b| b.cmp(a));
    Ok(seqs)
}

fn head_checksum(at: Head) -> Hash {
    let (version, seq) = (VERSION.to_be_bytes(), at.seq.to_be_bytes());
    Hash::of(&[b"aobo checkpoint\0", &version, &seq, &at.hash.0])
}

fn part_checksum(last: Hash, part: &[u8]) -> Hash {
    Hash::of(&[b"part\0", &last.0, part])
}

fn end_checksum(last: Hash, count: u64) -> Hash {
    Hash::of(&[b"end\0", &last.0, &count.to_be_bytes()])
}
