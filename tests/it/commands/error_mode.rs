//! `--error-mode cedar`: a policy that fails is skipped, and only then.

use std::path::Path;

use super::check;

const SCHEMA: &str = "entity User; entity Doc { size: Long };
action read appliesTo { principal: User, resource: Doc };";

/// The guard fails: its product is beyond 64 bits.
const POLICIES: &str = r#"@id("open")
permit (principal, action, resource);
@id("guard")
forbid (principal, action, resource) when { resource.size * 9223372036854775807 > 0 };"#;

const ENTITIES: &str = r#"[{"uid": {"type": "Doc", "id": "d"}, "attrs": {"size": 2}, "parents": []},
 {"uid": {"type": "User", "id": "ana"}, "attrs": {}, "parents": []}]"#;

const QUESTION: [&str; 6] = [
    "--principal",
    r#"User::"ana""#,
    "--action",
    "read",
    "--resource",
    r#"Doc::"d""#,
];

/// The flags of generic mode over files of a folder.
fn source(folder: &Path) -> Vec<String> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let mut flags = vec!["--schema".to_owned(), write("s.cedarschema", SCHEMA)];
    flags.extend(["--policies".to_owned(), write("p.cedar", POLICIES)]);
    flags.extend(["--entities".to_owned(), write("e.json", ENTITIES)]);
    flags
}

fn plain(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

const CEDAR: [&str; 2] = ["--error-mode", "cedar"];
const STRICT: [&str; 2] = ["--error-mode", "strict"];

#[test]
fn a_decision_skips_the_policy_that_fails_if_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    let asked = [&["decide"], plain(&source).as_slice(), &QUESTION].concat();
    let (out, _) = check(&asked, 2);
    assert!(out.contains("`guard` failed, which denies"), "{out}");
    check(&[asked.as_slice(), &STRICT].concat(), 2);
    let (out, _) = check(&[asked.as_slice(), &CEDAR].concat(), 0);
    assert!(out.contains("`guard` failed, and is skipped"), "{out}");
    let json = [asked.as_slice(), &CEDAR, &["--format", "json"]].concat();
    let json: serde_json::Value = serde_json::from_str(&check(&json, 0).0).unwrap();
    assert_eq!(json["determining"][0]["id"], "open");
    assert_eq!(json["erroring"][0]["policy"], "guard");
    check(&[asked.as_slice(), &["--error-mode", "lax"]].concat(), 3);
    let remote = [
        &["decide"],
        &QUESTION[..],
        &["--url", "http://127.0.0.1:1"],
        &CEDAR,
    ];
    let (_, err) = check(&remote.concat(), 3);
    assert!(err.contains("cannot be used with"), "{err}");
}

#[test]
fn a_search_finds_what_a_decision_of_its_mode_allows() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    let source = plain(&source);
    let resources = [
        "search",
        "resources",
        QUESTION[0],
        QUESTION[1],
        "--action",
        "read",
    ];
    let principals = [
        "search",
        "principals",
        "--action",
        "read",
        QUESTION[4],
        QUESTION[5],
    ];
    let actions = [
        "search",
        "actions",
        QUESTION[0],
        QUESTION[1],
        QUESTION[4],
        QUESTION[5],
    ];
    for (asked, found) in [
        (resources, "Doc::\"d\"\n"),
        (principals, "User::\"ana\"\n"),
        (actions, "read\n"),
    ] {
        let asked = [&asked[..], &source].concat();
        assert_eq!(check(&asked, 0).0, "", "{asked:?}");
        let asked = [&asked[..], &CEDAR].concat();
        assert_eq!(check(&asked, 0).0, found, "{asked:?}");
    }
}

#[test]
fn suites_are_run_in_the_mode_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    source(folder.path());
    let suite = folder.path().join("suite.toml");
    let text = r#"[suite]
schema = "s.cedarschema"
policies = "p.cedar"
entities = "e.json"
now = "2020-09-01T09:00:00Z"

[[case]]
name = "ana reads"
principal = 'User::"ana"'
action = "read"
resource = 'Doc::"d"'
decision = "allow"
determining = ["open"]
erroring = ["guard"]
"#;
    std::fs::write(&suite, text).unwrap();
    let suite = suite.display().to_string();
    let (out, _) = check(&["test", &suite], 1);
    assert!(out.contains("0 passed, 1 failed"), "{out}");
    let (out, _) = check(&["test", &suite, "--error-mode", "cedar"], 0);
    assert!(out.contains("1 passed, 0 failed"), "{out}");
}

#[test]
fn rows_are_decided_in_the_mode_that_is_named_or_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    let asked = [&["decide"], plain(&source).as_slice(), &QUESTION].concat();
    let json = [asked.as_slice(), &["--format", "json"]].concat();
    let json: serde_json::Value = serde_json::from_str(&check(&json, 2).0).unwrap();
    let row = serde_json::json!({
        "version": 1, "decision_id": "0", "now": "2020-09-01T09:00:00Z",
        "principal": {"type": "User", "id": "ana"}, "action": {"name": "read"},
        "resource": {"type": "Doc", "id": "d"}, "context": {}, "decision": "deny",
        "determining": [], "erroring": ["guard"], "error_mode": "strict",
        "bundle": json["bundle"], "revision": 0, "duration_ns": 1,
    });
    let log = folder.path().join("rows");
    std::fs::write(&log, format!("{row}\n")).unwrap();
    let log = log.display().to_string();
    let replayed = [&["replay", log.as_str()], plain(&source).as_slice()].concat();
    let (out, _) = check(&replayed, 0);
    assert!(out.contains("1 the same, 0 flipped"), "{out}");
    check(&[replayed.as_slice(), &STRICT].concat(), 0);
    let (out, _) = check(&[replayed.as_slice(), &CEDAR].concat(), 1);
    assert!(out.contains("0 the same, 1 flipped"), "{out}");
}
