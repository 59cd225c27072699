//! `aobo keys create --first --key-file FILE`: the first key of a folder that nobody
//! gets at, as an init container makes it.

use serde_json::Value;

use super::check;

#[test]
fn the_first_key_comes_from_a_file_and_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, key, other) = (path("data"), path("key"), path("other"));
    let text = |digit: &str| format!("aobo_{}\n", digit.repeat(32));
    std::fs::write(&key, text("1a")).unwrap();
    std::fs::write(&other, text("2b")).unwrap();
    let create = ["keys", "create", "--data", &data, "--role", "operator"];
    let first = |file: &str, code: i32| {
        check(
            &[&create[..], &["--first", "--key-file", file]].concat(),
            code,
        )
    };
    let keys = || {
        let (out, _) = check(&["keys", "list", "--data", &data, "--format", "json"], 0);
        let listed: Value = serde_json::from_str(&out).unwrap();
        listed["keys"].as_array().unwrap().clone()
    };
    let (out, err) = first(&key, 0);
    assert!(out.is_empty() && !err.contains("1a1a"), "{out}{err}");
    let made = keys();
    assert_eq!(made.len(), 1);
    // Again, with another file, and with none: there is a key.
    for file in [&key, &other, "no/such/file"] {
        let (out, err) = first(file, 0);
        assert!(out.is_empty() && err.contains("none is made"), "{err}");
    }
    assert_eq!(keys(), made);
    // Without the flag it is one more.
    check(&[&create[..], &["--key-file", &other]].concat(), 0);
    assert_eq!(keys().len(), 2);
    let id = made[0]["id"].as_str().unwrap();
    check(&["keys", "revoke", "--data", &data, id], 0);
    first(&key, 0);
    assert_eq!(keys().len(), 1, "what was revoked does not come back");
}

#[test]
fn a_file_without_a_key_makes_none_and_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let file = folder.path().join("key").display().to_string();
    let create = ["keys", "create", "--data", &data, "--role", "operator"];
    let create = [&create[..], &["--first", "--key-file", &file]].concat();
    check(&create, 3);
    for text in ["", "hunter2", "aobo_hunter2", &"hunter2".repeat(1_000)] {
        std::fs::write(&file, text).unwrap();
        let (_, err) = check(&create, 3);
        assert!(
            err.contains("not a key") && !err.contains("hunter"),
            "{err}"
        );
    }
}
