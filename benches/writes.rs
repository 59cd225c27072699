//! How long a durable command takes, and what replaying many and starting from a
//! checkpoint cost.
//!
//! Ids are `write/<what>`. Single commands are held against a bare SQLite commit of
//! the same row, one after the other in turns, so that both see the same disk; 64
//! writers at once against one; a replay against scanning the log and decoding each
//! payload. Commands are those of every day (a user added, a role given and taken away),
//! and policies decide on each. Every write is asserted to be in force, and every replay
//! and start to yield the state that was written. `AOBO_BENCH_EVENTS` sets how many
//! events are replayed, `AOBO_BENCH_CUSTOMERS` how many customers the world has that is
//! started with.

#![expect(clippy::unwrap_used, reason = "a bench is no product code")]
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aobo::directory::command::{Caller, Command};
use aobo::directory::world_file::change_to_json;
use aobo::directory::{Change, Cloud, Customer, Fact};
use aobo::log::{Draft, Log, Memory, Payload, Record, Sqlite};
use aobo::measure::Workload;
use aobo::node::{
    Actor, Choice, Folded, Ledger, RandomIds, Settings, Submission, TenantScope, What,
};
use aobo::policy::Source;
use jiff::Timestamp;
use rusqlite::Connection;

/// The program's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Single commits of each kind.
const SINGLE: usize = 300;
/// Writers at once, and commands of each.
const WRITERS: usize = 64;
const EACH: usize = 99;
/// Commands before any is timed.
const WARM: usize = 3;
/// The facts that commands are given on.
const WORLD: &str = "tests/corpus/worlds/fabrikam.json";
/// Who adds users, who gives roles, and where.
const ADMINISTRATOR: &str = "gloria@contoso.example";
const OWNER: &str = "otto@contoso.example";
const SUBSCRIPTION: &str = "/subscriptions/contoso-core";
/// Events that are replayed if nobody says.
const EVENTS: usize = 100_000;
/// Customers of the world that is started with if nobody says.
const CUSTOMERS: u32 = 10_000;
/// Bytes of facts in one event of a seed.
const SEED_BYTES: usize = 4 << 20;

/// The `n`th of the commands that are timed: somebody of contoso adds a user, gives it a
/// role at a resource group, and takes the role away; the policies let them.
fn submission(n: usize) -> Submission {
    let (scope, role) = (
        format!("{SUBSCRIPTION}/resourceGroups/rg-{}", n / 3 % 100),
        "Reader".to_owned(),
    );
    let user = format!("user-{}@contoso.example", n / 3);
    match n % 3 {
        0 => by(
            ADMINISTRATOR,
            Command::CreateUser {
                customer: "contoso".to_owned(),
                display_name: user.clone(),
                user,
                first_name: None,
                last_name: None,
            },
        ),
        1 => by(
            OWNER,
            Command::AssignAzureRole {
                principal: user,
                role,
                scope,
            },
        ),
        _ => by(
            OWNER,
            Command::RemoveAzureRole {
                principal: user,
                role,
                scope,
            },
        ),
    }
}

fn by(user: &str, command: Command) -> Submission {
    let principal = Caller {
        ty: "CustomerUser".to_owned(),
        id: user.to_owned(),
    };
    submitted(Some(principal), command)
}

fn submitted(principal: Option<Caller>, command: Command) -> Submission {
    Submission {
        actor: Actor {
            name: "bench".to_owned(),
            operator: principal.is_none(),
            principal,
            key: None,
            tenants: TenantScope::All,
        },
        what: What::Command(command),
        idempotency_key: None,
        expected: None,
    }
}

/// The fact of a customer, of which there is one event for a replay.
fn customer() -> Submission {
    let customer = Customer {
        id: "customer-0".to_owned(),
        country: "FR".to_owned(),
        market: "Europe".to_owned(),
        cloud: Cloud::Public,
        domains: std::collections::BTreeSet::default(),
    };
    let fact = Fact::Customer(customer);
    submitted(None, Command::Put { fact })
}

fn payload(text: String) -> Payload {
    Payload::parse(text).unwrap()
}

fn ledger(log: Arc<dyn Log>) -> Ledger {
    opened(log, None)
}

fn opened(log: Arc<dyn Log>, world: Option<Source>) -> Ledger {
    let settings = Settings {
        choice: Choice::Last,
        world,
        clock: Arc::new(Timestamp::now),
    };
    let ids = RandomIds::new("https://localhost").unwrap();
    Ledger::open(log, &settings, Box::new(ids)).unwrap()
}

/// One row a commit, as a program would do it that needs nothing else: the row of
/// a command, in the table of events.
struct Bare {
    connection: Connection,
    record: Record,
}

impl Bare {
    fn open(dir: &Path, record: Record) -> Self {
        let connection = Connection::open(dir.join("bare.db")).unwrap();
        for (name, value) in [("journal_mode", "WAL"), ("synchronous", "FULL")] {
            connection.pragma_update(None, name, value).unwrap();
        }
        let table = "create table events(seq integer primary key, at text, actor text, \
             kind text, payload text, version integer, previous blob, hash blob)";
        connection.execute(table, ()).unwrap();
        Self { connection, record }
    }

    fn commit(&self) {
        let insert = "insert into events(at, actor, kind, payload, version, previous, hash) \
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut statement = self.connection.prepare_cached(insert).unwrap();
        let Record { at, actor, .. } = &self.record;
        let row = rusqlite::params![
            at.to_string(),
            actor,
            self.record.kind,
            self.record.payload,
            self.record.version,
            self.record.previous.0,
            self.record.hash.0,
        ];
        statement.execute(row).unwrap();
    }
}

/// Bare commits and single commands in turns; the sorted times of each.
fn single(ledger: &Ledger, bare: &Bare) -> (Vec<Duration>, Vec<Duration>) {
    let (mut bares, mut ones) = (Vec::new(), Vec::new());
    for n in WARM..WARM + SINGLE {
        let begin = Instant::now();
        bare.commit();
        bares.push(begin.elapsed());
        let begin = Instant::now();
        let written = ledger.submit_blocking(submission(n)).unwrap();
        ones.push(begin.elapsed());
        let in_force = ledger.point().current().snapshot().revision().0;
        assert!(in_force >= written.revision);
    }
    bares.sort_unstable();
    ones.sort_unstable();
    (bares, ones)
}

fn many(ledger: &Ledger) -> Duration {
    let next = AtomicUsize::new(WARM + SINGLE);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                // What is done to one user follows on each other.
                for _ in 0..EACH / 3 {
                    let first = next.fetch_add(3, Ordering::Relaxed);
                    for n in first..first + 3 {
                        ledger.submit_blocking(submission(n)).unwrap();
                    }
                }
            });
        }
    });
    begin.elapsed() / u32::try_from(WRITERS * EACH).unwrap()
}

/// Time that the writer's thread was on a processor, where the system tells.
fn writer_cpu() -> Option<Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let writer = tasks.filter_map(Result::ok).find(|task| {
        let name = std::fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.trim() == "writer")
    })?;
    let spent = std::fs::read_to_string(writer.path().join("schedstat")).ok()?;
    let nanoseconds = spent.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

fn micros(what: &str, time: Duration) {
    println!("{what:<25}{:>10.1} µs", time.as_secs_f64() * 1e6);
}

fn seconds(what: &str, time: Duration) {
    println!("{what:<25}{:>10.3} s", time.as_secs_f64());
}

fn ratio(what: &str, a: Duration, b: Duration) {
    println!("{what:<25}{:>10.2} ×", a.as_secs_f64() / b.as_secs_f64());
}

fn writes() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(Sqlite::open(&dir.path().join("data")).unwrap());
    let world = Source::new(WORLD, std::fs::read_to_string(WORLD).unwrap());
    let ledger = opened(log, Some(world));
    for n in 0..WARM {
        ledger.submit_blocking(submission(n)).unwrap();
    }
    let record = ledger.log().read(ledger.log().head().seq - 1, 1).unwrap();
    let bare = Bare::open(dir.path(), record.into_iter().next().unwrap());
    let (bares, ones) = single(&ledger, &bare);
    let median = |times: &[Duration]| *times.get(times.len() / 2).unwrap();
    let (before, cpu_before) = (ledger.commits(), writer_cpu());
    let each = many(&ledger);
    let commits = ledger.commits() - before;
    let one: Duration = ones.iter().sum::<Duration>() / u32::try_from(SINGLE).unwrap();
    micros("write/bare commit", median(&bares));
    micros("write/one command", median(&ones));
    ratio("write/one to bare", median(&ones), median(&bares));
    micros("write/of 64 writers", each);
    ratio("write/64 writers to one", one, each);
    let commands = WRITERS * EACH;
    println!(
        "write/group size         {:>10.1}",
        commands as f64 / commits as f64
    );
    if let (Some(before), Some(after)) = (cpu_before, writer_cpu()) {
        let cpu = (after - before) / u32::try_from(commands).unwrap();
        micros("write/writer's CPU", cpu);
    }
}

fn replays() {
    let events = std::env::var("AOBO_BENCH_EVENTS").ok();
    let events = events.and_then(|text| text.parse().ok()).unwrap_or(EVENTS);
    let dir = tempfile::tempdir().unwrap();
    // The form of the events is the ledger's own; appending them needs none.
    let sample = Arc::new(Memory::new());
    let written = ledger(Arc::clone(&sample) as Arc<dyn Log>);
    written.submit_blocking(customer()).unwrap();
    let records = sample.read(0, 10).unwrap();
    let log = Sqlite::open(&dir.path().join("data")).unwrap();
    let draft = |n: usize| {
        let record = records.get(n.min(1)).unwrap();
        Draft {
            at: record.at,
            actor: record.actor.clone(),
            kind: record.kind.clone(),
            // A thousand customers that change again and again.
            payload: payload(
                record
                    .payload
                    .replace("customer-0", &format!("customer-{}", n % 1_000)),
            ),
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
    seconds("replay/scan and decode", raw);
    seconds("replay/fold", replayed);
    ratio("replay/fold to scan", replayed, raw);
}

/// A log that begins with a world of so many customers, in events of some MB.
fn seeded(dir: &Path, customers: u32) {
    let sample = Arc::new(Memory::new());
    drop(ledger(Arc::clone(&sample) as Arc<dyn Log>));
    let first = sample.read(0, 1).unwrap().into_iter().next().unwrap();
    let draft = |kind: &str, payload: String| Draft {
        at: first.at,
        actor: first.actor.clone(),
        kind: kind.to_owned(),
        payload: self::payload(payload),
        version: first.version,
        idempotency_key: None,
    };
    let log = Sqlite::open(dir).unwrap();
    let append = |draft: Draft| log.append(log.head(), &[draft]).unwrap();
    append(draft(&first.kind, first.payload.clone()));
    let workload = Workload::new(1, customers);
    let (mut facts, mut part) = (workload.facts().peekable(), String::new());
    while let Some(fact) = facts.next() {
        let separator = if part.is_empty() { "" } else { "," };
        part.push_str(separator);
        part.push_str(&change_to_json(&Change::Put(fact)).to_string());
        if part.len() > SEED_BYTES || facts.peek().is_none() {
            let payload = format!(r#"{{"sha256":"","changes":[{part}]}}"#);
            append(draft("world.seeded", payload));
            part.clear();
        }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    (work(), begin.elapsed())
}

fn starts() {
    let customers = std::env::var("AOBO_BENCH_CUSTOMERS").ok();
    let customers = customers.and_then(|text| text.parse().ok());
    let customers = customers.unwrap_or(CUSTOMERS);
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data");
    seeded(&dir, customers);
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&dir).unwrap());
    // The first start replays, and leaves a checkpoint when it ends.
    let (first, replayed) = timed(|| ledger(Arc::clone(&log)));
    let (head, facts) = (log.head(), first.folded().world.facts_count());
    let ((), ended) = timed(|| drop(first));
    drop(log);
    let (log, opened) = timed(|| Sqlite::open(&dir).unwrap());
    let log: Arc<dyn Log> = Arc::new(log);
    assert_eq!(log.sound_checkpoint(u64::MAX).unwrap(), Some(head));
    let (folded, restored) = timed(|| Folded::replay(log.as_ref(), u64::MAX).unwrap());
    assert_eq!(folded.head, head);
    assert_eq!(folded.world.facts_count(), facts);
    drop(folded);
    let (again, started) = timed(|| ledger(Arc::clone(&log)));
    assert_eq!(again.point().current().snapshot().revision().0, head.seq);
    assert_eq!(again.folded().world.facts_count(), facts);
    println!("start/customers          {customers:>10}");
    println!("start/facts              {facts:>10}");
    seconds("start/without checkpoint", replayed);
    seconds("start/rest of writing it", ended);
    seconds("start/verify the log", opened);
    seconds("start/facts restored", restored);
    seconds("start/from checkpoint", started);
    seconds("start/with verification", opened + started);
}

fn main() {
    writes();
    replays();
    starts();
}
