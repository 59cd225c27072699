//! The example of a configuration file keeps up with the flags.

use std::collections::BTreeSet;

use super::file;
use super::keys::keys;
use crate::cli::run::program;
use crate::policy::Source;

const EXAMPLE: &str = include_str!("../../../deploy/aobo.toml");

/// The lines of settings, whether they are in force or commented out.
fn settings() -> String {
    let lines = EXAMPLE.lines().map(|line| {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let key = bare.split(" = ").next().unwrap_or_default();
        let word = key.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let setting = bare.contains(" = ") && !key.is_empty() && word;
        if setting { bare } else { "" }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_parses_and_names_every_flag() {
    let program = program();
    let serve = program.find_subcommand("serve").unwrap();
    let known = keys(serve);
    let source = |text: &str| Source::new("deploy/aobo.toml", text);
    file::parse(&source(EXAMPLE), &known).unwrap();
    let said = file::parse(&source(&settings()), &known).unwrap();
    let said: BTreeSet<&str> = said.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = known.iter().map(|key| key.name.as_str()).collect();
    let missing: Vec<_> = known.difference(&said).collect();
    assert!(missing.is_empty(), "the example does not name {missing:?}");
}

#[test]
fn every_value_of_the_example_is_one_that_its_flag_takes() {
    let program = program();
    let serve = program.find_subcommand("serve").unwrap();
    let known = keys(serve);
    let source = Source::new("deploy/aobo.toml", settings());
    for (name, said) in file::parse(&source, &known).unwrap() {
        let switch = known.iter().any(|key| key.name == name && key.switch);
        for value in said.values {
            let flag = match switch {
                true => format!("--{name}"),
                false => format!("--{name}={value}"),
            };
            let parsed = program
                .clone()
                .try_get_matches_from(["aobo", "serve", &flag]);
            // What else must stand beside it is not at issue.
            let wrong = parsed
                .err()
                .filter(|error| error.kind() != clap::error::ErrorKind::MissingRequiredArgument);
            assert!(wrong.is_none(), "{flag}: {wrong:?}");
        }
    }
}
