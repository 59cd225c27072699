//! Every flag of `serve` is settable by flag, environment and file, and the nearer
//! one wins. New flags are tried without a line here.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, Error};

use super::keys::{Key, keys};
use super::settle::{Settled, settle};
use super::variables::Environment;
use crate::cli::run::program;

/// What some flags take, whatever they are about; each has two of a kind.
const VALUES: [&str; 8] = [
    "7",
    "8",
    "127.0.0.1:1",
    "127.0.0.1:2",
    "https://a.example/",
    "https://b.example/",
    "a",
    "b",
];

/// Everything that may say what a setting is.
#[derive(Default, Clone)]
struct Said {
    flags: Vec<String>,
    variables: Environment,
    file: String,
}

impl Said {
    fn settled(&self) -> (Settled, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aobo.toml");
        std::fs::write(&path, &self.file).unwrap();
        let mut args: Vec<OsString> = vec!["aobo".into(), "serve".into()];
        args.extend(self.flags.iter().map(OsString::from));
        args.extend(["--config".into(), path.into()]);
        match settle(&program(), args, &self.variables) {
            Ok(settled) => (settled, folder),
            Err(failure) => panic!("{}\n{failure:?}", self.file),
        }
    }

    fn parsed(&self) -> Result<ArgMatches, Error> {
        let (settled, _folder) = self.settled();
        let matches = program().try_get_matches_from(settled.args)?;
        Ok(matches.subcommand_matches("serve").unwrap().clone())
    }

    /// What a key comes to.
    #[track_caller]
    fn comes_to(&self, key: &Key) -> String {
        let matches = match self.parsed() {
            Ok(matches) => matches,
            Err(error) => panic!("--{}: {error}", key.name),
        };
        let raw = matches.get_raw(&key.id).into_iter().flatten();
        let values: Vec<_> = raw.map(|value| value.to_string_lossy()).collect();
        values.join(",")
    }
}

fn variable(name: &str, value: &str) -> Environment {
    Environment::from([(name.to_owned(), value.into())])
}

fn flag(key: &Key, value: &str) -> String {
    match key.switch {
        true => format!("--{}", key.name),
        false => format!("--{}={value}", key.name),
    }
}

fn line(key: &Key, value: &str) -> String {
    match key.switch {
        true => format!("{} = {value}\n", key.name),
        false => format!("{} = {value:?}\n", key.name),
    }
}

/// Two values that a flag takes, as its own parser says.
#[track_caller]
fn values(serve: &Command, key: &Key) -> [String; 2] {
    if key.switch {
        return ["true".to_owned(), "false".to_owned()];
    }
    let arg = serve.get_arguments().find(|arg| *arg.get_id() == *key.id);
    let possible = arg.unwrap().get_possible_values();
    let possible: Vec<String> = match possible.is_empty() {
        true => VALUES.map(str::to_owned).to_vec(),
        false => possible
            .iter()
            .map(|value| value.get_name().to_owned())
            .collect(),
    };
    let taken = possible.into_iter().filter(|value| {
        let said = Said {
            flags: vec![flag(key, value)],
            ..Said::default()
        };
        let refused = [ErrorKind::ValueValidation, ErrorKind::InvalidValue];
        said.parsed()
            .err()
            .is_none_or(|error| !refused.contains(&error.kind()))
    });
    let taken: Vec<String> = taken.take(2).collect();
    match taken.try_into() {
        Ok(taken) => taken,
        Err(taken) => panic!("--{} takes {taken:?}: add two values to VALUES", key.name),
    }
}

/// The flags that must stand beside one.
fn companions(serve: &Command, all: &[Key], key: &Key) -> Vec<String> {
    let [value, _] = values(serve, key);
    let mut flags = Vec::new();
    loop {
        let mut said = Said {
            flags: flags.clone(),
            ..Said::default()
        };
        said.flags.push(flag(key, &value));
        let Err(error) = said.parsed() else {
            return flags;
        };
        assert_eq!(error.kind(), ErrorKind::MissingRequiredArgument, "{error}");
        let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
            panic!("{error}");
        };
        for missing in missing {
            let name = missing.trim_start_matches("--").split(' ').next().unwrap();
            let other = all.iter().find(|key| key.name == name).unwrap();
            flags.push(flag(other, &values(serve, other)[0]));
        }
    }
}

#[test]
fn every_flag_is_settable_by_each_way_and_the_nearer_one_wins() {
    let program = program();
    let serve = program.find_subcommand("serve").unwrap();
    let all = keys(serve);
    assert!(all.iter().any(|key| key.switch) && all.len() > 8);
    for key in &all {
        let [mut a, mut b] = values(serve, key);
        let beside = Said {
            flags: companions(serve, &all, key),
            ..Said::default()
        };
        let by_flag = |mut said: Said, value: &str| {
            said.flags.push(flag(key, value));
            said
        };
        let by_variable = |mut said: Said, value: &str| {
            said.variables.insert(key.variable(), value.into());
            said
        };
        let by_file = |mut said: Said, value: &str| {
            said.file += &line(key, value);
            said
        };
        // Without it, the others may not stand alone.
        let unset = beside.parsed().ok();
        let default = unset.and_then(|matches| Some(matches.get_raw(&key.id)?.next()?.to_owned()));
        if default.is_some_and(|default| *default == *a) {
            std::mem::swap(&mut a, &mut b);
        }
        assert_eq!(by_flag(beside.clone(), &a).comes_to(key), a);
        assert_eq!(by_variable(beside.clone(), &a).comes_to(key), a);
        assert_eq!(by_file(beside.clone(), &a).comes_to(key), a);

        let file = by_file(beside.clone(), &b);
        let variable = by_variable(file.clone(), &a);
        assert_eq!(variable.comes_to(key), a, "the environment beats the file");
        assert_eq!(by_flag(file, &a).comes_to(key), a, "a flag beats the file");
        let variable = by_variable(beside.clone(), &b);
        assert_eq!(
            by_flag(variable, &a).comes_to(key),
            a,
            "and the environment"
        );
        let empty = by_variable(by_file(beside, &a), "");
        assert_eq!(empty.comes_to(key), a, "an empty variable says nothing");
    }
}

#[test]
fn a_switch_is_switched_off_by_the_nearer_one() {
    let said = Said {
        variables: variable("AOBO_INSECURE", "false"),
        file: "insecure = true\n".to_owned(),
        ..Said::default()
    };
    assert!(!said.parsed().unwrap().get_flag("insecure"));
    let environment = variable("AOBO_INSECURE", "perhaps");
    let args = vec!["aobo".into(), "serve".into(), "--data=x".into()];
    let refused = settle(&program(), args, &environment).unwrap_err();
    assert!(format!("{refused:?}").contains("neither on nor off"));
}

#[test]
fn other_commands_and_help_read_no_configuration() {
    let file = variable("AOBO_CONFIG", "no-such-file");
    let unknown = variable("AOBO_REQUIRE_KEYS", "true");
    for args in [
        &["aobo", "check"][..],
        &["aobo"],
        &["aobo", "serve", "--help"],
    ] {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        for environment in [&file, &unknown] {
            let settled = settle(&program(), args.clone(), environment).unwrap();
            assert_eq!(settled.args, args);
        }
    }
    for command in ["serve", "config"] {
        let args = vec!["aobo".into(), command.into()];
        for environment in [&file, &unknown] {
            let settled = settle(&program(), args.clone(), environment);
            assert!(settled.is_err(), "{command}");
        }
    }
}

#[test]
fn what_clap_refuses_is_traced_to_where_it_stands() {
    let said = Said {
        variables: variable("AOBO_DATA", "d"),
        file: "listen = \"nowhere\"\n".to_owned(),
        ..Said::default()
    };
    let (settled, _folder) = said.settled();
    let error = program().try_get_matches_from(&settled.args).unwrap_err();
    let notes = settled.notes(&error.to_string());
    assert!(notes.contains("--listen is what ") && notes.contains("aobo.toml:1"));
    assert!(!notes.contains("--data"), "{notes}");
    assert!(settled.notes("--data <DIR>").contains("AOBO_DATA"));
    assert_eq!(settled.notes("--data-of-another --admin-listen"), "");
}
