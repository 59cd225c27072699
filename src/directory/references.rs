//! What each fact refers to, as keys of other facts.

use super::azure_scope::SCOPE_FORMS;
use super::{DirectoryError, Fact, Key, Scope, ScopeKind, World, names};

/// What a fact refers to, each with the field that does.
pub(super) type References = Vec<(&'static str, Key)>;

/// What one fact refers to.
///
/// # Errors
/// [`DirectoryError::Inconsistent`] for a scope that is none; a stored fact has
/// no such.
pub(super) fn references(world: &World, fact: &Fact) -> Result<References, DirectoryError> {
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
        Fact::ServiceRequest(f) => vec![partner(&f.partner), customer(&f.customer)],
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
            let profile = f.profile.clone();
            let profile = profile.map(|id| ("profile", Key::AutopilotProfile(id)));
            with(customer(&f.customer), added.into_iter().chain(profile))
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
    } else if world.partner_users.contains_key(id.as_str()) {
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
        ScopeKind::ManagementGroup => Key::ManagementGroup(root),
        _ => Key::Subscription(root),
    };
    Ok(("scope", key))
}
