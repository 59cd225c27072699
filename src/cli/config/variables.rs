//! Variables of the environment that begin with `AOBO_` and are no settings, and the
//! refusal of every other one that is not known.
//!
//! INVARIANT (no surprise): a variable whose name was mistyped stops the start, as a
//! key of the file does. A server that starts without what was meant to close it
//! would be open without a word.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::keys::Key;
use crate::cli::Failure;

/// The environment: names and values.
pub(in crate::cli) type Environment = BTreeMap<String, OsString>;

/// The variable that names the file, if no flag does.
pub(super) const FILE_VARIABLE: &str = "AOBO_CONFIG";

/// What the names of this program begin with.
const PREFIX: &str = "AOBO_";

/// What is known and is no setting of a server: the key of commands that ask one, the
/// level of the program's own log, and how the tests are run.
const NO_SETTINGS: [&str; 4] = ["AOBO_KEY", "AOBO_LOG", "AOBO_REQUIRE", "AOBO_TEST_SCALE"];

/// Beginnings of further ones: of benches and tests.
const NO_SETTINGS_BEGIN: [&str; 4] = [
    "AOBO_BENCH_",
    "AOBO_HTTP_",
    "AOBO_SCHEMATHESIS_",
    "AOBO_TEST_",
];

/// Looks for variables that nobody knows.
///
/// # Errors
/// [`Failure`] for the first one by name, with the nearest one that is known.
pub(super) fn check(environment: &Environment, keys: &[Key]) -> Result<(), Failure> {
    let unknown = environment.iter().find(|(name, value)| {
        // An empty variable says nothing, as in many a template.
        name.starts_with(PREFIX) && !value.is_empty() && !is_known(name, value, keys)
    });
    let Some((name, _)) = unknown else {
        return Ok(());
    };
    let variables = keys.iter().map(Key::variable);
    let variables = variables.chain([FILE_VARIABLE.to_owned()]);
    let meant = name.to_uppercase();
    let near = variables.min_by_key(|known| strsim::damerau_levenshtein(&meant, known));
    let near = near.map(|near| format!("did you mean {near}? "));
    Err(Failure::new(
        format!("the environment has {name}, which is no setting"),
        format!(
            "{}A variable is a flag of `aobo serve` in capitals; take away what is none",
            near.unwrap_or_default()
        ),
    ))
}

fn is_known(name: &str, value: &OsStr, keys: &[Key]) -> bool {
    name == FILE_VARIABLE
        || NO_SETTINGS.contains(&name)
        || NO_SETTINGS_BEGIN
            .iter()
            .any(|begin| name.starts_with(begin))
        || keys.iter().any(|key| key.variable() == name)
        || is_service(name, value)
}

/// Whether a container runtime tells of a service here that has the program's name:
/// `AOBO_SERVICE_HOST`, `AOBO_SERVICE_PORT_HTTPS`, `AOBO_PORT=tcp://10.0.0.1:443`,
/// `AOBO_PORT_443_TCP_ADDR`. Source: Kubernetes, "Accessing the Service", environment
/// variables.
fn is_service(name: &str, value: &OsStr) -> bool {
    let is_url = || value.to_string_lossy().contains("://");
    let numbered = |rest: &str| {
        let (port, rest) = rest.split_once('_').unwrap_or((rest, ""));
        let protocol = rest.split('_').next().unwrap_or_default();
        port.parse::<u16>().is_ok() && ["TCP", "UDP", "SCTP"].contains(&protocol)
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && is_url())
        || name.match_indices("_PORT_").any(|(at, begin)| {
            let rest = name.get(at + begin.len()..);
            rest.is_some_and(numbered)
        })
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::super::keys::keys;
    use super::*;
    use crate::cli::run::program;

    fn refused(name: &str, value: &str) -> Option<String> {
        let flags = ["require-key", "admin-listen", "listen", "data"];
        let serve = Command::new("serve").args(flags.map(|name| Arg::new(name).long(name)));
        let environment = Environment::from([
            ("HOME".to_owned(), "/root".into()),
            ("AOBOX".to_owned(), "1".into()),
            (name.to_owned(), value.into()),
        ]);
        let refused = check(&environment, &keys(&serve)).err();
        refused.map(|failure| format!("{failure:?}"))
    }

    #[test]
    fn a_mistyped_variable_is_told_with_what_was_meant() {
        for (name, meant) in [
            ("AOBO_REQUIRE_KEYS", "AOBO_REQUIRE_KEY?"),
            ("AOBO_require_key", "AOBO_REQUIRE_KEY?"),
            ("AOBO_ADMINLISTEN", "AOBO_ADMIN_LISTEN?"),
            ("AOBO_CONFIGS", "AOBO_CONFIG?"),
            ("AOBO_LOG_URL", "AOBO_"),
            ("AOBO_PORT", "AOBO_"),
            ("AOBO_KEYS", "AOBO_"),
        ] {
            let told = refused(name, "true").unwrap_or_else(|| panic!("{name} is taken"));
            assert!(
                told.contains(name) && told.contains(meant),
                "{name}: {told}"
            );
        }
        assert_eq!(refused("AOBO_REQUIRE_KEYS", ""), None);
    }

    #[test]
    fn what_is_known_is_passed_over() {
        for (name, value) in [
            ("AOBO_REQUIRE_KEY", "true"),
            ("AOBO_CONFIG", "aobo.toml"),
            ("AOBO_KEY", "aobo_k"),
            ("AOBO_LOG", "info"),
            ("AOBO_REQUIRE", "all"),
            ("AOBO_TEST_SCALE", "100"),
            ("AOBO_BENCH_EVENTS", "1"),
            ("AOBO_SCHEMATHESIS_SECONDS", "1"),
            ("AOBO_SERVICE_HOST", "10.0.0.1"),
            ("AOBO_SERVICE_PORT", "443"),
            ("AOBO_PODS_SERVICE_PORT_DECISIONS", "8180"),
            ("AOBO_PORT", "tcp://10.0.0.1:443"),
            ("AOBO_PODS_PORT_8180_TCP", "tcp://10.0.0.1:8180"),
            ("AOBO_PORT_443_TCP_ADDR", "10.0.0.1"),
        ] {
            assert_eq!(refused(name, value), None, "{name}");
        }
    }

    #[test]
    fn no_setting_has_the_name_of_what_is_none() {
        let program = program();
        let serve = program.find_subcommand("serve").unwrap();
        for key in keys(serve) {
            let variable = key.variable();
            let begins = NO_SETTINGS_BEGIN.iter().any(|b| variable.starts_with(b));
            assert!(
                !begins && !is_service(&variable, "x://".as_ref()),
                "{variable}"
            );
            assert!(!NO_SETTINGS.contains(&variable.as_str()), "{variable}");
        }
    }
}
