//! The commands there are, and the way from arguments to an exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::logging::{self, LogFormat};
use super::{bench, check, decide, failure, keys, log, openapi, search, serve, test};

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
    /// How logs are written to stderr; `AOBO_LOG` says which.
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
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
    /// Verify, export, import or compact the log of a data folder.
    Log(log::Args),
    /// Make, list and revoke API keys.
    Keys(keys::Args),
    /// Describe the HTTP routes as OpenAPI 3.1.
    Openapi(openapi::Args),
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
    let access = matches!(&cli.command, Command::Serve(args) if args.access_log());
    logging::start(cli.log_format, access);
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Decide(args) => decide::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Log(args) => log::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Openapi(args) => openapi::run(&args),
        Command::Bench(args) => bench::run(&args),
    }
}
