//! An invitation to a reseller relationship (A.4, A-INV-11, A-INV-13, A-ACC-01).

use crate::directory::command::machine::{Machine, named};
use crate::directory::facts::InvitationStatus;

named! {
    /// Where the invitation stands.
    InvitationState {
        Draft = "draft",
        Sent = "sent",
        Accepted = "accepted",
    }
}

named! {
    /// What happens to it.
    InvitationStep {
        Edit = "edit-invitation",
        Send = "send-invitation",
        Accept = "accept-invitation",
    }
}

use InvitationState::{Accepted, Draft, Sent};
use InvitationStep::{Accept, Edit, Send};

/// A mail that is out cannot be called back, and is accepted once.
pub const INVITATION: Machine<InvitationState, InvitationStep> = Machine::new(&[
    (Draft, Edit, Draft),
    (Draft, Send, Sent),
    (Sent, Accept, Accepted),
]);

impl From<InvitationStatus> for InvitationState {
    fn from(status: InvitationStatus) -> Self {
        match status {
            InvitationStatus::Draft => Draft,
            InvitationStatus::Sent => Sent,
            InvitationStatus::Accepted => Accepted,
        }
    }
}

impl From<InvitationState> for InvitationStatus {
    fn from(state: InvitationState) -> Self {
        match state {
            Draft => Self::Draft,
            Sent => Self::Sent,
            Accepted => Self::Accepted,
        }
    }
}
