//! The configuration file: TOML, one key a line, no tables.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::keys::{Key, nearest};
use crate::cli::Failure;
use crate::node::files::read_source;
use crate::policy::{Finding, Source};

/// What a file says of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Its values as flags have them; a switch has `true` or `false`.
    pub(super) values: Vec<String>,
    /// Where: `aobo.toml:3`.
    pub(super) place: String,
}

/// Reads a file.
///
/// # Errors
/// [`Failure`] with the place: no file, no TOML, a key that is not known, or a value
/// that is none.
pub(super) fn read(path: &Path, keys: &[Key]) -> Result<BTreeMap<String, Said>, Failure> {
    Ok(parse(&read_source(path)?, keys)?)
}

/// Reads a text, which `source` names.
///
/// # Errors
/// As [`read`].
pub(super) fn parse(source: &Source, keys: &[Key]) -> Result<BTreeMap<String, Said>, Box<Finding>> {
    let table = DeTable::parse(&source.text).map_err(|error| {
        let finding = Finding::error(format!("this is no TOML: {}", error.message()));
        let finding = finding.next_step("write one `key = value` a line; texts stand in quotes");
        Box::new(finding.at(source, error.span().unwrap_or_default(), "here"))
    })?;
    let mut said = BTreeMap::new();
    for (name, value) in table.get_ref() {
        let key = known(source, name.get_ref(), name.span(), keys)?;
        let values = values(value.get_ref(), key).map_err(|wanted| {
            let finding = Finding::error(format!("`{}` is {wanted}", key.name));
            Box::new(
                finding
                    .next_step(SEE)
                    .at(source, value.span(), "this is not"),
            )
        })?;
        let place = format!("{}:{}", source.name, source.line(name.span().start));
        said.insert(key.name.clone(), Said { values, place });
    }
    Ok(said)
}

/// Where to look.
const SEE: &str = "`aobo serve --help` says what each flag takes, and `aobo config` what is set";

fn known<'k>(
    source: &Source,
    name: &str,
    span: Range<usize>,
    keys: &'k [Key],
) -> Result<&'k Key, Box<Finding>> {
    if let Some(key) = keys.iter().find(|key| key.name == name) {
        return Ok(key);
    }
    let finding = Finding::error(format!("there is no key `{name}`"));
    let finding = match nearest(name, keys) {
        Some(near) => finding.next_step(format!("did you mean `{}`? {SEE}", near.name)),
        None => finding.next_step(SEE),
    };
    Err(Box::new(finding.at(source, span, "not known")))
}

/// The values as texts, or what they ought to be.
fn values(value: &DeValue<'_>, key: &Key) -> Result<Vec<String>, &'static str> {
    match (value, key) {
        (DeValue::Boolean(on), Key { switch: true, .. }) => Ok(vec![on.to_string()]),
        (_, Key { switch: true, .. }) => Err("on or off: write `true` or `false`"),
        (DeValue::Array(items), Key { many: true, .. }) => {
            let items = items.iter().map(|item| scalar(item.get_ref()));
            items
                .collect::<Option<_>>()
                .ok_or("a list of texts or numbers")
        }
        (DeValue::Array(_) | DeValue::Table(_), Key { many: false, .. }) => {
            Err("one value, neither a list nor a table")
        }
        (value, _) => scalar(value)
            .map(|text| vec![text])
            .ok_or("a text or a number"),
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let number = i128::from_str_radix(number.as_str(), number.radix());
            number.ok().map(|number| number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(on) => Some(on.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<Key> {
        let key = |name: &str, switch: bool, many: bool| Key {
            name: name.to_owned(),
            id: name.to_owned(),
            short: None,
            switch,
            many,
        };
        let one = [("listen", false, false), ("insecure", true, false)];
        let more = [("threads", false, false), ("jwt-keys", false, true)];
        let all = one.into_iter().chain(more);
        all.map(|(name, switch, many)| key(name, switch, many))
            .collect()
    }

    /// Key, values, line.
    type Wanted<'w> = (&'w str, &'w [&'w str], usize);

    #[track_caller]
    fn check(text: &str, expected: Result<&[Wanted<'_>], &[&str]>) {
        let read = parse(&Source::new("aobo.toml", text), &keys());
        match (read, expected) {
            (Ok(said), Ok(expected)) => {
                let said: Vec<_> = said.into_iter().collect();
                let wanted = expected.iter().map(|(name, values, line)| {
                    let values = values.iter().map(|value| (*value).to_owned()).collect();
                    let place = format!("aobo.toml:{line}");
                    ((*name).to_owned(), Said { values, place })
                });
                assert_eq!(said, wanted.collect::<Vec<_>>());
            }
            (Err(finding), Err(parts)) => {
                let help = miette::Diagnostic::help(finding.as_ref());
                let help = help.map(|help| help.to_string()).unwrap_or_default();
                let place = finding.place().unwrap_or_default();
                let told = format!("{place}: {finding}; {help}");
                for part in parts {
                    assert!(told.contains(part), "{told}");
                }
            }
            (read, expected) => panic!("{text}: {read:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_key_has_values_and_a_place() {
        check("", Ok(&[]));
        let text = "# all\nthreads = 0x1_0\n\ninsecure = true\nlisten = \"[::1]:1\"\njwt-keys = [\"a\", 2]\n";
        let wanted: &[Wanted<'_>] = &[
            ("insecure", &["true"], 4),
            ("jwt-keys", &["a", "2"], 6),
            ("listen", &["[::1]:1"], 5),
            ("threads", &["16"], 2),
        ];
        check(text, Ok(wanted));
        check("jwt-keys = \"a\"", Ok(&[("jwt-keys", &["a"], 1)]));
    }

    #[test]
    fn what_is_no_configuration_says_where_and_what_instead() {
        check(
            "\nlisten = \"a\"\nlisten_ = 1",
            Err(&["aobo.toml:3", "no key `listen_`", "did you mean `listen`?"]),
        );
        check("insecur = true", Err(&["did you mean `insecure`?"]));
        check("[listen]\na = 1", Err(&["neither a list nor a table"]));
        check(
            "listen = []",
            Err(&["aobo.toml:1", "`listen` is one value"]),
        );
        check("jwt-keys = [[1]]", Err(&["a list of texts or numbers"]));
        for off in ["\"true\"", "1", "[true]"] {
            check(
                &format!("insecure = {off}"),
                Err(&["write `true` or `false`"]),
            );
        }
        check("listen = ", Err(&["aobo.toml:1", "this is no TOML"]));
        check("a = 1\na = 2", Err(&["this is no TOML"]));
    }
}
