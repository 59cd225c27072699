//! One step from a world to the next.

use serde::{Deserialize, Serialize};

use super::facts::{
    AutopilotProfile, Customer, CustomerUser, DenyAssignment, Device, Gdap, Group, Invitation,
    ManagementGroup, Partner, PartnerUser, Product, Relationship, RoleAssignment, Seats,
    ServiceRequest, Subscription,
};

/// What the packed form of facts depends on: a form that was packed by other types
/// is not to be unpacked by these. Compared by hash, by whoever keeps it.
pub const PACKED_FORM: [&str; 2] = [include_str!("facts.rs"), include_str!("change.rs")];

/// A fact that is added or replaced, or one that goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds the fact, or replaces the one with the same key.
    Put(Fact),
    /// Takes the fact away.
    Remove(Key),
}

/// Any fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is documented at its type")]
pub enum Fact {
    Partner(Partner),
    Customer(Customer),
    PartnerUser(PartnerUser),
    Group(Group),
    CustomerUser(CustomerUser),
    Relationship(Relationship),
    Invitation(Invitation),
    Gdap(Gdap),
    Subscription(Subscription),
    ManagementGroup(ManagementGroup),
    RoleAssignment(RoleAssignment),
    DenyAssignment(DenyAssignment),
    Device(Device),
    AutopilotProfile(AutopilotProfile),
    Product(Product),
    Seats(Seats),
    ServiceRequest(ServiceRequest),
}

/// What tells a fact from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "each variant holds the identifying fields of its fact"
)]
pub enum Key {
    Partner(String),
    Customer(String),
    PartnerUser(String),
    Group(String),
    CustomerUser(String),
    Relationship { partner: String, customer: String },
    Invitation(String),
    Gdap(String),
    Subscription(String),
    ManagementGroup(String),
    RoleAssignment(RoleAssignment),
    DenyAssignment { scope: String, number: usize },
    Device(String),
    AutopilotProfile(String),
    Product(String),
    Seats { customer: String, product: String },
    ServiceRequest(String),
}

impl Fact {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Partner(f) => Key::Partner(f.id.clone()),
            Self::Customer(f) => Key::Customer(f.id.clone()),
            Self::PartnerUser(f) => Key::PartnerUser(f.id.clone()),
            Self::Group(f) => Key::Group(f.id.clone()),
            Self::CustomerUser(f) => Key::CustomerUser(f.id.clone()),
            Self::Relationship(f) => Key::Relationship {
                partner: f.partner.clone(),
                customer: f.customer.clone(),
            },
            Self::Invitation(f) => Key::Invitation(f.id.clone()),
            Self::Gdap(f) => Key::Gdap(f.id.clone()),
            Self::Subscription(f) => Key::Subscription(f.id.clone()),
            Self::ManagementGroup(f) => Key::ManagementGroup(f.id.clone()),
            Self::RoleAssignment(f) => Key::RoleAssignment(f.clone()),
            Self::DenyAssignment(f) => Key::DenyAssignment {
                scope: f.scope.clone(),
                number: f.number,
            },
            Self::Device(f) => Key::Device(f.id.clone()),
            Self::AutopilotProfile(f) => Key::AutopilotProfile(f.id.clone()),
            Self::Product(f) => Key::Product(f.id.clone()),
            Self::Seats(f) => Key::Seats {
                customer: f.customer.clone(),
                product: f.product.clone(),
            },
            Self::ServiceRequest(f) => Key::ServiceRequest(f.id.clone()),
        }
    }
}

impl Key {
    /// Which kind of fact it tells: `customer-user`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Partner(_) => "partner",
            Self::Customer(_) => "customer",
            Self::PartnerUser(_) => "partner-user",
            Self::Group(_) => "group",
            Self::CustomerUser(_) => "customer-user",
            Self::Relationship { .. } => "relationship",
            Self::Invitation(_) => "invitation",
            Self::Gdap(_) => "gdap",
            Self::Subscription(_) => "subscription",
            Self::ManagementGroup(_) => "management-group",
            Self::RoleAssignment(_) => "role-assignment",
            Self::DenyAssignment { .. } => "deny-assignment",
            Self::Device(_) => "device",
            Self::AutopilotProfile(_) => "autopilot-profile",
            Self::Product(_) => "product",
            Self::Seats { .. } => "seats",
            Self::ServiceRequest(_) => "service-request",
        }
    }

    /// For people: `customer user `mia``.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Partner(id) => format!("partner `{id}`"),
            Self::Customer(id) => format!("customer `{id}`"),
            Self::PartnerUser(id) => format!("partner user `{id}`"),
            Self::Group(id) => format!("group `{id}`"),
            Self::CustomerUser(id) => format!("customer user `{id}`"),
            Self::Relationship { partner, customer } => {
                format!("relationship of `{partner}` and `{customer}`")
            }
            Self::Invitation(id) => format!("invitation `{id}`"),
            Self::Gdap(id) => format!("GDAP relationship `{id}`"),
            Self::Subscription(id) => format!("subscription `{id}`"),
            Self::ManagementGroup(id) => format!("management group `{id}`"),
            Self::RoleAssignment(RoleAssignment {
                principal,
                role,
                scope,
            }) => format!("role assignment of `{role}` to `{principal}` on `{scope}`"),
            Self::DenyAssignment { scope, number } => {
                format!("deny assignment {number} on `{scope}`")
            }
            Self::Device(id) => format!("device `{id}`"),
            Self::AutopilotProfile(id) => format!("Autopilot profile `{id}`"),
            Self::Product(id) => format!("product `{id}`"),
            Self::Seats { customer, product } => format!("seats of `{product}` at `{customer}`"),
            Self::ServiceRequest(id) => format!("service request `{id}`"),
        }
    }
}
