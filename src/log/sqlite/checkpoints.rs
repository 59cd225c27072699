//! Checkpoints: what the records up to a position add up to, with a checksum.
//!
//! INVARIANT (trust): a checkpoint is given out only if its checksum is right and
//! its position is one of this log. A start that finds none replays the records.

use rusqlite::{Connection, Transaction};

use super::connect::sql;
use super::reading::position;
use crate::log::{CHECKPOINTS_KEPT, Hash, Head, LogError};

/// Keeps a checkpoint and lets go of old ones.
pub(super) fn put(transaction: &Transaction<'_>, at: Head, state: &[u8]) -> Result<(), LogError> {
    let put = || {
        transaction.execute(
            "INSERT OR REPLACE INTO checkpoints(seq, hash, checksum, state) VALUES (?1, ?2, ?3, ?4)",
            (at.seq.cast_signed(), at.hash.0, checksum(at, state).0, state),
        )?;
        transaction.execute(
            "DELETE FROM checkpoints WHERE seq NOT IN \
             (SELECT seq FROM checkpoints ORDER BY seq DESC LIMIT ?1)",
            [CHECKPOINTS_KEPT.cast_signed() as i64],
        )
    };
    put().map(|_| ()).map_err(sql("keeping a checkpoint"))
}

/// Lets go of those before a record.
pub(super) fn drop_before(transaction: &Transaction<'_>, seq: u64) -> Result<(), LogError> {
    let dropped = transaction.execute(
        "DELETE FROM checkpoints WHERE seq < ?1",
        [seq.cast_signed()],
    );
    dropped.map(|_| ()).map_err(sql("dropping checkpoints"))
}

/// The newest one to trust, at or before a record. What keeps one from being read
/// is a reason to pass it over like any other.
pub(super) fn newest(
    connection: &Connection,
    at_most: u64,
) -> Result<Option<(Head, Vec<u8>)>, LogError> {
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let seqs = || -> rusqlite::Result<Vec<i64>> {
        let query = "SELECT seq FROM checkpoints WHERE seq <= ?1 ORDER BY seq DESC";
        let mut statement = connection.prepare(query)?;
        statement.query_map([at_most], |row| row.get(0))?.collect()
    };
    let seqs = seqs().map_err(sql("reading checkpoints"))?;
    let mut trusted = seqs.into_iter().filter_map(|seq| {
        let (at, state) = one(connection, seq)?;
        let known = position(connection, at.seq).is_ok_and(|known| known == at);
        known.then_some((at, state))
    });
    Ok(trusted.next())
}

fn one(connection: &Connection, seq: i64) -> Option<(Head, Vec<u8>)> {
    let query = "SELECT hash, checksum, state FROM checkpoints WHERE seq = ?1";
    let found = connection.query_one(query, [seq], |row| {
        Ok((Hash(row.get(0)?), Hash(row.get(1)?), row.get(2)?))
    });
    let (hash, stated, state): (Hash, Hash, Vec<u8>) = found.ok()?;
    let seq = seq.cast_unsigned();
    let at = Head { seq, hash };
    (checksum(at, &state) == stated).then_some((at, state))
}

fn checksum(at: Head, state: &[u8]) -> Hash {
    Hash::of(&[
        b"aobo checkpoint v1\0",
        &at.seq.to_be_bytes(),
        &at.hash.0,
        state,
    ])
}
