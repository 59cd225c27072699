//! Facts in a world's maps: looked up, put in and taken out, and with each what
//! is derived from it. Nothing is checked here.

use super::World;
use crate::directory::{Fact, Key};

impl World {
    /// One fact by its key.
    #[must_use]
    pub fn fact(&self, key: &Key) -> Option<Fact> {
        Some(match key {
            Key::Partner(id) => Fact::Partner(self.partners.get(id)?.clone()),
            Key::Customer(id) => Fact::Customer(self.customers.get(id)?.clone()),
            Key::PartnerUser(id) => Fact::PartnerUser(self.partner_users.get(id)?.clone()),
            Key::Group(id) => Fact::Group(self.groups.get(id)?.clone()),
            Key::CustomerUser(id) => Fact::CustomerUser(self.customer_users.get(id)?.clone()),
            Key::Relationship { partner, customer } => {
                Fact::Relationship(self.relationship(partner, customer)?.clone())
            }
            Key::Invitation(id) => Fact::Invitation(self.invitations.get(id)?.clone()),
            Key::Gdap(id) => Fact::Gdap(self.gdap.get(id)?.clone()),
            Key::Subscription(id) => Fact::Subscription(self.subscriptions.get(id)?.clone()),
            Key::ManagementGroup(id) => {
                Fact::ManagementGroup(self.management_groups.get(id)?.clone())
            }
            Key::RoleAssignment(fact) => {
                Fact::RoleAssignment(self.role_assignments.get(fact)?.clone())
            }
            Key::DenyAssignment { scope, number } => {
                let key = (scope.clone(), *number);
                Fact::DenyAssignment(self.deny_assignments.get(&key)?.clone())
            }
            Key::Device(id) => Fact::Device(self.devices.get(id)?.clone()),
            Key::AutopilotProfile(id) => {
                Fact::AutopilotProfile(self.autopilot_profiles.get(id)?.clone())
            }
            Key::Product(id) => Fact::Product(self.products.get(id)?.clone()),
            Key::Seats { customer, product } => {
                let key = (customer.clone(), product.clone());
                Fact::Seats(self.seats.get(&key)?.clone())
            }
            Key::ServiceRequest(id) => Fact::ServiceRequest(self.service_requests.get(id)?.clone()),
        })
    }

    /// Every fact, each kind in order of its keys.
    pub fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        let relationships = self.relationships.values();
        let a = self.partners.values().cloned().map(Fact::Partner);
        let a = a.chain(self.customers.values().cloned().map(Fact::Customer));
        let a = a.chain(self.groups.values().cloned().map(Fact::Group));
        let a = a.chain(self.partner_users.values().cloned().map(Fact::PartnerUser));
        let a = a.chain(
            self.customer_users
                .values()
                .cloned()
                .map(Fact::CustomerUser),
        );
        let a = a.chain(relationships.cloned().map(Fact::Relationship));
        let a = a.chain(self.invitations.values().cloned().map(Fact::Invitation));
        let a = a.chain(self.gdap.values().cloned().map(Fact::Gdap));
        let groups = self.management_groups.values().cloned();
        let a = a.chain(groups.map(Fact::ManagementGroup));
        let a = a.chain(self.subscriptions.values().cloned().map(Fact::Subscription));
        let a = a.chain(
            self.role_assignments
                .iter()
                .cloned()
                .map(Fact::RoleAssignment),
        );
        let denies = self.deny_assignments.values().cloned();
        let a = a.chain(denies.map(Fact::DenyAssignment));
        let a = a.chain(self.devices.values().cloned().map(Fact::Device));
        let profiles = self.autopilot_profiles.values().cloned();
        let a = a.chain(profiles.map(Fact::AutopilotProfile));
        let a = a.chain(self.products.values().cloned().map(Fact::Product));
        let a = a.chain(self.seats.values().cloned().map(Fact::Seats));
        let requests = self.service_requests.values().cloned();
        a.chain(requests.map(Fact::ServiceRequest))
    }

    pub(super) fn insert(&mut self, fact: Fact) {
        // What is derived from the fact that is replaced goes first.
        self.delete(&fact.key());
        self.note_uses(&fact);
        match fact {
            Fact::Partner(f) => drop(self.partners.insert(f.id.clone(), f)),
            Fact::Customer(f) => drop(self.customers.insert(f.id.clone(), f)),
            Fact::PartnerUser(f) => drop(self.partner_users.insert(f.id.clone(), f)),
            Fact::Group(f) => drop(self.groups.insert(f.id.clone(), f)),
            Fact::CustomerUser(f) => {
                for role in &f.directory_roles {
                    let held = (f.customer.clone(), role.clone(), f.id.clone());
                    self.role_holders.insert(held);
                }
                self.customer_users.insert(f.id.clone(), f);
            }
            Fact::Relationship(f) => {
                let key = (f.customer.clone(), f.partner.clone());
                self.relationships.insert(key, f);
            }
            Fact::Invitation(f) => drop(self.invitations.insert(f.id.clone(), f)),
            Fact::Gdap(f) => drop(self.gdap.insert(f.id.clone(), f)),
            Fact::Subscription(f) => drop(self.subscriptions.insert(f.id.clone(), f)),
            Fact::ManagementGroup(f) => drop(self.management_groups.insert(f.id.clone(), f)),
            Fact::RoleAssignment(f) => drop(self.role_assignments.insert(f)),
            Fact::DenyAssignment(f) => {
                self.deny_numbers.insert((f.number, f.scope.clone()));
                let key = (f.scope.clone(), f.number);
                self.deny_assignments.insert(key, f);
            }
            Fact::Device(f) => drop(self.devices.insert(f.id.clone(), f)),
            Fact::AutopilotProfile(f) => drop(self.autopilot_profiles.insert(f.id.clone(), f)),
            Fact::Product(f) => {
                if let Some(publisher) = &f.publisher {
                    self.published.insert((publisher.clone(), f.id.clone()));
                }
                self.products.insert(f.id.clone(), f);
            }
            Fact::Seats(f) => {
                let key = (f.customer.clone(), f.product.clone());
                self.seats.insert(key, f);
            }
            Fact::ServiceRequest(f) => drop(self.service_requests.insert(f.id.clone(), f)),
        }
    }

    pub(super) fn delete(&mut self, key: &Key) {
        if let Some(fact) = self.fact(key) {
            self.forget_uses(&fact);
        }
        match key {
            Key::Partner(id) => drop(self.partners.remove(id)),
            Key::Customer(id) => drop(self.customers.remove(id)),
            Key::PartnerUser(id) => drop(self.partner_users.remove(id)),
            Key::Group(id) => drop(self.groups.remove(id)),
            Key::CustomerUser(id) => {
                if let Some(user) = self.customer_users.remove(id) {
                    for role in user.directory_roles {
                        let held = (user.customer.clone(), role, id.clone());
                        self.role_holders.remove(&held);
                    }
                }
            }
            Key::Relationship { partner, customer } => {
                let key = (customer.clone(), partner.clone());
                self.relationships.remove(&key);
            }
            Key::Invitation(id) => drop(self.invitations.remove(id)),
            Key::Gdap(id) => drop(self.gdap.remove(id)),
            Key::Subscription(id) => drop(self.subscriptions.remove(id)),
            Key::ManagementGroup(id) => drop(self.management_groups.remove(id)),
            Key::RoleAssignment(fact) => drop(self.role_assignments.remove(fact)),
            Key::DenyAssignment { scope, number } => {
                self.deny_numbers.remove(&(*number, scope.clone()));
                self.deny_assignments.remove(&(scope.clone(), *number));
            }
            Key::Device(id) => drop(self.devices.remove(id)),
            Key::AutopilotProfile(id) => drop(self.autopilot_profiles.remove(id)),
            Key::Product(id) => {
                let publisher = self.products.remove(id).and_then(|f| f.publisher);
                if let Some(publisher) = publisher {
                    self.published.remove(&(publisher, id.clone()));
                }
            }
            Key::Seats { customer, product } => {
                self.seats.remove(&(customer.clone(), product.clone()));
            }
            Key::ServiceRequest(id) => drop(self.service_requests.remove(id)),
        }
    }
}
