//! World files: the facts of a world as JSON, read strictly, and written again
//! one change at a time.
//!
//! Unknown members, duplicate ids, dangling references, cycles and bad dates are
//! errors that name the line and the remedy; nothing is half-loaded. The form is
//! that of the delegation cases; the same members make up the stages of suites
//! and the changes of events.

mod fold;
mod form;
mod keys;
mod locate;
mod wire;
mod write;

pub use fold::{Misplaced, Refolded, facts_in_order, fold, load, refold, refold_each, remove};
pub use locate::{Path, Step};
pub use wire::{Removals, WorldFile};
pub use write::{
    change_form, change_from_json, change_to_json, fact_form, fact_from_json, fact_to_json,
    key_form, key_from_json, key_to_json,
};
