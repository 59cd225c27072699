//! How long a single fact takes to become a new snapshot.
//!
//! Updates follow each other as they would in a running decision point: each
//! starts from the snapshot of the one before and is taken back by the next. The
//! old snapshot goes outside of what is timed; whoever still reads keeps it.

use super::clock::{Times, timed};
use super::decisions::{Drawn, decide_all};
use super::report::Unit;
use super::seen::{self, nodes_below};
use super::{MeasureError, Report};
use crate::engine::{Change, Snapshot};
use crate::measure::{Spread, UpdateKind, Workload};

/// Answered alike before the first update and after the last one.
const QUESTIONS: usize = 500;

/// What was timed, by what it did.
#[derive(Debug, Default)]
struct Kinds {
    privileges_removed: Times,
    privileges_granted: Times,
    link: Times,
    attribute: Times,
    resource: Times,
    moved: Times,
    moved_nodes: Vec<usize>,
}

impl Kinds {
    fn add(&mut self, kind: UpdateKind, changes: &[Change], took: std::time::Duration) {
        let ends = |change: &Change| matches!(change, Change::RemoveEdge { .. });
        let times = match kind {
            UpdateKind::Privileges if changes.iter().any(ends) => &mut self.privileges_removed,
            UpdateKind::Privileges => &mut self.privileges_granted,
            UpdateKind::Link => &mut self.link,
            UpdateKind::Attribute => &mut self.attribute,
            UpdateKind::Resource => &mut self.resource,
            UpdateKind::Move => &mut self.moved,
        };
        times.add(took, 1);
    }
}

/// Makes so many updates of each kind, there and back.
pub(super) fn measure(
    workload: &Workload,
    snapshot: &Snapshot,
    count: u32,
    report: &mut Report,
) -> Result<(), MeasureError> {
    let mut kinds = Kinds::default();
    let mut current = snapshot.clone();
    for number in 0..count {
        for kind in UpdateKind::ALL {
            current = there_and_back(workload, &current, kind, number, &mut kinds)?;
        }
    }
    let drawn = Drawn::new(workload.questions(8, Spread::Uniform), QUESTIONS);
    let queries = drawn.queries(&current)?;
    decide_all(&current, &queries, &drawn.expected, &mut Times::default())?;
    tell(&mut kinds, report);
    Ok(())
}

fn there_and_back(
    workload: &Workload,
    before: &Snapshot,
    kind: UpdateKind,
    number: u32,
    kinds: &mut Kinds,
) -> Result<Snapshot, MeasureError> {
    let Some(update) = workload.update(kind, number) else {
        return Ok(before.clone());
    };
    let changes = update.apply.clone();
    let (after, took) = timed(|| before.next(changes));
    let after = after?;
    kinds.add(kind, &update.apply, took);
    seen::check(workload, kind, &update.apply, before, &after)?;
    if kind == UpdateKind::Move {
        kinds.moved_nodes.push(nodes_below(&after, &update.apply));
    }
    let changes = update.revert.clone();
    let (back, took) = timed(|| after.next(changes));
    kinds.add(kind, &update.revert, took);
    Ok(back?)
}

fn tell(kinds: &mut Kinds, report: &mut Report) {
    let mut all = Times::default();
    let unit = Unit::Microseconds;
    let single = [
        (
            "update_privileges_removed_us",
            &kinds.privileges_removed,
            "the largest partner loses a customer's privileges",
        ),
        (
            "update_privileges_granted_us",
            &kinds.privileges_granted,
            "it gets them",
        ),
        (
            "update_link_us",
            &kinds.link,
            "a role assignment comes or goes",
        ),
        (
            "update_attribute_us",
            &kinds.attribute,
            "a subscription changes its status",
        ),
        (
            "update_resource_us",
            &kinds.resource,
            "a resource comes or goes",
        ),
    ];
    for (_, times, _) in single {
        all.add_all(times);
    }
    let says = "one fact to the new snapshot";
    report.add("update_us", all.median_us(), unit, says);
    let p99 = all.percentile(99) * 1e6;
    report.add("update_p99_us", p99, unit, "99 of 100 take no longer");
    for (name, times, says) in single {
        report.add(name, times.median_us(), unit, says);
    }
    let moved = kinds.moved.median_us();
    report.add("move_us", moved, unit, "a subscription changes its group");
    kinds.moved_nodes.sort_unstable();
    let middle = kinds.moved_nodes.get(kinds.moved_nodes.len() / 2);
    let says = "entities that move, median";
    report.count("move_subtree", middle.copied().unwrap_or(0), says);
}
