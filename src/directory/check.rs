//! What must hold of a change before a world takes it.

use std::collections::BTreeSet;

use super::facts::{
    AutopilotProfile, CustomerUser, DenyAssignment, Device, Group, Invitation, InvitationStatus,
    ManagementGroup, PROFILE_SETTINGS, PartnerUser, RoleAssignment, Subscription, UserState,
};
use super::references::references;
use super::{DirectoryError, Fact, Key, World, deny_assignment, directory_role, names};
use crate::policy::check_id;

/// Bytes of an id. Source: contract, section 3.
const ID_BYTES_MAX: usize = 256;

/// Checks a fact that is to be added or replaced.
pub(super) fn put(world: &World, fact: &Fact) -> Result<(), DirectoryError> {
    let what = fact.key().describe();
    for id in own_ids(fact) {
        check_id(id, ID_BYTES_MAX).map_err(|message| DirectoryError::Id {
            what: what.clone(),
            field: "",
            message,
        })?;
    }
    for (field, key) in references(world, fact)? {
        if !exists(world, &key) {
            let (what, to) = (what.clone(), key.describe());
            return Err(DirectoryError::Dangling { what, field, to });
        }
    }
    match fact {
        Fact::Partner(partner) if partner.id.contains('/') => Err(DirectoryError::Id {
            what,
            field: "",
            message: "a partner's id must not contain `/`, which separates partner and group"
                .to_owned(),
        }),
        Fact::PartnerUser(user) => partner_user(world, user, &what),
        Fact::Group(group) => group_fact(world, group, &what),
        Fact::CustomerUser(user) => customer_user(world, user, &what),
        Fact::Invitation(invitation) => invitation_fact(invitation, &what),
        Fact::Gdap(gdap) => {
            let assigned = gdap.assignments.iter().flat_map(|a| &a.roles);
            known_roles(gdap.roles.iter(), "roles", &what)?;
            known_roles(assigned, "assignments", &what)
        }
        Fact::Subscription(subscription) => subscription_fact(world, subscription, &what),
        Fact::ManagementGroup(group) => management_group(world, group, &what),
        Fact::RoleAssignment(assignment) => role_assignment(world, assignment, &what),
        Fact::DenyAssignment(assignment) => deny(world, assignment, &what),
        Fact::Device(device) => device_fact(world, device, &what),
        Fact::AutopilotProfile(profile) => profile_fact(world, profile, &what),
        _ => Ok(()),
    }
}

/// Checks that nothing refers to what is to go.
pub(super) fn remove(world: &World, key: &Key) -> Result<(), DirectoryError> {
    if !exists(world, key) || world.fact(key).is_none() {
        let what = key.describe();
        return Err(DirectoryError::Absent { what });
    }
    // A partner's built-in groups have no fact of their own and go with it.
    let of_groups = match key {
        Key::Partner(id) => world.uses_of_groups(id).next(),
        _ => None,
    };
    match world.uses_of(key).next().or(of_groups) {
        None => Ok(()),
        Some(by) => Err(DirectoryError::InUse {
            what: key.describe(),
            by: by.describe(),
        }),
    }
}

fn exists(world: &World, key: &Key) -> bool {
    match key {
        Key::Group(id) => world.has_group(id),
        key => world.fact(key).is_some(),
    }
}

/// The parts of a key that are new ids, to be checked as such.
fn own_ids(fact: &Fact) -> Vec<&str> {
    match fact {
        Fact::Partner(f) => vec![&f.id],
        Fact::Customer(f) => f
            .domains
            .iter()
            .chain([&f.id])
            .map(String::as_str)
            .collect(),
        Fact::PartnerUser(f) => vec![&f.id],
        Fact::Group(f) => vec![&f.id],
        Fact::CustomerUser(f) => vec![&f.id],
        Fact::Invitation(f) => vec![&f.id],
        Fact::Gdap(f) => vec![&f.id],
        Fact::Subscription(f) => vec![&f.id],
        Fact::ManagementGroup(f) => vec![&f.id],
        Fact::Device(f) => vec![&f.id],
        Fact::AutopilotProfile(f) => vec![&f.id],
        Fact::Product(f) => f
            .publisher
            .iter()
            .chain([&f.id])
            .map(String::as_str)
            .collect(),
        Fact::ServiceRequest(f) => vec![&f.id],
        Fact::Relationship(_)
        | Fact::RoleAssignment(_)
        | Fact::DenyAssignment(_)
        | Fact::Seats(_) => Vec::new(),
    }
}

fn partner_user(world: &World, user: &PartnerUser, what: &str) -> Result<(), DirectoryError> {
    if world.customer_users.contains_key(user.id.as_str()) {
        not_named(world, &user.id, what)?;
    }
    let unknown = user
        .roles
        .iter()
        .find(|role| !names::PARTNER_ROLES.contains(&role.as_str()));
    if let Some(role) = unknown {
        return Err(DirectoryError::Unknown {
            what: what.to_owned(),
            field: "roles",
            kind: "Partner Center role",
            value: role.clone(),
            instead: nearest(role, names::PARTNER_ROLES.into_iter()),
        });
    }
    let foreign = user
        .groups
        .iter()
        .find(|group| names::partner_of_group(group) != Some(&user.partner));
    match foreign {
        None => Ok(()),
        Some(group) => Err(DirectoryError::Inconsistent {
            what: what.to_owned(),
            field: "groups",
            message: format!(
                "the group `{group}` is not one of its partner's, `{}`",
                user.partner
            ),
            remedy: "name groups of the user's own partner",
        }),
    }
}

fn group_fact(world: &World, group: &Group, what: &str) -> Result<(), DirectoryError> {
    let foreign = group
        .member_of
        .iter()
        .find(|outer| names::partner_of_group(outer) != names::partner_of_group(&group.id));
    if let Some(outer) = foreign {
        return Err(DirectoryError::Inconsistent {
            what: what.to_owned(),
            field: "member_of",
            message: format!("the group `{outer}` belongs to another partner"),
            remedy: "nest it in groups of its own partner",
        });
    }
    let outer = |id: &str| {
        let fact = world.groups.get(id);
        fact.map(|group| group.member_of.iter().cloned().collect())
            .unwrap_or_default()
    };
    no_cycle(
        &group.id,
        group.member_of.iter().cloned().collect(),
        outer,
        "member_of",
        what,
    )
}

fn management_group(
    world: &World,
    group: &ManagementGroup,
    what: &str,
) -> Result<(), DirectoryError> {
    let outer = |id: &str| {
        let fact = world.management_groups.get(id);
        fact.and_then(|group| group.parent.clone())
            .into_iter()
            .collect()
    };
    no_cycle(
        &group.id,
        group.parent.clone().into_iter().collect(),
        outer,
        "parent",
        what,
    )?;
    let held = world.subscription_below(&group.id);
    match (&group.parent, held) {
        (Some(parent), Some(held)) => one_customer(world, parent, &held.customer, ("parent", what)),
        _ => Ok(()),
    }
}

fn subscription_fact(
    world: &World,
    subscription: &Subscription,
    what: &str,
) -> Result<(), DirectoryError> {
    match &subscription.management_group {
        None => Ok(()),
        Some(group) => {
            let place = ("management_group", what);
            one_customer(world, group, &subscription.customer, place)
        }
    }
}

/// Each tenant has a tree of management groups of its own (A-ACT-02): refuses a
/// customer's subscription in one that holds another customer's, or its own as
/// another customer's.
// INVARIANT (trees): all subscriptions of a tree are of one customer, so that any
// one of them tells whose it is.
fn one_customer(
    world: &World,
    group: &str,
    customer: &str,
    (field, what): (&'static str, &str),
) -> Result<(), DirectoryError> {
    let root = world.tree_of(group);
    match world.subscription_below(root) {
        Some(other) if other.customer != customer => Err(DirectoryError::Inconsistent {
            what: what.to_owned(),
            field,
            message: format!(
                "a subscription of `{customer}` would be among those of `{}`, under the \
                 management group `{root}`",
                other.customer
            ),
            remedy: "name a management group of the subscription's own customer",
        }),
        _ => Ok(()),
    }
}

/// Walks outwards from `first` and refuses to come back to `start`.
fn no_cycle(
    start: &str,
    first: Vec<String>,
    outer: impl Fn(&str) -> Vec<String>,
    field: &'static str,
    what: &str,
) -> Result<(), DirectoryError> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<(String, String)> = first.into_iter().map(|id| (id.clone(), id)).collect();
    while let Some((id, through)) = open.pop() {
        if id == start {
            return Err(DirectoryError::Cycle {
                what: what.to_owned(),
                field,
                through,
            });
        }
        if seen.insert(id.clone()) {
            open.extend(outer(&id).into_iter().map(|next| (next, through.clone())));
        }
    }
    Ok(())
}

fn customer_user(world: &World, user: &CustomerUser, what: &str) -> Result<(), DirectoryError> {
    let moved = world.customer_users.get(user.id.as_str());
    if let Some(old) = moved.filter(|old| old.customer != user.customer) {
        return Err(DirectoryError::Inconsistent {
            what: what.to_owned(),
            field: "customer",
            message: format!(
                "the user is in the tenant of `{}`; a user cannot move",
                old.customer
            ),
            remedy: "remove the user there first, or give this one another id",
        });
    }
    if world.partner_users.contains_key(user.id.as_str()) {
        not_named(world, &user.id, what)?;
    }
    if matches!(user.state, UserState::Deleted(_)) && !user.licenses.is_empty() {
        return Err(DirectoryError::Inconsistent {
            what: what.to_owned(),
            field: "licenses",
            message: "a deleted user holds no licences".to_owned(),
            remedy: "name them in `previous_licenses`",
        });
    }
    known_roles(user.directory_roles.iter(), "directory_roles", what)
}

fn known_roles<'a>(
    mut roles: impl Iterator<Item = &'a String>,
    field: &'static str,
    what: &str,
) -> Result<(), DirectoryError> {
    match roles.find(|role| directory_role(role).is_none()) {
        None => Ok(()),
        Some(role) => Err(DirectoryError::Unknown {
            what: what.to_owned(),
            field,
            kind: "built-in directory role",
            value: role.clone(),
            instead: nearest(role, super::directory_roles().keys().copied()),
        }),
    }
}

fn invitation_fact(invitation: &Invitation, what: &str) -> Result<(), DirectoryError> {
    let (message, remedy) = match (invitation.status, invitation.sent_at) {
        (InvitationStatus::Draft, Some(_)) => (
            "a draft has not been sent",
            "leave `sent_at` out, or say that it was sent",
        ),
        (InvitationStatus::Sent | InvitationStatus::Accepted | InvitationStatus::Void, None) => (
            "an invitation that was sent has a time of sending",
            "say when it was sent, in `sent_at`",
        ),
        _ => return Ok(()),
    };
    Err(DirectoryError::Inconsistent {
        what: what.to_owned(),
        field: "status",
        message: message.to_owned(),
        remedy,
    })
}

/// A profile is on devices of its own customer only (A-ACT-02).
fn device_fact(world: &World, device: &Device, what: &str) -> Result<(), DirectoryError> {
    let profile = device.profile.as_ref();
    let profile = profile.and_then(|id| world.autopilot_profiles.get(id.as_str()));
    match profile {
        Some(profile) if profile.customer != device.customer => Err(DirectoryError::Inconsistent {
            what: what.to_owned(),
            field: "profile",
            message: format!("the Autopilot profile is one of `{}`", profile.customer),
            remedy: "name a profile of the device's own customer",
        }),
        _ => Ok(()),
    }
}

fn profile_fact(
    world: &World,
    profile: &AutopilotProfile,
    what: &str,
) -> Result<(), DirectoryError> {
    let wrong = |setting: &&String| !PROFILE_SETTINGS.contains(&setting.as_str());
    if let Some(setting) = profile.settings.iter().find(wrong) {
        return Err(DirectoryError::Unknown {
            what: what.to_owned(),
            field: "settings",
            kind: "setting of an Autopilot profile",
            value: setting.clone(),
            instead: nearest(setting, PROFILE_SETTINGS.into_iter()),
        });
    }
    let old = world.autopilot_profiles.get(profile.id.as_str());
    let moves = old.is_some_and(|old| old.customer != profile.customer);
    let devices = Key::AutopilotProfile(profile.id.clone());
    match moves && world.uses_of(&devices).next().is_some() {
        false => Ok(()),
        true => Err(DirectoryError::Inconsistent {
            what: what.to_owned(),
            field: "customer",
            message: "the profile is on devices of another customer".to_owned(),
            remedy: "take it off those devices first",
        }),
    }
}

fn role_assignment(
    world: &World,
    assignment: &RoleAssignment,
    what: &str,
) -> Result<(), DirectoryError> {
    one_meaning(world, &assignment.principal, "principal", what)?;
    if world.azure_roles.template(&assignment.role).is_some() {
        return Ok(());
    }
    Err(DirectoryError::Unknown {
        what: what.to_owned(),
        field: "role",
        kind: "policy template for the Azure role",
        value: assignment.role.clone(),
        instead: nearest(&assignment.role, world.azure_roles.names()),
    })
}

/// Assignments name principals by id alone, so a user that one names must be the
/// only one of that id: see [`not_named`] for the other way round.
fn one_meaning(
    world: &World,
    id: &str,
    field: &'static str,
    what: &str,
) -> Result<(), DirectoryError> {
    if !world.partner_users.contains_key(id) || !world.customer_users.contains_key(id) {
        return Ok(());
    }
    Err(DirectoryError::Inconsistent {
        what: what.to_owned(),
        field,
        message: format!("`{id}` is both a partner's and a customer's user"),
        remedy: ONE_MEANING,
    })
}

const ONE_MEANING: &str = "give one of the two users another id";

/// Refuses a second user of an id that some assignment names.
fn not_named(world: &World, id: &str, what: &str) -> Result<(), DirectoryError> {
    let meanings = [Key::PartnerUser, Key::CustomerUser, Key::Group].map(|of| of(id.to_owned()));
    let assigns = |by: &Key| matches!(by, Key::RoleAssignment(_) | Key::DenyAssignment { .. });
    if !meanings.iter().any(|key| world.uses_of(key).any(assigns)) {
        return Ok(());
    }
    Err(DirectoryError::Inconsistent {
        what: what.to_owned(),
        field: "",
        message: format!(
            "a role or deny assignment names another user `{id}`; it could then mean either"
        ),
        remedy: ONE_MEANING,
    })
}

fn deny(world: &World, assignment: &DenyAssignment, what: &str) -> Result<(), DirectoryError> {
    let wrong = |field, message, remedy| DirectoryError::Inconsistent {
        what: what.to_owned(),
        field,
        message,
        remedy,
    };
    for id in assignment.principals.iter().flatten() {
        one_meaning(world, id, "principals", what)?;
    }
    for id in &assignment.exclude {
        one_meaning(world, id, "exclude", what)?;
    }
    if assignment.actions.is_empty() {
        let message = "a deny assignment takes at least one action away".to_owned();
        return Err(wrong(
            "actions",
            message,
            "name an action; `*` is every one",
        ));
    }
    let principals = assignment.principals.as_ref().map_or(0, BTreeSet::len);
    for (field, count) in [
        ("actions", assignment.actions.len()),
        ("notActions", assignment.not_actions.len()),
        ("principals", principals),
        ("exclude", assignment.exclude.len()),
    ] {
        if count > deny_assignment::ITEMS_MAX {
            let most = deny_assignment::ITEMS_MAX;
            return Err(wrong(
                field,
                format!("at most {most} items; there are {count}"),
                "split it into several deny assignments",
            ));
        }
    }
    Ok(())
}

/// A remedy that names what was probably meant.
fn nearest<'a>(wrong: &str, there_are: impl Iterator<Item = &'a str>) -> String {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let all: Vec<&str> = there_are.collect();
    let meant = all.iter().find(|name| plain(name) == plain(wrong));
    match meant {
        Some(name) => format!("did you mean `{name}`?"),
        None if all.len() <= 12 => format!("there are: {}", all.join(", ")),
        None => {
            let start = plain(wrong);
            let alike = all.iter().filter(|name| {
                let name = plain(name);
                let common = name.chars().zip(start.chars()).take_while(|(a, b)| a == b);
                common.count() >= 6
            });
            let alike: Vec<&str> = alike.copied().take(5).collect();
            match alike.is_empty() {
                true => "write the display name, as in `User Administrator`".to_owned(),
                false => format!("did you mean one of: {}?", alike.join(", ")),
            }
        }
    }
}
