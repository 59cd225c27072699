//! Trees of management groups: one customer's each, whatever is put, moved and
//! taken away, and nothing else is refused.

use std::collections::{BTreeMap, BTreeSet};

use aobo::directory::{Change, Fact, Key, ManagementGroup, Subscription, World};

use super::facts;
use crate::support::{Rng, scaled};

const GROUPS: [&str; 6] = ["m1", "m2", "m3", "m4", "m5", "m6"];

fn step(rng: &mut Rng) -> Change {
    let into = |rng: &mut Rng| rng.percent(75).then(|| rng.pick(&GROUPS).to_owned());
    let fact = match rng.percent(50) {
        true => Fact::ManagementGroup(ManagementGroup {
            id: rng.pick(&GROUPS).to_owned(),
            parent: into(rng),
        }),
        false => Fact::Subscription(Subscription {
            id: rng.pick(&["s1", "s2", "s3", "s4", "s5"]).to_owned(),
            customer: rng.pick(&["one", "two"]).to_owned(),
            provisioned_by: None,
            created: None,
            status: "active".to_owned(),
            management_group: into(rng),
            seller: None,
        }),
    };
    match rng.percent(80) {
        true => Change::Put(fact),
        false => Change::Remove(fact.key()),
    }
}

/// Groups by id with their parents, and for each subscription its customer and its
/// group.
#[derive(Default)]
struct Forest {
    groups: BTreeMap<String, Option<String>>,
    subscriptions: BTreeMap<String, (String, Option<String>)>,
}

impl Forest {
    fn of(world: &World) -> Self {
        let mut forest = Self::default();
        world.facts().for_each(|fact| forest.put(fact));
        forest
    }

    fn put(&mut self, fact: Fact) {
        match fact {
            Fact::ManagementGroup(f) => drop(self.groups.insert(f.id, f.parent)),
            Fact::Subscription(f) => {
                let whose = (f.customer, f.management_group);
                self.subscriptions.insert(f.id, whose);
            }
            _ => {}
        }
    }

    /// The outermost group; none if it is in a circle or one is missing.
    fn root(&self, group: &str) -> Option<String> {
        let mut at = group;
        for _ in 0..=self.groups.len() {
            match self.groups.get(at)? {
                None => return Some(at.to_owned()),
                Some(outer) => at = outer,
            }
        }
        None
    }

    /// Whether a subscription becomes another customer's within its tree.
    fn changes_hands(&self, fact: &Fact) -> bool {
        let Fact::Subscription(f) = fact else {
            return false;
        };
        let Some((customer, from)) = self.subscriptions.get(&f.id) else {
            return false;
        };
        let root = |group: &Option<String>| group.as_deref().and_then(|group| self.root(group));
        *customer != f.customer && root(from).is_some() && root(from) == root(&f.management_group)
    }

    /// Whether all groups are there, in no circle, and no tree is of two customers.
    fn sound(&self) -> bool {
        let mut of: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (customer, group) in self.subscriptions.values() {
            let Some(group) = group else { continue };
            let Some(root) = self.root(group) else {
                return false;
            };
            of.entry(root).or_default().insert(customer);
        }
        self.groups.keys().all(|group| self.root(group).is_some())
            && of.values().all(|customers| customers.len() == 1)
    }
}

#[test]
fn a_tree_is_of_one_customer() {
    let (mut taken, mut refused, mut foreign) = (0, 0, 0);
    for seed in 0..u64::try_from(scaled(60)).expect("some") {
        let mut rng = Rng::new(seed);
        let mut world = facts::empty();
        for fact in facts::ground() {
            world.apply(Change::Put(fact)).expect("nothing is missing");
        }
        for _ in 0..200 {
            let change = step(&mut rng);
            let mut wanted = Forest::of(&world);
            let sound = match change.clone() {
                Change::Put(fact) => {
                    let changes_hands = wanted.changes_hands(&fact);
                    wanted.put(fact);
                    !changes_hands && wanted.sound()
                }
                Change::Remove(Key::Subscription(id)) => wanted.subscriptions.contains_key(&id),
                Change::Remove(key) => {
                    let Key::ManagementGroup(id) = key else {
                        panic!("{key:?}")
                    };
                    let there = wanted.groups.remove(&id).is_some();
                    there && wanted.sound()
                }
            };
            let got = world.apply(change.clone());
            assert_eq!(got.is_ok(), sound, "seed {seed}: {change:?}: {got:?}");
            match got {
                Ok(_) => taken += 1,
                Err(error) if error.to_string().contains("would be among those of") => foreign += 1,
                Err(_) => refused += 1,
            }
        }
        let mut again = facts::empty();
        world.facts().for_each(|fact| again.restore(fact));
        assert_eq!(world, again, "what is derived follows from the facts");
    }
    let few = scaled(500);
    assert!(
        taken > few && refused > few && foreign > few,
        "{taken} {refused} {foreign}"
    );
}
