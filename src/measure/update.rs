//! Changes to a built workload, each with what takes it back.

use super::ids::Kind;
use super::plan::{Assignment, Customer, Principal, Scope, Subscription};
use super::random::{Rng, Stream};
use super::state::{explicit, held_roles};
use super::workload::{LARGE, Workload};
use crate::directory::{self, Fact, Key};
use crate::engine::{Change, EntityData};

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateKind {
    /// A customer of the largest partner grants it delegated admin privileges,
    /// or takes them away: an attribute, two implicit edges, two roles.
    Privileges,
    /// A role assignment comes, or goes.
    Link,
    /// The status of a subscription changes.
    Attribute,
    /// A subscription moves into, out of or between management groups, with
    /// everything in it.
    Move,
    /// A resource comes into a resource group.
    Resource,
}

impl UpdateKind {
    /// All kinds there are.
    pub const ALL: [Self; 5] = [
        Self::Privileges,
        Self::Link,
        Self::Attribute,
        Self::Move,
        Self::Resource,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileges => "privileges",
            Self::Link => "link",
            Self::Attribute => "attribute",
            Self::Move => "move",
            Self::Resource => "resource",
        }
    }
}

/// One change of a built workload, and back.
#[derive(Debug, Clone)]
pub struct Update {
    /// What it changes for the engine.
    pub apply: Vec<Change>,
    /// What takes it back.
    pub revert: Vec<Change>,
    /// The same as changes of the directory, there and back; none for what the
    /// directory does not store.
    pub directory: Option<(directory::Change, directory::Change)>,
}

impl Workload {
    /// An update of the built workload. Another `number` is most often about
    /// another customer; updates of one kind and number are the same. Every
    /// update is relative to the workload as it was built: take one back before
    /// the next of the same customer. `None` if no customer allows it.
    #[must_use]
    pub fn update(&self, kind: UpdateKind, number: u32) -> Option<Update> {
        let mut rng = self.rng(Stream::Update, number.into());
        if kind == UpdateKind::Privileges {
            let own = self.customers_of(LARGE);
            let start = number % own.max(1);
            return (0..own)
                .filter_map(|step| self.customer_of(LARGE, (start + step) % own))
                .find_map(|customer| self.privileges(&self.customer(customer)));
        }
        let start = rng.below(self.customers());
        let steps = 0..self.customers().min(100_000);
        steps
            .map(|step| (u64::from(start) + u64::from(step)) % u64::from(self.customers()))
            .filter_map(|index| u32::try_from(index).ok())
            .find_map(|index| {
                let customer = self.customer(index);
                match kind {
                    UpdateKind::Privileges => None,
                    UpdateKind::Link => Some(self.link_update(&mut rng, &customer, number)),
                    UpdateKind::Attribute => self.status(&customer),
                    UpdateKind::Move => self.moving(&mut rng, &customer),
                    UpdateKind::Resource => self.resource(&customer, number),
                }
            })
    }

    fn privileges(&self, before: &Customer) -> Option<Update> {
        let at = before
            .relationships
            .iter()
            .position(|r| r.partner == LARGE)?;
        let mut after = before.clone();
        let relationship = after.relationships.get_mut(at).filter(|r| r.active)?;
        relationship.delegates = !relationship.delegates;
        let put = |plan: &Customer| {
            let relationship = plan.relationships.get(at)?;
            let fact = self.relationship_fact(plan, relationship);
            Some(directory::Change::Put(Fact::Relationship(fact)))
        };
        Some(Update {
            apply: self.between(before, &after, at),
            revert: self.between(&after, before, at),
            directory: Some((put(&after)?, put(before)?)),
        })
    }

    /// From one state of a relationship's privileges to the other.
    fn between(&self, before: &Customer, after: &Customer, at: usize) -> Vec<Change> {
        let delegation = |plan: &Customer| {
            let mut edges = Vec::new();
            if let Some(relationship) = plan.relationships.get(at) {
                self.push_delegation(plan.index, relationship, &mut edges);
            }
            edges
        };
        let (held, holds) = (held_roles(before), held_roles(after));
        let new = |of: &[&'static str], than: &[&'static str]| -> Vec<&'static str> {
            of.iter()
                .filter(|role| !than.contains(role))
                .copied()
                .collect()
        };
        let mut changes = Vec::new();
        for edge in delegation(before) {
            changes.extend(removal(edge));
        }
        for role in new(&held, &holds) {
            let mut there = Vec::new();
            self.push_tenant_role(before.index, role, &mut there);
            changes.extend(there.into_iter().filter_map(removal));
        }
        let uid = Kind::Customer.uid(&self.customer_id(after.index));
        changes.push(Change::PutEntity(self.company(after, &uid)));
        for role in new(&holds, &held) {
            self.push_tenant_role(after.index, role, &mut changes);
        }
        changes.extend(delegation(after));
        changes
    }

    /// Odd ones take an assignment away, even ones bring one.
    fn link_update(&self, rng: &mut Rng, customer: &Customer, number: u32) -> Update {
        let held = rng.pick(&customer.assignments).copied();
        if let Some(held) = held.filter(|_| number % 2 == 1) {
            let (put, remove) = self.assignment_changes(customer, &held);
            let link = self.link(customer, &held);
            return Update {
                apply: vec![Change::RemoveLink(link.clone())],
                revert: vec![Change::AddLink(link)],
                directory: Some((remove, put)),
            };
        }
        let partner = self.partner_of(customer.index);
        let mut agents = 0..self.agents_of(partner);
        let new = |agent| Assignment {
            role: 2,
            principal: Principal::Agent { partner, agent },
            scope: Scope::Subscription(0),
        };
        let agent = agents.find(|agent| !customer.assignments.contains(&new(*agent)));
        let new = new(agent.unwrap_or(0));
        let (put, remove) = self.assignment_changes(customer, &new);
        let link = self.link(customer, &new);
        Update {
            apply: vec![Change::AddLink(link.clone())],
            revert: vec![Change::RemoveLink(link)],
            directory: Some((put, remove)),
        }
    }

    fn assignment_changes(
        &self,
        customer: &Customer,
        assignment: &Assignment,
    ) -> (directory::Change, directory::Change) {
        let fact = self.assignment_fact(customer, assignment);
        (
            directory::Change::Put(Fact::RoleAssignment(fact.clone())),
            directory::Change::Remove(Key::RoleAssignment(fact)),
        )
    }

    fn status(&self, customer: &Customer) -> Option<Update> {
        let before = customer.subscription(0)?;
        let after = Subscription {
            suspended: !before.suspended,
            ..before.clone()
        };
        let put =
            |state: &Subscription| Change::PutEntity(self.subscription_entity(customer, 0, state));
        Some(Update {
            apply: vec![put(&after)],
            revert: vec![put(before)],
            directory: Some((
                self.put_subscription(customer, &after),
                self.put_subscription(customer, before),
            )),
        })
    }

    /// The directory's change for the first subscription.
    fn put_subscription(&self, customer: &Customer, state: &Subscription) -> directory::Change {
        let fact = self.subscription_fact(customer, 0, state);
        directory::Change::Put(Fact::Subscription(fact))
    }

    fn moving(&self, rng: &mut Rng, customer: &Customer) -> Option<Update> {
        let before = customer.subscription(0)?;
        let from = before.management_group;
        let elsewhere = (0..customer.management_groups).map(Some).chain([None]);
        let elsewhere: Vec<Option<u32>> = elsewhere.filter(|group| *group != from).collect();
        let to = *rng.pick(&elsewhere)?;
        let after = Subscription {
            management_group: to,
            ..before.clone()
        };
        let edge = |group: Option<u32>| {
            let child = self.scope_uid(customer, Scope::Subscription(0));
            let group = self.scope_uid(customer, Scope::ManagementGroup(group?));
            Some(explicit(child, group))
        };
        let step = |from, to| {
            let gone = edge(from).and_then(removal);
            gone.into_iter().chain(edge(to)).collect::<Vec<_>>()
        };
        Some(Update {
            apply: step(from, to),
            revert: step(to, from),
            directory: Some((
                self.put_subscription(customer, &after),
                self.put_subscription(customer, before),
            )),
        })
    }

    /// A virtual machine that was not there before.
    fn resource(&self, customer: &Customer, number: u32) -> Option<Update> {
        customer.subscription(0)?.groups.first()?;
        let (_, group) = self.scope_id(customer, Scope::ResourceGroup(0, 0));
        let id = format!("{group}/providers/microsoft.compute/virtualmachines/vm-new-{number}");
        let (uid, group) = (
            Kind::AzureResource.uid(&id),
            Kind::ResourceGroup.uid(&group),
        );
        let company = Kind::Customer.uid(&self.customer_id(customer.index));
        let entity = EntityData::new(uid.clone())
            .with("customer", crate::engine::Value::Entity(company))
            .in_parent(group.clone());
        let apply = vec![Change::PutEntity(entity)];
        let edge = Change::RemoveEdge {
            child: uid.clone(),
            parent: group,
        };
        Some(Update {
            apply,
            revert: vec![edge, Change::RemoveEntity(uid)],
            directory: None,
        })
    }
}

/// What takes an added entity, edge or link away.
fn removal(change: Change) -> Option<Change> {
    match change {
        Change::PutEntity(entity) => Some(Change::RemoveEntity(entity.uid)),
        Change::AddEdge { child, parent, .. } => Some(Change::RemoveEdge { child, parent }),
        Change::AddLink(link) => Some(Change::RemoveLink(link)),
        _ => None,
    }
}
