//! Searches: which subscriptions an agent of the largest partner may read.

use std::collections::HashSet;

use cedar_policy::ResourceQueryRequest;

use super::baseline::{cedar_context, with_links};
use super::clock::{Times, timed};
use super::report::Unit;
use super::seen::read;
use super::{Baseline, MeasureError, Report};
use crate::engine::{
    EntityUid, ErrorMode, Outcome, Page, Query, Request, Searched, Snapshot, search,
};
use crate::measure::Workload;
use crate::measure::ids::Kind;
use crate::measure::plan::{ADMIN_AGENTS, Scope};
use crate::measure::workload::LARGE;
use crate::policy::on_large_stack;

/// Agents that ask.
const AGENTS: u32 = 8;
const ROUNDS: usize = 3;
/// Customers whose subscriptions are compared one by one with what a search
/// found; half of them of the largest partner.
const COMPARED_CUSTOMERS_MAX: u32 = 10_000;
const MODE: ErrorMode = ErrorMode::Strict;

pub(super) fn measure(
    workload: &Workload,
    snapshot: &Snapshot,
    report: &mut Report,
) -> Result<(), MeasureError> {
    let subscriptions = subscriptions(workload);
    let (mut times, mut each) = (Times::default(), Times::default());
    let mut counts = Vec::new();
    for request in requests(workload) {
        let mut found = Vec::new();
        for _ in 0..ROUNDS {
            let (page, took) = timed(|| find(snapshot, &request));
            found = page?;
            times.add(took, 1);
            each.add(took, found.len());
        }
        is_filtered(snapshot, &request, &subscriptions, &found)?;
        counts.push(found.len());
    }
    counts.sort_unstable();
    let middle = counts.get(counts.len() / 2).copied().unwrap_or(0);
    let unit = Unit::Microseconds;
    let says = "all subscriptions that an agent may read";
    report.add("search_us", times.median_us(), unit, says);
    report.count("search_results", middle, "so many, median");
    let unit = Unit::Nanoseconds;
    let says = "for one of them";
    report.add("search_ns_per_result", each.median_ns(), unit, says);
    Ok(())
}

/// How long `query_resource` takes for the same agents. It sees the links of the
/// agent and of its groups.
pub(super) fn measure_cedar(
    workload: &Workload,
    snapshot: &Snapshot,
    baseline: &Baseline,
) -> Result<f64, MeasureError> {
    let mut times = Times::default();
    for request in requests(workload) {
        let bundle = snapshot.bundle();
        let above = snapshot.facts().parents(&request.principal);
        let mut holders = vec![request.principal.clone()];
        holders.extend(above.map(|(parent, _)| parent));
        let mut at = 0;
        while let Some(holder) = holders.get(at) {
            let outer = snapshot.facts().parents(holder);
            let outer: Vec<EntityUid> = outer
                .map(|(parent, _)| parent)
                .filter(|parent| !holders.contains(parent))
                .collect();
            holders.extend(outer);
            at += 1;
        }
        let links = snapshot.facts().links_near(&holders, &[]);
        let policies = with_links(bundle, links)?;
        let query = ResourceQueryRequest::new(
            request.principal.clone(),
            request.action.clone(),
            request.resource.type_name().clone(),
            cedar_context(&request)?,
            bundle.schema(),
        );
        let query = query.map_err(MeasureError::cedar)?;
        let entities = baseline.entities(&request)?;
        let (found, took) = on_large_stack(|| {
            timed(|| {
                let found = policies.query_resource(&query, entities, bundle.schema());
                let found = found.map_err(MeasureError::cedar)?;
                Ok::<_, MeasureError>(found.collect::<HashSet<EntityUid>>())
            })
        });
        times.add(took, 1);
        let ours: HashSet<EntityUid> = find(snapshot, &request)?.into_iter().collect();
        if found? != ours {
            let why = format!("query_resource finds others: {request:?}");
            return Err(MeasureError::wrong("search", why));
        }
    }
    Ok(times.median_us())
}

fn find(snapshot: &Snapshot, request: &Request) -> Result<Vec<EntityUid>, MeasureError> {
    let found = search(snapshot, request, Searched::Resources, Page::ALL, MODE)?;
    Ok(found.entities)
}

/// One for each of some Admin agents of the largest partner.
fn requests(workload: &Workload) -> impl Iterator<Item = Request> + '_ {
    let agents = 0..workload.agents_of(LARGE);
    let admin = agents.filter(|agent| workload.agent(LARGE, *agent).is_in(ADMIN_AGENTS));
    admin.take(AGENTS as usize).map(|agent| {
        let agent = Kind::PartnerUser.uid(&workload.agent_id(LARGE, agent));
        // Which one is named does not matter to a search.
        read(&agent, &Kind::Subscription.uid("any"))
    })
}

/// Those that are compared: all of a small world, else some.
fn subscriptions(workload: &Workload) -> Vec<EntityUid> {
    let all = workload.customers();
    let mut customers: Vec<u32> = (0..all.min(COMPARED_CUSTOMERS_MAX)).collect();
    if all > COMPARED_CUSTOMERS_MAX {
        let own = 0..workload.customers_of(LARGE);
        let own = own.filter_map(|number| workload.customer_of(LARGE, number));
        customers.truncate(COMPARED_CUSTOMERS_MAX as usize / 2);
        customers.extend(own.take(COMPARED_CUSTOMERS_MAX as usize / 2));
    }
    let of = |customer: u32| {
        let plan = workload.customer(customer);
        let count = plan.subscriptions.len();
        let scopes = (0..).take(count).map(Scope::Subscription);
        let uids = scopes.map(|scope| workload.scope_uid(&plan, scope));
        uids.collect::<Vec<EntityUid>>()
    };
    customers.into_iter().flat_map(of).collect()
}

/// What a search found is what decisions allow.
fn is_filtered(
    snapshot: &Snapshot,
    request: &Request,
    subscriptions: &[EntityUid],
    found: &[EntityUid],
) -> Result<(), MeasureError> {
    let listed: HashSet<&EntityUid> = found.iter().collect();
    let mut one = request.clone();
    let mut allows = |uid: &EntityUid| -> Result<bool, MeasureError> {
        one.resource = uid.clone();
        let query = Query::new(snapshot, &one)?;
        Ok(Outcome::of(snapshot, &query, MODE)?.allows())
    };
    for uid in subscriptions {
        if allows(uid)? != listed.contains(uid) {
            let why = format!("{uid} is found and denied, or allowed and not found");
            return Err(MeasureError::wrong("search", why));
        }
    }
    for uid in found.iter().take(subscriptions.len()) {
        if !allows(uid)? {
            return Err(MeasureError::wrong("search", format!("{uid} is denied")));
        }
    }
    match listed.len() == found.len() {
        true => Ok(()),
        false => Err(MeasureError::wrong("search", "it finds something twice")),
    }
}
