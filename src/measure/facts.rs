//! Plans to facts of the directory: the same world on the product's own way.
//!
//! Resource groups and resources are no facts: the directory does not store them
//! (D 9), so only the changes have them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::plan::{self, AZURE_ROLES, Assignment, Customer, HELPDESK_AGENTS};
use super::state::DELETED_AT;
use super::workload::Workload;
use crate::directory::{
    self, AzureRoles, Change, Cloud, ContractStatus, CustomerUser, DapStatus, DirectoryError, Fact,
    Group, ManagementGroup, Partner, PartnerUser, RelationshipStatus, RoleAssignment, UserState,
    World,
};
use crate::engine;

impl Workload {
    /// Every fact, in an order in which a world takes them.
    pub fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        let partners = (0..self.partners()).flat_map(|partner| self.facts_of_partner(partner));
        let customers = (0..self.customers()).flat_map(|customer| self.facts_of_customer(customer));
        partners.chain(customers)
    }

    /// The facts folded into a world, and what they are to the engine. For small
    /// workloads: all of it is in memory.
    ///
    /// # Errors
    /// [`DirectoryError`] only if `roles` lacks one of the built-in Azure roles.
    pub fn world(&self, roles: AzureRoles) -> Result<(World, Vec<engine::Change>), DirectoryError> {
        let mut world = World::new(roles);
        let mut changes = Vec::new();
        for fact in self.facts() {
            changes.extend(world.apply(Change::Put(fact))?);
        }
        Ok((world, changes))
    }

    fn facts_of_partner(&self, partner: u32) -> Vec<Fact> {
        let id = self.partner_id(partner);
        let (country, market) = self.country(partner);
        let mut facts = vec![Fact::Partner(Partner {
            id: id.clone(),
            country: country.to_owned(),
            market: market.to_owned(),
            cloud: Cloud::Public,
            kind: None,
        })];
        // The two built-in groups are there with the partner.
        for group in HELPDESK_AGENTS + 1..self.groups_of(partner) {
            let outer = plan::outer_group(group);
            facts.push(Fact::Group(Group {
                id: self.group_id(partner, group),
                member_of: outer
                    .map(|g| self.group_id(partner, g))
                    .into_iter()
                    .collect(),
            }));
        }
        for number in 0..self.agents_of(partner) {
            let agent = self.agent(partner, number);
            let group = agent.group.map(|g| self.group_id(partner, g));
            facts.push(Fact::PartnerUser(PartnerUser {
                id: self.agent_id(partner, number),
                partner: id.clone(),
                roles: agent.roles.iter().map(|role| (*role).to_owned()).collect(),
                groups: group.into_iter().collect(),
            }));
        }
        facts
    }

    fn facts_of_customer(&self, customer: u32) -> Vec<Fact> {
        let plan = self.customer(customer);
        let id = self.customer_id(customer);
        let (country, market) = self.country(self.partner_of(customer));
        let mut facts = vec![Fact::Customer(directory::Customer {
            id: id.clone(),
            country: country.to_owned(),
            market: market.to_owned(),
            cloud: Cloud::Public,
            domains: BTreeSet::new(),
        })];
        let relationships = plan.relationships.iter();
        facts.extend(relationships.map(|r| Fact::Relationship(self.relationship_fact(&plan, r))));
        for (number, user) in (0..).zip(&plan.users) {
            let deleted = user.deleted.then(|| DELETED_AT.parse().ok()).flatten();
            facts.push(Fact::CustomerUser(CustomerUser {
                id: self.user_id(customer, number),
                customer: id.clone(),
                directory_roles: user.role.map(str::to_owned).into_iter().collect(),
                state: deleted.map_or(UserState::Active, UserState::Deleted),
                licenses: BTreeSet::new(),
                previous_licenses: BTreeSet::new(),
                role_assignable_group: user.role_assignable_group,
                names: directory::UserNames::default(),
            }));
        }
        for group in 0..plan.management_groups {
            let outer = group.checked_sub(1);
            facts.push(Fact::ManagementGroup(ManagementGroup {
                id: self.management_group_id(customer, group),
                parent: outer.map(|outer| self.management_group_id(customer, outer)),
            }));
        }
        for (number, subscription) in (0..).zip(&plan.subscriptions) {
            let fact = self.subscription_fact(&plan, number, subscription);
            facts.push(Fact::Subscription(fact));
        }
        for (number, device) in (0..).zip(&plan.devices) {
            let partner = device.by_partner.then(|| self.partner_of(customer));
            facts.push(Fact::Device(directory::Device {
                id: self.device_id(customer, number),
                customer: id.clone(),
                added_by: partner.map(|partner| self.partner_id(partner)),
                channel: device.channel().to_owned(),
                profile: None,
            }));
        }
        let assignments = plan.assignments.iter();
        facts.extend(assignments.map(|a| Fact::RoleAssignment(self.assignment_fact(&plan, a))));
        facts
    }

    pub(super) fn relationship_fact(
        &self,
        plan: &Customer,
        relationship: &plan::Relationship,
    ) -> directory::Relationship {
        directory::Relationship {
            partner: self.partner_id(relationship.partner),
            customer: self.customer_id(plan.index),
            status: match relationship.active {
                true => RelationshipStatus::Active,
                false => RelationshipStatus::Removed,
            },
            dap: match relationship.delegates {
                true => DapStatus::Active,
                false => DapStatus::Removed,
            },
            contract: match relationship.supports {
                true => ContractStatus::InForce,
                false => ContractStatus::Renegotiated,
            },
        }
    }

    pub(super) fn subscription_fact(
        &self,
        plan: &Customer,
        number: u32,
        subscription: &plan::Subscription,
    ) -> directory::Subscription {
        let partner = || self.partner_id(self.partner_of(plan.index));
        let created = subscription.created_at();
        let group = subscription.management_group;
        directory::Subscription {
            id: self.subscription_id(plan.index, number),
            customer: self.customer_id(plan.index),
            provisioned_by: subscription.provisioned.then(partner),
            created: created.and_then(|at| at.parse::<Timestamp>().ok()),
            status: subscription.status().to_owned(),
            management_group: group.map(|group| self.management_group_id(plan.index, group)),
            seller: subscription.provisioned.then(partner),
        }
    }

    pub(super) fn assignment_fact(
        &self,
        plan: &Customer,
        assignment: &Assignment,
    ) -> RoleAssignment {
        let (_, principal) = self.principal_id(plan.index, assignment.principal);
        let role = AZURE_ROLES.get(assignment.role).map(|(role, _)| *role);
        RoleAssignment {
            principal,
            role: role.unwrap_or_default().to_owned(),
            scope: self.scope_id(plan, assignment.scope).1,
        }
    }
}
