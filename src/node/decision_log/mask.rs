//! Masks: keyed hashes that stand for what a row does not say.
//!
//! Equal values under one key have equal masks, so that a value is recognized
//! without being readable; whoever does not have the key cannot try values out.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use super::DecisionLogError;
use super::file::private;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Hexadecimal digits by which a key is named in rows.
const KEY_ID_DIGITS: usize = 16;
/// What every mask begins with.
const PREFIX: &str = "hmac-sha256:";

/// Words that tell a name of a secret: letters and digits of the name in lower
/// case hold one of them. Our choice.
pub const SECRET_WORDS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "authorization",
    "credential",
    "apikey",
    "privatekey",
    "accesskey",
    "cookie",
];

/// Whether a member of this name is masked whatever reads it: `clientSecret`,
/// `X-Api-Key`.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    let plain: String = letters.flat_map(char::to_lowercase).collect();
    SECRET_WORDS.iter().any(|word| plain.contains(word))
}

/// The key of the masks of a log.
#[derive(Clone)]
pub struct MaskKey {
    hmac: Hmac<Sha256>,
    id: String,
}

impl MaskKey {
    /// A key that is forgotten with the process.
    ///
    /// # Errors
    /// [`DecisionLogError::Start`] if the system has no randomness.
    pub fn draw() -> Result<Self, DecisionLogError> {
        Self::of(&draw()?)
    }

    /// The key of a file, which is made if it is not there, for its owner alone.
    ///
    /// # Errors
    /// [`DecisionLogError::Key`] if the file holds something else, and
    /// [`DecisionLogError::Open`] if it cannot be read or made.
    pub fn of_file(path: &Path) -> Result<Self, DecisionLogError> {
        let shown = || path.display().to_string();
        let unopened = |error| DecisionLogError::Open {
            path: shown(),
            error,
        };
        match private().create_new(true).open(path) {
            Ok(mut file) => {
                let key = draw()?;
                let text = format!("{}\n", hex(&key));
                file.write_all(text.as_bytes()).map_err(unopened)?;
                Self::of(&key)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let text = fs::read_to_string(path).map_err(unopened)?;
                let key = unhex(text.trim_end());
                Self::of(&key.ok_or_else(|| DecisionLogError::Key { path: shown() })?)
            }
            Err(error) => Err(unopened(error)),
        }
    }

    /// A key of given bytes.
    ///
    /// # Errors
    /// Never: HMAC takes keys of every length.
    pub fn of(key: &[u8]) -> Result<Self, DecisionLogError> {
        let hmac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| DecisionLogError::Start {
            what: "the key of the masks has a bad length".to_owned(),
        })?;
        // A text that no value has as its JSON, so that the name is no value's mask.
        let named = hmac.clone().chain_update("the name of this key").finalize();
        let mut id = hex(&named.into_bytes());
        id.truncate(KEY_ID_DIGITS);
        Ok(Self { hmac, id })
    }

    /// Names the key in rows, so that it is known which masks can be compared.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The mask of a value: of its JSON without spaces, members in the order in
    /// which they came. Shape: `hmac-sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn mask(&self, value: &impl Serialize) -> String {
        let mut text = Vec::new();
        // Writing to memory does not fail, and no value has keys that are not texts.
        let _ = serde_json::to_writer(&mut text, value);
        let code = self.hmac.clone().chain_update(&text).finalize();
        format!("{PREFIX}{}", hex(&code.into_bytes()))
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn draw() -> Result<[u8; KEY_BYTES], DecisionLogError> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| DecisionLogError::Start {
        what: error.to_string(),
    })?;
    Ok(key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    if text.len() != KEY_BYTES * 2 || !text.is_ascii() {
        return None;
    }
    for (n, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(n * 2..n * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_however_they_are_written() {
        for name in [
            "password",
            "newPassword",
            "client_secret",
            "X-Api-Key",
            "AUTHORIZATION",
            "access-token",
            "Set-Cookie",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["operation", "customer", "pass", "key", "authorized", "rows"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn equal_values_have_equal_masks_under_one_key() {
        let (one, other) = (MaskKey::of(b"1").unwrap(), MaskKey::of(b"2").unwrap());
        assert_eq!(one.mask(&"a"), one.mask(&"a"));
        assert_ne!(one.mask(&"a"), one.mask(&"b"));
        assert_ne!(one.mask(&"1"), one.mask(&1));
        assert_ne!(one.mask(&"a"), other.mask(&"a"));
        assert_ne!(one.id(), other.id());
    }

    #[test]
    fn it_is_the_hmac_of_rfc_4231() {
        // Test case 2 of the RFC, but that our texts are JSON and so have quotes.
        let key = MaskKey::of(b"Jefe").unwrap();
        let code = key
            .hmac
            .clone()
            .chain_update("what do ya want for nothing?");
        assert_eq!(
            hex(&code.finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(key.mask(&"x").len(), PREFIX.len() + 64);
    }

    #[test]
    fn a_key_is_kept_in_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = MaskKey::of_file(&path).unwrap();
        assert_eq!(MaskKey::of_file(&path).unwrap().id(), made.id());
        for bad in ["", "00", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
            fs::write(&path, bad).unwrap();
            let error = MaskKey::of_file(&path).unwrap_err();
            assert!(
                matches!(error, DecisionLogError::Key { .. }),
                "{bad}: {error}"
            );
        }
    }
}
