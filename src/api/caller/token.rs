//! What a token must be, and the caller that it makes.
//!
//! The signature is `jsonwebtoken`'s affair; times are checked here, by the clock
//! that decides. A token is a JWS in compact form, RFC 7519, signed by a key of its
//! issuer that its header names.
//!
//! Claims of our own: `aobo_roles`, a list of names of roles, of which those that
//! are not known do not count; `aobo_tenants`, a list of ids of partners and
//! customers, or `["*"]` for every one; `aobo_principal`, the principal that it acts
//! as: `PartnerUser::"ada@fabrikam.example"`. What is absent is not given: no roles,
//! no tenants.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;

use super::key_set::PublicKey;
use super::{CallerIdentity, IssuerSettings};
use crate::node::{Role, TenantScope};
use crate::policy::check_id;

/// How a token may be signed: with a key that its bearer cannot have.
pub const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];
/// Seconds by which the clocks of an issuer and this one may differ, at both ends of
/// a token's life.
pub const LEEWAY_SECONDS: i32 = 60;
/// Bytes of a token, at most; a longer one is not looked at. Our choice: some
/// hundreds of tenants.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Bytes of the claim `sub`, at most; it is written into logs. As long as an id.
pub const SUBJECT_BYTES_MAX: usize = 256;

/// What a header's `typ` may be; those of other tokens of the same issuer are none
/// of ours (RFC 8725, 3.11).
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];
/// In `aobo_tenants`: every tenant.
const EVERY_TENANT: &str = "*";

/// Why a token is not taken. For the log: its bearer is told nothing, and nothing of
/// the token is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    /// Too long, not three parts, not base64, not JSON, an algorithm of no name.
    #[error("it is no token in compact form")]
    Form,
    /// Its `typ` is another's, or its `crit` asks for what is not understood.
    #[error("it is not an access token")]
    Type,
    /// Not one of [`ALGORITHMS`], or not one of its key.
    #[error("it is signed in a way that its key is not for")]
    Algorithm,
    /// No `kid`.
    #[error("it does not name its key (`kid`)")]
    NoKey,
    /// A `kid` of no key.
    #[error("its issuer has no key of that name (`kid`)")]
    UnknownKey,
    /// The keys could not be read for so long that they do not count.
    #[error("the keys of its issuer could not be read again for too long")]
    OldKeys,
    /// The signature, or `iss` or `aud`, or a claim that is missing or mistyped.
    #[error(
        "its signature, its `iss` or its `aud` is another's, or a claim is missing or mistyped"
    )]
    Claims,
    /// `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// `nbf` is yet to come.
    #[error("it is not valid yet")]
    NotYet,
    /// A `sub` that cannot be written into logs.
    #[error("its `sub` is empty, too long, or has characters that cannot be seen")]
    Subject,
    /// A principal that is none.
    #[error("its `aobo_principal` is no principal")]
    Principal,
}

/// Whom a token says that it was made by, and with what, before anything is
/// checked.
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) key: String,
}

/// Times are seconds since 1970, UTC, whole or not (RFC 7519, NumericDate).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: f64,
    nbf: f64,
    #[serde(default)]
    aobo_roles: Vec<String>,
    #[serde(default)]
    aobo_tenants: BTreeSet<String>,
    aobo_principal: Option<String>,
}

impl Header {
    /// Reads the header of a token.
    ///
    /// # Errors
    /// [`TokenError`] if it could not be a token that is taken, whatever its key.
    pub(super) fn read(token: &str) -> Result<Self, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Form);
        }
        let header = decode_header(token).map_err(|_| TokenError::Form)?;
        let typed = header.typ.as_ref().map(|typ| typ.to_ascii_lowercase());
        if header.crit.is_some() || typed.is_some_and(|typ| !TYPES.contains(&typ.as_str())) {
            return Err(TokenError::Type);
        }
        if !ALGORITHMS.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        Ok(Self {
            algorithm: header.alg,
            key: header.kid.ok_or(TokenError::NoKey)?,
        })
    }

    /// Checks the token under its key, and tells its bearer.
    ///
    /// # Errors
    /// [`TokenError`] saying what is wrong.
    pub(super) fn verify(
        &self,
        token: &str,
        key: &PublicKey,
        settings: &IssuerSettings,
        now: Timestamp,
    ) -> Result<CallerIdentity, TokenError> {
        if !key.algorithms.contains(&self.algorithm) {
            return Err(TokenError::Algorithm);
        }
        let mut rules = Validation::new(self.algorithm);
        rules.set_issuer(&[&settings.issuer]);
        rules.set_audience(&[&settings.audience]);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library would ask the machine's clock.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let decoded = decode::<Claims>(token, &key.key, &rules).map_err(|_| TokenError::Claims)?;
        decoded.claims.caller(settings, now)
    }
}

impl Claims {
    fn caller(
        self,
        settings: &IssuerSettings,
        now: Timestamp,
    ) -> Result<CallerIdentity, TokenError> {
        // The library takes a list of issuers as well.
        if self.iss != settings.issuer {
            return Err(TokenError::Claims);
        }
        let (now, leeway) = (now.as_duration().as_secs_f64(), f64::from(LEEWAY_SECONDS));
        if self.exp + leeway <= now {
            return Err(TokenError::Expired);
        }
        if self.nbf - leeway > now {
            return Err(TokenError::NotYet);
        }
        check_id(&self.sub, SUBJECT_BYTES_MAX).map_err(|_| TokenError::Subject)?;
        let principal = self.aobo_principal;
        if principal
            .as_ref()
            .is_some_and(|text| text.parse::<EntityUid>().is_err())
        {
            return Err(TokenError::Principal);
        }
        let roles = self
            .aobo_roles
            .iter()
            .filter_map(|name| name.parse::<Role>().ok());
        let tenants = match self.aobo_tenants.contains(EVERY_TENANT) {
            true => TenantScope::All,
            false => TenantScope::Of(self.aobo_tenants),
        };
        Ok(CallerIdentity::of_token(
            &self.sub,
            roles.collect(),
            tenants,
            principal,
        ))
    }
}
