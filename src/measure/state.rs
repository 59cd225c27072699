//! Plans to engine changes, parents before children.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use cedar_policy::EntityUid;

use super::ids::Kind;
use super::plan::{
    self, ADMIN_AGENTS, AZURE_ROLES, Assignment, Customer, DIRECTORY_READERS, Device,
    GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, HELPDESK_AGENTS, Relationship, Scope,
    Subscription, User,
};
use super::workload::Workload;
use crate::engine::{Change, EdgeKind, EntityData, Link, Value};
use crate::policy::Extension;

/// When deleted users were deleted, within 30 days of [`super::NOW`].
pub(super) const DELETED_AT: &str = "2020-08-20T09:00:00Z";
/// The groups that privileges put into roles of a customer's tenant.
const DELEGATED: [(u32, &str); 2] = [
    (ADMIN_AGENTS, GLOBAL_ADMINISTRATOR),
    (HELPDESK_AGENTS, HELPDESK_ADMINISTRATOR),
];
/// Fields of a customer's `roles`, with the roles they stand for.
const TENANT_ROLES: [(&str, &str); 12] = [
    (
        "authenticationAdministrator",
        "Authentication Administrator",
    ),
    ("directoryReaders", DIRECTORY_READERS),
    ("directoryWriters", "Directory Writers"),
    ("globalAdministrator", GLOBAL_ADMINISTRATOR),
    ("helpdeskAdministrator", HELPDESK_ADMINISTRATOR),
    ("licenseAdministrator", "License Administrator"),
    ("partnerTier1Support", "Partner Tier1 Support"),
    ("partnerTier2Support", "Partner Tier2 Support"),
    ("passwordAdministrator", "Password Administrator"),
    (
        "privilegedAuthenticationAdministrator",
        "Privileged Authentication Administrator",
    ),
    (
        "privilegedRoleAdministrator",
        "Privileged Role Administrator",
    ),
    ("userAdministrator", "User Administrator"),
];

impl Workload {
    /// Everything, as changes that build it up: partners first, then customer by
    /// customer, in either parents before children. Lazy: one partner or customer
    /// at a time is in memory.
    pub fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        let partners = (0..self.partners()).flat_map(|partner| self.changes_of_partner(partner));
        let customers =
            (0..self.customers()).flat_map(|customer| self.changes_of_customer(customer));
        partners.chain(customers)
    }

    /// One partner with its groups and agents.
    #[must_use]
    pub fn changes_of_partner(&self, partner: u32) -> Vec<Change> {
        let id = self.partner_id(partner);
        let uid = Kind::Partner.uid(&id);
        let (country, market) = self.country(partner);
        let company = EntityData::new(uid.clone())
            .with("country", text(country))
            .with("market", text(market))
            .with("cloud", text("public"));
        let mut changes = vec![Change::PutEntity(company)];
        let own = |uid| EntityData::new(uid).with("partner", Value::Entity(Kind::Partner.uid(&id)));
        let group = |group| Kind::SecurityGroup.uid(&self.group_id(partner, group));
        for number in 0..self.groups_of(partner) {
            changes.push(Change::PutEntity(own(group(number))));
            if let Some(outer) = plan::outer_group(number) {
                changes.push(explicit(group(number), group(outer)));
            }
        }
        for number in 0..self.agents_of(partner) {
            let agent = self.agent(partner, number);
            let uid = Kind::PartnerUser.uid(&self.agent_id(partner, number));
            changes.push(Change::PutEntity(own(uid.clone())));
            let roles = agent.roles.iter().map(|role| Kind::PartnerRole.uid(role));
            let of_role = [
                ("AdminAgent", ADMIN_AGENTS),
                ("HelpdeskAgent", HELPDESK_AGENTS),
            ];
            let of_role = of_role.iter().filter(|(role, _)| agent.has(role));
            let groups = of_role.map(|(_, group)| *group).chain(agent.group);
            let parents = roles.chain(groups.map(group));
            changes.extend(parents.map(|parent| explicit(uid.clone(), parent)));
        }
        changes
    }

    /// One customer with all it has, its role assignments included.
    #[must_use]
    pub fn changes_of_customer(&self, customer: u32) -> Vec<Change> {
        let plan = self.customer(customer);
        let mut changes = Vec::with_capacity(48);
        let uid = Kind::Customer.uid(&self.customer_id(customer));
        changes.push(Change::PutEntity(self.company(&plan, &uid)));
        for role in held_roles(&plan) {
            self.push_tenant_role(customer, role, &mut changes);
        }
        for relationship in &plan.relationships {
            self.push_delegation(customer, relationship, &mut changes);
        }
        for (number, user) in (0..).zip(&plan.users) {
            self.push_user(&plan, number, user, &uid, &mut changes);
        }
        for number in 0..plan.management_groups {
            let scope = Scope::ManagementGroup(number);
            let group = self.scope_uid(&plan, scope);
            changes.push(Change::PutEntity(EntityData::new(group.clone())));
            let outer = plan.enclosing(scope);
            changes.extend(outer.map(|outer| explicit(group, self.scope_uid(&plan, outer))));
        }
        for (number, subscription) in (0..).zip(&plan.subscriptions) {
            let entity = self.subscription_entity(&plan, number, subscription);
            let within = entity.uid.clone();
            changes.push(Change::PutEntity(entity));
            let outer = plan.enclosing(Scope::Subscription(number));
            changes.extend(outer.map(|outer| explicit(within, self.scope_uid(&plan, outer))));
            for group in (0..).take(subscription.groups.len()) {
                let own = [Scope::ResourceGroup(number, group)];
                for scope in own.into_iter().chain(plan.scopes_of_group(number, group)) {
                    changes.push(Change::PutEntity(self.scope_entity(&plan, scope, &uid)));
                }
            }
        }
        for (number, device) in (0..).zip(&plan.devices) {
            changes.push(Change::PutEntity(self.device(&plan, number, *device, &uid)));
        }
        let links = plan.assignments.iter();
        changes.extend(links.map(|a| Change::AddLink(self.link(&plan, a))));
        changes
    }

    /// The entity of the customer itself.
    pub(super) fn company(&self, plan: &Customer, uid: &EntityUid) -> EntityData {
        let mut partners: Vec<(String, &Relationship)> = plan
            .relationships
            .iter()
            .map(|r| (self.partner_id(r.partner), r))
            .collect();
        partners.sort_by(|a, b| a.0.cmp(&b.0));
        let those = |holds: fn(&Relationship) -> bool| {
            let held = partners.iter().filter(|(_, r)| holds(r));
            let held = held.map(|(id, _)| Value::Entity(Kind::Partner.uid(id)));
            Value::Set(held.collect())
        };
        let roles = TENANT_ROLES.iter().map(|(field, role)| {
            let role = Kind::TenantRole.uid(&self.tenant_role_id(plan.index, role));
            ((*field).to_owned(), Value::Entity(role))
        });
        let (country, market) = self.country(self.partner_of(plan.index));
        EntityData::new(uid.clone())
            .with("country", text(country))
            .with("market", text(market))
            .with("cloud", text("public"))
            .with("resellers", those(|r| r.active))
            .with("delegatedTo", those(|r| r.delegates))
            .with("supportedBy", those(|r| r.supports))
            .with("roles", Value::Record(roles.collect()))
    }

    /// A role that somebody holds in the customer's tenant; all roles of a
    /// workload inherit Directory Readers.
    pub(super) fn push_tenant_role(&self, customer: u32, role: &str, changes: &mut Vec<Change>) {
        let uid = |role| Kind::TenantRole.uid(&self.tenant_role_id(customer, role));
        changes.push(Change::PutEntity(EntityData::new(uid(role))));
        if role != DIRECTORY_READERS {
            changes.push(implicit(uid(role), uid(DIRECTORY_READERS)));
        }
    }

    /// Privileges put two groups of the partner into two roles (A-DAP-01, 02).
    pub(super) fn push_delegation(
        &self,
        customer: u32,
        relationship: &Relationship,
        changes: &mut Vec<Change>,
    ) {
        if !relationship.delegates {
            return;
        }
        changes.extend(DELEGATED.map(|(group, role)| {
            let group = self.group_id(relationship.partner, group);
            let role = self.tenant_role_id(customer, role);
            implicit(Kind::SecurityGroup.uid(&group), Kind::TenantRole.uid(&role))
        }));
    }

    fn push_user(
        &self,
        plan: &Customer,
        number: u32,
        user: &User,
        customer: &EntityUid,
        changes: &mut Vec<Change>,
    ) {
        let uid = Kind::CustomerUser.uid(&self.user_id(plan.index, number));
        let state = if user.deleted { "deleted" } else { "active" };
        let roles = user.role.iter();
        let roles = roles.map(|role| Value::Entity(Kind::DirectoryRole.uid(role)));
        let entity = EntityData::new(uid.clone())
            .with("customer", Value::Entity(customer.clone()))
            .with("state", text(state))
            .with_some("deletedAt", user.deleted.then(|| datetime(DELETED_AT)))
            .with("roles", Value::Set(roles.collect()))
            .with(
                "inRoleAssignableGroup",
                Value::Bool(user.role_assignable_group),
            );
        changes.push(Change::PutEntity(entity));
        changes.extend(user.role.map(|role| {
            let role = self.tenant_role_id(plan.index, role);
            explicit(uid, Kind::TenantRole.uid(&role))
        }));
    }

    pub(super) fn subscription_entity(
        &self,
        plan: &Customer,
        number: u32,
        subscription: &Subscription,
    ) -> EntityData {
        let customer = Kind::Customer.uid(&self.customer_id(plan.index));
        let partner = subscription.provisioned.then(|| {
            let partner = self.partner_id(self.partner_of(plan.index));
            Value::Entity(Kind::Partner.uid(&partner))
        });
        EntityData::new(self.scope_uid(plan, Scope::Subscription(number)))
            .with("customer", Value::Entity(customer))
            .with_some("provisionedBy", partner)
            .with_some(
                "createdAt",
                subscription.created_at().map(|at| datetime(&at)),
            )
            .with("status", text(subscription.status()))
    }

    /// A resource group or resource, as the directory supplies it for a question
    /// about one that is not stored (D 9).
    pub(super) fn scope_entity(
        &self,
        plan: &Customer,
        scope: Scope,
        customer: &EntityUid,
    ) -> EntityData {
        let entity = EntityData::new(self.scope_uid(plan, scope))
            .with("customer", Value::Entity(customer.clone()));
        match plan.enclosing(scope) {
            Some(outer) => entity.in_parent(self.scope_uid(plan, outer)),
            None => entity,
        }
    }

    fn device(
        &self,
        plan: &Customer,
        number: u32,
        device: Device,
        customer: &EntityUid,
    ) -> EntityData {
        let partner = device.by_partner.then(|| {
            let partner = self.partner_id(self.partner_of(plan.index));
            Value::Entity(Kind::Partner.uid(&partner))
        });
        EntityData::new(Kind::Device.uid(&self.device_id(plan.index, number)))
            .with("customer", Value::Entity(customer.clone()))
            .with_some("addedBy", partner)
            .with("channel", text(device.channel()))
    }

    pub(super) fn link(&self, plan: &Customer, assignment: &Assignment) -> Link {
        let (kind, id) = self.principal_id(plan.index, assignment.principal);
        let role = AZURE_ROLES.get(assignment.role);
        Link {
            template: role
                .map(|(_, template)| *template)
                .unwrap_or_default()
                .to_owned(),
            principal: Some(kind.uid(&id)),
            resource: Some(self.scope_uid(plan, assignment.scope)),
        }
    }
}

impl Subscription {
    pub(super) fn status(&self) -> &'static str {
        if self.suspended {
            "suspended"
        } else {
            "active"
        }
    }

    pub(super) fn created_at(&self) -> Option<String> {
        let (year, month, day) = self.created?;
        Some(format!("{year}-{month:02}-{day:02}T00:00:00Z"))
    }
}

impl Device {
    pub(super) fn channel(self) -> &'static str {
        match self.by_partner {
            true => "partner-center",
            false => "intune-portal",
        }
    }
}

/// The directory roles that anybody holds in the customer's tenant, each once.
pub(super) fn held_roles(plan: &Customer) -> Vec<&'static str> {
    let delegates = plan.relationships.iter().any(|r| r.delegates);
    let delegated = DELEGATED
        .iter()
        .filter(|_| delegates)
        .map(|(_, role)| *role);
    let own = plan.users.iter().filter_map(|user| user.role);
    let mut roles: Vec<&str> = delegated.chain(own).collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

pub(super) fn explicit(child: EntityUid, parent: EntityUid) -> Change {
    let kind = EdgeKind::Explicit;
    Change::AddEdge {
        child,
        parent,
        kind,
    }
}

fn implicit(child: EntityUid, parent: EntityUid) -> Change {
    let kind = EdgeKind::Implicit;
    Change::AddEdge {
        child,
        parent,
        kind,
    }
}

/// One of the few texts that come with every entity, held once.
fn text(value: &'static str) -> Value {
    static SHARED: LazyLock<BTreeMap<&str, Arc<str>>> = LazyLock::new(|| {
        let all = [
            "DE",
            "Europe",
            "FR",
            "US",
            "United States",
            "active",
            "deleted",
            "intune-portal",
            "partner-center",
            "public",
            "suspended",
        ];
        all.into_iter().map(|text| (text, text.into())).collect()
    });
    match SHARED.get(value) {
        Some(shared) => Value::String(Arc::clone(shared)),
        None => Value::string(value),
    }
}

fn datetime(at: &str) -> Value {
    Value::Extension(Extension::Datetime, at.into())
}
