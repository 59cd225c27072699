//! A server's writer that is killed while it writes.
//!
//! The child opens a ledger as `aobo serve` does, and eight threads give it
//! commands; what is killed is therefore the collecting of writes, the commit, the
//! publishing and the checkpoint beside them. Killing a process keeps what it gave
//! to the operating system, so this is about half-done work and not about syncing;
//! the faults are about that. The child is this binary again, running the same test
//! alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use aobo::directory::Key;
use aobo::log::{Log, Record, Sqlite};
use aobo::node::{
    Actor, Choice, Folded, Ledger, RandomIds, Settings, Submission, TenantScope, What, floor_state,
};
use aobo::policy::Source;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{all, fast_folder};
use crate::support::{Rng, scaled, timed};

/// Names the data folder and the round to a child.
const CHILD: &str = "AOBO_TEST_LOG_CHILD";
const WRITERS: usize = 8;
/// Writes of the round before that each writer asks for again.
const AGAIN: usize = 8;
/// Rounds after which the whole state is compared.
const COMPARED_EVERY: usize = 10;

const WORLD: &str = r#"{
  "partners": {"fabrikam": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "customers": {"contoso": {"country": "FR", "market": "Europe", "cloud": "public"}}
}"#;

#[test]
fn nothing_acknowledged_is_lost_or_there_twice() {
    if let Ok(child) = std::env::var(CHILD) {
        let (round, dir) = child.split_once(' ').unwrap();
        return write_until_killed(Path::new(dir), round.parse().unwrap());
    }
    let rounds = scaled(100);
    let folder = fast_folder();
    let mut rng = Rng::new(1);
    let mut acknowledged = BTreeMap::new();
    timed(&format!("{rounds} kills"), || {
        for round in 0..rounds {
            let acks = rng.below(60);
            for (key, seq) in run_and_kill(folder.path(), round, acks) {
                let before = acknowledged.insert(key.clone(), seq);
                assert!(before.is_none_or(|before| before == seq), "{key} moved");
            }
            // Opening verifies the chain.
            let log = Sqlite::open(folder.path()).expect("it opens after a kill");
            for (key, seq) in &acknowledged {
                if key.starts_with(&format!("{round}/")) {
                    let record = log.with_key(key).unwrap();
                    let record = record.unwrap_or_else(|| panic!("{key}, record {seq}, is lost"));
                    assert_eq!((record.seq, user_of(&record)), (*seq, user(key)));
                }
            }
            if round % COMPARED_EVERY == 0 || round + 1 == rounds {
                compare(&log, &acknowledged);
            }
        }
    });
    assert!(!acknowledged.is_empty());
}

/// The log holds each key once and each acknowledged one where it was said to be,
/// and the state is that of the events, with a user for each.
fn compare(log: &Sqlite, acknowledged: &BTreeMap<String, u64>) {
    let records = all(log);
    let mut keys = BTreeSet::new();
    for record in &records {
        if let Some(key) = &record.idempotency_key {
            assert!(keys.insert(key.clone()), "{key} is there twice");
            assert_eq!(user_of(record), user(key));
        }
    }
    for (key, seq) in acknowledged {
        let record = &records[usize::try_from(*seq).unwrap() - 1];
        assert_eq!(record.idempotency_key.as_ref(), Some(key));
    }
    let started = Folded::replay(log, u64::MAX).unwrap();
    let replayed = Folded::replay_all(log, u64::MAX).unwrap();
    assert_eq!(started.world, replayed.world);
    assert_eq!(parts(&started), parts(&replayed));
    for key in &keys {
        let fact = replayed.world.fact(&Key::CustomerUser(user(key)));
        assert!(fact.is_some(), "the user of {key} is not there");
    }
    // The partner and the customer, and a user for each key.
    assert_eq!(replayed.world.facts_count(), 2 + keys.len());
    eprintln!("{} acknowledged of {}", acknowledged.len(), keys.len());
}

/// All that a state holds, in text.
fn parts(folded: &Folded) -> Vec<String> {
    let parts = floor_state(folded).parts.map(|part| part.unwrap());
    parts.map(|part| part.to_string()).collect()
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

/// The user that the write of a key makes, the same in child and parent.
fn user(key: &str) -> String {
    format!("user-{}", key.replace('/', "-"))
}

/// The user that a record makes.
fn user_of(record: &Record) -> String {
    let payload: Value = serde_json::from_str(&record.payload).unwrap();
    let users = payload["changes"][0]["put"]["customer_users"].as_object();
    let mut users = users.expect("a user").keys();
    users.next().expect("one").clone()
}

fn submission(key: &str) -> Submission {
    let fact = json!({"customer_users": {user(key): {"customer": "contoso"}}});
    let command = json!({"command": "put", "fact": fact});
    let actor = Actor {
        name: "the test".to_owned(),
        principal: None,
        tenants: TenantScope::All,
        operator: true,
        key: None,
    };
    Submission {
        actor,
        what: What::Command(serde_json::from_value(command).unwrap()),
        idempotency_key: Some(key.to_owned()),
        expected: None,
    }
}

fn write_until_killed(dir: &Path, round: usize) {
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(dir).expect("it opens after a kill"));
    let settings = Settings {
        choice: Choice::Last,
        world: Some(Source::new("world", WORLD)),
        clock: Arc::new(Timestamp::now),
    };
    let ids = RandomIds::new("https://localhost/invitations").unwrap();
    let ledger = Ledger::open(log, &settings, Box::new(ids)).expect("it starts after a kill");
    let write = |writer: usize| {
        let write = |key: &str| {
            let written = ledger.submit_blocking(submission(key)).expect("it is done");
            let said = format!("ack {} {key}\n", written.revision);
            let mut out = std::io::stdout().lock();
            out.write_all(said.as_bytes())
                .and_then(|()| out.flush())
                .expect("the parent reads");
        };
        // Whoever did not hear of a write asks for it again.
        if let Some(before) = round.checked_sub(1) {
            (0..AGAIN).for_each(|number| write(&format!("{before}/{writer}/{number}")));
        }
        for number in 0_usize.. {
            write(&format!("{round}/{writer}/{number}"));
        }
    };
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || write(writer));
        }
    });
}
