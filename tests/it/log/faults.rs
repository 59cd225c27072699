//! A store that fails: nothing is acknowledged, nothing more is written, reads go
//! on, and what was acknowledged is there when the log is opened again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aobo::log::{Draft, Faults, Head, Log, LogError, Record, Sqlite, Step};

use super::{alike, all, append, draft, drafts, entries, floor_state, payload, state};

/// A log that fails at a step, from the moment it is told to.
struct Failing {
    log: Sqlite,
    /// The step passes so many times before it fails.
    passes: Arc<AtomicUsize>,
}

impl Failing {
    fn open(dir: &Path, step: Step) -> Self {
        let passes = Arc::new(AtomicUsize::new(usize::MAX));
        let left = Arc::clone(&passes);
        let faults = Faults::when(move |at| at == step && left.fetch_sub(1, Ordering::SeqCst) == 0);
        let log = Sqlite::open_with(dir, faults).expect("a log");
        Self { log, passes }
    }

    fn fail_after(&self, passes: usize) {
        self.passes.store(passes, Ordering::SeqCst);
    }
}

/// Nothing is written any more, and everything acknowledged is read.
#[track_caller]
fn stopped(log: &dyn Log, acknowledged: &[Record], why: &str) {
    let last = acknowledged.last().expect("some").head();
    assert_eq!(log.head(), last);
    alike(&all(log), acknowledged);
    alike(&log.read(0, usize::MAX).unwrap(), acknowledged);
    let refused = [
        log.append(last, &drafts(50..51)).unwrap_err(),
        log.put_checkpoint(last, b"").unwrap_err(),
        log.drop_archived(state(acknowledged[0].head(), &[]))
            .unwrap_err(),
        log.writable().unwrap_err(),
    ];
    for error in refused {
        let LogError::ReadOnly { after, why: said } = &error else {
            panic!("{error}");
        };
        assert_eq!(*after, last.seq);
        assert!(said.contains(why), "{said}");
    }
}

/// A batch that fails at a step; how many of its records are there afterwards.
#[track_caller]
fn check(step: Step, passes: usize, stored: usize) {
    let folder = tempfile::tempdir().unwrap();
    let failing = Failing::open(folder.path(), step);
    let mut acknowledged = append(&failing.log, &drafts(0..3));
    acknowledged.extend(append(&failing.log, &drafts(3..5)));
    failing.fail_after(passes);
    let batch = drafts(5..9);
    let error = failing.log.append(failing.log.head(), &batch).unwrap_err();
    assert!(error.is_unknown_outcome(), "{error}");
    stopped(&failing.log, &acknowledged, &format!("{step:?}"));
    // What may be there is not read before it is known to be.
    assert_eq!(failing.log.with_key("key-6").unwrap(), None);
    drop(failing);

    let log = Sqlite::open(folder.path()).expect("it opens again");
    let (old, new) = (acknowledged.len(), all(&log).split_off(5));
    alike(&all(&log)[..old], &acknowledged);
    assert_eq!(new.len(), stored, "{step:?}");
    assert!(
        new.iter()
            .zip(&batch)
            .all(|(is, was)| is.payload == was.payload.as_str())
    );
    append(&log, &drafts(20..22));
    log.verify().unwrap();
}

#[test]
fn a_failed_append_is_not_acknowledged() {
    check(Step::Begin, 0, 0);
    check(Step::Insert, 0, 0);
    check(Step::Insert, 3, 0);
    check(Step::Commit, 0, 0);
    check(Step::Committed, 0, 4);
    check(Step::HeadFile, 0, 4);
}

/// Moving the WAL's pages fails: what was appended before is acknowledged.
#[test]
fn a_failure_to_settle_ends_writing_only() {
    let folder = tempfile::tempdir().unwrap();
    let failing = Failing::open(folder.path(), Step::Settle);
    failing.fail_after(0);
    let large = Draft {
        payload: payload(format!("{{\"x\":\"{}\"}}", "x".repeat(5 << 20))),
        ..draft(0)
    };
    let acknowledged = append(&failing.log, &[large]);
    stopped(&failing.log, &acknowledged, "Settle");
    drop(failing);
    let log = Sqlite::open(folder.path()).unwrap();
    alike(&all(&log), &acknowledged);
    append(&log, &drafts(1..2));
}

#[test]
fn other_writes_fail_alike() {
    let folder = tempfile::tempdir().unwrap();
    type Write = fn(&dyn Log) -> Result<(), LogError>;
    let compact: Write = |log| log.drop_archived(state(log.read(1, 1)?[0].head(), &["{}"]));
    let mut acknowledged = Vec::new();
    for (write, step) in [
        (compact, Step::Begin),
        (compact, Step::Insert),
        (compact, Step::Commit),
    ] {
        let failing = Failing::open(folder.path(), step);
        if acknowledged.is_empty() {
            acknowledged = append(&failing.log, &drafts(0..5));
            failing
                .log
                .put_checkpoint(failing.log.head(), b"old")
                .unwrap();
        }
        failing.fail_after(0);
        let error = write(&failing.log).unwrap_err();
        assert!(error.is_unknown_outcome(), "{error}");
        stopped(&failing.log, &acknowledged, &format!("{step:?}"));
        assert_eq!(failing.log.checkpoint(9).unwrap().unwrap().1, b"old");
    }
}

/// A compaction that stops anywhere leaves a log that begins at a state it has: the
/// old floor's or the new one's.
#[test]
fn a_compaction_that_fails_leaves_the_state_it_begins_at() {
    let states = [&["{\"state\":1}"][..], &["{\"state\":2}"]];
    for (step, moved) in [
        (Step::Begin, false),
        (Step::Insert, false),
        (Step::Commit, false),
        (Step::Committed, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let failing = Failing::open(folder.path(), step);
        let records = append(&failing.log, &drafts(0..6));
        let [first, second] = [1, 3].map(|at| records[at].head());
        failing.log.drop_archived(state(first, states[0])).unwrap();
        failing.fail_after(0);
        let error = failing.log.drop_archived(state(second, states[1]));
        assert!(error.unwrap_err().is_unknown_outcome());
        drop(failing);
        let log = Sqlite::open(folder.path()).expect("it opens again");
        let (floor, parts) = match moved {
            true => (second, states[1]),
            false => (first, states[0]),
        };
        assert_eq!(log.floor(), floor);
        assert_eq!(floor_state(&log).unwrap().1, parts);
        log.verify().unwrap();
        // The next one goes through, and leaves its own state only.
        log.drop_archived(state(records[4].head(), &["{}"]))
            .unwrap();
        assert_eq!(floor_state(&log).unwrap().1, ["{}"]);
        let files = std::fs::read_dir(folder.path().join("floor")).unwrap();
        assert_eq!(files.count(), 1);
    }
}

/// A state that cannot be written is no failure of the log: nothing is dropped.
#[test]
fn a_state_that_cannot_be_written_drops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = Sqlite::open(folder.path()).unwrap();
    let records = append(&log, &drafts(0..3));
    std::fs::write(folder.path().join("floor"), "in the way").unwrap();
    let error = log.drop_archived(state(records[0].head(), &[]));
    assert!(matches!(error, Err(LogError::Backend { .. })), "{error:?}");
    assert_eq!((log.floor(), all(&log)), (Head::START, records));
    append(&log, &drafts(3..4));
}

#[test]
fn a_failed_restore_leaves_the_log_empty() {
    let source = tempfile::tempdir().unwrap();
    let source = Sqlite::open(source.path()).unwrap();
    let records = append(&source, &drafts(0..5));
    for step in [Step::Insert, Step::Commit] {
        let folder = tempfile::tempdir().unwrap();
        let failing = Failing::open(folder.path(), step);
        failing.fail_after(usize::from(step == Step::Insert));
        let restored = failing.log.restore(&mut entries(&records));
        assert!(restored.unwrap_err().is_unknown_outcome());
        drop(failing);
        let log = Sqlite::open(folder.path()).unwrap();
        assert_eq!(all(&log), []);
        log.restore(&mut entries(&records)).unwrap();
    }
}

/// A database that cannot grow is what SQLite sees of a full disk.
#[test]
fn a_full_disk_ends_writing() {
    let folder = tempfile::tempdir().unwrap();
    let log = Sqlite::open_with(folder.path(), Faults::full_at(20)).unwrap();
    let mut acknowledged = Vec::new();
    let error = loop {
        let number = acknowledged.len() as u64;
        match log.append(log.head(), &drafts(number..number + 2)) {
            Ok(records) => acknowledged.extend(records),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 10_000, "20 pages hold less");
    };
    assert!(error.is_unknown_outcome(), "{error}");
    stopped(&log, &acknowledged, "full");
    drop(log);
    let log = Sqlite::open(folder.path()).unwrap();
    alike(&all(&log), &acknowledged);
    append(&log, &drafts(90_000..90_100));
    log.verify().unwrap();
}
