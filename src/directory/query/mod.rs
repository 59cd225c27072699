//! Questions about the state of a directory (kind Q): what is there to see.
//!
//! Each is a method of [`World`](super::World) and costs what it returns, not
//! what the world holds. Who may see it is the policies' affair; nothing is
//! decided here.

mod addresses;
mod partners;
mod roles;
mod users;

pub use partners::PartnerRow;
pub use roles::{EffectiveRole, Holding, Principal};
pub use users::DeletedUser;
