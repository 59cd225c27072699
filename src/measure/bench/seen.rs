//! Whether an update is seen by the next decision.
//!
//! Where a fact alone decides nothing, a probe does: an agent that nothing is
//! known of is given a role, in both snapshots alike, and asks.

use std::collections::BTreeMap;

use super::MeasureError;
use crate::engine::{
    Change, Decision, Effect, EntityUid, ErrorMode, Link, Request, Snapshot, decide,
};
use crate::measure::ids::Kind;
use crate::measure::plan::AZURE_ROLES;
use crate::measure::question::now;
use crate::measure::workload::LARGE;
use crate::measure::{UpdateKind, Workload};

/// An operation that every role of a workload covers.
pub(super) const READ: &str = "microsoft.compute/virtualmachines/read";
/// Number of the Reader in [`AZURE_ROLES`].
const READER: usize = 2;

/// Fails if the snapshot after some changes decides as the one before.
pub(super) fn check(
    workload: &Workload,
    kind: UpdateKind,
    changes: &[Change],
    before: &Snapshot,
    after: &Snapshot,
) -> Result<(), MeasureError> {
    let seen = match kind {
        UpdateKind::Privileges => privileges(workload, changes, before, after),
        UpdateKind::Link => link(workload, changes, before, after)?,
        UpdateKind::Attribute => attribute(changes, before, after),
        UpdateKind::Move | UpdateKind::Resource => scope(workload, changes, before, after)?,
    };
    match seen && after.revision() > before.revision() {
        true => Ok(()),
        false => Err(MeasureError::wrong(
            "update",
            format!("the next decision does not see {changes:?}"),
        )),
    }
}

/// An agent of the largest partner may sign in to the customer's tenant, or may
/// no longer.
fn privileges(
    workload: &Workload,
    changes: &[Change],
    before: &Snapshot,
    after: &Snapshot,
) -> bool {
    let mut customers = changes.iter().filter_map(|change| match change {
        Change::PutEntity(entity) if is(&entity.uid, Kind::Customer) => Some(&entity.uid),
        _ => None,
    });
    let Some(customer) = customers.next() else {
        return false;
    };
    // The first agent of every partner is an Admin agent.
    let agent = Kind::PartnerUser.uid(&workload.agent_id(LARGE, 0));
    let request = Request {
        principal: agent,
        action: Kind::Action.uid("SignInToCustomerTenant"),
        resource: customer.clone(),
        context: BTreeMap::from([("now".to_owned(), now())]),
        entities: Vec::new(),
    };
    ask(before, &request).effect != ask(after, &request).effect
}

/// The link determines the answer to whoever it reaches, on one side only.
fn link(
    workload: &Workload,
    changes: &[Change],
    before: &Snapshot,
    after: &Snapshot,
) -> Result<bool, MeasureError> {
    let [Change::AddLink(link) | Change::RemoveLink(link)] = changes else {
        return Ok(false);
    };
    let (Some(principal), Some(scope)) = (&link.principal, &link.resource) else {
        return Ok(false);
    };
    let member = probe(workload);
    let joins = || Change::AddEdge {
        child: member.clone(),
        parent: principal.clone(),
        kind: crate::engine::EdgeKind::Explicit,
    };
    let mut determines = [false; 2];
    for (snapshot, determines) in [before, after].into_iter().zip(&mut determines) {
        let decision = match is(principal, Kind::SecurityGroup) {
            true => ask(&snapshot.next(vec![joins()])?, &read(&member, scope)),
            false => ask(snapshot, &read(principal, scope)),
        };
        // A deleted user may do nothing, whatever it holds.
        let holder = std::slice::from_ref(principal);
        let held = snapshot.facts().links_near(holder, &[]);
        *determines = match decision.effect {
            Effect::Deny if is(principal, Kind::CustomerUser) => held.contains(link),
            _ => decision.determining.iter().any(|p| p.id == link.id()),
        };
    }
    let added = matches!(changes, [Change::AddLink(_)]);
    Ok(determines == [!added, added])
}

/// No policy reads the attribute that changes, so the fact itself must do.
fn attribute(changes: &[Change], before: &Snapshot, after: &Snapshot) -> bool {
    changes.iter().all(|change| match change {
        Change::PutEntity(entity) => {
            let attrs = |snapshot: &Snapshot| {
                let stored = snapshot.facts().entity(&entity.uid);
                stored.map(|stored| stored.attrs)
            };
            let wanted = Some(&entity.attrs);
            attrs(before).as_ref() != wanted && attrs(after).as_ref() == wanted
        }
        _ => false,
    })
}

/// A role above it reaches a scope from the time that it is there, and not a time
/// longer; of nested places it may come from one into another.
fn scope(
    workload: &Workload,
    changes: &[Change],
    before: &Snapshot,
    after: &Snapshot,
) -> Result<bool, MeasureError> {
    let probe = probe(workload);
    let mut differ = false;
    for change in changes {
        let (child, parent, comes) = match change {
            Change::AddEdge { child, parent, .. } => (child, parent, true),
            Change::RemoveEdge { child, parent } => (child, parent, false),
            Change::PutEntity(entity) => match entity.parents.keys().next() {
                Some(parent) => (&entity.uid, parent, true),
                None => return Ok(false),
            },
            _ => return Ok(false),
        };
        let reader = Link {
            template: AZURE_ROLES
                .get(READER)
                .map_or_else(String::new, |(_, template)| (*template).to_owned()),
            principal: Some(probe.clone()),
            resource: Some(parent.clone()),
        };
        let reaches = |snapshot: &Snapshot| -> Result<bool, MeasureError> {
            let snapshot = snapshot.next(vec![Change::AddLink(reader.clone())])?;
            Ok(ask(&snapshot, &read(&probe, child)).allows())
        };
        let (was, is) = (reaches(before)?, reaches(after)?);
        if !(if comes { is } else { was }) {
            return Ok(false);
        }
        differ |= was != is;
    }
    Ok(differ)
}

/// How many entities moved: the one whose place changes, and all below it.
pub(super) fn nodes_below(snapshot: &Snapshot, changes: &[Change]) -> usize {
    let moved = changes.iter().find_map(|change| match change {
        Change::AddEdge { child, .. } | Change::RemoveEdge { child, .. } => Some(child.clone()),
        _ => None,
    });
    let mut open: Vec<EntityUid> = moved.into_iter().collect();
    let mut count = 0;
    while let Some(uid) = open.pop() {
        count += 1;
        open.extend(snapshot.facts().explicit_members(&uid));
    }
    count
}

fn ask(snapshot: &Snapshot, request: &Request) -> Decision {
    decide(snapshot, request, ErrorMode::Strict)
}

/// A request to read a scope.
pub(super) fn read(principal: &EntityUid, scope: &EntityUid) -> Request {
    let operation = crate::engine::Value::string(READ);
    Request {
        principal: principal.clone(),
        action: Kind::Action.uid("AzureOperation"),
        resource: scope.clone(),
        context: BTreeMap::from([
            ("now".to_owned(), now()),
            ("operation".to_owned(), operation),
        ]),
        entities: Vec::new(),
    }
}

fn probe(workload: &Workload) -> EntityUid {
    Kind::PartnerUser.uid(&workload.unknown_id(u64::MAX))
}

fn is(uid: &EntityUid, kind: Kind) -> bool {
    *uid.type_name() == *kind.uid("").type_name()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::directory::Profile;
    use crate::engine::Revision;

    #[test]
    fn what_changed_nothing_is_not_seen() {
        let workload = Workload::new(1, 40);
        let bundle = Arc::new(Profile::Seed.bundle().unwrap());
        let before = Snapshot::build(bundle, workload.changes(), Revision(0)).unwrap();
        let idle = before.next(Vec::new()).unwrap();
        for kind in UpdateKind::ALL {
            let changes = workload.update(kind, 1).unwrap().apply;
            let after = before.next(changes.clone()).unwrap();
            let seen = |after| check(&workload, kind, &changes, &before, after);
            assert!(seen(&after).is_ok(), "{kind:?}");
            assert!(seen(&idle).is_err(), "{kind:?}");
        }
    }
}
