//! Roles that somebody holds, and how.

use std::collections::BTreeSet;

use crate::directory::facts::RoleAssignment;
use crate::directory::{Key, Scope, ScopeKind, World, directory_role, names};

/// Somebody who can hold a directory role. Users of partners and of customers
/// are told apart, for they may have the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal<'a> {
    /// A partner's user.
    PartnerUser(&'a str),
    /// A customer's user.
    CustomerUser(&'a str),
    /// A group of a partner: `P/Name`.
    Group(&'a str),
}

/// A directory role that somebody holds at a customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectiveRole {
    /// Its name: `User Administrator`.
    pub role: String,
    /// How.
    pub holding: Holding,
}

/// How a directory role is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holding {
    /// It was given; listing the role's members shows it.
    Explicit,
    /// By delegation, through this group of a partner; no list of members shows it
    /// (A-DAP-06).
    Delegated {
        /// `P/AdminAgents` or `P/HelpdeskAgents`.
        group: String,
    },
    /// Another role that is held includes it (B-ENT-02).
    Included {
        /// That role.
        by: String,
    },
}

impl World {
    /// The directory roles that a principal holds at a customer, by name. Deleted
    /// users hold what they will hold when they are restored.
    #[must_use]
    pub fn effective_roles(&self, customer: &str, of: Principal<'_>) -> Vec<EffectiveRole> {
        let mut roles = match of {
            Principal::CustomerUser(id) => self.own_roles(customer, id),
            Principal::PartnerUser(id) => self.delegated(customer, self.groups_of(id)),
            Principal::Group(id) => self.delegated(customer, vec![id.to_owned()]),
        };
        let reads = |role: &&EffectiveRole| {
            directory_role(&role.role).is_some_and(|info| info.reads_directory)
                && role.role != names::DIRECTORY_READERS
        };
        let included = roles.iter().filter(reads).map(|role| EffectiveRole {
            role: names::DIRECTORY_READERS.to_owned(),
            holding: Holding::Included {
                by: role.role.clone(),
            },
        });
        let included: BTreeSet<EffectiveRole> = included.collect();
        roles.extend(included);
        roles.sort();
        roles
    }

    fn own_roles(&self, customer: &str, id: &str) -> Vec<EffectiveRole> {
        let user = self.customer_users.get(id);
        let user = user.filter(|user| user.customer == customer);
        let roles = user.into_iter().flat_map(|user| &user.directory_roles);
        let explicit = roles.map(|role| EffectiveRole {
            role: role.clone(),
            holding: Holding::Explicit,
        });
        explicit.collect()
    }

    /// What the groups reached from these hold by delegation (A-DAP-01, A-DAP-02).
    fn delegated(&self, customer: &str, groups: Vec<String>) -> Vec<EffectiveRole> {
        let mut roles = Vec::new();
        for group in self.with_outer(groups) {
            let partner = names::partner_of_group(&group).unwrap_or_default();
            let pair = self.relationship(partner, customer);
            if !pair.is_some_and(|pair| pair.delegates()) {
                continue;
            }
            let of_group = names::DELEGATED_GROUPS.iter();
            let of_group = of_group.filter(|(_, name, _)| group == names::group_id(partner, name));
            roles.extend(of_group.map(|(_, _, role)| EffectiveRole {
                role: (*role).to_owned(),
                holding: Holding::Delegated {
                    group: group.clone(),
                },
            }));
        }
        roles
    }

    /// The groups that a partner's user is directly in; a role may be one (D 14).
    fn groups_of(&self, id: &str) -> Vec<String> {
        let Some(user) = self.partner_users.get(id) else {
            return Vec::new();
        };
        let delegated = names::DELEGATED_GROUPS.iter();
        let delegated = delegated.filter(|(role, ..)| user.roles.contains(*role));
        let delegated = delegated.map(|(_, name, _)| names::group_id(&user.partner, name));
        user.groups.iter().cloned().chain(delegated).collect()
    }

    /// Groups, and those that they are nested in.
    fn with_outer(&self, mut open: Vec<String>) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            let group = self.groups.get(id.as_str());
            if seen.insert(id) {
                open.extend(
                    group
                        .into_iter()
                        .flat_map(|group| group.member_of.iter().cloned()),
                );
            }
        }
        seen
    }

    /// The role assignments that reach a scope: at it and at every scope above it,
    /// from the outermost in (B-AZ-01).
    pub fn assignments_reaching(&self, scope: &Scope) -> impl Iterator<Item = &RoleAssignment> {
        let (roots, scopes) = self.above(scope);
        let mut found: Vec<(usize, &RoleAssignment)> = Vec::new();
        for root in &roots {
            for by in self.uses_of(root) {
                let Key::RoleAssignment(assignment) = by else {
                    continue;
                };
                let depth = scopes.iter().position(|scope| *scope == assignment.scope);
                found.extend(depth.map(|depth| (depth, assignment)));
            }
        }
        found.sort();
        found.into_iter().map(|(_, assignment)| assignment)
    }

    /// What a scope is in: the keys that its assignments name, and the scopes
    /// themselves from the outermost in.
    fn above(&self, scope: &Scope) -> (Vec<Key>, Vec<String>) {
        let mut scopes = vec![scope.id().to_owned()];
        let mut inner = scope.clone();
        while let Some(outer) = inner.enclosing() {
            scopes.push(outer.id().to_owned());
            inner = outer;
        }
        let root = scope.root().to_owned();
        let (mut roots, mut group) = match scope.kind() {
            ScopeKind::ManagementGroup => (Vec::new(), Some(root)),
            _ => {
                let subscription = self.subscription(&root);
                let group = subscription.and_then(|fact| fact.management_group.clone());
                (vec![Key::Subscription(root)], group)
            }
        };
        while let Some(id) = group {
            let outer = self.management_groups.get(id.as_str());
            group = outer.and_then(|fact| fact.parent.clone());
            let own = crate::directory::azure_scope::management_group_scope(&id);
            if !scopes.contains(&own) {
                scopes.push(own);
            }
            roots.push(Key::ManagementGroup(id));
        }
        scopes.reverse();
        (roots, scopes)
    }
}
