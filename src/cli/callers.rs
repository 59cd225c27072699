//! Who may call a server, and from where it may be reached: the flags of `serve`
//! that say so.

use std::net::SocketAddr;

use jiff::Timestamp;

use super::Failure;
use crate::api::{Callers, Issuer, IssuerSettings, KeyPlace, Strangers};

/// Who may call.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct CallerArgs {
    /// Ask callers for a key or a token on this machine too. Beyond it they are always
    /// asked.
    #[arg(long)]
    require_key: bool,
    /// Take tokens (JWT) of this issuer: their claim `iss`.
    #[arg(long, value_name = "ISS", requires_all = ["jwt_audience", "jwt_keys"])]
    jwt_issuer: Option<String>,
    /// Whom tokens must be for: their claim `aud`.
    #[arg(long, value_name = "AUD", requires = "jwt_issuer")]
    jwt_audience: Option<String>,
    /// The public keys of the issuer, a JWK set: a file, or an address with https.
    #[arg(long, value_name = "FILE|URL", requires = "jwt_issuer")]
    jwt_keys: Option<String>,
}

/// An address that is to be listened on, and what stands before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    pub(super) address: SocketAddr,
    /// Whether connections are encrypted.
    pub(super) tls: bool,
    /// Whether callers are asked who they are.
    pub(super) authenticated: bool,
    /// Whether the operator spelled out that they need not be.
    pub(super) insecure: bool,
}

/// Refuses an address that other machines reach without TLS and authentication,
/// unless it was spelled out. Source: reliability, "The process".
///
/// # Errors
/// [`Failure`] naming what is missing.
pub(super) fn check_reach(reach: &Reach) -> Result<(), Failure> {
    let missing = match (reach.tls, reach.authenticated) {
        (true, true) => return Ok(()),
        (false, true) => "there is no TLS",
        (true, false) => "callers are not asked who they are",
        (false, false) => "there is no TLS, and callers are not asked who they are",
    };
    let address = reach.address;
    if reach.insecure || is_loopback(address) {
        return Ok(());
    }
    Err(Failure::new(
        format!("`{address}` is reached from other machines, and {missing}"),
        "listen on a loopback address (127.0.0.1 or [::1]), or add what is missing (keys are \
         those of a data folder; tokens come with --jwt-issuer), or add --insecure where the \
         network itself keeps others out",
    ))
}

impl CallerArgs {
    /// Whether somebody can say who it is. `has_keys`: there is a data folder.
    #[must_use]
    pub(super) fn authenticates(&self, has_keys: bool) -> bool {
        has_keys || self.jwt_issuer.is_some()
    }

    /// Who is let in at the two addresses.
    ///
    /// # Errors
    /// [`Failure`]: the keys of the issuer are not there, or credentials are asked for
    /// that nobody can have.
    pub(super) fn callers(
        &self,
        decisions: SocketAddr,
        admin: SocketAddr,
        has_keys: bool,
    ) -> Result<Callers, Failure> {
        let authenticates = self.authenticates(has_keys);
        if self.require_key && !authenticates {
            return Err(Failure::new(
                "nobody could ask anything: there are no keys without a data folder",
                "add --jwt-issuer, --jwt-audience and --jwt-keys, or leave --require-key out",
            ));
        }
        let issuer = match self.settings()? {
            None => None,
            Some(settings) => Some(open(settings)?),
        };
        let strangers = |address: SocketAddr, on_loopback: Strangers| {
            match (is_loopback(address), authenticates) {
                (true, _) => on_loopback,
                (false, true) => Strangers::Nothing,
                // It was spelled out, or this was not come to.
                (false, false) => {
                    tracing::warn!(%address, "whoever reaches this address may ask for decisions");
                    Strangers::Decisions
                }
            }
        };
        let near = match self.require_key {
            true => Strangers::Metrics,
            false => Strangers::Decisions,
        };
        let at_admin = match is_loopback(admin) {
            true => Strangers::Metrics,
            false => Strangers::Nothing,
        };
        Ok(Callers::new(issuer, strangers(decisions, near), at_admin))
    }

    fn settings(&self) -> Result<Option<IssuerSettings>, Failure> {
        let given = (&self.jwt_issuer, &self.jwt_audience, &self.jwt_keys);
        let (Some(issuer), Some(audience), Some(keys)) = given else {
            return Ok(None);
        };
        if issuer.is_empty() || audience.is_empty() {
            return Err(Failure::new(
                "an issuer and an audience have names",
                "write --jwt-issuer and --jwt-audience as they stand in the claims `iss` and `aud`",
            ));
        }
        let keys: KeyPlace = keys.parse().map_err(|error: crate::api::KeyPlaceError| {
            Failure::new(format!("--jwt-keys: {error}"), "correct the flag")
        })?;
        Ok(Some(IssuerSettings {
            issuer: issuer.clone(),
            audience: audience.clone(),
            keys,
        }))
    }
}

fn open(settings: IssuerSettings) -> Result<Issuer, Failure> {
    Issuer::open(settings, Timestamp::now()).map_err(|message| {
        Failure::new(
            format!("--jwt-keys: {message}"),
            "give the JWK set of the issuer (RFC 7517), with its public keys",
        )
    })
}

/// Whether only this machine reaches an address.
fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, stands: (bool, bool, bool), missing: Option<&str>) {
        let (tls, authenticated, insecure) = stands;
        let reach = Reach {
            address: address.parse().unwrap(),
            tls,
            authenticated,
            insecure,
        };
        match (check_reach(&reach), missing) {
            (Ok(()), None) => {}
            (Err(failure), Some(missing)) => {
                let said = format!("{failure:?}");
                assert!(said.contains(missing), "{address}: {said}");
            }
            (got, _) => panic!("{address} {stands:?}: {got:?}"),
        }
    }

    #[test]
    fn only_loopback_is_listened_on_without_tls_and_authentication() {
        for near in [
            "127.0.0.1:8180",
            "127.9.9.9:0",
            "[::1]:8180",
            "[::ffff:127.0.0.1]:8180",
        ] {
            for stands in [
                (false, false, false),
                (true, false, false),
                (false, true, false),
            ] {
                check(near, stands, None);
            }
        }
        for far in ["0.0.0.0:8180", "[::]:8180", "10.0.0.1:8180", "[fe80::1]:1"] {
            let both = "there is no TLS, and callers are not asked who they are";
            check(far, (false, false, false), Some(both));
            check(far, (false, true, false), Some("and there is no TLS\""));
            check(far, (true, false, false), Some("and callers are not asked"));
            check(far, (true, true, false), None);
            check(far, (false, false, true), None);
        }
    }
}
