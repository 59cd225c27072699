//! `aobo health`: whether a server near by is ready, for whatever starts it.

use std::process::ExitCode;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::TlsConfig;

use super::{Failure, output};

/// Seconds that a server has to answer. Our choice: less than what container
/// runtimes wait for the whole check.
const ANSWER_SECONDS_MAX: u64 = 2;

/// Asks a server whether it is ready. Exit code 0 if it is, 1 if it is not or does
/// not answer.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to ask. On this machine a certificate is not checked: nothing but the
    /// answer's status is taken, and nothing is told.
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8180/readyz"
    )]
    url: Uri,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let host = args.url.host().unwrap_or_default();
    let here = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    if !matches!(args.url.scheme_str(), Some("http" | "https")) {
        let failure = Failure::new(
            format!("`{}` is no URL that can be asked", args.url),
            "write http://127.0.0.1:8180/readyz, or https://…",
        );
        return failure.report();
    }
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().disable_verification(here).build())
        // A proxy would be asked about itself.
        .proxy(None)
        .build()
        .into();
    match agent.get(&args.url).call() {
        Ok(mut answer) => {
            let ready = answer.status().is_success();
            let text = answer.body_mut().read_to_string().unwrap_or_default();
            output::data(&format!("{}\n", text.trim_end()));
            match ready {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            output::error(&format!("`{}` does not answer: {error}\n", args.url));
            ExitCode::FAILURE
        }
    }
}
