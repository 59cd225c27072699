//! Facts and changes to JSON, and changes back.
//!
//! A change is a world file, or its removals, with one fact: what is written here
//! is read by the reader of world files and by nothing else. Members that say
//! what is so without them are left out.
//!
//! INVARIANT (round trip): reading what was written gives the same change, for
//! every fact that a world file can say.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::fold::{Misplaced, facts_of};
use super::form::Form;
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
    of_change(change).value()
}

/// The same for whoever wants text.
pub fn change_form(change: &Change) -> impl Serialize + '_ {
    of_change(change)
}

fn of_change(change: &Change) -> Form<'_> {
    match change {
        Change::Put(fact) => Form::one("put", of_fact(fact)),
        Change::Remove(key) => Form::one("remove", of_key(key)),
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
    of_fact(fact).value()
}

/// The same for whoever wants text.
pub fn fact_form(fact: &Fact) -> impl Serialize + '_ {
    of_fact(fact)
}

fn of_fact(fact: &Fact) -> Form<'_> {
    match fact {
        Fact::Partner(f) => named("partners", &f.id, partner(f)),
        Fact::Customer(f) => named("customers", &f.id, customer(f)),
        Fact::PartnerUser(f) => named("partner_users", &f.id, partner_user(f)),
        Fact::Group(f) => {
            let group = Members::default().list("member_of", &f.member_of);
            named("groups", &f.id, group.form())
        }
        Fact::CustomerUser(f) => named("customer_users", &f.id, customer_user(f)),
        Fact::Relationship(f) => listed("relationships", relationship(f)),
        Fact::Invitation(f) => named("invitations", &f.id, invitation(f)),
        Fact::Gdap(f) => listed("gdap", gdap(f)),
        Fact::Subscription(f) => named("subscriptions", &f.id, subscription(f)),
        Fact::ManagementGroup(f) => {
            let group = Members::default().some("parent", &f.parent);
            named("management_groups", &f.id, group.form())
        }
        Fact::RoleAssignment(f) => listed("role_assignments", role_assignment(f)),
        Fact::DenyAssignment(f) => listed("deny_assignments", deny_assignment(f)),
        Fact::Device(f) => named("devices", &f.id, device(f)),
        Fact::AutopilotProfile(f) => named("autopilot_profiles", &f.id, autopilot_profile(f)),
        Fact::Product(f) => named("products", &f.id, product(f)),
        Fact::Seats(f) => named("seats", &f.customer, Form::one(&f.product, seats(f))),
        Fact::ServiceRequest(f) => named("service_requests", &f.id, service_request(f)),
    }
}

/// Facts of a kind that are told apart by an id: the one.
fn named<'a>(kind: &'a str, id: &'a str, fact: Form<'a>) -> Form<'a> {
    Form::one(kind, Form::one(id, fact))
}

/// Facts of a kind that stand in a list: the one.
fn listed<'a>(kind: &'a str, fact: Form<'a>) -> Form<'a> {
    Form::one(kind, Form::list([fact]))
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
    of_key(key).value()
}

/// The same for whoever wants text.
pub fn key_form(key: &Key) -> impl Serialize + '_ {
    of_key(key)
}

fn of_key(key: &Key) -> Form<'_> {
    let listed_id = |kind, id| listed(kind, Form::from(id));
    match key {
        Key::Partner(id) => listed_id("partners", id),
        Key::Customer(id) => listed_id("customers", id),
        Key::PartnerUser(id) => listed_id("partner_users", id),
        Key::Group(id) => listed_id("groups", id),
        Key::CustomerUser(id) => listed_id("customer_users", id),
        Key::Relationship { partner, customer } => {
            let pair = Members::default().with("partner", partner);
            listed("relationships", pair.with("customer", customer).form())
        }
        Key::Invitation(id) => listed_id("invitations", id),
        Key::Gdap(id) => listed_id("gdap", id),
        Key::Subscription(id) => listed_id("subscriptions", id),
        Key::ManagementGroup(id) => listed_id("management_groups", id),
        Key::RoleAssignment(f) => listed("role_assignments", role_assignment(f)),
        Key::DenyAssignment { scope, number } => {
            let numbered = Members::default().with("scope", scope);
            listed("deny_assignments", numbered.with("number", *number).form())
        }
        Key::Device(id) => listed_id("devices", id),
        Key::AutopilotProfile(id) => listed_id("autopilot_profiles", id),
        Key::Product(id) => listed_id("products", id),
        Key::Seats { customer, product } => {
            let pair = Members::default().with("customer", customer);
            listed("seats", pair.with("product", product).form())
        }
        Key::ServiceRequest(id) => listed_id("service_requests", id),
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
struct Members<'a>(Vec<(&'a str, Form<'a>)>);

impl<'a> Members<'a> {
    fn with(mut self, name: &'a str, value: impl Into<Form<'a>>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    fn some(self, name: &'a str, value: &'a Option<String>) -> Self {
        match value {
            Some(text) => self.with(name, text),
            None => self,
        }
    }

    fn time(self, name: &'a str, at: Option<Timestamp>) -> Self {
        match at {
            Some(at) => self.with(name, at.to_string()),
            None => self,
        }
    }

    fn list(self, name: &'a str, items: impl IntoIterator<Item = &'a String>) -> Self {
        let mut items = items.into_iter().peekable();
        match items.peek() {
            None => self,
            Some(_) => self.with(name, Form::list(items)),
        }
    }

    fn flag(self, name: &'a str, set: bool) -> Self {
        match set {
            true => self.with(name, true),
            false => self,
        }
    }

    fn form(self) -> Form<'a> {
        Form::Object(self.0)
    }
}

fn cloud(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Public => "public",
        Cloud::UsGovernment => "us-government",
        Cloud::Germany => "germany",
    }
}

fn partner(f: &Partner) -> Form<'_> {
    let members = Members::default()
        .with("country", f.country.as_str())
        .with("market", f.market.as_str())
        .with("cloud", cloud(f.cloud));
    members.some("type", &f.kind).form()
}

fn customer(f: &Customer) -> Form<'_> {
    let members = Members::default()
        .with("country", f.country.as_str())
        .with("market", f.market.as_str())
        .with("cloud", cloud(f.cloud));
    members.list("domains", &f.domains).form()
}

fn partner_user(f: &PartnerUser) -> Form<'_> {
    let members = Members::default().with("partner", f.partner.as_str());
    let members = members.list("roles", &f.roles);
    members.list("groups", &f.groups).form()
}

fn customer_user(f: &CustomerUser) -> Form<'_> {
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
        UserState::Active => members.form(),
        UserState::Deleted(at) => {
            let members = members.with("state", "deleted");
            members.time("deleted_at", Some(at)).form()
        }
    }
}

fn relationship(f: &Relationship) -> Form<'_> {
    let status = match f.status {
        RelationshipStatus::Pending => "pending",
        RelationshipStatus::Active => "active",
        RelationshipStatus::Removed => "removed",
    };
    let dap = match f.dap {
        DapStatus::None => "none",
        DapStatus::Active => "active",
        DapStatus::Removed => "removed",
    };
    let contract = match f.contract {
        ContractStatus::InForce => "in-force",
        ContractStatus::Renegotiated => "renegotiated",
    };
    Members::default()
        .with("partner", &f.partner)
        .with("customer", &f.customer)
        .with("status", status)
        .with("dap", dap)
        .with("contract", contract)
        .form()
}

fn invitation(f: &Invitation) -> Form<'_> {
    let status = match f.status {
        InvitationStatus::Draft => "draft",
        InvitationStatus::Sent => "sent",
        InvitationStatus::Accepted => "accepted",
        InvitationStatus::Void => "void",
    };
    let members = Members::default()
        .with("partner", f.partner.as_str())
        .with("customer", f.customer.as_str())
        .with("include_dap", f.include_dap)
        .with("status", status)
        .time("sent_at", f.sent_at);
    let members = members.some("link", &f.link).some("text", &f.text);
    members.some("portal", &f.portal).form()
}

fn gdap(f: &Gdap) -> Form<'_> {
    let assignments = f.assignments.iter().map(|a| {
        let members = Members::default().with("group", &a.group);
        members.list("roles", &a.roles).form()
    });
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
    match f.assignments.is_empty() {
        true => members.form(),
        false => members.with("assignments", Form::list(assignments)).form(),
    }
}

fn subscription(f: &Subscription) -> Form<'_> {
    Members::default()
        .with("customer", f.customer.as_str())
        .some("provisioned_by", &f.provisioned_by)
        .time("created", f.created)
        .with("status", f.status.as_str())
        .some("management_group", &f.management_group)
        .some("seller", &f.seller)
        .form()
}

fn role_assignment(f: &RoleAssignment) -> Form<'_> {
    Members::default()
        .with("principal", &f.principal)
        .with("role", &f.role)
        .with("scope", &f.scope)
        .form()
}

fn deny_assignment(f: &DenyAssignment) -> Form<'_> {
    let principals = match &f.principals {
        Some(principals) => Form::list(principals),
        None => Form::list(["*"]),
    };
    Members::default()
        .with("scope", &f.scope)
        .with("number", f.number)
        .with("principals", principals)
        .list("exclude", &f.exclude)
        .with("actions", Form::list(&f.actions))
        .list("notActions", &f.not_actions)
        .flag(
            "do_not_apply_to_child_scopes",
            f.do_not_apply_to_child_scopes,
        )
        .form()
}

fn device(f: &Device) -> Form<'_> {
    Members::default()
        .with("customer", f.customer.as_str())
        .with("added_by", f.added_by.as_deref().unwrap_or("customer"))
        .with("channel", f.channel.as_str())
        .some("profile", &f.profile)
        .form()
}

fn autopilot_profile(f: &AutopilotProfile) -> Form<'_> {
    let members = Members::default().with("customer", f.customer.as_str());
    let members = members.some("owner", &f.owner).some("name", &f.name);
    members.list("settings", &f.settings).form()
}

fn product(f: &Product) -> Form<'_> {
    let kind = match f.kind {
        ProductKind::Microsoft => "microsoft",
        ProductKind::MarketplaceSaasLicense => "marketplace-saas-license",
        ProductKind::AzureMarketplace => "azure-marketplace",
    };
    let members = Members::default().with("kind", kind);
    members.some("publisher", &f.publisher).form()
}

fn seats(f: &Seats) -> Form<'_> {
    let members = Members::default().with("free", f.free);
    members.time("activated", f.activated).form()
}

fn service_request(f: &ServiceRequest) -> Form<'_> {
    Members::default()
        .with("partner", f.partner.as_str())
        .with("customer", f.customer.as_str())
        .with("channel", f.channel.as_str())
        .time("opened", Some(f.opened))
        .form()
}
