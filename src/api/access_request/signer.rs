//! The key that signs binding tokens, and its public half.

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

/// A private key, on Ed25519 or on P-256.
pub(super) struct Signer {
    key: EncodingKey,
    header: Header,
    jwks: String,
}

impl Signer {
    /// Reads a private key: PKCS #8 in PEM, not encrypted. None if it is not one.
    pub(super) fn read(pem: &[u8]) -> Option<Self> {
        let ed = EncodingKey::from_ed_pem(pem).map(|key| (key, Algorithm::EdDSA));
        let found =
            ed.or_else(|_| EncodingKey::from_ec_pem(pem).map(|key| (key, Algorithm::ES256)));
        let (key, algorithm) = found.ok()?;
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).ok()?;
        // Source: RFC 7638.
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).ok()?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let jwks = serde_json::to_string(&JwkSet { keys: vec![jwk] }).ok()?;
        let mut header = Header::new(algorithm);
        header.kid = Some(kid);
        let signer = Self { key, header, jwks };
        // A key on another curve is seen when it signs.
        signer.sign(&()).map(|_| signer)
    }

    /// A JWT with these claims, in compact form.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Option<String> {
        encode(&self.header, claims, &self.key).ok()
    }

    /// The public key as a JWK set.
    pub(super) fn jwks(&self) -> &str {
        &self.jwks
    }
}
