//! Random facts over few ids, so that they meet. Partners, customers, users and
//! groups share ids on purpose: nothing may follow from a name.

use std::collections::BTreeSet;

use aobo::directory::{
    AutopilotProfile, AzureRoles, Change, Cloud, ContractStatus, Customer, CustomerUser, DapStatus,
    DenyAssignment, Device, Fact, Gdap, GdapAssignment, Group, Invitation, InvitationStatus,
    ManagementGroup, Partner, PartnerUser, Product, ProductKind, Profile, Relationship,
    RelationshipStatus, RoleAssignment, Seats, ServiceRequest, Subscription, UserNames, UserState,
    World,
};
use aobo::engine;
use jiff::Timestamp;

use crate::support::{self, Rng};

pub(super) const PARTNERS: [&str; 3] = ["alpha", "beta", "same"];
const CUSTOMERS: [&str; 4] = ["alpha", "one", "same", "two"];
/// One is called like a group.
const PARTNER_USERS: [&str; 6] = ["alpha", "alpha/g1", "mia", "pia", "pit", "same"];
const CUSTOMER_USERS: [&str; 6] = ["beta/g2", "cai", "mia", "one", "same", "two"];
const GROUPS: [&str; 5] = ["AdminAgents", "HelpdeskAgents", "g1", "g2", "g3"];
const SUBSCRIPTIONS: [&str; 3] = ["s1", "s2", "same"];
const MANAGEMENT_GROUPS: [&str; 3] = ["m1", "m2", "m3"];
const PRODUCTS: [&str; 3] = ["office", "same", "widget"];
const AZURE_ROLES: [&str; 4] = [
    "Contributor",
    "Owner",
    "Reader",
    "User Access Administrator",
];
const PARTNER_ROLES: [&str; 6] = [
    "AdminAgent",
    "BillingAdmin",
    "GlobalAdmin",
    "HelpdeskAgent",
    "SalesAgent",
    "UserManagementAdmin",
];
pub(super) const DIRECTORY_ROLES: [&str; 6] = [
    "Authentication Administrator",
    "Directory Readers",
    "Global Administrator",
    "Guest Inviter",
    "Helpdesk Administrator",
    "User Administrator",
];
/// What follows `/subscriptions/ID` in a scope.
pub(super) const BELOW: [(&str, &str); 3] = [
    ("Subscription", ""),
    ("ResourceGroup", "/resourcegroups/rg"),
    ("AzureResource", "/resourcegroups/rg/providers/a.b/c/d"),
];

/// A world without facts, for the built-in Azure roles.
pub(crate) fn empty() -> World {
    World::new(AzureRoles::of(&support::bundle(Profile::Seed)))
}

/// A world grown from random facts, and what they are to the engine. Facts that
/// it does not take are left out.
pub(super) fn world(rng: &mut Rng) -> (World, Vec<engine::Change>) {
    let mut world = empty();
    let mut changes = Vec::new();
    let mut put = |world: &mut World, fact| {
        changes.extend(world.apply(Change::Put(fact)).unwrap_or_default());
    };
    for fact in ground() {
        put(&mut world, fact);
    }
    for _ in 0..40 + rng.below(60) {
        put(&mut world, fact(rng));
    }
    (world, changes)
}

/// Every partner and every customer.
pub(crate) fn ground() -> Vec<Fact> {
    let mut rng = Rng::new(0);
    let partners = PARTNERS.map(|id| partner(&mut rng, id));
    let customers = CUSTOMERS.map(|id| customer(&mut rng, id));
    partners.into_iter().chain(customers).collect()
}

/// A random fact; what it refers to need not be there.
pub(crate) fn fact(rng: &mut Rng) -> Fact {
    match rng.below(31) {
        0 => {
            let id = rng.pick(&PARTNERS);
            partner(rng, id)
        }
        1 => {
            let id = rng.pick(&CUSTOMERS);
            customer(rng, id)
        }
        2..=5 => partner_user(rng),
        6 | 7 => group(rng),
        8..=11 => customer_user(rng),
        12..=16 => relationship(rng),
        17 => invitation(rng),
        18 => gdap(rng),
        19 | 20 => subscription(rng),
        21 => Fact::ManagementGroup(ManagementGroup {
            id: rng.pick(&MANAGEMENT_GROUPS).to_owned(),
            parent: some(rng, &MANAGEMENT_GROUPS),
        }),
        22..=24 => Fact::RoleAssignment(RoleAssignment {
            principal: principal(rng),
            role: rng.pick(&AZURE_ROLES).to_owned(),
            scope: scope(rng),
        }),
        25 => deny_assignment(rng),
        26 => Fact::Device(Device {
            id: rng.pick(&["d1", "d2", "same"]).to_owned(),
            customer: rng.pick(&CUSTOMERS).to_owned(),
            added_by: some(rng, &PARTNERS),
            channel: "partner-center".to_owned(),
            profile: some(rng, &["a1", "a2", "same"]).filter(|_| rng.percent(50)),
        }),
        27 => Fact::AutopilotProfile(AutopilotProfile {
            id: rng.pick(&["a1", "a2", "same"]).to_owned(),
            customer: rng.pick(&CUSTOMERS).to_owned(),
            owner: some(rng, &PARTNERS),
            name: some(rng, &["Kiosk"]),
            settings: some_of(rng, &["skip-eula", "skip-privacy"], 50),
        }),
        28 => Fact::Product(Product {
            id: rng.pick(&PRODUCTS).to_owned(),
            kind: rng.pick(&[ProductKind::Microsoft, ProductKind::AzureMarketplace]),
            publisher: some(rng, &["isv", "same"]),
        }),
        29 => Fact::Seats(Seats {
            customer: rng.pick(&CUSTOMERS).to_owned(),
            product: rng.pick(&PRODUCTS).to_owned(),
            free: 1,
            activated: rng.percent(50).then(|| ago(3)),
        }),
        _ => Fact::ServiceRequest(ServiceRequest {
            id: rng.pick(&["q1", "same"]).to_owned(),
            partner: rng.pick(&PARTNERS).to_owned(),
            customer: rng.pick(&CUSTOMERS).to_owned(),
            channel: rng
                .pick(&["partner-center", "microsoft-support"])
                .to_owned(),
            opened: ago(rng.below(9)),
        }),
    }
}

fn partner(rng: &mut Rng, id: &str) -> Fact {
    Fact::Partner(Partner {
        id: id.to_owned(),
        country: rng.pick(&["FR", "US"]).to_owned(),
        market: "Europe".to_owned(),
        cloud: Cloud::Public,
        kind: None,
    })
}

fn customer(rng: &mut Rng, id: &str) -> Fact {
    Fact::Customer(Customer {
        id: id.to_owned(),
        country: rng.pick(&["FR", "US"]).to_owned(),
        market: "Europe".to_owned(),
        cloud: rng.pick(&[Cloud::Public, Cloud::Germany]),
        domains: some_of(rng, &["one.example", "two.example"], 40),
    })
}

fn partner_user(rng: &mut Rng) -> Fact {
    let partner = rng.pick(&PARTNERS);
    Fact::PartnerUser(PartnerUser {
        id: rng.pick(&PARTNER_USERS).to_owned(),
        partner: partner.to_owned(),
        roles: some_of(rng, &PARTNER_ROLES, 35),
        groups: groups_of(rng, partner),
    })
}

fn group(rng: &mut Rng) -> Fact {
    let partner = rng.pick(&PARTNERS);
    Fact::Group(Group {
        id: format!("{partner}/{}", rng.pick(&GROUPS)),
        member_of: groups_of(rng, partner),
    })
}

fn groups_of(rng: &mut Rng, partner: &str) -> BTreeSet<String> {
    let names = some_of(rng, &GROUPS, 20);
    names
        .into_iter()
        .map(|name| format!("{partner}/{name}"))
        .collect()
}

fn customer_user(rng: &mut Rng) -> Fact {
    let state = match rng.percent(20) {
        true => UserState::Deleted(ago(rng.below(40))),
        false => UserState::Active,
    };
    Fact::CustomerUser(CustomerUser {
        id: rng.pick(&CUSTOMER_USERS).to_owned(),
        customer: rng.pick(&CUSTOMERS).to_owned(),
        directory_roles: some_of(rng, &DIRECTORY_ROLES, 15),
        licenses: match state {
            UserState::Active => some_of(rng, &PRODUCTS, 10),
            UserState::Deleted(_) => BTreeSet::new(),
        },
        state,
        previous_licenses: some_of(rng, &PRODUCTS, 10),
        role_assignable_group: rng.percent(10),
        names: UserNames {
            display: some(rng, &["Mia Moreau"]),
            ..UserNames::default()
        },
    })
}

pub(super) fn relationship(rng: &mut Rng) -> Fact {
    use RelationshipStatus::{Active, Pending, Removed};
    Fact::Relationship(Relationship {
        partner: rng.pick(&PARTNERS).to_owned(),
        customer: rng.pick(&CUSTOMERS).to_owned(),
        status: rng.pick(&[Active, Active, Active, Pending, Removed]),
        dap: rng.pick(&[
            DapStatus::Active,
            DapStatus::Active,
            DapStatus::None,
            DapStatus::Removed,
        ]),
        contract: rng.pick(&[ContractStatus::InForce, ContractStatus::Renegotiated]),
    })
}

fn invitation(rng: &mut Rng) -> Fact {
    use InvitationStatus::{Accepted, Draft, Sent, Void};
    let status = rng.pick(&[Draft, Sent, Sent, Accepted, Void]);
    Fact::Invitation(Invitation {
        id: rng.pick(&["i1", "i2", "same"]).to_owned(),
        partner: rng.pick(&PARTNERS).to_owned(),
        customer: rng.pick(&CUSTOMERS).to_owned(),
        sent_at: (status != Draft || rng.percent(5)).then(|| ago(rng.below(1_000))),
        include_dap: rng.percent(50),
        status,
        link: some(rng, &["https://partner.example/link"]),
        text: some(rng, &["Dear customer"]),
        portal: some(rng, &["office-admin-portal"]),
    })
}

fn gdap(rng: &mut Rng) -> Fact {
    let partner = rng.pick(&PARTNERS);
    Fact::Gdap(Gdap {
        id: rng.pick(&["gd1", "same"]).to_owned(),
        partner: partner.to_owned(),
        customer: rng.pick(&CUSTOMERS).to_owned(),
        status: "active".to_owned(),
        roles: some_of(rng, &DIRECTORY_ROLES, 40),
        requested: None,
        activated: Some(ago(10)),
        duration_days: 90,
        auto_extend: rng.percent(50),
        assignments: vec![GdapAssignment {
            group: format!("{partner}/{}", rng.pick(&GROUPS)),
            roles: some_of(rng, &DIRECTORY_ROLES, 40),
        }],
    })
}

fn subscription(rng: &mut Rng) -> Fact {
    Fact::Subscription(Subscription {
        id: rng.pick(&SUBSCRIPTIONS).to_owned(),
        customer: rng.pick(&CUSTOMERS).to_owned(),
        provisioned_by: some(rng, &PARTNERS),
        created: None,
        status: "active".to_owned(),
        management_group: some(rng, &MANAGEMENT_GROUPS),
        seller: some(rng, &PARTNERS),
    })
}

fn deny_assignment(rng: &mut Rng) -> Fact {
    let principals: BTreeSet<String> = (0..rng.below(3)).map(|_| principal(rng)).collect();
    Fact::DenyAssignment(DenyAssignment {
        number: rng.below(2),
        scope: scope(rng),
        principals: (!principals.is_empty()).then_some(principals),
        exclude: (0..rng.below(2)).map(|_| principal(rng)).collect(),
        actions: vec![rng.pick(&["*", "*/read", "a.b/*"]).to_owned()],
        not_actions: match rng.percent(30) {
            true => vec!["*/write".to_owned()],
            false => Vec::new(),
        },
        do_not_apply_to_child_scopes: rng.percent(30),
    })
}

fn principal(rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => rng.pick(&PARTNER_USERS).to_owned(),
        1 => rng.pick(&CUSTOMER_USERS).to_owned(),
        _ => format!("{}/{}", rng.pick(&PARTNERS), rng.pick(&GROUPS)),
    }
}

fn scope(rng: &mut Rng) -> String {
    match rng.percent(25) {
        true => management_scope(rng.pick(&MANAGEMENT_GROUPS)),
        false => format!(
            "/subscriptions/{}{}",
            rng.pick(&SUBSCRIPTIONS),
            rng.pick(&BELOW).1
        ),
    }
}

pub(crate) fn management_scope(id: &str) -> String {
    format!("/providers/microsoft.management/managementgroups/{id}")
}

fn some(rng: &mut Rng, of: &[&str]) -> Option<String> {
    rng.percent(50).then(|| rng.pick(of).to_owned())
}

fn some_of(rng: &mut Rng, of: &[&str], percent: usize) -> BTreeSet<String> {
    let kept = of.iter().filter(|_| rng.percent(percent));
    kept.map(|name| (*name).to_owned()).collect()
}

/// So many days before [`support::NOW`].
fn ago(days: usize) -> Timestamp {
    let seconds = i64::try_from(days).expect("few days") * 86_400;
    Timestamp::from_second(support::NOW.as_second() - seconds).expect("a time")
}
