//! Searches and batches against single decisions: a search finds exactly the
//! known entities that are allowed, pages joined are the whole, a batch answers
//! as its questions do one by one.
//!
//! The two engines here answer one request by a search, or in a batch; so what
//! they do wrong is compared, cut small and saved like any other difference.

use std::collections::BTreeSet;

use aobo::engine::{
    Decision, EntityUid, ErrorMode, Found, Page, Problem, Query, Request, Searched, Snapshot,
    decide, decide_batch, intern_batch, search,
};

use super::compare::Answer;
use crate::support::Rng;

pub(super) const SIDES: [Searched; 2] = [Searched::Principals, Searched::Resources];
pub(super) const MODES: [ErrorMode; 2] = [ErrorMode::Cedar, ErrorMode::Strict];

/// What searches did, so that they are known to have found something.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Looked {
    pub(super) searches: usize,
    /// Entities that were decided one by one.
    pub(super) decided: usize,
    pub(super) found: usize,
    pub(super) pages: usize,
    pub(super) refused: usize,
}

impl Looked {
    pub(super) fn add(&mut self, other: Self) {
        self.searches += other.searches;
        self.decided += other.decided;
        self.found += other.found;
        self.pages += other.pages;
        self.refused += other.refused;
    }
}

/// Answers by searching both sides: it allows if the parties are found. What
/// nobody knows is not searched for.
pub(super) fn engine(snapshot: &Snapshot, request: &Request, mode: ErrorMode) -> Answer {
    let mut answer = Answer::of(&decide(snapshot, request, mode));
    for side in SIDES {
        let party = party(request, side);
        if !snapshot.facts().knows(party) {
            continue;
        }
        match search(snapshot, request, side, Page::ALL, mode) {
            Ok(found) => answer.allows = found.entities.contains(party),
            Err(_) => return Answer::failed("a problem"),
        }
    }
    answer
}

/// Answers as the last of some questions that are decided together.
pub(super) fn batch(snapshot: &Snapshot, request: &Request, mode: ErrorMode) -> Answer {
    let several = vec![request.clone(); 2];
    let answers = in_batch(snapshot, &several, mode);
    let last = answers.into_iter().next_back();
    last.map_or_else(|| Answer::failed("no answer"), |d| Answer::of(&d))
}

/// A request on which a search and a decision differ, if there is one.
pub(super) fn differing(
    rng: &mut Rng,
    snapshot: &Snapshot,
    request: &Request,
    looked: &mut Looked,
) -> Option<Request> {
    for side in SIDES {
        for mode in MODES {
            let found = match search(snapshot, request, side, Page::ALL, mode) {
                Ok(found) => found,
                Err(problem) => {
                    looked.refused += 1;
                    let same = decide(snapshot, request, mode).problem == Some(problem);
                    return (!same).then(|| request.clone());
                }
            };
            let odd = against_decisions(snapshot, request, (side, mode), &found, looked);
            if odd.is_some() {
                return odd;
            }
            pages(rng, snapshot, request, (side, mode), &found, looked);
        }
    }
    None
}

fn against_decisions(
    snapshot: &Snapshot,
    request: &Request,
    (side, mode): (Searched, ErrorMode),
    found: &Found,
    looked: &mut Looked,
) -> Option<Request> {
    let among: BTreeSet<&EntityUid> = found.entities.iter().collect();
    assert_eq!(
        among.len(),
        found.entities.len(),
        "none twice: {side:?} {mode:?} {request:#?}"
    );
    looked.searches += 1;
    looked.found += among.len();
    let ty = party(request, side).type_name();
    let mut known = 0;
    for entity in snapshot.facts().entities() {
        if entity.uid.type_name() != ty {
            continue;
        }
        let asked = with(request, side, entity.uid);
        known += usize::from(among.contains(party(&asked, side)));
        looked.decided += 1;
        let allows = decide(snapshot, &asked, mode).allows();
        if allows != among.contains(party(&asked, side)) {
            return Some(asked);
        }
    }
    assert_eq!(known, among.len(), "only known ones: {side:?} {request:#?}");
    None
}

/// Pages of any length, one after the other, are the whole.
fn pages(
    rng: &mut Rng,
    snapshot: &Snapshot,
    request: &Request,
    (side, mode): (Searched, ErrorMode),
    whole: &Found,
    looked: &mut Looked,
) {
    assert_eq!(whole.more_after, None, "a page of any length is the last");
    let mut joined: Vec<EntityUid> = Vec::new();
    let mut after: Option<EntityUid> = None;
    for _ in 0..=whole.entities.len() {
        let limit = 1 + rng.below(whole.entities.len().clamp(1, 7));
        let page = Page {
            after: after.as_ref(),
            limit,
        };
        let page = search(snapshot, request, side, page, mode).expect("as the whole");
        assert!(page.entities.len() <= limit, "no more than asked for");
        looked.pages += 1;
        joined.extend(page.entities);
        after = page.more_after;
        if after.is_none() {
            break;
        }
        assert_eq!(after.as_ref(), joined.last(), "after the last of a page");
    }
    assert_eq!(after, None, "pages come to an end");
    assert_eq!(joined, whole.entities, "{side:?} {mode:?} {request:#?}");
}

/// Fails unless a batch answers as each of its questions alone.
#[track_caller]
pub(super) fn check_batch(snapshot: &Snapshot, requests: &[Request]) {
    for mode in MODES {
        let together = in_batch(snapshot, requests, mode);
        assert_eq!(together.len(), requests.len());
        for (request, together) in requests.iter().zip(&together) {
            let alone = decide(snapshot, request, mode);
            let said = |d: &Decision| {
                let (determining, erroring) = (d.determining.clone(), d.erroring.clone());
                (d.effect, determining, erroring, d.problem.clone())
            };
            assert_eq!(said(together), said(&alone), "{mode:?} {request:#?}");
        }
    }
}

fn in_batch(snapshot: &Snapshot, requests: &[Request], mode: ErrorMode) -> Vec<Decision> {
    let interned = intern_batch(snapshot, requests);
    let queries: Vec<Query> = interned.iter().flatten().cloned().collect();
    let mut outcomes = queries.iter().zip(decide_batch(snapshot, &queries, mode));
    let mut decision = |interned: Result<Query, Problem>| {
        let decided = interned.and_then(|_| {
            let (query, outcome) = outcomes.next().expect("an outcome for each query");
            Ok(Decision::naming(snapshot, query, &outcome?))
        });
        decided.unwrap_or_else(|problem| Decision::refusing(snapshot, problem))
    };
    interned.into_iter().map(&mut decision).collect()
}

fn party(request: &Request, side: Searched) -> &EntityUid {
    match side {
        Searched::Principals => &request.principal,
        Searched::Resources => &request.resource,
    }
}

fn with(request: &Request, side: Searched, uid: EntityUid) -> Request {
    let mut asked = request.clone();
    match side {
        Searched::Principals => asked.principal = uid,
        Searched::Resources => asked.resource = uid,
    }
    asked
}
