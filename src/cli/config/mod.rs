//! One configuration of `aobo serve`, from four places: flags, the environment, a
//! file, and what holds if nothing is said, in this order.
//!
//! The keys are the long flags of `serve` and nothing else: what the file and the
//! environment say is put before clap as flags, so that the same parsers check it
//! and a new flag needs no line here. Deliberately not here: what a setting means.
//!
//! INVARIANT (no surprise): a key or a variable that is not known is an error; so is
//! a value that its flag would refuse, wherever it comes from.

mod command;
mod file;
mod keys;
mod settle;
mod variables;

pub(super) use command::{Args, run};
pub(super) use settle::settle;

#[cfg(test)]
mod example;
#[cfg(test)]
mod three_ways;
