//! The contract of a partner with a customer (A.4, A-SUP-01, A-SUP-04).

use crate::directory::command::machine::{Machine, named};
use crate::directory::facts::ContractStatus;

named! {
    /// Where the contract stands.
    ContractState {
        InForce = "in-force",
        Renegotiated = "renegotiated",
    }
}

named! {
    /// What happens to it.
    ContractStep {
        Renegotiate = "renegotiate-contract",
        Renew = "renew-relationship",
    }
}

use ContractState::{InForce, Renegotiated};
use ContractStep::{Renegotiate, Renew};

/// A relationship that begins, or begins again, begins with a contract in force
/// (our choice: the rules name no other way back).
pub const CONTRACT: Machine<ContractState, ContractStep> = Machine::new(&[
    (InForce, Renegotiate, Renegotiated),
    (InForce, Renew, InForce),
    (Renegotiated, Renew, InForce),
]);

impl From<ContractStatus> for ContractState {
    fn from(status: ContractStatus) -> Self {
        match status {
            ContractStatus::InForce => InForce,
            ContractStatus::Renegotiated => Renegotiated,
        }
    }
}

impl From<ContractState> for ContractStatus {
    fn from(state: ContractState) -> Self {
        match state {
            InForce => Self::InForce,
            Renegotiated => Self::Renegotiated,
        }
    }
}
