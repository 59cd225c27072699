//! The one integration binary: a module per subject.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "the contract of Cargo.toml binds the product; tests may assert as they like"
)]

mod admin;
mod authzen;
mod bench;
mod callers;
mod commanding;
mod commands;
mod corpus;
mod decision_log;
mod deploy;
mod differential;
mod enforce;
mod hostile;
mod http;
mod integration;
mod laws;
mod log;
mod metrics;
mod openapi;
mod operating;
mod projection;
mod refused;
mod reload;
mod search;
mod server;
mod story;
mod support;
mod tables;
mod tidy;
mod traces;
mod workload;
