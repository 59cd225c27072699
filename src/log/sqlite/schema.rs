//! The tables, format 1.
//!
//! INVARIANT (schema): what the database says of its tables is what stands here,
//! letter for letter; anything else is damage, another format, or another
//! program's database.

use rusqlite::Connection;

use super::connect::{DATABASE, damaged, sql};
use crate::log::{Hash, LogError};

/// The format of the tables.
pub(super) const FORMAT: u64 = 1;

/// Each table or index: its name and the statement that makes it.
const OBJECTS: [(&str, &str); 4] = [
    (
        "checkpoints",
        "CREATE TABLE checkpoints(\
         seq INTEGER PRIMARY KEY, \
         hash BLOB NOT NULL, \
         checksum BLOB NOT NULL, \
         state BLOB NOT NULL) STRICT",
    ),
    (
        "events",
        "CREATE TABLE events(\
         seq INTEGER PRIMARY KEY, \
         at TEXT NOT NULL, \
         actor TEXT NOT NULL, \
         kind TEXT NOT NULL, \
         payload TEXT NOT NULL, \
         version INTEGER NOT NULL, \
         idempotency_key TEXT, \
         previous BLOB NOT NULL, \
         hash BLOB NOT NULL) STRICT",
    ),
    (
        "events_by_key",
        "CREATE UNIQUE INDEX events_by_key ON events(idempotency_key) \
         WHERE idempotency_key IS NOT NULL",
    ),
    (
        "meta",
        "CREATE TABLE meta(\
         format INTEGER NOT NULL, \
         floor_seq INTEGER NOT NULL, \
         floor_hash BLOB NOT NULL) STRICT",
    ),
];

/// Makes the tables of an empty log.
pub(super) fn create(connection: &mut Connection) -> Result<(), LogError> {
    let mut made = || {
        let transaction = connection.transaction()?;
        for (_, statement) in OBJECTS {
            transaction.execute_batch(statement)?;
        }
        transaction.execute(
            "INSERT INTO meta(format, floor_seq, floor_hash) VALUES (?1, 0, ?2)",
            (FORMAT.cast_signed(), Hash::ZERO.0),
        )?;
        transaction.commit()
    };
    made().map_err(sql("making the tables"))
}

/// The database is an event log of this format.
pub(super) fn check(connection: &Connection) -> Result<(), LogError> {
    let found = objects(connection).map_err(sql("reading the tables' definitions"))?;
    if !found.iter().any(|(name, _)| name == "meta") {
        let what = "it has no table `meta`".to_owned();
        return Err(LogError::Alien {
            file: DATABASE,
            what,
        });
    }
    let format = connection.query_one("SELECT format FROM meta", (), |row| row.get::<_, i64>(0));
    match format.map(u64::try_from) {
        Ok(Ok(FORMAT)) => {}
        Ok(Ok(found)) if found > FORMAT => {
            let known = FORMAT;
            return Err(LogError::Newer { found, known });
        }
        Ok(_) => return Err(damaged("its table `meta` names no format that ever was")),
        Err(error) => return Err(damaged(format!("its table `meta`: {error}"))),
    }
    let wanted = OBJECTS.map(|(name, statement)| (name.to_owned(), statement.to_owned()));
    match found == wanted {
        true => Ok(()),
        false => Err(damaged(format!(
            "its tables are not those of format {FORMAT}"
        ))),
    }
}

fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
