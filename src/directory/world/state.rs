//! The world: all facts at one position, and the step to the next.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::EntityUid;
use imbl::{OrdMap, OrdSet};

use crate::directory::facts::{
    AutopilotProfile, Customer, CustomerUser, DenyAssignment, Device, Gdap, Group, Invitation,
    ManagementGroup, Partner, PartnerUser, Product, Relationship, RoleAssignment, Seats,
    ServiceRequest, Subscription,
};
use crate::directory::{AzureRoles, Change, DirectoryError, Fact, Key, check, names, project};
use crate::engine;

/// Facts by id. Ids and facts are shared: a change copies the nodes of the map on
/// the way to what it touches, and of what they hold only the references.
pub(in crate::directory) type ById<T> = OrdMap<Arc<str>, Arc<T>>;
/// Facts by the two ids that tell them apart.
pub(in crate::directory) type ByPair<T> = OrdMap<Arc<(String, String)>, Arc<T>>;

/// Facts by key, and what is derived from several of them.
///
/// The maps are persistent: a clone costs nothing, and a change copies the path
/// to what it touches, so that every reader keeps the world it took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    pub(in crate::directory) azure_roles: AzureRoles,
    pub(in crate::directory) partners: ById<Partner>,
    pub(in crate::directory) customers: ById<Customer>,
    pub(in crate::directory) partner_users: ById<PartnerUser>,
    pub(in crate::directory) groups: ById<Group>,
    pub(in crate::directory) customer_users: ById<CustomerUser>,
    /// By customer and partner.
    pub(in crate::directory) relationships: ByPair<Relationship>,
    pub(in crate::directory) invitations: ById<Invitation>,
    pub(in crate::directory) gdap: ById<Gdap>,
    pub(in crate::directory) subscriptions: ById<Subscription>,
    pub(in crate::directory) management_groups: ById<ManagementGroup>,
    pub(in crate::directory) role_assignments: OrdSet<Arc<RoleAssignment>>,
    pub(in crate::directory) deny_assignments: OrdMap<Arc<(String, usize)>, Arc<DenyAssignment>>,
    pub(in crate::directory) devices: ById<Device>,
    pub(in crate::directory) autopilot_profiles: ById<AutopilotProfile>,
    pub(in crate::directory) products: ById<Product>,
    /// By customer and product.
    pub(in crate::directory) seats: ByPair<Seats>,
    pub(in crate::directory) service_requests: ById<ServiceRequest>,
    /// Customer, directory role, user that holds it. Derived.
    pub(super) role_holders: OrdSet<Arc<(String, String, String)>>,
    /// Publisher, product. Derived.
    pub(super) published: OrdSet<Arc<(String, String)>>,
    /// Numbers of deny assignments, each with its scope. Derived.
    pub(super) deny_numbers: OrdSet<Arc<(usize, String)>>,
    /// What is named, by what. Derived.
    ///
    /// INVARIANT (uses): an entry for every reference of every fact, and no other.
    pub(super) uses: OrdSet<(Arc<Key>, Arc<Key>)>,
    /// Management group, group next below it that is filled. Derived.
    ///
    /// INVARIANT (filled): a group is filled if a subscription is in it, or a group
    /// that is; an entry for every such group that is in another, and no other.
    pub(super) filled: OrdSet<Arc<(String, String)>>,
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

    /// The same facts, for a bundle that has templates for other roles; what was
    /// assigned before stays.
    #[must_use]
    pub fn with_roles(&self, azure_roles: AzureRoles) -> Self {
        Self {
            azure_roles,
            ..self.clone()
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
                check::put(self, fact)?;
                (self.fact(&fact.key()), Some(fact.clone()))
            }
            Change::Remove(key) => {
                check::remove(self, key)?;
                (self.fact(key), None)
            }
        };
        let mut touched = BTreeSet::new();
        for fact in [&old, &new].into_iter().flatten() {
            touched.extend(project::touched(self, fact));
        }
        let before = project::items(self, &touched)?;
        let key = match change {
            Change::Put(fact) => {
                let key = fact.key();
                match old {
                    Some(_) => self.insert(fact),
                    None => self.insert_new(fact),
                }
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

    /// Takes a change that was taken before, without telling what it is to the engine.
    ///
    /// # Errors
    /// As [`World::apply`].
    pub fn replay(&mut self, change: Change) -> Result<(), DirectoryError> {
        match change {
            Change::Put(fact) => {
                check::put(self, &fact)?;
                self.insert(fact);
            }
            Change::Remove(key) => {
                check::remove(self, &key)?;
                self.delete(&key);
            }
        }
        Ok(())
    }

    /// Takes a fact of a world that was whole, in the order of [`World::facts`].
    /// Nothing is checked again: whoever calls this vouches for the facts.
    pub fn restore(&mut self, fact: Fact) {
        self.insert_new(fact);
    }

    /// What all facts are to the engine, as the changes that would add them to an
    /// engine without any: the sum of what [`World::apply`] told of each.
    ///
    /// # Errors
    /// [`DirectoryError`] for a fact that the engine cannot be told of: never one
    /// that [`World::apply`] took.
    pub fn projection(
        &self,
    ) -> impl Iterator<Item = Result<Vec<engine::Change>, DirectoryError>> + '_ {
        project::all(self)
    }

    /// A subscription by its id (not its resource id), in lower case.
    #[must_use]
    pub fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.get(id).map(Arc::as_ref)
    }

    /// Ids of the customer's users that hold a directory role. A partner that
    /// holds it by delegation is not among them (A-DAP-06).
    pub fn role_members<'a>(
        &'a self,
        customer: &'a str,
        role: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let first = (customer.to_owned(), role.to_owned(), String::new());
        let holders = self.role_holders.range(first..);
        let holders = holders.map(Arc::as_ref);
        let holders = holders.take_while(move |(c, r, _)| c == customer && r == role);
        holders.map(|(_, _, user)| user.as_str())
    }

    /// Whether a group is there: by a fact of its own, or with its partner.
    pub(in crate::directory) fn has_group(&self, id: &str) -> bool {
        let partner = names::partner_of_group(id);
        self.groups.contains_key(id)
            || names::is_built_in_group(id)
                && partner.is_some_and(|p| self.partners.contains_key(p))
    }

    /// The entity of a role assignment's principal: a user or a group.
    pub(in crate::directory) fn principal(&self, id: &str) -> Option<EntityUid> {
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
    pub(in crate::directory) fn role_is_held(&self, customer: &str, role: &str) -> bool {
        let delegated = names::DELEGATED_GROUPS.iter().any(|(_, _, r)| *r == role);
        self.role_members(customer, role).next().is_some()
            || delegated && self.relationships_of(customer).any(Relationship::delegates)
    }

    /// Every directory role in a tenant that anybody holds, delegation included,
    /// each once: customer and role.
    pub(in crate::directory) fn roles_held(&self) -> BTreeSet<(String, String)> {
        let held = self.role_holders.iter();
        let held = held.map(|held| (held.0.clone(), held.1.clone()));
        let delegating = self.relationships.values().filter(|r| r.delegates());
        let delegated = delegating.flat_map(|relationship| {
            let roles = names::DELEGATED_GROUPS.iter();
            roles.map(|(_, _, role)| (relationship.customer.clone(), (*role).to_owned()))
        });
        held.chain(delegated).collect()
    }

    /// Everybody who has products here, each once.
    pub(in crate::directory) fn publishers(&self) -> BTreeSet<String> {
        self.published.iter().map(|held| held.0.clone()).collect()
    }

    /// Whether a publisher has products here.
    pub(in crate::directory) fn publishes(&self, publisher: &str) -> bool {
        let first = (publisher.to_owned(), String::new());
        let next = self.published.range(first..).next();
        next.is_some_and(|found| found.0 == publisher)
    }

    /// A number above that of every deny assignment.
    #[must_use]
    pub fn next_deny_number(&self) -> usize {
        let last = self.deny_numbers.get_max();
        last.map_or(0, |last| last.0.saturating_add(1))
    }

    /// One pair of partner and customer.
    pub(in crate::directory) fn relationship(
        &self,
        partner: &str,
        customer: &str,
    ) -> Option<&Relationship> {
        let key = (customer.to_owned(), partner.to_owned());
        self.relationships.get(&key).map(Arc::as_ref)
    }

    /// The relationships of one customer.
    pub(in crate::directory) fn relationships_of<'a>(
        &'a self,
        customer: &'a str,
    ) -> impl Iterator<Item = &'a Relationship> {
        let first = (customer.to_owned(), String::new());
        let of_customer = self.relationships.range(first..);
        let of_customer = of_customer.take_while(move |(key, _)| key.0 == customer);
        of_customer.map(|(_, relationship)| relationship.as_ref())
    }
}
