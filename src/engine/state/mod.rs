//! The engine's state: entities, memberships and links, over interned ids.
//!
//! Deliberately not here: policies, and any meaning of an attribute. A state is
//! cheap to clone and the clone never changes: a write copies the rows it
//! touches and the short path to them, so that readers of older snapshots go on
//! without a lock. What nobody else holds is written in place, and a state that is
//! being built is held by nobody else.

mod ahead;
mod eid;
mod hierarchy;
mod ids;
mod layout;
mod links;
mod lists;
mod open;
mod own;
mod read;
mod segment;
mod table;
mod values;
mod within;
mod write;

pub(crate) use ahead::LookUp;
pub(crate) use eid::{Eid, TypeId};
pub(crate) use ids::IdHash;
pub(crate) use layout::{ContextLayout, Field, Layouts, Record, Slot, Wide};
pub(crate) use links::{LinkRef, TemplateSlots};
pub(crate) use lists::{Kind, entity_of, more_of};
pub(crate) use own::OwnRow;
pub use read::Facts;
pub(crate) use read::{StandingPolicies, wide_at};
pub(crate) use segment::Row;
pub(crate) use table::State;
pub(crate) use table::flag;
pub(crate) use values::Texts;
pub(crate) use within::{Lower, Narrow, bit};
pub(crate) use write::{Cells, Numbers, fill, has_bit, set_bit, set_wide};
