//! The reseller relationship of a partner and a customer (A.4, A-REL-05, A-REL-06).

use crate::directory::command::machine::{Machine, named};
use crate::directory::facts::RelationshipStatus;

named! {
    /// Where the relationship stands.
    RelationshipState {
        None = "none",
        Pending = "pending",
        Active = "active",
        Removed = "removed",
    }
}

named! {
    /// What happens to it.
    RelationshipStep {
        SendInvitation = "send-invitation",
        AcceptInvitation = "accept-invitation",
        Remove = "remove-relationship",
    }
}

use RelationshipState::{Active, None, Pending, Removed};
use RelationshipStep::{AcceptInvitation, Remove, SendInvitation};

/// An invitation may go out at any time: to a customer that has the relationship
/// it brings privileges back (A-INV-14), to one that lost it, it renews it.
pub const RELATIONSHIP: Machine<RelationshipState, RelationshipStep> = Machine::new(&[
    (None, SendInvitation, Pending),
    (Pending, SendInvitation, Pending),
    (Active, SendInvitation, Active),
    (Removed, SendInvitation, Pending),
    (Pending, AcceptInvitation, Active),
    (Active, AcceptInvitation, Active),
    (Active, Remove, Removed),
]);

impl From<Option<RelationshipStatus>> for RelationshipState {
    fn from(status: Option<RelationshipStatus>) -> Self {
        match status {
            Option::None => None,
            Some(RelationshipStatus::Pending) => Pending,
            Some(RelationshipStatus::Active) => Active,
            Some(RelationshipStatus::Removed) => Removed,
        }
    }
}

impl RelationshipState {
    /// As the fact holds it; there is no fact of none.
    #[must_use]
    pub fn status(self) -> RelationshipStatus {
        match self {
            None | Pending => RelationshipStatus::Pending,
            Active => RelationshipStatus::Active,
            Removed => RelationshipStatus::Removed,
        }
    }
}
