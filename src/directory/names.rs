//! The names of the schema that the directory writes, each once.
//!
//! INVARIANT (names): every name here is declared in `schemas/csp.cedarschema`;
//! `tests/it/corpus.rs` loads a world with every kind of fact through it.

use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

pub(super) const PARTNER: &str = "Partner";
pub(super) const PARTNER_ROLE: &str = "PartnerRole";
pub(super) const PARTNER_USER: &str = "PartnerUser";
pub(super) const SECURITY_GROUP: &str = "SecurityGroup";
pub(super) const CUSTOMER: &str = "Customer";
pub(super) const CUSTOMER_USER: &str = "CustomerUser";
pub(super) const TENANT_ROLE: &str = "TenantRole";
pub(super) const DIRECTORY_ROLE: &str = "DirectoryRole";
pub(super) const INVITATION: &str = "Invitation";
pub(super) const GDAP: &str = "GdapRelationship";
pub(super) const MANAGEMENT_GROUP: &str = "ManagementGroup";
pub(super) const SUBSCRIPTION: &str = "Subscription";
pub(super) const RESOURCE_GROUP: &str = "ResourceGroup";
pub(super) const AZURE_RESOURCE: &str = "AzureResource";
pub(super) const DEVICE: &str = "Device";
pub(super) const AUTOPILOT_PROFILE: &str = "AutopilotProfile";
pub(super) const LICENSE_PRODUCT: &str = "LicenseProduct";
pub(super) const PUBLISHER: &str = "Publisher";

/// The directory role that the Admin Agents get (A-DAP-01).
pub(super) const GLOBAL_ADMINISTRATOR: &str = "Global Administrator";
/// The directory role that the Helpdesk Agents get (A-DAP-02).
pub(super) const HELPDESK_ADMINISTRATOR: &str = "Helpdesk Administrator";
/// The directory role that most others include (B-ENT-02).
pub(super) const DIRECTORY_READERS: &str = "Directory Readers";

/// The group that owns what its partner provisions (A-AZ-04).
pub(super) const ADMIN_AGENTS: &str = "AdminAgents";

/// The partner roles that are membership of a group (A-ACT-04, D 14), with the
/// group's name and the directory role that delegation gives it.
pub(super) const DELEGATED_GROUPS: [(&str, &str, &str); 2] = [
    ("AdminAgent", ADMIN_AGENTS, GLOBAL_ADMINISTRATOR),
    ("HelpdeskAgent", "HelpdeskAgents", HELPDESK_ADMINISTRATOR),
];

/// The ids of `PartnerRole`, which is enumerated in the schema.
pub(super) const PARTNER_ROLES: [&str; 14] = [
    "GlobalAdmin",
    "UserManagementAdmin",
    "BillingAdmin",
    "AdminAgent",
    "SalesAgent",
    "HelpdeskAgent",
    "AccountAdmin",
    "MpnPartnerAdmin",
    "ReferralsAdmin",
    "ReferralsUser",
    "IncentivesAdmin",
    "IncentivesUser",
    "ExecutiveReportViewer",
    "ReportViewer",
];

/// Fields of `TenantRoles` in the schema, and the roles they stand for.
pub(super) const TENANT_ROLES: [(&str, &str); 12] = [
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

/// The types above, in order of their names.
const TYPES: [&str; 18] = [
    AUTOPILOT_PROFILE,
    AZURE_RESOURCE,
    CUSTOMER,
    CUSTOMER_USER,
    DEVICE,
    DIRECTORY_ROLE,
    GDAP,
    INVITATION,
    LICENSE_PRODUCT,
    MANAGEMENT_GROUP,
    PARTNER,
    PARTNER_ROLE,
    PARTNER_USER,
    PUBLISHER,
    RESOURCE_GROUP,
    SECURITY_GROUP,
    SUBSCRIPTION,
    TENANT_ROLE,
];

/// Each as Cedar has it: reading a name costs more than all else about an entity.
static READ: LazyLock<[EntityTypeName; 18]> = LazyLock::new(|| TYPES.map(read));

/// An entity of one of the types above.
pub(super) fn of_type(type_name: &'static str, id: &str) -> EntityUid {
    let known = TYPES.binary_search(&type_name).ok();
    let known = known.and_then(|at| READ.get(at));
    let name = known.map_or_else(|| read(type_name), EntityTypeName::clone);
    EntityUid::from_type_name_and_id(name, EntityId::new(id))
}

#[expect(
    clippy::expect_used,
    reason = "the names above are Cedar type names: letters only"
)]
fn read(type_name: &str) -> EntityTypeName {
    EntityTypeName::from_str(type_name).expect("a type name of the schema")
}

/// A directory role within one customer's tenant. Role names hold no `/`.
pub(super) fn tenant_role(customer: &str, role: &str) -> EntityUid {
    of_type(TENANT_ROLE, &[customer, "/", role].concat())
}

/// `P/Name`.
pub(super) fn group_id(partner: &str, name: &str) -> String {
    [partner, "/", name].concat()
}

/// The partner of a group id: what stands before the first `/`.
pub(super) fn partner_of_group(group: &str) -> Option<&str> {
    let (partner, name) = group.split_once('/')?;
    (!name.is_empty()).then_some(partner)
}

/// Whether a group exists by its partner's existence.
pub(super) fn is_built_in_group(group: &str) -> bool {
    let name = group.split_once('/').map(|(_, name)| name);
    DELEGATED_GROUPS
        .iter()
        .any(|(_, built_in, _)| name == Some(*built_in))
}
