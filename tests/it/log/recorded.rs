//! Payloads of every kind, as versions of this program wrote them: they stay
//! readable, and mean what they meant.
//!
//! `tests/corpus/log/vN/ledger.jsonl` is the export of a log in which each kind of
//! event is; `compacted.jsonl` is that of the same log after it was compacted to its
//! last record, so that its head says what the events before that add up to.
//!
//! Old folders are kept for ever. When a payload gets another form, or there is a
//! new kind of event, this version is recorded in a folder of its own, which must
//! be new:
//!
//! ```sh
//! AOBO_RECORD_LOG=v2 cargo test --test it log::recorded
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use aobo::directory::command::{Command, Ids};
use aobo::directory::world_file::{change_to_json, fact_from_json, fact_to_json};
use aobo::directory::{Profile, World};
use aobo::log::{Draft, Log, Memory, Payload, Record, export, import};
use aobo::node::{
    Actor, Choice, EventKind, Folded, KEY_KINDS, Ledger, NewKey, Role, Settings, Submission,
    TakenBundle, TenantScope, What, changed_between, compact, floor_state,
};
use aobo::policy::Source;
use serde_json::{Value, json};

use super::all;
use crate::commanding;
use crate::support::{self, NOW};

const CORPUS: &str = "tests/corpus/log";

/// The folders that hold a recorded ledger, the oldest first.
fn recorded() -> Vec<String> {
    let entries = fs::read_dir(support::at(CORPUS)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<u32> = names
        .filter(|name| support::at(&format!("{CORPUS}/{name}/ledger.jsonl")).exists())
        .map(|name| name.trim_start_matches('v').parse().expect("a number"))
        .collect();
    numbers.sort_unstable();
    assert!(!numbers.is_empty(), "something is recorded");
    let folder = |number| format!("{CORPUS}/v{number}");
    numbers.into_iter().map(folder).collect()
}

fn newest() -> String {
    recorded().pop().expect("something is recorded")
}

#[track_caller]
fn imported(path: &str) -> Arc<Memory> {
    let log = Memory::new();
    let text = support::text(path);
    import(&log, &mut text.as_bytes()).unwrap_or_else(|error| panic!("{path}: {error}"));
    Arc::new(log)
}

/// Whether everything that was recorded is in what is written now; members that are
/// new do no harm.
fn holds(written: &Value, recorded: &Value) -> bool {
    match (written, recorded) {
        (Value::Object(written), Value::Object(recorded)) => {
            recorded.iter().all(|(name, value)| {
                let written = written.get(name);
                written.is_some_and(|written| holds(written, value))
            })
        }
        (Value::Array(written), Value::Array(recorded)) => {
            written.len() == recorded.len()
                && written.iter().zip(recorded).all(|(a, b)| holds(a, b))
        }
        _ => written == recorded,
    }
}

/// Reads a record and writes what was understood again.
fn read_back(record: &Record) -> Result<(), String> {
    let said = |what: &str| format!("record {} (`{}`): {what}", record.seq, record.kind);
    let recorded: Value = serde_json::from_str(&record.payload).expect("JSON");
    let of_changes = |changes: Vec<aobo::directory::Change>| {
        let changes = changes.iter().map(change_to_json);
        changes.collect::<Vec<Value>>()
    };
    let written = match EventKind::of(record).map_err(|error| said(&error.to_string()))? {
        EventKind::BundleTaken(taken) => serde_json::to_value(taken).expect("JSON"),
        EventKind::WorldSeeded(seed) => {
            json!({"sha256": seed.sha256, "changes": of_changes(seed.changes)})
        }
        EventKind::KeyCreated(key) => serde_json::to_value(key).expect("JSON"),
        EventKind::KeyRevoked(id) => json!({"id": id}),
        // The answer and the command are for people.
        EventKind::Changed(changes) => {
            let written = json!({"changes": of_changes(changes)});
            return match holds(&written["changes"], &recorded["changes"]) {
                true => Ok(()),
                false => Err(said("its changes are not what they were")),
            };
        }
    };
    match holds(&written, &recorded) {
        true => Ok(()),
        false => Err(said("it is not what it was")),
    }
}

/// The parts of the state at the head of a compacted export, as they stand there.
fn recorded_state(text: &str) -> Vec<Value> {
    let lines = text.lines().map_while(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let is_state = line.get("floor").or(line.get("state")).is_some();
        is_state.then_some(line)
    });
    lines
        .filter_map(|line| line.get("state").cloned())
        .collect()
}

/// A state holds all that was recorded of it, and no other facts or keys.
#[track_caller]
fn is_as_recorded(folded: &Folded, recorded: &[Value]) {
    let (mut facts, mut keys, mut bundles) = (0, 0, 0);
    for part in recorded {
        if let Some(fact) = part.get("put") {
            let key = fact_from_json(fact).expect("a fact").key();
            let found = folded.world.fact(&key);
            let found = found.unwrap_or_else(|| panic!("{} is not there", key.describe()));
            assert!(holds(&fact_to_json(&found), fact), "{found:?} was {fact}");
            facts += 1;
        } else if let Some(key) = part.get("key") {
            let sha256 = key["sha256"].as_str().expect("a hash");
            let found = serde_json::to_value(&folded.keys[sha256]).expect("JSON");
            assert!(holds(&found, key), "{found} was {key}");
            keys += 1;
        } else if let Some(bundle) = part.get("bundle") {
            let (taken, _) = folded.bundle.as_ref().expect("a bundle");
            let found = serde_json::to_value(taken.as_ref()).expect("JSON");
            assert!(holds(&found, bundle), "the bundle is another one");
            bundles += 1;
        } else {
            assert_eq!(part["seed"], json!(folded.seed));
            let at: jiff::Timestamp = part["at"].as_str().unwrap().parse().unwrap();
            assert_eq!(at, folded.at);
        }
    }
    assert_eq!(folded.world.facts_count(), facts);
    assert_eq!((folded.keys.len(), bundles), (keys, 1));
}

#[test]
fn what_was_recorded_is_what_it_was() {
    for folder in recorded() {
        let ledger = imported(&format!("{folder}/ledger.jsonl"));
        let compacted = imported(&format!("{folder}/compacted.jsonl"));
        for record in all(ledger.as_ref()) {
            read_back(&record).unwrap_or_else(|why| panic!("{folder}: {why}"));
        }
        let floor = compacted.floor();
        assert!(floor.seq > 0 && floor.seq < ledger.head().seq);
        let text = support::text(&format!("{folder}/compacted.jsonl"));
        let state = recorded_state(&text);
        for log in [&ledger, &compacted] {
            let folded = Folded::replay(log.as_ref(), floor.seq).expect("it is folded");
            assert_eq!(folded.head, floor);
            is_as_recorded(&folded, &state);
        }
        let [one, other] = [&ledger, &compacted]
            .map(|log| Folded::replay(log.as_ref(), u64::MAX).expect("it is folded"));
        assert_eq!((&one.world, &one.keys), (&other.world, &other.keys));
        // A start takes the policies of this version into use, and writes.
        for log in [ledger, compacted] {
            let head = log.head().seq;
            let opened = opened(
                Arc::clone(&log) as Arc<dyn Log>,
                Choice::Profile(Profile::Seed),
            );
            assert_eq!(log.head().seq, head + 1);
            submit(&opened, None, put(&json!({"groups": {"fabrikam/New": {}}})));
            assert_eq!(log.head().seq, head + 2);
        }
    }
}

/// The test above fails if a reader passes something over, or reads another form.
#[test]
fn a_form_that_changed_is_noticed() {
    let newest = newest();
    let log = imported(&format!("{newest}/ledger.jsonl"));
    let mut kinds = BTreeSet::new();
    for record in all(log.as_ref()) {
        // A member that this program does not know, wherever the reader looks.
        let unknown = match record.kind.as_str() {
            "bundle.taken" | "key.created" => record.payload.replacen('{', "{\"new\":1,", 1),
            "key.revoked" => record.payload.replacen("\"id\"", "\"name\"", 1),
            _ => record
                .payload
                .replacen("[{\"put\":", "[{\"set\":", 1)
                .replacen("[{\"remove\":", "[{\"take\":", 1),
        };
        if unknown == record.payload {
            assert_eq!(record.kind, "password-reset.decided", "{}", record.payload);
            continue;
        }
        let changed = Record {
            payload: unknown,
            ..record.clone()
        };
        read_back(&changed).expect_err("another form");
        kinds.insert(record.kind);
    }
    assert!(kinds.len() > 35, "{kinds:?}");
    let (written, recorded) = (json!({"a": {"b": 1}}), json!({"a": {"b": 1, "c": [2]}}));
    assert!(holds(&recorded, &written) && !holds(&written, &recorded));
}

/// Each kind of event that this program writes: those of commands, policies, world
/// files and keys.
fn kinds() -> BTreeSet<String> {
    let samples = commanding::samples();
    let commands = samples.iter().map(|(command, _)| command.kind().to_owned());
    let others = ["bundle.taken", "world.seeded"]
        .into_iter()
        .chain(KEY_KINDS);
    commands.chain(others.map(str::to_owned)).collect()
}

#[test]
fn every_kind_of_event_is_recorded() {
    let log = written();
    let written: BTreeSet<String> = all(log.as_ref()).into_iter().map(|it| it.kind).collect();
    assert_eq!(written, kinds());
    if let Ok(name) = std::env::var("AOBO_RECORD_LOG") {
        record(log.as_ref(), &format!("{CORPUS}/{name}"));
    }
    let newest = newest();
    let recorded = all(imported(&format!("{newest}/ledger.jsonl")).as_ref());
    let recorded: BTreeSet<String> = recorded.into_iter().map(|it| it.kind).collect();
    let missing: Vec<&String> = written.difference(&recorded).collect();
    assert!(
        missing.is_empty(),
        "{newest} lacks {missing:?}: record a new folder, and keep this one"
    );
}

/// Writes a folder of the corpus.
fn record(log: &dyn Log, folder: &str) {
    fs::create_dir_all(support::at(folder)).unwrap();
    let write = |name: &str| {
        let path = support::at(&format!("{folder}/{name}"));
        let mut file = File::create_new(path).expect("what was recorded is not written over");
        export(log, &mut file).unwrap();
    };
    write("ledger.jsonl");
    let archive = tempfile::tempdir().unwrap();
    compact(log, log.head().seq, &archive.path().join("archive")).unwrap();
    write("compacted.jsonl");
}

/// Ids that count.
struct Made(u64);

impl Ids for Made {
    fn id(&mut self) -> String {
        self.0 += 1;
        format!("made-{}", self.0)
    }

    fn link(&mut self, partner: &str, invitation: &str) -> String {
        format!("https://{partner}.example/join/{invitation}")
    }
}

fn opened(log: Arc<dyn Log>, choice: Choice) -> Ledger {
    let settings = Settings {
        choice,
        world: None,
        clock: Arc::new(|| NOW),
    };
    Ledger::open(log, &settings, Box::new(Made(1_000))).expect("it starts")
}

fn put(fact: &Value) -> What {
    let command = json!({"command": "put", "fact": fact});
    What::Command(serde_json::from_value(command).expect("a command"))
}

/// Writes as a principal, or as the operator.
#[track_caller]
fn submit(ledger: &Ledger, principal: Option<aobo::directory::command::Caller>, what: What) {
    let name = match &principal {
        Some(caller) => format!("{} {}", caller.ty, caller.id),
        None => "operator".to_owned(),
    };
    let actor = Actor {
        name,
        tenants: TenantScope::All,
        operator: principal.is_none(),
        principal,
        key: None,
    };
    let head = ledger.log().head().seq;
    let submission = Submission {
        actor,
        what,
        idempotency_key: Some(format!("write-{}", head + 1)),
        expected: Some(head),
    };
    if let Err(error) = ledger.submit_blocking(submission.clone()) {
        panic!("{submission:?}: {error}");
    }
}

/// A log in which each kind of event is. After each command the facts are put back
/// as they were.
fn written() -> Arc<Memory> {
    let log = Arc::new(Memory::new());
    let settings = Settings {
        choice: Choice::Last,
        world: Some(Source::new("world", world_text(&commanding::ground()))),
        clock: Arc::new(|| NOW),
    };
    let made = Box::new(Made(0));
    let ledger = Ledger::open(Arc::clone(&log) as Arc<dyn Log>, &settings, made).unwrap();
    submit(&ledger, None, own_policies(&ledger));
    for (number, roles) in [
        (1, &[Role::Decide, Role::Search][..]),
        (2, &[Role::Metrics][..]),
    ] {
        submit(&ledger, None, key(number, roles));
    }
    submit(
        &ledger,
        None,
        What::RevokeKey {
            id: "key-2".to_owned(),
        },
    );
    let ground = Arc::clone(&ledger.point().current());
    for (command, caller) in commanding::samples() {
        submit(&ledger, caller, What::Command(command));
        let mut back = changed_between(&ledger.point().current(), &ground);
        while !back.is_empty() {
            // What names another fact waits for it.
            let before = back.len();
            back.retain(|change| !is_put_back(&ledger, change));
            assert!(back.len() < before, "{back:#?}");
        }
    }
    log
}

/// Whether a change is done: the directory may want another one first.
fn is_put_back(ledger: &Ledger, change: &Value) -> bool {
    let command = match (change.get("put"), change.get("remove")) {
        (Some(fact), _) => json!({"command": "put", "fact": fact}),
        (_, key) => json!({"command": "remove", "key": key}),
    };
    let command: Command = serde_json::from_value(command).expect("a command");
    let submission = Submission {
        actor: Actor {
            name: "operator".to_owned(),
            principal: None,
            tenants: TenantScope::All,
            operator: true,
            key: None,
        },
        what: What::Command(command),
        idempotency_key: None,
        expected: None,
    };
    ledger.submit_blocking(submission).is_ok()
}

/// The built-in policies, and one by which the command that nobody may give is given.
fn own_policies(ledger: &Ledger) -> What {
    let mut policies = Profile::Seed.sources();
    policies.push(Source::new(
        "own.cedar",
        "@id(\"gina-cancels\")\n@rule(\"our own\")\n@reason(\"Gina cancels.\")\npermit (principal == PartnerUser::\"gina@fabrikam.example\", action == Action::\"CancelAzureSubscription\", resource);\n",
    ));
    let ready = TakenBundle::of_texts(&Profile::schema(), &policies).expect("they are sound");
    What::TakeBundle(ledger.make_ready(ready).unwrap().expect("another bundle"))
}

fn key(number: u32, roles: &[Role]) -> What {
    What::CreateKey {
        key: NewKey {
            roles: roles.iter().copied().collect(),
            tenants: TenantScope::Of(["contoso".to_owned(), "fabrikam".to_owned()].into()),
            principal: Some("PartnerUser::\"ada@fabrikam.example\"".to_owned()),
        },
        id: format!("key-{number}"),
        sha256: format!("{number:064}"),
    }
}

/// The facts of a world as one world file.
fn world_text(world: &World) -> String {
    let mut file = json!({});
    world
        .facts()
        .for_each(|fact| merge(&mut file, fact_to_json(&fact)));
    file.to_string()
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(more)) => into.extend(more),
        (into, more) => *into = more,
    }
}

/// The checks of this file see a state that lacks something.
#[test]
fn a_state_that_lacks_a_fact_is_noticed() {
    let newest = newest();
    let log = imported(&format!("{newest}/compacted.jsonl"));
    let folded = Folded::replay(log.as_ref(), log.floor().seq).unwrap();
    let parts = floor_state(&folded).parts.map(|part| part.unwrap());
    let parts: Vec<Value> = parts
        .map(|part| serde_json::from_str(&part).expect("JSON"))
        .collect();
    is_as_recorded(&folded, &parts);
    let fewer = parts[..parts.len() - 1].to_vec();
    let noticed = catch_unwind(AssertUnwindSafe(|| is_as_recorded(&folded, &fewer)));
    assert!(noticed.is_err());
    let draft = Draft {
        at: NOW,
        actor: "a".to_owned(),
        kind: "fact.put".to_owned(),
        payload: Payload::parse(
            "{\"changes\":[{\"put\":{\"groups\":{\"fabrikam/X\":{}}}}]}".to_owned(),
        )
        .unwrap(),
        version: 1,
        idempotency_key: None,
    };
    let records = log.append(log.head(), &[draft]).unwrap();
    read_back(&records[0]).expect("a form of this version");
}
