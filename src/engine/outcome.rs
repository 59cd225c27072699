//! Deciding a query: the policies of its environment, and the links and standing
//! policies at the scopes above its resource.

use std::sync::Arc;

use cedar_policy::PolicySet;
use smallvec::SmallVec;

use super::ahead::Stage;
use super::compile::{Body, Compiled, CompiledTemplate, Environment};
use super::decide::of_evaluation;
use super::eval::{Above, Failure, Machine};
use super::reference::{cedar_request, evaluate};
use super::state::{Eid, Kind, LinkRef, Narrow, Row, entity_of, flag, more_of};
use super::{Effect, ErrorMode, Problem, Query, Snapshot, display_uid};

/// Links at one scope above which they are looked up by the principal instead.
const FEW_LINKS: usize = 32;

/// What was decided, with policies by handle: names cost more than deciding.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Allow or deny.
    pub effect: Effect,
    pub(super) determining: SmallVec<[PolicyHandle; 2]>,
    pub(super) rest: Option<Box<Rest>>,
}

/// What few outcomes have.
#[derive(Debug, Clone, Default)]
pub(super) struct Rest {
    pub(super) erroring: Vec<(PolicyHandle, Failed)>,
    /// How the reference evaluator told the last failure, if it was its.
    told: Option<Arc<str>>,
    /// Ids of policies that have no number.
    pub(super) names: Vec<Arc<str>>,
}

/// A policy without its name.
#[derive(Debug, Clone, Copy)]
pub(super) enum PolicyHandle {
    Static(u32),
    Link(LinkRef),
    /// By place among the outcome's names.
    Named(u32),
}

impl Rest {
    pub(super) fn named(&mut self, id: &str) -> PolicyHandle {
        self.names.push(id.into());
        PolicyHandle::Named(u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX))
    }
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
        let far = snapshot.state().is_far();
        Self::asking(snapshot, query, mode, far)
    }

    /// The same where somebody has asked for the memory that it needs.
    pub(super) fn of_asked(
        snapshot: &Snapshot,
        query: &Query,
        mode: ErrorMode,
    ) -> Result<Self, Problem> {
        Self::asking(snapshot, query, mode, false)
    }

    #[inline]
    fn asking(
        snapshot: &Snapshot,
        query: &Query,
        mode: ErrorMode,
        ahead: bool,
    ) -> Result<Self, Problem> {
        let environment = snapshot.program().environment(query.environment);
        let (Some(environment), true) = (environment, query.snapshot == snapshot.id()) else {
            return Err(Problem::Refused {
                message: "the query was made for another snapshot; make it anew".to_owned(),
            });
        };
        if query.by_reference() {
            return by_reference(snapshot, query, mode);
        }
        if ahead {
            query.ask_ahead(snapshot, Stage::Rows);
        }
        let mut deciding = Deciding {
            snapshot,
            machine: Machine::new(snapshot.state(), query, environment),
            environment,
            bodies: Bodies::default(),
            standing: !snapshot.standing().is_empty(),
            determining: SmallVec::new(),
            forbidden: false,
            rest: None,
        };
        if ahead {
            let rows = [deciding.machine.principal(), deciding.machine.resource()];
            environment.ask_ahead(snapshot.state(), rows, Stage::Named);
            environment.ask_ahead(snapshot.state(), rows, Stage::Lists);
        }
        deciding.statics();
        if environment.has_templates || deciding.standing {
            deciding.at_scopes();
        }
        if environment.by_principal_only {
            deciding.of_principals();
        }
        let Deciding {
            determining,
            forbidden,
            rest,
            ..
        } = deciding;
        Ok(Self::new(determining, forbidden, rest, mode))
    }

    #[inline]
    fn new(
        mut determining: SmallVec<[PolicyHandle; 2]>,
        forbidden: bool,
        rest: Option<Box<Rest>>,
        mode: ErrorMode,
    ) -> Self {
        let erroring = rest.as_ref().is_some_and(|rest| !rest.erroring.is_empty());
        let failed = mode == ErrorMode::Strict && erroring;
        if failed && !forbidden {
            // Permits do not determine a deny that a failure made.
            determining.clear();
        }
        let allow = !failed && !forbidden && !determining.is_empty();
        Self {
            effect: if allow { Effect::Allow } else { Effect::Deny },
            determining,
            rest,
        }
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
        self.rest.as_ref().map_or(0, |rest| rest.erroring.len())
    }
}

struct Deciding<'a> {
    snapshot: &'a Snapshot,
    machine: Machine<'a>,
    environment: &'a Environment,
    bodies: Bodies,
    /// Whether there are standing policies.
    standing: bool,
    /// What makes the effect as far as is known: permits until a forbid holds, then
    /// forbids alone.
    determining: SmallVec<[PolicyHandle; 2]>,
    forbidden: bool,
    rest: Option<Box<Rest>>,
}

/// How a condition comes out. What failed is with the machine, or was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    No,
    Yes,
    Failed,
}

impl<'a> Deciding<'a> {
    fn statics(&mut self) {
        let environment = self.environment;
        for compiled in &environment.policies {
            let held = self.holds(compiled);
            self.note(
                compiled.permits,
                held,
                PolicyHandle::Static(compiled.policy),
            );
        }
    }

    #[inline]
    fn holds(&mut self, compiled: &Compiled) -> Held {
        match &compiled.body {
            Body::Always => Held::Yes,
            Body::Graph(graph) => match self.machine.holds(graph) {
                Some(false) => Held::No,
                Some(true) => Held::Yes,
                None => Held::Failed,
            },
            Body::Reference(set) => self.by_reference(set).unwrap_or_else(|message| {
                self.rest.get_or_insert_default().told = Some(message.into());
                Held::Failed
            }),
        }
    }

    #[cold]
    fn by_reference(&self, set: &PolicySet) -> Result<Held, String> {
        let asked = ask_reference(self.snapshot, self.machine.query, |request, entities| {
            evaluate(request, set, entities)
        });
        let evaluation = asked.map_err(|problem| problem.to_string())?;
        match evaluation.erroring.into_iter().next() {
            Some((_, message)) => Err(message),
            None if evaluation.determining.is_empty() => Ok(Held::No),
            None => Ok(Held::Yes),
        }
    }

    #[inline]
    fn note(&mut self, permits: bool, held: Held, policy: PolicyHandle) {
        if held != Held::No {
            self.note_held(permits, held, policy);
        }
    }

    fn note_held(&mut self, permits: bool, held: Held, policy: PolicyHandle) {
        match held {
            Held::No => {}
            Held::Yes if permits && self.forbidden => {}
            Held::Yes => {
                if !permits && !self.forbidden {
                    self.forbidden = true;
                    self.determining.clear();
                }
                self.determining.push(policy);
            }
            Held::Failed => self.note_failure(policy),
        }
    }

    #[cold]
    fn note_failure(&mut self, policy: PolicyHandle) {
        let rest = self.rest.get_or_insert_default();
        let told = rest.told.take().map(Failed::Told);
        let failed = told.unwrap_or_else(|| Failed::Here(self.machine.failure()));
        rest.erroring.push((policy, failed));
    }

    /// Links and standing policies at the resource and at each scope above it.
    fn at_scopes(&mut self) {
        if self.standing {
            self.standing_at(None);
        }
        let (state, resource) = (self.machine.state, self.machine.query.resource);
        // A row that the question brings has no other links than the stored one.
        self.at_scope(resource, self.machine.resource());
        match self.machine.above_resource() {
            Above::Narrow(Narrow::Row(above)) => {
                for scope in above {
                    let row = state.row(Eid(*scope)).unwrap_or(Row::bare(&[]));
                    self.at_scope(Eid(*scope), row);
                }
            }
            above => {
                for scope in above.iter() {
                    self.at_scope(scope, state.row(scope).unwrap_or(Row::bare(&[])));
                }
            }
        }
    }

    #[inline]
    fn at_scope(&mut self, scope: Eid, row: Row<'_>) {
        if row.has_flag(flag::LINKS) {
            self.links_at(scope, row);
        }
        if self.standing {
            self.standing_at(Some(scope));
        }
    }

    /// Links at a scope whose row has some.
    fn links_at(&mut self, scope: Eid, row: Row<'_>) {
        let lists = row.lists();
        if let Some(links) = lists.few(Kind::LINK_AT, FEW_LINKS) {
            for entry in links {
                let principal = entity_of(*entry);
                if self.machine.is_principal_in(principal) {
                    self.link(scope, principal, more_of(*entry));
                }
            }
            return;
        }
        // Many were given something here, and the question is of one.
        let principal = self.machine.query.principal;
        let above = self.machine.above(principal);
        for holder in above.iter().chain([principal, Eid::NONE]) {
            for entry in lists.at(Kind::LINK_AT, holder) {
                self.link(scope, holder, more_of(entry));
            }
        }
    }

    /// Notes a link whose principal is, or encloses, that of the question.
    fn link(&mut self, scope: Eid, principal: Eid, template: u16) {
        let environment = self.environment;
        let compiled = environment.templates.get(usize::from(template));
        let Some(compiled) = compiled.and_then(Option::as_ref) else {
            return;
        };
        let query = self.machine.query;
        let far = compiled.resource_is && scope != query.resource
            || compiled.principal_is && principal != query.principal && principal != Eid::NONE;
        if far {
            return;
        }
        let held = self.body(template, compiled);
        let link = LinkRef {
            template,
            principal,
            resource: scope,
        };
        self.note(compiled.compiled.permits, held, PolicyHandle::Link(link));
    }

    /// How the condition of a template comes out. One that failed is run again,
    /// and fails again.
    fn body(&mut self, template: u16, compiled: &CompiledTemplate) -> Held {
        if let Some(held) = self.bodies.known(template) {
            return held;
        }
        let held = self.holds(&compiled.compiled);
        if held != Held::Failed {
            self.bodies.keep(template, held);
        }
        held
    }

    /// Links that name no resource.
    fn of_principals(&mut self) {
        let principal = self.machine.query.principal;
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
                let held = self.body(template, compiled);
                let link = LinkRef {
                    template,
                    principal: holder,
                    resource: Eid::NONE,
                };
                self.note(compiled.compiled.permits, held, PolicyHandle::Link(link));
            }
        }
    }

    fn standing_at(&mut self, scope: Option<Eid>) {
        let snapshot = self.snapshot;
        for code in snapshot.standing().at(scope) {
            if let Some(compiled) = code.compiled.get(&self.machine.query.environment) {
                let held = self.holds(compiled);
                if held != Held::No {
                    let rest = self.rest.get_or_insert_default();
                    let policy = rest.named(&code.policy.id);
                    self.note(compiled.permits, held, policy);
                }
            }
        }
    }
}

/// Which templates' conditions were run, and which of those held, a bit for each. A
/// condition asks nothing of the link, so it is run once.
#[derive(Default)]
struct Bodies {
    first: (u64, u64),
    /// From the 64th template on.
    more: Vec<(u64, u64)>,
}

impl Bodies {
    #[inline]
    fn known(&self, template: u16) -> Option<Held> {
        let (run, held) = match usize::from(template / 64).checked_sub(1) {
            None => self.first,
            Some(word) => *self.more.get(word)?,
        };
        let bit = 1 << (template % 64);
        (run & bit != 0).then_some(if held & bit == 0 { Held::No } else { Held::Yes })
    }

    #[inline]
    fn keep(&mut self, template: u16, held: Held) {
        let (run, yes) = match usize::from(template / 64).checked_sub(1) {
            None => &mut self.first,
            Some(word) => {
                if self.more.len() <= word {
                    self.more.resize(word + 1, (0, 0));
                }
                match self.more.get_mut(word) {
                    Some(word) => word,
                    None => return,
                }
            }
        };
        *run |= 1 << (template % 64);
        *yes |= u64::from(held == Held::Yes) << (template % 64);
    }
}

fn by_reference(snapshot: &Snapshot, query: &Query, mode: ErrorMode) -> Result<Outcome, Problem> {
    let Some(request) = query.request() else {
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
    let Some(request) = query.request() else {
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
