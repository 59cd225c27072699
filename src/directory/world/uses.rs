//! Who names what: the references of all facts, turned round. A removal looks
//! here, and so does every question that goes from a thing to what belongs to
//! it, so that each costs what it touches and not what the world holds.

use std::sync::Arc;

use super::World;
use crate::directory::facts::Invitation;
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
        let of = Arc::new(key.clone());
        let from = self.uses.range((Arc::clone(&of), Arc::new(FIRST))..);
        from.take_while(move |(named, _)| *named == of)
            .map(|(_, by)| by.as_ref())
    }

    /// The invitations of a partner to a customer, by id. Costs the customer's.
    pub(in crate::directory) fn invitations_of<'a>(
        &'a self,
        partner: &'a str,
        customer: &str,
    ) -> impl Iterator<Item = &'a Invitation> + use<'a> {
        let of = Arc::new(Key::Customer(customer.to_owned()));
        let first = Arc::new(Key::Invitation(String::new()));
        let from = self.uses.range((Arc::clone(&of), first)..);
        let keys = from.take_while(move |(named, _)| *named == of);
        let invitations = keys.map_while(|(_, by)| match by.as_ref() {
            Key::Invitation(id) => Some(self.invitations.get(id.as_str())),
            _ => None,
        });
        let invitations = invitations.flatten().map(Arc::as_ref);
        invitations.filter(move |found: &&Invitation| found.partner == partner)
    }

    /// The facts that name a group of a partner, its built-in ones included.
    pub(in crate::directory) fn uses_of_groups<'a>(
        &'a self,
        partner: &'a str,
    ) -> impl Iterator<Item = &'a Key> {
        let first = Key::Group(names::group_id(partner, ""));
        let from = self.uses.range((Arc::new(first), Arc::new(FIRST))..);
        let of_partner = move |named: &Key| match named {
            Key::Group(group) => names::partner_of_group(group) == Some(partner),
            _ => false,
        };
        from.take_while(move |(named, _)| of_partner(named))
            .map(|(_, by)| by.as_ref())
    }

    // INVARIANT (uses): what a fact names does not depend on when it is asked. A
    // principal is named by id alone; `check` keeps a second user of a named id out.
    pub(super) fn note_uses(&mut self, fact: &Fact) {
        let by = Arc::new(fact.key());
        for (_, named) in references(self, fact).unwrap_or_default() {
            let named = self.shared(named);
            self.uses.insert((named, Arc::clone(&by)));
        }
    }

    pub(super) fn forget_uses(&mut self, fact: &Fact) {
        let by = Arc::new(fact.key());
        for (_, named) in references(self, fact).unwrap_or_default() {
            self.uses.remove(&(Arc::new(named), Arc::clone(&by)));
        }
    }

    /// The key as the entries of others that name the same thing have it, so that
    /// a partner with a million customers has one key here.
    fn shared(&self, key: Key) -> Arc<Key> {
        let from = (Arc::new(key), Arc::new(FIRST));
        match self.uses.range(from.clone()..).next() {
            Some((held, _)) if *held == from.0 => Arc::clone(held),
            _ => from.0,
        }
    }
}
