//! The authors' test suites: cases, how they are read, run and reported.
//!
//! Four forms are read: TOML suites over a named world with stages, delegation
//! cases (`.jsonl`, each with its own world), the JSON files of the Cedar CLI's
//! `run-tests`, and those of cedar-policy's integration corpus. The first three
//! become [`Suite`]s and run the same way; the last are [`integration::Set`]s,
//! which two evaluators answer. Deliberately not here: printing; the command line
//! does that from a [`Report`].

mod case;
mod coverage;
mod delegation;
mod error;
mod find;
pub mod integration;
mod junit;
mod matrix;
mod outcome;
mod report;
mod run_tests;
mod runner;
mod toml_suite;

pub use case::{Base, Case, Expected, Stage, Suite};
pub use coverage::Coverage;
pub use error::SuiteError;
pub use find::{Cedar, Found, find};
pub use matrix::{Matrix, matrix};
pub use report::{Alone, Failure, Pass, Report, Skip};
pub use runner::{Bundles, run};
