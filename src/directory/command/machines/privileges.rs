//! The delegated admin privileges of a partner at a customer (A.4, A-DAP-05).

use crate::directory::command::machine::{Machine, named};
use crate::directory::facts::DapStatus;

named! {
    /// Where the privileges stand.
    PrivilegesState {
        None = "none",
        Active = "active",
        Removed = "removed",
    }
}

named! {
    /// What happens to them.
    PrivilegesStep {
        AcceptWith = "accept-invitation-with-privileges",
        AcceptWithout = "accept-invitation-without-privileges",
        RemoveDelegatedAdmin = "remove-delegated-admin",
        RemoveRelationship = "remove-relationship",
    }
}

use PrivilegesState::{Active, None, Removed};
use PrivilegesStep::{AcceptWith, AcceptWithout, RemoveDelegatedAdmin, RemoveRelationship};

/// Accepting an invitation without privileges takes none away (A-ACC-06); the end
/// of the relationship ends them with it.
pub const PRIVILEGES: Machine<PrivilegesState, PrivilegesStep> = Machine::new(&[
    (None, AcceptWith, Active),
    (None, AcceptWithout, None),
    (None, RemoveRelationship, None),
    (Active, AcceptWith, Active),
    (Active, AcceptWithout, Active),
    (Active, RemoveDelegatedAdmin, Removed),
    (Active, RemoveRelationship, Removed),
    (Removed, AcceptWith, Active),
    (Removed, AcceptWithout, Removed),
    (Removed, RemoveRelationship, Removed),
]);

impl From<DapStatus> for PrivilegesState {
    fn from(status: DapStatus) -> Self {
        match status {
            DapStatus::None => None,
            DapStatus::Active => Active,
            DapStatus::Removed => Removed,
        }
    }
}

impl From<PrivilegesState> for DapStatus {
    fn from(state: PrivilegesState) -> Self {
        match state {
            None => Self::None,
            Active => Self::Active,
            Removed => Self::Removed,
        }
    }
}
