//! Facts and changes to JSON, and changes back.
//!
//! A change is a world file, or its removals, with one fact: what is written here
//! is read by the reader of world files and by nothing else. Members that say
//! what is so without them are left out.
//!
//! INVARIANT (round trip): reading what was written gives the same change, for
//! every fact that a world file can say.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::fold::{Misplaced, facts_of};
use super::keys::keys_of;
use super::locate::Path;
use super::wire::{Removals, WorldFile};
use crate::directory::facts::{
    AutopilotProfile, Cloud, ContractStatus, Customer, CustomerUser, DapStatus, DenyAssignment,
    Device, Gdap, Invitation, InvitationStatus, Partner, PartnerUser, Product, ProductKind,
    Relationship, RelationshipStatus, RoleAssignment, Seats, ServiceRequest, Subscription,
    UserState,
};
use crate::directory::{Change, Fact, Key};

/// A change as JSON.
///
/// Shape: `{"put": {"groups": {"p1/Night": {"member_of": ["p1/AdminAgents"]}}}}`
/// or `{"remove": {"groups": ["p1/Night"]}}`.
#[must_use]
pub fn change_to_json(change: &Change) -> Value {
    match change {
        Change::Put(fact) => json!({ "put": fact_to_json(fact) }),
        Change::Remove(key) => json!({ "remove": key_to_json(key) }),
    }
}

/// Reads what [`change_to_json`] wrote.
///
/// # Errors
/// [`Misplaced`] if it is not one change of one fact in the form of world files.
pub fn change_from_json(json: &Value) -> Result<Change, Misplaced> {
    let members = json.as_object();
    let member = members.filter(|members| members.len() == 1);
    match member.and_then(|members| members.iter().next()) {
        Some((name, fact)) if name == "put" => fact_from_json(fact).map(Change::Put),
        Some((name, key)) if name == "remove" => key_from_json(key).map(Change::Remove),
        _ => Err(not_one(
            "a change is an object with `put` or `remove`".to_owned(),
        )),
    }
}

/// A fact as a world file that holds nothing else.
#[must_use]
pub fn fact_to_json(fact: &Fact) -> Value {
    let named = |member: &str, id: &str, value: Value| json!({ member: { id: value } });
    match fact {
        Fact::Partner(f) => named("partners", &f.id, partner(f)),
        Fact::Customer(f) => named("customers", &f.id, customer(f)),
        Fact::PartnerUser(f) => named("partner_users", &f.id, partner_user(f)),
        Fact::Group(f) => {
            let group = Members::default().list("member_of", &f.member_of);
            named("groups", &f.id, group.value())
        }
        Fact::CustomerUser(f) => named("customer_users", &f.id, customer_user(f)),
        Fact::Relationship(f) => json!({ "relationships": [relationship(f)] }),
        Fact::Invitation(f) => named("invitations", &f.id, invitation(f)),
        Fact::Gdap(f) => json!({ "gdap": [gdap(f)] }),
        Fact::Subscription(f) => named("subscriptions", &f.id, subscription(f)),
        Fact::ManagementGroup(f) => {
            let group = Members::default().some("parent", &f.parent);
            named("management_groups", &f.id, group.value())
        }
        Fact::RoleAssignment(f) => json!({ "role_assignments": [role_assignment(f)] }),
        Fact::DenyAssignment(f) => json!({ "deny_assignments": [deny_assignment(f)] }),
        Fact::Device(f) => named("devices", &f.id, device(f)),
        Fact::AutopilotProfile(f) => named("autopilot_profiles", &f.id, autopilot_profile(f)),
        Fact::Product(f) => named("products", &f.id, product(f)),
        Fact::Seats(f) => named("seats", &f.customer, json!({ &f.product: seats(f) })),
        Fact::ServiceRequest(f) => named("service_requests", &f.id, service_request(f)),
    }
}

/// Reads what [`fact_to_json`] wrote.
///
/// # Errors
/// [`Misplaced`] if it is not a world file with one fact.
pub fn fact_from_json(json: &Value) -> Result<Fact, Misplaced> {
    let file: WorldFile =
        serde_json::from_value(json.clone()).map_err(|error| not_one(error.to_string()))?;
    if file.deny_assignments.iter().any(|f| f.number.is_none()) {
        return Err(not_one(
            "a deny assignment that stands alone says its `number`".to_owned(),
        ));
    }
    let mut facts = facts_of(file, 0)?;
    match (facts.pop(), facts.is_empty()) {
        (Some(placed), true) => Ok(placed.fact),
        _ => Err(not_one(
            "one fact is wanted, neither none nor more".to_owned(),
        )),
    }
}

/// A key as removals that hold nothing else.
#[must_use]
pub fn key_to_json(key: &Key) -> Value {
    match key {
        Key::Partner(id) => json!({ "partners": [id] }),
        Key::Customer(id) => json!({ "customers": [id] }),
        Key::PartnerUser(id) => json!({ "partner_users": [id] }),
        Key::Group(id) => json!({ "groups": [id] }),
        Key::CustomerUser(id) => json!({ "customer_users": [id] }),
        Key::Relationship { partner, customer } => {
            json!({ "relationships": [{ "partner": partner, "customer": customer }] })
        }
        Key::Invitation(id) => json!({ "invitations": [id] }),
        Key::Gdap(id) => json!({ "gdap": [id] }),
        Key::Subscription(id) => json!({ "subscriptions": [id] }),
        Key::ManagementGroup(id) => json!({ "management_groups": [id] }),
        Key::RoleAssignment(f) => json!({ "role_assignments": [role_assignment(f)] }),
        Key::DenyAssignment { scope, number } => {
            json!({ "deny_assignments": [{ "scope": scope, "number": number }] })
        }
        Key::Device(id) => json!({ "devices": [id] }),
        Key::AutopilotProfile(id) => json!({ "autopilot_profiles": [id] }),
        Key::Product(id) => json!({ "products": [id] }),
        Key::Seats { customer, product } => {
            json!({ "seats": [{ "customer": customer, "product": product }] })
        }
        Key::ServiceRequest(id) => json!({ "service_requests": [id] }),
    }
}

/// Reads what [`key_to_json`] wrote.
///
/// # Errors
/// [`Misplaced`] if it is not removals of one fact.
pub fn key_from_json(json: &Value) -> Result<Key, Misplaced> {
    let removals: Removals =
        serde_json::from_value(json.clone()).map_err(|error| not_one(error.to_string()))?;
    let mut keys = keys_of(removals);
    match (keys.pop(), keys.is_empty()) {
        (Some((_, key)), true) => Ok(key),
        _ => Err(not_one(
            "one fact is wanted, neither none nor more".to_owned(),
        )),
    }
}

fn not_one(message: String) -> Misplaced {
    Misplaced {
        path: Path::default(),
        message,
        remedy: "write one fact as it stands in a world file".to_owned(),
    }
}

/// An object that leaves out what is empty.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn some(self, name: &str, value: &Option<String>) -> Self {
        match value {
            Some(text) => self.with(name, text.as_str()),
            None => self,
        }
    }

    fn time(self, name: &str, at: Option<Timestamp>) -> Self {
        match at {
            Some(at) => self.with(name, at.to_string()),
            None => self,
        }
    }

    fn list<'a>(self, name: &str, items: impl IntoIterator<Item = &'a String>) -> Self {
        let items: Vec<&String> = items.into_iter().collect();
        match items.is_empty() {
            true => self,
            false => self.with(name, json!(items)),
        }
    }

    fn flag(self, name: &str, set: bool) -> Self {
        match set {
            true => self.with(name, true),
            false => self,
        }
    }

    fn value(self) -> Value {
        Value::Object(self.0)
    }
}

fn cloud(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Public => "public",
        Cloud::UsGovernment => "us-government",
        Cloud::Germany => "germany",
    }
}

fn partner(f: &Partner) -> Value {
    let members = Members::default()
        .with("country", f.country.as_str())
        .with("market", f.market.as_str())
        .with("cloud", cloud(f.cloud));
    members.some("type", &f.kind).value()
}

fn customer(f: &Customer) -> Value {
    let members = Members::default()
        .with("country", f.country.as_str())
        .with("market", f.market.as_str())
        .with("cloud", cloud(f.cloud));
    members.list("domains", &f.domains).value()
}

fn partner_user(f: &PartnerUser) -> Value {
    let members = Members::default().with("partner", f.partner.as_str());
    let members = members.list("roles", &f.roles);
    members.list("groups", &f.groups).value()
}

fn customer_user(f: &CustomerUser) -> Value {
    let members = Members::default()
        .with("customer", f.customer.as_str())
        .list("directory_roles", &f.directory_roles)
        .list("licenses", &f.licenses)
        .list("previous_licenses", &f.previous_licenses)
        .flag("role_assignable_group", f.role_assignable_group)
        .some("first_name", &f.names.first)
        .some("last_name", &f.names.last)
        .some("display_name", &f.names.display);
    match f.state {
        UserState::Active => members.value(),
        UserState::Deleted(at) => {
            let members = members.with("state", "deleted");
            members.time("deleted_at", Some(at)).value()
        }
    }
}

fn relationship(f: &Relationship) -> Value {
    json!({
        "partner": f.partner,
        "customer": f.customer,
        "status": match f.status {
            RelationshipStatus::Pending => "pending",
            RelationshipStatus::Active => "active",
            RelationshipStatus::Removed => "removed",
        },
        "dap": match f.dap {
            DapStatus::None => "none",
            DapStatus::Active => "active",
            DapStatus::Removed => "removed",
        },
        "contract": match f.contract {
            ContractStatus::InForce => "in-force",
            ContractStatus::Renegotiated => "renegotiated",
        },
    })
}

fn invitation(f: &Invitation) -> Value {
    let status = match f.status {
        InvitationStatus::Draft => "draft",
        InvitationStatus::Sent => "sent",
        InvitationStatus::Accepted => "accepted",
    };
    let members = Members::default()
        .with("partner", f.partner.as_str())
        .with("customer", f.customer.as_str())
        .with("include_dap", f.include_dap)
        .with("status", status)
        .time("sent_at", f.sent_at);
    let members = members.some("link", &f.link).some("text", &f.text);
    members.some("portal", &f.portal).value()
}

fn gdap(f: &Gdap) -> Value {
    let group = |group: &str, roles: &BTreeSet<String>| {
        let members = Members::default().with("group", group);
        members.list("roles", roles).value()
    };
    let assignments = f.assignments.iter().map(|a| group(&a.group, &a.roles));
    let members = Members::default()
        .with("id", f.id.as_str())
        .with("partner", f.partner.as_str())
        .with("customer", f.customer.as_str())
        .with("status", f.status.as_str())
        .list("roles", &f.roles)
        .time("requested", f.requested)
        .time("activated", f.activated)
        .with("duration_days", f.duration_days)
        .flag("auto_extend", f.auto_extend);
    let assignments: Vec<Value> = assignments.collect();
    match assignments.is_empty() {
        true => members.value(),
        false => members.with("assignments", assignments).value(),
    }
}

fn subscription(f: &Subscription) -> Value {
    Members::default()
        .with("customer", f.customer.as_str())
        .some("provisioned_by", &f.provisioned_by)
        .time("created", f.created)
        .with("status", f.status.as_str())
        .some("management_group", &f.management_group)
        .some("seller", &f.seller)
        .value()
}

fn role_assignment(f: &RoleAssignment) -> Value {
    json!({ "principal": f.principal, "role": f.role, "scope": f.scope })
}

fn deny_assignment(f: &DenyAssignment) -> Value {
    let everybody = BTreeSet::from(["*".to_owned()]);
    let principals = f.principals.as_ref().unwrap_or(&everybody);
    Members::default()
        .with("scope", f.scope.as_str())
        .with("number", f.number)
        .with("principals", json!(principals))
        .list("exclude", &f.exclude)
        .with("actions", json!(f.actions))
        .list("notActions", &f.not_actions)
        .flag(
            "do_not_apply_to_child_scopes",
            f.do_not_apply_to_child_scopes,
        )
        .value()
}

fn device(f: &Device) -> Value {
    Members::default()
        .with("customer", f.customer.as_str())
        .with("added_by", f.added_by.as_deref().unwrap_or("customer"))
        .with("channel", f.channel.as_str())
        .some("profile", &f.profile)
        .value()
}

fn autopilot_profile(f: &AutopilotProfile) -> Value {
    let members = Members::default().with("customer", f.customer.as_str());
    let members = members.some("owner", &f.owner).some("name", &f.name);
    members.list("settings", &f.settings).value()
}

fn product(f: &Product) -> Value {
    let kind = match f.kind {
        ProductKind::Microsoft => "microsoft",
        ProductKind::MarketplaceSaasLicense => "marketplace-saas-license",
        ProductKind::AzureMarketplace => "azure-marketplace",
    };
    let members = Members::default().with("kind", kind);
    members.some("publisher", &f.publisher).value()
}

fn seats(f: &Seats) -> Value {
    let members = Members::default().with("free", f.free);
    members.time("activated", f.activated).value()
}

fn service_request(f: &ServiceRequest) -> Value {
    Members::default()
        .with("partner", f.partner.as_str())
        .with("customer", f.customer.as_str())
        .with("channel", f.channel.as_str())
        .time("opened", Some(f.opened))
        .value()
}
