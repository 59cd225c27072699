//! The commands there are, and the way from arguments to an exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use super::{bench, check, decide, failure, keys, log, output, replay, search, serve, test};

/// Decisions for those who administer on behalf of others.
#[derive(Debug, Parser)]
#[command(
    name = "aobo",
    version,
    about,
    max_term_width = 100,
    propagate_version = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer decisions over HTTP.
    Serve(serve::Args),
    /// Parse, validate strictly and lint a schema and policies.
    Check(check::Args),
    /// Run suites and cases.
    Test(test::Args),
    /// Make one decision.
    Decide(decide::Args),
    /// List the resources, principals or actions that would be allowed.
    Search(search::Args),
    /// Decide the rows of decision logs again, and say what flips.
    Replay(replay::Args),
    /// Verify, export, import or compact the log of a data folder.
    Log(log::Args),
    /// Make, list and revoke API keys.
    Keys(keys::Args),
    /// Measure decisions, searches, updates and memory on a synthetic world.
    Bench(bench::Args),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout and are no failure.
            let _ = error.print();
            return match error.use_stderr() {
                true => failure::INVALID.into(),
                false => ExitCode::SUCCESS,
            };
        }
    };
    start_logging();
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Decide(args) => decide::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Log(args) => log::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Bench(args) => bench::run(&args),
    }
}

/// Logs to stderr, at `info` unless `AOBO_LOG` says otherwise.
fn start_logging() {
    let filter = EnvFilter::try_from_env("AOBO_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::colour(&std::io::stderr()))
        .with_target(false)
        .try_init();
}
