//! World files to worlds: order, conversion, errors with their place.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::error::Category;

use super::keys::keys_of;
use super::locate::{self, Path};
use super::wire::{self, Named, Removals, WorldFile};
use crate::directory::facts::{
    self, ContractStatus, DapStatus, InvitationStatus, ProductKind, RelationshipStatus, UserNames,
    UserState,
};
use crate::directory::{AzureRoles, Change, DirectoryError, Fact, Key, World, names};
use crate::engine;
use crate::policy::{Finding, Source};

/// A fact or a removal that is refused, and where it stands.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{path}: {message}")]
pub struct Misplaced {
    /// The member it is about.
    pub path: Path,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub remedy: String,
}

/// Reads a whole world file.
///
/// # Errors
/// The first thing that is wrong with it, with its line and what to do: not
/// JSON, an unknown member, a wrong type or date, a duplicate, a dangling
/// reference, a cycle, a contradiction.
pub fn load(
    source: &Source,
    roles: AzureRoles,
) -> Result<(World, Vec<engine::Change>), Box<Finding>> {
    let text = source.text.as_ref();
    let file: WorldFile = serde_json::from_str(text).map_err(|error| {
        let at = locate::offset(text, error.line(), error.column());
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
        let start = text.get(..at).map_or(0, str::len);
        let next_step = match error.classify() {
            Category::Eof => "the text ends too early; a world without facts is `{}`",
            Category::Syntax => "a world file is one JSON object; correct the text here",
            Category::Data | Category::Io => {
                "the members of a world file are described in the README, “World files”"
            }
        };
        let finding = Finding::error(message).next_step(next_step);
        Box::new(finding.at(source, start.saturating_sub(1)..at, "here"))
    })?;
    let mut world = World::new(roles);
    let changes = fold(&mut world, file).map_err(|misplaced| {
        let span = locate::locate(text, &misplaced.path);
        let label = misplaced.path.to_string();
        let finding = Finding::error(misplaced.message).next_step(misplaced.remedy);
        Box::new(finding.at(source, span, &label))
    })?;
    Ok((world, changes))
}

/// Puts every fact of a file into a world, and returns what that changes for the
/// engine. After an error the world holds what came before it: fold into a copy.
///
/// # Errors
/// [`Misplaced`] for the first fact that the world does not take.
pub fn fold(world: &mut World, file: WorldFile) -> Result<Vec<engine::Change>, Misplaced> {
    let facts = in_order(facts_of(file, world.next_deny_number())?)?;
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    for Placed { path, fact } in facts {
        let key = fact.key();
        if !seen.insert(key.clone()) {
            return Err(Misplaced {
                message: format!("the {} comes twice", key.describe()),
                remedy: "keep one of the two; Azure ids are the same in any letter case".to_owned(),
                path,
            });
        }
        let applied = world.apply(Change::Put(fact));
        changes.extend(applied.map_err(|error| misplaced(&path, &error))?);
    }
    Ok(changes)
}

/// The facts of a world, each after those that it names.
#[must_use]
pub fn facts_in_order(world: &World) -> Vec<Fact> {
    let placed = world.facts().map(|fact| Placed {
        path: Path::default(),
        fact,
    });
    // Groups of a world are in no circle.
    let ordered = in_order(placed.collect()).unwrap_or_default();
    ordered.into_iter().map(|placed| placed.fact).collect()
}

/// The same facts under other Azure roles, with what they are to the engine.
///
/// # Errors
/// [`DirectoryError`] for the first fact that names a role that is not there any
/// more.
pub fn refold(
    world: &World,
    roles: AzureRoles,
) -> Result<(World, Vec<engine::Change>), DirectoryError> {
    let mut folded = World::new(roles);
    let mut changes = Vec::new();
    for fact in facts_in_order(world) {
        changes.extend(folded.apply(Change::Put(fact))?);
    }
    Ok((folded, changes))
}

/// What each fact is to the engine under other Azure roles, or why it is refused.
pub type Refolded = (Key, Result<Vec<engine::Change>, DirectoryError>);

/// The same as [`refold`], fact by fact: one that is refused does not hide the
/// others.
#[must_use]
pub fn refold_each(world: &World, roles: AzureRoles) -> Vec<Refolded> {
    let mut folded = World::new(roles);
    let facts = facts_in_order(world).into_iter();
    facts
        .map(|fact| (fact.key(), folded.apply(Change::Put(fact))))
        .collect()
}

/// Takes facts out of a world, and returns what that changes for the engine.
///
/// # Errors
/// [`Misplaced`] for the first one that is not there or still named by another.
pub fn remove(world: &mut World, removals: Removals) -> Result<Vec<engine::Change>, Misplaced> {
    let mut changes = Vec::new();
    for (path, key) in keys_of(removals) {
        let applied = world.apply(Change::Remove(key));
        changes.extend(applied.map_err(|error| misplaced(&path, &error))?);
    }
    Ok(changes)
}

fn misplaced(path: &Path, error: &DirectoryError) -> Misplaced {
    Misplaced {
        path: path.then(error.field()),
        message: error.to_string(),
        remedy: error.remedy(),
    }
}

pub(super) struct Placed {
    pub(super) path: Path,
    pub(super) fact: Fact,
}

/// Groups and management groups come after those that they are in. What is in a
/// circle is left at the end, for the world to refuse.
fn in_order(facts: Vec<Placed>) -> Result<Vec<Placed>, Misplaced> {
    let (mut nested, mut ordered): (Vec<Placed>, Vec<Placed>) = (Vec::new(), Vec::new());
    let mut others = Vec::new();
    for placed in facts {
        match placed.fact {
            // Devices name profiles, which name partners and customers.
            Fact::Partner(_) | Fact::Customer(_) | Fact::Product(_) | Fact::AutopilotProfile(_) => {
                ordered.push(placed)
            }
            Fact::Group(_) | Fact::ManagementGroup(_) => nested.push(placed),
            _ => others.push(placed),
        }
    }
    ordered.extend(outer_first(nested)?);
    ordered.extend(others);
    Ok(ordered)
}

/// Groups, each after those that it is in. Each is looked at once, and each
/// membership once.
fn outer_first(nested: Vec<Placed>) -> Result<Vec<Placed>, Misplaced> {
    let keys: BTreeSet<Key> = nested.iter().map(|placed| placed.fact.key()).collect();
    // What waits for a key, and for how many keys each waits.
    let mut inner: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    let mut waits = Vec::with_capacity(nested.len());
    for (place, placed) in nested.iter().enumerate() {
        let outer: BTreeSet<Key> = outer(&placed.fact).into_iter().collect();
        let outer = outer.into_iter().filter(|key| keys.contains(key));
        let mut count = 0_usize;
        for key in outer {
            inner.entry(key).or_default().push(place);
            count += 1;
        }
        waits.push(count);
    }
    let mut ready: VecDeque<usize> = VecDeque::new();
    ready.extend(
        (0..)
            .zip(&waits)
            .filter_map(|(n, waits)| (*waits == 0).then_some(n)),
    );
    let mut left: Vec<Option<Placed>> = nested.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(left.len());
    while let Some(place) = ready.pop_front() {
        let Some(placed) = left.get_mut(place).and_then(Option::take) else {
            continue;
        };
        // A key that comes twice is told of later, by whoever folds the facts.
        for place in inner.remove(&placed.fact.key()).unwrap_or_default() {
            if let Some(waits) = waits.get_mut(place) {
                *waits -= 1;
                ready.extend((*waits == 0).then_some(place));
            }
        }
        ordered.push(placed);
    }
    let Some(first) = left.into_iter().flatten().next() else {
        return Ok(ordered);
    };
    let what = first.fact.key().describe();
    Err(Misplaced {
        path: first.path,
        message: format!("the {what} is in a circle of groups that contain each other"),
        remedy: "take one of them out of the other".to_owned(),
    })
}

fn outer(fact: &Fact) -> Vec<Key> {
    match fact {
        Fact::Group(group) => group.member_of.iter().cloned().map(Key::Group).collect(),
        Fact::ManagementGroup(group) => {
            let parent = group.parent.clone();
            parent.map(Key::ManagementGroup).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// `first` is the number of the file's first deny assignment.
pub(super) fn facts_of(file: WorldFile, first: usize) -> Result<Vec<Placed>, Misplaced> {
    let mut all = Vec::new();
    let mut named = |member: &str, facts: Vec<(String, Fact)>| {
        let path = Path::member(member);
        let placed = facts.into_iter();
        all.extend(placed.map(|(id, fact)| Placed {
            path: path.then(&id),
            fact,
        }));
    };
    named("partners", each(file.partners, partner));
    named("customers", each(file.customers, customer));
    named("products", each(file.products, product));
    named("groups", each(file.groups, group));
    named(
        "management_groups",
        each(file.management_groups, management_group),
    );
    named("partner_users", each(file.partner_users, partner_user));
    named("invitations", each(file.invitations, invitation));
    named("subscriptions", each(file.subscriptions, subscription));
    named("devices", each(file.devices, device));
    named(
        "autopilot_profiles",
        each(file.autopilot_profiles, autopilot_profile),
    );
    for (id, user) in file.customer_users.0 {
        let path = Path::member("customer_users").then(&id);
        let fact = customer_user(id, user, &path)?;
        all.push(Placed { path, fact });
    }
    for (customer, products) in file.seats.0 {
        for (product, f) in products.0 {
            let path = Path::member("seats").then(&customer).then(&product);
            let fact = seats(customer.clone(), product, f);
            all.push(Placed { path, fact });
        }
    }
    for (id, request) in file.service_requests.0 {
        let path = Path::member("service_requests").then(&id);
        let fact = service_request(id, request, &path)?;
        all.push(Placed { path, fact });
    }
    let mut listed = |member: &str, facts: Vec<Fact>| {
        let path = Path::member(member);
        let placed = facts.into_iter().enumerate();
        all.extend(placed.map(|(n, fact)| Placed {
            path: path.at(n),
            fact,
        }));
    };
    let relationships = file.relationships.into_iter();
    listed("relationships", relationships.map(relationship).collect());
    listed("gdap", file.gdap.into_iter().map(gdap).collect());
    let assignments = file.role_assignments.into_iter();
    let assignments = assignments.map(|fact| Fact::RoleAssignment(role_assignment(fact)));
    listed("role_assignments", assignments.collect());
    let denies = file.deny_assignments.into_iter().enumerate();
    listed(
        "deny_assignments",
        denies
            .map(|(n, fact)| deny_assignment(first + n, fact))
            .collect(),
    );
    Ok(all)
}

fn each<T>(members: Named<T>, fact: impl Fn(String, T) -> Fact) -> Vec<(String, Fact)> {
    let members = members.0.into_iter();
    members
        .map(|(id, value)| (id.clone(), fact(id, value)))
        .collect()
}

fn partner(id: String, f: wire::Partner) -> Fact {
    Fact::Partner(facts::Partner {
        id,
        country: f.country,
        market: f.market,
        cloud: f.cloud.into(),
        kind: f.kind,
    })
}

fn customer(id: String, f: wire::Customer) -> Fact {
    Fact::Customer(facts::Customer {
        id,
        country: f.country,
        market: f.market,
        cloud: f.cloud.into(),
        domains: f.domains.into_iter().collect(),
    })
}

/// Membership of `P/AdminAgents` is the role Admin agent, however it is written
/// (D 14); the fact holds it once, as the role.
fn partner_user(id: String, f: wire::PartnerUser) -> Fact {
    let mut roles: BTreeSet<String> = f.roles.into_iter().collect();
    let mut groups: BTreeSet<String> = f.groups.into_iter().collect();
    for (role, name, _) in names::DELEGATED_GROUPS {
        if groups.remove(&names::group_id(&f.partner, name)) {
            roles.insert(role.to_owned());
        }
    }
    Fact::PartnerUser(facts::PartnerUser {
        id,
        partner: f.partner,
        roles,
        groups,
    })
}

fn group(id: String, f: wire::Group) -> Fact {
    Fact::Group(facts::Group {
        id,
        member_of: f.member_of.into_iter().collect(),
    })
}

fn customer_user(id: String, f: wire::CustomerUser, path: &Path) -> Result<Fact, Misplaced> {
    let state = match (f.state, f.deleted_at.0) {
        (wire::UserState::Active, None) => UserState::Active,
        (wire::UserState::Deleted, Some(at)) => UserState::Deleted(at),
        (wire::UserState::Deleted, None) => {
            return Err(Misplaced {
                path: path.then("state"),
                message: format!(
                    "the customer user `{id}` is deleted, and `deleted_at` is missing"
                ),
                remedy: "say when it was deleted: the 30 days to restore it run from there"
                    .to_owned(),
            });
        }
        (wire::UserState::Active, Some(_)) => {
            return Err(Misplaced {
                path: path.then("deleted_at"),
                message: format!("the customer user `{id}` is active and has a `deleted_at`"),
                remedy: "remove `deleted_at`, or set `state` to `deleted`".to_owned(),
            });
        }
    };
    Ok(Fact::CustomerUser(facts::CustomerUser {
        id,
        customer: f.customer,
        directory_roles: f.directory_roles.into_iter().collect(),
        state,
        licenses: f.licenses.into_iter().collect(),
        previous_licenses: f.previous_licenses.into_iter().collect(),
        role_assignable_group: f.role_assignable_group,
        names: UserNames {
            first: f.first_name,
            last: f.last_name,
            display: f.display_name,
        },
    }))
}

fn relationship(f: wire::Relationship) -> Fact {
    Fact::Relationship(facts::Relationship {
        partner: f.partner,
        customer: f.customer,
        status: match f.status {
            wire::RelationshipStatus::Pending => RelationshipStatus::Pending,
            wire::RelationshipStatus::Active => RelationshipStatus::Active,
            wire::RelationshipStatus::Removed => RelationshipStatus::Removed,
        },
        dap: match f.dap {
            wire::DapStatus::None => DapStatus::None,
            wire::DapStatus::Active => DapStatus::Active,
            wire::DapStatus::Removed => DapStatus::Removed,
        },
        contract: match f.contract {
            wire::ContractStatus::InForce => ContractStatus::InForce,
            wire::ContractStatus::Renegotiated => ContractStatus::Renegotiated,
        },
    })
}

fn invitation(id: String, f: wire::Invitation) -> Fact {
    Fact::Invitation(facts::Invitation {
        id,
        partner: f.partner,
        customer: f.customer,
        sent_at: f.sent_at.0,
        include_dap: f.include_dap,
        status: match f.status {
            wire::InvitationStatus::Draft => InvitationStatus::Draft,
            wire::InvitationStatus::Sent => InvitationStatus::Sent,
            wire::InvitationStatus::Accepted => InvitationStatus::Accepted,
            wire::InvitationStatus::Void => InvitationStatus::Void,
        },
        link: f.link,
        text: f.text,
        portal: f.portal,
    })
}

fn gdap(f: wire::Gdap) -> Fact {
    let assignments = f.assignments.into_iter();
    Fact::Gdap(facts::Gdap {
        id: f.id,
        partner: f.partner,
        customer: f.customer,
        status: f.status,
        roles: f.roles.into_iter().collect(),
        requested: f.requested.0,
        activated: f.activated.0,
        duration_days: f.duration_days,
        auto_extend: f.auto_extend,
        assignments: assignments
            .map(|a| facts::GdapAssignment {
                group: a.group,
                roles: a.roles.into_iter().collect(),
            })
            .collect(),
    })
}

fn subscription(id: String, f: wire::Subscription) -> Fact {
    Fact::Subscription(facts::Subscription {
        id: id.to_ascii_lowercase(),
        customer: f.customer,
        provisioned_by: f.provisioned_by,
        created: f.created.0,
        status: f.status.as_str().to_owned(),
        management_group: f.management_group.map(|id| id.to_ascii_lowercase()),
        seller: f.seller,
    })
}

fn management_group(id: String, f: Option<wire::ManagementGroup>) -> Fact {
    let parent = f.and_then(|f| f.parent);
    Fact::ManagementGroup(facts::ManagementGroup {
        id: id.to_ascii_lowercase(),
        parent: parent.map(|id| id.to_ascii_lowercase()),
    })
}

pub(super) fn role_assignment(f: wire::RoleAssignment) -> facts::RoleAssignment {
    facts::RoleAssignment {
        principal: f.principal,
        role: f.role,
        scope: f.scope.to_ascii_lowercase(),
    }
}

/// `next` is its number unless it says another.
fn deny_assignment(next: usize, f: wire::DenyAssignment) -> Fact {
    let lower = |patterns: Vec<String>| {
        let patterns = patterns.into_iter();
        patterns
            .map(|pattern| pattern.to_ascii_lowercase())
            .collect()
    };
    let everybody = f.principals.iter().any(|id| id == "*");
    Fact::DenyAssignment(facts::DenyAssignment {
        number: f.number.unwrap_or(next),
        scope: f.scope.to_ascii_lowercase(),
        principals: (!everybody).then(|| f.principals.into_iter().collect()),
        exclude: f.exclude.into_iter().collect(),
        actions: lower(f.actions),
        not_actions: lower(f.not_actions),
        do_not_apply_to_child_scopes: f.do_not_apply_to_child_scopes,
    })
}

/// `added_by` is a partner's id, or the word `customer`.
fn device(id: String, f: wire::Device) -> Fact {
    Fact::Device(facts::Device {
        id,
        customer: f.customer,
        added_by: (f.added_by != "customer").then_some(f.added_by),
        channel: f.channel.as_str().to_owned(),
        profile: f.profile,
    })
}

fn autopilot_profile(id: String, f: wire::AutopilotProfile) -> Fact {
    Fact::AutopilotProfile(facts::AutopilotProfile {
        id,
        customer: f.customer,
        owner: f.owner.filter(|owner| owner != "customer"),
        name: f.name,
        settings: f.settings.into_iter().collect(),
    })
}

fn product(id: String, f: wire::Product) -> Fact {
    Fact::Product(facts::Product {
        id,
        kind: match f.kind {
            wire::ProductKind::Microsoft => ProductKind::Microsoft,
            wire::ProductKind::MarketplaceSaasLicense => ProductKind::MarketplaceSaasLicense,
            wire::ProductKind::AzureMarketplace => ProductKind::AzureMarketplace,
        },
        publisher: f.publisher,
    })
}

fn seats(customer: String, product: String, f: wire::Seats) -> Fact {
    Fact::Seats(facts::Seats {
        customer,
        product,
        free: f.free,
        activated: f.activated.0,
    })
}

fn service_request(id: String, f: wire::ServiceRequest, path: &Path) -> Result<Fact, Misplaced> {
    let Some(opened) = f.opened.0 else {
        return Err(Misplaced {
            path: path.then("opened"),
            message: format!("the service request `{id}` has no time of opening"),
            remedy: "say when it was opened, in `opened`".to_owned(),
        });
    };
    Ok(Fact::ServiceRequest(facts::ServiceRequest {
        id,
        partner: f.partner,
        customer: f.customer,
        channel: f.channel.as_str().to_owned(),
        opened,
    }))
}
