//! What no text of the tree says: where one machine keeps its things. And why
//! each dependency is there.

use super::{File, check, files, kept};
use crate::support;

fn reasons(file: &File) -> Vec<String> {
    let mut within = false;
    let mut at = 0;
    let mut findings = Vec::new();
    for line in file.text.split_inclusive('\n') {
        let plain = line.trim();
        if plain.starts_with('[') {
            let table = plain.trim_matches(['[', ']']);
            within = table.ends_with("dependencies");
            if table.contains("dependencies.") {
                findings.push(file.says(at, "write the dependency on one line, with its reason"));
            }
        } else if within && plain.contains('=') && !plain.starts_with('#') {
            let reason = plain.split_once('#').map(|(_, reason)| reason.trim());
            if reason.is_none_or(str::is_empty) {
                findings.push(file.says(at, "say after a `#` what the dependency is for"));
            }
        }
        at += line.len();
    }
    findings
}

#[test]
fn every_dependency_has_a_reason() {
    let good = "[package]\nname = \"a\"\n[dependencies]\nb = \"1\"   # does c\n[lints.rust]\nd = \"deny\"\n";
    check("Cargo.toml", good, reasons, &[]);
    let bad = "[dependencies]\nb = \"1\"\n[dev-dependencies]\nc = \"1\" #\n[dependencies.d]\n";
    let wanted = [
        (2, "what the dependency is for"),
        (4, "is for"),
        (5, "one line"),
    ];
    check("Cargo.toml", bad, reasons, &wanted);
    kept(
        &[File::new("Cargo.toml", &support::text("Cargo.toml"))],
        reasons,
    );
}

/// Folders of a machine, spelled so that this file does not name one itself.
const MACHINE_FOLDERS: [&str; 3] = [
    concat!("/", "work/"),
    concat!("/", "home/"),
    concat!("/", "root/"),
];

fn machine_paths(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    for folder in MACHINE_FOLDERS {
        for (at, _) in file.text.match_indices(folder) {
            let before = file.text[..at].chars().next_back();
            let part_of_path = before.is_some_and(|c| c.is_alphanumeric() || "._-})>~".contains(c));
            if !part_of_path {
                findings.push(file.says(at, &format!("`{folder}` is a path of one machine")));
            }
        }
    }
    findings
}

#[test]
fn no_text_names_a_path_of_one_machine() {
    let inner = "see docs/work/a, https://example.org/home/b, $HOME/root/c\n";
    check("a.md", inner, machine_paths, &[]);
    let bad = format!(
        "a\ncd {}x\n\"{}y\"\n",
        MACHINE_FOLDERS[0], MACHINE_FOLDERS[1]
    );
    check(
        "a.md",
        &bad,
        machine_paths,
        &[(2, "one machine"), (3, "one machine")],
    );
    kept(&files(""), machine_paths);
}

/// Parts of the names of hosts that only some machines reach.
const PRIVATE_HOSTS: [&str; 9] = [
    "artifactory",
    "corp",
    "goproxy",
    "internal",
    "intranet",
    "mirror",
    "nexus",
    "proxy",
    "registry",
];

fn private_hosts(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    for (at, _) in file.text.match_indices("://") {
        let rest = &file.text[at + 3..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c));
        let host = &rest[..end.unwrap_or(rest.len())];
        let private = host
            .split(['.', '-'])
            .any(|part| PRIVATE_HOSTS.contains(&part));
        if private && !host.ends_with(".example") {
            findings.push(file.says(
                at,
                &format!("`{host}` is a host that only some machines reach"),
            ));
        }
    }
    if file.path.ends_with(".toml") {
        let mut at = 0;
        for line in file.text.split_inclusive('\n') {
            let plain = line.trim();
            if ["[source.", "[registries", "replace-with", "registry "]
                .iter()
                .any(|start| plain.starts_with(start))
            {
                findings.push(file.says(at, "where crates come from is a machine's own affair"));
            }
            at += line.len();
        }
    }
    findings
}

#[test]
fn no_text_names_a_private_host() {
    let lock = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    check("Cargo.lock", lock, private_hosts, &[]);
    check("a.md", "http://proxy.example/x\n", private_hosts, &[]);
    let bad = format!("\nsee https{}crates-proxy.corp.net/x\n", "://");
    check("a.md", &bad, private_hosts, &[(2, "only some machines")]);
    check(
        ".cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"x\"\n",
        private_hosts,
        &[(1, "own affair"), (2, "own affair")],
    );
    kept(&files(""), private_hosts);
}
