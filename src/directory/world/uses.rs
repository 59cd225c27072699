//! Who names what: the references of all facts, turned round. A removal looks
//! here, and so does every question that goes from a thing to what belongs to
//! it, so that each costs what it touches and not what the world holds.

use super::World;
use crate::directory::references::references;
use crate::directory::{Fact, Key, names};

/// Before every key: `Partner` is the first kind, and no id is empty.
const FIRST: Key = Key::Partner(String::new());

impl World {
    /// The facts that name a thing, by key; each once.
    pub(in crate::directory) fn uses_of<'a>(
        &'a self,
        key: &Key,
    ) -> impl Iterator<Item = &'a Key> + use<'a> {
        let of = key.clone();
        let from = self.uses.range((key.clone(), FIRST)..);
        from.take_while(move |(named, _)| *named == of)
            .map(|(_, by)| by)
    }

    /// The facts that name a group of a partner, its built-in ones included.
    pub(in crate::directory) fn uses_of_groups<'a>(
        &'a self,
        partner: &'a str,
    ) -> impl Iterator<Item = &'a Key> {
        let first = Key::Group(names::group_id(partner, ""));
        let from = self.uses.range((first, FIRST)..);
        let of_partner = move |named: &Key| match named {
            Key::Group(group) => names::partner_of_group(group) == Some(partner),
            _ => false,
        };
        from.take_while(move |(named, _)| of_partner(named))
            .map(|(_, by)| by)
    }

    // INVARIANT (uses): what a fact names does not depend on when it is asked. A
    // principal is named by id alone; `check` keeps a second user of a named id out.
    pub(super) fn note_uses(&mut self, fact: &Fact) {
        for (_, named) in references(self, fact).unwrap_or_default() {
            self.uses.insert((named, fact.key()));
        }
    }

    pub(super) fn forget_uses(&mut self, fact: &Fact) {
        for (_, named) in references(self, fact).unwrap_or_default() {
            self.uses.remove(&(named, fact.key()));
        }
    }
}
