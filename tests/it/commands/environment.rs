//! Variables of the environment that nobody knows stop a start.

use std::process::Command;

use crate::support::at;

/// Exit code and stderr of a command with one more variable.
fn said(args: &[&str], (name, value): (&str, &str)) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    command.current_dir(at(".")).env("NO_COLOR", "1").args(args);
    let output = command.env(name, value).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    let err = err.split_whitespace().collect::<Vec<_>>().join(" ");
    (output.status.code(), err)
}

#[test]
fn a_mistyped_variable_starts_no_server_that_is_open() {
    // The address is one that nobody can listen on, should it come so far.
    for args in [
        &["serve", "--listen", "192.0.2.1:1", "--insecure"][..],
        &["config"],
    ] {
        let (code, err) = said(args, ("AOBO_REQUIRE_KEYS", "true"));
        assert_eq!(code, Some(3), "{args:?}: {err}");
        for part in ["AOBO_REQUIRE_KEYS", "did you mean AOBO_REQUIRE_KEY?"] {
            assert!(err.contains(part), "{args:?}: {err}");
        }
        assert!(!err.contains("192.0.2.1"), "{err}");
    }
}

#[test]
fn a_variable_that_is_known_or_for_others_stops_nothing() {
    for variable in [
        ("AOBO_REQUIRE_KEY", "true"),
        ("AOBO_KEY", "aobo_secret"),
        ("AOBO_TEST_SCALE", "100"),
        ("AOBO_PORT", "tcp://10.0.0.1:443"),
        ("AOBO_MISTYPED", ""),
        ("OTHER_REQUIRE_KEYS", "true"),
    ] {
        let (code, err) = said(&["config"], variable);
        assert_eq!(code, Some(0), "{variable:?}: {err}");
    }
    // Commands that take no settings look at none.
    let (code, err) = said(&["openapi", "decisions"], ("AOBO_REQUIRE_KEYS", "true"));
    assert_eq!(code, Some(0), "{err}");
}
