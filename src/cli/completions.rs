//! `aobo completions`: what a shell needs to complete the command line.

use std::process::ExitCode;

use clap::Command;
use clap_complete::{Shell, generate};

use super::output;

/// Prints the completions of a shell, to be put where the shell looks for them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Always exit code 0.
pub(super) fn run(args: &Args, program: &mut Command) -> ExitCode {
    let mut text = Vec::new();
    generate(args.shell, program, "aobo", &mut text);
    output::data(&String::from_utf8_lossy(&text));
    ExitCode::SUCCESS
}
