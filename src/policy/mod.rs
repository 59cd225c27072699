//! Authoring: from text to a validated [`Bundle`].
//!
//! Reads strings, never files, and knows nothing of any domain. Whoever holds a
//! `Bundle` holds a schema and policies that parsed, validated strictly and
//! passed the lints; there is no other way to make one.

mod bundle;
mod error;
mod guard;
mod lint;
mod reads;
mod shape;
mod source;
mod stack;

pub use bundle::{Bundle, BundleHash, PolicyInfo};
pub use error::{Finding, Refused};
pub use guard::{CHAIN_LENGTH_MAX, NESTING_DEPTH_MAX, POLICY_TEXT_BYTES_MAX};
pub use reads::Reads;
pub use shape::{
    ActionShape, Annotations, Attribute, EntityShape, Extension, RecordShape, Shape, Type,
};
pub use source::{Source, check_id};
pub use stack::{on_large_stack, with_room};
