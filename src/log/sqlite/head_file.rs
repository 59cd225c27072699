//! The last acknowledged position in a second file, so that a log which lost its
//! end is noticed.
//!
//! Two slots, each in a sector of its own, written in turn and without a sync:
//!
//! ```text
//! byte 0, 512    "aoboHEAD"   seq (u64, big-endian)   hash (32)   checksum (16)
//! ```
//!
//! A write that is torn spoils one slot, the older one. So one bad slot is passed
//! over: the other holds the position before, and what was torn had just been
//! committed. Two bad slots, or no file beside a log that has records, is no
//! result of any crash: the file is synced when it is made, before the first
//! record. A log is not opened on that, because a file that may be ignored when
//! it is damaged would excuse the loss it is there to show.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::connect::DATABASE;
use crate::log::compact::sync_folder_of;
use crate::log::{Hash, Head, LogError};

/// The file's name in the data folder.
const NAME: &str = "head";
const MAGIC: &[u8; 8] = b"aoboHEAD";
/// Bytes of what a checksum is over.
const MARKED_BYTES: usize = 48;
/// Bytes of the checksum: so many of the SHA-256.
const CHECKSUM_BYTES: usize = 16;
const SLOT_BYTES: usize = MARKED_BYTES + CHECKSUM_BYTES;
/// Bytes from one slot to the next. Source: no disk writes less at a time.
const SECTOR_BYTES: usize = 512;
const FILE_BYTES: usize = 2 * SECTOR_BYTES;

/// The open file of the process that writes.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    /// The slot that the next write goes to: 0 or 1.
    next: u64,
}

/// What the file says; `None` if there is no file.
///
/// # Errors
/// [`LogError::Damaged`] if neither slot is right.
pub(super) fn read(dir: &Path) -> Result<Option<Head>, LogError> {
    let bytes = match std::fs::read(dir.join(NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::backend("reading the file `head`")(error)),
    };
    let best = slots(&bytes).into_iter().flatten().max_by_key(|it| it.seq);
    best.map(Some).ok_or(LogError::Damaged {
        file: NAME,
        what: "neither of its two positions has the right checksum".to_owned(),
    })
}

/// The end of a log is where the file says that it is, or later.
///
/// # Errors
/// [`LogError::Shortened`]; [`LogError::Damaged`] if there is no file beside a log
/// that has records, or it names another record of the same number.
pub(super) fn compare(marked: Option<Head>, head: Head) -> Result<(), LogError> {
    match marked {
        None if head != Head::START => Err(LogError::Damaged {
            file: NAME,
            what: format!(
                "it is missing, and `{DATABASE}` holds records up to {}",
                head.seq
            ),
        }),
        Some(marked) if marked.seq > head.seq => Err(LogError::Shortened {
            last: head.seq,
            acknowledged: marked.seq,
        }),
        Some(marked) if marked.seq == head.seq && marked != head => Err(LogError::Corrupt {
            seq: head.seq,
            what: format!("its hash is not the one in the file `{NAME}`"),
        }),
        _ => Ok(()),
    }
}

impl HeadFile {
    /// Opens the file for a log whose end was compared with it, and brings it up
    /// to date.
    pub(super) fn open(dir: &Path, head: Head) -> Result<Self, LogError> {
        let opened = Self::open_at(&dir.join(NAME), head);
        opened.map_err(LogError::backend("opening the file `head`"))
    }

    fn open_at(path: &Path, head: Head) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let found = slots(&bytes);
        let next = u64::from(found[0].map(|it| it.seq) >= found[1].map(|it| it.seq));
        let mut this = Self { file, next };
        if bytes.len() != FILE_BYTES {
            this.file.set_len(FILE_BYTES as u64)?;
        }
        if found != [Some(head); 2] {
            // One after the other, so that one of them is right at any time.
            for _ in found {
                this.write(head)?;
                this.file.sync_all()?;
            }
            sync_folder_of(path)?;
        }
        Ok(this)
    }

    /// Writes a position that was just committed.
    pub(super) fn write(&mut self, head: Head) -> io::Result<()> {
        let start = SeekFrom::Start(self.next * SECTOR_BYTES as u64);
        self.file.seek(start)?;
        self.file.write_all(&slot(head))?;
        self.next = 1 - self.next;
        Ok(())
    }
}

fn slot(head: Head) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    let marked = [MAGIC.as_slice(), &head.seq.to_be_bytes(), &head.hash.0];
    let checksum = Hash::of(&marked);
    let all = marked.into_iter().chain([checksum.0.as_slice()]).flatten();
    for (to, from) in slot.iter_mut().zip(all) {
        *to = *from;
    }
    slot
}

/// The position in each slot, if the slot is right.
fn slots(bytes: &[u8]) -> [Option<Head>; 2] {
    [0, SECTOR_BYTES].map(|start| {
        let found: &[u8; SLOT_BYTES] = bytes.get(start..)?.first_chunk()?;
        let rest = found.strip_prefix(MAGIC)?;
        let (seq, rest) = rest.split_first_chunk()?;
        let head = Head {
            seq: u64::from_be_bytes(*seq),
            hash: Hash(*rest.first_chunk()?),
        };
        (slot(head) == *found).then_some(head)
    })
}
