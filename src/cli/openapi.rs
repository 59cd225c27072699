//! `aobo openapi`: the documents of both listeners, without a server.

use std::process::ExitCode;

use super::output;
use crate::api::{Listener, document};

/// Prints what `GET /openapi.json` answers, for generators of clients.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which routes.
    #[arg(value_enum)]
    listener: Which,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Which {
    /// Those that callers ask for decisions.
    Decisions,
    /// Those that facts are administered at.
    Admin,
}

/// Exit code 0.
pub(super) fn run(args: &Args) -> ExitCode {
    let document = document(match args.listener {
        Which::Decisions => Listener::Decisions,
        Which::Admin => Listener::Admin,
    });
    output::data(&format!("{document:#}\n"));
    ExitCode::SUCCESS
}
