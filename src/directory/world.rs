//! The world: all facts at one position, and the step to the next.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;

use super::facts::{
    AutopilotProfile, Customer, CustomerUser, DenyAssignment, Device, Gdap, Group, Invitation,
    ManagementGroup, Partner, PartnerUser, Product, Relationship, RoleAssignment, Seats,
    Subscription,
};
use super::{AzureRoles, Change, DirectoryError, Fact, Key, names, project};
use crate::engine;

/// Facts by key, and what is derived from several of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    pub(super) azure_roles: AzureRoles,
    pub(super) partners: BTreeMap<String, Partner>,
    pub(super) customers: BTreeMap<String, Customer>,
    pub(super) partner_users: BTreeMap<String, PartnerUser>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) customer_users: BTreeMap<String, CustomerUser>,
    /// By customer, then partner.
    pub(super) relationships: BTreeMap<String, BTreeMap<String, Relationship>>,
    pub(super) invitations: BTreeMap<String, Invitation>,
    pub(super) gdap: BTreeMap<String, Gdap>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) management_groups: BTreeMap<String, ManagementGroup>,
    pub(super) role_assignments: BTreeSet<RoleAssignment>,
    pub(super) deny_assignments: BTreeMap<(String, usize), DenyAssignment>,
    pub(super) devices: BTreeMap<String, Device>,
    pub(super) autopilot_profiles: BTreeMap<String, AutopilotProfile>,
    pub(super) products: BTreeMap<String, Product>,
    pub(super) seats: BTreeMap<(String, String), Seats>,
    /// Users by customer and directory role. Derived.
    pub(super) role_holders: BTreeMap<(String, String), BTreeSet<String>>,
    /// Products by publisher. Derived.
    pub(super) published: BTreeMap<String, BTreeSet<String>>,
}

impl World {
    /// A world without facts, for a bundle that has templates for these roles.
    #[must_use]
    pub fn new(azure_roles: AzureRoles) -> Self {
        Self {
            azure_roles,
            ..Self::default()
        }
    }

    /// Takes one change and returns what it changes for the engine.
    ///
    /// # Errors
    /// [`DirectoryError`] if the change would leave a reference dangling, a group
    /// within itself, or a fact that contradicts itself; nothing changes then.
    pub fn apply(&mut self, change: Change) -> Result<Vec<engine::Change>, DirectoryError> {
        let (old, new) = match &change {
            Change::Put(fact) => {
                super::check::put(self, fact)?;
                (self.fact(&fact.key()), Some(fact.clone()))
            }
            Change::Remove(key) => {
                super::check::remove(self, key)?;
                (self.fact(key), None)
            }
        };
        let mut touched = BTreeSet::new();
        for fact in [&old, &new].into_iter().flatten() {
            touched.extend(project::touched(fact));
        }
        let before = project::items(self, &touched)?;
        let key = match change {
            Change::Put(fact) => {
                let key = fact.key();
                self.insert(fact);
                key
            }
            Change::Remove(key) => {
                self.delete(&key);
                key
            }
        };
        match project::items(self, &touched) {
            Ok(after) => Ok(project::difference(before, after)),
            Err(error) => {
                match old {
                    Some(fact) => self.insert(fact),
                    None => self.delete(&key),
                }
                Err(error)
            }
        }
    }

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
                let of_customer = self.relationships.get(customer)?;
                Fact::Relationship(of_customer.get(partner)?.clone())
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
        })
    }

    /// Every fact, each kind in order of its keys.
    pub fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        let relationships = self.relationships.values().flat_map(BTreeMap::values);
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
        a.chain(self.seats.values().cloned().map(Fact::Seats))
    }

    /// A subscription by its id (not its resource id), in lower case.
    #[must_use]
    pub fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.get(id)
    }

    /// Ids of the customer's users that hold a directory role. A partner that
    /// holds it by delegation is not among them (A-DAP-06).
    pub fn role_members(&self, customer: &str, role: &str) -> impl Iterator<Item = &str> {
        let key = (customer.to_owned(), role.to_owned());
        let holders = self.role_holders.get(&key).into_iter().flatten();
        holders.map(String::as_str)
    }

    /// Whether a group is there: by a fact of its own, or with its partner.
    pub(super) fn has_group(&self, id: &str) -> bool {
        let partner = names::partner_of_group(id);
        self.groups.contains_key(id)
            || names::is_built_in_group(id)
                && partner.is_some_and(|p| self.partners.contains_key(p))
    }

    /// The entity of a role assignment's principal: a user or a group.
    pub(super) fn principal(&self, id: &str) -> Option<EntityUid> {
        if self.has_group(id) {
            return Some(names::of_type(names::SECURITY_GROUP, id));
        }
        if self.partner_users.contains_key(id) {
            return Some(names::of_type(names::PARTNER_USER, id));
        }
        let user = self.customer_users.contains_key(id);
        user.then(|| names::of_type(names::CUSTOMER_USER, id))
    }

    /// Whether anybody holds a role in a customer's tenant, delegation included.
    pub(super) fn role_is_held(&self, customer: &str, role: &str) -> bool {
        let delegated = names::DELEGATED_GROUPS.iter().any(|(_, _, r)| *r == role);
        self.role_members(customer, role).next().is_some()
            || delegated && self.relationships_of(customer).any(Relationship::delegates)
    }

    /// A number above that of every deny assignment.
    pub(super) fn next_deny_number(&self) -> usize {
        let numbers = self.deny_assignments.keys().map(|(_, number)| number + 1);
        numbers.max().unwrap_or_default()
    }

    /// The relationships of one customer.
    pub(super) fn relationships_of(&self, customer: &str) -> impl Iterator<Item = &Relationship> {
        let of_customer = self.relationships.get(customer);
        of_customer.into_iter().flat_map(BTreeMap::values)
    }

    fn insert(&mut self, fact: Fact) {
        // What is derived from the fact that is replaced goes first.
        self.delete(&fact.key());
        match fact {
            Fact::Partner(f) => drop(self.partners.insert(f.id.clone(), f)),
            Fact::Customer(f) => drop(self.customers.insert(f.id.clone(), f)),
            Fact::PartnerUser(f) => drop(self.partner_users.insert(f.id.clone(), f)),
            Fact::Group(f) => drop(self.groups.insert(f.id.clone(), f)),
            Fact::CustomerUser(f) => {
                for role in &f.directory_roles {
                    let key = (f.customer.clone(), role.clone());
                    self.role_holders
                        .entry(key)
                        .or_default()
                        .insert(f.id.clone());
                }
                self.customer_users.insert(f.id.clone(), f);
            }
            Fact::Relationship(f) => {
                let of_customer = self.relationships.entry(f.customer.clone()).or_default();
                of_customer.insert(f.partner.clone(), f);
            }
            Fact::Invitation(f) => drop(self.invitations.insert(f.id.clone(), f)),
            Fact::Gdap(f) => drop(self.gdap.insert(f.id.clone(), f)),
            Fact::Subscription(f) => drop(self.subscriptions.insert(f.id.clone(), f)),
            Fact::ManagementGroup(f) => drop(self.management_groups.insert(f.id.clone(), f)),
            Fact::RoleAssignment(f) => drop(self.role_assignments.insert(f)),
            Fact::DenyAssignment(f) => {
                let key = (f.scope.clone(), f.number);
                self.deny_assignments.insert(key, f);
            }
            Fact::Device(f) => drop(self.devices.insert(f.id.clone(), f)),
            Fact::AutopilotProfile(f) => drop(self.autopilot_profiles.insert(f.id.clone(), f)),
            Fact::Product(f) => {
                if let Some(publisher) = &f.publisher {
                    let published = self.published.entry(publisher.clone()).or_default();
                    published.insert(f.id.clone());
                }
                self.products.insert(f.id.clone(), f);
            }
            Fact::Seats(f) => {
                let key = (f.customer.clone(), f.product.clone());
                self.seats.insert(key, f);
            }
        }
    }

    fn delete(&mut self, key: &Key) {
        match key {
            Key::Partner(id) => drop(self.partners.remove(id)),
            Key::Customer(id) => drop(self.customers.remove(id)),
            Key::PartnerUser(id) => drop(self.partner_users.remove(id)),
            Key::Group(id) => drop(self.groups.remove(id)),
            Key::CustomerUser(id) => {
                if let Some(user) = self.customer_users.remove(id) {
                    for role in user.directory_roles {
                        let key = (user.customer.clone(), role);
                        take_out(&mut self.role_holders, key, id);
                    }
                }
            }
            Key::Relationship { partner, customer } => {
                if let Some(of_customer) = self.relationships.get_mut(customer) {
                    of_customer.remove(partner);
                    if of_customer.is_empty() {
                        self.relationships.remove(customer);
                    }
                }
            }
            Key::Invitation(id) => drop(self.invitations.remove(id)),
            Key::Gdap(id) => drop(self.gdap.remove(id)),
            Key::Subscription(id) => drop(self.subscriptions.remove(id)),
            Key::ManagementGroup(id) => drop(self.management_groups.remove(id)),
            Key::RoleAssignment(fact) => drop(self.role_assignments.remove(fact)),
            Key::DenyAssignment { scope, number } => {
                self.deny_assignments.remove(&(scope.clone(), *number));
            }
            Key::Device(id) => drop(self.devices.remove(id)),
            Key::AutopilotProfile(id) => drop(self.autopilot_profiles.remove(id)),
            Key::Product(id) => {
                let publisher = self.products.remove(id).and_then(|f| f.publisher);
                if let Some(publisher) = publisher {
                    take_out(&mut self.published, publisher, id);
                }
            }
            Key::Seats { customer, product } => {
                self.seats.remove(&(customer.clone(), product.clone()));
            }
        }
    }
}

/// Takes an item out of a set in a map, and the set out when it is empty.
fn take_out<K: Ord>(map: &mut BTreeMap<K, BTreeSet<String>>, key: K, item: &str) {
    if let std::collections::btree_map::Entry::Occupied(mut entry) = map.entry(key) {
        entry.get_mut().remove(item);
        if entry.get().is_empty() {
            entry.remove();
        }
    }
}
