//! The status of an Azure subscription. It blocks no operation (D 13).

use crate::directory::command::machine::{Machine, Named, named};

named! {
    /// Where the subscription stands.
    SubscriptionState {
        None = "none",
        Active = "active",
        Suspended = "suspended",
        Canceled = "canceled",
    }
}

named! {
    /// What happens to it.
    SubscriptionStep {
        Provision = "provision-subscription",
        Suspend = "suspend-subscription",
        Resume = "resume-subscription",
        Cancel = "cancel-subscription",
    }
}

use SubscriptionState::{Active, Canceled, None, Suspended};
use SubscriptionStep::{Cancel, Provision, Resume, Suspend};

/// A canceled subscription stays canceled (our choice: no rule brings it back).
pub const SUBSCRIPTION: Machine<SubscriptionState, SubscriptionStep> = Machine::new(&[
    (None, Provision, Active),
    (Active, Suspend, Suspended),
    (Active, Cancel, Canceled),
    (Suspended, Resume, Active),
    (Suspended, Cancel, Canceled),
]);

impl SubscriptionState {
    /// The state that a fact's status names; one that is none counts as active.
    #[must_use]
    pub fn of(status: Option<&str>) -> Self {
        let Some(status) = status else {
            return None;
        };
        let named = Self::ALL.iter().find(|state| state.name() == status);
        named.copied().unwrap_or(Active)
    }
}
