//! Dense numbers for entities and their types.
//!
//! An entity's number is given once, when its id is first heard of, and never
//! means another entity in the same line of snapshots. Numbers with the top bit
//! set exist in one query only: entities that the state has never heard of.

/// Number of an entity type of the schema; action types included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TypeId(pub(crate) u16);

/// Some types.
#[derive(Debug, Clone, Default)]
pub(super) struct TypeSet {
    first: u64,
    /// From the 64th on.
    more: Vec<u64>,
}

impl TypeSet {
    pub(super) fn insert(&mut self, ty: TypeId) {
        let (word, bit) = (usize::from(ty.0 / 64), ty.0 % 64);
        let Some(word) = word.checked_sub(1) else {
            self.first |= 1 << bit;
            return;
        };
        if self.more.len() <= word {
            self.more.resize(word + 1, 0);
        }
        if let Some(word) = self.more.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    #[inline]
    pub(super) fn contains(&self, ty: &TypeId) -> bool {
        let word = match usize::from(ty.0 / 64).checked_sub(1) {
            None => self.first,
            Some(word) => self.more.get(word).copied().unwrap_or(0),
        };
        word >> (ty.0 % 64) & 1 == 1
    }
}

/// Number of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Eid(pub(crate) u32);

/// Rows of a segment, as a power of two.
const SEGMENT_BITS: u32 = 14;

/// Rows of a segment.
pub(super) const SEGMENT_ROWS: usize = 1 << SEGMENT_BITS;

/// Entities that one engine can number.
pub(super) const ENTITIES_MAX: u32 = 1 << 31;

impl Eid {
    /// Stands for no entity where a list entry needs a number.
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// The `n`th entity that only a query knows.
    pub(crate) fn local(n: usize) -> Self {
        Self(ENTITIES_MAX | u32::try_from(n).unwrap_or(ENTITIES_MAX - 2))
    }

    /// Its place among a query's own entities, if it is one.
    #[inline]
    pub(crate) fn as_local(self) -> Option<usize> {
        (self.0 >= ENTITIES_MAX).then_some((self.0 & !ENTITIES_MAX) as usize)
    }

    pub(super) fn at(segment: usize, row: usize) -> Option<Self> {
        let n = segment.checked_mul(SEGMENT_ROWS)?.checked_add(row)?;
        let n = u32::try_from(n).ok()?;
        (n < ENTITIES_MAX).then_some(Self(n))
    }

    #[inline]
    pub(super) fn segment(self) -> usize {
        (self.0 >> SEGMENT_BITS) as usize
    }

    #[inline]
    pub(super) fn row(self) -> usize {
        self.0 as usize & (SEGMENT_ROWS - 1)
    }
}
