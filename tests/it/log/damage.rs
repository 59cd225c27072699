//! Files that are not as they were written: bits that flipped, ends that are gone.
//! What was acknowledged reads back byte for byte, or the log does not open and
//! says where.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use aobo::log::{Log, LogError, Record, Sqlite};

use super::{all, append, drafts, fast_folder};
use crate::support::{Rng, scaled, timed};

const DATABASE: &str = "events.db";
const WAL: &str = "events.db-wal";
const HEAD: &str = "head";

/// The files of a log as a crash leaves them, and what was acknowledged.
struct Left {
    files: BTreeMap<&'static str, Vec<u8>>,
    acknowledged: Vec<Record>,
}

impl Left {
    /// So many records in the database, then so many in the WAL.
    fn new(in_database: u64, in_wal: u64) -> Self {
        let folder = fast_folder();
        let log = Sqlite::open(folder.path()).unwrap();
        append(&log, &drafts(0..in_database));
        log.put_checkpoint(log.head(), &[7; 9_000]).unwrap();
        drop(log);
        let log = Sqlite::open(folder.path()).unwrap();
        for number in in_database..in_database + in_wal {
            append(&log, &drafts(number..number + 1));
        }
        let read = |name| Some((name, fs::read(folder.path().join(name)).ok()?));
        let files = [DATABASE, WAL, HEAD].into_iter().filter_map(read).collect();
        let acknowledged = all(&log);
        Self {
            files,
            acknowledged,
        }
    }

    /// Puts the files into a folder, one of them changed.
    fn put(&self, folder: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        // New files: some file systems sync one that is cut and written again.
        for file in [DATABASE, WAL, HEAD, "events.db-shm"] {
            let _ = fs::remove_file(folder.join(file));
        }
        let mut change = Some(change);
        for (file, bytes) in &self.files {
            let mut bytes = bytes.clone();
            if *file == name
                && let Some(change) = change.take()
            {
                change(&mut bytes);
            }
            fs::write(folder.join(file), bytes).unwrap();
        }
        assert!(change.is_none(), "there is a file {name}");
    }

    /// Whoever reads beside a writer and goes by what it reads gets all that was
    /// acknowledged, or is told.
    #[track_caller]
    fn is_whole_beside_or_refused(&self, folder: &Path, what: &str) {
        let mut found = Vec::new();
        let scanned = Sqlite::open_beside(folder).and_then(|log| {
            log.scan(0, &mut |record| {
                found.push(record.clone());
                ControlFlow::Continue(())
            })
        });
        let whole = found == self.acknowledged;
        assert!(scanned.is_err() || whole, "{what}: the records differ");
    }

    /// Whether the log opens; then it must be whole, in every way of reading it.
    #[track_caller]
    fn opens_whole(&self, folder: &Path, what: &str) -> bool {
        let log = match Sqlite::open(folder) {
            Ok(log) => log,
            Err(error) => {
                said_where(&error, what);
                return false;
            }
        };
        let wanted = &self.acknowledged;
        assert!(&all(&log) == wanted, "{what}: the records differ");
        for (record, after) in wanted.iter().zip(0..) {
            let read = log.read(after, 1);
            let read = read.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(read, std::slice::from_ref(record), "{what}");
            if let Some(key) = &record.idempotency_key {
                assert_eq!(log.with_key(key).unwrap().as_ref(), Some(record), "{what}");
            }
        }
        if let Some((_, state)) = log.checkpoint(u64::MAX).unwrap() {
            assert_eq!(state, [7; 9_000], "{what}");
        }
        append(&log, &drafts(900..905));
        let verified = log.verify();
        verified.unwrap_or_else(|error| panic!("{what}, then appended: {error}"));
        true
    }
}

#[track_caller]
fn said_where(error: &LogError, what: &str) {
    let place = matches!(
        error,
        LogError::Corrupt { .. }
            | LogError::Damaged { .. }
            | LogError::Shortened { .. }
            | LogError::Newer { .. }
            | LogError::Alien { .. }
    );
    assert!(place, "{what}: {error:?}");
}

/// Flips bits, one at a time, anywhere in the files.
fn flips(left: &Left, count: usize, seed: u64) -> (usize, usize) {
    let mut rng = Rng::new(seed);
    let bytes: usize = left.files.values().map(Vec::len).sum();
    let mut opened = 0;
    let folder = fast_folder();
    for n in 0..count {
        let mut at = rng.below(bytes);
        let mut files = left.files.iter();
        let name = loop {
            let (name, bytes) = files.next().unwrap();
            match at.checked_sub(bytes.len()) {
                Some(rest) => at = rest,
                None => break *name,
            }
        };
        let bit = rng.below(8);
        let what = format!("{name}, byte {at}, bit {bit}");
        if n % 4 == 0 {
            left.put(folder.path(), name, |bytes| bytes[at] ^= 1 << bit);
            left.is_whole_beside_or_refused(folder.path(), &what);
        }
        left.put(folder.path(), name, |bytes| bytes[at] ^= 1 << bit);
        opened += usize::from(left.opens_whole(folder.path(), &what));
    }
    (opened, count - opened)
}

#[test]
fn a_flipped_bit_changes_nothing_or_is_noticed() {
    let count = scaled(10_000);
    let all_in_database = Left::new(60, 0);
    let half_in_wal = Left::new(20, 12);
    let in_wal = |left: &Left| left.files.get(WAL).map_or(0, Vec::len);
    assert!(in_wal(&all_in_database) == 0 && in_wal(&half_in_wal) > 0);
    let (mut opened, mut refused) = (0, 0);
    timed("flipped bits", || {
        for (left, seed) in [(&all_in_database, 1), (&half_in_wal, 2)] {
            let of = flips(left, count.div_ceil(2), seed);
            (opened, refused) = (opened + of.0, refused + of.1);
        }
    });
    eprintln!("{opened} opened whole, {refused} did not open");
    assert!(refused > 0 && (opened > 0 || count < 100));
}

#[test]
fn a_wal_without_its_end_is_noticed() {
    let left = Left::new(2, 4);
    let whole = left.files[WAL].len();
    let cuts = scaled(3_000).min(whole);
    let folder = fast_folder();
    timed("cut WALs", || {
        for cut in 0..cuts {
            let length = cut * whole / cuts;
            left.put(folder.path(), WAL, |bytes| bytes.truncate(length));
            let error = Sqlite::open(folder.path()).expect_err("its end is gone");
            let LogError::Shortened {
                last,
                acknowledged: 6,
            } = error
            else {
                panic!("cut to {length}: {error:?}");
            };
            assert!((2..6).contains(&last), "cut to {length}: {last}");
            // Nothing was touched: what is left is still there to be looked at.
            assert_eq!(fs::read(folder.path().join(WAL)).unwrap().len(), length);
        }
    });
    left.put(folder.path(), WAL, |_| ());
    assert!(left.opens_whole(folder.path(), "all of it"));
}

#[test]
fn other_ends_that_are_gone_are_noticed() {
    let left = Left::new(40, 0);
    let folder = fast_folder();
    let refused = |what: &str| assert!(!left.opens_whole(folder.path(), what), "{what}");
    let whole = left.files[DATABASE].len();
    for length in (0..whole).step_by(1_024) {
        left.put(folder.path(), DATABASE, |bytes| bytes.truncate(length));
        refused(&format!("cut to {length}"));
    }
    for name in [DATABASE, HEAD] {
        left.put(folder.path(), name, |_| ());
        fs::remove_file(folder.path().join(name)).unwrap();
        refused(&format!("no {name}"));
    }
    // An older database, put back without its `head`.
    let older = Left::new(39, 0);
    left.put(folder.path(), DATABASE, |bytes| {
        bytes.clone_from(&older.files[DATABASE])
    });
    let error = Sqlite::open(folder.path()).unwrap_err();
    assert!(
        matches!(
            error,
            LogError::Shortened {
                last: 39,
                acknowledged: 40
            }
        ),
        "{error:?}"
    );
    // Another history of the same length.
    let other = fast_folder();
    append(&Sqlite::open(other.path()).unwrap(), &drafts(100..140));
    let other = fs::read(other.path().join(DATABASE)).unwrap();
    left.put(folder.path(), DATABASE, |bytes| *bytes = other);
    let error = Sqlite::open(folder.path()).unwrap_err();
    assert!(
        matches!(error, LogError::Corrupt { seq: 40, .. }),
        "{error:?}"
    );
}

/// One torn position is what a crash may leave; two are damage.
#[test]
fn a_torn_head_file_is_passed_over_once() {
    let left = Left::new(3, 4);
    let folder = fast_folder();
    for torn in [0, 512] {
        left.put(folder.path(), HEAD, |bytes| bytes[torn..torn + 30].fill(0));
        assert!(left.opens_whole(folder.path(), "one position torn"));
    }
    left.put(folder.path(), HEAD, |bytes| {
        bytes[20] ^= 1;
        bytes[532] ^= 1;
    });
    let error = Sqlite::open(folder.path()).unwrap_err();
    assert!(
        matches!(error, LogError::Damaged { file: HEAD, .. }),
        "{error:?}"
    );
    // With one position torn, the other still shows that the end is gone.
    left.put(folder.path(), HEAD, |bytes| bytes[..30].fill(0));
    fs::write(folder.path().join(WAL), []).unwrap();
    let error = Sqlite::open(folder.path()).unwrap_err();
    assert!(
        matches!(error, LogError::Shortened { last: 3, .. }),
        "{error:?}"
    );
}

/// What does not open for writing can still be read as far as it goes.
#[test]
fn what_is_left_can_be_saved() {
    let left = Left::new(5, 3);
    let folder = fast_folder();
    left.put(folder.path(), WAL, |bytes| bytes.truncate(bytes.len() - 1));
    assert!(!left.opens_whole(folder.path(), "cut"));
    // Nobody is to go by it, though.
    let error = Sqlite::open_beside(folder.path()).unwrap_err();
    assert!(
        matches!(error, LogError::Shortened { last: 7, .. }),
        "{error:?}"
    );
    let rest = Sqlite::open_as_it_is(folder.path()).unwrap();
    let error = rest.verify().unwrap_err();
    assert!(
        matches!(error, LogError::Shortened { last: 7, .. }),
        "{error:?}"
    );
    let mut text = Vec::new();
    aobo::log::export(&rest, &mut text).unwrap();
    let fresh = fast_folder();
    let log = Sqlite::open(fresh.path()).unwrap();
    aobo::log::import(&log, &mut text.as_slice()).unwrap();
    assert_eq!(all(&log), left.acknowledged[..7]);
}
