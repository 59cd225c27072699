//! `GET /.well-known/authzen-configuration`: where the decision routes are.
//!
//! Every URL begins with what the operator said is the server's, never with what a
//! request says (its `Host` above all), because whoever is led elsewhere would take
//! another's decisions for ours. Signed metadata is left out.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::AppState;
use super::error::ApiError;
use super::routes::not_found;

/// Seconds that metadata may be kept by whoever fetched it. Our choice: it changes
/// with a restart only.
pub const METADATA_CACHE_SECONDS: u32 = 3_600;

/// The URL under which callers reach the decision routes: the identifier of the
/// decision point.
///
/// Shape: `https://pdp.example.com`, or with a path; no query, no fragment, no
/// slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    url: String,
    /// Where the host stands.
    host: Range<usize>,
    /// Where the path begins.
    path: usize,
}

/// A text that cannot be the server's public URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` {problem}; write it as `https://pdp.example.com`")]
pub struct PublicUrlError {
    url: String,
    problem: &'static str,
}

impl PublicUrl {
    /// Whether what it says arrives unchanged: the specification asks for `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https:")
    }

    /// The host alone: `pdp.example.com`.
    pub(super) fn host(&self) -> &str {
        self.url.get(self.host.clone()).unwrap_or_default()
    }

    /// What follows the host: nothing, or `/tenant1`.
    fn path(&self) -> &str {
        self.url.get(self.path..).unwrap_or_default()
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let refused = |problem| PublicUrlError {
            url: text.to_owned(),
            problem,
        };
        if text.contains(['?', '#']) {
            return Err(refused("has a query or a fragment"));
        }
        let uri: Uri = text.parse().map_err(|_| refused("is not a URL"))?;
        let (Some("https" | "http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refused("does not begin with https:// and a host"));
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(refused("has no plain host"));
        }
        let url = text.trim_end_matches('/').to_owned();
        let path = url.len() - uri.path().trim_end_matches('/').len();
        let begin = url.find("://").map_or(0, |scheme| scheme + "://".len());
        let host = begin..begin + authority.host().len();
        Ok(Self { url, host, path })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// Source: AuthZEN 1.0, "Endpoint Parameters". What has no value is left out:
/// signed metadata, and capabilities where there is no Access Request Service.
#[derive(Serialize)]
struct Metadata<'a> {
    policy_decision_point: &'a str,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
    search_subject_endpoint: String,
    search_resource_endpoint: String,
    search_action_endpoint: String,
    #[serde(flatten)]
    access_requests: Option<AccessRequestMetadata<'a>>,
}

/// Source: the access request and approval profile, "Discovery".
#[derive(Serialize)]
struct AccessRequestMetadata<'a> {
    access_request_endpoint: &'a str,
    jwks_uri: String,
    capabilities: [&'static str; 1],
}

/// Source: the same.
const ACCESS_REQUESTS: &str = "urn:openid:authzen:capability:access-request";

/// The metadata of the server.
///
/// # Errors
/// [`ApiError::NotFound`] where nobody said what the public URL is.
pub(super) async fn metadata(
    State(state): State<Arc<AppState>>,
    uri: Uri,
) -> Result<Response, ApiError> {
    match state.public_url() {
        None => Err(not_found(uri).await),
        Some(url) => Ok(document(&state, url)),
    }
}

/// The same where the public URL has a path, which then follows the well-known one.
///
/// # Errors
/// [`ApiError::NotFound`] for any other path.
pub(super) async fn metadata_of_path(
    State(state): State<Arc<AppState>>,
    Path(path): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let url = state.public_url();
    match url.filter(|url| url.path().strip_prefix('/') == Some(&path)) {
        None => Err(not_found(uri).await),
        Some(url) => Ok(document(&state, url)),
    }
}

fn document(state: &AppState, url: &PublicUrl) -> Response {
    let of = |route: &str| format!("{url}/access/v1/{route}");
    let metadata = Metadata {
        policy_decision_point: &url.url,
        access_evaluation_endpoint: of("evaluation"),
        access_evaluations_endpoint: of("evaluations"),
        search_subject_endpoint: of("search/subject"),
        search_resource_endpoint: of("search/resource"),
        search_action_endpoint: of("search/action"),
        access_requests: state
            .access_requests()
            .map(|requests| AccessRequestMetadata {
                access_request_endpoint: requests.endpoint(),
                jwks_uri: of("jwks"),
                capabilities: [ACCESS_REQUESTS],
            }),
    };
    let kept = format!("max-age={METADATA_CACHE_SECONDS}");
    ([(header::CACHE_CONTROL, kept)], Json(metadata)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str)>) {
        let url: Option<PublicUrl> = text.parse().ok();
        let parts = url.as_ref().map(|url| (url.url.as_str(), url.path()));
        assert_eq!(parts, expected, "{text}");
    }

    #[test]
    fn a_public_url_is_a_scheme_a_host_and_perhaps_a_path() {
        let plain = "https://pdp.example.com";
        check(plain, Some((plain, "")));
        check("https://pdp.example.com/", Some((plain, "")));
        let deep = "https://pdp.example.com:8443/a/b";
        check(deep, Some((deep, "/a/b")));
        check(&format!("{deep}/"), Some((deep, "/a/b")));
        check("http://127.0.0.1:8180", Some(("http://127.0.0.1:8180", "")));
        check("http://[::1]:8180", Some(("http://[::1]:8180", "")));
        for bad in [
            "",
            "pdp.example.com",
            "/a",
            "ftp://pdp.example.com",
            "https://",
            "https:///a",
            "https://pdp.example.com?x=1",
            "https://pdp.example.com/#a",
            "https://me:secret@pdp.example.com",
            "https://pdp example.com",
        ] {
            check(bad, None);
        }
    }
}
