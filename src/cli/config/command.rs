//! `aobo config`: what a server would be started with, and who said so.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::{Map, Value, json};

use super::keys::{Key, keys};
use super::settle::{Origin, Settled};
use crate::cli::{output, serve};

/// Prints the configuration that `aobo serve` would have from the same flags,
/// environment and file, with the origin of each value. Secrets are masked.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in crate::cli) struct Args {
    /// How to print it; what is printed as TOML is a configuration file.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    serve: serve::Args,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Form {
    /// A configuration file, with the origins as comments.
    #[default]
    Toml,
    /// For programs; the form is stable.
    Json,
}

/// One setting as it is printed.
struct Shown {
    key: Key,
    values: Vec<String>,
    origin: String,
    from: Option<String>,
}

/// Prints; always exit code 0, since what is wrong was refused before.
pub(in crate::cli) fn run(
    args: &Args,
    program: &Command,
    matches: &ArgMatches,
    settled: &Settled,
) -> ExitCode {
    let serve = program.find_subcommand("serve");
    let matches = matches.subcommand_matches("config").unwrap_or(matches);
    let keys = serve.map(keys).unwrap_or_default();
    let all = keys.into_iter().map(|key| shown(key, matches, settled));
    let all: Vec<Shown> = all.collect();
    output::data(&match args.format {
        Form::Toml => as_toml(&all),
        Form::Json => as_json(&all),
    });
    ExitCode::SUCCESS
}

fn shown(key: Key, matches: &ArgMatches, settled: &Settled) -> Shown {
    let raw = matches.try_get_raw(&key.id).ok().flatten();
    let values = raw.into_iter().flatten();
    let values = values.map(|value| masked(&key.name, &value.to_string_lossy()));
    let values: Vec<String> = values.collect();
    let (origin, from) = match settled.origins.get(&key.name) {
        Some(Origin::Flag) => ("flag", None),
        Some(Origin::Environment(variable)) => ("environment", Some(variable.clone())),
        Some(Origin::File(place)) => ("file", Some(place.clone())),
        None if values.is_empty() => ("unset", None),
        None => ("default", None),
    };
    Shown {
        key,
        values,
        origin: origin.to_owned(),
        from,
    }
}

/// Parts of names of settings, and of members of a URL's query, that hold secrets.
const SECRET_NAMES: [&str; 4] = ["secret", "password", "token", "credential"];

/// What stands in the place of a secret.
const MASK: &str = "***";

/// A value without what is secret in it: the password of a URL, a member of its query
/// that is one, and the whole of a setting that is named so.
fn masked(name: &str, value: &str) -> String {
    let is_secret = |name: &str| {
        let name = name.to_lowercase();
        SECRET_NAMES.iter().any(|secret| name.contains(secret))
    };
    if is_secret(name) {
        return MASK.to_owned();
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // A password may hold an `@` that nobody escaped.
    let host = match host.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:{MASK}@{host}"),
            None => format!("{user}@{host}"),
        },
        None => host.to_owned(),
    };
    let query = query.map(|query| {
        let members = query.split('&').map(|member| match member.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
            _ => member.to_owned(),
        });
        format!("?{}", members.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{host}{path}{}", query.unwrap_or_default())
}

impl Shown {
    fn value(&self) -> Value {
        let one = |text: &String| match (self.key.switch, text.parse::<i64>()) {
            (true, _) => json!(text == "true"),
            (false, Ok(number)) if number.to_string() == *text => json!(number),
            _ => json!(text),
        };
        match (self.key.many, self.values.as_slice()) {
            (true, values) => values.iter().map(one).collect(),
            (false, [value, ..]) => one(value),
            (false, []) => Value::Null,
        }
    }

    fn whence(&self) -> String {
        match &self.from {
            Some(from) => format!("{} {from}", self.origin),
            None => self.origin.clone(),
        }
    }
}

/// Shape: `listen = "127.0.0.1:8180"  # default`; what is unset is a comment.
fn as_toml(all: &[Shown]) -> String {
    let mut text = String::new();
    for shown in all {
        let name = &shown.key.name;
        text += &match shown.values.is_empty() {
            true => format!("# {name} is unset\n"),
            // Texts, numbers and lists are written alike in JSON and TOML.
            false => format!("{name} = {}  # {}\n", shown.value(), shown.whence()),
        };
    }
    text
}

/// Shape: `{"settings": {"listen": {"value": "127.0.0.1:8180", "origin": "file",
/// "from": "aobo.toml:3"}}}`.
fn as_json(all: &[Shown]) -> String {
    let mut settings = Map::new();
    for shown in all {
        let mut told = json!({ "value": shown.value(), "origin": shown.origin });
        if let (Some(from), Value::Object(told)) = (&shown.from, &mut told) {
            told.insert("from".to_owned(), json!(from));
        }
        settings.insert(shown.key.name.clone(), told);
    }
    format!("{:#}\n", json!({ "settings": settings }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let check = |name: &str, value: &str, expected: &str| {
            assert_eq!(masked(name, value), expected);
        };
        check("listen", "127.0.0.1:8180", "127.0.0.1:8180");
        check("log", "postgres://a:b@h:1/d", "postgres://a:***@h:1/d");
        check("log", "postgres://a:b@c@h/d", "postgres://a:***@h/d");
        check("log", "postgres://a@h/d", "postgres://a@h/d");
        check(
            "log",
            "postgres://h/d?x=1&password=p&y",
            "postgres://h/d?x=1&password=***&y",
        );
        check(
            "otlp",
            "https://h?Access_Token=t",
            "https://h?Access_Token=***",
        );
        check("otlp", "https://u:p@h", "https://u:***@h");
        check("mail-password", "hunter2", "***");
        check("client-secret", "", "***");
    }
}
