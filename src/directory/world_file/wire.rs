//! The members of a world file, as they are written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::directory::facts;

/// A world file, or a fragment of one. Every member is optional.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "an object of world members")]
pub struct WorldFile {
    pub(super) partners: Named<Partner>,
    pub(super) customers: Named<Customer>,
    pub(super) partner_users: Named<PartnerUser>,
    pub(super) groups: Named<Group>,
    pub(super) customer_users: Named<CustomerUser>,
    pub(super) relationships: Vec<Relationship>,
    pub(super) invitations: Named<Invitation>,
    pub(super) gdap: Vec<Gdap>,
    pub(super) subscriptions: Named<Subscription>,
    pub(super) management_groups: Named<Option<ManagementGroup>>,
    pub(super) role_assignments: Vec<RoleAssignment>,
    pub(super) deny_assignments: Vec<DenyAssignment>,
    pub(super) devices: Named<Device>,
    pub(super) autopilot_profiles: Named<AutopilotProfile>,
    pub(super) products: Named<Product>,
    pub(super) seats: Named<Named<Seats>>,
    pub(super) service_requests: Named<ServiceRequest>,
}

/// Facts that go: ids, or the identifying fields where there is no id.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "an object of world members")]
pub struct Removals {
    pub(super) partners: Vec<String>,
    pub(super) customers: Vec<String>,
    pub(super) partner_users: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) customer_users: Vec<String>,
    pub(super) relationships: Vec<Pair>,
    pub(super) invitations: Vec<String>,
    pub(super) gdap: Vec<String>,
    pub(super) subscriptions: Vec<String>,
    pub(super) management_groups: Vec<String>,
    pub(super) role_assignments: Vec<RoleAssignment>,
    pub(super) deny_assignments: Vec<Numbered>,
    pub(super) devices: Vec<String>,
    pub(super) autopilot_profiles: Vec<String>,
    pub(super) products: Vec<String>,
    pub(super) seats: Vec<SeatsKey>,
    pub(super) service_requests: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SeatsKey {
    pub(super) customer: String,
    pub(super) product: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    pub(super) partner: String,
    pub(super) customer: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Numbered {
    pub(super) scope: String,
    pub(super) number: usize,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Partner {
    pub(super) country: String,
    pub(super) market: String,
    pub(super) cloud: Cloud,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Customer {
    pub(super) country: String,
    pub(super) market: String,
    pub(super) cloud: Cloud,
    #[serde(default)]
    pub(super) domains: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Cloud {
    Public,
    UsGovernment,
    Germany,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartnerUser {
    pub(super) partner: String,
    #[serde(default)]
    pub(super) roles: Vec<String>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    #[serde(default)]
    pub(super) member_of: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerUser {
    pub(super) customer: String,
    #[serde(default)]
    pub(super) directory_roles: Vec<String>,
    #[serde(default)]
    pub(super) state: UserState,
    #[serde(default)]
    pub(super) deleted_at: Time,
    #[serde(default)]
    pub(super) licenses: Vec<String>,
    #[serde(default)]
    pub(super) previous_licenses: Vec<String>,
    #[serde(default)]
    pub(super) role_assignable_group: bool,
    #[serde(default)]
    pub(super) first_name: Option<String>,
    #[serde(default)]
    pub(super) last_name: Option<String>,
    #[serde(default)]
    pub(super) display_name: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum UserState {
    #[default]
    Active,
    Deleted,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Relationship {
    pub(super) partner: String,
    pub(super) customer: String,
    pub(super) status: RelationshipStatus,
    #[serde(default)]
    pub(super) dap: DapStatus,
    #[serde(default)]
    pub(super) contract: ContractStatus,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RelationshipStatus {
    Pending,
    Active,
    Removed,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DapStatus {
    #[default]
    None,
    Active,
    Removed,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ContractStatus {
    #[default]
    InForce,
    Renegotiated,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Invitation {
    pub(super) partner: String,
    pub(super) customer: String,
    #[serde(default)]
    pub(super) sent_at: Time,
    pub(super) include_dap: bool,
    pub(super) status: InvitationStatus,
    #[serde(default)]
    pub(super) link: Option<String>,
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) portal: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum InvitationStatus {
    Draft,
    Sent,
    Accepted,
    Void,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Gdap {
    pub(super) id: String,
    pub(super) partner: String,
    pub(super) customer: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) roles: Vec<String>,
    #[serde(default)]
    pub(super) requested: Time,
    #[serde(default)]
    pub(super) activated: Time,
    pub(super) duration_days: i64,
    #[serde(default)]
    pub(super) auto_extend: bool,
    #[serde(default)]
    pub(super) assignments: Vec<GdapAssignment>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GdapAssignment {
    pub(super) group: String,
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscription {
    pub(super) customer: String,
    #[serde(default)]
    pub(super) provisioned_by: Option<String>,
    #[serde(default)]
    pub(super) created: Time,
    #[serde(default)]
    pub(super) status: SubscriptionStatus,
    #[serde(default)]
    pub(super) management_group: Option<String>,
    #[serde(default)]
    pub(super) seller: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SubscriptionStatus {
    #[default]
    Active,
    Suspended,
    Canceled,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ManagementGroup {
    #[serde(default)]
    pub(super) parent: Option<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleAssignment {
    pub(super) principal: String,
    pub(super) role: String,
    pub(super) scope: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DenyAssignment {
    pub(super) scope: String,
    pub(super) principals: Vec<String>,
    #[serde(default)]
    pub(super) exclude: Vec<String>,
    pub(super) actions: Vec<String>,
    #[serde(default, rename = "notActions")]
    pub(super) not_actions: Vec<String>,
    #[serde(default)]
    pub(super) do_not_apply_to_child_scopes: bool,
    /// Absent: the next free one.
    #[serde(default)]
    pub(super) number: Option<usize>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Device {
    pub(super) customer: String,
    pub(super) added_by: String,
    pub(super) channel: Channel,
    #[serde(default)]
    pub(super) profile: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Channel {
    PartnerCenter,
    MicrosoftStoreForBusiness,
    MicrosoftStoreForEducation,
    IntunePortal,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AutopilotProfile {
    pub(super) customer: String,
    #[serde(default)]
    pub(super) owner: Option<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) settings: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Product {
    pub(super) kind: ProductKind,
    #[serde(default)]
    pub(super) publisher: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProductKind {
    Microsoft,
    MarketplaceSaasLicense,
    AzureMarketplace,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Seats {
    pub(super) free: u32,
    #[serde(default)]
    pub(super) activated: Time,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceRequest {
    pub(super) partner: String,
    pub(super) customer: String,
    pub(super) channel: SupportChannel,
    pub(super) opened: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SupportChannel {
    PartnerCenter,
    AdminPortal,
    MicrosoftSupport,
}

impl From<Cloud> for facts::Cloud {
    fn from(cloud: Cloud) -> Self {
        match cloud {
            Cloud::Public => Self::Public,
            Cloud::UsGovernment => Self::UsGovernment,
            Cloud::Germany => Self::Germany,
        }
    }
}

impl Channel {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::PartnerCenter => "partner-center",
            Self::MicrosoftStoreForBusiness => "microsoft-store-for-business",
            Self::MicrosoftStoreForEducation => "microsoft-store-for-education",
            Self::IntunePortal => "intune-portal",
        }
    }
}

impl SupportChannel {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::PartnerCenter => "partner-center",
            Self::AdminPortal => "admin-portal",
            Self::MicrosoftSupport => "microsoft-support",
        }
    }
}

impl SubscriptionStatus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Canceled => "canceled",
        }
    }
}

/// Things by id, in the order they are written; an id twice is an error.
#[derive(Debug, Clone)]
pub(super) struct Named<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of things by their ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut seen = BTreeMap::new();
                let mut members = Vec::new();
                while let Some(id) = map.next_key::<String>()? {
                    if seen.insert(id.clone(), ()).is_some() {
                        return Err(A::Error::custom(format!("the id `{id}` comes twice")));
                    }
                    members.push((id, map.next_value()?));
                }
                Ok(Named(members))
            }
        }
        from.deserialize_map(Members(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let things = generator.subschema_for::<T>();
        json_schema!({"type": "object", "additionalProperties": things})
    }
}

/// An RFC 3339 time in whole seconds, or nothing. Shape: `2020-09-01T09:00:00Z`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Time(pub(super) Option<Timestamp>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(Self(None));
        };
        let bad = |why: &str| {
            D::Error::custom(format!(
                "`{text}` {why}; write a time as `2020-09-01T09:00:00Z`"
            ))
        };
        let time: Timestamp = text.parse().map_err(|_| bad("is not a time"))?;
        if time.subsec_nanosecond() != 0 {
            return Err(bad("is finer than a second"));
        }
        // Cedar writes years with four digits.
        if !(0..253_402_300_800).contains(&time.as_second()) {
            return Err(bad("is outside of the years 1970 to 9999"));
        }
        Ok(Self(Some(time)))
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "null"], "format": "date-time"})
    }
}
