//! A bundle's policies, compiled for every request environment.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use cedar_policy::pst::{Policy as PstPolicy, PrincipalConstraint, ResourceConstraint, Template};
use cedar_policy::{PolicyId, PolicySet};

use super::action::{Action, Asked, actions_of, type_name};
use super::graph::{Cell, Graph, graph, share};
use super::ir::Ir;
use super::lower::{Lowering, NotLowered, Setting};
use super::seek::Seek;
use crate::engine::state::{Eid, Kind, Layouts, State, TemplateSlots, TypeId};
use crate::engine::{EngineError, Request, StandingPolicy, error::chain};
use crate::policy::{Annotations, Bundle};

/// Everything that deciding needs besides facts.
#[derive(Debug)]
pub(crate) struct Program {
    /// Static policies by number, in order of their ids.
    pub(crate) policies: Vec<Named>,
    /// Templates by number, as links name them.
    pub(crate) templates: Vec<Named>,
    environments: Vec<Environment>,
    /// Actions by number.
    actions: Vec<Action>,
    /// Actions by their ids, of whatever type.
    by_id: HashMap<Box<str>, Vec<usize>>,
    not_lowered: Vec<(String, String)>,
}

/// A policy or template by id.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) id: Arc<str>,
    pub(crate) annotations: Arc<Annotations>,
}

/// One request environment: who may ask for what on what, by type.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) principal: TypeId,
    /// The number of the action.
    action: usize,
    pub(crate) resource: TypeId,
    /// Where rows of principals keep their ancestors; as the layout says.
    pub(crate) nearest_principal: Option<(usize, usize)>,
    /// The same of resources.
    pub(crate) nearest_resource: Option<(usize, usize)>,
    /// Static policies that can apply.
    pub(crate) policies: Vec<Compiled>,
    /// By number of the template; those that cannot apply are not there.
    pub(crate) templates: Vec<Option<CompiledTemplate>>,
    /// Cells that policies follow to another row.
    pub(crate) hops: Vec<Cell>,
    /// Cells of those rows that hold entities in which another may be.
    pub(crate) further: Vec<(Cell, u16)>,
    /// Whether any template can apply.
    pub(crate) has_templates: bool,
    /// Whether some link without resource slot can apply.
    pub(crate) by_principal_only: bool,
    /// Whether some link without principal slot can apply.
    pub(crate) by_resource_only: bool,
}

/// A policy in one environment.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Its number.
    pub(crate) policy: u32,
    pub(crate) permits: bool,
    pub(crate) body: Body,
    /// Where a search finds principals and resources that it can permit.
    pub(crate) seek_principal: Seek,
    pub(crate) seek_resource: Seek,
}

/// A template in one environment.
#[derive(Debug)]
pub(crate) struct CompiledTemplate {
    pub(crate) compiled: Compiled,
    /// Whether the principal must be the one that fills the slot, not only in it.
    pub(crate) principal_is: bool,
    /// The same of the resource.
    pub(crate) resource_is: bool,
}

/// A condition, ready to run.
#[derive(Debug)]
pub(crate) enum Body {
    Always,
    Graph(Graph),
    /// Left to the reference evaluator: this policy alone.
    Reference(Box<PolicySet>),
}

/// One standing policy.
#[derive(Debug)]
pub(crate) struct StandingCode {
    pub(crate) policy: StandingPolicy,
    /// The entity that the resource must be or be in, if its scope says so.
    pub(crate) scope: Option<Eid>,
    /// By number of the environment.
    pub(crate) compiled: HashMap<u32, Compiled>,
}

impl Program {
    /// Compiles a bundle, and the empty state that goes with it.
    pub(crate) fn new(bundle: &Bundle) -> Result<(Self, State), EngineError> {
        let shape = bundle.shape();
        let layouts = Arc::new(Layouts::new(shape));
        let (statics, templates) = policies_of(bundle)?;
        let slots = templates.iter().map(|(id, template)| TemplateSlots {
            id: Arc::clone(id),
            principal: template.principal.has_slot(),
            resource: template.resource.has_slot(),
        });
        let mut state = State::new(Arc::clone(&layouts), slots.collect());
        let actions = actions_of(shape, &mut state)?;
        let mut by_id: HashMap<Box<str>, Vec<usize>> = HashMap::default();
        for (number, action) in actions.iter().enumerate() {
            let id = action.uid.id().unescaped();
            by_id.entry(id.into()).or_default().push(number);
        }
        let mut program = Self {
            policies: statics
                .iter()
                .map(|policy| named(bundle, &policy.id))
                .collect(),
            templates: templates.iter().map(|(id, _)| named(bundle, id)).collect(),
            environments: Vec::new(),
            by_id,
            actions,
            not_lowered: Vec::new(),
        };
        let mut compiler = Compiler {
            bundle,
            layouts: &layouts,
            state: &mut state,
            not_lowered: HashMap::default(),
        };
        for action in 0..program.actions.len() {
            program.add_environments(&mut compiler, action, &statics, &templates)?;
        }
        program.not_lowered = compiler.not_lowered.into_iter().collect();
        program.not_lowered.sort();
        let mut kinds = HashSet::default();
        for environment in &program.environments {
            environment.inverted(&mut kinds);
        }
        state.keep_inverted(kinds);
        Ok((program, state))
    }

    fn add_environments(
        &mut self,
        compiler: &mut Compiler<'_>,
        number: usize,
        statics: &[Static],
        templates: &[(Arc<str>, Template)],
    ) -> Result<(), EngineError> {
        let Some(action) = self.actions.get_mut(number) else {
            return Ok(());
        };
        action.first = u32::try_from(self.environments.len()).unwrap_or(u32::MAX);
        for principal in &action.principals {
            for resource in &action.resources {
                let setting = action.setting(principal.ty, resource.ty);
                let made = compiler.environment((setting, number), statics, templates)?;
                self.environments.push(made);
            }
        }
        Ok(())
    }

    /// What the names of a request mean; none if the schema has no such request.
    pub(crate) fn asked(&self, request: &Request) -> Option<Asked<'_>> {
        let of = type_name(request.action.type_name());
        let mut of_id = self.of_id(request.action.id().unescaped());
        let action = of_id.find(|action| *action.ty == *of)?;
        let principal = type_name(request.principal.type_name());
        action.applied(&principal, &type_name(request.resource.type_name()))
    }

    /// Actions of one id, of whatever types.
    fn of_id(&self, id: &str) -> impl Iterator<Item = &Action> {
        let numbers = self.by_id.get(id).into_iter().flatten();
        numbers.filter_map(|number| self.actions.get(*number))
    }

    /// The action of a name, and of a type if that is given; none if there is none,
    /// or several.
    pub(crate) fn action(&self, ty: Option<&str>, id: &str) -> Option<&Action> {
        let mut found = self
            .of_id(id)
            .filter(|of| ty.is_none_or(|ty| *of.ty == *ty));
        let first = found.next();
        first.filter(|_| found.next().is_none())
    }

    pub(crate) fn environment(&self, number: u32) -> Option<&Environment> {
        self.environments.get(number as usize)
    }

    /// Policies that the reference evaluator runs, and why.
    pub(crate) fn not_lowered(&self) -> &[(String, String)] {
        &self.not_lowered
    }

    /// Compiles a standing policy.
    pub(crate) fn standing(
        &self,
        bundle: &Bundle,
        state: &mut State,
        policy: StandingPolicy,
    ) -> Result<StandingCode, EngineError> {
        let layouts = Arc::clone(state.layouts());
        let refused = |message: String| EngineError::Policy {
            id: policy.id.clone(),
            message,
        };
        let template = match policy.policy.to_pst() {
            Ok(PstPolicy::Static(fixed)) => fixed.body().clone(),
            Ok(_) => return Err(refused("a standing policy has no slots".to_owned())),
            Err(error) => return Err(refused(chain(&error))),
        };
        let mut compiler = Compiler {
            bundle,
            layouts: &layouts,
            state,
            not_lowered: HashMap::default(),
        };
        let mut compiled = HashMap::default();
        for (number, environment) in (0_u32..).zip(&self.environments) {
            let Some(action) = self.actions.get(environment.action) else {
                continue;
            };
            let setting = action.setting(environment.principal, environment.resource);
            let alone = || PolicySet::from_policies([policy.policy.clone()]).ok();
            let made = compiler.policy(
                setting,
                (&policy.id, permits(&template)),
                Ok(&template),
                alone,
            )?;
            compiled.extend(made.map(|made| (number, made)));
        }
        let scope = scope_of(&template.resource, compiler.state)?;
        Ok(StandingCode {
            policy,
            scope,
            compiled,
        })
    }
}

impl Environment {
    /// Lets its policies keep answers for each other.
    fn share(&mut self) {
        let templates = self.templates.iter_mut().flatten();
        let templates = templates.map(|template| &mut template.compiled);
        let all = self.policies.iter_mut().chain(templates);
        let graphs = all.filter_map(|compiled| match &mut compiled.body {
            Body::Graph(graph) => Some(graph),
            Body::Always | Body::Reference(_) => None,
        });
        let mut graphs: Vec<&mut Graph> = graphs.collect();
        self.hops = distinct(graphs.iter().flat_map(|graph| graph.hops()));
        self.further = distinct(graphs.iter().flat_map(|graph| graph.further()));
        share(graphs.iter_mut().map(|graph| &mut **graph));
        self.has_templates = self.templates.iter().any(Option::is_some);
    }

    fn inverted(&self, into: &mut HashSet<Kind>) {
        let templates = self.templates.iter().flatten().map(|t| &t.compiled);
        for compiled in self.policies.iter().chain(templates) {
            compiled.seek_principal.inverted(into);
            compiled.seek_resource.inverted(into);
        }
    }
}

/// What compiling needs at every step.
struct Compiler<'a> {
    bundle: &'a Bundle,
    layouts: &'a Layouts,
    state: &'a mut State,
    not_lowered: HashMap<String, String>,
}

impl Compiler<'_> {
    fn environment(
        &mut self,
        (setting, action): (Setting<'_>, usize),
        statics: &[Static],
        templates: &[(Arc<str>, Template)],
    ) -> Result<Environment, EngineError> {
        let all = self.bundle.policies();
        let nearest = |ty| self.layouts.of(ty).and_then(|layout| layout.nearest);
        let mut environment = Environment {
            principal: setting.principal,
            action,
            resource: setting.resource,
            nearest_principal: nearest(setting.principal),
            nearest_resource: nearest(setting.resource),
            policies: Vec::new(),
            templates: Vec::new(),
            hops: Vec::new(),
            further: Vec::new(),
            has_templates: false,
            by_principal_only: false,
            by_resource_only: false,
        };
        for (number, Static { id, permits, tree }) in (0_u32..).zip(statics) {
            let alone = || PolicySet::from_policies(all.policy(&PolicyId::new(id)).cloned()).ok();
            if let Some(mut made) = self.policy(setting, (id, *permits), tree.as_ref(), alone)? {
                made.policy = number;
                environment.policies.push(made);
            }
        }
        for (number, (id, template)) in (0_u32..).zip(templates) {
            let unslotted = || unslotted(template);
            let made = self
                .policy(setting, (id, permits(template)), Ok(template), unslotted)?
                .map(|mut made| {
                    made.policy = number;
                    CompiledTemplate {
                        principal_is: matches!(template.principal, PrincipalConstraint::Eq(_)),
                        resource_is: matches!(template.resource, ResourceConstraint::Eq(_)),
                        compiled: made,
                    }
                });
            if made.is_some() {
                environment.by_principal_only |= !template.resource.has_slot();
                environment.by_resource_only |= !template.principal.has_slot();
            }
            environment.templates.push(made);
        }
        environment.share();
        Ok(environment)
    }

    /// Compiles one policy; none if it cannot apply here.
    fn policy(
        &mut self,
        setting: Setting<'_>,
        (id, permits): (&str, bool),
        tree: Result<&Template, &String>,
        alone: impl Fn() -> Option<PolicySet>,
    ) -> Result<Option<Compiled>, EngineError> {
        let mut lowering = Lowering {
            state: self.state,
            setting,
            layouts: self.layouts,
        };
        let tree = tree.map_err(|why| NotLowered(why.clone()));
        let lowered = tree.and_then(|tree| lowering.policy(tree)).and_then(|ir| {
            let graph = graph(&ir, self.state);
            let graph =
                graph.map_err(|_| NotLowered("it is too large to be lowered".to_owned()))?;
            Ok((ir, graph))
        });
        let (ir, body) = match lowered {
            Ok((ir, _)) if ir.as_bool() == Some(false) => return Ok(None),
            Ok((ir, _)) if ir.as_bool() == Some(true) => (ir, Body::Always),
            Ok((ir, graph)) => (ir, Body::Graph(graph)),
            Err(NotLowered(why)) => {
                self.not_lowered.insert(id.to_owned(), why.clone());
                let set = alone().ok_or_else(|| EngineError::Policy {
                    id: id.to_owned(),
                    message: format!("it is not lowered ({why}), and does not stand alone"),
                })?;
                // Nothing is known of it, so a search scans.
                let unknown = Ir::Unary(super::ir::Unary::Not, Box::new(Ir::Fail));
                (unknown, Body::Reference(Box::new(set)))
            }
        };
        Ok(Some(Compiled {
            policy: 0,
            permits,
            body,
            seek_principal: Seek::of(&ir, false, self.state),
            seek_resource: Seek::of(&ir, true, self.state),
        }))
    }
}

fn distinct<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let all: BTreeSet<T> = all.collect();
    all.into_iter().collect()
}

fn named(bundle: &Bundle, id: &Arc<str>) -> Named {
    let info = bundle.policy(id);
    Named {
        id: Arc::clone(id),
        annotations: info.map(|i| Arc::clone(&i.annotations)).unwrap_or_default(),
    }
}

/// Templates by id.
type Templates = Vec<(Arc<str>, Template)>;

/// A static policy as it is compiled.
struct Static {
    id: Arc<str>,
    permits: bool,
    /// Its syntax tree; what keeps it from having one.
    tree: Result<Template, String>,
}

/// Static policies, and templates, each in order of their ids.
fn policies_of(bundle: &Bundle) -> Result<(Vec<Static>, Templates), EngineError> {
    let (mut statics, mut templates) = (Vec::new(), Vec::new());
    for info in bundle.infos() {
        let id = PolicyId::new(&info.id);
        let name: Arc<str> = info.id.as_str().into();
        if let Some(template) = bundle.policies().template(&id).filter(|_| info.is_template) {
            let tree = template.to_pst().map_err(|error| EngineError::Policy {
                id: info.id.clone(),
                message: chain(&error),
            });
            templates.push((name, tree?));
        } else if let Some(policy) = bundle.policies().policy(&id) {
            let tree = match policy.to_pst() {
                Ok(PstPolicy::Static(fixed)) => Ok(fixed.body().clone()),
                Ok(_) => Err("it is no static policy".to_owned()),
                Err(error) => Err(chain(&error)),
            };
            statics.push(Static {
                id: name,
                permits: info.effect == cedar_policy::Effect::Permit,
                tree,
            });
        }
    }
    Ok((statics, templates))
}

/// The entity that a scope ties the resource to.
fn scope_of(
    constraint: &ResourceConstraint,
    state: &mut State,
) -> Result<Option<Eid>, EngineError> {
    use cedar_policy::pst::EntityOrSlot::Entity;
    let (ResourceConstraint::Eq(Entity(uid))
    | ResourceConstraint::In(Entity(uid))
    | ResourceConstraint::IsIn(_, Entity(uid))) = constraint
    else {
        return Ok(None);
    };
    let ty = state.layouts().number(&uid.ty.to_string());
    ty.map(|ty| state.intern(ty, &uid.eid)).transpose()
}

fn permits(template: &Template) -> bool {
    template.effect == cedar_policy::pst::Effect::Permit
}

/// A template as a policy that asks nothing of what fills its slots.
fn unslotted(template: &Template) -> Option<PolicySet> {
    let mut open = template.clone();
    if open.principal.has_slot() {
        open.principal = match open.principal {
            PrincipalConstraint::IsIn(ty, _) => PrincipalConstraint::Is(ty),
            _ => PrincipalConstraint::Any,
        };
    }
    if open.resource.has_slot() {
        open.resource = match open.resource {
            ResourceConstraint::IsIn(ty, _) => ResourceConstraint::Is(ty),
            _ => ResourceConstraint::Any,
        };
    }
    let fixed = cedar_policy::pst::StaticPolicy::try_from(open).ok();
    let policy =
        fixed.and_then(|fixed| cedar_policy::Policy::from_pst(PstPolicy::Static(fixed)).ok());
    PolicySet::from_policies(policy).ok()
}

impl Program {
    /// Whether some policy of the environments goes to the reference evaluator.
    pub(crate) fn asks_reference(&self) -> bool {
        !self.not_lowered.is_empty()
    }
}
