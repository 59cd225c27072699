//! Texts of ids to numbers: an index that only grows.
//!
//! Snapshots of one line share it: a slot is written once and read without a
//! lock. It holds no text, only part of the hash and the number; the reader
//! compares the text that the snapshot itself has for the number. So what another
//! snapshot added, or a refused change left behind, is passed over.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use foldhash::quality::RandomState;

use super::eid::{Eid, TypeId};

/// Parts that grow one by one, so that no single write waits for the whole.
const SHARDS: usize = 256;
/// Slots of a new part.
const SLOTS_MIN: usize = 8;
/// Slots up to which a part doubles when it is full. All parts are full at about
/// the same time: larger ones grow by an eighth, so that there are never many more
/// free slots than that.
const DOUBLING_MAX: usize = 32;

/// The index.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    hasher: RandomState,
    shards: Arc<Vec<Arc<Shard>>>,
}

#[derive(Debug)]
struct Shard {
    /// `hash (upper 32 bits) | number + 1`; zero is free.
    slots: Box<[AtomicU64]>,
    used: AtomicUsize,
}

/// A hash of a type and an id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdHash(u64);

impl Ids {
    pub(super) fn new() -> Self {
        let empty = Arc::new(Shard::new(SLOTS_MIN));
        Self {
            hasher: RandomState::default(),
            shards: Arc::new((0..SHARDS).map(|_| Arc::clone(&empty)).collect()),
        }
    }

    pub(super) fn hash(&self, ty: TypeId, text: &str) -> IdHash {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(text.as_bytes());
        hasher.write_u16(ty.0);
        IdHash(hasher.finish())
    }

    /// The first number of this hash that `is_it` takes.
    pub(super) fn find(&self, hash: IdHash, is_it: impl Fn(Eid) -> bool) -> Option<Eid> {
        let shard = self.shards.get(hash.shard())?;
        let mut at = shard.begin(hash);
        for _ in 0..shard.slots.len() {
            let slot = shard.slots.get(at)?;
            at = if at + 1 == shard.slots.len() {
                0
            } else {
                at + 1
            };
            match slot.load(Ordering::Acquire) {
                0 => return None,
                found if found >> 32 == hash.tag() && is_it(number(found)) => {
                    return Some(number(found));
                }
                _ => {}
            }
        }
        None
    }

    /// The slot where a search begins.
    #[inline]
    pub(super) fn slot(&self, hash: IdHash) -> Option<&AtomicU64> {
        let shard = self.shards.get(hash.shard())?;
        shard.slots.get(shard.begin(hash))
    }

    /// Adds a number. `known` says how many numbers there are, for leaving out
    /// what a growing part holds of changes that were refused.
    pub(super) fn insert(&mut self, hash: IdHash, number: Eid, is_known: impl Fn(Eid) -> bool) {
        let wanted = hash.tag() << 32 | (u64::from(number.0) + 1);
        loop {
            let Some(shard) = self.shards.get(hash.shard()) else {
                return;
            };
            let full = (shard.used.load(Ordering::Relaxed) + 1) * 8 > shard.slots.len() * 7;
            let shared_empty =
                shard.slots.len() == SLOTS_MIN && shard.used.load(Ordering::Relaxed) == 0;
            if !full && !shared_empty && shard.put(hash, wanted) {
                return;
            }
            let grown = Arc::new(shard.grown(&is_known));
            if let Some(place) = Arc::make_mut(&mut self.shards).get_mut(hash.shard()) {
                *place = grown;
            }
        }
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let slots: usize = self.shards.iter().map(|shard| shard.slots.len()).sum();
        slots * size_of::<AtomicU64>() + SHARDS * size_of::<Shard>()
    }
}

impl IdHash {
    fn shard(self) -> usize {
        (self.0 & (SHARDS as u64 - 1)) as usize
    }

    fn tag(self) -> u64 {
        self.0 >> 32
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the tag above is cut off")]
pub(super) fn number(slot: u64) -> Eid {
    Eid((slot as u32).wrapping_sub(1))
}

impl Shard {
    fn new(slots: usize) -> Self {
        Self {
            slots: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            used: AtomicUsize::new(0),
        }
    }

    /// Where the hash begins: as far along as the tag is among all tags, whatever the
    /// number of slots.
    #[inline]
    fn begin(&self, hash: IdHash) -> usize {
        usize::try_from((hash.tag() * self.slots.len() as u64) >> 32).unwrap_or_default()
    }

    /// Every slot, from where the hash begins.
    fn probe(&self, hash: IdHash) -> impl Iterator<Item = &AtomicU64> {
        let halves = self.slots.split_at_checked(self.begin(hash));
        let (head, tail) = halves.unwrap_or_default();
        tail.iter().chain(head)
    }

    /// Writes into the first free slot; whether there was one.
    fn put(&self, hash: IdHash, wanted: u64) -> bool {
        for slot in self.probe(hash) {
            // Most slots on the way are taken, and looking costs less than trying.
            let held = slot.load(Ordering::Relaxed);
            if held != 0 && held != wanted {
                continue;
            }
            match slot.compare_exchange(0, wanted, Ordering::Release, Ordering::Acquire) {
                Ok(_) => {
                    self.used.fetch_add(1, Ordering::Relaxed);
                    return true;
                }
                Err(found) if found == wanted => return true,
                Err(_) => {}
            }
        }
        false
    }

    fn grown(&self, is_known: impl Fn(Eid) -> bool) -> Self {
        let slots = self.slots.len();
        let grown = Self::new(match slots {
            ..=DOUBLING_MAX => slots * 2,
            _ => slots + slots / 8,
        });
        for slot in &self.slots {
            let held = slot.load(Ordering::Acquire);
            if held != 0 && is_known(number(held)) {
                grown.put(IdHash(held & !0xffff_ffff), held);
            }
        }
        grown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: TypeId = TypeId(3);

    fn add(ids: &mut Ids, number: u32) {
        let hash = ids.hash(TYPE, &number.to_string());
        ids.insert(hash, Eid(number), |_| true);
    }

    #[test]
    fn every_number_is_found_after_its_part_grew() {
        let mut ids = Ids::new();
        let all = 0..400_000;
        all.clone().for_each(|number| add(&mut ids, number));
        for number in all {
            let hash = ids.hash(TYPE, &number.to_string());
            assert_eq!(ids.find(hash, |eid| eid == Eid(number)), Some(Eid(number)));
        }
        let hash = ids.hash(TYPE, "nobody");
        assert_eq!(ids.find(hash, |eid| eid == Eid(400_000)), None);
    }

    #[test]
    fn large_parts_have_few_free_slots_at_any_size() {
        let mut ids = Ids::new();
        for number in 0..600_000_u32 {
            add(&mut ids, number);
            // From where hardly a part is so small that it doubles.
            if number > 20_000 && number % 1_000 == 0 {
                let each = ids.bytes() as f64 / f64::from(number);
                assert!(each < 11.0, "{each} bytes an id, of {number}");
            }
        }
    }

    #[test]
    fn what_a_refused_change_added_goes_when_a_part_grows() {
        let mut ids = Ids::new();
        let refused = ids.hash(TYPE, "refused");
        ids.insert(refused, Eid(9_999_999), |_| true);
        for number in 0..100_000_u32 {
            let hash = ids.hash(TYPE, &number.to_string());
            ids.insert(hash, Eid(number), |eid| eid.0 < 9_999_999);
        }
        assert_eq!(ids.find(refused, |eid| eid == Eid(9_999_999)), None);
    }
}
