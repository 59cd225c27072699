//! The one connection that writes, and its transactions.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, MAIN_DB, Transaction, TransactionBehavior, params};

use super::connect::{damaged, database, sql, writing};
use super::faults::{Faults, Step};
use super::head_file::HeadFile;
use super::reading::seq_of_key;
use crate::log::{Head, LogError, Record};

/// Bytes that go to the WAL before its pages are moved to the database. Our
/// choice, as SQLite's: it bounds the WAL and what a start has to recover.
const SETTLE_BYTES: usize = 4 << 20;
/// Bytes of a page: what a record or a commit costs at least.
const PAGE_BYTES: usize = 4096;

const INSERT: &str = "INSERT INTO events\
     (seq, at, actor, kind, payload, version, idempotency_key, previous, hash) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    head_file: HeadFile,
    faults: Faults,
    /// About so many bytes are in the WAL only.
    unsettled_bytes: usize,
}

impl Writer {
    pub(super) fn open(dir: &Path, head: Head, faults: Faults) -> Result<Self, LogError> {
        let connection = writing(&database(dir), faults.pages_max())?;
        let failed = sql("opening the database for writing");
        if connection.is_readonly(MAIN_DB).map_err(failed)? {
            return Err(damaged(
                "it can only be read; if its permissions allow writing, then its header is wrong",
            ));
        }
        Ok(Self {
            connection,
            head_file: HeadFile::open(dir, head)?,
            faults,
            unsettled_bytes: 0,
        })
    }

    /// Does it all, durably, or nothing.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Rows<'_>) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        self.faults.at(Step::Begin)?;
        let begun = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate);
        let mut rows = Rows {
            transaction: begun.map_err(sql("beginning a transaction"))?,
            faults: &self.faults,
            bytes: 2 * PAGE_BYTES,
        };
        let done = match work(&mut rows) {
            Ok(done) => done,
            Err(error) if error.is_failure() => return Err(error),
            Err(error) => {
                let rolled_back = rows.transaction.rollback();
                rolled_back.map_err(sql("rolling a transaction back"))?;
                return Err(error);
            }
        };
        self.faults.at(Step::Commit)?;
        let committed = rows.transaction.commit();
        committed.map_err(sql("committing a transaction"))?;
        self.unsettled_bytes = self.unsettled_bytes.saturating_add(rows.bytes);
        self.faults.at(Step::Committed)?;
        Ok(done)
    }

    /// Notes a position that was committed.
    pub(super) fn mark(&mut self, head: Head) -> Result<(), LogError> {
        self.faults.at(Step::HeadFile)?;
        let written = self.head_file.write(head);
        written.map_err(LogError::backend("writing the file `head`"))
    }

    /// Moves pages from the WAL to the database when there are many. What was
    /// committed is durable before that; SQLite would do the same by itself, and
    /// tell nobody when it fails.
    pub(super) fn settle(&mut self) -> Result<(), LogError> {
        if self.unsettled_bytes < SETTLE_BYTES {
            return Ok(());
        }
        self.faults.at(Step::Settle)?;
        self.unsettled_bytes = 0;
        let settled = self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()));
        settled.map_err(sql("moving pages from the WAL to the database"))
    }
}

/// A transaction that is under way.
pub(super) struct Rows<'a> {
    pub(super) transaction: Transaction<'a>,
    faults: &'a Faults,
    /// About so many bytes it writes.
    bytes: usize,
}

impl Rows<'_> {
    fn wrote(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(super) fn insert(&mut self, record: &Record) -> Result<(), LogError> {
        self.faults.at(Step::Insert)?;
        let insert = || {
            let mut statement = self.transaction.prepare_cached(INSERT)?;
            statement.execute(params![
                record.seq.cast_signed(),
                record.at.to_string(),
                record.actor,
                record.kind,
                record.payload,
                record.version,
                record.idempotency_key,
                record.previous.0,
                record.hash.0,
            ])
        };
        let inserted = insert();
        match inserted {
            Ok(_) => {}
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                return Err(self.violated(record));
            }
            Err(error) => return Err(sql("writing a record")(error)),
        }
        self.wrote(record.payload.len().saturating_add(PAGE_BYTES));
        Ok(())
    }

    /// Deletes records and keeps the last one's position as the floor.
    pub(super) fn drop_up_to(&mut self, last: Head) -> Result<(), LogError> {
        self.faults.at(Step::Insert)?;
        let query = "DELETE FROM events WHERE seq <= ?1";
        let dropped = self.transaction.execute(query, [last.seq.cast_signed()]);
        let records = dropped.map_err(sql("dropping archived records"))?;
        self.wrote(records.saturating_mul(PAGE_BYTES));
        self.set_floor(last)
    }

    /// Keeps a position as the floor.
    pub(super) fn set_floor(&mut self, floor: Head) -> Result<(), LogError> {
        let query = "UPDATE meta SET floor_seq = ?1, floor_hash = ?2";
        let to = (floor.seq.cast_signed(), floor.hash.0);
        let set = self.transaction.execute(query, to);
        set.map(drop).map_err(sql("moving the floor"))
    }

    /// Which uniqueness a record violates.
    fn violated(&self, record: &Record) -> LogError {
        let Some(key) = record.idempotency_key.clone() else {
            return damaged(format!("it holds a record {} already", record.seq));
        };
        match seq_of_key(&self.transaction, &key) {
            Ok(Some(seq)) => LogError::Repeated {
                key,
                seq: Some(seq),
            },
            Ok(None) => damaged(format!("it holds a record {} already", record.seq)),
            Err(error) => error,
        }
    }
}
