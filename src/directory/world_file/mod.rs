//! World files: the facts of a world as JSON, read strictly.
//!
//! Unknown members, duplicate ids, dangling references, cycles and bad dates are
//! errors that name the line and the remedy; nothing is half-loaded. The form is
//! that of the delegation cases; the same members make up the stages of suites.

mod fold;
mod locate;
mod wire;

pub use fold::{Misplaced, fold, load, remove};
pub use locate::{Path, Step};
pub use wire::{Removals, WorldFile};
