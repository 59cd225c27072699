//! A log in memory: for tests, and for servers that need not remember.
//!
//! It does all that [`Log`] asks except to outlive the process.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::chain::{self, Chain};
use super::floor::Filling;
use super::{
    CHECKPOINT_PART_BYTES_MAX, CHECKPOINTS_KEPT, Checkpoint, Draft, Entry, FloorState, Head, Log,
    LogError, Payload, Record, Verified,
};

/// A log in memory.
#[derive(Debug, Default)]
pub struct Memory {
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    floor: Head,
    /// The parts of the state at the floor.
    state: Vec<Payload>,
    records: Vec<Record>,
    keys: HashMap<String, u64>,
    /// The newest last.
    checkpoints: Vec<(Head, Vec<Vec<u8>>)>,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            floor: Head::START,
            state: Vec::new(),
            records: Vec::new(),
            keys: HashMap::new(),
            checkpoints: Vec::new(),
        }
    }
}

impl Memory {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn head(&self) -> Head {
        self.records.last().map_or(self.floor, Record::head)
    }

    fn after(&self, after: u64) -> Result<&[Record], LogError> {
        let floor = self.floor.seq;
        let skip = after
            .checked_sub(floor)
            .ok_or(LogError::Archived { floor })?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Ok(self.records.get(skip..).unwrap_or_default())
    }

    fn has(&self, at: Head) -> bool {
        let record = at.seq.checked_sub(1).and_then(|seq| self.after(seq).ok());
        let record = record.and_then(<[Record]>::first);
        at == self.floor || record.is_some_and(|record| record.head() == at)
    }

    fn known(&self, at: Head) -> Result<(), LogError> {
        match self.has(at) {
            true => Ok(()),
            false => Err(LogError::NoSuchPosition { at }),
        }
    }

    fn add(&mut self, records: Vec<Record>) -> Result<(), LogError> {
        let mut keys = HashMap::new();
        for record in &records {
            let Some(key) = &record.idempotency_key else {
                continue;
            };
            let seq = self.keys.get(key).or(keys.get(key)).copied();
            if seq.is_some() {
                let key = key.clone();
                return Err(LogError::Repeated { key, seq });
            }
            keys.insert(key.clone(), record.seq);
        }
        self.keys.extend(keys);
        self.records.extend(records);
        Ok(())
    }
}

impl Log for Memory {
    fn head(&self) -> Head {
        self.held().head()
    }

    fn floor(&self) -> Head {
        self.held().floor
    }

    fn append(&self, expected: Head, drafts: &[Draft]) -> Result<Vec<Record>, LogError> {
        let mut held = self.held();
        let head = held.head();
        if head != expected {
            return Err(LogError::Moved { head });
        }
        let records = chain::extend(head, drafts)?;
        held.add(records.clone())?;
        Ok(records)
    }

    /// Takes a copy of the records first, so that `each` may use the log.
    fn scan(
        &self,
        after: u64,
        each: &mut dyn FnMut(&Record) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let records = self.read(after, usize::MAX)?;
        let _ = records.iter().try_for_each(each);
        Ok(())
    }

    fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, LogError> {
        let held = self.held();
        Ok(held.after(after)?.iter().take(limit).cloned().collect())
    }

    fn with_key(&self, key: &str) -> Result<Option<Record>, LogError> {
        let held = self.held();
        let Some(seq) = held.keys.get(key) else {
            return Ok(None);
        };
        Ok(held.after(seq.saturating_sub(1))?.first().cloned())
    }

    fn keep_checkpoint(
        &self,
        at: Head,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), LogError> {
        self.held().known(at)?;
        let mut kept = Vec::new();
        for part in parts {
            let (bytes, bytes_max) = (part.len(), CHECKPOINT_PART_BYTES_MAX);
            if bytes > bytes_max {
                return Err(LogError::TooLarge { bytes, bytes_max });
            }
            kept.push(part);
        }
        let mut held = self.held();
        held.checkpoints.retain(|(other, _)| *other != at);
        held.checkpoints.push((at, kept));
        held.checkpoints.sort_by_key(|(at, _)| at.seq);
        let old = held.checkpoints.len().saturating_sub(CHECKPOINTS_KEPT);
        held.checkpoints.drain(..old);
        Ok(())
    }

    fn read_checkpoint(&self, at_most: u64) -> Result<Option<Checkpoint<'_>>, LogError> {
        let held = self.held();
        let mut newest = held.checkpoints.iter().rev();
        let found = newest.find(|(at, _)| at.seq <= at_most).cloned();
        Ok(found.map(|(at, parts)| Checkpoint {
            at,
            parts: Box::new(parts.into_iter().map(Ok)),
        }))
    }

    fn restore(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, LogError>>,
    ) -> Result<Head, LogError> {
        let mut held = self.held();
        let head = held.head();
        if head != Head::START {
            return Err(LogError::NotEmpty { head });
        }
        let mut filling = Filling::new();
        let (mut floor, mut state, mut checked) = (Head::START, Vec::new(), Vec::new());
        for entry in entries {
            match filling.take(entry?)? {
                Some(Entry::Floor(at)) => floor = at,
                Some(Entry::State(part)) => state.push(part),
                Some(Entry::Record(record)) => checked.push(record),
                None => {}
            }
        }
        let head = filling.end(floor)?;
        held.add(checked)?;
        (held.floor, held.state) = (floor, state);
        Ok(head)
    }

    fn drop_archived(&self, state: FloorState<'_>) -> Result<(), LogError> {
        // Taken in first, so that its parts may be made from the log.
        let FloorState { at: last, parts } = state;
        let state: Vec<Payload> = parts.collect::<Result<_, _>>()?;
        let mut held = self.held();
        held.known(last)?;
        if last == held.head() {
            let what = "its last record stays; name an earlier one".to_owned();
            return Err(LogError::NotCompactable { what });
        }
        held.records.retain(|record| record.seq > last.seq);
        held.keys.retain(|_, seq| *seq > last.seq);
        held.checkpoints.retain(|(at, _)| at.seq >= last.seq);
        (held.floor, held.state) = (last, state);
        Ok(())
    }

    fn floor_state(&self) -> Result<Option<FloorState<'_>>, LogError> {
        let held = self.held();
        let at = held.floor;
        let parts = held.state.clone().into_iter().map(Ok);
        Ok((at != Head::START).then(|| FloorState {
            at,
            parts: Box::new(parts),
        }))
    }

    fn verify(&self) -> Result<Verified, LogError> {
        let held = self.held();
        let mut chain = Chain::after(held.floor);
        held.records
            .iter()
            .try_for_each(|record| chain.take(record))?;
        Ok(Verified {
            records: held.records.len() as u64,
            floor: held.floor,
            head: chain.head(),
        })
    }

    fn writable(&self) -> Result<(), LogError> {
        Ok(())
    }
}
