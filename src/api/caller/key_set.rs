//! The public keys of an issuer: a JWK set, RFC 7517.
//!
//! Keys that sign nothing for us (another type, curve, use or algorithm, or without
//! a `kid`) are passed over, as the RFC asks for; a key of ours that cannot be right
//! makes the whole set refused.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};

use super::ALGORITHMS;

/// Keys of an issuer, at most. Our choice: a few times what issuers publish.
pub const JWKS_KEYS_MAX: usize = 100;
/// Bits of an RSA modulus, at least (RFC 7518, 3.3).
pub const RSA_BITS_MIN: usize = 2_048;
/// Bits of an RSA modulus, at most; larger ones cost more to check than tokens are
/// worth.
pub const RSA_BITS_MAX: usize = 4_096;
/// Bytes of a coordinate on P-256, and of a key on Ed25519.
const CURVE_BYTES: usize = 32;

/// Why a JWK set is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not JSON, or no `keys`.
    #[error("it is no JWK set (`{{\"keys\": […]}}`): {0}")]
    Form(String),
    /// More than [`JWKS_KEYS_MAX`].
    #[error("it holds {0} keys, more than the {JWKS_KEYS_MAX} that are taken")]
    TooMany(usize),
    /// A `kid` twice.
    #[error("it holds two keys with the `kid` `{0}`; a name must tell one key")]
    Twice(String),
    /// A key of a size or form that cannot be right.
    #[error("its key `{kid}` is not sound: {why}")]
    Unsound {
        /// Its `kid`.
        kid: String,
        /// What is wrong.
        why: String,
    },
    /// Nothing of use.
    #[error(
        "it holds no key with a `kid` that signs with RS256, PS256, ES256 or EdDSA; publish one"
    )]
    Empty,
}

/// The keys by which an issuer's tokens are checked, by `kid`.
#[derive(Debug, Clone, Default)]
pub struct KeySet(HashMap<String, PublicKey>);

/// A key, and what it signs with.
#[derive(Debug, Clone)]
pub(super) struct PublicKey {
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

impl KeySet {
    /// Reads a JWK set.
    ///
    /// # Errors
    /// [`KeySetError`] naming what is wrong; nothing is taken then.
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        let set: JwkSet =
            serde_json::from_str(text).map_err(|error| KeySetError::Form(error.to_string()))?;
        if set.keys.len() > JWKS_KEYS_MAX {
            return Err(KeySetError::TooMany(set.keys.len()));
        }
        let mut keys = HashMap::new();
        for jwk in &set.keys {
            let algorithms = algorithms(jwk);
            let (Some(kid), false) = (&jwk.common.key_id, algorithms.is_empty()) else {
                continue;
            };
            let unsound = |why: String| KeySetError::Unsound {
                kid: kid.clone(),
                why,
            };
            check(jwk).map_err(unsound)?;
            let key = DecodingKey::from_jwk(jwk).map_err(|error| unsound(error.to_string()))?;
            if keys
                .insert(kid.clone(), PublicKey { algorithms, key })
                .is_some()
            {
                return Err(KeySetError::Twice(kid.clone()));
            }
        }
        match keys.is_empty() {
            true => Err(KeySetError::Empty),
            false => Ok(Self(keys)),
        }
    }

    /// The key of a name.
    pub(super) fn key(&self, kid: &str) -> Option<&PublicKey> {
        self.0.get(kid)
    }
}

/// What a key may sign with, of what is taken.
fn algorithms(jwk: &Jwk) -> Vec<Algorithm> {
    let of_type: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            &[Algorithm::ES256]
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => &[],
    };
    let common = &jwk.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|of| *of == PublicKeyUse::Signature);
    let verifies = common
        .key_operations
        .as_ref()
        .is_none_or(|all| all.contains(&KeyOperations::Verify));
    let said = |algorithm: &Algorithm| {
        let said = common.key_algorithm;
        said.is_none_or(|said| said == (*algorithm).into())
    };
    let of_type = of_type.iter().copied();
    of_type
        .filter(|algorithm| signs && verifies && said(algorithm) && ALGORITHMS.contains(algorithm))
        .collect()
}

/// Sizes, which the library takes for granted.
fn check(jwk: &Jwk) -> Result<(), String> {
    match &jwk.algorithm {
        AlgorithmParameters::RSA(key) => {
            let modulus = bytes("n", &key.n)?;
            let leading = modulus.iter().take_while(|byte| **byte == 0).count();
            let first = modulus
                .get(leading)
                .map_or(8, |byte| byte.leading_zeros() as usize);
            let bits = ((modulus.len() - leading) * 8).saturating_sub(first);
            match (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
                true => bytes("e", &key.e).map(|_| ()),
                false => Err(format!(
                    "its modulus has {bits} bits, and {RSA_BITS_MIN} to {RSA_BITS_MAX} are taken"
                )),
            }
        }
        AlgorithmParameters::EllipticCurve(key) => {
            coordinate("x", &key.x)?;
            coordinate("y", &key.y)
        }
        AlgorithmParameters::OctetKeyPair(key) => coordinate("x", &key.x),
        _ => Err("its type is not known".to_owned()),
    }
}

fn coordinate(name: &str, text: &str) -> Result<(), String> {
    match bytes(name, text)?.len() {
        CURVE_BYTES => Ok(()),
        other => Err(format!(
            "`{name}` has {other} bytes instead of {CURVE_BYTES}"
        )),
    }
}

fn bytes(name: &str, text: &str) -> Result<Vec<u8>, String> {
    let decoded = URL_SAFE_NO_PAD.decode(text);
    decoded.map_err(|_| format!("`{name}` is not base64 in the alphabet of URLs"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn coordinate_of(bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![7; bytes])
    }

    fn ed(kid: &str) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": coordinate_of(32)})
    }

    fn rsa(bits: usize) -> Value {
        let mut modulus = vec![0xFF; bits.div_ceil(8)];
        modulus[0] = 0xFF >> (modulus.len() * 8 - bits);
        json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB"})
    }

    fn with(mut key: Value, member: &str, value: &str) -> Value {
        key[member] = value.into();
        key
    }

    /// What of a set is taken: each `kid` with its algorithms.
    #[track_caller]
    fn check(keys: &[Value], expected: Result<&[(&str, &[Algorithm])], &str>) {
        let parsed = KeySet::parse(&json!({ "keys": keys }).to_string());
        match (parsed, expected) {
            (Ok(set), Ok(wanted)) => {
                assert_eq!(set.0.len(), wanted.len(), "{keys:?}");
                for (kid, algorithms) in wanted {
                    assert_eq!(set.key(kid).unwrap().algorithms, *algorithms, "{kid}");
                }
            }
            (Err(error), Err(message)) => {
                assert!(error.to_string().contains(message), "{error}: {message}");
            }
            (got, wanted) => panic!("{keys:?}: {got:?} instead of {wanted:?}"),
        }
    }

    #[test]
    fn a_key_signs_as_its_type_and_its_own_words_say() {
        use Algorithm::{EdDSA, PS256, RS256};
        check(
            &[ed("a"), rsa(2_048)],
            Ok(&[("a", &[EdDSA]), ("r", &[RS256, PS256])]),
        );
        check(&[with(rsa(2_048), "alg", "PS256")], Ok(&[("r", &[PS256])]));
        check(&[with(ed("a"), "use", "sig")], Ok(&[("a", &[EdDSA])]));
        let none = "no key with a `kid`";
        check(&[], Err(none));
        check(&[with(ed("a"), "use", "enc")], Err(none));
        check(&[with(ed("a"), "alg", "ES256")], Err(none));
        check(&[with(rsa(2_048), "alg", "RS512")], Err(none));
        check(&[with(rsa(2_048), "alg", "HS256")], Err(none));
        check(
            &[json!({"kty": "oct", "kid": "s", "k": "c2VjcmV0"})],
            Err(none),
        );
        check(&[json!({"kty": "new", "kid": "s"})], Err(none));
        let mut nameless = ed("a");
        nameless.as_object_mut().unwrap().remove("kid");
        check(&[nameless], Err(none));
    }

    #[test]
    fn a_key_of_the_wrong_size_refuses_the_set() {
        check(&[rsa(RSA_BITS_MIN - 1)], Err("2047 bits"));
        check(
            &[rsa(RSA_BITS_MAX)],
            Ok(&[("r", &[Algorithm::RS256, Algorithm::PS256])]),
        );
        check(&[ed("a"), rsa(RSA_BITS_MAX + 1)], Err("4097 bits"));
        check(&[with(ed("a"), "x", &coordinate_of(31))], Err("31 bytes"));
        check(&[with(ed("a"), "x", "&")], Err("base64"));
        let curve = json!({"kty": "EC", "crv": "P-256", "kid": "e", "x": coordinate_of(32), "y": coordinate_of(33)});
        check(&[curve], Err("`y` has 33 bytes"));
    }

    #[test]
    fn a_set_is_taken_whole_or_not() {
        check(&[ed("a"), ed("a")], Err("two keys with the `kid` `a`"));
        let many = |n: usize| (0..n).map(|i| ed(&i.to_string())).collect::<Vec<_>>();
        assert!(KeySet::parse(&json!({"keys": many(JWKS_KEYS_MAX)}).to_string()).is_ok());
        check(&many(JWKS_KEYS_MAX + 1), Err("101 keys"));
        for text in ["", "[]", "{}", r#"{"keys": {}}"#] {
            assert!(
                matches!(KeySet::parse(text), Err(KeySetError::Form(_))),
                "{text}"
            );
        }
    }
}
