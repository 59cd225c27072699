//! Links of templates: role assignments by the million.
//!
//! A link is an entry at its resource and one at its principal, so that a
//! decision looks only at the scopes above its own resource, and a search only
//! at what its principal was given.

use super::eid::Eid;
use super::lists::{Entries, Kind, entity_of, more_of};
use super::table::State;

/// The slots of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateSlots {
    pub(crate) id: std::sync::Arc<str>,
    pub(crate) principal: bool,
    pub(crate) resource: bool,
}

/// A link by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkRef {
    pub(crate) template: u16,
    /// [`Eid::NONE`] if the template has no such slot.
    pub(crate) principal: Eid,
    /// As above.
    pub(crate) resource: Eid,
}

impl State {
    /// The number of a template.
    pub(crate) fn template(&self, id: &str) -> Option<u16> {
        let found = self.templates.binary_search_by(|t| t.id.as_ref().cmp(id));
        u16::try_from(found.ok()?).ok()
    }

    pub(crate) fn template_slots(&self, template: u16) -> Option<&TemplateSlots> {
        self.templates.get(usize::from(template))
    }

    /// Adds a link; one that is there stays so.
    pub(super) fn add_link(&mut self, link: LinkRef) {
        let LinkRef {
            template,
            principal,
            resource,
        } = link;
        let mut added = false;
        if resource != Eid::NONE {
            added |= self.add(resource, Kind::LINK_AT, principal, template);
        }
        if principal != Eid::NONE {
            added |= self.add(principal, Kind::LINK_OF, resource, template);
        }
        self.counts.links += usize::from(added);
    }

    /// Takes a link away; one that is not there stays so.
    pub(super) fn remove_link(&mut self, link: LinkRef) {
        let LinkRef {
            template,
            principal,
            resource,
        } = link;
        let mut gone = false;
        if resource != Eid::NONE {
            gone |= self.take(resource, Kind::LINK_AT, principal, template);
        }
        if principal != Eid::NONE {
            gone |= self.take(principal, Kind::LINK_OF, resource, template);
        }
        self.counts.links -= usize::from(gone);
    }

    /// The links whose resource slot is filled by an entity.
    pub(crate) fn links_at(&self, resource: Eid) -> impl Iterator<Item = LinkRef> + '_ {
        at(self.entries(resource, Kind::LINK_AT), resource)
    }

    /// The links whose principal slot is filled by an entity.
    pub(crate) fn links_of(&self, principal: Eid) -> impl Iterator<Item = LinkRef> + '_ {
        let entries = self.entries(principal, Kind::LINK_OF);
        entries.map(move |entry| LinkRef {
            template: more_of(entry),
            principal,
            resource: entity_of(entry),
        })
    }

    /// Every link.
    pub(crate) fn all_links(&self) -> impl Iterator<Item = LinkRef> + '_ {
        self.all().flat_map(|eid| {
            // One without resource slot stands at its principal only.
            let bare = self.links_of(eid).filter(|link| link.resource == Eid::NONE);
            self.links_at(eid).chain(bare)
        })
    }
}

fn at(entries: Entries<'_>, resource: Eid) -> impl Iterator<Item = LinkRef> + '_ {
    entries.map(move |entry| LinkRef {
        template: more_of(entry),
        principal: entity_of(entry),
        resource,
    })
}
