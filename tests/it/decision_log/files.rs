//! Files: rotation at the limit and one past it, torn last lines, lines that are no
//! rows, and whose a file is.

use std::fs;
use std::path::Path;

use aobo::directory::Profile;
use aobo::node::decision_log::{
    DecisionLogError, LINE_BYTES_MAX, LoggedRow, RotatingFile, Rows, Sink,
};

use super::logged;
use crate::support::{ask, point};

/// A put and a flush.
#[track_caller]
fn write(file: &mut RotatingFile, rows: &[u8]) {
    file.put(rows).unwrap();
    file.flush(false).unwrap();
}

/// What the file and those before it hold.
fn held(path: &Path) -> Vec<String> {
    let numbered = (0..10).map(|n| match n {
        0 => path.to_owned(),
        n => path.with_file_name(format!("log.{n}")),
    });
    let held = numbered.map_while(|path| fs::read_to_string(path).ok());
    held.collect()
}

#[test]
fn a_full_file_gives_way_to_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut file = RotatingFile::open(&path, 8, 2).unwrap();
    write(&mut file, b"abc\n");
    write(&mut file, b"def\n");
    assert_eq!(held(&path), ["abc\ndef\n"], "at the limit");
    write(&mut file, b"\n");
    assert_eq!(held(&path), ["\n", "abc\ndef\n"], "one past it");
    // What waits counts too; rows of one request stay together.
    file.put(b"12345\n").unwrap();
    file.put(b"6\n7\n").unwrap();
    file.flush(true).unwrap();
    assert_eq!(held(&path), ["6\n7\n", "\n12345\n", "abc\ndef\n"]);
    write(&mut file, b"larger than a file\n");
    assert_eq!(held(&path), ["larger than a file\n", "6\n7\n", "\n12345\n"]);
    drop(file);
    let mut file = RotatingFile::open(&path, 100, 0).unwrap();
    write(&mut file, b"more\n");
    assert_eq!(held(&path)[0], "larger than a file\nmore\n", "it goes on");
    write(&mut file, &[b'x'; 100]);
    assert_eq!(held(&path)[0].len(), 100, "none is kept");
    assert_eq!(held(&path).len(), 3, "and none is touched");
}

#[test]
fn a_probe_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut file = RotatingFile::open(&path, 100, 2).unwrap();
    write(&mut file, b"abc\n");
    file.probe().unwrap();
    write(&mut file, b"def\n");
    assert_eq!(held(&path), ["abc\ndef\n"]);
}

#[test]
fn a_file_has_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let first = RotatingFile::open(&path, 8, 2).unwrap();
    let error = RotatingFile::open(&path, 8, 2).unwrap_err();
    assert!(matches!(error, DecisionLogError::Locked { .. }), "{error}");
    drop(first);
    RotatingFile::open(&path, 8, 2).unwrap();
    for bad in [folder.path(), &folder.path().join("no/such/folder")] {
        let error = RotatingFile::open(bad, 8, 2).unwrap_err();
        assert!(matches!(error, DecisionLogError::Open { .. }), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    RotatingFile::open(&path, 8, 2).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn rows() -> String {
    let asked = |id| ask(("PartnerUser", id), "CreateUser", ("Customer", "c"), "{}");
    logged(&point(Profile::Seed, "{}"), [asked("ada"), asked("bo")])
}

/// How many rows a text has, and whether its last line is torn.
fn of(text: &[u8]) -> Result<(usize, bool), DecisionLogError> {
    let mut rows = Rows::new(text, "log");
    let read: Result<Vec<LoggedRow>, _> = rows.by_ref().collect();
    Ok((read?.len(), rows.torn()))
}

#[test]
fn a_torn_last_row_is_told_and_passed_over() {
    let text = rows();
    let first = text.find('\n').unwrap() + 1;
    for end in 0..=text.len() {
        let (read, torn) = of(&text.as_bytes()[..end]).unwrap();
        let whole = [first - 1, text.len() - 1]
            .iter()
            .filter(|at| **at <= end)
            .count();
        let begun = ![0, first - 1, first, text.len() - 1, text.len()].contains(&end);
        assert_eq!((read, torn), (whole, begun), "cut at {end}");
    }
    // Opened again, the file goes on after its last whole row.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for end in [first - 2, first, first + 1, text.len() - 2] {
        fs::write(&path, &text[..end]).unwrap();
        let mut file = RotatingFile::open(&path, 1 << 20, 2).unwrap();
        write(&mut file, &text.as_bytes()[first..]);
        drop(file);
        let begin = if end < first { 0 } else { first };
        let wanted = format!("{}{}", &text[..begin], &text[first..]);
        assert_eq!(held(&path), [wanted], "cut at {end}");
    }
    // However long the torn row is.
    fs::write(&path, format!("{}{}", &text[..first], "x".repeat(200_000))).unwrap();
    drop(RotatingFile::open(&path, 1 << 20, 2).unwrap());
    assert_eq!(held(&path), [&text[..first]]);
}

#[track_caller]
fn refused(text: &str, line: u64, what: &str) {
    match of(text.as_bytes()) {
        Err(DecisionLogError::Line {
            line: at,
            what: said,
            ..
        }) => {
            assert_eq!(at, line, "{said}");
            assert!(said.contains(what), "{said}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_that_are_no_rows_are_refused_with_their_place() {
    let text = rows();
    let first = text.lines().next().unwrap();
    refused("\n", 1, "no row");
    refused(&format!("{first}\n{{\n{first}\n"), 2, "no row");
    refused("{}\n", 1, "`version`");
    let with = |from: &str, to: &str| format!("{}\n", first.replacen(from, to, 1));
    refused(&with("\"version\":1", "\"version\":2"), 1, "version 2");
    refused(
        &with("\"deny\"", "\"perhaps\""),
        1,
        "neither allow nor deny",
    );
    refused(&with("\"now\":\"2020", "\"now\":\"x"), 1, "no time");
    refused(
        &with("\"determining\":[]", "\"determining\":[1]"),
        1,
        "`determining`",
    );
    refused(
        &with("\"revision\":", "\"revision\":-1,\"x\":"),
        1,
        "`revision`",
    );
    refused(
        &with("{\"version\"", "{\"version\":1,\"version\""),
        1,
        "twice",
    );
    refused(&with("\"strict\"", "\"loose\""), 1, "`error_mode`");
}

#[test]
fn a_line_has_a_limit() {
    let first = rows().lines().next().unwrap().to_owned();
    let padded = |bytes: usize| {
        let mut text = first.clone();
        text.insert_str(first.len() - 1, &" ".repeat(bytes - 1 - first.len()));
        text.push('\n');
        assert_eq!(text.len(), bytes);
        text
    };
    // With the end of the line, which does not count.
    assert_eq!(
        of(padded(LINE_BYTES_MAX + 1).as_bytes()).unwrap(),
        (1, false)
    );
    refused(&padded(LINE_BYTES_MAX + 2), 1, "longer than");
}
