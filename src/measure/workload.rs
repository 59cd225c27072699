//! The size of a workload, and which partner has which customers.
//!
//! About one partner for a hundred customers. The first has a tenth of them all
//! and at most [`LARGE_PARTNER_CUSTOMERS_MAX`]; the sizes of the others fall off
//! as k^-3/4. The customers of a partner lie scattered over the whole range of
//! indices, as they do where customers come one by one over the years.

use super::random::{Rng, Stream};

/// Customers of the largest partner.
pub(super) const LARGE_PARTNER_CUSTOMERS_MAX: u32 = 100_000;
/// Agents of a partner.
pub(super) const PARTNER_AGENTS_MAX: u32 = 500;
/// The largest partner.
pub(super) const LARGE: u32 = 0;

/// A partner channel: partners with agents and groups; customers with users,
/// subscriptions, resources and role assignments. Cheap to keep: one number for
/// each partner.
///
/// The whole of it is [`Workload::changes`], or [`Workload::facts`].
#[derive(Debug, Clone)]
pub struct Workload {
    pub(super) seed: u64,
    customers: u32,
    /// The first slot of each partner's customers, and the end of the last.
    starts: Vec<u32>,
    /// `slot = customer * stride + shift`, modulo the number of customers.
    stride: u64,
    /// The inverse of `stride`.
    unstride: u64,
    shift: u64,
}

impl Workload {
    /// A workload of so many customers, at least one. The same two numbers give
    /// the same workload on every machine.
    #[must_use]
    pub fn new(seed: u64, customers: u32) -> Self {
        let customers = customers.max(1);
        let all = u64::from(customers);
        // A stride near the golden section scatters neighbours widely.
        let mut stride = (all * 618 / 1_000).max(1);
        while gcd(stride, all) != 1 {
            stride += 1;
        }
        Self {
            seed,
            customers,
            starts: starts(customers),
            stride,
            unstride: inverse(stride, all),
            shift: Rng::at(seed, Stream::Partner, u64::MAX).next() % all,
        }
    }

    /// How many customers there are; they have the indices below.
    #[must_use]
    pub fn customers(&self) -> u32 {
        self.customers
    }

    /// How many partners there are; they have the indices below.
    #[must_use]
    pub fn partners(&self) -> u32 {
        u32::try_from(self.starts.len() - 1).unwrap_or(u32::MAX)
    }

    /// The partner that first sold to a customer.
    #[must_use]
    pub fn partner_of(&self, customer: u32) -> u32 {
        let all = u64::from(self.customers);
        let slot = (u64::from(customer) * self.stride + self.shift) % all;
        let at = self.starts.partition_point(|s| u64::from(*s) <= slot);
        u32::try_from(at).unwrap_or(1).saturating_sub(1)
    }

    /// How many customers a partner first sold to.
    #[must_use]
    pub fn customers_of(&self, partner: u32) -> u32 {
        let at = partner as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(start), Some(end)) => end - start,
            _ => 0,
        }
    }

    /// One of the customers that a partner first sold to, by its number among
    /// them.
    #[must_use]
    pub fn customer_of(&self, partner: u32, number: u32) -> Option<u32> {
        if number >= self.customers_of(partner) {
            return None;
        }
        let all = u64::from(self.customers);
        let slot = u64::from(*self.starts.get(partner as usize)? + number);
        let customer = (slot + all - self.shift) % all * self.unstride % all;
        u32::try_from(customer).ok()
    }

    /// How many agents a partner has: one for four customers, and never less
    /// than three.
    #[must_use]
    pub fn agents_of(&self, partner: u32) -> u32 {
        (self.customers_of(partner) / 4).clamp(3, PARTNER_AGENTS_MAX)
    }

    /// The numbers for one thing.
    pub(super) fn rng(&self, stream: Stream, index: u64) -> Rng {
        Rng::at(self.seed, stream, index)
    }
}

/// Where the customers of each partner start.
fn starts(customers: u32) -> Vec<u32> {
    let large = (customers / 10).clamp(1, LARGE_PARTNER_CUSTOMERS_MAX);
    // A small channel has twenty partners too, so that its largest is the largest.
    let others = (customers / 100).max(20).min(customers).max(2) - 1;
    let rest = u128::from(customers - large);
    let total: u128 = (1..=others).map(weight).sum();
    let mut sum = 0;
    let mut starts = vec![0, large];
    for other in 1..=others {
        sum += weight(other);
        let taken = u32::try_from(rest * sum / total).unwrap_or(0);
        starts.push(large + taken);
    }
    starts
}

/// (k + 4)^-3/4, in whole numbers so that it is the same everywhere.
fn weight(k: u32) -> u128 {
    let k = u64::from(k + 4);
    let root = (k << 32).isqrt();
    let fourth = (root << 16).isqrt();
    (1_u128 << 64) / (u128::from(root) * u128::from(fourth))
}

fn gcd(a: u64, b: u64) -> u64 {
    match b {
        0 => a,
        b => gcd(b, a % b),
    }
}

/// The number whose product with `a` is 1 modulo `n`; `a` and `n` have no common
/// divisor.
fn inverse(a: u64, n: u64) -> u64 {
    let (n, mut r, mut next_r) = (i128::from(n), i128::from(n), i128::from(a));
    let (mut t, mut next_t) = (0_i128, 1_i128);
    while next_r != 0 {
        let q = r / next_r;
        (r, next_r) = (next_r, r - q * next_r);
        (t, next_t) = (next_t, t - q * next_t);
    }
    u64::try_from(t.rem_euclid(n)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_customer_has_one_partner() {
        for customers in [1, 2, 3, 19, 200, 1_000, 4_321] {
            let workload = Workload::new(7, customers);
            let mut seen = vec![false; customers as usize];
            for partner in 0..workload.partners() {
                for number in 0..workload.customers_of(partner) {
                    let customer = workload.customer_of(partner, number).unwrap();
                    assert_eq!(workload.partner_of(customer), partner, "{customers}");
                    assert!(!std::mem::replace(&mut seen[customer as usize], true));
                }
                let end = workload.customers_of(partner);
                assert_eq!(workload.customer_of(partner, end), None);
            }
            assert!(seen.into_iter().all(|seen| seen), "{customers}");
        }
    }

    #[test]
    fn sizes_are_skewed() {
        for (customers, partners, large) in [
            (200, 20, 20),
            (1_000, 20, 100),
            (100_000, 1_000, 10_000),
            (1_000_000, 10_000, 100_000),
            (10_000_000, 100_000, 100_000),
        ] {
            let workload = Workload::new(7, customers);
            assert_eq!(workload.partners(), partners);
            assert_eq!(workload.customers_of(LARGE), large);
            let sizes: Vec<u32> = (1..partners).map(|p| workload.customers_of(p)).collect();
            assert!(sizes.iter().all(|size| *size < large), "{customers}");
            // The tail is long: half of the partners have far less than half.
            let half: u32 = sizes[sizes.len() / 2..].iter().sum();
            assert!(half * 5 < (customers - large) * 2, "{customers}: {half}");
        }
        let large = Workload::new(7, 1_000_000);
        assert_eq!(large.agents_of(LARGE), PARTNER_AGENTS_MAX);
        assert!((3..20).contains(&large.agents_of(9_999)));
    }
}
