//! The log of events: what every backend does, what damage and crashes do not do.
//!
//! `conformance` is the suite that a backend passes; the other modules are about
//! the embedded one. The numbers of flips, cuts and kills follow
//! `AOBO_TEST_SCALE`.

mod conformance;
mod damage;
mod faults;
mod folder;
mod kill;
mod kill_compact;
mod recorded;
mod text;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::Path;

use aobo::log::{Draft, Entry, FloorState, Head, Log, LogError, Memory, Payload, Record, Sqlite};
use jiff::Timestamp;
use tempfile::TempDir;

/// A draft like many: every third without a key, texts of several scripts.
fn draft(number: u64) -> Draft {
    let second = 1_767_225_600 + i64::try_from(number).unwrap();
    Draft {
        at: Timestamp::new(second, 1_000 * i32::try_from(number % 1_000_000).unwrap()).unwrap(),
        actor: format!("zoë-{}@fabrikam.example", number % 7),
        kind: ["relationship.put", "device.remove", "契約.終了"][number as usize % 3].to_owned(),
        payload: payload(format!(
            "{{\"number\":{number},\"name\":\"Łódź 東京 \\n 🦀\",\"of\": [1, 2.50]}}"
        )),
        version: 1 + number as u32 % 2,
        idempotency_key: (number % 3 != 2).then(|| format!("key-{number}")),
    }
}

#[track_caller]
fn payload(text: impl Into<String>) -> Payload {
    Payload::parse(text.into()).expect("a payload")
}

fn drafts(numbers: std::ops::Range<u64>) -> Vec<Draft> {
    numbers.map(draft).collect()
}

/// Appends to the end, whatever it is.
#[track_caller]
fn append(log: &dyn Log, drafts: &[Draft]) -> Vec<Record> {
    let records = log.append(log.head(), drafts).expect("they are appended");
    assert_eq!(records.len(), drafts.len());
    records
}

/// Every record from the floor on, as a scan gives them.
#[track_caller]
fn all(log: &dyn Log) -> Vec<Record> {
    let mut records = Vec::new();
    let scanned = log.scan(log.floor().seq, &mut |record| {
        records.push(record.clone());
        ControlFlow::Continue(())
    });
    scanned.expect("a scan to the end");
    records
}

/// What the records up to a position add up to: for the log, any payloads.
fn state(at: Head, parts: &[&str]) -> FloorState<'static> {
    let parts: Vec<_> = parts.iter().map(|part| Ok(payload(*part))).collect();
    FloorState {
        at,
        parts: Box::new(parts.into_iter()),
    }
}

/// The state at a log's floor: its position and parts.
#[track_caller]
fn floor_state(log: &dyn Log) -> Option<(Head, Vec<String>)> {
    let state = log.floor_state().expect("a sound state")?;
    let parts = state.parts.map(|part| part.expect("a sound part"));
    Some((state.at, parts.map(|part| part.to_string()).collect()))
}

/// What a log is filled with that holds these records from the first on.
fn entries(records: &[Record]) -> impl Iterator<Item = Result<Entry, LogError>> {
    let records = records.iter().cloned();
    records.map(|record| Ok(Entry::Record(record)))
}

/// A folder whose files need not reach a disk, if there is such a place: thousands
/// of logs are opened, and syncing is not what this is about.
fn fast_folder() -> TempDir {
    let shared_memory = Path::new("/dev/shm");
    match shared_memory.is_dir() {
        true => tempfile::tempdir_in(shared_memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

/// Says where the first difference is.
#[track_caller]
fn alike(found: &[Record], wanted: &[Record]) {
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found, wanted);
    }
    assert_eq!(found.len(), wanted.len(), "so many records");
}

#[test]
fn the_log_in_memory_conforms() {
    conformance::run(&|| Box::new(Memory::new()));
}

#[test]
fn the_embedded_log_conforms() {
    let folders = RefCell::new(Vec::new());
    conformance::run(&|| {
        let folder = tempfile::tempdir().unwrap();
        let log = Sqlite::open(folder.path()).expect("a new log");
        folders.borrow_mut().push(folder);
        Box::new(log)
    });
}
