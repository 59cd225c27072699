//! Licences and the seats they take (A-USR-04, A-USR-11, A-USR-14, D 20).

use super::CommandError;
use super::machines::AccountStep;
use super::plan::Planner;
use super::users::several;
use crate::directory::facts::{ProductKind, Seats};
use crate::directory::{Fact, Key};

impl Planner {
    /// Each of the users gets a licence, or none does.
    pub(super) fn assign_license(
        &mut self,
        users: &[String],
        product: &str,
    ) -> Result<(), CommandError> {
        several(users)?;
        self.known(&Key::Product(product.to_owned()))?;
        for id in users {
            let mut user = self.user(id, AccountStep::Change)?;
            if !user.licenses.insert(product.to_owned()) {
                return Err(CommandError::Exists {
                    what: format!("licence of `{product}` at `{id}`"),
                    remedy: "leave this user out",
                });
            }
            if !self.take_seat(&user.customer, product)? {
                return Err(CommandError::Refused {
                    rules: &["D 20"],
                    message: format!("no seat of `{product}` is free for `{id}`"),
                    remedy: "take a licence from another user, or buy more seats",
                });
            }
            self.put(Fact::CustomerUser(user))?;
        }
        Ok(())
    }

    pub(super) fn remove_license(
        &mut self,
        users: &[String],
        product: &str,
    ) -> Result<(), CommandError> {
        several(users)?;
        for id in users {
            let mut user = self.user(id, AccountStep::Change)?;
            if !user.licenses.remove(product) {
                return Err(CommandError::NotFound {
                    what: format!("licence of `{product}` at `{id}`"),
                });
            }
            self.give_seat_back(&user.customer, product)?;
            self.put(Fact::CustomerUser(user))?;
        }
        Ok(())
    }

    /// Buying and renewing take away nothing that is there: nobody knows which partner
    /// sold it, and a user who is restored gets licences back as far as seats are free
    /// (A-REL-07, A-USR-04).
    pub(super) fn set_seats(
        &mut self,
        customer: &str,
        product: &str,
        free: u32,
    ) -> Result<(), CommandError> {
        self.known(&Key::Product(product.to_owned()))?;
        let old = self.seats(customer, product);
        if let Some(old) = old.as_ref().filter(|old| free < old.free) {
            let there = old.free;
            return Err(CommandError::Refused {
                rules: &["A-REL-04", "A-REL-07", "A-USR-04"],
                message: format!(
                    "`{customer}` has {there} free licences of `{product}`; buying and renewing \
                     leave no fewer"
                ),
                remedy: "say at least as many as are free; what expired is for the operator to report",
            });
        }
        if old.is_none() {
            self.advise(
                "A-USR-05",
                "The customer lists the users that need accounts, their permissions, and the \
                 services each needs.",
            );
        }
        Ok(self.put(Fact::Seats(Seats {
            customer: customer.to_owned(),
            product: product.to_owned(),
            free,
            activated: old.and_then(|seats| seats.activated),
        }))?)
    }

    /// What was bought of a vendor begins when the vendor activates it (A-USR-14).
    pub(super) fn activate_product(
        &mut self,
        customer: &str,
        product: &str,
    ) -> Result<(), CommandError> {
        let key = Key::Product(product.to_owned());
        let Some(fact) = self.world.products.get(product) else {
            return Err(CommandError::not_found(&key));
        };
        if fact.kind == ProductKind::Microsoft {
            return Err(CommandError::Refused {
                rules: &["A-USR-13", "A-USR-14"],
                message: format!("`{product}` is Microsoft's own; it needs no activation"),
                remedy: "assign its licences",
            });
        }
        let Some(seats) = self.seats(customer, product) else {
            let (customer, product) = (customer.to_owned(), product.to_owned());
            return Err(CommandError::not_found(&Key::Seats { customer, product }));
        };
        if seats.activated.is_some() {
            return Err(CommandError::Exists {
                what: format!("activation of `{product}` at `{customer}`"),
                remedy: "nothing is left to do: it is active",
            });
        }
        let activated = Some(self.at);
        Ok(self.put(Fact::Seats(Seats { activated, ..seats }))?)
    }

    /// Takes a seat, if one is free.
    pub(super) fn take_seat(
        &mut self,
        customer: &str,
        product: &str,
    ) -> Result<bool, CommandError> {
        let Some(seats) = self.seats(customer, product) else {
            return Ok(false);
        };
        let Some(free) = seats.free.checked_sub(1) else {
            return Ok(false);
        };
        self.put(Fact::Seats(Seats { free, ..seats }))?;
        Ok(true)
    }

    /// A licence that nobody has any more is a free seat, counted before or not.
    pub(super) fn give_seat_back(
        &mut self,
        customer: &str,
        product: &str,
    ) -> Result<(), CommandError> {
        let seats = self.seats(customer, product).unwrap_or_else(|| Seats {
            customer: customer.to_owned(),
            product: product.to_owned(),
            free: 0,
            activated: None,
        });
        let free = seats.free.saturating_add(1);
        Ok(self.put(Fact::Seats(Seats { free, ..seats }))?)
    }

    fn seats(&self, customer: &str, product: &str) -> Option<Seats> {
        let key = (customer.to_owned(), product.to_owned());
        let held = self.world.seats.get(&key);
        held.map(|held| Seats::clone(held))
    }
}
