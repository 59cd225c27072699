//! A compacted log: it begins at the state at its floor, whatever becomes of the
//! checkpoints, and holds every revision from there on.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use aobo::directory::command::Command;
use aobo::log::{Head, Log, LogError, Memory, Sqlite, export, import};
use aobo::node::{
    Actor, Choice, Folded, Ledger, LedgerError, Moment, Submission, TenantScope, What, compact,
    floor_state,
};
use serde_json::{Value, json};

use super::{Desk, open, sign_in};

/// The last revision of [`played`].
const LAST: u64 = 720;
/// The first that is left after it is compacted.
const BEFORE: u64 = 500;

/// An operator puts a fact.
#[track_caller]
fn put(ledger: &Ledger, fact: &Value) {
    let command = json!({"command": "put", "fact": fact});
    let command: Command = serde_json::from_value(command).unwrap();
    let actor = Actor {
        name: "the test".to_owned(),
        principal: None,
        tenants: TenantScope::All,
        operator: true,
        key: None,
    };
    let submission = Submission {
        actor,
        what: What::Command(command),
        idempotency_key: None,
        expected: None,
    };
    ledger.submit_blocking(submission).unwrap();
}

/// Whether Ada may sign in at Contoso after the write of a revision.
fn signs_in(revision: u64) -> bool {
    revision.is_multiple_of(2)
}

/// Delegated admin comes and goes with every revision, up to [`LAST`]. Returns the
/// key that may do everything.
fn played(dir: &Path) -> String {
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(dir).unwrap());
    let desk = Desk::on(Arc::clone(&log));
    for revision in log.head().seq + 1..=LAST {
        let dap = match signs_in(revision) {
            true => "active",
            false => "removed",
        };
        let relationship =
            json!({"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": dap});
        put(&desk.ledger, &json!({"relationships": [relationship]}));
    }
    assert_eq!(log.head().seq, LAST);
    desk.master.clone()
}

/// Everything that a state is, but for policies, of which their hash.
#[derive(Debug, PartialEq)]
struct Whole {
    head: Head,
    parts: Vec<String>,
}

impl Whole {
    fn of(folded: &Folded) -> Self {
        let parts = floor_state(folded).parts.map(|part| part.unwrap());
        Self {
            head: folded.head,
            parts: parts.map(|part| part.to_string()).collect(),
        }
    }
}

/// The states that the events make, at some revisions.
fn states(dir: &Path) -> Vec<Folded> {
    let log = Sqlite::open(dir).unwrap();
    let at = |revision| Folded::replay_all(&log, revision).unwrap();
    [BEFORE, BEFORE + 1, 700, LAST].map(at).to_vec()
}

/// Every revision from [`BEFORE`] on is as it was, and none before it is there.
#[track_caller]
fn goes_on(dir: &Path, master: &str, wanted: &[Folded]) {
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(dir).unwrap());
    for state in wanted {
        for found in [
            Folded::replay(log.as_ref(), state.head.seq).unwrap(),
            Folded::replay_all(log.as_ref(), state.head.seq).unwrap(),
        ] {
            assert_eq!(Whole::of(&found), Whole::of(state));
            assert_eq!(found.world, state.world);
            assert_eq!((found.at, &found.seed), (state.at, &state.seed));
        }
    }
    let opened = open(Arc::clone(&log), Choice::Last, None).unwrap();
    let desk = Desk::over(opened, master.to_owned());
    assert!(desk.allows(&sign_in()));
    for revision in [BEFORE, BEFORE + 1, 699, 700, LAST] {
        let moment = revision.to_string();
        let reply = desk.ask(&sign_in()).header("Aobo-As-Of", &moment).send();
        assert_eq!(reply.header("aobo-revision"), moment);
        assert_eq!(reply.decision(), signs_in(revision), "as of {revision}");
    }
    for revision in [1, BEFORE - 1] {
        let moment = revision.to_string();
        let reply = desk.ask(&sign_in()).header("Aobo-As-Of", &moment).send();
        let error = reply.refused(400, "revision-out-of-range");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("holds 500 to 720"), "{message}");
    }
    // Keys of then are good, and writes go on.
    desk.get("/v1/keys");
    assert_eq!(desk.head().seq, LAST);
}

/// A folder that was compacted, what it was, and its key.
fn compacted(dir: &Path) -> (Vec<Folded>, String) {
    let data = dir.join("data");
    let master = played(&data);
    let states = states(&data);
    let log = Sqlite::open(&data).unwrap();
    let archived = compact(&log, BEFORE, &dir.join("archive.jsonl")).unwrap();
    assert_eq!((archived.records, archived.head.seq), (499, 499));
    assert_eq!(log.floor(), archived.head);
    (states, master)
}

fn checkpoints(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir.join("data/checkpoints")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_start_needs_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, data) = (folder.path(), folder.path().join("data"));
    let (states, master) = compacted(dir);
    goes_on(&data, &master, &states);
    // As after an upgrade: checkpoints are whole, and of another form.
    for path in checkpoints(dir) {
        fs::remove_file(path).unwrap();
    }
    let log = Sqlite::open(&data).unwrap();
    log.put_checkpoint(log.head(), b"{\"form\":\"of a newer version\"}")
        .unwrap();
    drop(log);
    goes_on(&data, &master, &states);
    for path in checkpoints(dir) {
        fs::write(path, "damaged").unwrap();
    }
    goes_on(&data, &master, &states);
    fs::remove_dir_all(data.join("checkpoints")).unwrap();
    goes_on(&data, &master, &states);
    Sqlite::open(&data).unwrap().verify().unwrap();
}

#[test]
fn a_compacted_log_is_compacted_again() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, data) = (folder.path(), folder.path().join("data"));
    compacted(dir);
    fs::remove_dir_all(data.join("checkpoints")).unwrap();
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&data).unwrap());
    let before = Folded::replay(log.as_ref(), 600).unwrap();
    let error = compact(log.as_ref(), BEFORE, &dir.join("no.jsonl")).unwrap_err();
    assert!(
        error.to_string().contains("holds records 500 to 720"),
        "{error}"
    );
    compact(log.as_ref(), 601, &dir.join("second.jsonl")).unwrap();
    let after = Folded::replay_all(log.as_ref(), 600).unwrap();
    assert_eq!(Whole::of(&after), Whole::of(&before));
    let error = Folded::replay(log.as_ref(), 599).unwrap_err();
    assert!(
        matches!(error, LedgerError::Log(LogError::Archived { floor: 600 })),
        "{error}"
    );
    let (ledger, _) = open(Arc::clone(&log), Choice::Last, None).unwrap();
    let past = ledger.at(Moment::Revision(601)).unwrap();
    assert_eq!(past.point.snapshot().revision().0, 601);
}

#[test]
fn an_export_of_a_compacted_log_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, data) = (folder.path(), folder.path().join("data"));
    let (states, master) = compacted(dir);
    let mut text = Vec::new();
    export(&Sqlite::open_beside(&data).unwrap(), &mut text).unwrap();
    let restored = dir.join("restored");
    let log = Sqlite::open(&restored).unwrap();
    import(&log, &mut text.as_slice()).unwrap();
    log.verify().unwrap();
    drop(log);
    goes_on(&restored, &master, &states);
    // With the archive before it, it is all there again.
    let mut whole = fs::read(dir.join("archive.jsonl")).unwrap();
    whole.extend(&text);
    let log = Memory::new();
    import(&log, &mut whole.as_slice()).unwrap();
    assert_eq!(log.floor(), Head::START);
    let early = Folded::replay(&log, 10).unwrap();
    assert_eq!(early.head.seq, 10);
    let last = Folded::replay(&log, LAST).unwrap();
    assert_eq!(
        Whole::of(&last),
        Whole::of(states.last().expect("the last"))
    );
}

/// A log that was compacted before states were kept at floors: from a checkpoint it
/// starts, without one it says what to do.
#[test]
fn a_log_without_the_state_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, data) = (folder.path(), folder.path().join("data"));
    compacted(dir);
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&data).unwrap());
    // This start leaves a checkpoint.
    drop(open(Arc::clone(&log), Choice::Last, None).unwrap());
    fs::remove_dir_all(data.join("floor")).unwrap();
    drop(open(Arc::clone(&log), Choice::Last, None).unwrap());
    fs::remove_dir_all(data.join("checkpoints")).unwrap();
    let error = open(log, Choice::Last, None).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("up to 499 are archived") && said.contains("import the archives"),
        "{said}"
    );
}

/// A state of a form that is yet to come is not guessed about.
#[test]
fn a_state_of_another_form_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(Memory::new());
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn Log>);
    desk.creates("u1").send().written();
    drop(desk);
    compact(log.as_ref(), 3, &folder.path().join("archive.jsonl")).unwrap();
    let mut text = Vec::new();
    export(log.as_ref(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for (is, becomes, says) in [
        (
            "{\"state\":{\"version\":1",
            "{\"state\":{\"version\":2",
            "use a newer one",
        ),
        (
            "{\"state\":{\"put\"",
            "{\"state\":{\"pat\"",
            "a kind that is not known",
        ),
        ("\"partners\"", "\"portners\"", "unknown field"),
    ] {
        let changed = text.replacen(is, becomes, 1);
        let fresh = Memory::new();
        import(&fresh, &mut with_checksum(&changed).as_bytes()).unwrap();
        let error = Folded::replay(&fresh, u64::MAX).unwrap_err().to_string();
        assert!(
            error.contains(says) && error.contains("record 2, where"),
            "{error}"
        );
    }
}

/// The text with the checksum that its state's lines have now.
fn with_checksum(text: &str) -> String {
    let (state, rest) = text.split_once("{\"floor_end\":").unwrap();
    let (end, rest) = rest.split_once('\n').unwrap();
    let checksum = aobo::log::Hash::of(&[state.as_bytes()]).to_string();
    let (parts, _) = end.split_once("\"checksum\":\"").unwrap();
    format!("{state}{{\"floor_end\":{parts}\"checksum\":\"{checksum}\"}}}}\n{rest}")
}

/// The way of the operator's page, by its commands.
#[test]
fn commands_compact_back_up_and_restore() {
    let folder = tempfile::tempdir().unwrap();
    played(&folder.path().join("data"));
    let aobo = |line: &str, code: i32| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aobo"));
        command.current_dir(folder.path()).env("NO_COLOR", "1");
        let output = command.args(line.split(' ')).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}\n{said}");
        said
    };
    let said = aobo(
        "log compact --data data --archive old.jsonl --before 500",
        0,
    );
    assert_eq!(said, "499 records archived\n");
    fs::remove_dir_all(folder.path().join("data/checkpoints")).unwrap();
    let verified = aobo("log verify --data data", 0);
    assert!(
        verified.starts_with("221 records, 500 to 720"),
        "{verified}"
    );
    aobo("log export --data data --out new.jsonl", 0);
    let said = aobo("log import --data restored new.jsonl", 0);
    assert_eq!(said, "221 records imported\n");
    assert_eq!(aobo("log verify --data restored", 0), verified);
    for data in ["data", "restored"] {
        for (revision, code) in [(500, 0), (501, 2), (700, 0), (499, 3)] {
            let said = aobo(
                &format!(
                    "decide --data {data} --as-of {revision} --principal PartnerUser::\"ada\" --action SignInToCustomerTenant --resource Customer::\"contoso\""
                ),
                code,
            );
            assert_eq!(said.contains("holds 500 to 720"), code == 3, "{said}");
        }
    }
    let floor = folder.path().join("data/floor");
    let file = fs::read_dir(&floor).unwrap().next().unwrap().unwrap();
    let mut bytes = fs::read(file.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file.path(), bytes).unwrap();
    let said = aobo("log verify --data data", 1);
    assert!(said.contains("`floor` is damaged"), "{said}");
}
