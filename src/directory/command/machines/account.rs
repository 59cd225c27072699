//! A user account of a customer's tenant (A-USR-02, A-USR-03, B-PC-17).

use crate::directory::command::machine::{Machine, named};
use crate::directory::facts::UserState;

named! {
    /// Whether the account is there.
    AccountState {
        None = "none",
        Active = "active",
        Deleted = "deleted",
    }
}

named! {
    /// What happens to it.
    AccountStep {
        Create = "create-user",
        Change = "change-user",
        Delete = "delete-user",
        Restore = "restore-user",
        Purge = "purge-user",
    }
}

use AccountState::{Active, Deleted, None};
use AccountStep::{Change, Create, Delete, Purge, Restore};

/// A deleted account is restored before anything else is done to it. How long it
/// can be is a matter of time, not of this table.
pub const ACCOUNT: Machine<AccountState, AccountStep> = Machine::new(&[
    (None, Create, Active),
    (Active, Change, Active),
    (Active, Delete, Deleted),
    (Deleted, Restore, Active),
    (Deleted, Purge, None),
]);

impl From<Option<UserState>> for AccountState {
    fn from(state: Option<UserState>) -> Self {
        match state {
            Option::None => None,
            Some(UserState::Active) => Active,
            Some(UserState::Deleted(_)) => Deleted,
        }
    }
}
