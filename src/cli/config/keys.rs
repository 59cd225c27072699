//! The keys there are: the long flags of `aobo serve`.

use clap::{ArgAction, Command};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The long flag without its dashes, which is the key in the file:
    /// `admin-listen`.
    pub(super) name: String,
    /// How clap knows it.
    pub(super) id: String,
    /// The short flag, if there is one.
    pub(super) short: Option<char>,
    /// Whether it is on or off, and takes no value.
    pub(super) switch: bool,
    /// Whether it may have several values.
    pub(super) many: bool,
}

/// Flags that are no settings: the file itself, and what clap adds.
const NO_SETTINGS: [&str; 3] = ["config", "help", "version"];

impl Key {
    /// Its variable of the environment: `AOBO_ADMIN_LISTEN`.
    pub(super) fn variable(&self) -> String {
        format!("AOBO_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// Every key of a command, in the order of its help.
pub(super) fn keys(serve: &Command) -> Vec<Key> {
    let flags = serve.get_arguments().filter_map(|arg| {
        let name = arg.get_long()?;
        (!NO_SETTINGS.contains(&name)).then(|| Key {
            name: name.to_owned(),
            id: arg.get_id().to_string(),
            short: arg.get_short(),
            switch: matches!(arg.get_action(), ArgAction::SetTrue),
            many: matches!(arg.get_action(), ArgAction::Append),
        })
    });
    flags.collect()
}

/// The key that a name was probably meant to be.
pub(super) fn nearest<'k>(name: &str, keys: &'k [Key]) -> Option<&'k Key> {
    let meant = name.to_lowercase().replace('_', "-");
    let distance = |key: &&Key| strsim::damerau_levenshtein(&meant, &key.name);
    keys.iter().min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<Key> {
        let serve = Command::new("serve").args([
            clap::Arg::new("a").long("admin-listen"),
            clap::Arg::new("b").long("listen"),
            clap::Arg::new("c").long("otlp"),
            clap::Arg::new("d").long("config"),
            clap::Arg::new("e").short('e'),
        ]);
        keys(&serve)
    }

    #[test]
    fn keys_are_long_flags() {
        let known = known();
        let names: Vec<&str> = known.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["admin-listen", "listen", "otlp"]);
        let variables: Vec<String> = known.iter().map(Key::variable).collect();
        assert_eq!(variables, ["AOBO_ADMIN_LISTEN", "AOBO_LISTEN", "AOBO_OTLP"]);
    }

    #[test]
    fn a_wrong_key_is_near_to_a_right_one() {
        let check = |name: &str, meant: &str| {
            let known = known();
            assert_eq!(nearest(name, &known).unwrap().name, meant, "{name}");
        };
        check("admin_listen", "admin-listen");
        check("Listen", "listen");
        check("lisetn", "listen");
        check("adminlisten", "admin-listen");
        check("oltp", "otlp");
        assert_eq!(nearest("listen", &[]), None);
    }
}
