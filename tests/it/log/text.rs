//! Export, import, archives, and exports of old versions.

use std::io::{self, Write};

use aobo::log::{
    Hash, Head, Log, LogError, Memory, Record, Sqlite, compact, compactable, export, import,
};

use super::{all, append, draft, drafts, floor_state, payload, state};
use crate::support;

const V1: &str = "tests/corpus/log/v1/events.jsonl";
/// The hash of its last record: the encoding that is hashed has not changed.
const V1_HASH: &str = "941ba26b1f535db627226d18b48f9776fdbab5be83ba6fbf0fa0582e4513cae5";

fn text_of(log: &dyn Log) -> String {
    let mut text = Vec::new();
    let exported = export(log, &mut text).expect("an export");
    assert_eq!(exported.head, log.head());
    String::from_utf8(text).unwrap()
}

#[test]
fn an_export_imports_as_it_was() {
    let log = Memory::new();
    let records = append(&log, &drafts(0..20));
    let text = text_of(&log);
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 20);
    assert_eq!(lines[4]["payload"]["number"], 4);
    assert_eq!(lines[4]["hash"], records[4].hash.to_string());
    assert_eq!(lines[5]["idempotency_key"], serde_json::Value::Null);

    let folder = tempfile::tempdir().unwrap();
    let fresh = Sqlite::open(folder.path()).unwrap();
    assert_eq!(import(&fresh, &mut text.as_bytes()).unwrap(), log.head());
    assert_eq!((all(&fresh), text_of(&fresh)), (records, text.clone()));
    let error = import(&fresh, &mut text.as_bytes()).unwrap_err();
    assert!(matches!(error, LogError::NotEmpty { .. }), "{error}");
    let nothing = import(&Memory::new(), &mut "".as_bytes()).unwrap();
    assert_eq!(nothing, Head::START);
}

#[test]
fn names_that_look_like_members_stay_names() {
    let log = Memory::new();
    let mut odd = draft(0);
    odd.actor = "a\",\"payload\":{}}".to_owned();
    odd.kind = ",".to_owned();
    odd.idempotency_key = Some("\\\",\"payload\":".to_owned());
    odd.payload = payload("{\"payload\":{ \"payload\" :1},\"x\":1.0e2}");
    append(&log, &[odd]);
    let fresh = Memory::new();
    import(&fresh, &mut text_of(&log).as_bytes()).unwrap();
    assert_eq!(all(&fresh), all(&log));
}

#[test]
fn a_bad_import_imports_nothing() {
    let log = Memory::new();
    append(&log, &drafts(0..5));
    let good = text_of(&log);
    let lines: Vec<&str> = good.lines().collect();
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        lines.join("\n")
    };
    let refused = |text: &str, wanted: &str| {
        let fresh = Memory::new();
        let error = import(&fresh, &mut text.as_bytes()).expect_err(wanted);
        assert!(error.to_string().contains(wanted), "{error}");
        assert_eq!(fresh.head(), Head::START);
    };
    refused(&with(2, ""), "line 3 is no record");
    refused(
        &with(2, "{}"),
        "line 3 is no record: its last member is not `payload`",
    );
    refused(&with(4, &lines[4][..40]), "line 5 is no record");
    refused(
        &with(1, &lines[1].replace("\"seq\":2", "\"seq\":3")),
        "record 2 is damaged",
    );
    refused(
        &with(1, &lines[1].replace("\"seq\":2", "\"seq\":0")),
        "line 2 is no record",
    );
    refused(
        &with(1, &lines[1].replace("\"seq\"", "\"sequence\"")),
        "unknown field",
    );
    refused(
        &with(1, &lines[1].replace("\"number\":1", "\"number\":2")),
        "record 2 is damaged",
    );
    refused(
        &with(1, &lines[1].replace("\"number\":1", "\"number\":")),
        "is not JSON",
    );
    refused(&with(3, lines[2]), "record 4 is damaged");
    refused(&lines[1..].join("\n"), "record 1 is damaged");
    let more = lines[0].replacen("{\"number", "{\"n\":1},\"payload\":{\"number", 1);
    refused(&with(0, &more), "line 1 is no record");
    let mut bytes = good.clone().into_bytes();
    bytes[60] = 0xFF;
    let error = import(&Memory::new(), &mut bytes.as_slice()).unwrap_err();
    assert!(error.to_string().contains("not UTF-8"), "{error}");
    // The line break at the very end may be missing.
    import(&Memory::new(), &mut lines.join("\n").as_bytes()).unwrap();
}

struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failed_export_says_so() {
    let log = Memory::new();
    append(&log, &drafts(0..2));
    let error = export(&log, &mut Full).unwrap_err();
    assert!(matches!(error, LogError::Backend { .. }), "{error}");
}

/// A log without the first of ten records, and what it was before.
fn compacted(log: &dyn Log, archive: &std::path::Path, last: usize) -> (Vec<Record>, String) {
    let records = append(log, &drafts(0..10));
    let whole = text_of(log);
    let parts = ["{\"of\": [1, 2.50]}", "{\"floor\":{}}"];
    compact(log, archive, state(records[last - 1].head(), &parts)).unwrap();
    (records, whole)
}

#[test]
fn archived_records_and_the_rest_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let log = Sqlite::open(&folder.path().join("data")).unwrap();
    let (first, second) = (folder.path().join("1.jsonl"), folder.path().join("2.jsonl"));
    let (records, whole) = compacted(&log, &first, 4);
    for outside in [0, 1, 5, 11, u64::MAX] {
        let error = compactable(&log, outside).unwrap_err();
        assert!(error.to_string().contains("records 5 to 10"), "{error}");
    }
    assert_eq!(compactable(&log, 6).unwrap(), 5);
    let alien = Head {
        hash: Hash([1; 32]),
        ..records[5].head()
    };
    let error = compact(&log, &second, state(alien, &[])).unwrap_err();
    assert!(matches!(error, LogError::NoSuchPosition { .. }), "{error}");
    compact(&log, &second, state(records[9].head(), &[])).unwrap_err();
    assert!(!second.exists(), "a refusal leaves no file");

    let at = records[5].head();
    let error = compact(&log, &first, state(at, &[])).unwrap_err();
    assert!(matches!(error, LogError::Backend { .. }), "{error}");
    assert_eq!(log.floor().seq, 4, "an archive is never written over");
    let archived = compact(&log, &second, state(at, &["{}"])).unwrap();
    assert_eq!(archived.records, 2);
    let rest: Vec<u64> = all(&log).iter().map(|record| record.seq).collect();
    assert_eq!(rest, [7, 8, 9, 10]);
    drop(log);

    let log = Sqlite::open(&folder.path().join("data")).expect("the chain verifies");
    assert_eq!((log.floor().seq, log.head().seq), (6, 10));
    assert_eq!(floor_state(&log), Some((at, vec!["{}".to_owned()])));
    let parts = [first, second].map(|path| std::fs::read_to_string(path).unwrap());
    let all_parts = format!("{}{}{}", parts[0], parts[1], text_of(&log));
    let fresh = Memory::new();
    import(&fresh, &mut all_parts.as_bytes()).unwrap();
    assert_eq!(
        (fresh.floor(), text_of(&fresh).as_str()),
        (Head::START, whole.as_str())
    );
    // One archive is missing: what follows does not follow.
    let without = format!("{}{}", parts[0], text_of(&log));
    let error = import(&Memory::new(), &mut without.as_bytes()).unwrap_err();
    assert!(matches!(error, LogError::Corrupt { seq: 6, .. }), "{error}");
    append(&log, &drafts(10..11));
}

#[test]
fn an_export_of_a_compacted_log_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let log = Memory::new();
    let (records, _) = compacted(&log, &folder.path().join("1.jsonl"), 4);
    let text = text_of(&log);
    let fresh = Sqlite::open(&folder.path().join("data")).unwrap();
    assert_eq!(import(&fresh, &mut text.as_bytes()).unwrap(), log.head());
    assert_eq!(fresh.floor(), records[3].head());
    assert_eq!(floor_state(&fresh), floor_state(&log));
    fresh.verify().unwrap();
    drop(fresh);
    let fresh = Sqlite::open(&folder.path().join("data")).unwrap();
    assert_eq!((all(&fresh), text_of(&fresh)), (all(&log), text));
    append(&fresh, &drafts(10..11));
}

#[test]
fn a_changed_state_is_not_imported() {
    let folder = tempfile::tempdir().unwrap();
    let log = Memory::new();
    compacted(&log, &folder.path().join("1.jsonl"), 4);
    let good = text_of(&log);
    let lines: Vec<&str> = good.lines().collect();
    assert_eq!(lines.len(), 4 + 6);
    let refused = |text: &str, wanted: &str| {
        let fresh = Memory::new();
        let error = import(&fresh, &mut text.as_bytes()).expect_err(wanted);
        assert!(error.to_string().contains(wanted), "{error}");
        assert_eq!((fresh.head(), fresh.floor()), (Head::START, Head::START));
    };
    let without = |line: usize| {
        let mut lines = lines.clone();
        lines.remove(line);
        lines.join("\n")
    };
    refused(&without(0), "line 1 is no record: no `floor` stands");
    refused(
        &without(1),
        "line 3 is no record: the state before it is not",
    );
    refused(&without(3), "line 4 is no record: the state before it has");
    refused(&without(4), "record 5 is damaged");
    refused(&lines[..3].join("\n"), "the state before it has no end");
    refused(&lines[..4].join("\n"), "record 5 is damaged");
    for place in lines[..4].iter().flat_map(|line| [line.len() / 2, 25]) {
        let mut changed = good.clone().into_bytes();
        changed[place] ^= 1;
        import(&Memory::new(), &mut changed.as_slice()).expect_err("it is changed");
    }
    let newer = good.replacen("\"version\":1", "\"version\":2", 1);
    refused(&newer, "use a newer one");
}

#[test]
fn an_export_of_the_first_version_stays_readable() {
    let recorded = support::text(V1);
    let folder = tempfile::tempdir().unwrap();
    for log in [
        Box::new(Memory::new()) as Box<dyn Log>,
        Box::new(Sqlite::open(folder.path()).unwrap()),
    ] {
        let head = import(&*log, &mut recorded.as_bytes()).expect("what was readable once");
        assert_eq!((head.seq, head.hash.to_string().as_str()), (12, V1_HASH));
        assert_eq!(text_of(&*log), recorded);
        append(&*log, &drafts(900..901));
    }
}
