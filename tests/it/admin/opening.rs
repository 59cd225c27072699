//! How a ledger starts: which policies it takes, which world it begins with, and
//! what is left when the disk failed under it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aobo::directory::Profile;
use aobo::log::{Faults, Head, Log, Memory, Sqlite, Step};
use aobo::node::{Choice, LedgerError};
use serde_json::{Value, json};

use super::{BUNDLE, Desk, FIRST, SEEDED, USERS, WORLD, facts, open, question, sign_in};

const ANNOUNCED: Choice = Choice::Profile(Profile::AutopilotAnnounced);

/// Tailspin delegates nothing to Fabrikam. The announced rules want that.
fn add_profile() -> Value {
    question("AddAutopilotProfile", ("Customer", "tailspin"), json!({}))
}

/// The desk over the same log, opened once more.
#[track_caller]
fn reopened(desk: &Desk, choice: Choice) -> Desk {
    let log = Arc::clone(desk.ledger.log());
    Desk::over(open(log, choice, None).unwrap(), desk.master.clone())
}

#[track_caller]
fn as_of(desk: &Desk, revision: u64) -> bool {
    let call = desk.ask(&add_profile());
    let reply = call.header("Aobo-As-Of", &revision.to_string()).send();
    reply.decision()
}

#[test]
fn policies_are_taken_into_use_by_an_event() {
    let desk = Desk::start();
    assert!(desk.allows(&add_profile()));
    let announced = reopened(&desk, ANNOUNCED);
    assert_eq!(announced.head().seq, FIRST + 1);
    assert!(!announced.allows(&add_profile()));
    assert!(as_of(&announced, FIRST), "the policies of then");
    assert!(!as_of(&announced, FIRST + 1));
    assert!(announced.allows(&sign_in()), "the facts are what they were");
    assert_eq!(facts(&announced.ledger), facts(&desk.ledger));

    for same in [ANNOUNCED, Choice::Last] {
        let again = reopened(&announced, same);
        again.wrote_nothing_since(announced.head());
        assert!(!again.allows(&add_profile()));
    }
    let back = reopened(&announced, Choice::Profile(Profile::Seed));
    assert_eq!(back.head().seq, FIRST + 2);
    assert!(back.allows(&add_profile()));
    assert!(!as_of(&back, FIRST + 1) && as_of(&back, SEEDED));

    let events = back.get("/v1/events?kind=bundle.taken");
    let events = events["events"].as_array().unwrap();
    let taken = events.iter().map(|event| &event["payload"]["profile"]);
    let taken: Vec<&str> = taken.filter_map(Value::as_str).collect();
    assert_eq!(taken, ["seed", "autopilot-announced", "seed"]);
    let hashes = events.iter().map(|event| &event["payload"]["hash"]);
    let hashes: Vec<&Value> = hashes.collect();
    assert!(hashes[0] == hashes[2] && hashes[0] != hashes[1]);
    let ready = back.call("GET", "/readyz").send();
    assert_eq!(&ready.json["bundle"], hashes[2]);
}

#[test]
fn a_log_begins_with_one_world() {
    let desk = Desk::start();
    let log = || Arc::clone(desk.ledger.log());
    let (ledger, _) = open(log(), Choice::Last, Some(WORLD)).unwrap();
    assert_eq!(facts(&ledger), facts(&desk.ledger));
    desk.wrote_nothing_since(ledger.log().head());
    assert_eq!(
        desk.head().seq,
        FIRST,
        "the same file again is as good as none"
    );
    for other in ["{}", &WORLD.replace("northwind", "southwind")] {
        let error = open(log(), Choice::Last, Some(other)).unwrap_err();
        assert!(matches!(error, LedgerError::OtherSeed), "{error}");
        // Nor with other policies, which would be an event.
        let error = open(log(), ANNOUNCED, Some(other)).unwrap_err();
        assert!(matches!(error, LedgerError::OtherSeed), "{error}");
    }
    assert_eq!(desk.head().seq, FIRST);
}

#[test]
fn a_world_begins_the_facts_or_does_not_come() {
    let log: Arc<dyn Log> = Arc::new(Memory::new());
    let bad = r#"{"relationships": [{"partner": "p", "customer": "c", "status": "active", "dap": "none"}]}"#;
    let error = open(Arc::clone(&log), Choice::Last, Some(bad)).unwrap_err();
    assert!(matches!(error, LedgerError::World(_)), "{error}");
    assert_eq!(log.head(), Head::START, "what is refused is in no log");
    drop(open(Arc::clone(&log), Choice::Last, None).unwrap());
    assert_eq!(log.head().seq, BUNDLE);
    // As long as there are no facts, a world may still begin them.
    drop(open(Arc::clone(&log), Choice::Last, Some(WORLD)).unwrap());
    assert_eq!(log.head().seq, BUNDLE + 1);
    let error = open(Arc::clone(&log), Choice::Last, Some("{}")).unwrap_err();
    assert!(matches!(error, LedgerError::OtherSeed), "{error}");
    assert_eq!(log.head().seq, BUNDLE + 1);
}

/// A log on disk in which a step fails once `broken` says so.
fn brittle(folder: &Path, fails: Step, broken: &Arc<AtomicBool>) -> Arc<dyn Log> {
    let broken = Arc::clone(broken);
    let faults = Faults::when(move |step| step == fails && broken.load(Ordering::SeqCst));
    Arc::new(Sqlite::open_with(folder, faults).unwrap())
}

/// Whether a user of Contoso is there.
fn is_there(desk: &Desk, user: &str) -> bool {
    let users = desk.get(USERS);
    let users = users["users"].as_array().unwrap();
    users.iter().any(|there| there["user"] == user)
}

#[test]
fn a_log_that_takes_no_writes_still_decides() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let desk = Desk::on(brittle(folder.path(), Step::Commit, &broken));
    desk.creates("u1").send().written();
    assert_eq!(desk.call("GET", "/readyz").send().status, 200);
    let before = desk.head();

    broken.store(true, Ordering::SeqCst);
    // The first write fails, the others are not tried: the log is read-only.
    for user in ["u2", "u3"] {
        let reply = desk.creates(user).send();
        reply.refused(503, "not-written");
        assert_eq!(reply.header("retry-after"), "1");
        assert!(!is_there(&desk, user));
    }
    broken.store(false, Ordering::SeqCst);
    desk.creates("u2").send().refused(503, "not-written");
    desk.wrote_nothing_since(before);
    assert!(is_there(&desk, "u1"));
    let decided = desk.ask(&sign_in()).send();
    assert_eq!(decided.header("aobo-revision"), before.seq.to_string());
    assert!(decided.decision());
    assert!(as_of(&desk, SEEDED));
    let reasons = json!(["the log takes no writes; decisions go on"]);
    for router in [&desk.admin, &desk.decisions] {
        let ready = super::Call::new(router, "GET", "/readyz").send();
        assert_eq!((ready.status, &ready.json["reasons"]), (503, &reasons));
        assert_eq!(super::Call::new(router, "GET", "/livez").send().status, 200);
    }

    let master = desk.master.clone();
    drop(desk);
    let log = brittle(folder.path(), Step::Commit, &broken);
    let desk = Desk::over(open(log, Choice::Last, None).unwrap(), master);
    desk.wrote_nothing_since(before);
    assert_eq!(desk.creates("u2").send().written(), before.seq + 1);
}

/// What failed after it was stored is in no answer and perhaps in the log; the
/// idempotency key tells, once the log is opened again.
#[test]
fn what_nobody_was_told_is_found_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let desk = Desk::on(brittle(folder.path(), Step::Committed, &broken));
    let before = desk.head();
    let keyed = |desk: &Desk| {
        desk.creates("u1")
            .header("Idempotency-Key", "order-1")
            .send()
    };
    broken.store(true, Ordering::SeqCst);
    keyed(&desk).refused(503, "not-written");
    assert!(
        !is_there(&desk, "u1"),
        "not in force as long as it is not acknowledged"
    );
    desk.wrote_nothing_since(before);

    let master = desk.master.clone();
    drop(desk);
    broken.store(false, Ordering::SeqCst);
    let log = brittle(folder.path(), Step::Committed, &broken);
    let desk = Desk::over(open(log, Choice::Last, None).unwrap(), master);
    assert_eq!(desk.head().seq, before.seq + 1, "it had reached the disk");
    assert!(is_there(&desk, "u1"));
    let again = keyed(&desk);
    let got = (
        again.status,
        &again.json["repeated"],
        &again.json["revision"],
    );
    assert_eq!(got, (200, &json!(true), &json!(before.seq + 1)));
}
