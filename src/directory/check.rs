//! What must hold of a change before a world takes it.

use std::collections::BTreeSet;

use super::azure_scope::SCOPE_FORMS;
use super::facts::{
    CustomerUser, DenyAssignment, Group, Invitation, InvitationStatus, ManagementGroup,
    PartnerUser, RoleAssignment,
};
use super::{DirectoryError, Fact, Key, Scope, World, deny_assignment, directory_role, names};
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
        Fact::ManagementGroup(group) => management_group(world, group, &what),
        Fact::RoleAssignment(assignment) => role_assignment(world, assignment, &what),
        Fact::DenyAssignment(assignment) => deny(world, assignment, &what),
        _ => Ok(()),
    }
}

/// Checks that nothing refers to what is to go.
pub(super) fn remove(world: &World, key: &Key) -> Result<(), DirectoryError> {
    if !exists(world, key) || world.fact(key).is_none() {
        let what = key.describe();
        return Err(DirectoryError::Absent { what });
    }
    for fact in world.facts() {
        let references = references(world, &fact)?;
        let names_it =
            references.iter().any(|(_, to)| to == key || is_in(to, key)) || is_in(&fact.key(), key);
        if names_it && fact.key() != *key {
            return Err(DirectoryError::InUse {
                what: key.describe(),
                by: fact.key().describe(),
            });
        }
    }
    Ok(())
}

/// Whether a group goes with a partner: its built-in groups have no fact of
/// their own.
fn is_in(group: &Key, partner: &Key) -> bool {
    match (group, partner) {
        (Key::Group(group), Key::Partner(id)) => names::partner_of_group(group) == Some(id),
        _ => false,
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
        Fact::Customer(f) => vec![&f.id],
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
        Fact::Relationship(_)
        | Fact::RoleAssignment(_)
        | Fact::DenyAssignment(_)
        | Fact::Seats(_) => Vec::new(),
    }
}

/// What a fact refers to, each with the field that does.
type References = Vec<(&'static str, Key)>;

fn references(world: &World, fact: &Fact) -> Result<References, DirectoryError> {
    let partner = |id: &String| ("partner", Key::Partner(id.clone()));
    let customer = |id: &String| ("customer", Key::Customer(id.clone()));
    Ok(match fact {
        Fact::Partner(_) | Fact::Customer(_) | Fact::Product(_) => Vec::new(),
        Fact::PartnerUser(f) => with(
            partner(&f.partner),
            f.groups.iter().map(|g| ("groups", Key::Group(g.clone()))),
        ),
        Fact::Group(f) => {
            let own = names::partner_of_group(&f.id).unwrap_or_default();
            let outer = f.member_of.iter();
            let outer = outer.map(|g| ("member_of", Key::Group(g.clone())));
            with(("", Key::Partner(own.to_owned())), outer)
        }
        // A licence names a product by its id alone: `products` holds what decides,
        // kind and publisher, and need not list what nobody asks about.
        Fact::CustomerUser(f) => vec![customer(&f.customer)],
        Fact::Seats(f) => vec![customer(&f.customer)],
        Fact::Relationship(f) => vec![partner(&f.partner), customer(&f.customer)],
        Fact::Invitation(f) => vec![partner(&f.partner), customer(&f.customer)],
        Fact::Gdap(f) => {
            let groups = f.assignments.iter();
            let groups = groups.map(|a| ("assignments", Key::Group(a.group.clone())));
            with(
                partner(&f.partner),
                [customer(&f.customer)].into_iter().chain(groups),
            )
        }
        Fact::Device(f) => {
            let added = f.added_by.clone().map(|id| ("added_by", Key::Partner(id)));
            with(customer(&f.customer), added)
        }
        Fact::AutopilotProfile(f) => {
            let owner = f.owner.clone().map(|id| ("owner", Key::Partner(id)));
            with(customer(&f.customer), owner)
        }
        Fact::Subscription(_)
        | Fact::ManagementGroup(_)
        | Fact::RoleAssignment(_)
        | Fact::DenyAssignment(_) => azure_references(world, fact)?,
    })
}

/// The same for facts about Azure.
fn azure_references(world: &World, fact: &Fact) -> Result<References, DirectoryError> {
    Ok(match fact {
        Fact::Subscription(f) => {
            let group = f.management_group.clone().map(Key::ManagementGroup);
            let others = [
                ("provisioned_by", f.provisioned_by.clone().map(Key::Partner)),
                ("seller", f.seller.clone().map(Key::Partner)),
                ("management_group", group),
            ];
            let named = |(field, key): (&'static str, Option<Key>)| Some((field, key?));
            with(
                ("customer", Key::Customer(f.customer.clone())),
                others.into_iter().filter_map(named),
            )
        }
        Fact::ManagementGroup(f) => {
            let parent = f.parent.clone().map(Key::ManagementGroup);
            parent
                .map(|parent| ("parent", parent))
                .into_iter()
                .collect()
        }
        Fact::RoleAssignment(f) => {
            vec![
                principal(world, &f.principal, "principal"),
                scope(&f.scope, fact)?,
            ]
        }
        Fact::DenyAssignment(f) => {
            let hit = f.principals.iter().flatten().map(|id| ("principals", id));
            let all = hit.chain(f.exclude.iter().map(|id| ("exclude", id)));
            let all = all.map(|(field, id)| principal(world, id, field));
            with(scope(&f.scope, fact)?, all)
        }
        _ => Vec::new(),
    })
}

/// One reference and some more.
fn with(
    first: (&'static str, Key),
    more: impl IntoIterator<Item = (&'static str, Key)>,
) -> References {
    let mut references = vec![first];
    references.extend(more);
    references
}

/// A principal is a group, a partner user or a customer user; what is none of
/// them is reported as a user of a customer.
fn principal(world: &World, id: &str, field: &'static str) -> (&'static str, Key) {
    let id = id.to_owned();
    let key = if world.has_group(&id) || id.contains('/') {
        Key::Group(id)
    } else if world.partner_users.contains_key(&id) {
        Key::PartnerUser(id)
    } else {
        Key::CustomerUser(id)
    };
    (field, key)
}

fn scope(id: &str, fact: &Fact) -> Result<(&'static str, Key), DirectoryError> {
    let scope = Scope::parse(id).map_err(|message| DirectoryError::Inconsistent {
        what: fact.key().describe(),
        field: "scope",
        message,
        remedy: SCOPE_FORMS,
    })?;
    let root = scope.root().to_owned();
    let key = match scope.kind() {
        super::ScopeKind::ManagementGroup => Key::ManagementGroup(root),
        _ => Key::Subscription(root),
    };
    Ok(("scope", key))
}

fn partner_user(world: &World, user: &PartnerUser, what: &str) -> Result<(), DirectoryError> {
    if world.customer_users.contains_key(&user.id) {
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
    )
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
    let moved = world.customer_users.get(&user.id);
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
    if world.partner_users.contains_key(&user.id) {
        not_named(world, &user.id, what)?;
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
        (InvitationStatus::Sent | InvitationStatus::Accepted, None) => (
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
    let roles = world.role_assignments.iter();
    let denies = world.deny_assignments.values();
    let named = roles.map(|a| &a.principal).any(|named| named == id)
        || denies
            .flat_map(|a| a.principals.iter().flatten().chain(&a.exclude))
            .any(|named| named == id);
    if !named {
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
