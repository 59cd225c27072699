//! The Access Request Service as an operator names it.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};

use super::signer::Signer;
use crate::api::AppState;
use crate::api::caller::is_loopback_host;
use crate::api::error::ApiError;
use crate::api::metadata::METADATA_CACHE_SECONDS;
use crate::api::routes::not_found;
use crate::node::ReadsKept;

/// Seconds that an offer may be taken up. Our choice; the profile asks for minutes.
pub const OFFER_SECONDS: i64 = 600;

/// Where access is asked for, and who vouches for denials.
pub struct AccessRequests {
    endpoint: String,
    pub(super) signer: Signer,
    pub(super) reads: ReadsKept,
}

/// Why there can be no offers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessRequestError {
    /// Not a URL, or not https where it must be.
    #[error(
        "`{0}` is no endpoint of access requests; write it as `https://requests.example/access`"
    )]
    Endpoint(String),
    /// No private key.
    #[error(
        "the key of access requests is no private key on Ed25519 or P-256 (PKCS #8 in PEM); make \
         one with `openssl genpkey -algorithm ed25519`"
    )]
    Key,
}

impl AccessRequests {
    /// A service at an endpoint: an https URL, or http on this machine. `key` is the
    /// private key that signs binding tokens, in PEM.
    ///
    /// # Errors
    /// [`AccessRequestError`] naming what is wrong.
    pub fn new(endpoint: &str, key: &[u8]) -> Result<Self, AccessRequestError> {
        let refused = || AccessRequestError::Endpoint(endpoint.to_owned());
        let uri: Uri = endpoint.parse().map_err(|_| refused())?;
        let host = uri.host().ok_or_else(refused)?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback_host(host) => {}
            _ => return Err(refused()),
        }
        Ok(Self {
            endpoint: endpoint.to_owned(),
            signer: Signer::read(key).ok_or(AccessRequestError::Key)?,
            reads: ReadsKept::default(),
        })
    }

    /// Where access is asked for.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl fmt::Debug for AccessRequests {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_tuple("AccessRequests")
            .field(&self.endpoint)
            .finish()
    }
}

/// The key that binding tokens are checked with.
///
/// # Errors
/// [`ApiError::NotFound`] where there are none.
pub(in crate::api) async fn jwks(
    State(state): State<Arc<AppState>>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let Some(requests) = state.access_requests() else {
        return Err(not_found(uri).await);
    };
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (
            header::CACHE_CONTROL,
            format!("max-age={METADATA_CACHE_SECONDS}"),
        ),
    ];
    Ok((headers, requests.signer.jwks().to_owned()).into_response())
}
