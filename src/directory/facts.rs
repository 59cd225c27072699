//! Facts, typed. No wire format here: see [`super::world_file`].
//!
//! What is derived of serde is the packed form of checkpoints, which is a cache:
//! it is this program's alone, and another program passes it over
//! ([`super::PACKED_FORM`]).

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A cloud; partner and customer must be in the same one (A-INV-06, D 23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cloud {
    /// The public cloud.
    Public,
    /// Microsoft Cloud for US Government.
    UsGovernment,
    /// Microsoft Cloud Germany.
    Germany,
}

/// A company of the Cloud Solution Provider programme, with its tenant (A-ACT-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Its id; without `/`, which separates partner and group.
    pub id: String,
    /// Country or region: `FR`.
    pub country: String,
    /// Market: `Europe`.
    pub market: String,
    /// The cloud it works in.
    pub cloud: Cloud,
    /// `direct-bill`, `indirect-provider` or `indirect-reseller`, if known.
    pub kind: Option<String>,
}

/// A company with its tenant (A-ACT-02).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Its id.
    pub id: String,
    /// Country or region.
    pub country: String,
    /// Market.
    pub market: String,
    /// The cloud its tenant is in.
    pub cloud: Cloud,
    /// Domains of its tenant; addresses of imported users are in one of them
    /// (`user-bulk-import-columns`). Shape: `contoso.example`.
    pub domains: BTreeSet<String>,
}

/// A role of Partner Center (A-ACT-03). Shape: the id of a `PartnerRole`.
pub type PartnerRole = String;

/// An employee of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerUser {
    /// Its id.
    pub id: String,
    /// The partner it works for.
    pub partner: String,
    /// Partner Center roles. `AdminAgent` (`HelpdeskAgent`) is membership in
    /// `P/AdminAgents` (`P/HelpdeskAgents`), either way it is written.
    pub roles: BTreeSet<PartnerRole>,
    /// Ids of the groups it is a direct member of, besides those two.
    pub groups: BTreeSet<String>,
}

/// A security group of a partner's tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// `P/Name`.
    pub id: String,
    /// Groups that it is nested in.
    pub member_of: BTreeSet<String>,
}

/// Whether a user account is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UserState {
    /// In use.
    Active,
    /// Deleted at this time, UTC; restorable for 30 days (A-USR-03).
    Deleted(Timestamp),
}

/// A user of a customer's tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerUser {
    /// Its id.
    pub id: String,
    /// The customer whose tenant it is in.
    pub customer: String,
    /// Names of the directory roles it holds there: `User Administrator`.
    pub directory_roles: BTreeSet<String>,
    /// Active or deleted.
    pub state: UserState,
    /// Products whose licences it holds; none while it is deleted (A-USR-11).
    pub licenses: BTreeSet<String>,
    /// Products whose licences it had when it was deleted (A-USR-04).
    pub previous_licenses: BTreeSet<String>,
    /// Whether it is member or owner of a role-assignable group (B-ENT-05).
    pub role_assignable_group: bool,
    /// What people call it.
    pub names: UserNames,
}

/// What people call a user. Decides nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserNames {
    /// First name.
    pub first: Option<String>,
    /// Last name.
    pub last: Option<String>,
    /// The name that lists show.
    pub display: Option<String>,
}

/// Where a reseller relationship stands (A-REL-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelationshipStatus {
    /// Asked for.
    Pending,
    /// Accepted.
    Active,
    /// Ended.
    Removed,
}

/// Where delegated admin privileges stand (A-DAP-01, A-DAP-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DapStatus {
    /// Never given.
    None,
    /// Given.
    Active,
    /// Taken away.
    Removed,
}

/// Where the contract stands (A-SUP-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContractStatus {
    /// The partner owes support.
    InForce,
    /// It no longer does.
    Renegotiated,
}

/// One pair of partner and customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// The partner.
    pub partner: String,
    /// The customer.
    pub customer: String,
    /// The reseller relationship.
    pub status: RelationshipStatus,
    /// The privileges.
    pub dap: DapStatus,
    /// The contract.
    pub contract: ContractStatus,
}

impl Relationship {
    /// Whether the privileges count: only within an active relationship (D 12).
    #[must_use]
    pub fn delegates(&self) -> bool {
        self.status == RelationshipStatus::Active && self.dap == DapStatus::Active
    }
}

/// Where an invitation stands (A-INV-13, A-ACC-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitationStatus {
    /// Being written.
    Draft,
    /// Sent, waiting.
    Sent,
    /// Accepted.
    Accepted,
    /// Sent, and accepted no more: the relationship was removed since, and is asked
    /// for anew (A.4).
    Void,
}

/// An invitation to a reseller relationship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// Who sent it.
    pub partner: String,
    /// To whom.
    pub customer: String,
    /// When, UTC; `None` on a draft.
    pub sent_at: Option<Timestamp>,
    /// Whether it asks for delegated admin privileges (A-INV-05).
    pub include_dap: bool,
    /// Where it stands.
    pub status: InvitationStatus,
    /// The partner's personal link (A-INV-12); unknown of one that aobo did not
    /// prepare.
    pub link: Option<String>,
    /// The text of the mail, which holds the link (A-INV-11).
    pub text: Option<String>,
    /// Where it was accepted (A-ACC-02): `office-admin-portal`.
    pub portal: Option<String>,
}

/// A granular delegated admin relationship (B-GDAP-01). Held for later: no
/// policy of today's profiles reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gdap {
    /// Its id.
    pub id: String,
    /// The partner.
    pub partner: String,
    /// The customer.
    pub customer: String,
    /// A state of `gdap-relationship-status`: `active`, `approvalPending` …
    pub status: String,
    /// Directory roles that it asks for, by name.
    pub roles: BTreeSet<String>,
    /// When it was asked for, UTC.
    pub requested: Option<Timestamp>,
    /// When it began, UTC.
    pub activated: Option<Timestamp>,
    /// How long it lasts from then, in days.
    pub duration_days: i64,
    /// Whether it is extended by 180 days at its end.
    pub auto_extend: bool,
    /// Which group gets which of the roles.
    pub assignments: Vec<GdapAssignment>,
}

/// Roles of a GDAP relationship given to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GdapAssignment {
    /// The group.
    pub group: String,
    /// Directory roles by name.
    pub roles: BTreeSet<String>,
}

/// An Azure subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id, lower case; its resource id is `/subscriptions/ID`.
    pub id: String,
    /// Whose it is.
    pub customer: String,
    /// The partner that provisioned it, if one did.
    pub provisioned_by: Option<String>,
    /// When it was created, UTC, if known.
    pub created: Option<Timestamp>,
    /// `active`, `suspended` or `canceled`; decides nothing (D 13).
    pub status: String,
    /// The management group it is in, lower case.
    pub management_group: Option<String>,
    /// The partner that sells it.
    pub seller: Option<String>,
}

/// A group of subscriptions; those of one tree are one customer's (A-ACT-02).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagementGroup {
    /// Its id, lower case.
    pub id: String,
    /// The group it is in.
    pub parent: Option<String>,
}

/// Principal, role and scope (B-AZ-02).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// Id of a partner user, a customer user or a group.
    pub principal: String,
    /// Name of the Azure role: `Owner`.
    pub role: String,
    /// Azure resource id of the scope, lower case.
    pub scope: String,
}

/// Operations taken away at a scope, whatever roles give (B-AZ-06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyAssignment {
    /// Its number within its scope's file; unique together with the scope.
    pub number: usize,
    /// Azure resource id of the scope, lower case.
    pub scope: String,
    /// Whom it hits; `None` is everybody.
    pub principals: Option<BTreeSet<String>>,
    /// Whom it spares.
    pub exclude: BTreeSet<String>,
    /// Patterns of operations, lower case: `microsoft.compute/*`.
    pub actions: Vec<String>,
    /// Patterns taken off those.
    pub not_actions: Vec<String>,
    /// Whether it stops at the scope itself.
    pub do_not_apply_to_child_scopes: bool,
}

impl DenyAssignment {
    /// The id of the policy that stands for it.
    #[must_use]
    pub fn policy_id(&self) -> String {
        format!("deny-assignment|{}|{}", self.scope, self.number)
    }
}

/// A device registered for Windows Autopilot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: String,
    /// Whose tenant it is in.
    pub customer: String,
    /// The partner that added it; `None`: the customer did.
    pub added_by: Option<String>,
    /// `partner-center`, `microsoft-store-for-business`,
    /// `microsoft-store-for-education` or `intune-portal`.
    pub channel: String,
    /// The Autopilot profile on it, of the same customer.
    pub profile: Option<String>,
}

/// An Autopilot profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutopilotProfile {
    /// Its id.
    pub id: String,
    /// Whose tenant it is in.
    pub customer: String,
    /// The partner that made it; `None`: the customer did. Never decides (D 22).
    pub owner: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// What it sets, of [`PROFILE_SETTINGS`].
    pub settings: BTreeSet<String>,
}

/// What an Autopilot profile may set. Source: B-PC-12.
pub const PROFILE_SETTINGS: [&str; 4] = [
    "no-local-admin",
    "skip-eula",
    "skip-privacy",
    "skip-setup-pages",
];

/// What a product is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductKind {
    /// Microsoft's own.
    Microsoft,
    /// Licence-based SaaS of the commercial marketplace.
    MarketplaceSaasLicense,
    /// Of the Azure Marketplace.
    AzureMarketplace,
}

/// A product that licences are given for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: ProductKind,
    /// The vendor that published it.
    pub publisher: Option<String>,
}

/// Free licences of a product at a customer. Never decides (D 20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// The customer.
    pub customer: String,
    /// The product.
    pub product: String,
    /// How many licences nobody has.
    pub free: u32,
    /// When its publisher activated the product here, UTC; marketplace products
    /// only (A-USR-14).
    pub activated: Option<Timestamp>,
}

/// A request that Microsoft support opened for a customer (A-ACT-07, A-SUP-03).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRequest {
    /// Its id.
    pub id: String,
    /// The partner that asked for it.
    pub partner: String,
    /// For whom.
    pub customer: String,
    /// `partner-center`, `admin-portal` or `microsoft-support`.
    pub channel: String,
    /// When, UTC.
    pub opened: Timestamp,
}
