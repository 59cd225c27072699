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
mod bench;
mod commanding;
mod commands;
mod corpus;
mod differential;
mod hostile;
mod http;
mod integration;
mod laws;
mod log;
mod metrics;
mod openapi;
mod projection;
mod refused;
mod search;
mod story;
mod support;
mod tables;
mod tidy;
mod traces;
mod workload;
