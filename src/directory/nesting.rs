//! How deep groups stand within groups.
//!
//! Deliberately not part of what a world checks of every change: only commands are
//! held to the limit, so that what a log or a world file holds stays readable.

use std::collections::BTreeSet;

use super::{DirectoryError, Fact, Key, World};

/// Groups in one line, from the innermost to the outermost, at most. Our choice: a
/// decision walks the line, and directories that people keep are a few deep. (Azure
/// itself keeps management groups to six levels.)
pub const GROUPS_NESTED_MAX: usize = 32;

/// Refuses a group that was put into a world and makes a longer line there.
pub(super) fn check(world: &World, fact: &Fact) -> Result<(), DirectoryError> {
    let field = match fact {
        Fact::Group(_) => "member_of",
        Fact::ManagementGroup(_) => "parent",
        _ => return Ok(()),
    };
    let key = fact.key();
    let above = levels(&key, |key| outer(world, key));
    let below = levels(&key, |key| inner(world, key));
    let line = above + 1 + below;
    if line <= GROUPS_NESTED_MAX {
        return Ok(());
    }
    Err(DirectoryError::Inconsistent {
        what: key.describe(),
        field,
        message: format!(
            "{line} groups or more would stand within each other; at most {GROUPS_NESTED_MAX} may"
        ),
        remedy: "nest fewer groups in each other",
    })
}

/// How many steps there are from a group on; no more than one above the limit are
/// looked for.
// INVARIANT: a world's groups hold no cycle, so that what is reached after n steps is
// the end of a line of n.
fn levels(from: &Key, next: impl Fn(&Key) -> BTreeSet<Key>) -> usize {
    let mut reached = next(from);
    let mut count = 0;
    while !reached.is_empty() && count <= GROUPS_NESTED_MAX {
        count += 1;
        reached = reached.iter().flat_map(&next).collect();
    }
    count
}

fn outer(world: &World, key: &Key) -> BTreeSet<Key> {
    match key {
        Key::Group(id) => {
            let group = world.groups.get(id.as_str());
            let outer = group.into_iter().flat_map(|group| &group.member_of);
            outer.cloned().map(Key::Group).collect()
        }
        Key::ManagementGroup(id) => {
            let group = world.management_groups.get(id.as_str());
            let parent = group.and_then(|group| group.parent.clone());
            parent.into_iter().map(Key::ManagementGroup).collect()
        }
        _ => BTreeSet::new(),
    }
}

fn inner(world: &World, key: &Key) -> BTreeSet<Key> {
    let is_group = |by: &&Key| matches!(by, Key::Group(_) | Key::ManagementGroup(_));
    world.uses_of(key).filter(is_group).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::facts::ManagementGroup;
    use crate::directory::{AzureRoles, Change};

    fn put(world: &mut World, id: usize, parent: Option<usize>) -> Result<(), DirectoryError> {
        let fact = Fact::ManagementGroup(ManagementGroup {
            id: format!("g{id}"),
            parent: parent.map(|parent| format!("g{parent}")),
        });
        world.apply(Change::Put(fact.clone())).unwrap();
        check(world, &fact)
    }

    #[test]
    fn a_line_may_be_so_long_and_no_longer() {
        let mut world = World::new(AzureRoles::default());
        for id in 0..GROUPS_NESTED_MAX {
            let parent = id.checked_sub(1);
            put(&mut world, id, parent).unwrap();
        }
        let last = GROUPS_NESTED_MAX - 1;
        let longest = world.clone();
        let error = put(&mut world, last + 1, Some(last)).unwrap_err();
        assert!(error.to_string().contains("33 groups"), "{error}");
        assert_eq!(error.field(), "parent");
        // From above, and in the middle of two halves.
        let mut world = longest.clone();
        put(&mut world, 100, None).unwrap();
        put(&mut world, 0, Some(100)).unwrap_err();
        let mut world = longest;
        put(&mut world, 16, None).unwrap();
        put(&mut world, 100, Some(15)).unwrap();
        put(&mut world, 16, Some(100)).unwrap_err();
        put(&mut world, 16, Some(15)).unwrap();
    }
}
