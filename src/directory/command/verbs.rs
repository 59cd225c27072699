//! The commands there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::directory::{Fact, Key, world_file};

/// What somebody wants done. Pure data.
///
/// Shape, as JSON: `{"command": "delete-user", "user": "mia@contoso.example"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "command",
    rename_all = "kebab-case",
    deny_unknown_fields,
    expecting = "an object with `command` and that command's members"
)]
#[expect(missing_docs, reason = "fields are named after the facts' fields")]
pub enum Command {
    /// Drafts the mail of an invitation, with a personal link (A-INV-05, A-INV-10,
    /// A-INV-12).
    PrepareInvitation {
        partner: String,
        customer: String,
        include_dap: bool,
    },
    /// Changes the draft's text; the link must stay in it (A-INV-11).
    EditInvitation { invitation: String, text: String },
    /// Closes the draft; the caller sends the mail (A-INV-13).
    SendInvitation { invitation: String },
    /// The customer accepts, in a portal (A-ACC-01 to A-ACC-06).
    AcceptInvitation { invitation: String, portal: String },
    /// The customer takes the privileges away (A-REL-04, A-PRP-05, A-DAP-05).
    RemoveDelegatedAdmin { partner: String, customer: String },
    /// The partner ends the relationship (A-REL-05).
    RemoveRelationship { partner: String, customer: String },
    /// The contract no longer binds the partner to support (A-SUP-04).
    RenegotiateContract { partner: String, customer: String },
    /// Microsoft support opens a service request (A-ACT-07, A-SUP-03).
    OpenServiceRequest {
        partner: String,
        customer: String,
        channel: String,
    },

    /// A new subscription; its Owner is the partner's Admin Agents group and
    /// nobody else (A-AZ-04, A-AZ-09).
    ProvisionSubscription {
        partner: String,
        customer: String,
        subscription: String,
    },
    /// Suspends a subscription.
    SuspendSubscription { subscription: String },
    /// Ends a suspension.
    ResumeSubscription { subscription: String },
    /// Ends a subscription (B-PC-13).
    CancelSubscription { subscription: String },
    /// Puts a subscription into a management group, or out of all (B-AZ-01).
    MoveSubscription {
        subscription: String,
        #[serde(default)]
        management_group: Option<String>,
    },
    /// Adds a management group, or moves it (B-AZ-01).
    PutManagementGroup {
        management_group: String,
        #[serde(default)]
        parent: Option<String>,
    },
    /// Takes a management group away; it must be empty.
    RemoveManagementGroup { management_group: String },
    /// Gives an Azure role (A-ASG-02, A-ASG-03, A-ASG-07).
    AssignAzureRole {
        principal: String,
        role: String,
        scope: String,
    },
    /// Takes one away (A-AZ-07).
    RemoveAzureRole {
        principal: String,
        role: String,
        scope: String,
    },

    /// A new user (A-USR-02, A-USR-07). Permissions and licences are commands of
    /// their own: who may create a user is not always who may give roles.
    CreateUser {
        customer: String,
        user: String,
        #[serde(default)]
        first_name: Option<String>,
        #[serde(default)]
        last_name: Option<String>,
        display_name: String,
    },
    /// New users from the text of a CSV file, all or none (A-USR-06).
    ImportUsers { customer: String, csv: String },
    /// Gives a directory role (A-USR-07).
    AssignDirectoryRole { user: String, role: String },
    /// Takes one away.
    RemoveDirectoryRole { user: String, role: String },
    /// Gives a licence to each of the users, or to none (A-USR-11).
    AssignLicense { users: Vec<String>, product: String },
    /// Takes it away from each (A-USR-11).
    RemoveLicense { users: Vec<String>, product: String },
    /// Buys or renews: so many licences are free from now on, no fewer than before
    /// (A-REL-04, A-USR-04).
    SetSeats {
        customer: String,
        product: String,
        free: u32,
    },
    /// The publisher activates a marketplace product at a customer (A-USR-14).
    ActivateProduct { customer: String, product: String },
    /// Records that a reset was decided; no password comes by here (A-USR-15).
    ResetPassword { user: String },
    /// Deletes an account; it can be restored for 30 days (A-USR-16).
    DeleteUser { user: String },
    /// Restores accounts, all or none, with their licences as far as seats are
    /// free (A-USR-03, A-USR-04, A-USR-19).
    RestoreUsers { users: Vec<String> },
    /// Takes away for good an account that can no longer be restored (B-PC-17).
    PurgeUser { user: String },

    /// Adds devices through a channel; a partner's is `partner-center`, the
    /// others are the customer's own (A-AP-02, A-AP-03).
    AddDevices {
        customer: String,
        #[serde(default)]
        partner: Option<String>,
        channel: String,
        devices: Vec<String>,
    },
    /// Takes a device away.
    DeleteDevice { device: String },
    /// A new Autopilot profile (A-AP-01, B-PC-12).
    AddAutopilotProfile {
        customer: String,
        #[serde(default)]
        partner: Option<String>,
        profile: String,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        settings: Vec<String>,
    },
    /// Another name and other settings for a profile.
    UpdateAutopilotProfile {
        profile: String,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        settings: Vec<String>,
    },
    /// Takes a profile away; no device may have it.
    DeleteAutopilotProfile { profile: String },
    /// Puts a profile on a device, in place of the one it has.
    ApplyAutopilotProfile { profile: String, device: String },
    /// Takes the profile off a device; the profile stays (B-PC-12).
    RemoveAutopilotProfile { profile: String, device: String },

    /// Adds or replaces any fact, as an operator reports it: partners and their
    /// people and groups, customers, deny assignments, products.
    Put {
        #[serde(with = "fact_form")]
        #[schemars(with = "world_file::WorldFile", extend("minProperties" = 1, "maxProperties" = 1))]
        fact: Fact,
    },
    /// Takes any fact away.
    Remove {
        #[serde(with = "key_form")]
        #[schemars(with = "world_file::Removals", extend("minProperties" = 1, "maxProperties" = 1))]
        key: Key,
    },
}

impl Command {
    /// Its name, as callers give it: `delete-user`.
    #[must_use]
    pub fn name(&self) -> String {
        let json = serde_json::to_value(self).unwrap_or_default();
        let name = json.get("command").and_then(serde_json::Value::as_str);
        name.unwrap_or_default().to_owned()
    }

    /// The kind of the event that it becomes. Stable.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PrepareInvitation { .. } => "invitation.prepared",
            Self::EditInvitation { .. } => "invitation.edited",
            Self::SendInvitation { .. } => "invitation.sent",
            Self::AcceptInvitation { .. } => "invitation.accepted",
            Self::RemoveDelegatedAdmin { .. } => "privileges.removed",
            Self::RemoveRelationship { .. } => "relationship.removed",
            Self::RenegotiateContract { .. } => "contract.renegotiated",
            Self::OpenServiceRequest { .. } => "service-request.opened",
            Self::ProvisionSubscription { .. } => "subscription.provisioned",
            Self::SuspendSubscription { .. } => "subscription.suspended",
            Self::ResumeSubscription { .. } => "subscription.resumed",
            Self::CancelSubscription { .. } => "subscription.canceled",
            Self::MoveSubscription { .. } => "subscription.moved",
            Self::PutManagementGroup { .. } => "management-group.put",
            Self::RemoveManagementGroup { .. } => "management-group.removed",
            Self::AssignAzureRole { .. } => "azure-role.assigned",
            Self::RemoveAzureRole { .. } => "azure-role.removed",
            Self::CreateUser { .. } => "user.created",
            Self::ImportUsers { .. } => "users.imported",
            Self::AssignDirectoryRole { .. } => "directory-role.assigned",
            Self::RemoveDirectoryRole { .. } => "directory-role.removed",
            Self::AssignLicense { .. } => "license.assigned",
            Self::RemoveLicense { .. } => "license.removed",
            Self::SetSeats { .. } => "seats.set",
            Self::ActivateProduct { .. } => "product.activated",
            Self::ResetPassword { .. } => "password-reset.decided",
            Self::DeleteUser { .. } => "user.deleted",
            Self::RestoreUsers { .. } => "users.restored",
            Self::PurgeUser { .. } => "user.purged",
            Self::AddDevices { .. } => "devices.added",
            Self::DeleteDevice { .. } => "device.deleted",
            Self::AddAutopilotProfile { .. } => "autopilot-profile.added",
            Self::UpdateAutopilotProfile { .. } => "autopilot-profile.updated",
            Self::DeleteAutopilotProfile { .. } => "autopilot-profile.deleted",
            Self::ApplyAutopilotProfile { .. } => "autopilot-profile.applied",
            Self::RemoveAutopilotProfile { .. } => "autopilot-profile.taken-off",
            Self::Put { .. } => "fact.put",
            Self::Remove { .. } => "fact.removed",
        }
    }

    /// Whether only the operator of aobo may: the schema has no action for it, so
    /// no policy can allow it to anybody.
    #[must_use]
    pub fn operator(&self) -> bool {
        match self {
            // Without a partner they are the customer's own, who has no action for it.
            Self::AddDevices { partner, .. } | Self::AddAutopilotProfile { partner, .. } => {
                partner.is_none()
            }
            Self::RenegotiateContract { .. }
            | Self::SuspendSubscription { .. }
            | Self::ResumeSubscription { .. }
            | Self::PurgeUser { .. }
            | Self::Put { .. }
            | Self::Remove { .. } => true,
            _ => false,
        }
    }
}

/// A fact in the form of world files.
mod fact_form {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Fact, world_file};

    pub(super) fn serialize<S: Serializer>(fact: &Fact, to: S) -> Result<S::Ok, S::Error> {
        world_file::fact_form(fact).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Fact, D::Error> {
        let json = serde_json::Value::deserialize(from)?;
        world_file::fact_from_json(&json).map_err(D::Error::custom)
    }
}

/// A key in the form of removals.
mod key_form {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Key, world_file};

    pub(super) fn serialize<S: Serializer>(key: &Key, to: S) -> Result<S::Ok, S::Error> {
        world_file::key_form(key).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Key, D::Error> {
        let json = serde_json::Value::deserialize(from)?;
        world_file::key_from_json(&json).map_err(D::Error::custom)
    }
}
