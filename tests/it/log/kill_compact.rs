//! A process that is killed while it compacts: the log begins at a state it has,
//! the one of the old floor or of the new one.
//!
//! The child is this binary again, running the same test alone.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use aobo::log::{Log, Sqlite};

use super::{append, drafts, fast_folder, floor_state, state};
use crate::support::{Rng, scaled, timed};

/// Names the data folder to a child.
const CHILD: &str = "AOBO_TEST_COMPACT_CHILD";
/// Parts of each state.
const PARTS: usize = 200;

#[test]
fn a_killed_compaction_leaves_a_state_to_begin_at() {
    if let Ok(dir) = std::env::var(CHILD) {
        return compact_until_killed(Path::new(&dir));
    }
    let rounds = scaled(50);
    let folder = fast_folder();
    let mut rng = Rng::new(3);
    timed(&format!("{rounds} kills"), || {
        for _ in 0..rounds {
            let told = run_and_kill(folder.path(), rng.below(40));
            let log = Sqlite::open(folder.path()).expect("it opens after a kill");
            let floor = log.floor();
            assert!(floor.seq >= told, "{floor:?}, and {told} was told");
            let wanted = (floor.seq > 0).then(|| (floor, vec![part(floor.seq); PARTS]));
            assert_eq!(floor_state(&log), wanted);
            log.verify().expect("it is sound");
        }
    });
    let log = Sqlite::open(folder.path()).unwrap();
    assert!(log.floor().seq > 0, "something was compacted");
}

fn part(floor: u64) -> String {
    format!("{{\"floor\":{floor},\"more\":\"{}\"}}", "x".repeat(500))
}

/// Lets a child compact until it has told of so many floors, kills it, and gives the
/// last that it told of; 0 if it told of none.
fn run_and_kill(dir: &Path, floors: usize) -> u64 {
    let test = "log::kill_compact::a_killed_compaction_leaves_a_state_to_begin_at";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child process");
    let out = BufReader::new(child.stdout.take().unwrap());
    let (mut count, mut last) = (0, 0);
    for line in out.lines() {
        let line = line.expect("text");
        if count == floors {
            // From here on it may be dead at any point; what it still says counts.
            child.kill().expect("it is ours");
        }
        if let Some(floor) = line.strip_prefix("floor ") {
            last = floor.parse().expect("a number");
            count += 1;
        }
    }
    child.kill().expect("it is ours");
    let status = child.wait().expect("it ended");
    assert_eq!(status.code(), None, "it did not end by itself");
    last
}

fn compact_until_killed(dir: &Path) {
    let log = Sqlite::open(dir).expect("it opens after a kill");
    loop {
        let head = log.head().seq;
        let records = append(&log, &drafts(head..head + 20));
        let at = records[17].head();
        let parts = vec![part(at.seq); PARTS];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        log.drop_archived(state(at, &parts)).expect("it is dropped");
        let mut out = std::io::stdout().lock();
        writeln!(out, "floor {}", at.seq)
            .and_then(|()| out.flush())
            .expect("the parent reads");
    }
}
