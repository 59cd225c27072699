//! The directory of delegated administration: who partners and customers are,
//! what was granted, and what follows from it for the engine.
//!
//! Facts are folded into a [`World`] one [`Change`] at a time; each change
//! returns the engine changes that it causes (its projection), and
//! loading a world file is their sum. [`command`] says which changes follow from
//! what somebody wants done, [`query`] what there is to see. Deliberately not
//! here: files, clocks, chance, and the wire form of facts beyond the world
//! file's text.
//!
//! INVARIANT (whole): every fact in a world refers only to facts that are in it.

mod ask;
mod azure_scope;
mod builtin;
mod change;
mod check;
pub mod command;
mod deny_assignment;
mod directory_role;
mod error;
mod facts;
mod names;
mod nesting;
mod project;
pub mod query;
mod references;
mod world;
pub mod world_file;

pub use ask::{normalize, own_entities, placed};
pub use azure_scope::{Scope, ScopeKind};
pub use builtin::{AzureRoles, Profile};
pub use change::{Change, Fact, Key, PACKED_FORM};
pub use deny_assignment::DENY_ASSIGNMENT_READS;
pub use directory_role::{DirectoryRoleInfo, directory_role, directory_roles};
pub use error::DirectoryError;
pub use facts::*;
pub use nesting::GROUPS_NESTED_MAX;
pub use world::World;
