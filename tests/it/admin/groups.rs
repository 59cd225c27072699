//! Writes that share one commit: each is done on what those before it did, none is
//! seen before the commit, and every revision of the group can be asked for
//! afterwards as if it had been published.

use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use aobo::directory::Profile;
use aobo::directory::command::Caller;
use aobo::log::{
    Checkpoint, Draft, Entry, Faults, FloorState, Head, Log, LogError, Memory, Record, Sqlite,
    Step, Verified,
};
use aobo::node::{
    Actor, Choice, Folded, Ledger, LedgerError, Moment, Submission, TenantScope, What, Written,
};
use aobo::policy::Source;
use serde_json::{Value, json};

use super::{Desk, FIRST, WORLD, facts, open, sign_in};

/// A log whose appends wait at a gate.
#[derive(Debug)]
struct Gated {
    log: Arc<dyn Log>,
    /// Held while nothing is to pass.
    gate: Mutex<()>,
    /// Tells of each append that came to the gate.
    came: Mutex<Sender<()>>,
    comes: Mutex<Receiver<()>>,
}

impl Gated {
    fn new(log: Arc<dyn Log>) -> Arc<Self> {
        let (came, comes) = channel();
        Arc::new(Self {
            log,
            gate: Mutex::new(()),
            came: Mutex::new(came),
            comes: Mutex::new(comes),
        })
    }
}

impl Log for Gated {
    fn append(&self, expected: Head, drafts: &[Draft]) -> Result<Vec<Record>, LogError> {
        self.came.lock().unwrap().send(()).unwrap();
        let _passed = self.gate.lock().unwrap();
        self.log.append(expected, drafts)
    }

    fn head(&self) -> Head {
        self.log.head()
    }

    fn floor(&self) -> Head {
        self.log.floor()
    }

    fn scan(
        &self,
        after: u64,
        each: &mut dyn FnMut(&Record) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.log.scan(after, each)
    }

    fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, LogError> {
        self.log.read(after, limit)
    }

    fn with_key(&self, key: &str) -> Result<Option<Record>, LogError> {
        self.log.with_key(key)
    }

    fn keep_checkpoint(
        &self,
        at: Head,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
    ) -> Result<(), LogError> {
        self.log.keep_checkpoint(at, parts)
    }

    fn read_checkpoint(&self, at_most: u64) -> Result<Option<Checkpoint<'_>>, LogError> {
        self.log.read_checkpoint(at_most)
    }

    fn restore(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, LogError>>,
    ) -> Result<Head, LogError> {
        self.log.restore(entries)
    }

    fn drop_archived(&self, state: FloorState<'_>) -> Result<(), LogError> {
        self.log.drop_archived(state)
    }

    fn floor_state(&self) -> Result<Option<FloorState<'_>>, LogError> {
        self.log.floor_state()
    }

    fn verify(&self) -> Result<Verified, LogError> {
        self.log.verify()
    }

    fn writable(&self) -> Result<(), LogError> {
        self.log.writable()
    }
}

fn operator() -> Actor {
    Actor {
        name: "the test".to_owned(),
        principal: None,
        operator: true,
        key: None,
        tenants: TenantScope::All,
    }
}

fn by(actor: Actor, what: What) -> Submission {
    Submission {
        actor,
        what,
        idempotency_key: None,
        expected: None,
    }
}

fn command(command: Value) -> What {
    What::Command(serde_json::from_value(command).expect("a command"))
}

/// An operator reports a fact.
fn put(fact: &Value) -> Submission {
    by(operator(), command(json!({"command": "put", "fact": fact})))
}

fn user(id: &str) -> Value {
    json!({"customer_users": {id: {"customer": "contoso"}}})
}

/// Whether Contoso delegates to Fabrikam.
fn delegates(dap: bool) -> Value {
    let dap = if dap { "active" } else { "removed" };
    let relationship =
        json!({"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": dap});
    json!({"relationships": [relationship]})
}

type Answers = Vec<Result<Written, LedgerError>>;

/// Writes that come while the log is busy with another one, which is number one of
/// the answers' revisions: they make one group.
#[track_caller]
fn together(gated: &Gated, ledger: &Ledger, writes: Vec<Submission>) -> Answers {
    let mut context = Context::from_waker(Waker::noop());
    let mut poll = |mut write: Pin<&mut dyn Future<Output = _>>| {
        assert!(write.as_mut().poll(&mut context).is_pending());
    };
    while gated.comes.lock().unwrap().try_recv().is_ok() {}
    let closed = gated.gate.lock().unwrap();
    let mut first = pin!(ledger.submit(put(&user("first"))));
    poll(first.as_mut());
    gated.comes.lock().unwrap().recv().unwrap();
    let writes = writes.into_iter();
    let mut writes: Vec<_> = writes.map(|it| Box::pin(ledger.submit(it))).collect();
    writes.iter_mut().for_each(|write| poll(write.as_mut()));
    let (before, seen) = (
        ledger.commits(),
        ledger.point().current().snapshot().revision(),
    );
    drop(closed);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let answers = runtime.build().unwrap().block_on(async {
        let first: Result<Written, LedgerError> = first.await;
        assert_eq!(
            first.unwrap().revision,
            seen.0 + 1,
            "it was not in force before"
        );
        let mut answers = Vec::new();
        for write in writes {
            answers.push(write.await);
        }
        answers
    });
    assert!(ledger.commits() <= before + 2, "one group");
    answers
}

/// What is in force is what the log adds up to.
#[track_caller]
fn replays(ledger: &Ledger) {
    let folded = ledger.folded();
    let replayed = Folded::replay_all(ledger.log().as_ref(), u64::MAX).unwrap();
    assert_eq!(replayed.head, folded.head);
    assert_eq!((replayed.at, &replayed.keys), (folded.at, &folded.keys));
    assert_eq!(replayed.world, facts(ledger));
    let point = ledger.point().current();
    assert_eq!(point.snapshot().revision().0, folded.head.seq);
}

/// A fact that goes on and off: each revision has it as it was left there.
#[test]
fn every_revision_of_a_group_can_be_asked_for() {
    let gated = Gated::new(Arc::new(Memory::new()));
    let desk = Desk::on(Arc::clone(&gated) as Arc<dyn Log>);
    let absent = json!({"command": "remove", "key": {"customer_users": ["nobody"]}});
    let (mut writes, mut wanted) = (Vec::new(), Vec::new());
    for n in 0..200 {
        let on = n % 2 == 0 || n % 7 == 3;
        writes.push(put(&delegates(on)));
        wanted.push(Some(on));
        if n % 10 == 4 {
            writes.push(by(operator(), command(absent.clone())));
            wanted.push(None);
        }
        if n % 30 == 9 {
            let revoke = What::RevokeKey {
                id: desk
                    .ledger
                    .folded()
                    .keys
                    .values()
                    .next()
                    .unwrap()
                    .id
                    .clone(),
            };
            // The first time it is there.
            writes.push(by(operator(), revoke));
            wanted.push((n == 9).then_some(on));
        }
    }
    let answers = together(&gated, &desk.ledger, writes);
    replays(&desk.ledger);
    let mut revision = FIRST + 1;
    let log = desk.ledger.log().as_ref();
    for (answer, wanted) in answers.iter().zip(wanted) {
        let Some(on) = wanted else {
            assert!(answer.is_err());
            continue;
        };
        revision += 1;
        assert_eq!(answer.as_ref().unwrap().revision, revision);
        let call = desk.ask(&sign_in());
        let reply = call.header("Aobo-As-Of", &revision.to_string()).send();
        assert_eq!(reply.header("aobo-revision"), revision.to_string());
        assert_eq!(reply.decision(), on, "revision {revision}");
        // Each whole replay compiles the policies again.
        if revision.is_multiple_of(50) {
            let past = desk.ledger.at(Moment::Revision(revision)).unwrap();
            let (folded, point) = Folded::at(log, Moment::Revision(revision)).unwrap();
            assert_eq!(past.at, folded.at);
            assert!(aobo::node::changed_between(&past.point, &point).is_empty());
        }
    }
    assert_eq!(desk.head().seq, revision);
}

/// Texts by which Fabrikam cannot be told how long a GDAP relationship is.
fn narrow() -> Choice {
    let schema = Profile::schema();
    let text = schema
        .text
        .replace("\"durationDays\": Long", "\"durationDays\": String");
    assert_ne!(*schema.text, *text);
    Choice::Texts {
        schema: Source::new("narrow.cedarschema", text),
        policies: Profile::Seed.sources(),
    }
}

/// What the directory takes and the engine does not is refused by itself: what came
/// before it in the group stays, what comes after is done without it.
#[test]
fn a_write_that_the_engine_refuses_is_refused_alone() {
    let gated = Gated::new(Arc::new(Memory::new()));
    let log = Arc::clone(&gated) as Arc<dyn Log>;
    let (ledger, _clock) = open(log, narrow(), Some(WORLD)).unwrap();
    let gdap = json!({"gdap": [{
        "id": "g1", "partner": "fabrikam", "customer": "contoso", "status": "active",
        "roles": ["Directory Readers"], "duration_days": 30
    }]});
    let writes = vec![
        put(&user("u1")),
        put(&gdap),
        put(&user("u2")),
        put(&gdap),
        Submission {
            expected: Some(ledger.log().head().seq + 3),
            ..put(&user("u3"))
        },
    ];
    let answers = together(&gated, &ledger, writes);
    let engine = |answer: &Result<Written, LedgerError>| {
        let error = answer.as_ref().unwrap_err();
        assert!(matches!(error, LedgerError::Node(_)), "{error}");
        let told = format!("{error:?}");
        assert!(told.contains("durationDays"), "{told}");
    };
    engine(&answers[1]);
    engine(&answers[3]);
    let revisions = [0, 2, 4].map(|n: usize| answers[n].as_ref().unwrap().revision);
    let head = ledger.log().head().seq;
    assert_eq!(revisions, [head - 2, head - 1, head]);
    replays(&ledger);
    let facts: Vec<String> = facts(&ledger)
        .facts()
        .map(|it| it.key().describe())
        .collect();
    for id in ["u1", "u2", "u3"] {
        assert!(
            facts.contains(&format!("customer user `{id}`")),
            "{facts:?}"
        );
    }
    assert!(!facts.iter().any(|fact| fact.contains("g1")));
}

/// A commit that fails: nothing of the group is in force, and nothing more is taken.
#[test]
fn a_group_that_is_not_durable_is_not_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let (fails, passed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (failing, once) = (Arc::clone(&fails), Arc::clone(&passed));
    // The commit of the write before the group passes.
    let faults = Faults::when(move |step| {
        step == Step::Commit && failing.load(Ordering::SeqCst) && once.swap(true, Ordering::SeqCst)
    });
    let log = Sqlite::open_with(folder.path(), faults).unwrap();
    let gated = Gated::new(Arc::new(log));
    let desk = Desk::on(Arc::clone(&gated) as Arc<dyn Log>);
    fails.store(true, Ordering::SeqCst);
    let writes = vec![put(&delegates(false)), put(&user("u1"))];
    let answers = together(&gated, &desk.ledger, writes);
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(
            matches!(error, LedgerError::NotWritten { unknown: true, .. }),
            "{error}"
        );
    }
    assert!(desk.allows(&sign_in()), "nothing of it is in force");
    assert_eq!(desk.ledger.folded().head.seq, FIRST + 1);
    let error = desk.ledger.submit_blocking(put(&user("u2"))).unwrap_err();
    assert!(matches!(error, LedgerError::NotWritten { .. }), "{error}");
}

/// Idempotency keys and preconditions know of the writes before them.
#[test]
fn a_write_counts_with_those_before_it_in_its_group() {
    let gated = Gated::new(Arc::new(Memory::new()));
    let desk = Desk::on(Arc::clone(&gated) as Arc<dyn Log>);
    let keyed = |fact: &Value| Submission {
        idempotency_key: Some("once".to_owned()),
        ..put(fact)
    };
    let next = FIRST + 2;
    let after = |expected: u64, id: &str| Submission {
        expected: Some(expected),
        ..put(&user(id))
    };
    let writes = vec![
        keyed(&user("u1")),
        keyed(&user("u1")),
        keyed(&user("u2")),
        after(next, "u2"),
        after(next, "u3"),
    ];
    let answers = together(&gated, &desk.ledger, writes);
    let written = |n: usize| {
        let written = answers[n].as_ref().unwrap();
        (written.revision, written.repeated)
    };
    assert_eq!([written(0), written(1)], [(next, false), (next, true)]);
    let reused = answers[2].as_ref().unwrap_err();
    assert!(matches!(reused, LedgerError::KeyReused { revision, .. } if *revision == next));
    assert_eq!(written(3), (next + 1, false));
    let stale = answers[4].as_ref().unwrap_err();
    assert!(matches!(stale, LedgerError::Precondition { current, .. } if *current == next + 1));
    replays(&desk.ledger);
}

/// What was taken away by a write of the group is gone for those after it.
#[test]
fn a_write_is_authorized_by_what_those_before_it_left() {
    let gated = Gated::new(Arc::new(Memory::new()));
    let desk = Desk::on(Arc::clone(&gated) as Arc<dyn Log>);
    let folded = desk.ledger.folded();
    let key = folded.keys.values().next().unwrap().id.clone();
    let ada = |id: &str| {
        let create = json!({"command": "create-user", "customer": "contoso", "user": id, "display_name": id});
        let principal = Some(Caller {
            ty: "PartnerUser".to_owned(),
            id: "ada".to_owned(),
        });
        let actor = Actor {
            principal,
            ..operator()
        };
        by(actor, command(create))
    };
    let shown = || Actor {
        key: Some(key.clone()),
        ..operator()
    };
    let put_by_key = || by(shown(), put(&user("u6")).what);
    let writes = vec![
        ada("u4"),
        put(&delegates(false)),
        ada("u5"),
        put_by_key(),
        by(shown(), What::RevokeKey { id: key.clone() }),
        put_by_key(),
    ];
    let answers = together(&gated, &desk.ledger, writes);
    let revisions = [0, 1, 3, 4].map(|n: usize| answers[n].as_ref().unwrap().revision);
    let next = FIRST + 2;
    assert_eq!(revisions, [next, next + 1, next + 2, next + 3]);
    for n in [2, 5] {
        let error = answers[n].as_ref().unwrap_err();
        assert!(matches!(error, LedgerError::Forbidden { .. }), "{error}");
    }
    replays(&desk.ledger);
}

/// A caller of some tenants that acts for a user who went to another tenant meanwhile,
/// where the policies would let it.
#[test]
fn a_write_is_for_the_tenants_of_its_caller_when_its_turn_comes() {
    let gated = Gated::new(Arc::new(Memory::new()));
    let desk = Desk::on(Arc::clone(&gated) as Arc<dyn Log>);
    let ada = |id: &str, tenants: TenantScope| {
        let create = json!({"command": "create-user", "customer": "contoso", "user": id, "display_name": id});
        let actor = Actor {
            principal: Some(Caller {
                ty: "PartnerUser".to_owned(),
                id: "ada".to_owned(),
            }),
            tenants,
            ..operator()
        };
        by(actor, command(create))
    };
    let fabrikam = || TenantScope::Of(["fabrikam".to_owned()].into());
    let northwind =
        json!({"partner": "northwind", "customer": "contoso", "status": "active", "dap": "active"});
    let writes = vec![
        ada("u4", fabrikam()),
        put(&json!({"relationships": [northwind]})),
        put(&json!({"partner_users": {"ada": {"partner": "northwind", "roles": ["AdminAgent"]}}})),
        ada("u5", fabrikam()),
        ada("u6", TenantScope::All),
    ];
    let answers = together(&gated, &desk.ledger, writes);
    let error = answers[3].as_ref().unwrap_err();
    assert!(matches!(error, LedgerError::Forbidden { .. }), "{error}");
    assert!(
        error.to_string().contains("is not for the tenant"),
        "{error}"
    );
    for n in [0, 1, 2, 4] {
        assert!(answers[n].is_ok(), "{n}: {:?}", answers[n]);
    }
    replays(&desk.ledger);
}
