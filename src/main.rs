//! The `aobo` binary: parse, run, return the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    aobo::cli::main()
}
