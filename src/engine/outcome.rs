//! Deciding a query: the policies of its environment, and the links and standing
//! policies at the scopes above its resource.

use std::sync::Arc;

use smallvec::SmallVec;

use super::compile::{Body, Compiled, Environment, StandingCode};
use super::decide::of_evaluation;
use super::eval::{Failure, Machine, Scratch};
use super::reference::{cedar_request, evaluate};
use super::state::{Eid, Kind, LinkRef, ListsRef, entity_of, flag, more_of};
use super::{Effect, ErrorMode, Problem, Query, Snapshot, display_uid};

/// Links at one scope above which they are looked up by the principal instead.
const FEW_LINKS: usize = 32;

/// What was decided, with policies by handle: names cost more than deciding.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Allow or deny.
    pub effect: Effect,
    pub(super) determining: SmallVec<[PolicyHandle; 2]>,
    pub(super) erroring: Vec<(PolicyHandle, Failed)>,
}

/// A policy without its name.
#[derive(Debug, Clone)]
pub(super) enum PolicyHandle {
    Static(u32),
    Link(LinkRef),
    Standing(Arc<StandingCode>),
    Named(Arc<str>),
}

/// How a policy failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    Here(Failure),
    /// As the reference evaluator told it.
    Told(Arc<str>),
}

impl Outcome {
    /// Decides a query on the snapshot it was made for.
    ///
    /// # Errors
    /// [`Problem::Refused`] if it was made for another snapshot.
    pub fn of(snapshot: &Snapshot, query: &Query, mode: ErrorMode) -> Result<Self, Problem> {
        let environment = snapshot.program().environment(query.environment);
        let (Some(environment), true) = (environment, query.snapshot == snapshot.id()) else {
            return Err(Problem::Refused {
                message: "the query was made for another snapshot; make it anew".to_owned(),
            });
        };
        if query.by_reference {
            return by_reference(snapshot, query, mode);
        }
        let mut deciding = Deciding {
            snapshot,
            machine: Machine::new(snapshot.state(), query),
            scratch: Scratch::default(),
            environment,
            permits: SmallVec::new(),
            forbids: SmallVec::new(),
            erroring: Vec::new(),
        };
        deciding.statics();
        deciding.at_scopes();
        if environment.by_principal_only {
            deciding.of_principals();
        }
        Ok(deciding.outcome(mode))
    }

    /// Whether it allows.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.effect == Effect::Allow
    }

    /// How many policies made the effect.
    #[must_use]
    pub fn determining_count(&self) -> usize {
        self.determining.len()
    }

    /// How many policies failed.
    #[must_use]
    pub fn erroring_count(&self) -> usize {
        self.erroring.len()
    }
}

struct Deciding<'a> {
    snapshot: &'a Snapshot,
    machine: Machine<'a>,
    scratch: Scratch<'a>,
    environment: &'a Environment,
    permits: SmallVec<[PolicyHandle; 2]>,
    forbids: SmallVec<[PolicyHandle; 2]>,
    erroring: Vec<(PolicyHandle, Failed)>,
}

impl<'a> Deciding<'a> {
    fn statics(&mut self) {
        let environment = self.environment;
        for compiled in &environment.policies {
            let held = self.holds(compiled);
            self.note(compiled.permits, &held, || {
                PolicyHandle::Static(compiled.policy)
            });
        }
    }

    fn holds(&mut self, compiled: &Compiled) -> Result<bool, Failed> {
        match &compiled.body {
            Body::Always => Ok(true),
            Body::Code(code) => {
                let held = self.machine.test(code, &mut self.scratch);
                held.map_err(Failed::Here)
            }
            Body::Reference(set) => {
                let told = |message: String| Failed::Told(message.into());
                let asked =
                    ask_reference(self.snapshot, self.machine.query, |request, entities| {
                        evaluate(request, set, entities)
                    });
                let evaluation = asked.map_err(|problem| told(problem.to_string()))?;
                match evaluation.erroring.into_iter().next() {
                    Some((_, message)) => Err(told(message)),
                    None => Ok(!evaluation.determining.is_empty()),
                }
            }
        }
    }

    fn note(
        &mut self,
        permits: bool,
        held: &Result<bool, Failed>,
        handle: impl FnOnce() -> PolicyHandle,
    ) {
        match held {
            Ok(false) => {}
            Ok(true) if permits => self.permits.push(handle()),
            Ok(true) => self.forbids.push(handle()),
            Err(failed) => self.erroring.push((handle(), failed.clone())),
        }
    }

    /// Links and standing policies at the resource and at each scope above it.
    fn at_scopes(&mut self) {
        let resource = self.machine.query.resource;
        let mut bodies = Bodies::default();
        let standing = !self.snapshot.standing().is_empty();
        if standing {
            self.standing_at(None);
        }
        let mut visit = |this: &mut Self, scope: Eid| {
            this.links_at(scope, &mut bodies);
            if standing {
                this.standing_at(Some(scope));
            }
        };
        visit(self, resource);
        for scope in self.machine.above(resource).iter() {
            visit(self, scope);
        }
    }

    fn links_at(&mut self, scope: Eid, bodies: &mut Bodies) {
        let Some(row) = self.machine.state.row(scope) else {
            return;
        };
        if !row.has_flag(flag::LINKS) {
            return;
        }
        let lists = row.lists();
        let links = lists.of(Kind::LINK_AT);
        if links.at_most(FEW_LINKS) {
            for entry in links {
                self.link(scope, entity_of(entry), more_of(entry), bodies);
            }
            return;
        }
        // Many were given something here, and the question is of one.
        let principal = self.machine.query.principal;
        let above = self.machine.above(principal);
        let holders = above.iter().chain([principal, Eid::NONE]);
        self.links_of(lists, scope, holders, bodies);
    }

    fn links_of(
        &mut self,
        lists: ListsRef<'_>,
        scope: Eid,
        principals: impl Iterator<Item = Eid>,
        bodies: &mut Bodies,
    ) {
        for principal in principals {
            for entry in lists.at(Kind::LINK_AT, principal) {
                self.link(scope, principal, more_of(entry), bodies);
            }
        }
    }

    fn link(&mut self, scope: Eid, principal: Eid, template: u16, bodies: &mut Bodies) {
        let environment = self.environment;
        let compiled = environment.templates.get(usize::from(template));
        let Some(compiled) = compiled.and_then(Option::as_ref) else {
            return;
        };
        let query = self.machine.query;
        if compiled.resource_is && scope != query.resource {
            return;
        }
        let fits = match principal {
            Eid::NONE => true,
            own if own == query.principal => true,
            _ if compiled.principal_is => false,
            other => self.machine.is_in(query.principal, other),
        };
        if fits {
            let held = bodies.held(template, || self.holds(&compiled.compiled));
            let link = LinkRef {
                template,
                principal,
                resource: scope,
            };
            self.note(compiled.compiled.permits, &held, || {
                PolicyHandle::Link(link)
            });
        }
    }

    /// Links that name no resource.
    fn of_principals(&mut self) {
        let principal = self.machine.query.principal;
        let mut bodies = Bodies::default();
        let above = self.machine.above(principal);
        for holder in above.iter().chain([principal]) {
            let Some(row) = self.machine.state.row(holder) else {
                continue;
            };
            for entry in row.lists().at(Kind::LINK_OF, Eid::NONE) {
                let template = more_of(entry);
                let environment = self.environment;
                let compiled = environment.templates.get(usize::from(template));
                let Some(compiled) = compiled.and_then(Option::as_ref) else {
                    continue;
                };
                if compiled.principal_is && holder != principal {
                    continue;
                }
                let held = bodies.held(template, || self.holds(&compiled.compiled));
                let link = LinkRef {
                    template,
                    principal: holder,
                    resource: Eid::NONE,
                };
                self.note(compiled.compiled.permits, &held, || {
                    PolicyHandle::Link(link)
                });
            }
        }
    }

    fn standing_at(&mut self, scope: Option<Eid>) {
        let snapshot = self.snapshot;
        for code in snapshot.standing().at(scope) {
            if let Some(compiled) = code.compiled.get(&self.machine.query.environment) {
                let held = self.holds(compiled);
                let handle = || PolicyHandle::Standing(Arc::clone(code));
                self.note(compiled.permits, &held, handle);
            }
        }
    }

    fn outcome(self, mode: ErrorMode) -> Outcome {
        let failed = mode == ErrorMode::Strict && !self.erroring.is_empty();
        let allow = !failed && self.forbids.is_empty() && !self.permits.is_empty();
        Outcome {
            effect: if allow { Effect::Allow } else { Effect::Deny },
            determining: if allow { self.permits } else { self.forbids },
            erroring: self.erroring,
        }
    }
}

/// A template's condition asks nothing of the link, so it is run once.
#[derive(Default)]
struct Bodies(SmallVec<[(u16, Result<bool, Failed>); 4]>);

impl Bodies {
    fn held(
        &mut self,
        template: u16,
        run: impl FnOnce() -> Result<bool, Failed>,
    ) -> Result<bool, Failed> {
        if let Some((_, held)) = self.0.iter().find(|(known, _)| *known == template) {
            return held.clone();
        }
        let held = run();
        self.0.push((template, held.clone()));
        held
    }
}

fn by_reference(snapshot: &Snapshot, query: &Query, mode: ErrorMode) -> Result<Outcome, Problem> {
    let Some(request) = &query.request else {
        return Err(Problem::Refused {
            message: "the query does not hold its request".to_owned(),
        });
    };
    let reference = snapshot.reference().map_err(refused)?;
    Ok(of_evaluation(reference.evaluate(request)?, mode))
}

fn ask_reference<T>(
    snapshot: &Snapshot,
    query: &Query,
    ask: impl FnOnce(&cedar_policy::Request, &cedar_policy::Entities) -> T,
) -> Result<T, Problem> {
    let Some(request) = &query.request else {
        return Err(Problem::Refused {
            message: "the query does not hold its request".to_owned(),
        });
    };
    let reference = snapshot.reference().map_err(refused)?;
    let entities = reference.entities_for(request)?;
    Ok(ask(&cedar_request(request)?, &entities))
}

fn refused(error: super::EngineError) -> Problem {
    Problem::Refused {
        message: error.to_string(),
    }
}

impl Failed {
    /// In words.
    pub(super) fn describe(&self, snapshot: &Snapshot, query: &Query) -> String {
        let name = |eid: &Eid| {
            let uid = query.uid(snapshot.state(), *eid);
            uid.as_ref().map_or_else(|| "?".to_owned(), display_uid)
        };
        match self {
            Self::Told(message) => message.to_string(),
            Self::Here(Failure::NoAttribute(None)) => {
                "a record does not have the attribute that is read".to_owned()
            }
            Self::Here(Failure::NoAttribute(Some(eid))) => {
                let row = query.own_row(*eid).or_else(|| snapshot.state().row(*eid));
                let stored = row.is_some_and(|row| row.has_flag(flag::STORED));
                match stored {
                    true => format!("`{}` does not have the attribute that is read", name(eid)),
                    false => format!("entity `{}` does not exist", name(eid)),
                }
            }
            Self::Here(Failure::NoTag(eid)) => {
                format!("`{}` does not have the tag that is read", name(eid))
            }
            Self::Here(Failure::Overflow) => {
                "integer overflow: the result does not fit into 64 bits".to_owned()
            }
            Self::Here(Failure::Type) => "a value is not of the type that is needed".to_owned(),
        }
    }
}
