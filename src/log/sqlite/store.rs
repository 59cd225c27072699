//! The embedded log as its users see it.

use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::open::Lock;
use super::reading::{Check, position, record, seq_of_key, snapshot, walk};
use super::writer::{Rows, Writer};
use super::{checkpoints, connect, floor, head_file, whole};
use crate::log::chain;
use crate::log::floor::Filling;
use crate::log::{Checkpoint, Draft, Entry, FloorState, Head, Log, LogError, Record, Verified};

/// The embedded log. One process writes; others may read beside it.
pub struct Sqlite {
    dir: PathBuf,
    position: Mutex<Position>,
    /// Closed before the writer, which then moves the WAL into the database.
    reader: Mutex<Connection>,
    /// How far records are checked that are scanned.
    check: Check,
    writer: Option<Mutex<Writer>>,
    /// One checkpoint is written at a time.
    checkpointing: Mutex<()>,
    /// Let go last.
    _lock: Option<Lock>,
}

/// Where the log is. Never locked while the disk is waited for.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) head: Head,
    pub(super) floor: Head,
    /// Why nothing is written any more.
    pub(super) stopped: Option<String>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sqlite {
    pub(super) fn new(
        dir: PathBuf,
        position: Position,
        (reader, check): (Connection, Check),
        writer: Option<(Writer, Lock)>,
    ) -> Self {
        let (writer, lock) = writer.unzip();
        Self {
            dir,
            position: Mutex::new(position),
            reader: Mutex::new(reader),
            check,
            writer: writer.map(Mutex::new),
            checkpointing: Mutex::new(()),
            _lock: lock,
        }
    }

    /// Writes, one at a time. A failure of the store ends all writing.
    fn write<T>(
        &self,
        work: impl FnOnce(&mut Writer, Head) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let Some(writer) = &self.writer else {
            return Err(self.read_only());
        };
        let mut writer = locked(writer);
        self.writable()?;
        match work(&mut writer, self.head()) {
            Err(error) if error.is_failure() => {
                self.stop(&error);
                let source = Box::new(error);
                Err(LogError::Unacknowledged { source })
            }
            Err(error) => Err(error),
            Ok(done) => {
                // What was done is durable and stays acknowledged.
                let _ = writer.settle().inspect_err(|error| self.stop(error));
                Ok(done)
            }
        }
    }

    fn stop(&self, error: &LogError) {
        let mut why = String::new();
        let mut next: Option<&dyn Error> = Some(error);
        while let Some(error) = next {
            why.push_str(if why.is_empty() { "" } else { ": " });
            why.push_str(&error.to_string());
            next = error.source();
        }
        locked(&self.position).stopped = Some(why);
    }

    fn read_only(&self) -> LogError {
        let position = locked(&self.position);
        LogError::ReadOnly {
            after: position.head.seq,
            why: position.stopped.clone().unwrap_or_default(),
        }
    }

    fn acknowledge(&self, head: Head) {
        locked(&self.position).head = head;
    }

    /// Puts what a log is filled with into an empty one: where it begins and ends.
    fn fill(
        &self,
        rows: &mut Rows<'_>,
        entries: &mut dyn Iterator<Item = Result<Entry, LogError>>,
    ) -> Result<(Head, Head), LogError> {
        let (mut filling, mut floor) = (Filling::new(), Head::START);
        let mut state = None;
        for entry in entries {
            match filling.take(entry?)? {
                Some(Entry::Floor(at)) => state = Some(floor::Kept::begin(&self.dir, at)?),
                Some(Entry::State(part)) => {
                    state.as_mut().map_or(Ok(()), |state| state.part(&part))?;
                }
                Some(Entry::Record(record)) => {
                    if let Some(state) = state.take() {
                        floor = state.end(&self.dir)?;
                        rows.set_floor(floor)?;
                    }
                    rows.insert(&record)?;
                }
                None => {}
            }
        }
        let head = filling.end(state.map_or(floor, |state| state.at()))?;
        Ok((floor, head))
    }

    /// Gives the records from `after` up to `last` or the head.
    fn walk_on(
        &self,
        connection: &Connection,
        (after, last): (u64, u64),
        check: Check,
        each: &mut dyn FnMut(&Record) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let head = self.head();
        if after >= head.seq {
            return Ok(());
        }
        let snapshot = snapshot(connection)?;
        let reached = walk(&snapshot, (after, last.min(head.seq)), check, each)?;
        match reached.seq == head.seq && reached != head {
            true => Err(LogError::Corrupt {
                seq: head.seq,
                what: "it is not the record that was acknowledged".to_owned(),
            }),
            false => Ok(()),
        }
    }
}

impl Log for Sqlite {
    fn head(&self) -> Head {
        locked(&self.position).head
    }

    fn floor(&self) -> Head {
        locked(&self.position).floor
    }

    fn append(&self, expected: Head, drafts: &[Draft]) -> Result<Vec<Record>, LogError> {
        self.write(|writer, head| {
            if head != expected {
                return Err(LogError::Moved { head });
            }
            let records = chain::extend(head, drafts)?;
            let Some(last) = records.last() else {
                return Ok(records);
            };
            writer.transaction(|rows| records.iter().try_for_each(|it| rows.insert(it)))?;
            writer.mark(last.head())?;
            self.acknowledge(last.head());
            Ok(records)
        })
    }

    /// On a connection of its own, so that `each` may use the log.
    fn scan(
        &self,
        after: u64,
        each: &mut dyn FnMut(&Record) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let connection = connect::reading(&self.dir)?;
        self.walk_on(&connection, (after, u64::MAX), self.check, each)
    }

    fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, LogError> {
        let last = after.saturating_add(limit as u64);
        let mut records = Vec::new();
        let mut push = |record: &Record| {
            records.push(record.clone());
            ControlFlow::Continue(())
        };
        let reader = locked(&self.reader);
        self.walk_on(&reader, (after, last), Check::Hashes, &mut push)?;
        Ok(records)
    }

    fn with_key(&self, key: &str) -> Result<Option<Record>, LogError> {
        let head = self.head();
        let reader = locked(&self.reader);
        let snapshot = snapshot(&reader)?;
        match seq_of_key(&snapshot, key)? {
            Some(seq) if seq <= head.seq => record(&snapshot, seq),
            _ => Ok(None),
        }
    }

    /// In a file of its own, beside the database and its writer.
    fn keep_checkpoint(
        &self,
        at: Head,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), LogError> {
        self.writable()?;
        known(&*snapshot(&locked(&self.reader))?, at, self.head())?;
        let _one = locked(&self.checkpointing);
        checkpoints::keep(&self.dir, at, parts)
    }

    fn read_checkpoint(&self, at_most: u64) -> Result<Option<Checkpoint<'_>>, LogError> {
        let head = self.head();
        for found in checkpoints::newest_first(&self.dir, at_most.min(head.seq))? {
            let reader = locked(&self.reader);
            if known(&*snapshot(&reader)?, found.at(), head).is_ok() {
                return Ok(Some(found.into_checkpoint()));
            }
        }
        Ok(None)
    }

    fn restore(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, LogError>>,
    ) -> Result<Head, LogError> {
        self.write(|writer, head| {
            if head != Head::START {
                return Err(LogError::NotEmpty { head });
            }
            let (floor, head) = writer.transaction(|rows| self.fill(rows, entries))?;
            writer.mark(head)?;
            let mut position = locked(&self.position);
            (position.floor, position.head) = (floor, head);
            Ok(head)
        })
    }

    fn drop_archived(&self, state: FloorState<'_>) -> Result<(), LogError> {
        self.writable()?;
        let last = state.at;
        let head = self.head();
        if last == head {
            let what = "its last record stays; name an earlier one".to_owned();
            return Err(LogError::NotCompactable { what });
        }
        known(&*snapshot(&locked(&self.reader))?, last, head)?;
        let _one = locked(&self.checkpointing);
        // INVARIANT (durable first): see `floor`.
        floor::keep(&self.dir, state)?;
        self.write(|writer, _| {
            writer.transaction(|rows| rows.drop_up_to(last))?;
            // Their positions are no longer in the log, so nobody would read them.
            let _ = checkpoints::drop_before(&self.dir, last.seq);
            let _ = floor::drop_others(&self.dir, last);
            locked(&self.position).floor = last;
            Ok(())
        })
    }

    fn floor_state(&self) -> Result<Option<FloorState<'_>>, LogError> {
        match self.floor() {
            Head::START => Ok(None),
            floor => floor::read(&self.dir, floor),
        }
    }

    fn verify(&self) -> Result<Verified, LogError> {
        // First what was acknowledged, then what is there: it may grow meanwhile.
        let marked = head_file::read(&self.dir)?;
        let verified = whole::verify(&self.dir)?;
        head_file::compare(marked, verified.head)?;
        floor::verify(&self.dir, verified.floor)?;
        Ok(verified)
    }

    fn writable(&self) -> Result<(), LogError> {
        let stopped = locked(&self.position).stopped.is_some();
        match stopped {
            false => Ok(()),
            true => Err(self.read_only()),
        }
    }
}

/// A position is one of this log.
fn known(connection: &Connection, at: Head, head: Head) -> Result<(), LogError> {
    match position(connection, at.seq) {
        Ok(found) if found == at && at.seq <= head.seq => Ok(()),
        Ok(_) | Err(LogError::Archived { .. } | LogError::Corrupt { .. }) => {
            Err(LogError::NoSuchPosition { at })
        }
        Err(error) => Err(error),
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite")
            .field("dir", &self.dir)
            .field("position", &*locked(&self.position))
            .finish_non_exhaustive()
    }
}
