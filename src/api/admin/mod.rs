//! The admin routes: facts and what is done to them, on a listener of their own.
//!
//! Resources are named as Partner Center and Microsoft Graph name them. Each
//! write is one command of the directory, told by [`commands::COMMANDS`]: the
//! members of its path and of its body are the command's members. Reads answer
//! from one state and say its revision. Deliberately not here: who calls, who may
//! do what, which the policies decide, and what a command does.

mod auth;
mod bundle;
mod commands;
mod events;
mod keys;
mod read;
mod routes;
mod wanted;

pub use bundle::BUNDLE_BODY_BYTES_MAX;
pub use commands::{COMMANDS, CommandRoute};
pub use routes::{admin_front_within, admin_router, admin_routes, reads};
