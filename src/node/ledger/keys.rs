//! API keys: what a caller shows, what is kept of it, and what it may.
//!
//! A key is 32 random bytes; only its SHA-256 is kept, which needs no salt since
//! nobody guesses a key. Comparing goes by the hash, so that the time it takes
//! says nothing about a key that is there.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use cedar_policy::EntityUid;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What every key begins with, so that one that leaked is found by searching.
pub const KEY_PREFIX: &str = "aobo_";
/// Random bytes of a key.
const SECRET_BYTES: usize = 32;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Ask for decisions.
    Decide,
    /// Search.
    Search,
    /// Read facts, events and keys.
    AdminRead,
    /// Give commands, as a principal that the policies allow them to.
    AdminWrite,
    /// Give the commands that no policy is about: partners, their people, facts.
    Operator,
    /// Read metrics.
    Metrics,
}

impl Role {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 6] = [
        ("decide", Self::Decide),
        ("search", Self::Search),
        ("admin-read", Self::AdminRead),
        ("admin-write", Self::AdminWrite),
        ("operator", Self::Operator),
        ("metrics", Self::Metrics),
    ];
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, role)| *role).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!("there is no role `{name}`; there are {}", names.join(", "))
        })
    }
}

/// Whose tenants a key is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TenantScope {
    /// Every partner's and every customer's.
    All,
    /// Those of partners and customers with these ids; an id that both have names both.
    Of(BTreeSet<String>),
}

impl TenantScope {
    /// Whether a partner or customer is in it.
    #[must_use]
    pub fn holds(&self, tenant: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(tenants) => tenants.contains(tenant),
        }
    }
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Names it in lists and in the log; no secret.
    pub id: String,
    /// SHA-256 of the key, in hexadecimal digits.
    pub sha256: String,
    /// What it may be used for.
    pub roles: BTreeSet<Role>,
    /// Whose tenants it is for.
    pub tenants: TenantScope,
    /// The principal that it acts as: `PartnerUser::"ada"`. Without one, it says so
    /// itself with each request, within its tenants.
    pub principal: Option<String>,
    /// When it was made, UTC.
    pub created: Timestamp,
}

impl ApiKey {
    /// Whether it may do what no policy is about: everything, so that it must be for
    /// every tenant too.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.roles.contains(&Role::Operator) && self.tenants == TenantScope::All
    }
}

/// What a new key is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// As in [`ApiKey`].
    pub roles: BTreeSet<Role>,
    /// As in [`ApiKey`].
    pub tenants: TenantScope,
    /// As in [`ApiKey`].
    pub principal: Option<String>,
}

impl NewKey {
    /// What keeps it from being made, with what to do.
    ///
    /// # Errors
    /// A sentence: it has no role, an empty tenant, a principal that is none, or is
    /// an operator's for some tenants only.
    pub fn check(&self) -> Result<(), String> {
        if self.roles.is_empty() {
            return Err("a key needs a role, or it is good for nothing".to_owned());
        }
        if let TenantScope::Of(tenants) = &self.tenants {
            if tenants.is_empty() || tenants.contains("") {
                return Err("a tenant has an id; leave `tenants` out for every tenant".to_owned());
            }
            if self.roles.contains(&Role::Operator) {
                let why = "an operator may do everything; leave `tenants` out, or the role";
                return Err(why.to_owned());
            }
        }
        match &self.principal {
            Some(text) if text.parse::<EntityUid>().is_err() => Err(format!(
                "`{text}` is no principal; write `PartnerUser::\"ada@fabrikam.example\"`"
            )),
            _ => Ok(()),
        }
    }
}

/// A key itself. Shown once, to whoever made it; never printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Draws a key from the operating system's randomness.
    ///
    /// # Errors
    /// What the operating system says if it has none.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{KEY_PREFIX}{}", hex(&bytes))))
    }

    /// The text, to be shown to whoever made it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256(&self.0)
    }

    /// The id of the key: the beginning of its hash.
    #[must_use]
    pub fn id(&self) -> String {
        self.sha256().chars().take(12).collect()
    }
}

impl FromStr for Secret {
    type Err = &'static str;

    /// Takes a key that was drawn elsewhere, in the form of one that is drawn here.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(KEY_PREFIX);
        let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        match digits {
            Some(digits) if digits.len() == 2 * SECRET_BYTES && digits.chars().all(is_digit) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err("this is not a key"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a text, in hexadecimal digits.
pub(super) fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a `String` does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_random_and_never_shown_by_accident() {
        let (one, other) = (Secret::draw().unwrap(), Secret::draw().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), KEY_PREFIX.len() + 2 * SECRET_BYTES);
        assert!(!format!("{one:?}").contains(one.reveal()));
        assert!(one.sha256().starts_with(&one.id()));
        assert_eq!(one.reveal().parse(), Ok(one.clone()));
        for bad in [
            "",
            "aobo_",
            &one.reveal()[1..],
            &one.reveal()[..68],
            &format!("{}0", one.reveal()),
            &one.reveal().to_uppercase(),
            &format!("aobo_{}", "é".repeat(SECRET_BYTES)),
        ] {
            assert_eq!(bad.parse::<Secret>(), Err("this is not a key"));
        }
        assert_eq!(
            sha256("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
