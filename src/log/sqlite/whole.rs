//! Everything there is, verified.
//!
//! A damaged page shows in one of three ways, and each is looked for. Its content
//! changed: the hashes of the records show that. Its place in a tree changed, so
//! that searching goes astray where walking does not: `quick_check` shows that.
//! The index of keys, which `quick_check` does not compare with the records:
//! walking it must give the keys of the records, in order, and no others.
//! (`integrity_check` would compare them too, at five times the cost.)

use std::hash::BuildHasher;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread::ScopedJoinHandle;

use foldhash::fast::RandomState;
use rusqlite::Connection;

use super::connect::{damaged, reading, sql};
use super::reading::{Check, floor, last, snapshot, walk};
use crate::log::{Head, LogError, Verified};

const KEYS: &str = "SELECT idempotency_key, seq FROM events INDEXED BY events_by_key \
     WHERE idempotency_key IS NOT NULL ORDER BY idempotency_key";

/// Records that are worth a thread of their own.
const RECORDS_OF_A_PART: u64 = 10_000;
/// Threads that verify records, at most. Our choice: beyond that the disk is what
/// they wait for.
const PARTS_MAX: u64 = 16;

/// Verifies records and pages, beside each other.
pub(super) fn verify(dir: &Path) -> Result<Verified, LogError> {
    let (connection, pages) = (reading(dir)?, reading(dir)?);
    std::thread::scope(|scope| {
        let pages = scope.spawn(move || verify_pages(&pages));
        let records = verify_records(dir, &connection);
        let pages = joined(pages);
        // A record says more about where the damage is than a page does.
        let verified = records?;
        pages?;
        Ok(verified)
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

fn verify_pages(connection: &Connection) -> Result<(), LogError> {
    let said: rusqlite::Result<String> =
        connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0));
    match said.map_err(sql("checking the pages"))?.as_str() {
        "ok" => Ok(()),
        what => Err(damaged(what)),
    }
}

fn verify_records(dir: &Path, connection: &Connection) -> Result<Verified, LogError> {
    let snapshot = snapshot(connection)?;
    let (floor, head) = (floor(&snapshot)?, last(&snapshot)?);
    let unused = floor == Head::START;
    if unused != (floor.seq == 0) || (head == floor && !unused) {
        return Err(damaged("its table `meta` names a floor that cannot be"));
    }
    let records = head.seq.saturating_sub(floor.seq);
    let keys = &Keys::default();
    let (sum, indexed) = std::thread::scope(|scope| {
        let verify_part = |span| scope.spawn(move || verify_part(dir, span, keys));
        let parts: Vec<_> = spans(floor.seq, head.seq).map(verify_part).collect();
        let indexed = keys.indexed(&snapshot);
        // All parts are waited for, and the first one that is bad is told of.
        let sums: Vec<Result<u64, LogError>> = parts.into_iter().map(joined).collect();
        let add = |sum: u64, part: Result<u64, LogError>| Ok(sum.wrapping_add(part?));
        Ok::<_, LogError>((sums.into_iter().try_fold(0, add)?, indexed?))
    })?;
    if indexed != sum {
        return Err(damaged(
            "its index of idempotency keys is not that of the records",
        ));
    }
    Ok(Verified {
        records,
        floor,
        head,
    })
}

/// Divides the records after `floor` up to `head` among threads. Each part begins
/// from the hash that the last record of the part before it states, which is
/// verified there.
fn spans(floor: u64, head: u64) -> impl Iterator<Item = (u64, u64)> {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let records = head.saturating_sub(floor);
    let parts = records.div_ceil(RECORDS_OF_A_PART);
    let parts = parts.clamp(1, threads.min(PARTS_MAX));
    let size = records.div_ceil(parts).max(1);
    let start = move |part: u64| head.min(floor.saturating_add(part.saturating_mul(size)));
    (0..parts).map(move |part| (start(part), start(part.saturating_add(1))))
}

/// Verifies the records of a span and answers the sum of their keys.
fn verify_part(dir: &Path, span: (u64, u64), keys: &Keys) -> Result<u64, LogError> {
    let connection = reading(dir)?;
    let snapshot = snapshot(&connection)?;
    let mut sum = 0_u64;
    walk(&snapshot, span, Check::Hashes, &mut |record| {
        if let Some(key) = &record.idempotency_key {
            sum = sum.wrapping_add(keys.hash(key.as_bytes(), record.seq));
        }
        ControlFlow::Continue(())
    })?;
    Ok(sum)
}

/// Sums up pairs of key and record number, whatever their order.
#[derive(Default)]
struct Keys {
    hasher: RandomState,
}

impl Keys {
    fn hash(&self, key: &[u8], seq: u64) -> u64 {
        self.hasher.hash_one((key, seq))
    }

    /// The sum over the index, which must be in order.
    fn indexed(&self, connection: &Connection) -> Result<u64, LogError> {
        let failed = sql("reading the index of idempotency keys");
        let mut statement = connection.prepare(KEYS).map_err(&failed)?;
        let mut rows = statement.query(()).map_err(&failed)?;
        let (mut before, mut sum) = (Vec::new(), 0_u64);
        while let Some(row) = rows.next().map_err(&failed)? {
            let key = row.get_ref(0).map_err(&failed)?;
            let key = key.as_bytes().map_err(|error| damaged(error.to_string()))?;
            let seq: i64 = row.get(1).map_err(&failed)?;
            if before.as_slice() >= key {
                return Err(damaged("its index of idempotency keys is not in order"));
            }
            key.clone_into(&mut before);
            sum = sum.wrapping_add(self.hash(key, seq.cast_unsigned()));
        }
        Ok(sum)
    }
}
