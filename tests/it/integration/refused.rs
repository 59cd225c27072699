//! What is no test of the form, or cannot be read, stops the run with a next step.

use std::path::{Path, PathBuf};

use aobo::suite::{Cedar, SuiteError, find};
use miette::Diagnostic;
use serde_json::{Value as Json, json};

use super::{Copy, ROOT};
use crate::support::at;

#[track_caller]
fn says(error: &SuiteError, what: &str, next: &str) {
    let message = error.to_string();
    assert!(message.contains(what), "{message}");
    let help = error.help().expect("a next step").to_string();
    assert!(help.contains(next), "{help}");
}

#[test]
fn a_file_is_read_whole_or_not_at_all() {
    type Change = fn(&mut Json);
    let cases: [(Change, &str); 13] = [
        (|j| j["policies"] = json!(1), "`policies` is missing or not"),
        (|j| j["entities"] = json!([]), "`entities` is missing or"),
        (|j| j["schema"] = json!(null), "`schema` is missing or not"),
        (|j| j["shouldValidate"] = json!("yes"), "`shouldValidate`"),
        (|j| j["requests"] = json!({}), "`requests` is not an array"),
        (|j| j["policyFormat"] = json!("json"), "`policyFormat`"),
        (|j| j["shouldvalidate"] = json!(true), "`shouldvalidate`"),
        (
            |j| j["requests"][1]["decision"] = json!("Allow"),
            "requests[1]: `decision` is allow or deny, not `Allow`",
        ),
        (
            |j| j["requests"][0]["reason"] = json!([1]),
            "requests[0]: `reason` is not an array of policy ids",
        ),
        (
            |j| j["requests"][0]["error"] = json!([]),
            "requests[0]: unknown member `error`",
        ),
        (
            |j| j["requests"][0]["context"] = json!([]),
            "requests[0]: `context` is missing or not an object",
        ),
        (
            |j| j["requests"][0]["principal"] = json!("ana"),
            "requests[0]: `principal.type` is missing",
        ),
        (
            |j| j["requests"][0]["resource"]["type"] = json!("a b"),
            "requests[0]: `resource`: `a b` is not an entity type name",
        ),
    ];
    for (change, said) in cases {
        let copy = Copy::new();
        copy.edit("lending.json", change);
        says(&copy.run("lending.json").unwrap_err(), said, "the form is");
    }
}

#[test]
fn what_a_set_names_is_read_below_the_root_only() {
    let copy = Copy::new();
    let outer = copy.path("inner");
    std::fs::create_dir(&outer).unwrap();
    let set = copy.path("lending.json");
    let error = super::run(&[set], &outer).unwrap_err();
    says(&error, "cannot read `library.cedarschema`", "--corpus-root");
    let absolute = copy.path("lending.cedar").display().to_string();
    for path in ["../lending.cedar", &absolute, "link/lending.cedar"] {
        copy.edit("lending.json", |json| json["policies"] = path.into());
        for name in ["library.cedarschema", "library.entities.json"] {
            std::fs::copy(copy.path(name), outer.join(name)).unwrap();
        }
        let link = outer.join("link");
        let _ = std::os::unix::fs::symlink(copy.folder.path(), link);
        let error = super::run(&[copy.path("lending.json")], &outer).unwrap_err();
        says(&error, "leads out of the corpus root", "--corpus-root");
    }
    copy.edit("lending.json", |json| json["policies"] = ".".into());
    let error = copy.run("lending.json").unwrap_err();
    says(&error, "no regular file", "name a file");
}

fn find_with(path: &Path, root: Option<PathBuf>) -> SuiteError {
    let cedar = Cedar {
        bundle: None,
        corpus_root: root,
    };
    find(&[path.to_path_buf()], Some(&cedar)).unwrap_err()
}

#[test]
fn the_root_must_be_named_and_be_there() {
    let form = "is a test of Cedar's integration corpus";
    for path in [at(ROOT), at(ROOT).join("lending.json")] {
        says(&find_with(&path, None), form, "--corpus-root DIR");
        says(&find(&[path], None).unwrap_err(), form, "--corpus-root DIR");
    }
    for (root, what) in [("no-such", "no-such`"), ("README.md", "is no folder")] {
        let error = find_with(&at(ROOT), Some(at(ROOT).join(root)));
        says(&error, what, "--corpus-root takes the folder");
    }
}
