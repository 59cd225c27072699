//! What `aobo test` prints and writes of a corpus, and how it exits.

use std::process::Command;

use serde_json::json;

use super::{Copy, ROOT};
use crate::support::at;

/// Runs `aobo test` in the root of the tree.
#[track_caller]
fn check(args: &[&str], code: i32) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    command.current_dir(at(".")).env("NO_COLOR", "1");
    let output = command.arg("test").args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    (out, err)
}

#[test]
fn what_cedar_alone_answered_is_said() {
    let (out, _) = check(&[ROOT, "--corpus-root", ROOT], 0);
    assert_eq!(
        out,
        "17 passed, 0 failed, 0 skipped\n\
         2 cases were answered by cedar-policy alone: their policies do not validate\n\
         3 cases were answered by cedar-policy alone: their requests are outside of the schema\n\
         0 policies are not compiled; cedar-policy runs them\n"
    );
}

#[test]
fn a_failure_exits_1_and_is_in_the_json() {
    let copy = Copy::new();
    copy.edit("lending.json", |json| {
        json["requests"][3]["reason"] = json!(["policy0"]);
    });
    let root = copy.folder.path().display().to_string();
    let (out, _) = check(&[&root, "--corpus-root", &root, "--format", "json"], 1);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let everybody = "(cedar-policy, the engine, the reference)";
    let wanted = json!({
        "passed": 16,
        "failed": 1,
        "skipped": 0,
        "failures": [{
            "file": copy.path("lending.json").display().to_string(),
            "id": "borrowing for long is for nobody",
            "expected": "deny by policy0",
            "actual": format!("deny {everybody}"),
            "message": format!("determining lacks policy0 {everybody}"),
        }],
    });
    assert_eq!(json, wanted);
}

#[test]
fn a_root_that_is_missing_exits_3_with_a_next_step() {
    for args in [
        &[ROOT][..],
        &[ROOT, "--corpus-root", "no/such/folder"],
        &[ROOT, "--corpus-root", "tests"],
    ] {
        let (out, err) = check(args, 3);
        assert_eq!(out, "");
        assert!(
            err.contains("help:") && err.contains("--corpus-root"),
            "{err}"
        );
    }
}

#[test]
fn beside_other_tests_a_corpus_without_root_is_skipped() {
    let (out, _) = check(&["tests/corpus/suites", ROOT], 0);
    assert!(out.contains(" 0 failed, 17 skipped\n"), "{out}");
    let skipped = format!(
        "skipped {ROOT}/unchecked.json neither counts: name the folder from which the paths in \
         it start: --corpus-root DIR\n"
    );
    assert!(out.contains(&skipped), "{out}");
}

/// A corpus of one file with three cases, of which one fails.
fn small() -> Copy {
    let copy = Copy::new();
    copy.edit("lending.json", |json| {
        let requests = json["requests"].as_array_mut().unwrap();
        requests.truncate(3);
        requests[0]["description"] = "a \"b\" <c> & 'd'\n\u{1b}[0m".into();
        requests[1]["reason"] = json!(["<&>"]);
    });
    copy
}

/// Runs `small` and reads the file that an option names.
#[track_caller]
fn written(option: &str) -> (Copy, String) {
    let copy = small();
    let root = copy.folder.path().display().to_string();
    let set = copy.path("lending.json").display().to_string();
    let file = copy.path("written");
    let name = file.display().to_string();
    check(&[&set, "--corpus-root", &root, option, &name], 1);
    let text = std::fs::read_to_string(file).unwrap();
    (copy, text)
}

#[test]
fn junit_has_every_case_and_is_escaped() {
    let (copy, text) = written("--junit");
    let file = copy.path("lending.json").display().to_string();
    let counts = r#"tests="3" failures="1" errors="0" skipped="0""#;
    let everybody = "(cedar-policy, the engine, the reference)";
    let wanted = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="aobo" {counts}>
  <testsuite name="{file}" {counts}>
    <testcase classname="{file}" name="a &quot;b&quot; &lt;c&gt; &amp; &apos;d&apos;&#10;{replaced}[0m"/>
    <testcase classname="{file}" name="staff with an old card has one reason"/>
    <testcase classname="{file}" name="after 2030 the atlas may leave"><failure message="determining lacks &lt;&amp;&gt; and has policy0 {everybody}">expected allow by &lt;&amp;&gt;
actual allow by policy0 {everybody}</failure></testcase>
  </testsuite>
</testsuites>
"#,
        replaced = '\u{FFFD}',
    );
    assert_eq!(text, wanted);
}

#[test]
fn junit_has_what_was_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("junit.xml").display().to_string();
    let cases = "tests/corpus/cases/delegation.jsonl";
    check(&[cases, "--junit", &file], 0);
    let text = std::fs::read_to_string(file).unwrap();
    let head = r#"tests="101" failures="0" errors="0" skipped="31""#;
    assert_eq!(
        text.matches(head).count(),
        2,
        "for all and for the one file"
    );
    assert_eq!(text.matches("<testcase ").count(), 101);
    assert_eq!(text.matches("><skipped message=\"").count(), 31);
}

/// The lines of a policy of `lending.cedar` in the trace, each with a count.
fn lines(of: std::ops::RangeInclusive<usize>, cases: usize) -> String {
    of.map(|line| format!("DA:{line},{cases}\n")).collect()
}

#[test]
fn lcov_has_every_policy_by_line_also_those_that_determined_nothing() {
    let (copy, text) = written("--lcov");
    let file = copy.path("lending.cedar").display().to_string();
    let policies = [
        lines(2..=8, 1),
        lines(10..=15, 1),
        lines(17..=23, 1),
        lines(26..=28, 0),
        lines(30..=40, 0),
    ];
    let wanted = format!(
        "TN:\nSF:{file}\n{}LF:34\nLH:20\nend_of_record\n",
        policies.concat()
    );
    assert_eq!(text, wanted);
}

#[test]
fn lcov_names_the_files_of_the_built_in_policies() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lcov.info").display().to_string();
    check(&["tests/corpus/suites/users.toml", "--lcov", &file], 0);
    let text = std::fs::read_to_string(file).unwrap();
    let record = |name: &str| {
        let mut records = text.split("end_of_record\n");
        let found = records.find(|record| record.contains(&format!("SF:{name}\n")));
        let found = found.unwrap_or_else(|| panic!("{name} has a record"));
        let count = |tag: &str| {
            let mut lines = found.lines();
            let value = lines.find_map(|line| line.strip_prefix(tag)).unwrap();
            value.parse::<usize>().unwrap()
        };
        (count("LF:"), count("LH:"))
    };
    let (all, hit) = record("policies/users.cedar");
    assert!(hit > 0 && hit <= all, "{hit} of {all}");
    let (all, hit) = record("policies/commerce.cedar");
    assert!(all > 0 && hit == 0, "{hit} of {all}");
}

#[test]
fn a_file_that_cannot_be_written_exits_3() {
    for option in ["--junit", "--lcov"] {
        let args = [ROOT, "--corpus-root", ROOT, option, "no/such/folder/file"];
        let (_, err) = check(&args, 3);
        assert!(
            err.contains("cannot write") && err.contains("help:"),
            "{err}"
        );
    }
}
