//! What a log adds up to, written down, so that a start need not fold all of it.
//!
//! A checkpoint is a cache. Its form is this program's alone: MessagePack of the
//! facts as they are in memory, the first part about the whole, each other one a
//! list of facts. One of another form, or of a program with other facts, is passed
//! over, and folding the log again gives the same.
//!
//! INVARIANT (vouched): the facts of a checkpoint were those of a world that took
//! each of them, and the log verifies every part's checksum. So they are put in as
//! they are; what the world checks of a change is not checked again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ApiKey, Built, Folded, LedgerError, TakenBundle};
use crate::directory::{AzureRoles, Fact, PACKED_FORM, World};
use crate::log::{Checkpoint, Hash, Head, Log, LogError};
use crate::node::aside::give_way;

/// The version of the form, apart from that of the facts.
const VERSION: u32 = 2;
/// Facts of one part. Our choice: about a MiB.
const FACTS_OF_A_PART: usize = 8_192;
/// Parts that are read ahead of their facts being put in.
const PARTS_AHEAD: usize = 8;

/// What the first part says of the whole.
#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// Of the types of facts, as this program has them.
    form: [u8; 32],
    at: Timestamp,
    seed: Option<String>,
    bundle: Option<TakenBundle>,
    keys: Vec<ApiKey>,
    /// How many there are in the other parts.
    facts: u64,
}

/// Events after which another checkpoint is written while a ledger runs. Our
/// choice: so many are replayed in a few seconds.
const EVENTS_BETWEEN: u64 = 100_000;

/// Writes checkpoints beside the writer, one at a time.
pub(super) struct Checkpoints {
    log: Arc<dyn Log>,
    /// The position of the last one.
    last: u64,
    writing: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Begins at a state, which is written down if it was not: the next start is
    /// then as fast as this one could have been.
    pub(super) fn begin(log: Arc<dyn Log>, folded: &Folded) -> Self {
        let mut this = Self {
            last: folded.head.seq,
            log,
            writing: None,
        };
        if !is_kept(this.log.as_ref(), folded.head) {
            this.write(folded);
        }
        this
    }

    /// Takes note of a state that was published.
    pub(super) fn published(&mut self, folded: &Folded) {
        let due = folded.head.seq.saturating_sub(self.last) >= EVENTS_BETWEEN;
        let busy = self.writing.as_ref().is_some_and(|it| !it.is_finished());
        if due && !busy {
            self.write(folded);
        }
    }

    fn write(&mut self, folded: &Folded) {
        self.last = folded.head.seq;
        let (log, folded) = (Arc::clone(&self.log), folded.clone());
        let work = move || {
            give_way();
            // A start is faster from a checkpoint; without one it is as right.
            if let Err(error) = keep(log.as_ref(), &folded) {
                tracing::warn!(%error, "no checkpoint was written");
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".to_owned());
        self.writing = thread.spawn(work).ok();
    }
}

impl Drop for Checkpoints {
    /// One that was begun is finished: it is what the next start goes on from.
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            let _ = writing.join();
        }
    }
}

/// Whether there is a checkpoint of this form at a position.
fn is_kept(log: &dyn Log, at: Head) -> bool {
    let found = log.read_checkpoint(at.seq).ok().flatten();
    let first = found.filter(|found| found.at == at);
    let first = first.and_then(|mut found| found.parts.next()?.ok());
    let header = first.and_then(|part| rmp_serde::from_slice::<Header>(&part).ok());
    header.is_some_and(|header| header.version == VERSION && header.form == form())
}

/// Writes a state down. The state is persistent: it may go on while this runs.
///
/// # Errors
/// [`LedgerError::Log`] as [`Log::keep_checkpoint`].
pub(super) fn keep(log: &dyn Log, folded: &Folded) -> Result<(), LedgerError> {
    let header = Header {
        version: VERSION,
        form: form(),
        at: folded.at,
        seed: folded.seed.clone(),
        bundle: folded
            .bundle
            .as_ref()
            .map(|(taken, _)| taken.as_ref().clone()),
        keys: folded.keys.values().cloned().collect(),
        facts: folded.world.facts_count() as u64,
    };
    let mut failed = None;
    let mut packed = |bytes: Result<Vec<u8>, rmp_serde::encode::Error>| {
        bytes
            .inspect_err(|error| failed = Some(error.to_string()))
            .ok()
    };
    let mut facts = folded.world.facts();
    let mut header = Some(header);
    let mut parts = std::iter::from_fn(|| {
        if let Some(header) = header.take() {
            return packed(rmp_serde::to_vec(&header));
        }
        let part: Vec<Fact> = facts.by_ref().take(FACTS_OF_A_PART).collect();
        (!part.is_empty()).then(|| packed(rmp_serde::to_vec(&part)))?
    });
    // A part that is not packed ends them: the header's count then tells.
    log.keep_checkpoint(folded.head, &mut parts)?;
    match failed {
        None => Ok(()),
        Some(what) => Err(LedgerError::Fault(what)),
    }
}

/// The state of the newest checkpoint at or before a position that is whole and of
/// this program's form.
///
/// # Errors
/// What keeps the log from being read.
pub(super) fn newest(log: &dyn Log, at_most: u64) -> Result<Option<Folded>, LogError> {
    let mut at_most = at_most;
    while let Some(found) = log.read_checkpoint(at_most)? {
        let seq = found.at.seq;
        if let Some(folded) = read(found) {
            return Ok(Some(folded));
        }
        tracing::warn!(
            seq,
            "a checkpoint is damaged or of another form, and is passed over"
        );
        match seq.checked_sub(1) {
            Some(before) => at_most = before,
            None => break,
        }
    }
    Ok(None)
}

/// Reads a state. A second thread reads, verifies and unpacks while this one puts
/// the facts in.
fn read(found: Checkpoint<'_>) -> Option<Folded> {
    let Checkpoint {
        at: head,
        mut parts,
    } = found;
    let header: Header = rmp_serde::from_slice(&parts.next()?.ok()?).ok()?;
    if header.version != VERSION || header.form != form() {
        return None;
    }
    let bundle = match header.bundle {
        None => None,
        Some(taken) => {
            let built = taken.build().ok()?;
            Some((Arc::new(taken), Ok(built)))
        }
    };
    let built = bundle
        .as_ref()
        .and_then(|(_, built): &(_, Built)| built.as_ref().ok());
    let roles = built.map(|built| AzureRoles::of(built));
    let mut world = World::new(roles.unwrap_or_default());
    let (sender, receiver) = sync_channel::<Option<Vec<Fact>>>(PARTS_AHEAD);
    let whole = std::thread::scope(|scope| {
        scope.spawn(move || {
            for part in parts {
                let facts = part.ok().and_then(|part| rmp_serde::from_slice(&part).ok());
                let bad = facts.is_none();
                if sender.send(facts).is_err() || bad {
                    return;
                }
            }
        });
        let mut count = 0;
        for facts in receiver {
            let facts = facts?;
            count += facts.len() as u64;
            facts.into_iter().for_each(|fact| world.restore(fact));
        }
        (count == header.facts).then_some(())
    });
    whole?;
    let keys = header.keys.into_iter();
    let keys: BTreeMap<String, ApiKey> = keys.map(|key| (key.sha256.clone(), key)).collect();
    Some(Folded {
        head,
        at: header.at,
        world,
        bundle,
        seed: header.seed,
        keys: Arc::new(keys),
    })
}

/// The form of the facts, told by the types that they are packed by.
fn form() -> [u8; 32] {
    Hash::of(&PACKED_FORM.map(str::as_bytes)).0
}
