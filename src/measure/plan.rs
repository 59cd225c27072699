//! What one agent and one customer have, drawn from their indices alone.
//!
//! Plans name things by small numbers; what they are called is in `ids`, what
//! they are to the engine in `state`, to the directory in `facts`.

use super::random::{Rng, Stream};
use super::workload::Workload;

/// The group that a partner's Admin agents are members of.
pub(super) const ADMIN_AGENTS: u32 = 0;
/// The group that a partner's Helpdesk agents are members of.
pub(super) const HELPDESK_AGENTS: u32 = 1;
/// Nested in the Admin Agents.
pub(super) const ESCALATION: u32 = 2;
/// The group that all teams are nested in.
pub(super) const OPERATIONS: u32 = 3;
/// The teams have this number and those above.
const FIRST_TEAM: u32 = 4;

pub(super) const GLOBAL_ADMINISTRATOR: &str = "Global Administrator";
pub(super) const HELPDESK_ADMINISTRATOR: &str = "Helpdesk Administrator";
pub(super) const DIRECTORY_READERS: &str = "Directory Readers";

/// Azure roles and their templates.
pub(super) const AZURE_ROLES: [(&str, &str); 5] = [
    ("Owner", "azure-role-owner"),
    ("Contributor", "azure-role-contributor"),
    ("Reader", "azure-role-reader"),
    (
        "User Access Administrator",
        "azure-role-user-access-administrator",
    ),
    (
        "Role Based Access Control Administrator",
        "azure-role-role-based-access-control-administrator",
    ),
];

/// An employee of a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) partner: u32,
    /// Partner Center roles.
    pub(super) roles: &'static [&'static str],
    /// The group that it is a direct member of, besides those of its roles.
    pub(super) group: Option<u32>,
}

impl Agent {
    pub(super) fn has(&self, role: &str) -> bool {
        self.roles.contains(&role)
    }

    /// Whether it is a member of a group of its partner, nested ones included.
    pub(super) fn is_in(&self, group: u32) -> bool {
        let role = match group {
            ADMIN_AGENTS => self.has("AdminAgent"),
            HELPDESK_AGENTS => self.has("HelpdeskAgent"),
            _ => false,
        };
        let nested = self.group.and_then(outer_group);
        role || self.group == Some(group) || nested == Some(group)
    }
}

/// The group that a group is nested in.
pub(super) fn outer_group(group: u32) -> Option<u32> {
    match group {
        ADMIN_AGENTS | HELPDESK_AGENTS | OPERATIONS => None,
        ESCALATION => Some(ADMIN_AGENTS),
        _team => Some(OPERATIONS),
    }
}

/// A customer with all it has.
#[derive(Debug, Clone)]
pub(super) struct Customer {
    pub(super) index: u32,
    /// One, and sometimes a second.
    pub(super) relationships: Vec<Relationship>,
    pub(super) users: Vec<User>,
    pub(super) devices: Vec<Device>,
    /// So many management groups, each within the one before.
    pub(super) management_groups: u32,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) assignments: Vec<Assignment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relationship {
    pub(super) partner: u32,
    pub(super) active: bool,
    /// Whether delegated admin privileges are in force.
    pub(super) delegates: bool,
    /// Whether the contract is in force.
    pub(super) supports: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User {
    /// The directory role it holds.
    pub(super) role: Option<&'static str>,
    pub(super) deleted: bool,
    pub(super) role_assignable_group: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Device {
    /// Whether the first partner added it; else the customer did.
    pub(super) by_partner: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) management_group: Option<u32>,
    /// Whether the first partner provisioned it.
    pub(super) provisioned: bool,
    /// Day of creation: year, month, day.
    pub(super) created: Option<(u32, u32, u32)>,
    pub(super) suspended: bool,
    pub(super) groups: Vec<Vec<Resource>>,
}

/// An Azure resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    /// Directly in its resource group.
    Plain,
    /// Within the last plain one before it.
    Nested,
}

/// A scope of one customer, by numbers of subscription, group and resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    ManagementGroup(u32),
    Subscription(u32),
    ResourceGroup(u32, u32),
    Resource(u32, u32, u32),
}

/// Who may hold an assignment at a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Principal {
    Group { partner: u32, group: u32 },
    Agent { partner: u32, agent: u32 },
    User(u32),
}

/// A role assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Assignment {
    /// Number of the role in [`AZURE_ROLES`].
    pub(super) role: usize,
    pub(super) principal: Principal,
    pub(super) scope: Scope,
}

impl Customer {
    pub(super) fn subscription(&self, number: u32) -> Option<&Subscription> {
        self.subscriptions.get(number as usize)
    }

    pub(super) fn relationship(&self, partner: u32) -> Option<&Relationship> {
        self.relationships.iter().find(|r| r.partner == partner)
    }

    /// The resources of a group, with their scopes.
    pub(super) fn scopes_of_group(&self, s: u32, g: u32) -> impl Iterator<Item = Scope> + use<> {
        let group = self.subscription(s).and_then(|s| s.groups.get(g as usize));
        let count = group.map_or(0, Vec::len);
        (0..).take(count).map(move |r| Scope::Resource(s, g, r))
    }

    /// The number of the plain resource that a nested one is in.
    pub(super) fn outer_resource(&self, scope: Scope) -> Option<u32> {
        let Scope::Resource(s, g, r) = scope else {
            return None;
        };
        let group = self.subscription(s)?.groups.get(g as usize)?;
        if group.get(r as usize) != Some(&Resource::Nested) {
            return None;
        }
        let before = group.get(..r as usize)?;
        let plain = before.iter().rposition(|r| *r == Resource::Plain)?;
        u32::try_from(plain).ok()
    }

    /// The scope that directly encloses one.
    pub(super) fn enclosing(&self, scope: Scope) -> Option<Scope> {
        match scope {
            Scope::ManagementGroup(group) => group.checked_sub(1).map(Scope::ManagementGroup),
            Scope::Subscription(s) => {
                let group = self.subscription(s)?.management_group;
                group.map(Scope::ManagementGroup)
            }
            Scope::ResourceGroup(s, _) => Some(Scope::Subscription(s)),
            Scope::Resource(s, g, _) => Some(match self.outer_resource(scope) {
                Some(outer) => Scope::Resource(s, g, outer),
                None => Scope::ResourceGroup(s, g),
            }),
        }
    }

    /// Whether a scope is another or within it.
    pub(super) fn is_within(&self, inner: Scope, outer: Scope) -> bool {
        let mut scopes = std::iter::successors(Some(inner), |scope| self.enclosing(*scope));
        scopes.any(|scope| scope == outer)
    }
}

impl Workload {
    /// How many groups a partner has; they have the numbers below.
    pub(super) fn groups_of(&self, partner: u32) -> u32 {
        FIRST_TEAM + self.agents_of(partner) / 25
    }

    pub(super) fn agent(&self, partner: u32, agent: u32) -> Agent {
        let mut rng = self.rng(Stream::Agent, u64::from(partner) << 32 | u64::from(agent));
        let drawn = rng.below(100);
        // The first three are there in the smallest partner.
        let roles: &[&str] = match (agent, drawn) {
            (0, _) => &["AdminAgent", "GlobalAdmin"],
            (1, _) | (_, 40..65) => &["HelpdeskAgent"],
            (2, _) | (_, 65..80) => &["SalesAgent"],
            (_, 0..40) => &["AdminAgent"],
            (_, 80..85) => &["AdminAgent", "SalesAgent"],
            (_, 85..90) => &["UserManagementAdmin"],
            (_, 90..93) => &["GlobalAdmin"],
            _ => &[],
        };
        let teams = self.groups_of(partner) - FIRST_TEAM;
        let group = match rng.below(100) {
            0..4 => Some(ESCALATION),
            4..12 => Some(OPERATIONS),
            12..70 if teams > 0 => Some(FIRST_TEAM + rng.below(teams)),
            _ => None,
        };
        Agent {
            partner,
            roles,
            group,
        }
    }

    /// The country or region of a partner and of its customers, and its market.
    pub(super) fn country(&self, partner: u32) -> (&'static str, &'static str) {
        match self.rng(Stream::Partner, partner.into()).below(3) {
            0 => ("FR", "Europe"),
            1 => ("DE", "Europe"),
            _ => ("US", "United States"),
        }
    }

    pub(super) fn customer(&self, index: u32) -> Customer {
        let mut rng = self.rng(Stream::Customer, index.into());
        let partner = self.partner_of(index);
        let relationships = self.relationships(&mut rng, partner);
        let users = users(&mut rng);
        let devices = match rng.below(100) {
            0..15 => vec![Device { by_partner: true }],
            15..20 => vec![Device { by_partner: false }],
            _ => Vec::new(),
        };
        let count = match rng.below(10) {
            0..7 => 1,
            7..9 => 2,
            _ => 3,
        };
        let management_groups = match rng.percent(if count > 1 { 50 } else { 5 }) {
            true => 1 + rng.below(3),
            false => 0,
        };
        let subscriptions = (0..count).map(|_| subscription(&mut rng, management_groups));
        let mut customer = Customer {
            index,
            relationships,
            users,
            devices,
            management_groups,
            subscriptions: subscriptions.collect(),
            assignments: Vec::new(),
        };
        customer.assignments = self.assignments(&mut rng, &customer, partner);
        customer
    }

    fn relationships(&self, rng: &mut Rng, partner: u32) -> Vec<Relationship> {
        let active = rng.percent(96);
        let mut relationships = Vec::with_capacity(2);
        relationships.push(Relationship {
            partner,
            active,
            delegates: rng.percent(52) && active,
            supports: rng.percent(95),
        });
        let second = rng.below(self.partners());
        if rng.percent(5) && second != partner {
            relationships.push(Relationship {
                partner: second,
                active: true,
                delegates: rng.percent(25),
                supports: true,
            });
        }
        relationships
    }

    /// The Admin Agents own what their partner provisioned (A-AZ-04); the rest is
    /// drawn, up to seven on average.
    fn assignments(&self, rng: &mut Rng, customer: &Customer, partner: u32) -> Vec<Assignment> {
        let wanted = 5 + rng.below(5) as usize;
        let mut assignments = Vec::with_capacity(wanted);
        let owned = (0..).zip(&customer.subscriptions);
        assignments.extend(
            owned
                .filter(|(_, s)| s.provisioned)
                .map(|(s, _)| Assignment {
                    role: 0,
                    principal: Principal::Group {
                        partner,
                        group: ADMIN_AGENTS,
                    },
                    scope: Scope::Subscription(s),
                }),
        );
        for _ in 0..4 * wanted {
            if assignments.len() >= wanted {
                break;
            }
            let assignment = Assignment {
                role: match rng.below(100) {
                    0..10 => 0,
                    10..45 => 1,
                    45..80 => 2,
                    80..90 => 3,
                    _ => 4,
                },
                principal: self.holder(rng, customer, partner),
                scope: scope(rng, customer),
            };
            if !assignments.contains(&assignment) {
                assignments.push(assignment);
            }
        }
        assignments
    }

    fn holder(&self, rng: &mut Rng, customer: &Customer, partner: u32) -> Principal {
        let group = |group| Principal::Group { partner, group };
        let users = u32::try_from(customer.users.len()).unwrap_or(0);
        match rng.below(100) {
            0..15 => group(ADMIN_AGENTS),
            15..45 => group(1 + rng.below(self.groups_of(partner) - 1)),
            45..65 if users > 0 => Principal::User(rng.below(users)),
            _ => Principal::Agent {
                partner,
                agent: rng.below(self.agents_of(partner)),
            },
        }
    }
}

fn users(rng: &mut Rng) -> Vec<User> {
    let count = match rng.below(20) {
        0..12 => 0,
        12..18 => 1,
        18 => 2,
        _ => 3,
    };
    let user = |rng: &mut Rng| User {
        role: match rng.below(100) {
            0..35 => Some(GLOBAL_ADMINISTRATOR),
            35..45 => Some("User Administrator"),
            45..55 => Some(HELPDESK_ADMINISTRATOR),
            55..60 => Some("Password Administrator"),
            60..65 => Some(DIRECTORY_READERS),
            _ => None,
        },
        deleted: rng.percent(5),
        role_assignable_group: rng.percent(5),
    };
    (0..count).map(|_| user(rng)).collect()
}

fn subscription(rng: &mut Rng, management_groups: u32) -> Subscription {
    let provisioned = rng.percent(80);
    let groups = match rng.below(20) {
        0..15 => 1,
        15..18 => 2,
        _ => 3,
    };
    let resource = |rng: &mut Rng, first: bool| match !first && rng.percent(15) {
        true => Resource::Nested,
        false => Resource::Plain,
    };
    Subscription {
        management_group: match management_groups > 0 && rng.percent(85) {
            true => Some(rng.below(management_groups)),
            false => None,
        },
        provisioned,
        created: provisioned.then(|| (2015 + rng.below(5), 1 + rng.below(12), 1 + rng.below(28))),
        suspended: rng.percent(5),
        groups: (0..groups)
            .map(|_| {
                let count = 1 + rng.below(4);
                (0..count).map(|r| resource(rng, r == 0)).collect()
            })
            .collect(),
    }
}

/// A scope of the customer that roles are assigned on.
pub(super) fn scope(rng: &mut Rng, customer: &Customer) -> Scope {
    let below = |rng: &mut Rng, of: usize| rng.below(u32::try_from(of).unwrap_or(0));
    let s = below(rng, customer.subscriptions.len());
    let groups = customer.subscription(s).map_or(0, |s| s.groups.len());
    match rng.below(100) {
        0..25 if customer.management_groups > 0 => {
            Scope::ManagementGroup(rng.below(customer.management_groups))
        }
        0..45 => Scope::Subscription(s),
        45..95 => Scope::ResourceGroup(s, below(rng, groups)),
        _ => {
            let g = below(rng, groups);
            let resources = customer.scopes_of_group(s, g).count();
            Scope::Resource(s, g, below(rng, resources))
        }
    }
}

impl Scope {
    /// Whether it is a scope that the directory does not store.
    pub(super) fn is_below_subscription(self) -> bool {
        matches!(self, Self::ResourceGroup(..) | Self::Resource(..))
    }
}
