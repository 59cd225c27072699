//! Asking a running server instead of deciding here.
//!
//! The key comes from the environment (`AOBO_KEY`) and never from a flag, which
//! others on the machine could read; it goes into one header and nowhere else.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use serde_json::Value as Json;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::Failure;
use crate::api::is_loopback_host;

/// The environment variable that holds the key, or a token.
const KEY: &str = "AOBO_KEY";
/// Seconds that an answer may take. Our choice: longer than a server waits for a
/// revision, and replays a past one.
const ANSWER_SECONDS_MAX: u64 = 30;
/// Bytes of an answer, at most: many times an explained one, or a page of a search.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// A running server to ask instead.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RemoteArgs {
    /// Ask a running server: `http://127.0.0.1:8180`. Its key, if it wants one, comes
    /// from the environment variable AOBO_KEY.
    #[arg(
        long,
        value_name = "URL",
        group = "kept",
        conflicts_with_all = ["world", "schema", "profile"]
    )]
    url: Option<String>,
    /// Certificates (PEM) of the authorities that vouch for the server, instead of
    /// those of the web.
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
}

/// A server that answers.
pub(super) struct Remote {
    base: String,
    agent: Agent,
    authorization: Option<String>,
    as_of: Option<String>,
}

/// What it answered: a JSON document, and the revision that it names.
pub(super) struct Reply {
    pub(super) json: Json,
    pub(super) revision: Option<u64>,
}

impl RemoteArgs {
    /// The server that is named, if one is. `has_now`: whether a time was given.
    ///
    /// # Errors
    /// [`Failure`]: no address, a time that would not count, certificates or a key that
    /// are none.
    pub(super) fn server(
        &self,
        as_of: Option<&str>,
        has_now: bool,
    ) -> Result<Option<Remote>, Failure> {
        let Some(url) = &self.url else {
            return Ok(None);
        };
        if has_now {
            return Err(Failure::new(
                "--now does not count with --url: the clock of the server decides",
                "leave --now out, or ask about a past time with --as-of",
            ));
        }
        let uri: Option<Uri> = url.parse().ok();
        let scheme = uri.as_ref().and_then(Uri::scheme_str);
        let host = uri
            .as_ref()
            .and_then(Uri::host)
            .filter(|host| !host.is_empty());
        let (Some("http" | "https"), Some(host)) = (scheme, host) else {
            return Err(Failure::new(
                format!("`{url}` is no address of a server"),
                "write --url http://127.0.0.1:8180, or https://…",
            ));
        };
        let mut config = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
            .http_status_as_error(false)
            // A key is for the server that was named.
            .max_redirects(0)
            .max_redirects_will_error(false);
        if is_loopback_host(host) {
            config = config.proxy(None);
        }
        if let Some(roots) = self.roots()? {
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Some(Remote {
            base: url.trim_end_matches('/').to_owned(),
            agent: Agent::new_with_config(config.build()),
            authorization: key()?,
            as_of: as_of.map(str::to_owned),
        }))
    }

    fn roots(&self) -> Result<Option<RootCerts>, Failure> {
        let Some(path) = &self.ca else {
            return Ok(None);
        };
        let next_step = "give a file of certificates in PEM: `-----BEGIN CERTIFICATE-----`";
        let failed = |why: String| Failure::new(format!("`{}`: {why}", path.display()), next_step);
        let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let mut certificates: Vec<Certificate<'static>> = Vec::new();
        for item in parse_pem(&pem) {
            match item.map_err(|error| failed(error.to_string()))? {
                PemItem::Certificate(certificate) => certificates.push(certificate),
                _ => {
                    return Err(failed(
                        "it holds something else than certificates".to_owned(),
                    ));
                }
            }
        }
        match certificates.is_empty() {
            true => Err(failed("it holds no certificate".to_owned())),
            false => Ok(Some(RootCerts::new_with_certs(&certificates))),
        }
    }
}

/// The header that shows the key.
fn key() -> Result<Option<String>, Failure> {
    let Some(key) = std::env::var_os(KEY).filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    match key
        .to_str()
        .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        Some(key) => Ok(Some(format!("Bearer {key}"))),
        None => Err(Failure::new(
            format!("{KEY} holds characters that no key has"),
            "set it to a key as `aobo keys create` printed it, or to a token",
        )),
    }
}

impl Remote {
    /// Posts a question.
    ///
    /// # Errors
    /// [`Failure`] saying what came instead of an answer.
    pub(super) fn ask(&self, path: &str, body: &Json) -> Result<Reply, Failure> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("Content-Type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        if let Some(as_of) = &self.as_of {
            request = request.header("Aobo-As-Of", as_of);
        }
        let sent = request.send(body.to_string());
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let revision = response.headers().get("aobo-revision");
        let revision = revision.and_then(|value| value.to_str().ok()?.parse().ok());
        let text = text(response.body_mut()).map_err(|error| self.unreachable(&error))?;
        let json: Option<Json> = serde_json::from_str(&text).ok();
        match (status, json) {
            // A list would be read as an object's members in order.
            (200, Some(json)) if json.is_object() => Ok(Reply { json, revision }),
            (200, Some(_)) => Err(self.no_answer("its answer is no JSON object")),
            (200, None) => Err(self.no_answer("its answer is not JSON")),
            (status, json) => Err(self.refused(status, json.as_ref())),
        }
    }

    /// The failure of an answer that is none.
    pub(super) fn no_answer(&self, why: &str) -> Failure {
        Failure::new(
            format!(
                "`{}` does not answer as a decision point does: {why}",
                self.base
            ),
            "name the address on which `aobo serve` listens for decisions",
        )
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure::new(
            format!("`{}` does not answer: {error}", self.base),
            "see that the server runs and that the address is its own; a private authority is \
             named with --ca",
        )
    }

    fn refused(&self, status: u16, json: Option<&Json>) -> Failure {
        let said = json.and_then(|json| json.pointer("/error/message")?.as_str());
        let what = match said {
            Some(said) => format!("`{}` answered {status}: {said}", self.base),
            None => format!("`{}` answered {status}, and not with a decision", self.base),
        };
        let next_step = match (status, &self.authorization) {
            (401, None) => "put a key into the environment variable AOBO_KEY",
            (401, Some(_)) => "see that AOBO_KEY holds a key that is in use on that server",
            (403, _) => "use a key with the role and the tenants that this needs",
            (503, _) => "ask again later",
            _ => "correct the question or the address",
        };
        Failure::new(what, next_step)
    }
}

fn text(body: &mut Body) -> Result<String, ureq::Error> {
    body.with_config().limit(ANSWER_BYTES_MAX).read_to_string()
}
