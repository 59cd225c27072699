//! What links cost that a question does not meet: elsewhere in the world, and in
//! numbers at its own principal and scope.

use std::sync::Arc;

use super::clock::Times;
use super::decisions::{Drawn, decide_all};
use super::report::Unit;
use super::{MeasureError, Report};
use crate::engine::{Query, Revision, Snapshot};
use crate::measure::{Crowd, Spread, Workload};

/// Customers of the world that other links are added to.
const CUSTOMERS_MAX: u32 = 1_000;
/// Links elsewhere, few and many.
const OTHER_LINKS: [u32; 2] = [1_000, 1_000_000];
/// Links at the principal, and as many at the scope.
const CROWD_LINKS_MAX: u32 = 100_000;
/// How often all questions are asked in turn.
const TURNS: usize = 5;

/// `customers` bounds all sizes, so that a small measurement stays small.
pub(super) fn measure(
    seed: u64,
    snapshot: &Snapshot,
    customers: u32,
    questions: usize,
    report: &mut Report,
) -> Result<(), MeasureError> {
    elsewhere(seed, snapshot, customers, questions, report)?;
    let links = CROWD_LINKS_MAX.min(customers.saturating_mul(100));
    let mut times = Times::default();
    for joined in [false, true] {
        let crowd = Crowd::new(seed, links, joined);
        let snapshot = snapshot.rebuilt(crowd.changes(), Revision(0))?.settled();
        let query = Query::new(&snapshot, &crowd.request())?;
        let (queries, expected) = (vec![query; questions], vec![crowd.expected(); questions]);
        decide_all(&snapshot, &queries, &expected, &mut times)?;
    }
    report.count(
        "crowd_links",
        links as usize,
        "links at one principal and at one scope",
    );
    let says = "a decision between the two";
    report.add("crowd_ns", times.median_ns(), Unit::Nanoseconds, says);
    Ok(())
}

/// The same questions with few and with many links elsewhere, in turns.
fn elsewhere(
    seed: u64,
    snapshot: &Snapshot,
    customers: u32,
    questions: usize,
    report: &mut Report,
) -> Result<(), MeasureError> {
    let workload = Workload::new(seed, customers.min(CUSTOMERS_MAX));
    let [few, many] = OTHER_LINKS.map(|links| links.min(customers.saturating_mul(1_000)));
    let drawn = Drawn::new(workload.questions(9, Spread::Uniform), questions / TURNS);
    let mut worlds = Vec::new();
    for links in [few, many] {
        let changes = workload.changes().chain(workload.other_links(links));
        let snapshot = Arc::new(snapshot.rebuilt(changes, Revision(0))?.settled());
        let queries = drawn.queries(&snapshot)?;
        worlds.push((snapshot, queries, Times::default()));
    }
    for _ in 0..TURNS {
        for (snapshot, queries, times) in &mut worlds {
            decide_all(snapshot, queries, &drawn.expected, times)?;
        }
    }
    let mut medians = worlds.iter().map(|(.., times)| times.median_ns());
    let (few_ns, many_ns) = (medians.next(), medians.next());
    let growth = few_ns.zip(many_ns).map(|(few, many)| many / few);
    let says = "a decision with many links elsewhere, to one with few";
    report.add("growth_ratio", growth, Unit::Ratio, says);
    report.count("growth_links", many as usize, "so many");
    report.count("growth_links_few", few as usize, "and so few");
    let unit = Unit::Nanoseconds;
    report.add("growth_few_ns", few_ns, unit, "with few");
    report.add("growth_many_ns", many_ns, unit, "with many");
    Ok(())
}
