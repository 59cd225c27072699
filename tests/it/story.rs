//! `docs/story.md`, run as it is written: its shell blocks make one script, and
//! what each of them prints is held to the JSON that the page shows below it.
//!
//! The page shows a part of each answer. An object must have the members that are
//! shown, a list as many elements; a block that shows several documents is about
//! the last ones that were printed.
#![cfg(unix)]

use std::fs::File;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support;

/// A shell block, and the JSON documents shown below it.
struct Step {
    line: usize,
    script: String,
    shown: Vec<Value>,
}

/// The steps of a page.
#[track_caller]
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let block = lines.by_ref().map(|(_, line)| line);
        let block: Vec<&str> = block.take_while(|line| *line != "```").collect();
        let (line, text) = (number + 1, block.join("\n") + "\n");
        if language == "sh" {
            steps.push(Step {
                line,
                script: text,
                shown: Vec::new(),
            });
            continue;
        }
        let step = steps.last_mut().filter(|step| step.shown.is_empty());
        let (Some(step), "json") = (step, language) else {
            panic!("line {line}: a block of `{language}` has no place here");
        };
        let shown = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        let shown: Result<Vec<Value>, _> = shown.collect();
        step.shown = shown.unwrap_or_else(|error| panic!("line {line}: {error}"));
        assert!(!step.shown.is_empty(), "line {line}: nothing is shown");
    }
    steps
}

/// The JSON objects that were printed, each from the beginning of a line on.
fn printed(mut output: &str) -> Vec<Value> {
    let mut found = Vec::new();
    while !output.is_empty() {
        let mut documents = serde_json::Deserializer::from_str(output).into_iter::<Value>();
        let at = match documents.next() {
            Some(Ok(document)) if document.is_object() => {
                found.push(document);
                documents.byte_offset()
            }
            _ => 0,
        };
        let end = output[at..].find('\n');
        output = end.map_or("", |end| &output[at + end + 1..]);
    }
    found
}

/// Whether an answer has all that is shown of it.
fn has(answer: &Value, shown: &Value) -> bool {
    match (answer, shown) {
        (Value::Object(answer), Value::Object(shown)) => shown
            .iter()
            .all(|(name, shown)| answer.get(name).is_some_and(|it| has(it, shown))),
        (Value::Array(answer), Value::Array(shown)) => {
            answer.len() == shown.len()
                && answer.iter().zip(shown).all(|(it, shown)| has(it, shown))
        }
        _ => answer == shown,
    }
}

/// Why a step's output is not what the page shows.
fn difference(step: &Step, output: &str) -> Option<String> {
    let all = printed(output);
    let first = all.len().checked_sub(step.shown.len());
    let last = first.map_or(&all[..0], |first| &all[first..]);
    let alike = last.len() == step.shown.len()
        && last
            .iter()
            .zip(&step.shown)
            .all(|(it, shown)| has(it, shown));
    (!alike).then(|| {
        let shown: Vec<String> = step.shown.iter().map(Value::to_string).collect();
        let (line, shown) = (step.line, shown.join("\n"));
        format!("docs/story.md:{line}: the page shows\n{shown}\nand this was printed:\n{output}")
    })
}

/// Whether a program can be run; if not, the test is skipped, or fails where
/// nothing may be (`AOBO_REQUIRE=all`).
#[track_caller]
fn is_there(program: &str) -> bool {
    let run = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let there = run.is_ok_and(|status| status.success());
    if !there {
        let required = std::env::var("AOBO_REQUIRE").is_ok_and(|which| which == "all");
        assert!(!required, "{program} is needed, and AOBO_REQUIRE=all");
        eprintln!("skipped: {program}");
    }
    there
}

/// Addresses of this machine that were free a moment ago.
fn free_addresses() -> [String; 2] {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().to_string())
}

/// Ends a server that the page leaves behind, when the shell ends.
const GUARD: &str =
    "SERVER=\ntrap 'test -z \"$SERVER\" || kill -9 \"$SERVER\" 2>/dev/null || :' EXIT\n";
/// What stands between the outputs of two steps.
const MARK: &str = "=== the next step ===\n";

/// Runs steps as one script. Whether it ended well, what each step printed, and
/// what was said on stderr.
fn run(steps: &[Step]) -> (bool, Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut script = GUARD.to_owned();
    for step in steps {
        script += &step.script;
        script += &format!("printf '%s' '{MARK}'\n");
    }
    std::fs::write(at("story.sh"), script).unwrap();
    // No answer takes so long unless something is broken.
    std::fs::write(at(".curlrc"), "max-time = 60\n").unwrap();
    let [pdp, admin] = free_addresses();
    // A server that stays would hold a pipe open; it does not hold a file.
    let (stdout, stderr) = (at("stdout"), at("stderr"));
    let status = Command::new("sh")
        .args(["-eu", "story.sh"])
        .current_dir(folder.path())
        .env("AOBO", env!("CARGO_BIN_EXE_aobo"))
        .env("DATA", at("data"))
        .env("PDP", pdp)
        .env("ADMIN", admin)
        .env("CURL_HOME", folder.path())
        .env("no_proxy", "127.0.0.1")
        .env_remove("AOBO_LOG")
        .stdin(Stdio::null())
        .stdout(File::create(&stdout).unwrap())
        .stderr(File::create(&stderr).unwrap())
        .status()
        .unwrap();
    let said = std::fs::read_to_string(stdout).unwrap();
    let outputs = said.split(MARK).map(str::to_owned).collect();
    let errors = std::fs::read_to_string(stderr).unwrap();
    (status.success(), outputs, errors)
}

#[test]
fn the_page_is_what_happens() {
    if !is_there("curl") {
        return;
    }
    let steps = steps(&support::text("docs/story.md"));
    assert!(steps.iter().filter(|step| !step.shown.is_empty()).count() > 10);
    let (well, outputs, errors) = run(&steps);
    for (step, output) in steps.iter().zip(&outputs) {
        if let Some(difference) = difference(step, output) {
            panic!("{difference}\n{errors}");
        }
    }
    let last = outputs.last().map_or("", String::as_str);
    let done = outputs.len() - 1;
    let next = steps.get(done).map_or(0, |step| step.line);
    assert!(
        well && done == steps.len() && last.is_empty(),
        "it ended at docs/story.md:{next}:\n{last}\n{errors}"
    );
}

#[test]
fn a_page_that_is_wrong_is_noticed() {
    let page = "a\n```sh\nprintf '%s\\n' 'x' '{\"a\": 1, \"b\": [{\"c\": 2, \"d\": 3}]}' '{\"e\": 4}'\n```\nb\n```json\nSHOWN\n```\n";
    let check = |shown: &str, alike: bool| {
        let steps = steps(&page.replace("SHOWN", shown));
        let (well, outputs, errors) = run(&steps);
        assert!(well && outputs.len() == 2, "{errors}");
        let difference = difference(&steps[0], &outputs[0]);
        assert_eq!(difference.is_none(), alike, "{shown}: {difference:?}");
    };
    check(r#"{"e": 4}"#, true);
    check(r#"{"e": 5}"#, false);
    check(r#"{"f": 4}"#, false);
    check("{\"a\": 1}\n{\"e\": 4}", true);
    check("{\"b\": [{\"d\": 3}]}\n{}", true);
    check("{\"b\": []}\n{}", false);
    check("{}\n{}\n{}", false);
    assert_eq!(
        printed("{\n \"a\": 1\n}\nno {}\n{\"b\"\n"),
        [json!({"a": 1})]
    );
}
