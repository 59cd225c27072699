//! What `deploy/` says fits the program: its flags, its times, its system calls.

use std::path::Path;
use std::process::Command;

use aobo::api::DRAIN_SECONDS_MAX;

use crate::support::{at, text};

const MANIFEST: &str = "deploy/kubernetes/aobo.yaml";

/// The lines of a block that a line begins, without what indents them.
fn block(text: &str, begin: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| line.trim() != begin);
    let first = lines.next().unwrap_or_else(|| panic!("no `{begin}`"));
    let indent = first.len() - first.trim_start().len();
    let within = lines.take_while(|line| line.len() - line.trim_start().len() > indent);
    within.map(|line| line.trim().to_owned()).collect()
}

/// The number that follows a text.
fn number(text: &str, after: &str) -> u64 {
    let (_, rest) = text
        .split_once(after)
        .unwrap_or_else(|| panic!("no `{after}`"));
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    digits.parse().expect(after)
}

fn aobo(args: &[String], folder: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    let output = command.current_dir(folder).args(args).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), err)
}

#[test]
fn the_manifest_makes_a_first_key_and_starts_with_settings_that_there_are() {
    let manifest = text(MANIFEST);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let key = folder.path().join("key").display().to_string();
    std::fs::write(&key, format!("aobo_{}", "5e".repeat(32))).unwrap();
    let (_, first) = manifest.split_once("initContainers:").expect("one");
    let (first, _) = first.split_once(" containers:").expect("one");
    let args = block(first, "args:").into_iter();
    let args: Vec<String> = args
        .map(|arg| arg.trim_start_matches("- ").to_owned())
        .map(|arg| arg.replace("/var/lib/aobo", &data))
        .map(|arg| arg.replace("/etc/aobo/first-key/key", &key))
        .collect();
    for said in ["it is that of the file", "none is made"] {
        let (code, err) = aobo(&args, folder.path());
        assert_eq!(code, Some(0), "{args:?}: {err}");
        assert!(err.contains(said) && !err.contains("5e5e"), "{err}");
    }
    let file = folder.path().join("aobo.toml");
    std::fs::write(&file, block(&manifest, "aobo.toml: |").join("\n")).unwrap();
    let args = ["config", "--config", "aobo.toml"].map(str::to_owned);
    let (code, err) = aobo(&args, folder.path());
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn a_pod_that_goes_has_time_to_be_left_and_to_finish() {
    let manifest = text(MANIFEST);
    let delay = number(&manifest, "drain-delay-seconds = ");
    let grace = number(&manifest, "terminationGracePeriodSeconds: ");
    assert!(
        delay > 0 && grace > delay + DRAIN_SECONDS_MAX,
        "{delay} {grace}"
    );
    let unit = text("deploy/systemd/aobo.service");
    assert!(number(&unit, "TimeoutStopSec=") > DRAIN_SECONDS_MAX);
}

#[test]
fn the_unit_lets_threads_give_way() {
    let unit = text("deploy/systemd/aobo.service");
    let filters = unit
        .lines()
        .filter_map(|line| line.strip_prefix("SystemCallFilter="));
    let filters: Vec<&str> = filters.collect();
    // A later line adds to what an earlier one took away.
    let taken = filters
        .iter()
        .position(|f| f.starts_with('~') && f.contains("@resources"));
    let added = &filters[taken.expect("resources are taken away") + 1..];
    for call in ["setpriority", "sched_setscheduler"] {
        assert!(
            added.iter().any(|f| f.split(' ').any(|name| name == call)),
            "{call}"
        );
    }
    assert!(
        added.iter().all(|f| !f.contains('@')),
        "no more than these: {added:?}"
    );
    assert!(at("src/node/aside.rs").is_file());
}
