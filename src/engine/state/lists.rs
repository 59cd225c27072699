//! What is many at an entity: parents, children, links, elements of sets, those
//! who refer to it.
//!
//! All of it is one sorted list of 64-bit entries an entity, a plain array while
//! it is short and a persistent tree when it is long, so that a change of a
//! group with 100,000 members copies a path, not the group.
//!
//! Shape of an entry: `kind (16 bits) | entity (32) | more (16)`.

use std::ops::Bound;

use imbl::OrdSet;

use super::eid::Eid;

/// What an entry means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind(u16);

impl Kind {
    /// A direct parent; more: 1 if the edge is implicit.
    pub(crate) const PARENT: Self = Self(0);
    /// A direct parent by a wide edge; more as above.
    pub(crate) const WIDE_PARENT: Self = Self(1);
    /// A direct child.
    pub(crate) const CHILD: Self = Self(2);
    /// A direct child by a wide edge.
    pub(crate) const WIDE_CHILD: Self = Self(3);
    /// This entity, or one below it, that has children by wide edges.
    pub(crate) const VIA: Self = Self(4);
    /// A link whose resource is this; the entity is its principal, more its template.
    pub(crate) const LINK_AT: Self = Self(5);
    /// A link whose principal is this; the entity is its resource, more its template.
    pub(crate) const LINK_OF: Self = Self(6);
    /// An ancestor, where they are too many for the row.
    pub(crate) const ANCESTOR: Self = Self(7);
    /// From here on: elements of the sets of entities among the attributes.
    pub(crate) const FIRST_SET: Self = Self(0x100);
    /// From here on: entities whose attribute refers to this one.
    pub(crate) const FIRST_INVERTED: Self = Self(0x4000);

    pub(crate) fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub(crate) fn is_inverted(self) -> bool {
        self >= Self::FIRST_INVERTED
    }
}

/// One entry.
#[inline]
pub(crate) fn entry(kind: Kind, entity: Eid, more: u16) -> u64 {
    u64::from(kind.0) << 48 | u64::from(entity.0) << 16 | u64::from(more)
}

/// The entity of an entry.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the bits above are cut off"
)]
#[inline]
pub(crate) fn entity_of(entry: u64) -> Eid {
    Eid((entry >> 16) as u32)
}

/// The last 16 bits of an entry.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the bits above are cut off"
)]
#[inline]
pub(crate) fn more_of(entry: u64) -> u16 {
    entry as u16
}

pub(super) fn kind_of(entry: u64) -> Kind {
    Kind((entry >> 48) as u16)
}

/// Entries above which a list becomes a tree; as many as eight bits can count.
pub(super) const ARRAY_MAX: usize = 255;

/// The entries of one entity.
///
/// INVARIANT (short): an array has at most [`ARRAY_MAX`] entries.
#[derive(Debug, Clone)]
pub(super) enum Lists {
    Array(Vec<u64>),
    Tree(OrdSet<u64>),
}

/// The same, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ListsRef<'a> {
    Array(&'a [u64]),
    Tree(&'a OrdSet<u64>),
}

impl Default for Lists {
    fn default() -> Self {
        Self::Array(Vec::new())
    }
}

impl Lists {
    pub(super) fn borrow(&self) -> ListsRef<'_> {
        match self {
            Self::Array(entries) => ListsRef::Array(entries),
            Self::Tree(entries) => ListsRef::Tree(entries),
        }
    }

    /// Adds an entry; whether it was not there.
    pub(super) fn insert(&mut self, entry: u64) -> bool {
        match self {
            Self::Tree(entries) => entries.insert(entry).is_none(),
            Self::Array(entries) => match entries.binary_search(&entry) {
                Ok(_) => false,
                Err(at) if entries.len() < ARRAY_MAX => {
                    entries.insert(at, entry);
                    true
                }
                Err(_) => {
                    let mut tree: OrdSet<u64> = entries.iter().copied().collect();
                    tree.insert(entry);
                    *self = Self::Tree(tree);
                    true
                }
            },
        }
    }

    /// Takes an entry away; whether it was there.
    pub(super) fn remove(&mut self, entry: u64) -> bool {
        match self {
            Self::Tree(entries) => entries.remove(&entry).is_some(),
            Self::Array(entries) => match entries.binary_search(&entry) {
                Ok(at) => {
                    entries.remove(at);
                    true
                }
                Err(_) => false,
            },
        }
    }
}

impl<'a> ListsRef<'a> {
    pub(super) fn to_owned(self) -> Lists {
        match self {
            Self::Array(entries) => Lists::Array(entries.to_vec()),
            Self::Tree(entries) => Lists::Tree(entries.clone()),
        }
    }

    /// Where the entries begin, if they stand beside each other.
    #[inline]
    pub(super) fn first(self) -> Option<&'a u64> {
        match self {
            Self::Array(entries) => entries.first(),
            Self::Tree(_) => None,
        }
    }

    pub(crate) fn contains(self, entry: u64) -> bool {
        match self {
            Self::Array(entries) => entries.binary_search(&entry).is_ok(),
            Self::Tree(entries) => entries.contains(&entry),
        }
    }

    /// The entries of one kind, in order.
    #[inline]
    pub(crate) fn of(self, kind: Kind) -> Entries<'a> {
        self.between(entry(kind, Eid(0), 0), entry(kind, Eid::NONE, u16::MAX))
    }

    /// The entries of one kind, if there are at most so many; told without walking a
    /// long list.
    #[inline]
    pub(crate) fn few(self, kind: Kind, most: usize) -> Option<&'a [u64]> {
        let Self::Array(entries) = self else {
            return None;
        };
        let (first, last) = (entry(kind, Eid(0), 0), entry(kind, Eid::NONE, u16::MAX));
        Some(run(entries, first, last)).filter(|few| few.len() <= most)
    }

    /// The entries of one kind and entity.
    #[inline]
    pub(crate) fn at(self, kind: Kind, entity: Eid) -> Entries<'a> {
        self.between(entry(kind, entity, 0), entry(kind, entity, u16::MAX))
    }

    /// Whether there is an entry of the kind and entity.
    #[inline]
    pub(crate) fn has(self, kind: Kind, entity: Eid) -> bool {
        let (first, last) = (entry(kind, entity, 0), entry(kind, entity, u16::MAX));
        match self {
            Self::Array(entries) => {
                let at = before(entries, first);
                entries.get(at).is_some_and(|entry| *entry <= last)
            }
            Self::Tree(entries) => entries.range(first..=last).next().is_some(),
        }
    }

    #[inline]
    fn between(self, first: u64, last: u64) -> Entries<'a> {
        match self {
            Self::Array(entries) => Entries::Array(run(entries, first, last).iter()),
            Self::Tree(entries) => within(entries, first, last),
        }
    }

    pub(super) fn iter(self) -> Entries<'a> {
        self.between(0, u64::MAX)
    }
}

/// Entries that are looked at one after the other before a search begins.
const WALKED: usize = 16;

/// The entries from one to another, which are included.
#[inline]
fn run(entries: &[u64], first: u64, last: u64) -> &[u64] {
    let tail = entries.get(before(entries, first)..).unwrap_or_default();
    tail.get(..through(tail, last)).unwrap_or_default()
}

/// How many entries come before one. Short lists are walked, long ones halved.
#[inline]
fn before(entries: &[u64], bound: u64) -> usize {
    match entries.len() {
        0..=WALKED => {
            let at = entries.iter().position(|entry| *entry >= bound);
            at.unwrap_or(entries.len())
        }
        _ => entries.partition_point(|entry| *entry < bound),
    }
}

/// How many entries come up to one, which is included. Mostly they are few.
#[inline]
fn through(entries: &[u64], bound: u64) -> usize {
    let near = entries.get(..WALKED).unwrap_or(entries);
    match near.iter().position(|entry| *entry > bound) {
        Some(at) => at,
        None if near.len() == entries.len() => near.len(),
        None => entries.partition_point(|entry| *entry <= bound),
    }
}

#[cold]
fn within(entries: &OrdSet<u64>, first: u64, last: u64) -> Entries<'_> {
    let range = (Bound::Included(first), Bound::Included(last));
    Entries::Tree(Box::new(entries.range(range).copied()))
}

/// Entries in order.
pub(crate) enum Entries<'a> {
    Array(std::slice::Iter<'a, u64>),
    Tree(Box<dyn Iterator<Item = u64> + 'a>),
}

impl Iterator for Entries<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        match self {
            Self::Array(entries) => entries.next().copied(),
            Self::Tree(entries) => entries.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists of a length in which kinds and entities repeat, of both forms.
    fn lists(length: usize) -> [Lists; 2] {
        let entries = (0..length).map(|n| {
            let n = u32::try_from(n).unwrap();
            entry(Kind((n % 7 / 2) as u16), Eid(n / 3), (n % 2) as u16)
        });
        let all: std::collections::BTreeSet<u64> = entries.collect();
        let array = Lists::Array(all.iter().copied().collect());
        [array, Lists::Tree(all.into_iter().collect())]
    }

    #[test]
    fn what_is_found_is_what_lies_between() {
        for length in (0..60).chain([255, 256, 1_000]) {
            for lists in lists(length) {
                let lists = lists.borrow();
                let all: Vec<u64> = lists.iter().collect();
                assert_eq!(all.len(), length, "every entry is another");
                for kind in (0..5).map(Kind) {
                    let wanted = all.iter().copied().filter(|e| kind_of(*e) == kind);
                    let wanted: Vec<u64> = wanted.collect();
                    assert_eq!(lists.of(kind).collect::<Vec<_>>(), wanted, "{length}");
                    for eid in [0, 1, 5, 18, 19].map(Eid) {
                        let at = wanted.iter().copied().filter(|e| entity_of(*e) == eid);
                        let at: Vec<u64> = at.collect();
                        assert_eq!(lists.has(kind, eid), !at.is_empty(), "{length}");
                        assert_eq!(lists.at(kind, eid).collect::<Vec<_>>(), at, "{length}");
                    }
                }
            }
        }
    }

    #[test]
    fn few_are_told_at_the_limit_and_not_one_past_it() {
        let all: Vec<u64> = (0..40).map(|n| entry(Kind::CHILD, Eid(n), 0)).collect();
        let lists = ListsRef::Array(&all);
        assert_eq!(lists.few(Kind::CHILD, 40), Some(all.as_slice()));
        assert_eq!(lists.few(Kind::CHILD, 39), None);
        assert_eq!(lists.few(Kind::PARENT, 0), Some([].as_slice()));
    }
}
