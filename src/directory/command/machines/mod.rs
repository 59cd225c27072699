//! The state machines of the directory, a table each. Source: domain.md, A.4.

mod account;
mod contract;
mod invitation;
mod privileges;
mod relationship;
mod subscription;

pub use account::{ACCOUNT, AccountState, AccountStep};
pub use contract::{CONTRACT, ContractState, ContractStep};
pub use invitation::{INVITATION, InvitationState, InvitationStep};
pub use privileges::{PRIVILEGES, PrivilegesState, PrivilegesStep};
pub use relationship::{RELATIONSHIP, RelationshipState, RelationshipStep};
pub use subscription::{SUBSCRIPTION, SubscriptionState, SubscriptionStep};
