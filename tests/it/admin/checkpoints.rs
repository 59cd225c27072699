//! Checkpoints: what a start goes on from, and what it does without.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use aobo::log::{Log, Sqlite};
use aobo::node::{Choice, Folded};

use super::{Desk, facts, open, operate, sign_in};

/// A folder with a checkpoint at the head of its log.
fn left(dir: &Path) {
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(dir).unwrap());
    let desk = Desk::on(Arc::clone(&log));
    desk.creates("u1").send().written();
    desk.creates("u2").send().written();
    drop(desk);
    // The first start left one, before the users came.
    let kept = log.sound_checkpoint(u64::MAX).unwrap().unwrap();
    assert!(kept.seq < log.head().seq);
    drop(open(Arc::clone(&log), Choice::Last, None).unwrap());
    assert_eq!(log.sound_checkpoint(u64::MAX).unwrap(), Some(log.head()));
}

/// What starts here is what the events alone make, and decides alike.
#[track_caller]
fn starts_alike(dir: &Path) {
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(dir).unwrap());
    let (from_checkpoint, from_events) = (
        Folded::replay(log.as_ref(), u64::MAX).unwrap(),
        Folded::replay_all(log.as_ref(), u64::MAX).unwrap(),
    );
    assert_eq!(from_checkpoint.head, from_events.head);
    assert_eq!(from_checkpoint.at, from_events.at);
    assert_eq!(from_checkpoint.world, from_events.world);
    assert_eq!(from_checkpoint.keys, from_events.keys);
    assert_eq!(from_checkpoint.seed, from_events.seed);
    let opened = open(Arc::clone(&log), Choice::Last, None).unwrap();
    let desk = Desk::over(opened, String::new());
    assert_eq!(facts(&desk.ledger), from_events.world);
    assert!(desk.allows(&sign_in()) && desk.allows(&operate()));
}

fn file(dir: &Path) -> std::path::PathBuf {
    let mut files: Vec<_> = fs::read_dir(dir.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.pop().unwrap()
}

#[test]
fn a_start_goes_on_from_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    left(folder.path());
    starts_alike(folder.path());
}

/// One that is damaged anywhere is passed over for the one before, and without any
/// the events are enough.
#[test]
fn a_damaged_one_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    left(folder.path());
    let newest = file(folder.path());
    let whole = fs::read(&newest).unwrap();
    for place in [60, whole.len() / 2] {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        fs::write(&newest, bytes).unwrap();
        starts_alike(folder.path());
        fs::write(&newest, &whole).unwrap();
    }
    fs::write(&newest, &whole[..whole.len() / 3]).unwrap();
    starts_alike(folder.path());
    fs::remove_dir_all(folder.path().join("checkpoints")).unwrap();
    starts_alike(folder.path());
}

/// Whole in itself, and nothing that this program wrote.
#[test]
fn one_of_another_form_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    left(folder.path());
    let log = Sqlite::open(folder.path()).unwrap();
    for state in [&b"{\"version\":1}"[..], b"", &[0x97, 9, 0, 0, 0, 0, 0, 0]] {
        log.put_checkpoint(log.head(), state).unwrap();
        let replayed = Folded::replay(&log, u64::MAX).unwrap();
        let all = Folded::replay_all(&log, u64::MAX).unwrap();
        assert_eq!(replayed.world, all.world);
    }
    drop(log);
    starts_alike(folder.path());
}
