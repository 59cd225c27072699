//! Flags, environment and file as one command line.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::Command;

use super::file;
use super::keys::{Key, keys};
use super::variables::{Environment, FILE_VARIABLE, check};
use crate::cli::Failure;

/// A command line on which everything stands that was said, and where from.
#[derive(Debug, Default)]
pub(in crate::cli) struct Settled {
    /// For clap, the program's name first.
    pub(in crate::cli) args: Vec<OsString>,
    /// By key; a key that was said nowhere is not in it.
    pub(super) origins: BTreeMap<String, Origin>,
}

/// Who said what a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The command line.
    Flag,
    /// This variable of the environment.
    Environment(String),
    /// This line of the file.
    File(String),
}

/// The commands that take settings.
const CONFIGURED: [&str; 2] = ["serve", "config"];

/// Puts what the environment and the file say on the command line, for what the
/// command line does not say itself.
///
/// # Errors
/// [`Failure`] if the file cannot be read or is none, or a variable is not known, or
/// neither on nor off where it must be.
pub(in crate::cli) fn settle(
    program: &Command,
    args: Vec<OsString>,
    environment: &Environment,
) -> Result<Settled, Failure> {
    let command = args.get(1).and_then(|name| name.to_str());
    let configured = command.is_some_and(|name| CONFIGURED.contains(&name));
    let serve = program.find_subcommand("serve").filter(|_| configured);
    let Some(keys) = serve.map(keys) else {
        let origins = BTreeMap::new();
        return Ok(Settled { args, origins });
    };
    let given = Given::of(args.get(2..).unwrap_or_default());
    if given.asks_for_help() {
        let origins = BTreeMap::new();
        return Ok(Settled { args, origins });
    }
    check(environment, &keys)?;
    // An empty variable says nothing, as in many a template.
    let environment = |name: &str| environment.get(name).filter(|v| !v.is_empty()).cloned();
    let path = given.value("config").or_else(|| environment(FILE_VARIABLE));
    let mut said = match path {
        Some(path) => file::read(&PathBuf::from(path), &keys)?,
        None => BTreeMap::new(),
    };
    let mut more = Vec::new();
    let mut origins = BTreeMap::new();
    for key in &keys {
        let (origin, values) = if given.holds(key) {
            (Origin::Flag, Vec::new())
        } else if let Some(value) = environment(&key.variable()) {
            let values = of_variable(key, value)?;
            (Origin::Environment(key.variable()), values)
        } else if let Some(file::Said { values, place }) = said.remove(&key.name) {
            let values = values.into_iter().map(OsString::from).collect();
            (Origin::File(place), values)
        } else {
            continue;
        };
        more.extend(values.iter().filter_map(|value| flag(key, value)));
        origins.insert(key.name.clone(), origin);
    }
    let mut args = args;
    args.splice(2..2, more);
    Ok(Settled { args, origins })
}

impl Settled {
    /// Which of the flags that a text names are from elsewhere, in words.
    pub(in crate::cli) fn notes(&self, text: &str) -> String {
        let mut notes = String::new();
        for (name, origin) in &self.origins {
            let flag = format!("--{name}");
            let named = text.match_indices(&flag).any(|(at, _)| {
                let rest = text.get(at + flag.len()..).unwrap_or_default();
                !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
            });
            match origin {
                Origin::Environment(variable) if named => {
                    notes += &format!("note: {flag} is what {variable} says\n");
                }
                Origin::File(place) if named => {
                    notes += &format!("note: {flag} is what {place} says\n");
                }
                _ => {}
            }
        }
        notes
    }
}

/// The flags of a command line, as far as one sees them without knowing which take
/// values: a value that looks like a flag is refused by clap anyway.
struct Given {
    long: BTreeSet<String>,
    short: BTreeSet<char>,
    args: Vec<OsString>,
}

impl Given {
    fn of(args: &[OsString]) -> Self {
        let flags = args.iter().take_while(|arg| *arg != "--");
        let args: Vec<OsString> = flags.cloned().collect();
        let (mut long, mut short) = (BTreeSet::new(), BTreeSet::new());
        for arg in &args {
            let text = arg.to_string_lossy();
            if let Some(name) = text.strip_prefix("--") {
                let name = name.split('=').next().unwrap_or(name);
                long.insert(name.to_owned());
            } else if let Some(names) = text.strip_prefix('-') {
                short.extend(names.chars().next());
            }
        }
        Self { long, short, args }
    }

    fn holds(&self, key: &Key) -> bool {
        let short = key.short.is_some_and(|short| self.short.contains(&short));
        short || self.long.contains(&key.name)
    }

    fn asks_for_help(&self) -> bool {
        let long = ["help", "version"]
            .iter()
            .any(|name| self.long.contains(*name));
        long || self.short.contains(&'h') || self.short.contains(&'V')
    }

    /// The value of a flag that takes one.
    fn value(&self, name: &str) -> Option<OsString> {
        let flag = format!("--{name}");
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            if arg.as_os_str() == OsStr::new(&flag) {
                return args.next().cloned();
            }
            let bytes = arg.as_encoded_bytes();
            let value = bytes.strip_prefix(flag.as_bytes());
            if let Some(value) = value.and_then(|value| value.strip_prefix(b"=")) {
                // A path that is no Unicode is given as two arguments.
                return Some(String::from_utf8_lossy(value).into_owned().into());
            }
        }
        None
    }
}

/// The values of a variable: a list is separated by commas.
fn of_variable(key: &Key, value: OsString) -> Result<Vec<OsString>, Failure> {
    let Some(text) = value.to_str() else {
        return Ok(vec![value]);
    };
    if key.switch {
        return match text {
            "true" | "1" => Ok(vec!["true".into()]),
            "false" | "0" => Ok(vec!["false".into()]),
            other => Err(Failure::new(
                format!(
                    "{} is `{other}`, which is neither on nor off",
                    key.variable()
                ),
                "write true or false",
            )),
        };
    }
    Ok(match key.many {
        true => text.split(',').map(|part| part.trim().into()).collect(),
        false => vec![value],
    })
}

/// `--key=value`; a switch that is off is left out.
fn flag(key: &Key, value: &OsStr) -> Option<OsString> {
    let mut flag = OsString::from(format!("--{}", key.name));
    if key.switch {
        return (value == "true").then_some(flag);
    }
    flag.push("=");
    flag.push(value);
    Some(flag)
}
