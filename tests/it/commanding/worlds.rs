//! The index of who names what, against a scan of all facts; and what a write
//! leaves to readers of the world before it.

use aobo::directory::{Change, DirectoryError, Fact, Key, World};
use serde_json::Value;

use crate::laws::facts;
use crate::support::{Rng, scaled};

/// Ids in a fact's JSON that name another fact, with where they stand; found in
/// the text of the fact, not by the product's own list of references.
fn names(fact: &Fact, key: &Key, world: &World) -> bool {
    let json = aobo::directory::world_file::fact_to_json(fact);
    let (member, entry) = json
        .as_object()
        .and_then(|o| o.iter().next())
        .expect("a fact");
    let value = match entry {
        Value::Array(items) => &items[0],
        by_id => by_id
            .as_object()
            .and_then(|o| o.values().next())
            .expect("a fact"),
    };
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let list = |field: &str| -> Vec<&str> {
        let items = value
            .get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        items.filter_map(Value::as_str).collect()
    };
    let under = |id: &str, partner: &str| id.split_once('/').is_some_and(|(own, _)| own == partner);
    let azure = member == "role_assignments" || member == "deny_assignments";
    let mut principals: Vec<&str> = Vec::new();
    if azure {
        principals.extend(text("principal"));
        principals.extend(list("principals"));
        principals.extend(list("exclude"));
    }
    let scope = text("scope").filter(|_| azure).unwrap_or_default();
    let mut groups = list("groups");
    groups.extend(list("member_of"));
    let assignments = value.get("assignments").and_then(Value::as_array);
    let assignments = assignments.into_iter().flatten();
    groups.extend(assignments.filter_map(|a| a.get("group")?.as_str()));
    groups.extend(principals.iter().filter(|id| id.contains('/')));
    let own = fact.key();
    match key {
        Key::Partner(id) => {
            let fields = ["partner", "provisioned_by", "seller", "added_by", "owner"];
            fields.iter().any(|field| text(field) == Some(id))
                || groups.iter().any(|group| under(group, id))
                || matches!(&own, Key::Group(group) if under(group, id))
        }
        Key::Customer(id) => {
            text("customer") == Some(id)
                || matches!(&own, Key::Seats { customer, .. } if customer == id)
        }
        Key::Group(id) => groups.contains(&id.as_str()),
        Key::PartnerUser(id) => principals.contains(&id.as_str()) && !id.contains('/'),
        Key::CustomerUser(id) => {
            let partner_user = world.fact(&Key::PartnerUser(id.clone())).is_some();
            principals.contains(&id.as_str()) && !id.contains('/') && !partner_user
        }
        Key::Subscription(id) => {
            let at = format!("/subscriptions/{id}");
            scope == at || scope.starts_with(&format!("{at}/"))
        }
        Key::ManagementGroup(id) => {
            text("parent") == Some(id)
                || text("management_group") == Some(id)
                || scope == facts::management_scope(id)
        }
        Key::AutopilotProfile(id) => text("profile") == Some(id),
        _ => false,
    }
}

/// What the scan finds to name a thing that is there; `Err` if it is not.
fn scan(world: &World, key: &Key) -> Result<Vec<String>, ()> {
    world.fact(key).ok_or(())?;
    let by = world
        .facts()
        .filter(|fact| fact.key() != *key && names(fact, key, world));
    Ok(by.map(|fact| fact.key().describe()).collect())
}

#[test]
fn removals_are_refused_as_by_a_scan_of_all_facts() {
    let (mut taken, mut in_use, mut absent) = (0, 0, 0);
    for seed in 0..u64::try_from(scaled(60)).expect("some") {
        let mut rng = Rng::new(seed);
        let mut world = facts::empty();
        for fact in facts::ground() {
            world.apply(Change::Put(fact)).expect("nothing is missing");
        }
        for _ in 0..150 {
            let fact = facts::fact(&mut rng);
            if rng.percent(60) {
                // Refused or not: the next step finds the world as it is.
                drop(world.apply(Change::Put(fact)));
                continue;
            }
            let key = fact.key();
            let expected = scan(&world, &key);
            match (world.apply(Change::Remove(key.clone())), expected) {
                (Ok(_), Ok(by)) => {
                    assert_eq!(by, [""; 0], "{key:?} was named");
                    taken += 1;
                }
                (Err(DirectoryError::InUse { by, .. }), Ok(found)) => {
                    assert!(found.contains(&by), "{key:?}: {by} is not in {found:?}");
                    in_use += 1;
                }
                (Err(DirectoryError::Absent { .. }), Err(())) => absent += 1,
                (got, wanted) => panic!("{key:?}: {got:?}, not {wanted:?}"),
            }
        }
    }
    let few = scaled(100);
    assert!(
        taken > few && in_use > few && absent > few,
        "{taken} {in_use} {absent}"
    );
}

/// Nothing is left in the index of what is gone.
#[test]
fn a_world_that_was_emptied_is_an_empty_world() {
    let mut world = facts::empty();
    let mut rng = Rng::new(9);
    for fact in facts::ground() {
        world.apply(Change::Put(fact)).expect("nothing is missing");
    }
    for _ in 0..400 {
        drop(world.apply(Change::Put(facts::fact(&mut rng))));
    }
    let full = world.clone();
    loop {
        let keys: Vec<Key> = world.facts().map(|fact| fact.key()).collect();
        if keys.is_empty() {
            break;
        }
        let gone = keys
            .into_iter()
            .filter(|key| world.apply(Change::Remove(key.clone())).is_ok());
        assert!(gone.count() > 0, "something can always go first");
    }
    assert_eq!(world, facts::empty());
    assert!(
        full.facts().count() > 40,
        "who took the world before keeps it"
    );
}
