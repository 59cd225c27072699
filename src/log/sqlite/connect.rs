//! Connections to the database, and what their errors mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema;
use crate::log::LogError;

/// The database's name in the data folder.
pub(super) const DATABASE: &str = "events.db";

/// How long a statement waits for a lock. Only another program that writes to the
/// database would hold one.
const BUSY: Duration = Duration::from_secs(5);

/// KiB of pages that the writer keeps in memory. Our choice: the index of some
/// million keys.
const WRITER_CACHE_KIB: i64 = 64 << 10;

pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// A connection that changes nothing, neither now nor when it closes. The tables
/// are looked at: they are those of an event log.
pub(super) fn reading(dir: &Path) -> Result<Connection, LogError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let doing = "opening the database for reading (the folder must be writable all the same)";
    let connection =
        Connection::open_with_flags(database(dir), flags).map_err(sql("opening the database"))?;
    prepare(&connection).map_err(sql(doing))?;
    schema::check(&connection)?;
    Ok(connection)
}

/// A connection that writes, and syncs each commit.
pub(super) fn writing(file: &Path, pages_max: Option<u32>) -> Result<Connection, LogError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(file, flags).and_then(|connection| {
        prepare(&connection)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| {
            match row.get_ref(0)?.as_str()? {
                "wal" => Ok(()),
                _ => Err(rusqlite::Error::InvalidQuery),
            }
        })?;
        connection.pragma_update(None, "synchronous", "full")?;
        // Keys come in any order: their index is to be in memory while it is written.
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        // macOS: a sync that reaches the disk. Elsewhere every one does.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        // `Writer::settle` does this, and hears of errors.
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
        if let Some(pages) = pages_max {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(connection)
    });
    opened.map_err(sql("opening the database for writing"))
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// What an error of SQLite means for the log: values that are not of their
/// column's kind are damage like a page that is none.
pub(super) fn sql(doing: &'static str) -> impl Fn(rusqlite::Error) -> LogError {
    use rusqlite::Error;
    move |error| match (&error, error.sqlite_error_code()) {
        (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        | (Error::Utf8Error(..) | Error::InvalidColumnType(..), _)
        | (Error::FromSqlConversionFailure(..) | Error::IntegralValueOutOfRange(..), _) => {
            damaged(format!("{doing}: {error}"))
        }
        _ => LogError::backend(doing)(error),
    }
}

pub(super) fn damaged(what: impl Into<String>) -> LogError {
    LogError::Damaged {
        file: DATABASE,
        what: what.into(),
    }
}
