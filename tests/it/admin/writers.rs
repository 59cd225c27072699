//! Many writers at once: each write is acknowledged once, at a revision of its
//! own, and the log adds up to what is in force.

use std::collections::BTreeSet;
use std::sync::Arc;

use aobo::log::{Log, Memory, Sqlite};
use aobo::node::Folded;
use serde_json::{Value, json};

use super::{Call, Desk, FIRST, facts};

const WRITERS: usize = 64;
const WRITES: usize = 20;

/// Reports a user of Contoso.
fn put(desk: &Desk, id: &str, name: &str) -> Call {
    let user = json!({"customer": "contoso", "display_name": name});
    let fact = json!({"customer_users": {id: user}});
    desk.operator("PUT", "/v1/facts")
        .json(&json!({"fact": fact}))
}

/// What each writer was answered, in its order.
fn run(writers: Vec<Vec<Call>>) -> Vec<Vec<Value>> {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let writers = writers.into_iter().map(|calls| {
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for call in calls {
                    let reply = call.exchange().await;
                    assert_eq!(reply.status, 200, "{}", reply.json);
                    answers.push(reply.json);
                }
                answers
            })
        });
        let mut answers = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            answers.push(writer.await.expect("a writer that ends well"));
        }
        answers
    })
}

fn revision(answer: &Value) -> u64 {
    answer["revision"].as_u64().expect("a revision")
}

/// What is in force is what the log adds up to, with and without checkpoints.
#[track_caller]
fn replays(desk: &Desk) {
    let log: &dyn Log = desk.ledger.log().as_ref();
    assert_eq!(log.verify().unwrap().head, desk.head());
    let folded = desk.ledger.folded();
    for replayed in [
        Folded::replay(log, u64::MAX),
        Folded::replay_all(log, u64::MAX),
    ] {
        let replayed = replayed.unwrap();
        assert_eq!(replayed.head, folded.head);
        assert_eq!(replayed.at, folded.at);
        assert_eq!(replayed.world, facts(&desk.ledger));
        assert_eq!(replayed.keys, folded.keys);
    }
}

#[track_caller]
fn all_are_written_once(log: Arc<dyn Log>) {
    let desk = Desk::on(log);
    let of = |writer: usize| {
        let writes = 0..WRITES;
        let calls = writes.map(|n| put(&desk, &format!("u-{writer}-{n}"), "U"));
        calls.collect::<Vec<_>>()
    };
    let answers = run((0..WRITERS).map(of).collect());
    for writer in &answers {
        assert!(writer.is_sorted_by_key(revision), "one after the other");
        assert!(writer.iter().all(|answer| answer["repeated"] == false));
    }
    let revisions: BTreeSet<u64> = answers.iter().flatten().map(revision).collect();
    let last = FIRST + (WRITERS * WRITES) as u64;
    let wanted: BTreeSet<u64> = (FIRST + 1..=last).collect();
    assert_eq!(revisions, wanted, "each its own, no gap");
    assert_eq!(desk.head().seq, last);
    // At its revision, each is there.
    let users = desk.get("/v1/customers/contoso/users");
    let users = users["users"].as_array().unwrap();
    let new = users
        .iter()
        .filter(|user| user["user"].as_str().unwrap().starts_with("u-"));
    assert_eq!(new.count(), WRITERS * WRITES);
    replays(&desk);
}

#[test]
fn many_writers_in_memory() {
    all_are_written_once(Arc::new(Memory::new()));
}

#[test]
fn many_writers_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    all_are_written_once(Arc::new(Sqlite::open(folder.path()).unwrap()));
}

/// All want the same, under one key: it is done once, and all are told so.
#[test]
fn many_ask_for_one_thing() {
    let desk = Desk::start();
    let of = |_: usize| vec![put(&desk, "u1", "U").header("Idempotency-Key", "once")];
    let answers = run((0..WRITERS).map(of).collect());
    assert!(
        answers
            .iter()
            .flatten()
            .all(|answer| revision(answer) == FIRST + 1)
    );
    let repeated = |answer: &&Value| answer["repeated"] == true;
    let count = answers.iter().flatten().filter(repeated).count();
    assert_eq!(count, WRITERS - 1);
    assert_eq!(desk.head().seq, FIRST + 1);
}

/// All write the same fact: whoever wrote last is in force.
#[test]
fn many_write_one_fact() {
    let desk = Desk::start();
    let name = |writer: usize, n: usize| format!("{writer} {n}");
    let of = |writer: usize| {
        let calls = (0..WRITES).map(|n| put(&desk, "u1", &name(writer, n)));
        calls.collect::<Vec<_>>()
    };
    let answers = run((0..WRITERS).map(of).collect());
    let (writer, n) = (0..WRITERS)
        .flat_map(|writer| (0..WRITES).map(move |n| (writer, n)))
        .max_by_key(|(writer, n)| revision(&answers[*writer][*n]))
        .unwrap();
    let held = desk.get("/v1/facts");
    let held = held["facts"].as_array().unwrap();
    let user = held
        .iter()
        .find_map(|fact| fact["customer_users"].get("u1"));
    assert_eq!(user.unwrap()["display_name"], name(writer, n));
    replays(&desk);
}
