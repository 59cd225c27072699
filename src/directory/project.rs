//! Facts to engine state: what each fact is to the engine, and what a change
//! therefore changes.
//!
//! A change touches the things that its fact, before and after, has a part in.
//! Each touched thing is projected from the world before and after, and the
//! difference is the change. Nothing is computed twice in two ways, so the sum
//! of the changes is the projection of the whole.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;
use jiff::Timestamp;

use super::azure_scope::{SCOPE_FORMS, management_group_scope, subscription_scope};
use super::facts::{
    AutopilotProfile, Cloud, ContractStatus, Customer, CustomerUser, DenyAssignment, Device, Gdap,
    Group, Invitation, InvitationStatus, ManagementGroup, Partner, PartnerUser, Product,
    ProductKind, Relationship, RelationshipStatus, RoleAssignment, Subscription, UserState,
};
use super::names::{self, of_type, tenant_role};
use super::{DirectoryError, Fact, Key, Scope, World, deny_assignment, directory_role};
use crate::engine::{Change, EdgeKind, EntityData, Link, Value};
use crate::policy::Extension;

/// Something that has its own part in the engine's state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    /// What one fact is by itself.
    Fact(Key),
    /// A directory role in a tenant, there while somebody holds it.
    TenantRole { customer: String, role: String },
    /// A publisher, there while it has products.
    Publisher(String),
}

/// The things that a fact has a part in.
pub(super) fn touched(world: &World, fact: &Fact) -> BTreeSet<Thing> {
    let mut things = BTreeSet::from([Thing::Fact(fact.key())]);
    match fact {
        Fact::Relationship(f) => {
            things.insert(Thing::Fact(Key::Customer(f.customer.clone())));
            for (_, _, role) in names::DELEGATED_GROUPS {
                things.insert(role_of(&f.customer, role));
            }
            let invitations = world.invitations_of(&f.partner, &f.customer);
            things.extend(invitations.map(|found| Thing::Fact(Key::Invitation(found.id.clone()))));
        }
        // The built-in groups are there with their partner, by a fact or not.
        Fact::Group(f) => {
            let partner = names::partner_of_group(&f.id).unwrap_or_default();
            things.insert(Thing::Fact(Key::Partner(partner.to_owned())));
        }
        Fact::CustomerUser(f) => {
            let roles = f.directory_roles.iter();
            things.extend(roles.map(|role| role_of(&f.customer, role)));
        }
        Fact::Product(f) => {
            things.extend(f.publisher.clone().map(Thing::Publisher));
        }
        _ => {}
    }
    things
}

fn role_of(customer: &str, role: &str) -> Thing {
    Thing::TenantRole {
        customer: customer.to_owned(),
        role: role.to_owned(),
    }
}

/// What things are to the engine, as the changes that would add them.
pub(super) fn items(
    world: &World,
    things: &BTreeSet<Thing>,
) -> Result<Vec<Change>, DirectoryError> {
    let mut items = Vec::new();
    for thing in things {
        match thing {
            Thing::Fact(key) => {
                if let Some(fact) = world.fact(key) {
                    items.extend(fact_items(world, &fact)?);
                }
            }
            Thing::TenantRole { customer, role } => {
                if world.role_is_held(customer, role) {
                    items.extend(tenant_role_items(customer, role));
                }
            }
            Thing::Publisher(id) => {
                if world.publishes(id) {
                    items.push(put(EntityData::new(of_type(names::PUBLISHER, id))));
                }
            }
        }
    }
    Ok(items)
}

/// What all facts are to the engine: every thing once, as the changes that would
/// add it. The sum of what [`World::apply`] told of each of them.
pub(super) fn all(world: &World) -> impl Iterator<Item = Result<Vec<Change>, DirectoryError>> {
    let facts = world.facts().map(|fact| fact_items(world, &fact));
    let roles = world.roles_held().into_iter();
    let roles = roles.map(|(customer, role)| Ok(tenant_role_items(&customer, &role)));
    let publishers = world.publishers().into_iter();
    let publishers =
        publishers.map(|id| Ok(vec![put(EntityData::new(of_type(names::PUBLISHER, &id)))]));
    facts.chain(roles).chain(publishers)
}

/// What takes the engine from one projection to the other.
pub(super) fn difference(before: Vec<Change>, after: Vec<Change>) -> Vec<Change> {
    let stays = |uid: &EntityUid| {
        let same = |change: &Change| matches!(change, Change::PutEntity(e) if e.uid == *uid);
        after.iter().any(same)
    };
    let gone = before.iter().filter(|item| !after.contains(item));
    let mut changes: Vec<Change> = gone
        .filter_map(|item| match item {
            Change::PutEntity(entity) if stays(&entity.uid) => None,
            Change::PutEntity(entity) => Some(Change::RemoveEntity(entity.uid.clone())),
            Change::AddEdge { child, parent, .. } => Some(Change::RemoveEdge {
                child: child.clone(),
                parent: parent.clone(),
            }),
            Change::AddLink(link) => Some(Change::RemoveLink(link.clone())),
            Change::PutPolicy(policy) => Some(Change::RemovePolicy(policy.id.clone())),
            _ => None,
        })
        .collect();
    let new = after.into_iter().filter(|item| !before.contains(item));
    changes.extend(new);
    changes
}

fn fact_items(world: &World, fact: &Fact) -> Result<Vec<Change>, DirectoryError> {
    Ok(match fact {
        Fact::Partner(f) => partner(f),
        Fact::Customer(f) => vec![put(customer(world, f))],
        Fact::PartnerUser(f) => partner_user(f),
        Fact::Group(f) => group(f),
        Fact::CustomerUser(f) => customer_user(f),
        Fact::Relationship(f) => delegation(f),
        Fact::Invitation(f) => vec![put(invitation(world, f))],
        Fact::Gdap(f) => vec![put(gdap(f))],
        Fact::Subscription(f) => subscription(f),
        Fact::ManagementGroup(f) => management_group(f),
        Fact::RoleAssignment(f) => vec![role_assignment(world, f, fact)?],
        Fact::DenyAssignment(f) => vec![deny(world, f, fact)?],
        Fact::Device(f) => vec![put(device(f))],
        Fact::AutopilotProfile(f) => vec![put(autopilot_profile(f))],
        Fact::Product(f) => vec![put(product(f))],
        // Seats never decide (D 20), nor does what was asked of support.
        Fact::Seats(_) | Fact::ServiceRequest(_) => Vec::new(),
    })
}

/// A partner, and the two groups that exist with it (A-ACT-04).
fn partner(f: &Partner) -> Vec<Change> {
    let uid = of_type(names::PARTNER, &f.id);
    let partner = EntityData::new(uid.clone())
        .with("country", Value::string(f.country.as_str()))
        .with("market", Value::string(f.market.as_str()))
        .with("cloud", cloud(f.cloud));
    let groups = names::DELEGATED_GROUPS.iter().map(|(_, name, _)| {
        let id = names::group_id(&f.id, name);
        let group = EntityData::new(of_type(names::SECURITY_GROUP, &id));
        put(group.with("partner", Value::Entity(uid.clone())))
    });
    [put(partner)].into_iter().chain(groups).collect()
}

fn group(f: &Group) -> Vec<Change> {
    let uid = of_type(names::SECURITY_GROUP, &f.id);
    let partner = names::partner_of_group(&f.id).unwrap_or_default();
    let group = EntityData::new(uid.clone()).with("partner", reference(names::PARTNER, partner));
    let outer = f.member_of.iter();
    let outer = outer.map(|g| explicit(&uid, of_type(names::SECURITY_GROUP, g)));
    [put(group)].into_iter().chain(outer).collect()
}

fn management_group(f: &ManagementGroup) -> Vec<Change> {
    let of = |id: &str| of_type(names::MANAGEMENT_GROUP, &management_group_scope(id));
    let uid = of(&f.id);
    let outer = f.parent.as_ref().map(|parent| explicit(&uid, of(parent)));
    [put(EntityData::new(uid.clone()))]
        .into_iter()
        .chain(outer)
        .collect()
}

/// An assignment is a link of the role's template (B-AZ-02).
fn role_assignment(
    world: &World,
    f: &RoleAssignment,
    fact: &Fact,
) -> Result<Change, DirectoryError> {
    let template = world.azure_roles.template(&f.role).unwrap_or(&f.role);
    Ok(Change::AddLink(Link {
        template: template.to_owned(),
        principal: Some(principal(world, &f.principal, fact)?),
        resource: Some(scope(&f.scope, fact)?.uid()),
    }))
}

fn deny(world: &World, f: &DenyAssignment, fact: &Fact) -> Result<Change, DirectoryError> {
    let all = |ids: &BTreeSet<String>| -> Result<Vec<EntityUid>, DirectoryError> {
        ids.iter().map(|id| principal(world, id, fact)).collect()
    };
    let hit = f.principals.as_ref().map(all).transpose()?;
    let policy = deny_assignment::policy(f, &scope(&f.scope, fact)?, hit, all(&f.exclude)?)?;
    Ok(Change::PutPolicy(Box::new(policy)))
}

fn device(f: &Device) -> EntityData {
    let added_by = f.added_by.as_ref();
    EntityData::new(of_type(names::DEVICE, &f.id))
        .with("customer", reference(names::CUSTOMER, &f.customer))
        .with_some("addedBy", added_by.map(|p| reference(names::PARTNER, p)))
        .with("channel", Value::string(f.channel.as_str()))
}

fn autopilot_profile(f: &AutopilotProfile) -> EntityData {
    let owner = f.owner.as_ref();
    EntityData::new(of_type(names::AUTOPILOT_PROFILE, &f.id))
        .with("customer", reference(names::CUSTOMER, &f.customer))
        .with_some("owner", owner.map(|p| reference(names::PARTNER, p)))
}

fn product(f: &Product) -> EntityData {
    let publisher = f.publisher.as_ref();
    let kind = match f.kind {
        ProductKind::Microsoft => "microsoft",
        ProductKind::MarketplaceSaasLicense => "marketplace-saas-license",
        ProductKind::AzureMarketplace => "azure-marketplace",
    };
    EntityData::new(of_type(names::LICENSE_PRODUCT, &f.id))
        .with("kind", Value::string(kind))
        .with_some(
            "publisher",
            publisher.map(|p| reference(names::PUBLISHER, p)),
        )
}

/// A customer with what its relationships say of it (A-REL-01, A-SUP-01).
fn customer(world: &World, f: &Customer) -> EntityData {
    let partners = |holds: fn(&Relationship) -> bool| {
        let held = world.relationships_of(&f.id).filter(|r| holds(r));
        Value::Set(
            held.map(|r| reference(names::PARTNER, &r.partner))
                .collect(),
        )
    };
    let active = |r: &Relationship| r.status == RelationshipStatus::Active;
    let supports = |r: &Relationship| r.contract == ContractStatus::InForce;
    let roles = names::TENANT_ROLES.iter();
    let roles = roles.map(|(field, role)| {
        let uid = tenant_role(&f.id, role);
        ((*field).to_owned(), Value::Entity(uid))
    });
    EntityData::new(of_type(names::CUSTOMER, &f.id))
        .with("country", Value::string(f.country.as_str()))
        .with("market", Value::string(f.market.as_str()))
        .with("cloud", cloud(f.cloud))
        .with("resellers", partners(active))
        .with("delegatedTo", partners(Relationship::delegates))
        .with("supportedBy", partners(supports))
        .with("roles", Value::Record(roles.collect()))
}

/// Privileges put the partner's two groups into two roles of the customer's
/// tenant; listing the roles' members does not show it (A-DAP-01, 02, 06).
fn delegation(f: &Relationship) -> Vec<Change> {
    let groups = names::DELEGATED_GROUPS.iter().filter(|_| f.delegates());
    groups
        .map(|(_, group, role)| Change::AddEdge {
            child: of_type(names::SECURITY_GROUP, &names::group_id(&f.partner, group)),
            parent: tenant_role(&f.customer, role),
            kind: EdgeKind::Implicit,
        })
        .collect()
}

fn tenant_role_items(customer: &str, role: &str) -> Vec<Change> {
    let uid = tenant_role(customer, role);
    let reads = directory_role(role).is_some_and(|info| info.reads_directory);
    let inherits = (reads && role != names::DIRECTORY_READERS).then(|| Change::AddEdge {
        child: uid.clone(),
        parent: tenant_role(customer, names::DIRECTORY_READERS),
        kind: EdgeKind::Implicit,
    });
    [put(EntityData::new(uid))]
        .into_iter()
        .chain(inherits)
        .collect()
}

fn partner_user(f: &PartnerUser) -> Vec<Change> {
    let uid = of_type(names::PARTNER_USER, &f.id);
    let user = EntityData::new(uid.clone()).with("partner", reference(names::PARTNER, &f.partner));
    let roles = f
        .roles
        .iter()
        .map(|role| of_type(names::PARTNER_ROLE, role));
    let groups = f.groups.iter().cloned();
    let delegated = names::DELEGATED_GROUPS
        .iter()
        .filter(|(role, ..)| f.roles.contains(*role));
    let delegated = delegated.map(|(_, name, _)| names::group_id(&f.partner, name));
    let groups = groups
        .chain(delegated)
        .map(|id| of_type(names::SECURITY_GROUP, &id));
    let edges = roles.chain(groups).map(|parent| explicit(&uid, parent));
    [put(user)].into_iter().chain(edges).collect()
}

fn customer_user(f: &CustomerUser) -> Vec<Change> {
    let uid = of_type(names::CUSTOMER_USER, &f.id);
    let (state, deleted_at) = match f.state {
        UserState::Active => ("active", None),
        UserState::Deleted(at) => ("deleted", Some(at)),
    };
    let user = EntityData::new(uid.clone())
        .with("customer", reference(names::CUSTOMER, &f.customer))
        .with("state", Value::string(state))
        .with_some("deletedAt", deleted_at.map(datetime))
        .with("roles", directory_role_set(&f.directory_roles))
        .with(
            "inRoleAssignableGroup",
            Value::Bool(f.role_assignable_group),
        );
    let roles = f.directory_roles.iter();
    let edges = roles.map(|role| explicit(&uid, tenant_role(&f.customer, role)));
    [put(user)].into_iter().chain(edges).collect()
}

/// An invitation that was out when the relationship ended does not begin it again:
/// that takes a new one (A.4).
fn invitation(world: &World, f: &Invitation) -> EntityData {
    let pair = world.relationship(&f.partner, &f.customer);
    let ended = pair.is_some_and(|pair| pair.status == RelationshipStatus::Removed);
    let status = match f.status {
        InvitationStatus::Draft => "draft",
        InvitationStatus::Sent if ended => "void",
        InvitationStatus::Sent => "sent",
        InvitationStatus::Accepted => "accepted",
        InvitationStatus::Void => "void",
    };
    EntityData::new(of_type(names::INVITATION, &f.id))
        .with("partner", reference(names::PARTNER, &f.partner))
        .with("customer", reference(names::CUSTOMER, &f.customer))
        .with("includeDap", Value::Bool(f.include_dap))
        .with_some("sentAt", f.sent_at.map(datetime))
        .with("status", Value::string(status))
}

fn gdap(f: &Gdap) -> EntityData {
    EntityData::new(of_type(names::GDAP, &f.id))
        .with("partner", reference(names::PARTNER, &f.partner))
        .with("customer", reference(names::CUSTOMER, &f.customer))
        .with("status", Value::string(f.status.as_str()))
        .with("roles", directory_role_set(&f.roles))
        .with("durationDays", Value::Long(f.duration_days))
        .with("autoExtend", Value::Bool(f.auto_extend))
        .with_some("requestedAt", f.requested.map(datetime))
        .with_some("activatedAt", f.activated.map(datetime))
}

fn subscription(f: &Subscription) -> Vec<Change> {
    let uid = of_type(names::SUBSCRIPTION, &subscription_scope(&f.id));
    let provisioned_by = f.provisioned_by.as_ref();
    let entity = EntityData::new(uid.clone())
        .with("customer", reference(names::CUSTOMER, &f.customer))
        .with_some(
            "provisionedBy",
            provisioned_by.map(|p| reference(names::PARTNER, p)),
        )
        .with_some("createdAt", f.created.map(datetime))
        .with("status", Value::string(f.status.as_str()));
    let group = f.management_group.as_ref();
    let group = group.map(|group| {
        explicit(
            &uid,
            of_type(names::MANAGEMENT_GROUP, &management_group_scope(group)),
        )
    });
    [put(entity)].into_iter().chain(group).collect()
}

fn scope(id: &str, fact: &Fact) -> Result<Scope, DirectoryError> {
    Scope::parse(id).map_err(|message| DirectoryError::Inconsistent {
        what: fact.key().describe(),
        field: "scope",
        message,
        remedy: SCOPE_FORMS,
    })
}

fn principal(world: &World, id: &str, fact: &Fact) -> Result<EntityUid, DirectoryError> {
    world.principal(id).ok_or_else(|| DirectoryError::Dangling {
        what: fact.key().describe(),
        field: "principal",
        to: format!("user or group `{id}`"),
    })
}

fn put(entity: EntityData) -> Change {
    Change::PutEntity(entity)
}

fn explicit(child: &EntityUid, parent: EntityUid) -> Change {
    Change::AddEdge {
        child: child.clone(),
        parent,
        kind: EdgeKind::Explicit,
    }
}

fn reference(type_name: &'static str, id: &str) -> Value {
    Value::Entity(of_type(type_name, id))
}

fn directory_role_set(roles: &BTreeSet<String>) -> Value {
    let roles = roles.iter();
    Value::Set(
        roles
            .map(|role| reference(names::DIRECTORY_ROLE, role))
            .collect(),
    )
}

fn datetime(at: Timestamp) -> Value {
    Value::Extension(Extension::Datetime, at.to_string().into())
}

fn cloud(cloud: Cloud) -> Value {
    Value::string(match cloud {
        Cloud::Public => "public",
        Cloud::UsGovernment => "us-government",
        Cloud::Germany => "germany",
    })
}
