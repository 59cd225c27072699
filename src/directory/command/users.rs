//! User accounts: made, given roles, deleted, restored (A-USR).

use jiff::{SignedDuration, Timestamp};

use super::machines::{ACCOUNT, AccountState, AccountStep};
use super::plan::Planner;
use super::{Command, CommandError, Output, RestoredUser};
use crate::directory::facts::{CustomerUser, UserNames, UserState};
use crate::directory::{Fact, Key};

/// Days from its deletion for which a user can be restored, the last second
/// included (A-USR-03, D 6).
pub const RESTORE_DAYS_MAX: i64 = 30;

/// The last second at which a user that was deleted then can be restored, UTC; none
/// if that is beyond what a clock can show (A-USR-03).
#[must_use]
pub fn restorable_until(deleted: Timestamp) -> Option<Timestamp> {
    let days = SignedDuration::from_hours(RESTORE_DAYS_MAX * 24);
    deleted.checked_add(days).ok()
}

impl Planner {
    /// One of the commands of users and licences; another does nothing.
    pub(super) fn run_users(&mut self, command: &Command) -> Result<Output, CommandError> {
        match command {
            Command::CreateUser {
                customer,
                user,
                first_name,
                last_name,
                display_name,
            } => {
                let names = UserNames {
                    first: first_name.clone(),
                    last: last_name.clone(),
                    display: Some(display_name.clone()),
                };
                self.create_user(customer, user, names)?;
                self.say_password();
                let users = vec![user.clone()];
                return Ok(Output::Users { users });
            }
            Command::ImportUsers { customer, csv } => return self.import_users(customer, csv),
            Command::AssignDirectoryRole { user, role } => self.assign_role(user, role)?,
            Command::RemoveDirectoryRole { user, role } => self.remove_role(user, role)?,
            Command::AssignLicense { users, product } => self.assign_license(users, product)?,
            Command::RemoveLicense { users, product } => self.remove_license(users, product)?,
            Command::SetSeats {
                customer,
                product,
                free,
            } => self.set_seats(customer, product, *free)?,
            Command::ActivateProduct { customer, product } => {
                self.activate_product(customer, product)?;
            }
            Command::ResetPassword { user } => {
                self.user(user, AccountStep::Change)?;
                self.advise(
                    "A-USR-15",
                    "Set a new temporary password where passwords are kept, and send it to the user.",
                );
            }
            Command::DeleteUser { user } => self.delete_user(user)?,
            Command::RestoreUsers { users } => return self.restore_users(users),
            Command::PurgeUser { user } => self.purge_user(user)?,
            _ => {}
        }
        Ok(Output::None)
    }

    /// A new account, with nothing but its names.
    pub(super) fn create_user(
        &mut self,
        customer: &str,
        id: &str,
        names: UserNames,
    ) -> Result<(), CommandError> {
        self.known(&Key::Customer(customer.to_owned()))?;
        self.is_own_name(customer, id)?;
        let found = self.world.customer_users.get(id).map(|user| user.state);
        if let (None, Some(other)) = (found, self.world.user_at(id)) {
            return Err(CommandError::Exists {
                what: Key::CustomerUser(other.to_owned()).describe(),
                remedy: "give the user another address: the letter case of a domain does not matter",
            });
        }
        if let Err(illegal) = ACCOUNT.next(AccountState::from(found), AccountStep::Create) {
            let key = Key::CustomerUser(id.to_owned());
            return Err(CommandError::illegal(key.describe(), illegal));
        }
        Ok(self.put(Fact::CustomerUser(CustomerUser {
            id: id.to_owned(),
            customer: customer.to_owned(),
            directory_roles: Default::default(),
            state: UserState::Active,
            licenses: Default::default(),
            previous_licenses: Default::default(),
            role_assignable_group: false,
            names,
        }))?)
    }

    /// A customer gives names of its own domains, as far as they are known, and none
    /// that would stand for somebody else.
    fn is_own_name(&self, customer: &str, id: &str) -> Result<(), CommandError> {
        let world = &self.world;
        if world.partner_users.contains_key(id) || world.has_group(id) {
            return Err(CommandError::Refused {
                rules: &["A-ACT-02"],
                message: format!("`{id}` names somebody of a partner"),
                remedy: "use an address of the customer's own",
            });
        }
        let domains = world.customers.get(customer).map(|found| &found.domains);
        let domain = id.split_once('@').map_or("", |(_, domain)| domain);
        let own = |known: &String| known.eq_ignore_ascii_case(domain);
        match domains.filter(|known| !known.is_empty()) {
            Some(known) if !known.iter().any(own) => Err(CommandError::Refused {
                rules: &["A-ACT-02", "B-PC-14"],
                message: format!("`{id}` is not in a domain of `{customer}`"),
                remedy: "use an address of one of the customer's domains",
            }),
            _ => Ok(()),
        }
    }

    /// aobo makes no password: it says that one is to be set and sent.
    pub(super) fn say_password(&mut self) {
        self.advise(
            "A-USR-08",
            "Set a temporary password where passwords are kept; note it with the user name, and \
             send both to the user.",
        );
    }

    fn assign_role(&mut self, id: &str, role: &str) -> Result<(), CommandError> {
        let mut user = self.user(id, AccountStep::Change)?;
        if !user.directory_roles.insert(role.to_owned()) {
            return Err(CommandError::Exists {
                what: format!("directory role `{role}` of `{id}`"),
                remedy: "nothing is left to do: the user holds it",
            });
        }
        Ok(self.put(Fact::CustomerUser(user))?)
    }

    fn remove_role(&mut self, id: &str, role: &str) -> Result<(), CommandError> {
        let mut user = self.user(id, AccountStep::Change)?;
        if !user.directory_roles.remove(role) {
            return Err(CommandError::NotFound {
                what: format!("directory role `{role}` of `{id}`"),
            });
        }
        self.put(Fact::CustomerUser(user))?;
        let key = Key::CustomerUser(id.to_owned());
        let assigns = |by: &&Key| matches!(by, Key::RoleAssignment(_));
        let azure = self.world.uses_of(&key).filter(assigns).count();
        if azure > 0 {
            self.advise(
                "B-AZ-10",
                format!("`{id}` keeps {azure} Azure role assignments: they are another world."),
            );
        }
        Ok(())
    }

    /// The licences are free again, and remembered.
    fn delete_user(&mut self, id: &str) -> Result<(), CommandError> {
        let mut user = self.user(id, AccountStep::Delete)?;
        user.previous_licenses = std::mem::take(&mut user.licenses);
        user.state = UserState::Deleted(self.at);
        let (customer, licenses) = (user.customer.clone(), user.previous_licenses.clone());
        self.put(Fact::CustomerUser(user))?;
        for product in &licenses {
            self.give_seat_back(&customer, product)?;
        }
        self.advise(
            "A-USR-03",
            format!("The user can be restored within {RESTORE_DAYS_MAX} days."),
        );
        Ok(())
    }

    fn restore_users(&mut self, ids: &[String]) -> Result<Output, CommandError> {
        several(ids)?;
        let mut users = Vec::new();
        for id in ids {
            users.push(self.restore_user(id)?);
        }
        Ok(Output::Restored { users })
    }

    fn restore_user(&mut self, id: &str) -> Result<RestoredUser, CommandError> {
        let mut user = self.user(id, AccountStep::Restore)?;
        if !self.in_time(&user) {
            return Err(CommandError::Refused {
                rules: &["A-USR-03", "D 6"],
                message: format!("`{id}` was deleted more than {RESTORE_DAYS_MAX} days ago"),
                remedy: "create a new user",
            });
        }
        let mut restored = RestoredUser {
            user: id.to_owned(),
            licenses: Vec::new(),
            missing: Vec::new(),
        };
        for product in std::mem::take(&mut user.previous_licenses) {
            match self.take_seat(&user.customer, &product)? {
                true => {
                    restored.licenses.push(product.clone());
                    user.licenses.insert(product);
                }
                false => restored.missing.push(product),
            }
        }
        user.state = UserState::Active;
        self.put(Fact::CustomerUser(user))?;
        if !restored.missing.is_empty() {
            self.advise(
                "A-USR-04",
                format!(
                    "`{id}` is back without {}: no seat is free.",
                    restored.missing.join(", ")
                ),
            );
        }
        Ok(restored)
    }

    fn purge_user(&mut self, id: &str) -> Result<(), CommandError> {
        let user = self.user(id, AccountStep::Purge)?;
        if self.in_time(&user) {
            return Err(CommandError::Refused {
                rules: &["A-USR-03", "B-PC-17"],
                message: format!("`{id}` can still be restored"),
                remedy: "wait until 30 days have passed since its deletion",
            });
        }
        Ok(self.remove(Key::CustomerUser(id.to_owned()))?)
    }

    /// Whether a deleted user can still be restored.
    fn in_time(&self, user: &CustomerUser) -> bool {
        let UserState::Deleted(deleted) = user.state else {
            return false;
        };
        restorable_until(deleted).is_none_or(|last| self.at <= last)
    }

    /// A user that is there, if the step is legal.
    pub(super) fn user(&self, id: &str, step: AccountStep) -> Result<CustomerUser, CommandError> {
        let key = Key::CustomerUser(id.to_owned());
        let Some(user) = self.world.customer_users.get(id) else {
            return Err(CommandError::not_found(&key));
        };
        match ACCOUNT.next(AccountState::from(Some(user.state)), step) {
            Ok(_) => Ok(CustomerUser::clone(user)),
            Err(illegal) => Err(CommandError::illegal(key.describe(), illegal)),
        }
    }
}

/// One user or more, each once.
pub(super) fn several(ids: &[String]) -> Result<(), CommandError> {
    let invalid = |message: String, remedy| CommandError::Invalid {
        field: "users",
        message,
        remedy,
    };
    if ids.is_empty() {
        return Err(invalid("no user is named".to_owned(), "name one or more"));
    }
    let mut seen = std::collections::BTreeSet::new();
    match ids.iter().find(|id| !seen.insert(id.as_str())) {
        None => Ok(()),
        Some(id) => Err(invalid(format!("`{id}` comes twice"), "name each once")),
    }
}
