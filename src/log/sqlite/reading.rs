//! Records as the database holds them, each checked as it is read.
//!
//! Every function works on one snapshot: callers begin it with [`snapshot`].

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::connect::{damaged, sql};
use crate::log::chain::Chain;
use crate::log::{Hash, Head, LogError, Record};

const RECORDS: &str = "SELECT seq, at, actor, kind, payload, version, idempotency_key, previous, hash \
     FROM events WHERE seq > ?1 AND seq <= ?2 ORDER BY seq";

/// One state of the database, for everything that is read until it is dropped.
pub(super) fn snapshot(connection: &Connection) -> Result<Transaction<'_>, LogError> {
    let begun = connection.unchecked_transaction();
    begun.map_err(sql("beginning to read"))
}

/// How far records are checked as they are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Each follows the one before it.
    Links,
    /// That, and its hash is that of its content.
    Hashes,
}

/// Gives the records after number `after` up to number `last`, until `each` breaks
/// off, and answers the position of the last one given.
pub(super) fn walk(
    connection: &Connection,
    (after, last): (u64, u64),
    check: Check,
    each: &mut dyn FnMut(&Record) -> ControlFlow<()>,
) -> Result<Head, LogError> {
    let failed = sql("reading records");
    let mut chain = Chain::after(position(connection, after)?);
    let mut statement = connection.prepare_cached(RECORDS).map_err(&failed)?;
    let numbers = (after.cast_signed(), last.cast_signed());
    let mut rows = statement.query(numbers).map_err(&failed)?;
    let mut record = Record::blank();
    while let Some(row) = rows.next().map_err(&failed)? {
        decode(row, &mut record).map_err(|what| corrupt(chain.head(), what))?;
        match check {
            Check::Links => chain.link(&record)?,
            Check::Hashes => chain.take(&record)?,
        }
        if each(&record).is_break() {
            return Ok(chain.head());
        }
    }
    match chain.head() {
        head if head.seq < last => Err(corrupt(head, "it is missing")),
        head => Ok(head),
    }
}

/// What is wrong with the record after a position.
fn corrupt(head: Head, what: impl Into<String>) -> LogError {
    LogError::Corrupt {
        seq: head.seq.saturating_add(1),
        what: what.into(),
    }
}

/// The record with this number; it is there.
pub(super) fn record(connection: &Connection, seq: u64) -> Result<Option<Record>, LogError> {
    let mut found = None;
    let span = (seq.saturating_sub(1), seq);
    walk(connection, span, Check::Hashes, &mut |record| {
        found = Some(record.clone());
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// The number of the record with an idempotency key.
pub(super) fn seq_of_key(connection: &Connection, key: &str) -> Result<Option<u64>, LogError> {
    let found = || {
        let query = "SELECT seq FROM events WHERE idempotency_key = ?1";
        let mut statement = connection.prepare_cached(query)?;
        statement.query_one([key], |row| row.get(0)).optional()
    };
    let found: Option<i64> = found().map_err(sql("looking an idempotency key up"))?;
    Ok(found.map(i64::cast_unsigned))
}

/// The position of a record, by its number.
pub(super) fn position(connection: &Connection, seq: u64) -> Result<Head, LogError> {
    let floor = floor(connection)?;
    if seq <= floor.seq {
        let floor_seq = floor.seq;
        return match seq == floor_seq {
            true => Ok(floor),
            false => Err(LogError::Archived { floor: floor_seq }),
        };
    }
    let query = "SELECT seq, hash FROM events WHERE seq = ?1";
    let found = head_by(connection, query, &[&seq.cast_signed()])?;
    found.ok_or_else(|| LogError::Corrupt {
        seq,
        what: "it is missing".to_owned(),
    })
}

/// The position of the last record; the floor's if there is none.
pub(super) fn last(connection: &Connection) -> Result<Head, LogError> {
    let query = "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1";
    match head_by(connection, query, &[])? {
        Some(head) => Ok(head),
        None => floor(connection),
    }
}

/// The last position whose record was archived.
pub(super) fn floor(connection: &Connection) -> Result<Head, LogError> {
    let query = "SELECT floor_seq, floor_hash FROM meta";
    let floor = head_by(connection, query, &[])?;
    floor.ok_or_else(|| damaged("its table `meta` is empty"))
}

fn head_by(
    connection: &Connection,
    query: &str,
    with: &[&dyn rusqlite::ToSql],
) -> Result<Option<Head>, LogError> {
    let found = || {
        let mut statement = connection.prepare_cached(query)?;
        let row = |row: &Row<'_>| {
            let seq: i64 = row.get(0)?;
            Ok(Head {
                seq: seq.cast_unsigned(),
                hash: Hash(row.get(1)?),
            })
        };
        statement.query_row(with, row).optional()
    };
    found().map_err(sql("reading a position"))
}

/// Reads a row of [`RECORDS`] into a record, whose texts keep their memory.
fn decode(row: &Row<'_>, into: &mut Record) -> Result<(), String> {
    let whole = |index: usize| -> Result<i64, String> {
        let value = row.get_ref(index).map_err(text_of)?;
        value.as_i64().map_err(text_of)
    };
    let text = |index: usize| -> Result<&str, String> {
        let value = row.get_ref(index).map_err(text_of)?;
        value.as_str().map_err(text_of)
    };
    let hash = |index: usize| -> Result<Hash, String> {
        let value = row.get_ref(index).map_err(text_of)?;
        let bytes = value.as_blob().map_err(text_of)?;
        bytes.try_into().map(Hash).map_err(text_of)
    };
    into.seq = whole(0)?.cast_unsigned();
    into.at = text(1)?.parse().map_err(text_of::<jiff::Error>)?;
    text(2)?.clone_into(&mut into.actor);
    text(3)?.clone_into(&mut into.kind);
    text(4)?.clone_into(&mut into.payload);
    into.version = whole(5)?.try_into().map_err(text_of)?;
    let key = row.get_ref(6).map_err(text_of)?;
    match key.as_str_or_null().map_err(text_of)? {
        None => into.idempotency_key = None,
        Some(key) => key.clone_into(into.idempotency_key.get_or_insert_default()),
    }
    into.previous = hash(7)?;
    into.hash = hash(8)?;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn text_of<E: ToString>(error: E) -> String {
    error.to_string()
}
