//! An invitation to a reseller relationship (A.4, A-INV-11, A-INV-13, A-ACC-01).

use crate::directory::command::machine::{Machine, named};
use crate::directory::facts::InvitationStatus;

named! {
    /// Where the invitation stands.
    InvitationState {
        Draft = "draft",
        Sent = "sent",
        Accepted = "accepted",
        Void = "void",
    }
}

named! {
    /// What happens to it.
    InvitationStep {
        Edit = "edit-invitation",
        Send = "send-invitation",
        Accept = "accept-invitation",
        Renew = "renew-relationship",
    }
}

use InvitationState::{Accepted, Draft, Sent, Void};
use InvitationStep::{Accept, Edit, Renew, Send};

/// A mail that is out cannot be called back, and is accepted once. One that was out
/// when the relationship ended does not begin it again: what does is a new one, and
/// with that the old ones are void.
pub const INVITATION: Machine<InvitationState, InvitationStep> = Machine::new(&[
    (Draft, Edit, Draft),
    (Draft, Send, Sent),
    (Sent, Accept, Accepted),
    (Sent, Renew, Void),
]);

impl From<InvitationStatus> for InvitationState {
    fn from(status: InvitationStatus) -> Self {
        match status {
            InvitationStatus::Draft => Draft,
            InvitationStatus::Sent => Sent,
            InvitationStatus::Accepted => Accepted,
            InvitationStatus::Void => Void,
        }
    }
}

impl From<InvitationState> for InvitationStatus {
    fn from(state: InvitationState) -> Self {
        match state {
            Draft => Self::Draft,
            Sent => Self::Sent,
            Accepted => Self::Accepted,
            Void => Self::Void,
        }
    }
}
