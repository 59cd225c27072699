//! Trees of management groups: which of them hold subscriptions, and so whose
//! they are.

use std::sync::Arc;

use super::World;
use crate::directory::facts::Subscription;
use crate::directory::{Fact, Key};

/// The group that a fact puts something into: a subscription's own, and of a
/// management group itself, which may come with what is in it.
pub(super) fn put_into(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Subscription(f) => f.management_group.clone(),
        Fact::ManagementGroup(f) => Some(f.id.clone()),
        _ => None,
    }
}

impl World {
    /// The outermost group above a management group; itself if it is in none.
    pub(in crate::directory) fn tree_of<'a>(&'a self, group: &'a str) -> &'a str {
        let mut root = group;
        while let Some(outer) = self.outer_group(root) {
            root = outer;
        }
        root
    }

    /// A subscription in a management group or below it. Groups without any are not
    /// looked into: it costs the groups on the way, however many there are beside it.
    pub(in crate::directory) fn subscription_below(&self, group: &str) -> Option<&Subscription> {
        let mut group = group;
        loop {
            if let Some(found) = self.directly_in(group).next() {
                return self.subscription(found);
            }
            group = self.filled_in(group).next()?;
        }
    }

    /// Notes that something was put into a group, or the group itself into another.
    pub(super) fn note_filled(&mut self, group: Option<String>) {
        let mut group = group;
        while let Some(id) = group.filter(|id| self.is_filled(id)) {
            let Some(outer) = self.outer_group(&id).map(str::to_owned) else {
                return;
            };
            if self.filled.insert(Arc::new((outer.clone(), id))).is_some() {
                return;
            }
            group = Some(outer);
        }
    }

    /// Forgets what a fact filled that was just taken out.
    pub(super) fn forget_filled(&mut self, fact: &Fact) {
        let mut group = match fact {
            Fact::Subscription(f) => f.management_group.clone(),
            Fact::ManagementGroup(f) => {
                let own = f.parent.clone().map(|outer| (outer, f.id.clone()));
                own.filter(|own| self.filled.remove(own).is_some())
                    .map(|(outer, _)| outer)
            }
            _ => None,
        };
        while let Some(id) = group.filter(|id| !self.is_filled(id)) {
            let Some(outer) = self.outer_group(&id).map(str::to_owned) else {
                return;
            };
            if self.filled.remove(&(outer.clone(), id)).is_none() {
                return;
            }
            group = Some(outer);
        }
    }

    fn outer_group(&self, group: &str) -> Option<&str> {
        self.management_groups.get(group)?.parent.as_deref()
    }

    fn is_filled(&self, group: &str) -> bool {
        self.directly_in(group).next().is_some() || self.filled_in(group).next().is_some()
    }

    /// The subscriptions of a group that are in none below it.
    fn directly_in(&self, group: &str) -> impl Iterator<Item = &str> {
        // They come before whatever else names the group.
        let uses = self.uses_of(&Key::ManagementGroup(group.to_owned()));
        uses.map_while(|by| match by {
            Key::Subscription(id) => Some(id.as_str()),
            _ => None,
        })
    }

    /// The groups next below a group that hold a subscription, or hold a group that
    /// does.
    fn filled_in<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.filled.range((group.to_owned(), String::new())..);
        let held = from.map(Arc::as_ref);
        held.take_while(move |(outer, _)| outer == group)
            .map(|(_, inner)| inner.as_str())
    }
}
