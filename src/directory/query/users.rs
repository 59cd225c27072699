//! Users of a customer, and those that can be restored.

use jiff::Timestamp;

use crate::directory::command::{Caller, restorable_until};
use crate::directory::facts::{CustomerUser, UserState};
use crate::directory::{Key, World, names};

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// A line of the tab of deleted users (A-USR-17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedUser<'a> {
    /// The user.
    pub user: &'a CustomerUser,
    /// When it was deleted, UTC.
    pub deleted_at: Timestamp,
    /// Whole days left to restore it; 0 within the last day.
    pub days_left: i64,
    /// Products whose licences would come back if it were restored now, alone
    /// (A-USR-04).
    pub licenses: Vec<&'a str>,
    /// Products whose licences would not: no seat is free.
    pub missing: Vec<&'a str>,
}

impl World {
    /// The partner or customer that a caller's account is of. Publishers are of none.
    #[must_use]
    pub fn tenant_of(&self, caller: &Caller) -> Option<&str> {
        let id = caller.id.as_str();
        match caller.ty.as_str() {
            names::PARTNER_USER => Some(&self.partner_users.get(id)?.partner),
            names::CUSTOMER_USER => Some(&self.customer_users.get(id)?.customer),
            _ => None,
        }
    }

    /// The users of a customer that are not deleted, by id.
    pub fn users_of(&self, customer: &str) -> impl Iterator<Item = &CustomerUser> {
        let active = |user: &&CustomerUser| user.state == UserState::Active;
        self.accounts_of(customer).filter(active)
    }

    /// Those of them that have no licence (A-USR-12).
    pub fn users_without_license(&self, customer: &str) -> impl Iterator<Item = &CustomerUser> {
        let bare = |user: &&CustomerUser| user.licenses.is_empty();
        self.users_of(customer).filter(bare)
    }

    /// The users of a customer that can be restored at this time, by id; their
    /// number is what the tab shows (A-USR-17, A-USR-18).
    pub fn deleted_users(
        &self,
        customer: &str,
        at: Timestamp,
    ) -> impl Iterator<Item = DeletedUser<'_>> {
        let at = at.as_second();
        self.accounts_of(customer).filter_map(move |user| {
            let UserState::Deleted(deleted_at) = user.state else {
                return None;
            };
            let last = restorable_until(deleted_at)?.as_second();
            let previous = user.previous_licenses.iter().map(String::as_str);
            let (licenses, missing) = previous.partition(|product| self.has_seat(user, product));
            (at <= last).then_some(DeletedUser {
                user,
                deleted_at,
                days_left: (last - at) / DAY_SECONDS,
                licenses,
                missing,
            })
        })
    }

    fn accounts_of(&self, customer: &str) -> impl Iterator<Item = &CustomerUser> {
        let key = Key::Customer(customer.to_owned());
        self.uses_of(&key).filter_map(|by| match by {
            Key::CustomerUser(id) => self.customer_users.get(id.as_str()).map(AsRef::as_ref),
            _ => None,
        })
    }

    fn has_seat(&self, user: &CustomerUser, product: &str) -> bool {
        let key = (user.customer.clone(), product.to_owned());
        self.seats.get(&key).is_some_and(|seats| seats.free > 0)
    }
}
