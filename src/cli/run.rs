//! The commands there are, and the way from arguments to an exit code.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::config::{self, settle};
use super::logging::{self, LogFormat};
use super::{
    bench, check, completions, decide, failure, health, keys, log, openapi, output, replay, search,
    serve, test,
};

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
    /// Describe the HTTP routes as OpenAPI 3.1.
    Openapi(openapi::Args),
    /// Measure decisions, searches, updates and memory on a synthetic world.
    Bench(bench::Args),
    /// Print what `serve` would be started with, and who said so.
    Config(config::Args),
    /// Ask a server whether it is ready.
    Health(health::Args),
    /// Print what a shell needs to complete this command line.
    Completions(completions::Args),
}

/// The command line as clap knows it.
#[cfg(test)]
pub(super) fn program() -> clap::Command {
    Cli::command()
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let mut program = Cli::command();
    let args = std::env::args_os().collect();
    let environment = std::env::vars_os();
    let environment = environment.map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    let settled = match settle(&program, args, &environment.collect()) {
        Ok(settled) => settled,
        Err(failure) => return failure.report(),
    };
    let parsed = program.try_get_matches_from_mut(&settled.args);
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version go to stdout and are no failure.
            let _ = error.print();
            output::error(&settled.notes(&error.to_string()));
            return match error.use_stderr() {
                true => failure::INVALID.into(),
                false => ExitCode::SUCCESS,
            };
        }
    };
    let (format, access) = match &cli.command {
        Command::Serve(args) => args.logging(),
        _ => (LogFormat::default(), false),
    };
    logging::start(format, access);
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Decide(args) => decide::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Log(args) => log::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Openapi(args) => openapi::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Config(args) => config::run(&args, &program, &matches, &settled),
        Command::Health(args) => health::run(&args),
        Command::Completions(args) => completions::run(&args, &mut program),
    }
}
