//! The files of Cedar's integration corpus: they run, and a claim in one of them
//! that is wrong is found, whatever it is about.
//!
//! The corpus of `tests/corpus/integration` is the good case; each test here
//! changes something in a copy of it and says what must come out.

mod output;
mod refused;
mod wrong;

use std::path::{Path, PathBuf};

use aobo::suite::{Alone, Cedar, Report, SuiteError, find, integration};
use serde_json::Value as Json;

use crate::support::{at, text};

/// The root of our own corpus.
const ROOT: &str = "tests/corpus/integration";
/// Cases of its `lending.json`.
const LENDING: usize = 9;

/// Finds and runs what is there.
fn run(paths: &[PathBuf], root: &Path) -> Result<Report, SuiteError> {
    let cedar = Cedar {
        bundle: None,
        corpus_root: Some(root.to_path_buf()),
    };
    let found = find(paths, Some(&cedar))?;
    let mut done = Vec::new();
    let report = integration::run(&found.sets, &mut |n| done.push(n))?;
    let all: Vec<usize> = (1..=found.sets.len()).collect();
    assert_eq!(done, all, "the progress tells of every file");
    Ok(report)
}

/// A copy of the corpus that may be changed.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(at(ROOT)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes a file of the form.
    fn edit(&self, name: &str, change: impl FnOnce(&mut Json)) {
        let mut json: Json = serde_json::from_str(&text(&format!("{ROOT}/{name}"))).unwrap();
        change(&mut json);
        self.write(name, &json.to_string());
    }

    /// Puts another text in the place of one that is there.
    fn replace(&self, name: &str, from: &str, to: &str) {
        let text = text(&format!("{ROOT}/{name}"));
        assert!(text.contains(from), "{name} has {from}");
        self.write(name, &text.replace(from, to));
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, name: &str) -> Result<Report, SuiteError> {
        run(&[self.path(name)], self.folder.path())
    }

    #[track_caller]
    fn report(&self, name: &str) -> Report {
        self.run(name).expect("a set that can be read")
    }
}

/// Passed, failed, and by cedar-policy alone, whatever the reason.
fn counts(report: &Report) -> (usize, usize, usize) {
    let alone = report.cedar_alone.values().sum();
    (report.passed, report.failures.len(), alone)
}

#[test]
fn every_case_of_the_corpus_passes_and_the_engine_answers_what_it_can() {
    let report = run(&[at(ROOT)], &at(ROOT)).unwrap();
    assert_eq!(report.failures, []);
    assert_eq!(report.skipped, []);
    assert_eq!((report.passed, report.passes.len()), (17, 17));
    let alone = [(Alone::NotValid, 2), (Alone::OutsideSchema, 3)];
    assert_eq!(report.cedar_alone, alone.into());
}

#[test]
fn policies_that_need_not_validate_may() {
    let copy = Copy::new();
    copy.edit("lending.json", |json| json["shouldValidate"] = false.into());
    assert_eq!(counts(&copy.report("lending.json")), (LENDING, 0, 0));
}

#[test]
fn policies_are_counted_whatever_their_annotations() {
    for (from, to) in [
        ("policy9", "copies"),
        ("policy9", ""),
        ("copies", "a\u{202E}b"),
    ] {
        let copy = Copy::new();
        copy.replace(
            "lending.cedar",
            &format!("@id(\"{from}\")"),
            &format!("@id(\"{to}\")"),
        );
        let report = copy.report("lending.json");
        assert_eq!(counts(&report), (LENDING, 0, 0), "{to}: {report:?}");
    }
}

#[test]
fn what_breaks_a_limit_and_validates_is_answered_by_cedar_alone() {
    let (open, close) = ("(".repeat(70), ")".repeat(70));
    let nested = format!("principal.hasTag(\"card\") && {open}true{close}");
    let copy = Copy::new();
    copy.replace("lending.cedar", "principal.hasTag(\"card\")", &nested);
    let report = copy.report("lending.json");
    assert_eq!(counts(&report), (LENDING, 0, LENDING), "{report:?}");
    assert!(report.cedar_alone.contains_key(&Alone::Refused));
}

#[test]
fn ids_are_descriptions_and_never_the_same_twice() {
    let copy = Copy::new();
    copy.edit("lending.json", |json| {
        json["requests"][1]["description"] = "twice".into();
        json["requests"][2]["description"] = "".into();
        json["requests"][3]["description"] = "twice".into();
    });
    let report = copy.report("lending.json");
    let ids: Vec<&str> = report.passes.iter().map(|pass| pass.id.as_str()).collect();
    assert_eq!(
        ids[..5],
        [
            "the atlas stays on its shelf",
            "[1] twice",
            "[2]",
            "[3] twice",
            "a failing forbid is skipped"
        ]
    );
}
