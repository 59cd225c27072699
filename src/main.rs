//! The `aobo` binary: parse, run, return the exit code.

use std::process::ExitCode;

/// Questions, answers and facts are many small allocations on many threads, which
/// this allocator takes a fraction of the usual time for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aobo::cli::main()
}
