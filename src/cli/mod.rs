//! The command line: one command per file, each its `Args` and one function that
//! returns an exit code.
//!
//! Exit codes: 0 success or allow, 1 a check or test failed, 2 deny (`decide`),
//! 3 invalid input or usage. Data goes to stdout, logs and diagnostics to stderr.
//! Source: contract, section 1.

mod ask;
mod bench;
mod check;
mod data;
mod decide;
mod explain;
mod failure;
mod keys;
mod log;
mod logging;
mod openapi;
mod output;
mod run;
mod search;
mod serve;
mod source;
mod test;

pub use failure::Failure;
pub use run::main;
