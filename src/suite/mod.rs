//! The authors' test suites: cases, how they are read, run and reported.
//!
//! Three forms are read: TOML suites over a named world with stages, delegation
//! cases (`.jsonl`, each with its own world), and the JSON files of the Cedar
//! CLI's `run-tests`. All become [`Suite`]s and run the same way. Deliberately
//! not here: printing; the command line does that from a [`Report`].

mod case;
mod delegation;
mod error;
mod find;
mod matrix;
mod report;
mod run_tests;
mod runner;
mod toml_suite;

pub use case::{Base, Case, Expected, Stage, Suite};
pub use error::SuiteError;
pub use find::{Found, find};
pub use matrix::{Matrix, matrix};
pub use report::{Failure, Report, Skip};
pub use run_tests::Cedar;
pub use runner::{Bundles, run};
