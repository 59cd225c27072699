//! Facts in a world's maps: looked up, put in and taken out, and with each what
//! is derived from it. Nothing is checked here.

use std::sync::Arc;

use super::World;
use super::state::ById;
use super::trees;
use crate::directory::{Fact, Key};

impl World {
    /// One fact by its key.
    #[must_use]
    pub fn fact(&self, key: &Key) -> Option<Fact> {
        Some(match key {
            Key::Partner(id) => Fact::Partner(of(self.partners.get(id.as_str()))?),
            Key::Customer(id) => Fact::Customer(of(self.customers.get(id.as_str()))?),
            Key::PartnerUser(id) => Fact::PartnerUser(of(self.partner_users.get(id.as_str()))?),
            Key::Group(id) => Fact::Group(of(self.groups.get(id.as_str()))?),
            Key::CustomerUser(id) => Fact::CustomerUser(of(self.customer_users.get(id.as_str()))?),
            Key::Relationship { partner, customer } => {
                Fact::Relationship(self.relationship(partner, customer)?.clone())
            }
            Key::Invitation(id) => Fact::Invitation(of(self.invitations.get(id.as_str()))?),
            Key::Gdap(id) => Fact::Gdap(of(self.gdap.get(id.as_str()))?),
            Key::Subscription(id) => Fact::Subscription(of(self.subscriptions.get(id.as_str()))?),
            Key::ManagementGroup(id) => {
                Fact::ManagementGroup(of(self.management_groups.get(id.as_str()))?)
            }
            Key::RoleAssignment(fact) => Fact::RoleAssignment(of(self.role_assignments.get(fact))?),
            Key::DenyAssignment { scope, number } => {
                let key = (scope.clone(), *number);
                Fact::DenyAssignment(of(self.deny_assignments.get(&key))?)
            }
            Key::Device(id) => Fact::Device(of(self.devices.get(id.as_str()))?),
            Key::AutopilotProfile(id) => {
                Fact::AutopilotProfile(of(self.autopilot_profiles.get(id.as_str()))?)
            }
            Key::Product(id) => Fact::Product(of(self.products.get(id.as_str()))?),
            Key::Seats { customer, product } => {
                let key = (customer.clone(), product.clone());
                Fact::Seats(of(self.seats.get(&key))?)
            }
            Key::ServiceRequest(id) => {
                Fact::ServiceRequest(of(self.service_requests.get(id.as_str()))?)
            }
        })
    }

    /// Every fact, each kind in order of its keys.
    pub fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        let a = all(self.partners.values(), Fact::Partner);
        let a = a.chain(all(self.customers.values(), Fact::Customer));
        let a = a.chain(all(self.groups.values(), Fact::Group));
        let a = a.chain(all(self.partner_users.values(), Fact::PartnerUser));
        let a = a.chain(all(self.customer_users.values(), Fact::CustomerUser));
        let a = a.chain(all(self.relationships.values(), Fact::Relationship));
        let a = a.chain(all(self.invitations.values(), Fact::Invitation));
        let a = a.chain(all(self.gdap.values(), Fact::Gdap));
        let a = a.chain(all(self.management_groups.values(), Fact::ManagementGroup));
        let a = a.chain(all(self.subscriptions.values(), Fact::Subscription));
        let a = a.chain(all(self.role_assignments.iter(), Fact::RoleAssignment));
        let a = a.chain(all(self.deny_assignments.values(), Fact::DenyAssignment));
        let a = a.chain(all(self.devices.values(), Fact::Device));
        let a = a.chain(all(
            self.autopilot_profiles.values(),
            Fact::AutopilotProfile,
        ));
        let a = a.chain(all(self.products.values(), Fact::Product));
        let a = a.chain(all(self.seats.values(), Fact::Seats));
        a.chain(all(self.service_requests.values(), Fact::ServiceRequest))
    }

    /// How many facts there are.
    #[must_use]
    pub fn facts_count(&self) -> usize {
        [
            self.partners.len(),
            self.customers.len(),
            self.groups.len(),
            self.partner_users.len(),
            self.customer_users.len(),
            self.relationships.len(),
            self.invitations.len(),
            self.gdap.len(),
            self.management_groups.len(),
            self.subscriptions.len(),
            self.role_assignments.len(),
            self.deny_assignments.len(),
            self.devices.len(),
            self.autopilot_profiles.len(),
            self.products.len(),
            self.seats.len(),
            self.service_requests.len(),
        ]
        .into_iter()
        .sum()
    }

    pub(super) fn insert(&mut self, fact: Fact) {
        // What is derived from the fact that is replaced goes first.
        self.delete(&fact.key());
        self.insert_new(fact);
    }

    /// The same for a fact whose key no other has.
    pub(super) fn insert_new(&mut self, fact: Fact) {
        self.note_uses(&fact);
        let group = trees::put_into(&fact);
        match fact {
            Fact::Partner(f) => put(&mut self.partners, &f.id.clone(), f),
            Fact::Customer(f) => put(&mut self.customers, &f.id.clone(), f),
            Fact::PartnerUser(f) => put(&mut self.partner_users, &f.id.clone(), f),
            Fact::Group(f) => put(&mut self.groups, &f.id.clone(), f),
            Fact::CustomerUser(f) => {
                for role in &f.directory_roles {
                    let held = (f.customer.clone(), role.clone(), f.id.clone());
                    self.role_holders.insert(Arc::new(held));
                }
                put(&mut self.customer_users, &f.id.clone(), f);
            }
            Fact::Relationship(f) => {
                let key = (f.customer.clone(), f.partner.clone());
                self.relationships.insert(Arc::new(key), Arc::new(f));
            }
            Fact::Invitation(f) => put(&mut self.invitations, &f.id.clone(), f),
            Fact::Gdap(f) => put(&mut self.gdap, &f.id.clone(), f),
            Fact::Subscription(f) => put(&mut self.subscriptions, &f.id.clone(), f),
            Fact::ManagementGroup(f) => put(&mut self.management_groups, &f.id.clone(), f),
            Fact::RoleAssignment(f) => drop(self.role_assignments.insert(Arc::new(f))),
            Fact::DenyAssignment(f) => {
                self.deny_numbers
                    .insert(Arc::new((f.number, f.scope.clone())));
                let key = (f.scope.clone(), f.number);
                self.deny_assignments.insert(Arc::new(key), Arc::new(f));
            }
            Fact::Device(f) => put(&mut self.devices, &f.id.clone(), f),
            Fact::AutopilotProfile(f) => put(&mut self.autopilot_profiles, &f.id.clone(), f),
            Fact::Product(f) => {
                if let Some(publisher) = &f.publisher {
                    let published = (publisher.clone(), f.id.clone());
                    self.published.insert(Arc::new(published));
                }
                put(&mut self.products, &f.id.clone(), f);
            }
            Fact::Seats(f) => {
                let key = (f.customer.clone(), f.product.clone());
                self.seats.insert(Arc::new(key), Arc::new(f));
            }
            Fact::ServiceRequest(f) => put(&mut self.service_requests, &f.id.clone(), f),
        }
        self.note_filled(group);
    }

    pub(super) fn delete(&mut self, key: &Key) {
        let Some(fact) = self.fact(key) else {
            return;
        };
        self.forget_uses(&fact);
        match key {
            Key::Partner(id) => drop(self.partners.remove(id.as_str())),
            Key::Customer(id) => drop(self.customers.remove(id.as_str())),
            Key::PartnerUser(id) => drop(self.partner_users.remove(id.as_str())),
            Key::Group(id) => drop(self.groups.remove(id.as_str())),
            Key::CustomerUser(id) => {
                if let Some(user) = self.customer_users.remove(id.as_str()) {
                    for role in &user.directory_roles {
                        let held = (user.customer.clone(), role.clone(), id.clone());
                        self.role_holders.remove(&held);
                    }
                }
            }
            Key::Relationship { partner, customer } => {
                let key = (customer.clone(), partner.clone());
                self.relationships.remove(&key);
            }
            Key::Invitation(id) => drop(self.invitations.remove(id.as_str())),
            Key::Gdap(id) => drop(self.gdap.remove(id.as_str())),
            Key::Subscription(id) => drop(self.subscriptions.remove(id.as_str())),
            Key::ManagementGroup(id) => drop(self.management_groups.remove(id.as_str())),
            Key::RoleAssignment(fact) => drop(self.role_assignments.remove(fact)),
            Key::DenyAssignment { scope, number } => {
                self.deny_numbers.remove(&(*number, scope.clone()));
                self.deny_assignments.remove(&(scope.clone(), *number));
            }
            Key::Device(id) => drop(self.devices.remove(id.as_str())),
            Key::AutopilotProfile(id) => drop(self.autopilot_profiles.remove(id.as_str())),
            Key::Product(id) => {
                let product = self.products.remove(id.as_str());
                let publisher = product.and_then(|f| f.publisher.clone());
                if let Some(publisher) = publisher {
                    self.published.remove(&(publisher, id.clone()));
                }
            }
            Key::Seats { customer, product } => {
                self.seats.remove(&(customer.clone(), product.clone()));
            }
            Key::ServiceRequest(id) => drop(self.service_requests.remove(id.as_str())),
        }
        self.forget_filled(&fact);
    }
}

/// A fact of one kind, by itself.
fn of<T: Clone>(held: Option<&Arc<T>>) -> Option<T> {
    held.map(|fact| T::clone(fact))
}

/// Facts of one kind.
fn all<'a, T: Clone + 'a>(
    held: impl Iterator<Item = &'a Arc<T>>,
    fact: fn(T) -> Fact,
) -> impl Iterator<Item = Fact> {
    held.map(move |held| fact(T::clone(held)))
}

fn put<T>(held: &mut ById<T>, id: &str, fact: T) {
    held.insert(id.into(), Arc::new(fact));
}
