//! Numbers that look random and are the same on every machine: SplitMix64, with
//! a stream of its own for each thing that is planned.
//!
//! INVARIANT (independent): what is drawn for one thing never depends on how
//! much was drawn for another, so any of them can be planned alone.

/// What numbers are drawn for; each has its own streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Partner = 1,
    Agent,
    Customer,
    CustomerUser,
    Device,
    Subscription,
    ManagementGroup,
    Question,
    Update,
    Crowd,
    Nobody,
}

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// The stream for one thing of a workload.
    pub(super) fn at(seed: u64, stream: Stream, index: u64) -> Self {
        let of_kind = mix(seed.wrapping_add((stream as u64) << 56));
        Self(mix(of_kind ^ index))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `n`, and 0 if that is 0.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        let high = self.next() >> 32;
        u32::try_from((high * u64::from(n)) >> 32).unwrap_or(0)
    }

    /// True so many times of a hundred.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of the items, if there is one.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let n = u32::try_from(of.len()).unwrap_or(u32::MAX);
        of.get(self.below(n) as usize)
    }
}

/// The finalizer of SplitMix64: every bit of the answer hangs on every bit given.
fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Appends a GUID of version 4 in lower case. `index` tells things of one stream
/// apart.
pub(super) fn push_guid(out: &mut String, seed: u64, stream: Stream, index: u64) {
    let mut rng = Rng::at(!seed, stream, index);
    let high = (rng.next() & !0xF000) | 0x4000;
    let low = (rng.next() & (u64::MAX >> 2)) | (1 << 63);
    let [a, b, c, d, e, f, g, h] = hex(high >> 32);
    let [i, j, k, l, m, n, o, p] = hex(high);
    let [q, r, s, t, u, v, w, x] = hex(low >> 32);
    let dash = b'-';
    let head = [
        a, b, c, d, e, f, g, h, dash, i, j, k, l, dash, m, n, o, p, dash, q, r, s, t, dash, u, v,
        w, x,
    ];
    for part in [head.as_slice(), &hex(low)] {
        out.push_str(std::str::from_utf8(part).unwrap_or_default());
    }
}

/// The eight digits of the lower half of a number, all at once: half of what
/// it takes to make a workload goes into its GUIDs otherwise.
fn hex(number: u64) -> [u8; 8] {
    let x = number & 0xFFFF_FFFF;
    let x = (x | x << 16) & 0x0000_FFFF_0000_FFFF;
    let x = (x | x << 8) & 0x00FF_00FF_00FF_00FF;
    let x = (x | x << 4) & 0x0F0F_0F0F_0F0F_0F0F;
    let letters = ((x + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    let digits = x + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10);
    digits.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_have_their_form() {
        let mut text = String::new();
        push_guid(&mut text, 1, Stream::Agent, 7);
        let parts: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{text}");
        let digits = text.chars().filter(|c| *c != '-');
        assert!(digits.clone().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
        assert!(parts[2].starts_with('4') && "89ab".contains(&parts[3][..1]));
        let mut other = String::new();
        push_guid(&mut other, 1, Stream::Agent, 8);
        assert_ne!(text, other);
    }

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 0x0123_4567, 0x89AB_CDEF, 0x7_FFFF_FFFF, 0x9A00_00A9] {
            let low = number & 0xFFFF_FFFF;
            assert_eq!(hex(number).as_slice(), format!("{low:08x}").as_bytes());
        }
    }

    #[test]
    fn numbers_stay_below_their_limit_and_reach_it() {
        let mut rng = Rng::at(3, Stream::Question, 0);
        let drawn: Vec<u32> = (0..1_000).map(|_| rng.below(5)).collect();
        assert!((0..5).all(|n| drawn.contains(&n)));
        assert!(drawn.iter().all(|n| *n < 5));
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.pick::<u8>(&[]), None);
    }
}
