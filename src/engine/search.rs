//! Searches: which resources, or which principals, make a question an allow.
//!
//! The permits of the environment say where candidates are ([`seek`]); each one
//! is then decided like any other question. So a search finds exactly what
//! decisions allow among the entities that are stored or have parents.
//!
//! INVARIANT (search is evaluation): an entity is found exactly if deciding the
//! request with it allows.
//!
//! [`seek`]: super::compile::seek

use std::collections::BTreeSet;

use cedar_policy::EntityUid;

use super::compile::seek::{Reach, Seek, Start};
use super::compile::{Compiled, Environment};
use super::eval::{Machine, V};
use super::state::{Eid, Kind, State, TypeId, entity_of};
use super::{ErrorMode, Outcome, Problem, Query, Request, Snapshot};

/// Which part of a request is searched. Its type is that of the request's
/// entity; the entity's own id does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Searched {
    /// Who may?
    Principals,
    /// On what?
    Resources,
}

/// Where a page of results begins, and how long it may be.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Begin after this entity.
    pub after: Option<&'a EntityUid>,
    /// Results, at most; at least one is looked for.
    pub limit: usize,
}

impl Page<'_> {
    /// Everything at once.
    pub const ALL: Self = Self {
        after: None,
        limit: usize::MAX,
    };
}

/// A page of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In the order in which the engine first heard of them.
    pub entities: Vec<EntityUid>,
    /// The last entity, if there may be more after it.
    pub more_after: Option<EntityUid>,
}

/// Finds who or what makes a request an allow.
///
/// # Errors
/// [`Problem`] if the request does not fit the schema, or if the page begins
/// after an entity that the snapshot has never heard of.
pub fn search(
    snapshot: &Snapshot,
    request: &Request,
    searched: Searched,
    page: Page<'_>,
    mode: ErrorMode,
) -> Result<Found, Problem> {
    let mut query = Query::new(snapshot, request)?;
    let state = snapshot.state();
    let after = page.after.map(|uid| {
        state.lookup(uid).ok_or_else(|| Problem::BadValue {
            place: "page".to_owned(),
            message: format!("`{uid}` is not known here; begin the search again"),
        })
    });
    let after = after.transpose()?;
    let mut candidates = candidates(snapshot, &query, searched);
    candidates.retain(|eid| after.is_none_or(|after| *eid > after));
    let mut found = Found {
        entities: Vec::new(),
        more_after: None,
    };
    for eid in candidates {
        match searched {
            Searched::Principals => query.principal = eid,
            Searched::Resources => query.resource = eid,
        }
        if query.request().is_some() {
            query.name_again(state, searched == Searched::Resources);
        }
        if !Outcome::of(snapshot, &query, mode)?.allows() {
            continue;
        }
        if found.entities.len() >= page.limit.max(1) {
            found.more_after = found.entities.last().cloned();
            break;
        }
        found.entities.extend(state.uid(eid));
    }
    Ok(found)
}

/// A superset of what the search finds, in order.
fn candidates(snapshot: &Snapshot, query: &Query, searched: Searched) -> BTreeSet<Eid> {
    let Some(environment) = snapshot.program().environment(query.environment) else {
        return BTreeSet::new();
    };
    let state = snapshot.state();
    let mut seeking = Seeking {
        state,
        machine: Machine::new(state, query, environment),
        environment,
        searched,
        found: BTreeSet::new(),
        expanded: BTreeSet::new(),
        all: false,
    };
    for compiled in &environment.policies {
        seeking.policy(compiled);
    }
    for code in snapshot.standing().codes() {
        if let Some(compiled) = code.compiled.get(&query.environment) {
            seeking.policy(compiled);
        }
    }
    match searched {
        Searched::Resources => seeking.links_of_principal(),
        Searched::Principals => seeking.links_at_resource(),
    }
    seeking.candidates()
}

struct Seeking<'a> {
    state: &'a State,
    machine: Machine<'a>,
    environment: &'a Environment,
    searched: Searched,
    found: BTreeSet<Eid>,
    /// Entities of which everything below was found.
    expanded: BTreeSet<Eid>,
    /// Whether everything of the type is a candidate.
    all: bool,
}

impl<'a> Seeking<'a> {
    fn ty(&self) -> TypeId {
        match self.searched {
            Searched::Principals => self.environment.principal,
            Searched::Resources => self.environment.resource,
        }
    }

    fn candidates(mut self) -> BTreeSet<Eid> {
        let (state, ty) = (self.state, self.ty());
        if self.all {
            self.found = state.all_of(ty).collect();
        }
        self.found
            .retain(|eid| state.type_of(*eid) == Some(ty) && state.is_known(*eid));
        self.found
    }

    fn policy(&mut self, compiled: &Compiled) {
        if compiled.permits {
            self.seek(match self.searched {
                Searched::Principals => &compiled.seek_principal,
                Searched::Resources => &compiled.seek_resource,
            });
        }
    }

    fn seek(&mut self, seek: &Seek) {
        match seek {
            _ if self.all => {}
            Seek::Nothing => {}
            Seek::Scan => self.all = true,
            Seek::Any(seeks) => seeks.iter().for_each(|seek| self.seek(seek)),
            Seek::From(start) => self.start(start),
        }
    }

    fn start(&mut self, start: &Start) {
        if !start.path.iter().all(|kind| self.state.keeps(*kind)) {
            self.all = true;
            return;
        }
        // Where the expression fails, so does the permit for every candidate.
        let values = match self.machine.run(&start.code) {
            Ok(V::Entity(eid)) => vec![eid],
            Ok(value) => self.elements(&value),
            Err(_) => return,
        };
        let mut here: BTreeSet<Eid> = values.iter().copied().collect();
        match start.reach {
            Reach::Itself => {}
            Reach::Above => {
                for eid in values {
                    here.extend(self.machine.above(eid).iter());
                }
            }
            Reach::Below => {
                for eid in values {
                    here.extend(self.state.all_descendants(eid));
                }
            }
        }
        for kind in &start.path {
            let referring = here.iter().flat_map(|eid| self.state.entries(*eid, *kind));
            here = referring.map(entity_of).collect();
        }
        self.found.extend(here);
    }

    fn elements(&self, value: &V<'a>) -> Vec<Eid> {
        let canonical = self.machine.canonical(value).ok();
        let items = canonical.as_ref().and_then(|value| value.items());
        let items = items.unwrap_or_default().iter();
        items
            .filter_map(|item| match item {
                super::canonical::Canonical::Entity(eid) => Some(*eid),
                _ => None,
            })
            .collect()
    }

    /// Whatever the principal, or what it is in, was given by links.
    fn links_of_principal(&mut self) {
        let principal = self.machine.query.principal;
        let above = self.machine.above(principal);
        for holder in above.iter().chain([principal]) {
            for link in self.state.links_of(holder) {
                let Some(compiled) = self.permitting(link.template) else {
                    continue;
                };
                match link.resource {
                    Eid::NONE => self.policy(&compiled.compiled),
                    scope if compiled.resource_is => {
                        self.found.insert(scope);
                    }
                    scope => self.below(scope),
                }
            }
        }
        if self.environment.by_resource_only {
            // Links that name no principal stand at their resources only.
            self.all = true;
        }
    }

    /// Whoever was given something at the resource or above it.
    fn links_at_resource(&mut self) {
        let resource = self.machine.query.resource;
        let above = self.machine.above(resource);
        for scope in above.iter().chain([resource]) {
            for link in self.state.links_at(scope) {
                let Some(compiled) = self.permitting(link.template) else {
                    continue;
                };
                match link.principal {
                    Eid::NONE => self.policy(&compiled.compiled),
                    holder if compiled.principal_is => {
                        self.found.insert(holder);
                    }
                    holder => self.below(holder),
                }
            }
        }
        if self.environment.by_principal_only {
            // Links that name no resource stand at their principals only.
            self.all = true;
        }
    }

    fn permitting(&self, template: u16) -> Option<&'a super::compile::CompiledTemplate> {
        let environment: &'a Environment = self.environment;
        let compiled = environment.templates.get(usize::from(template));
        let compiled = compiled.and_then(Option::as_ref);
        compiled.filter(|compiled| compiled.compiled.permits)
    }

    /// An entity and all below it that can be of the searched type.
    fn below(&mut self, from: Eid) {
        let mut open = vec![from];
        while let Some(eid) = open.pop() {
            if !self.expanded.insert(eid) {
                continue;
            }
            if self.state.type_of(eid) == Some(self.ty()) {
                self.found.insert(eid);
            }
            if !self.state.may_hold(eid, self.ty()) {
                continue;
            }
            for kind in [Kind::CHILD, Kind::WIDE_CHILD] {
                open.extend(self.state.entries(eid, kind).map(entity_of));
            }
        }
    }
}
