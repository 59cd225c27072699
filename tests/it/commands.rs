//! The commands as a person types them: output, exit codes, diagnostics.

mod environment;
mod error_mode;
mod first_key;

use std::path::Path;
use std::process::{Command, Output};

use crate::support::at;

const WORLD: &str = "tests/corpus/worlds/fabrikam.json";

/// Runs `aobo` in the root of the tree.
fn aobo(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    command.current_dir(at(".")).env("NO_COLOR", "1").args(args);
    command.output().unwrap()
}

#[track_caller]
fn check(args: &[&str], code: i32) -> (String, String) {
    let output = aobo(args);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    (out, err)
}

fn decide<'a>(principal: &'a str, action: &'a str, resource: &'a str) -> Vec<&'a str> {
    let question = [
        "decide",
        "--world",
        WORLD,
        "--now",
        "2020-09-01T09:00:00Z",
        "--principal",
        principal,
        "--action",
        action,
        "--resource",
        resource,
    ];
    question.to_vec()
}

const HUGO: &str = r#"PartnerUser::"hugo@fabrikam.example""#;
const MIA: &str = r#"CustomerUser::"mia@contoso.example""#;

#[test]
fn an_allow_exits_0_and_shows_the_path_of_facts() {
    let mut args = decide(HUGO, "ResetPassword", MIA);
    args.push("--explain");
    let (out, _) = check(&args, 0);
    insta::assert_snapshot!("decide_allow", out);
}

#[test]
fn a_deny_exits_2_and_says_what_was_missing() {
    let mut args = decide(HUGO, "DeleteUser", MIA);
    args.push("--explain");
    let (out, _) = check(&args, 2);
    insta::assert_snapshot!("decide_deny", out);
}

#[test]
fn a_forbid_is_named_with_its_reason() {
    let mut args = decide(
        r#"PartnerUser::"ada@fabrikam.example""#,
        "CreateUser",
        r#"Customer::"contoso""#,
    );
    args.extend(["--context", r#"{"customer": "tailspin"}"#, "--explain"]);
    let (out, _) = check(&args, 2);
    insta::assert_snapshot!("decide_forbid", out);
}

#[test]
fn an_azure_deny_names_the_assignments_that_came_close() {
    let mut args = decide(
        HUGO,
        "AzureOperation",
        r#"Subscription::"/subscriptions/contoso-lab""#,
    );
    args.extend([
        "--context",
        r#"{"operation": "Microsoft.Compute/virtualMachines/write"}"#,
        "--explain",
    ]);
    let (out, _) = check(&args, 2);
    insta::assert_snapshot!("decide_azure_deny", out);
}

#[test]
fn json_is_for_programs() {
    let mut args = decide(HUGO, "ResetPassword", MIA);
    args.extend(["--format", "json", "--explain"]);
    let (out, _) = check(&args, 0);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["decision"], "allow");
    assert_eq!(json["determining"][0]["id"], "users-reset-password");
    assert_eq!(
        json["reason"]["determining"][0]["clauses"][3]["layer"],
        "directory role"
    );
}

#[test]
fn what_cannot_be_asked_is_said() {
    for (args, code, said) in [
        (
            decide("PartnerUser:hugo", "ResetPassword", MIA),
            3,
            "is not an entity",
        ),
        (decide(HUGO, "Fly", MIA), 2, "no action `Fly`"),
        (decide(HUGO, "CreateUser", MIA), 2, "does not apply"),
    ] {
        let (out, err) = check(&args, code);
        assert!(out.contains(said) || err.contains(said), "{out}{err}");
    }
    let mut args = decide(HUGO, "ResetPassword", MIA);
    args.extend(["--context", "{\"a\": 1, \"a\": 2}"]);
    let (_, err) = check(&args, 3);
    assert!(
        err.contains("comes twice") && err.contains("help:"),
        "{err}"
    );
}

#[test]
fn usage_errors_exit_3_and_help_exits_0() {
    check(&["decide"], 3);
    check(&["fly"], 3);
    check(&["test"], 3);
    check(
        &[
            "decide",
            "--world",
            "no/such/file.json",
            "--principal",
            HUGO,
            "--action",
            "x",
            "--resource",
            MIA,
        ],
        3,
    );
    let (out, _) = check(&["--help"], 0);
    assert!(out.contains("Answer decisions over HTTP"));
    check(
        &[
            "decide",
            "--world",
            WORLD,
            "--profile",
            "public",
            "--principal",
            HUGO,
            "--action",
            "x",
            "--resource",
            MIA,
        ],
        3,
    );
}

#[test]
fn check_passes_the_built_in_policies_and_refuses_bad_ones() {
    let (out, _) = check(&["check"], 0);
    assert_eq!(
        out.lines().filter(|line| line.contains(": ok, ")).count(),
        2,
        "{out}"
    );
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.cedar");
    std::fs::write(
        &bad,
        "permit (principal, action, resource) when { context.nothing };\n",
    )
    .unwrap();
    let path = bad.display().to_string();
    let schema = at("schemas/csp.cedarschema").display().to_string();
    let (_, err) = check(&["check", "--schema", &schema, "--policies", &path], 3);
    assert!(
        err.contains("bad.cedar:1") && err.contains("nothing"),
        "{err}"
    );
    let (out, _) = check(
        &[
            "check",
            "--format",
            "json",
            "--schema",
            &schema,
            "--policies",
            &path,
        ],
        3,
    );
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json[0]["valid"], false);
}

#[test]
fn test_runs_suites_and_fails_with_1() {
    let (out, _) = check(&["test", "tests/corpus/suites", "tests/corpus/cases"], 0);
    assert!(out.contains("0 failed"), "{out}");
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("wrong.toml");
    let world = at(WORLD).display().to_string();
    write_suite(&suite, &world, "deny");
    let path = suite.display().to_string();
    let (out, _) = check(&["test", &path, "--format", "json"], 1);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&0.into(), &1.into()));
    assert_eq!(json["failures"][0]["id"], "hugo resets");
    assert_eq!(json["failures"][0]["expected"], "deny");
    assert_eq!(
        json["failures"][0]["actual"],
        "allow by users-reset-password"
    );
    write_suite(&suite, &world, "allow");
    check(&["test", &path], 0);
    write_suite(&suite, &world, "maybe");
    let (_, err) = check(&["test", &path], 3);
    assert!(
        err.contains("wrong.toml:") && err.contains("maybe"),
        "{err}"
    );
}

fn write_suite(path: &Path, world: &str, decision: &str) {
    let text = format!(
        r#"[suite]
world = "{world}"
now = "2020-09-01T09:00:00Z"

[[case]]
name = "hugo resets"
principal = '{HUGO}'
action = "ResetPassword"
resource = '{MIA}'
decision = "{decision}"
"#
    );
    std::fs::write(path, text).unwrap();
}

#[test]
fn test_runs_the_files_of_the_cedar_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let schema = write(
        "schema.cedarschema",
        "entity User; entity Photo { owner: User }; action view appliesTo { principal: User, resource: Photo };",
    );
    let policies = write(
        "policies.cedar",
        "permit (principal, action, resource) when { resource.owner == principal };",
    );
    write(
        "photo.entities.json",
        r#"[{"uid": {"type": "Photo", "id": "p"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "ana"}}}, "parents": []}]"#,
    );
    let test = |name: &str, who: &str, decision: &str, reason: &str, errors: u8, entities: &str| {
        format!(
            r#"{{"name": "{name}", "request": {{"principal": "User::\"{who}\"", "action": "Action::\"view\"",
            "resource": "Photo::\"p\"", "context": {{}}}}, "entities": {entities},
            "decision": "{decision}", "reason": [{reason}], "num_errors": {errors}}}"#
        )
    };
    let file = "\"photo.entities.json\"";
    let good = [
        test("owner", "ana", "allow", "\"policy0\"", 0, file),
        test("other", "bob", "deny", "", 0, file),
        test("unknown photo", "ana", "deny", "", 1, "[]"),
    ];
    let tests = write("tests.json", &format!("[{}]", good.join(",")));
    let (out, _) = check(
        &["test", &tests, "--schema", &schema, "--policies", &policies],
        0,
    );
    assert!(out.contains("3 passed, 0 failed"), "{out}");
    let wrong = test("owner", "ana", "deny", "", 0, file);
    let tests = write("tests.json", &format!("[{wrong}]"));
    check(
        &["test", &tests, "--schema", &schema, "--policies", &policies],
        1,
    );
    let (out, _) = check(&["test", &tests], 0);
    assert!(
        out.contains("0 passed, 0 failed, 1 skipped") && out.contains("--policies PATH"),
        "{out}"
    );
}

#[test]
fn generic_mode_decides_any_schema() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let schema = write(
        "s.json",
        r#"{"": {"entityTypes": {"User": {}, "Doc": {}}, "actions": {"read": {"appliesTo": {"principalTypes": ["User"], "resourceTypes": ["Doc"]}}}}}"#,
    );
    let policies = write(
        "p.cedar",
        r#"permit (principal == User::"ana", action, resource);"#,
    );
    let ask = |who: &str| -> Vec<String> {
        let who = format!("User::\"{who}\"");
        let args = [
            "decide",
            "--schema",
            &schema,
            "--policies",
            &policies,
            "--principal",
            &who,
            "--action",
            "read",
            "--resource",
            "Doc::\"d\"",
            "--explain",
        ];
        args.iter().map(ToString::to_string).collect()
    };
    let run = |who: &str, code| {
        let args = ask(who);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        check(&args, code).0
    };
    assert!(run("ana", 0).contains("policy0"));
    assert!(run("bob", 2).contains("principal == User::\"ana\""));
}

#[test]
fn the_built_in_policies_are_all_compiled() {
    let (out, _) = check(&["check", "--format", "json"], 0);
    let profiles: serde_json::Value = serde_json::from_str(&out).unwrap();
    let profiles = profiles.as_array().unwrap();
    assert_eq!(profiles.len(), 2);
    for profile in profiles {
        assert_eq!(
            profile["not_compiled"],
            serde_json::json!([]),
            "{profile:#}"
        );
    }
}

#[test]
fn config_says_what_is_set_and_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aobo.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\ninsecure = true\n").unwrap();
    let file = file.to_str().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    command
        .args(["config", "--format", "json", "--profile", "seed"])
        .env("AOBO_CONFIG", file)
        .env("AOBO_LISTEN", "127.0.0.1:2")
        .env("AOBO_INVITATION_URL", "https://u:hunter2@h/?token=hunter3");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("hunter"), "{text}");
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let check = |key: &str, expected: serde_json::Value| {
        assert_eq!(told["settings"][key], expected, "{key}");
    };
    use serde_json::json;
    check(
        "listen",
        json!({"value": "127.0.0.1:2", "origin": "environment", "from": "AOBO_LISTEN"}),
    );
    let place = format!("{file}:2");
    check(
        "insecure",
        json!({"value": true, "origin": "file", "from": place}),
    );
    check("profile", json!({"value": "seed", "origin": "flag"}));
    check(
        "admin-listen",
        json!({"value": "127.0.0.1:8181", "origin": "default"}),
    );
    check("data", json!({"value": null, "origin": "unset"}));

    // What is printed as TOML is a configuration again.
    let (first, _) = self::check(&["config", "--config", file], 0);
    let again = folder.path().join("again.toml");
    std::fs::write(&again, &first).unwrap();
    let (second, _) = self::check(&["config", "--config", again.to_str().unwrap()], 0);
    let values = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.split("  # ").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(values(&first), values(&second));
    assert!(second.contains("insecure = true  # file "), "{second}");
}

#[test]
fn a_wrong_configuration_says_where_and_what_instead() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aobo.toml");
    let refused = |text: &str, parts: &[&str]| {
        std::fs::write(&file, text).unwrap();
        for command in ["serve", "config"] {
            let (out, err) = check(&[command, "--config", file.to_str().unwrap()], 3);
            let err = err.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(out.is_empty());
            for part in parts {
                assert!(err.contains(part), "{part}: {err}");
            }
        }
    };
    refused(
        "\nadmin_listen = \"x\"\n",
        &["`admin_listen`", "did you mean `admin-listen`?", ":2:"],
    );
    refused("listen = \"x\"\n", &["--listen", "aobo.toml:1 says"]);
    refused(
        "world = \"w\"\nschema = \"s\"\n",
        &["cannot be used with", "aobo.toml:"],
    );
    check(&["serve", "--config", "no-such.toml"], 3);
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (out, _) = check(&["completions", shell], 0);
        for word in ["aobo", "serve", "admin-listen", "completions"] {
            assert!(out.contains(word), "{shell} knows {word}");
        }
    }
    check(&["completions", "nosh"], 3);
}

#[test]
fn health_is_an_exit_code() {
    check(&["health", "--url", "ftp://127.0.0.1/readyz"], 3);
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/readyz", free.local_addr().unwrap());
    drop(free);
    let (_, err) = check(&["health", "--url", &url], 1);
    assert!(err.contains("does not answer"), "{err}");
    for (status, code) in [("200 OK", 0), ("503 Service Unavailable", 1)] {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/readyz", server.local_addr().unwrap());
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
        let answering = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = server.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let (out, _) = check(&["health", "--url", &url], code);
        assert_eq!(out.trim(), "{}");
        answering.join().unwrap();
    }
}
