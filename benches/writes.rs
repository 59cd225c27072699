//! How long a durable command takes, and what replaying many costs.
//!
//! Ids are `write/<what>`. A bare SQLite commit of a row as large, in the same run
//! and on the same disk, is what a single command is held against; 64 writers at
//! once against one; a replay against scanning the log and decoding each payload.
//! Every write is asserted to be in force, and every replay to yield the state
//! that was written. `AOBO_BENCH_EVENTS` sets how many events are replayed.

#![expect(clippy::unwrap_used, reason = "a bench is no product code")]
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aobo::directory::command::Command;
use aobo::directory::{Cloud, Customer, Fact};
use aobo::log::{Draft, Log, Memory, Sqlite};
use aobo::node::{Actor, Choice, Folded, Ledger, RandomIds, Settings, Submission, What};
use jiff::Timestamp;
use rusqlite::Connection;

/// Single commits of each kind.
const SINGLE: usize = 300;
/// Writers at once, and commands of each.
const WRITERS: usize = 64;
const EACH: usize = 100;
/// Events that are replayed if nobody says.
const EVENTS: usize = 100_000;

fn submission(n: usize) -> Submission {
    let customer = Customer {
        id: format!("customer-{n}"),
        country: "FR".to_owned(),
        market: "Europe".to_owned(),
        cloud: Cloud::Public,
        domains: std::collections::BTreeSet::default(),
    };
    Submission {
        actor: Actor {
            name: "bench".to_owned(),
            principal: None,
            operator: true,
            key: None,
        },
        what: What::Command(Command::Put {
            fact: Fact::Customer(customer),
        }),
        idempotency_key: None,
        expected: None,
    }
}

fn ledger(log: Arc<dyn Log>) -> Ledger {
    let settings = Settings {
        choice: Choice::Last,
        world: None,
        clock: Arc::new(Timestamp::now),
    };
    let ids = RandomIds::new("https://localhost").unwrap();
    Ledger::open(log, &settings, Box::new(ids)).unwrap()
}

/// One row a commit, as a program would do it that needs nothing else.
fn bare(dir: &Path) -> Duration {
    let connection = Connection::open(dir.join("bare.db")).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection
        .pragma_update(None, "synchronous", "FULL")
        .unwrap();
    connection
        .execute(
            "create table events (seq integer primary key, payload text)",
            (),
        )
        .unwrap();
    let payload = "x".repeat(300);
    let begin = Instant::now();
    for _ in 0..SINGLE {
        connection
            .execute("insert into events (payload) values (?1)", [&payload])
            .unwrap();
    }
    begin.elapsed() / u32::try_from(SINGLE).unwrap()
}

fn single(ledger: &Ledger) -> Duration {
    let begin = Instant::now();
    for n in 0..SINGLE {
        let written = ledger.submit_blocking(submission(n)).unwrap();
        let in_force = ledger.point().current().snapshot().revision().0;
        assert!(in_force >= written.revision);
    }
    begin.elapsed() / u32::try_from(SINGLE).unwrap()
}

fn many(ledger: &Ledger) -> Duration {
    let next = AtomicUsize::new(SINGLE);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    ledger.submit_blocking(submission(n)).unwrap();
                }
            });
        }
    });
    begin.elapsed() / u32::try_from(WRITERS * EACH).unwrap()
}

fn writes() {
    let dir = tempfile::tempdir().unwrap();
    let bare = bare(dir.path());
    let ledger = ledger(Arc::new(Sqlite::open(&dir.path().join("data")).unwrap()));
    let one = single(&ledger);
    let before = ledger.commits();
    let each = many(&ledger);
    let commits = ledger.commits() - before;
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    println!(
        "write/bare commit        {:>10.1} µs",
        bare.as_secs_f64() * 1e6
    );
    println!(
        "write/one command        {:>10.1} µs",
        one.as_secs_f64() * 1e6
    );
    println!("write/one to bare        {:>10.2} ×", ratio(one, bare));
    println!(
        "write/of 64 writers      {:>10.1} µs",
        each.as_secs_f64() * 1e6
    );
    println!("write/64 writers to one  {:>10.2} ×", ratio(one, each));
    let group = (WRITERS * EACH) as f64 / commits as f64;
    println!("write/group size         {group:>10.1}");
}

fn replays() {
    let events = std::env::var("AOBO_BENCH_EVENTS").ok();
    let events = events.and_then(|text| text.parse().ok()).unwrap_or(EVENTS);
    let dir = tempfile::tempdir().unwrap();
    // The form of the events is the ledger's own; appending them needs none.
    let sample = Arc::new(Memory::new());
    let written = ledger(Arc::clone(&sample) as Arc<dyn Log>);
    written.submit_blocking(submission(0)).unwrap();
    let records = sample.read(0, 10).unwrap();
    let log = Sqlite::open(&dir.path().join("data")).unwrap();
    let draft = |n: usize| {
        let record = records.get(n.min(1)).unwrap();
        Draft {
            at: record.at,
            actor: record.actor.clone(),
            kind: record.kind.clone(),
            // A thousand customers that change again and again.
            payload: record
                .payload
                .replace("customer-0", &format!("customer-{}", n % 1_000)),
            version: record.version,
            idempotency_key: None,
        }
    };
    let all: Vec<usize> = (0..events).collect();
    for some in all.chunks(1_000) {
        let drafts: Vec<Draft> = some.iter().map(|n| draft(*n)).collect();
        log.append(log.head(), &drafts).unwrap();
    }
    let begin = Instant::now();
    let mut members = 0;
    log.scan(0, &mut |record| {
        let payload: serde_json::Value = serde_json::from_str(&record.payload).unwrap();
        members += black_box(payload)
            .as_object()
            .map_or(0, serde_json::Map::len);
        ControlFlow::Continue(())
    })
    .unwrap();
    let raw = begin.elapsed();
    let begin = Instant::now();
    let folded = Folded::replay_all(&log, u64::MAX).unwrap();
    let replayed = begin.elapsed();
    assert_eq!(folded.head, log.head());
    assert_eq!(folded.world.facts().count(), 1_000.min(events - 1));
    assert!(members >= events);
    println!("replay/events            {events:>10}");
    println!("replay/scan and decode   {:>10.3} s", raw.as_secs_f64());
    println!(
        "replay/fold              {:>10.3} s",
        replayed.as_secs_f64()
    );
    println!(
        "replay/fold to scan      {:>10.2} ×",
        replayed.as_secs_f64() / raw.as_secs_f64()
    );
}

fn main() {
    writes();
    replays();
}
