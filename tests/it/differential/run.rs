//! The long run: worlds by the thousand, on two threads, each request answered
//! by both. Worlds come from their numbers alone, so any of them can be had
//! again.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use aobo::engine::Request;

use super::compare::{Answer, Difference, Engine, compare};
use super::engine::{Oracle, build};
use super::requests::request;
use super::saved;
use super::search::{self, Looked};
use super::shrink::{Case, shrink};
use super::world::{Survival, World};
use crate::support::Rng;

/// Threads that share the worlds.
const THREADS: usize = 2;
/// Bytes of their stacks: room for cedar-policy's recursion.
const STACK_BYTES: usize = 16 << 20;
/// Worlds between two reports.
const REPORT_WORLDS: usize = 5_000;

/// What the answers were, all requests counted once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) requests: usize,
    pub(super) allowed: usize,
    /// Denied by a forbid that matches.
    pub(super) forbidden: usize,
    /// Those with a policy that failed.
    pub(super) erroring: usize,
    /// Those that cedar-policy does not take.
    pub(super) refused: usize,
    pub(super) made: usize,
    pub(super) kept: usize,
}

/// Tries so many requests on each of these worlds.
pub(super) fn run(worlds: Range<usize>, requests: usize, engine: &Engine) -> Tally {
    let mut tally = Tally::default();
    let one = |seed| match one_world(seed, requests, engine) {
        Ok(tally) => tally,
        Err(found) => found.report(engine),
    };
    for_each(worlds, one, |more| tally.add(more));
    tally
}

/// Looks for what searches and batches do otherwise than decisions, with so many
/// requests on each of so many worlds.
pub(super) fn run_searches(worlds: usize, requests: usize) -> Looked {
    let mut looked = Looked::default();
    let one = |seed| match searches(seed, requests) {
        Ok(looked) => looked,
        Err(found) => found.report(&search::engine),
    };
    for_each(0..worlds, one, |more| looked.add(more));
    looked
}

/// Does something with the seed of each world, on all threads.
pub(super) fn for_each<T: Send>(
    worlds: Range<usize>,
    one: impl Fn(u64) -> T + Sync,
    mut add: impl FnMut(T),
) {
    let (next, end) = (AtomicUsize::new(worlds.start), worlds.end);
    let work = || {
        let mut done = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return done;
            }
            done.push(one(seed as u64));
            if seed % REPORT_WORLDS == REPORT_WORLDS - 1 {
                eprintln!("{} of {end} worlds agree", seed + 1);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| std::thread::Builder::new().stack_size(STACK_BYTES))
            .map(|thread| thread.spawn_scoped(scope, work).expect("a thread"))
            .collect();
        for thread in threads {
            let done = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            done.into_iter().for_each(&mut add);
        }
    });
}

/// A request that the two answer differently.
#[derive(Debug)]
pub(super) struct Found {
    seed: u64,
    pub(super) case: Case,
    difference: Difference,
}

impl Found {
    /// Cuts it small, saves it and fails.
    fn report(self, engine: &Engine) -> ! {
        let Self {
            seed,
            case,
            difference,
        } = self;
        let path = saved::save(&shrink(case, engine));
        panic!("world {seed}: {difference}\ncut small and saved as {path}");
    }
}

/// Makes the world of a seed and asks about it, up to the first difference.
pub(super) fn one_world(seed: u64, requests: usize, engine: &Engine) -> Result<Tally, Box<Found>> {
    let mut rng = Rng::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D));
    let (world, survival) = World::random(&mut rng);
    let bundle = world.bundle().expect("only valid policies are left");
    let snapshot = build(&bundle, world.facts.changes(seed)).expect("sound facts");
    let oracle = Oracle::of(&snapshot).expect("sound facts");
    let mut tally = Tally::of(survival);
    for _ in 0..requests {
        let request = request(&mut rng, &world);
        let (answer, difference) = compare(&snapshot, &oracle, &request, engine);
        tally.count(&answer);
        if let Some(difference) = difference {
            let case = Case::of(world, request);
            return Err(Box::new(Found {
                seed,
                case,
                difference,
            }));
        }
    }
    Ok(tally)
}

/// The same for searches and batches: every fourth world has a hub.
fn searches(seed: u64, requests: usize) -> Result<Looked, Box<Found>> {
    let mut rng = Rng::new(seed ^ 0x0F1E_2D3C_4B5A_6978);
    let world = match seed % 4 {
        0 => World::with_hub(&mut rng),
        _ => World::random(&mut rng).0,
    };
    let bundle = world.bundle().expect("only valid policies are left");
    let snapshot = build(&bundle, world.facts.changes(seed)).expect("sound facts");
    let mut looked = Looked::default();
    let requests: Vec<Request> = (0..requests).map(|_| request(&mut rng, &world)).collect();
    search::check_batch(&snapshot, &requests);
    for request in requests {
        let Some(request) = search::differing(&mut rng, &snapshot, &request, &mut looked) else {
            continue;
        };
        let oracle = Oracle::of(&snapshot).expect("sound facts");
        let Some(difference) = compare(&snapshot, &oracle, &request, &search::engine).1 else {
            panic!("world {seed}: a search and a decision differ on {request:#?}");
        };
        let case = Case::of(world, request);
        return Err(Box::new(Found {
            seed,
            case,
            difference,
        }));
    }
    Ok(looked)
}

impl Tally {
    fn of(survival: Survival) -> Self {
        Self {
            made: survival.made,
            kept: survival.kept,
            ..Self::default()
        }
    }

    fn count(&mut self, answer: &Answer) {
        self.requests += 1;
        self.allowed += usize::from(answer.allows);
        self.forbidden += usize::from(!answer.allows && !answer.determining.is_empty());
        self.erroring += usize::from(!answer.erroring.is_empty());
        self.refused += usize::from(answer.failed.is_some());
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.allowed += other.allowed;
        self.forbidden += other.forbidden;
        self.erroring += other.erroring;
        self.refused += other.refused;
        self.made += other.made;
        self.kept += other.kept;
    }

    /// How many of a hundred requests.
    pub(super) fn percent(&self, part: usize) -> usize {
        part * 100 / self.requests.max(1)
    }
}
