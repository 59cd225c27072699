//! The command line: one command per file, each its `Args` and one function that
//! returns an exit code.
//!
//! Exit codes: 0 success or allow, 1 a check or test failed, 2 deny (`decide`),
//! 3 invalid input or usage. Data goes to stdout, logs and diagnostics to stderr.
//! Source: contract, section 1.

mod ask;
mod bench;
mod busy;
mod callers;
mod check;
mod completions;
mod config;
mod data;
mod decide;
mod decision_log;
mod error_mode;
mod explain;
mod failure;
mod health;
mod keys;
mod log;
mod logging;
mod openapi;
mod output;
mod reload;
mod remote;
mod remote_search;
mod replay;
mod replay_report;
mod run;
mod search;
mod serve;
mod shown;
mod source;
mod test;
mod told;

pub use failure::Failure;
pub use run::main;
