//! Between tenants: no grant, no allow; and taking a grant away gives nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use aobo::directory::{
    Change, ContractStatus, DapStatus, Fact, Key, Profile, Relationship, RelationshipStatus, World,
};
use aobo::engine;
use aobo::node::Point;

use super::facts::{self, management_scope};
use super::questions::{Question, questions};
use crate::support::{self, Rng, scaled, timed};

fn point(profile: Profile, world: &World, changes: &[engine::Change]) -> Point {
    let bundle = Arc::clone(&support::bundle(profile));
    Point::directory(bundle, world.clone(), changes.to_vec()).expect("a sound world")
}

/// What the facts say, without any policy.
struct Facts(Vec<Fact>);

impl Facts {
    /// Whether no fact gives this principal anything on this resource.
    fn foreign(&self, question: &Question) -> bool {
        let (ty, id) = (question.principal.0, question.principal.1.as_str());
        if question.action == "AzureOperation" {
            return !self.azure_role_reaches(ty, id, &question.resource.id);
        }
        match ty {
            "PartnerUser" => match &question.resource.customer {
                // Any partner may ask any customer for a relationship.
                Some(_) if question.action == "SendInvitation" => false,
                Some(customer) => !self.active(self.partner_of(id), customer),
                None => true,
            },
            _ => {
                let about = match question.action.as_str() {
                    "RemoveDelegatedAdmin" => question.context["customer"].as_str(),
                    _ => question.resource.customer.as_deref(),
                };
                !about.is_some_and(|customer| self.administers(id, customer))
            }
        }
    }

    fn partner_of(&self, user: &str) -> Option<&str> {
        self.0.iter().find_map(|fact| match fact {
            Fact::PartnerUser(f) if f.id == user => Some(f.partner.as_str()),
            _ => None,
        })
    }

    fn active(&self, partner: Option<&str>, customer: &str) -> bool {
        let active = |r: &Relationship| r.status == RelationshipStatus::Active;
        self.0.iter().any(|fact| match fact {
            Fact::Relationship(r) => {
                Some(r.partner.as_str()) == partner && r.customer == customer && active(r)
            }
            _ => false,
        })
    }

    /// Whether a customer's user is of that customer and holds some role there.
    fn administers(&self, user: &str, customer: &str) -> bool {
        self.0.iter().any(|fact| match fact {
            Fact::CustomerUser(f) => {
                f.id == user && f.customer == customer && !f.directory_roles.is_empty()
            }
            _ => false,
        })
    }

    fn azure_role_reaches(&self, ty: &str, user: &str, resource: &str) -> bool {
        let mut names = BTreeSet::from([user.to_owned()]);
        if ty == "PartnerUser" {
            self.add_groups(user, &mut names);
        }
        let scopes = self.enclosing(resource);
        self.0.iter().any(|fact| match fact {
            Fact::RoleAssignment(f) => names.contains(&f.principal) && scopes.contains(&f.scope),
            _ => false,
        })
    }

    /// The groups of a partner's user, nested ones included.
    fn add_groups(&self, user: &str, names: &mut BTreeSet<String>) {
        let mut open: Vec<String> = Vec::new();
        for fact in &self.0 {
            match fact {
                Fact::PartnerUser(f) if f.id == user => {
                    open.extend(f.groups.iter().cloned());
                    for (role, group) in [
                        ("AdminAgent", "AdminAgents"),
                        ("HelpdeskAgent", "HelpdeskAgents"),
                    ] {
                        if f.roles.contains(role) {
                            open.push(format!("{}/{group}", f.partner));
                        }
                    }
                }
                _ => {}
            }
        }
        while let Some(group) = open.pop() {
            if names.insert(group.clone()) {
                for fact in &self.0 {
                    match fact {
                        Fact::Group(f) if f.id == group => open.extend(f.member_of.iter().cloned()),
                        _ => {}
                    }
                }
            }
        }
    }

    /// A scope and all that encloses it. A management group that encloses
    /// subscriptions of several customers is no grant of any of them.
    fn enclosing(&self, resource: &str) -> BTreeSet<String> {
        let mut scopes: BTreeSet<String> = BTreeSet::from([resource.to_owned()]);
        scopes.extend(
            resource
                .match_indices('/')
                .skip(1)
                .map(|(at, _)| resource[..at].to_owned()),
        );
        loop {
            let outer: Vec<String> = self
                .0
                .iter()
                .filter_map(|fact| match fact {
                    Fact::Subscription(f)
                        if scopes.contains(&format!("/subscriptions/{}", f.id)) =>
                    {
                        f.management_group.as_deref().map(management_scope)
                    }
                    Fact::ManagementGroup(f) if scopes.contains(&management_scope(&f.id)) => {
                        f.parent.as_deref().map(management_scope)
                    }
                    _ => None,
                })
                .collect();
            let before = scopes.len();
            scopes.extend(outer.into_iter().filter(|group| !self.shared(group)));
            if scopes.len() == before {
                return scopes;
            }
        }
    }

    /// Whether subscriptions of several customers are below a management group.
    fn shared(&self, scope: &str) -> bool {
        let mut below = BTreeSet::from([scope.to_owned()]);
        loop {
            let before = below.len();
            for fact in &self.0 {
                if let Fact::ManagementGroup(f) = fact {
                    let outer = f.parent.as_deref().map(management_scope);
                    if outer.is_some_and(|outer| below.contains(&outer)) {
                        below.insert(management_scope(&f.id));
                    }
                }
            }
            if below.len() == before {
                break;
            }
        }
        let customers = self.0.iter().filter_map(|fact| match fact {
            Fact::Subscription(f) => {
                let group = f.management_group.as_deref().map(management_scope)?;
                below.contains(&group).then_some(f.customer.as_str())
            }
            _ => None,
        });
        customers.collect::<BTreeSet<&str>>().len() > 1
    }
}

#[test]
fn no_allow_across_tenants_without_a_grant() {
    let wanted = scaled(200_000);
    let (mut foreign, mut allowed, mut seed) = (0, 0, 0);
    timed("foreign questions", || {
        while foreign < wanted {
            let mut rng = Rng::new(seed);
            let (world, changes) = facts::world(&mut rng);
            let profile = Profile::ALL[rng.below(2)];
            let point = point(profile, &world, &changes);
            let known = Facts(world.facts().collect());
            for question in questions(&world, &mut rng) {
                if known.foreign(&question) {
                    foreign += 1;
                    assert!(!question.allowed(&point), "seed {seed}: {question:#?}");
                } else if rng.percent(10) {
                    allowed += usize::from(question.allowed(&point));
                }
            }
            seed += 1;
        }
    });
    eprintln!(
        "{foreign} foreign questions about {seed} worlds, none allowed; {allowed} others were"
    );
    assert!(allowed > 0, "the worlds grant something");
}

/// What becomes of a relationship when less is granted.
fn lessened(relationship: &Relationship) -> Vec<(&'static str, Change)> {
    let with = |change: fn(&mut Relationship)| {
        let mut less = relationship.clone();
        change(&mut less);
        Change::Put(Fact::Relationship(less))
    };
    let key = Key::Relationship {
        partner: relationship.partner.clone(),
        customer: relationship.customer.clone(),
    };
    vec![
        ("gone", Change::Remove(key)),
        ("ended", with(|r| r.status = RelationshipStatus::Removed)),
        ("pending", with(|r| r.status = RelationshipStatus::Pending)),
        ("privileges removed", with(|r| r.dap = DapStatus::Removed)),
        (
            "contract renegotiated",
            with(|r| r.contract = ContractStatus::Renegotiated),
        ),
    ]
}

/// The relationship that has most to lose, if any is active.
fn richest(world: &World) -> Option<Relationship> {
    let active = world.facts().filter_map(|fact| match fact {
        Fact::Relationship(r) if r.status == RelationshipStatus::Active => Some(r),
        _ => None,
    });
    active.max_by_key(|r| {
        (
            r.dap == DapStatus::Active,
            r.contract == ContractStatus::InForce,
        )
    })
}

#[test]
fn ending_a_relationship_or_its_privileges_adds_no_allow() {
    let worlds = scaled(12);
    let (mut compared, mut lost) = (0, BTreeSet::new());
    timed("relationships lessened", || {
        for seed in 0..worlds as u64 {
            let mut rng = Rng::new(seed);
            let (world, changes) = facts::world(&mut rng);
            let Some(relationship) = richest(&world) else {
                continue;
            };
            let profile = Profile::ALL[rng.below(2)];
            let before = point(profile, &world, &changes);
            let questions = questions(&world, &mut rng);
            let had: Vec<bool> = questions.iter().map(|q| q.allowed(&before)).collect();
            for (what, change) in lessened(&relationship) {
                let mut after = world.clone();
                let more = after.apply(change).expect("it may go");
                let after = point(profile, &after, &[changes.clone(), more].concat());
                for (question, had) in questions.iter().zip(&had) {
                    let has = question.allowed(&after);
                    assert!(
                        *had || !has,
                        "seed {seed}, {what}, {relationship:?}: {question:#?}"
                    );
                    if *had && !has {
                        lost.insert((what, question.action.clone()));
                    }
                    compared += 1;
                }
            }
        }
    });
    eprintln!("{compared} questions compared");
    if worlds < 12 {
        // A few worlds may have nothing to lose.
        return;
    }
    let actions = |what: &str| -> Vec<&str> {
        let lost = lost.iter().filter(|(how, _)| *how == what);
        lost.map(|(_, action)| action.as_str()).collect()
    };
    assert!(
        actions("ended").contains(&"PurchaseSubscription"),
        "{lost:?}"
    );
    // An invitation from before is void once the relationship has ended (A-REL-06);
    // where there was none it is the first.
    let mut ended = actions("ended");
    ended.retain(|action| *action != "AcceptInvitation");
    assert_eq!(ended, actions("gone"));
    assert!(!actions("privileges removed").contains(&"PurchaseSubscription"));
    assert_eq!(
        actions("contract renegotiated"),
        ["OpenServiceRequestOnBehalf"]
    );
    // Azure roles outlive relationship and privileges (A-AZ-06).
    assert!(
        lost.iter().all(|(_, action)| action != "AzureOperation"),
        "{lost:?}"
    );
}
