//! A process that is killed while it appends.
//!
//! Killing a process keeps what it gave to the operating system, so this is about
//! half-done transactions and not about syncing; the faults are about that. The
//! child is this binary again, running the same test alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};

use aobo::log::{Draft, Log, Sqlite};

use super::{all, draft, fast_folder};
use crate::support::{Rng, scaled, timed};

/// Names the data folder and the round to a child.
const CHILD: &str = "AOBO_TEST_LOG_CHILD";
const WRITERS: usize = 8;

#[test]
fn nothing_acknowledged_is_lost_or_there_twice() {
    if let Ok(child) = std::env::var(CHILD) {
        let (round, dir) = child.split_once(' ').unwrap();
        return write_until_killed(Path::new(dir), round);
    }
    let rounds = scaled(100);
    let folder = fast_folder();
    let mut rng = Rng::new(1);
    let mut acknowledged = BTreeMap::new();
    timed(&format!("{rounds} kills"), || {
        for round in 0..rounds {
            let acks = rng.below(60);
            let of_round = run_and_kill(folder.path(), round, acks);
            let log = Sqlite::open(folder.path()).expect("it opens after a kill");
            for (key, seq) in &of_round {
                let record = log.with_key(key).unwrap();
                let record = record.unwrap_or_else(|| panic!("{key}, record {seq}, is lost"));
                assert_eq!(
                    (record.seq, record.payload.as_str()),
                    (*seq, own(key).payload.as_str())
                );
            }
            acknowledged.extend(of_round);
        }
    });
    let log = Sqlite::open(folder.path()).unwrap();
    let records = all(&log);
    let keys: BTreeSet<_> = records
        .iter()
        .map(|it| it.idempotency_key.as_ref())
        .collect();
    assert_eq!(keys.len(), records.len(), "nothing is there twice");
    for (key, seq) in &acknowledged {
        let record = &records[usize::try_from(*seq).unwrap() - 1];
        assert_eq!(record.idempotency_key.as_ref(), Some(key));
    }
    let (acknowledged, records) = (acknowledged.len(), records.len());
    eprintln!("{acknowledged} acknowledged of {records}");
    assert!(acknowledged > 0 && acknowledged <= records);
}

/// Lets a child write until it has acknowledged so many, kills it, and gives all
/// that it acknowledged: keys and record numbers.
fn run_and_kill(dir: &Path, round: usize, acks: usize) -> BTreeMap<String, u64> {
    let test = "log::kill::nothing_acknowledged_is_lost_or_there_twice";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{round} {}", dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child process");
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = BTreeMap::new();
    for line in out.lines() {
        let line = line.expect("text");
        if acknowledged.len() == acks {
            // From here on it may be dead at any point; what it still says counts.
            child.kill().expect("it is ours");
        }
        if let Some((seq, key)) = line.strip_prefix("ack ").and_then(|it| it.split_once(' ')) {
            acknowledged.insert(key.to_owned(), seq.parse().expect("a number"));
        }
    }
    child.kill().expect("it is ours");
    let status = child.wait().expect("it ended");
    assert_eq!(
        status.code(),
        None,
        "it was killed; it did not end by itself"
    );
    acknowledged
}

/// The draft of a key, the same in child and parent.
fn own(key: &str) -> Draft {
    let number = key
        .bytes()
        .fold(7, |sum, byte| (sum * 31 + u64::from(byte)) % 100_003);
    Draft {
        idempotency_key: Some(key.to_owned()),
        ..draft(number)
    }
}

/// Collects what concurrent writers append, as the writer above the log does.
struct Committer {
    log: Sqlite,
    waiting: Mutex<Vec<Draft>>,
    /// Held by the one who appends; keys that were appended for others.
    done: Mutex<BTreeMap<String, u64>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no writer panicked")
}

impl Committer {
    fn append(&self, draft: Draft) -> u64 {
        let key = draft.idempotency_key.clone().expect("a key");
        locked(&self.waiting).push(draft);
        let mut done = locked(&self.done);
        if let Some(seq) = done.remove(&key) {
            return seq;
        }
        let batch = std::mem::take(&mut *locked(&self.waiting));
        let records = self.log.append(self.log.head(), &batch).expect("appended");
        done.extend(
            records
                .into_iter()
                .filter_map(|it| Some((it.idempotency_key?, it.seq))),
        );
        done.remove(&key).expect("it was in the batch")
    }
}

fn write_until_killed(dir: &Path, round: &str) {
    let committer = Committer {
        log: Sqlite::open(dir).expect("it opens after a kill"),
        waiting: Mutex::default(),
        done: Mutex::default(),
    };
    let write = |writer: usize| {
        for number in 0.. {
            let key = format!("{round}/{writer}/{number}");
            let seq = committer.append(own(&key));
            let said = format!("ack {seq} {key}\n");
            let mut out = std::io::stdout().lock();
            out.write_all(said.as_bytes())
                .and_then(|()| out.flush())
                .expect("the parent reads");
        }
    };
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || write(writer));
        }
    });
}
