//! Where an issuer's keys are, and reading them there. Blocks; never called on the
//! threads that answer.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use axum::http::Uri;
use ureq::Agent;

/// Bytes of a JWK set, at most. Our choice: many times what issuers publish.
pub const JWKS_BYTES_MAX: u64 = 256 * 1024;
/// Seconds that fetching a JWK set may take, from the first name looked up to the
/// last byte. Our choice: a caller waits for it.
pub const JWKS_FETCH_SECONDS_MAX: u64 = 5;

/// Where an issuer's keys are. Shape: `keys.json`, or
/// `https://login.example/keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// A file of this machine.
    File(PathBuf),
    /// An address; without TLS only on this machine.
    Url(String),
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyPlaceError {
    /// An address without TLS beyond this machine.
    #[error("`{0}` is not asked over TLS; write `https://…`, or name a file")]
    Plain(String),
    /// No address.
    #[error("`{0}` is no address; write `https://…`, or name a file")]
    Address(String),
    /// The file cannot be read.
    #[error("`{path}` cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The address does not answer, or not with a document.
    #[error("`{url}` does not give the keys")]
    Fetch {
        /// The address.
        url: String,
        /// Why not.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The address answers with something else, a redirection perhaps.
    #[error("`{url}` answers {status} instead of the keys")]
    Status {
        /// The address.
        url: String,
        /// The status of its answer.
        status: u16,
    },
    /// More than [`JWKS_BYTES_MAX`].
    #[error("there are more than {JWKS_BYTES_MAX} bytes, the most that are read")]
    TooLarge,
}

/// What was read, and the file's time of change.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) text: String,
    pub(super) modified: Option<SystemTime>,
}

impl FromStr for KeyPlace {
    type Err = KeyPlaceError;

    fn from_str(text: &str) -> Result<Self, KeyPlaceError> {
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let address = || KeyPlaceError::Address(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| address())?;
        let host = uri.host().ok_or_else(address)?;
        match uri.scheme_str() {
            Some("https") => Ok(Self::Url(text.to_owned())),
            Some("http") if is_loopback_host(host) => Ok(Self::Url(text.to_owned())),
            Some("http") => Err(KeyPlaceError::Plain(text.to_owned())),
            _ => Err(address()),
        }
    }
}

impl KeyPlace {
    /// Whether each reading costs somebody else something.
    pub(super) fn is_far(&self) -> bool {
        matches!(self, Self::Url(_))
    }

    /// Reads the keys; none if the file is as it was at `seen`.
    pub(super) fn read(&self, seen: Option<SystemTime>) -> Result<Option<Document>, KeyPlaceError> {
        match self {
            Self::File(path) => {
                let failed = |source| KeyPlaceError::File {
                    path: path.clone(),
                    source,
                };
                let file = File::open(path).map_err(failed)?;
                let modified = file
                    .metadata()
                    .and_then(|data: Metadata| data.modified())
                    .ok();
                if seen.is_some() && seen == modified {
                    return Ok(None);
                }
                let mut text = String::new();
                let read = file.take(JWKS_BYTES_MAX + 1).read_to_string(&mut text);
                let read = read.map_err(failed)?;
                match read as u64 > JWKS_BYTES_MAX {
                    true => Err(KeyPlaceError::TooLarge),
                    false => Ok(Some(Document { text, modified })),
                }
            }
            Self::Url(url) => {
                let text = fetch(url)?;
                let modified = None;
                Ok(Some(Document { text, modified }))
            }
        }
    }
}

fn fetch(url: &str) -> Result<String, KeyPlaceError> {
    let uri = url.parse::<Uri>().ok();
    let near = uri
        .as_ref()
        .and_then(Uri::host)
        .is_some_and(is_loopback_host);
    let mut config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(JWKS_FETCH_SECONDS_MAX)))
        // Where the keys are was said by the operator, not by whoever answers.
        .max_redirects(0)
        .https_only(url.starts_with("https://"));
    if near {
        config = config.proxy(None);
    }
    let failed = |source| match source {
        ureq::Error::BodyExceedsLimit(_) => KeyPlaceError::TooLarge,
        source => KeyPlaceError::Fetch {
            url: url.to_owned(),
            source: Box::new(source),
        },
    };
    let agent = Agent::new_with_config(config.build());
    let mut response = agent.get(url).call().map_err(failed)?;
    if response.status().as_u16() != 200 {
        return Err(KeyPlaceError::Status {
            url: url.to_owned(),
            status: response.status().as_u16(),
        });
    }
    let body = response.body_mut().with_config().limit(JWKS_BYTES_MAX + 1);
    let text = body.read_to_string().map_err(failed)?;
    match text.len() as u64 > JWKS_BYTES_MAX {
        true => Err(KeyPlaceError::TooLarge),
        false => Ok(text),
    }
}

/// Whether the host of an address is this machine: `localhost`, `127.0.0.1`, `[::1]`.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_file: Option<bool>) {
        let parsed = text.parse::<KeyPlace>();
        let got = parsed.ok().map(|place| matches!(place, KeyPlace::File(_)));
        assert_eq!(got, is_file, "{text}");
    }

    #[test]
    fn keys_come_from_a_file_or_over_tls() {
        check("keys.json", Some(true));
        check("/etc/aobo/keys.json", Some(true));
        check("https://login.example/keys", Some(false));
        check("http://127.0.0.1:8080/keys", Some(false));
        check("http://[::1]:8080/keys", Some(false));
        check("http://localhost/keys", Some(false));
        check("http://login.example/keys", None);
        check("http://127.0.0.1.login.example/keys", None);
        check("ftp://login.example/keys", None);
        check("https://", None);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound_and_not_again_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let most = usize::try_from(JWKS_BYTES_MAX).unwrap();
        std::fs::write(&path, " ".repeat(most)).unwrap();
        let place = KeyPlace::File(path.clone());
        let first = place.read(None).unwrap().unwrap();
        assert_eq!(first.text.len(), most);
        assert!(place.read(first.modified).unwrap().is_none());
        std::fs::write(&path, " ".repeat(most + 1)).unwrap();
        assert!(matches!(place.read(None), Err(KeyPlaceError::TooLarge)));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(place.read(None), Err(KeyPlaceError::File { .. })));
    }
}
