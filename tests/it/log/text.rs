//! Export, import, archives, and exports of old versions.

use std::io::{self, Write};

use aobo::log::{Head, Log, LogError, Memory, Sqlite, compact, export, import};

use super::{all, append, draft, drafts, payload};
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

#[test]
fn archived_records_and_the_rest_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let log = Sqlite::open(&folder.path().join("data")).unwrap();
    append(&log, &drafts(0..10));
    let whole = text_of(&log);
    let (first, second) = (folder.path().join("1.jsonl"), folder.path().join("2.jsonl"));
    let error = compact(&log, 5, &first).unwrap_err();
    assert!(
        error.to_string().contains("no checkpoint is at record 4"),
        "{error}"
    );
    log.put_checkpoint(log.head(), b"state").unwrap();
    for outside in [0, 1, 11, u64::MAX] {
        let error = compact(&log, outside, &first).unwrap_err();
        assert!(error.to_string().contains("records 1 to 10"), "{error}");
    }
    assert!(!first.exists(), "a refusal leaves no file");

    assert_eq!(compact(&log, 5, &first).unwrap().records, 4);
    let error = compact(&log, 7, &first).unwrap_err();
    assert!(matches!(error, LogError::Backend { .. }), "{error}");
    assert_eq!(log.floor().seq, 4, "an archive is never written over");
    assert_eq!(compact(&log, 7, &second).unwrap().records, 2);
    let rest: Vec<u64> = all(&log).iter().map(|record| record.seq).collect();
    assert_eq!(rest, [7, 8, 9, 10]);
    drop(log);

    let log = Sqlite::open(&folder.path().join("data")).expect("the chain verifies");
    assert_eq!((log.floor().seq, log.head().seq), (6, 10));
    let parts = [first, second].map(|path| std::fs::read_to_string(path).unwrap());
    assert_eq!(format!("{}{}{}", parts[0], parts[1], text_of(&log)), whole);
    let error = import(&Memory::new(), &mut text_of(&log).as_bytes()).unwrap_err();
    assert!(matches!(error, LogError::Corrupt { seq: 1, .. }), "{error}");
    append(&log, &drafts(10..11));
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
