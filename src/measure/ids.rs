//! Ids that look like real ones, and the entities they name: GUIDs, and Azure
//! resource ids in lower case.
//!
//! The type names stand here a second time (the directory has its own): the
//! workload is an independent way to the same changes, and a test compares the
//! two.

use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use super::plan::{Customer, Principal, Scope};
use super::random::{Stream, push_guid};
use super::workload::Workload;

/// The entity types that a workload has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Action,
    AzureResource,
    Customer,
    CustomerUser,
    Device,
    DirectoryRole,
    ManagementGroup,
    Partner,
    PartnerRole,
    PartnerUser,
    ResourceGroup,
    SecurityGroup,
    Subscription,
    TenantRole,
}

impl Kind {
    const ALL: [Self; 14] = [
        Self::Action,
        Self::AzureResource,
        Self::Customer,
        Self::CustomerUser,
        Self::Device,
        Self::DirectoryRole,
        Self::ManagementGroup,
        Self::Partner,
        Self::PartnerRole,
        Self::PartnerUser,
        Self::ResourceGroup,
        Self::SecurityGroup,
        Self::Subscription,
        Self::TenantRole,
    ];

    /// An entity of this type.
    pub(super) fn uid(self, id: &str) -> EntityUid {
        // Reading a type name costs more than all the rest of an id.
        static NAMES: LazyLock<[EntityTypeName; 14]> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "the variants are Cedar type names")]
            Kind::ALL
                .map(|kind| EntityTypeName::from_str(&format!("{kind:?}")).expect("letters only"))
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "ALL holds the variants in their order, and a test says so"
        )]
        let name = NAMES[self as usize].clone();
        EntityUid::from_type_name_and_id(name, EntityId::new(id))
    }
}

/// Kinds of Azure resource: type, prefix of names, and a type nested in it.
const RESOURCES: [(&str, &str, &str); 6] = [
    ("microsoft.compute/virtualmachines", "vm", "extensions"),
    ("microsoft.storage/storageaccounts", "st", "blobservices"),
    ("microsoft.network/virtualnetworks", "vnet", "subnets"),
    ("microsoft.keyvault/vaults", "kv", "keys"),
    ("microsoft.web/sites", "app", "slots"),
    ("microsoft.sql/servers", "sql", "databases"),
];
/// What resource groups are called after.
const PURPOSES: [&str; 5] = ["app", "data", "network", "shared", "backup"];
const MANAGEMENT_GROUPS: &str = "/providers/microsoft.management/managementgroups/";

impl Workload {
    fn guid(&self, stream: Stream, index: u64) -> String {
        let mut id = String::with_capacity(36);
        push_guid(&mut id, self.seed, stream, index);
        id
    }

    pub(super) fn partner_id(&self, partner: u32) -> String {
        self.guid(Stream::Partner, partner.into())
    }

    /// `P/Name`.
    pub(super) fn group_id(&self, partner: u32, group: u32) -> String {
        let mut id = String::with_capacity(56);
        push_guid(&mut id, self.seed, Stream::Partner, partner.into());
        id.push('/');
        match group {
            0 => id.push_str("AdminAgents"),
            1 => id.push_str("HelpdeskAgents"),
            2 => id.push_str("Escalation"),
            3 => id.push_str("Cloud Operations"),
            team => {
                id.push_str("Cloud Team ");
                push_number(&mut id, team - 3);
            }
        }
        id
    }

    pub(super) fn agent_id(&self, partner: u32, agent: u32) -> String {
        self.guid(Stream::Agent, part(partner, agent))
    }

    pub(super) fn customer_id(&self, customer: u32) -> String {
        self.guid(Stream::Customer, customer.into())
    }

    pub(super) fn user_id(&self, customer: u32, user: u32) -> String {
        self.guid(Stream::CustomerUser, part(customer, user))
    }

    pub(super) fn device_id(&self, customer: u32, device: u32) -> String {
        self.guid(Stream::Device, part(customer, device))
    }

    /// `CUSTOMER/Role`.
    pub(super) fn tenant_role_id(&self, customer: u32, role: &str) -> String {
        let mut id = String::with_capacity(37 + role.len());
        push_guid(&mut id, self.seed, Stream::Customer, customer.into());
        id.push('/');
        id.push_str(role);
        id
    }

    /// An id that nothing of the workload has.
    pub(super) fn unknown_id(&self, number: u64) -> String {
        self.guid(Stream::Nobody, number)
    }

    /// The bare id of a subscription.
    pub(super) fn subscription_id(&self, customer: u32, subscription: u32) -> String {
        self.guid(Stream::Subscription, part(customer, subscription))
    }

    /// The bare id of a management group.
    pub(super) fn management_group_id(&self, customer: u32, group: u32) -> String {
        self.guid(Stream::ManagementGroup, part(customer, group))
    }

    /// The type and Azure resource id of a scope.
    pub(super) fn scope_id(&self, customer: &Customer, scope: Scope) -> (Kind, String) {
        let mut id = String::with_capacity(140);
        let subscription = match scope {
            Scope::ManagementGroup(group) => {
                id.push_str(MANAGEMENT_GROUPS);
                let index = part(customer.index, group);
                push_guid(&mut id, self.seed, Stream::ManagementGroup, index);
                return (Kind::ManagementGroup, id);
            }
            Scope::Subscription(subscription)
            | Scope::ResourceGroup(subscription, _)
            | Scope::Resource(subscription, ..) => subscription,
        };
        id.push_str("/subscriptions/");
        let index = part(customer.index, subscription);
        push_guid(&mut id, self.seed, Stream::Subscription, index);
        let (Scope::ResourceGroup(_, group) | Scope::Resource(_, group, _)) = scope else {
            return (Kind::Subscription, id);
        };
        id.push_str("/resourcegroups/rg-");
        let purpose = (customer.index as usize + group as usize) % PURPOSES.len();
        id.push_str(PURPOSES.get(purpose).copied().unwrap_or_default());
        id.push('-');
        push_number(&mut id, group);
        let Scope::Resource(_, _, resource) = scope else {
            return (Kind::ResourceGroup, id);
        };
        push_resource(&mut id, customer, scope, resource);
        (Kind::AzureResource, id)
    }

    pub(super) fn scope_uid(&self, customer: &Customer, scope: Scope) -> EntityUid {
        let (kind, id) = self.scope_id(customer, scope);
        kind.uid(&id)
    }

    /// The type and id of a principal; users are those of one customer.
    pub(super) fn principal_id(&self, customer: u32, principal: Principal) -> (Kind, String) {
        match principal {
            Principal::Group { partner, group } => {
                (Kind::SecurityGroup, self.group_id(partner, group))
            }
            Principal::Agent { partner, agent } => {
                (Kind::PartnerUser, self.agent_id(partner, agent))
            }
            Principal::User(user) => (Kind::CustomerUser, self.user_id(customer, user)),
        }
    }
}

/// `/providers/namespace/type/name`, and the nested type if it has one.
fn push_resource(id: &mut String, customer: &Customer, scope: Scope, resource: u32) {
    let outer = customer.outer_resource(scope).unwrap_or(resource);
    let kind = (customer.index as usize + outer as usize) % RESOURCES.len();
    let (ty, prefix, nested) = RESOURCES.get(kind).copied().unwrap_or_default();
    id.push_str("/providers/");
    id.push_str(ty);
    id.push('/');
    id.push_str(prefix);
    id.push_str("-prod-");
    push_number(id, outer);
    if outer != resource {
        id.push('/');
        id.push_str(nested);
        id.push_str("/n-");
        push_number(id, resource);
    }
}

fn push_number(id: &mut String, number: u32) {
    if number >= 10 {
        push_number(id, number / 10);
    }
    id.push(char::from(b'0' + (number % 10) as u8));
}

/// The index of a part: which whole, and which part of it.
fn part(whole: u32, part: u32) -> u64 {
    u64::from(whole) << 24 | u64::from(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_stands_at_its_place() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            let uid = kind.uid("x");
            assert_eq!(uid.type_name().to_string(), format!("{kind:?}"));
        }
    }
}
