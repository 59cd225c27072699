//! A case that differs, cut smaller while it still does.
//!
//! A cut takes numbered parts of one kind out of a case. Halves are tried before
//! single parts, whole policies before the nodes of their conditions, facts
//! before the declarations that they need. What no longer validates does not
//! count as a difference, so that a cut need not look at what depends on it.

use std::ops::Range;

use aobo::engine::{Change, EntityData, EntityUid, Request, Snapshot};

use super::compare::{Difference, Engine, compare};
use super::engine::{self as made, Oracle, build};
use super::schema::Applies;
use super::tree::Expr;
use super::world::World;

/// One request on one world, or on what has become of it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) world: World,
    /// What changed before the request, if it matters how the facts came about.
    pub(super) stages: Vec<Stage>,
    pub(super) request: Request,
}

/// A batch of changes; the snapshot after it is packed, or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Stage {
    pub(super) changes: Vec<Change>,
    pub(super) settled: bool,
}

/// Cuts greedily until nothing more can go.
pub(super) fn shrink(mut case: Case, engine: &Engine) -> Case {
    let kind = case.difference(engine).map(|found| found.kind());
    let differs = |case: &Case| {
        let found = case.difference(engine);
        found.is_some() && found.map(|found| found.kind()) == kind
    };
    loop {
        let before = case.size();
        for cut in CUTS {
            case = cut.all(case, &differs);
        }
        if case.size() >= before {
            return case;
        }
    }
}

/// A way to take parts out. INVARIANT (smaller): only what makes a case smaller
/// is kept, so that cutting ends.
struct Cut {
    /// Takes out the parts of a range and says how many there were before.
    take: fn(&mut Case, Range<usize>) -> usize,
    /// Whether several parts may go at once.
    many: bool,
}

impl Cut {
    const fn many(take: fn(&mut Case, Range<usize>) -> usize) -> Self {
        Self { take, many: true }
    }

    const fn single(take: fn(&mut Case, Range<usize>) -> usize) -> Self {
        Self { take, many: false }
    }

    fn count(&self, case: &Case) -> usize {
        (self.take)(&mut case.clone(), 0..0)
    }

    fn all(&self, mut case: Case, differs: &dyn Fn(&Case) -> bool) -> Case {
        let mut width = if self.many { self.count(&case) } else { 1 };
        while width > 0 {
            let mut at = 0;
            while at < self.count(&case) {
                let mut smaller = case.clone();
                (self.take)(&mut smaller, at..at + width);
                match smaller.size() < case.size() && differs(&smaller) {
                    true => case = smaller,
                    false => at += width,
                }
            }
            width /= 2;
        }
        case
    }
}

const CUTS: &[Cut] = &[
    Cut::many(|case, parts| without(&mut case.stages, parts)),
    Cut::many(cut_changes),
    Cut::many(cut_policies),
    Cut::many(|case, parts| without(&mut case.world.facts.links, parts)),
    Cut::many(|case, parts| without(&mut case.world.facts.standing, parts)),
    Cut::many(|case, parts| without(&mut case.world.facts.edges, parts)),
    Cut::many(cut_parents),
    Cut::many(|case, parts| without(&mut case.world.facts.entities, parts)),
    Cut::many(|case, parts| without(&mut case.request.entities, parts)),
    Cut::many(cut_clauses),
    Cut::single(cut_nodes),
    Cut::many(cut_attrs),
    Cut::many(|case, parts| without(&mut case.request.context, parts)),
    Cut::single(cut_declared),
    Cut::single(cut_types),
    Cut::single(cut_actions),
];

impl Stage {
    /// The snapshot after it, if the changes are sound.
    pub(super) fn after(&self, snapshot: &Snapshot) -> Option<Snapshot> {
        let next = made::next(snapshot, self.changes.clone()).ok()?;
        Some(match self.settled {
            true => made::settled(&next),
            false => next,
        })
    }
}

impl Case {
    pub(super) fn of(world: World, request: Request) -> Self {
        Self {
            world,
            stages: Vec::new(),
            request,
        }
    }

    /// How the engine differs on it; `None` as well if it is no sound case.
    pub(super) fn difference(&self, engine: &Engine) -> Option<Difference> {
        if !self.has_required_context() {
            return None;
        }
        let bundle = self.world.bundle().ok()?;
        let mut snapshot = build(&bundle, self.world.facts.changes(1)).ok()?;
        for stage in &self.stages {
            snapshot = stage.after(&snapshot)?;
        }
        let oracle = Oracle::of(&snapshot).ok()?;
        compare(&snapshot, &oracle, &self.request, engine).1
    }

    fn has_required_context(&self) -> bool {
        let request = &self.request;
        let action = self.world.schema.action(&request.action);
        let Some(applies) = action.and_then(|action| action.applies.as_ref()) else {
            return false;
        };
        let named =
            |types: &[String], uid: &EntityUid| types.contains(&uid.type_name().to_string());
        let mut keys = applies.context.iter();
        named(&applies.principals, &request.principal)
            && named(&applies.resources, &request.resource)
            && keys.all(|(key, field)| !field.required || request.context.contains_key(key))
            && request
                .context
                .keys()
                .all(|key| applies.context.contains_key(key))
    }

    /// Bytes of text and numbers of things.
    fn size(&self) -> usize {
        let facts = &self.world.facts;
        let policies = self.world.policies.iter().chain(facts.standing.values());
        let texts: usize = policies.map(|policy| policy.text().len()).sum();
        let values =
            |entity: &EntityData| 1 + entity.attrs.len() + entity.tags.len() + entity.parents.len();
        let stages = self.stages.iter();
        let stages = stages.map(|stage| 1 + usize::from(stage.settled) + stage.changes.len());
        self.world.schema.text().len()
            + texts
            + stages.sum::<usize>()
            + facts.entities.values().map(values).sum::<usize>()
            + facts
                .edges
                .values()
                .map(|parents| 1 + parents.len())
                .sum::<usize>()
            + facts.links.len()
            + self.request.context.len()
            + self.request.entities.iter().map(values).sum::<usize>()
    }
}

/// Takes numbered items out of a collection.
fn without<C, T>(of: &mut C, parts: Range<usize>) -> usize
where
    C: Default + IntoIterator<Item = T> + FromIterator<T>,
{
    let items: Vec<T> = std::mem::take(of).into_iter().collect();
    let count = items.len();
    let kept = items.into_iter().enumerate();
    *of = kept
        .filter(|(n, _)| !parts.contains(n))
        .map(|(_, item)| item)
        .collect();
    count
}

/// Takes numbered items out of several collections, numbered throughout.
fn without_each<'a, C, T>(all: impl IntoIterator<Item = &'a mut C>, parts: &Range<usize>) -> usize
where
    C: Default + IntoIterator<Item = T> + FromIterator<T> + 'a,
{
    let mut before = 0;
    for of in all {
        let shifted = parts.start.saturating_sub(before)..parts.end.saturating_sub(before);
        before += without(of, shifted);
    }
    before
}

/// Changes, and the packing after them.
fn cut_changes(case: &mut Case, parts: Range<usize>) -> usize {
    let count = without_each(
        case.stages.iter_mut().map(|stage| &mut stage.changes),
        &parts,
    );
    let packed = parts.start.saturating_sub(count)..parts.end.saturating_sub(count);
    let before = case.stages.len();
    for stage in case.stages.iter_mut().take(packed.end).skip(packed.start) {
        stage.settled = false;
    }
    count + before
}

fn cut_policies(case: &mut Case, parts: Range<usize>) -> usize {
    let count = without(&mut case.world.policies, parts);
    let World {
        policies, facts, ..
    } = &mut case.world;
    facts
        .links
        .retain(|link| policies.iter().any(|policy| policy.id == link.template));
    count
}

fn cut_parents(case: &mut Case, parts: Range<usize>) -> usize {
    let facts = &mut case.world.facts;
    let stored = facts.edges.values_mut();
    let own = case
        .request
        .entities
        .iter_mut()
        .map(|entity| &mut entity.parents);
    let count = without_each(stored.chain(own), &parts);
    facts.edges.retain(|_, parents| !parents.is_empty());
    count
}

fn cut_clauses(case: &mut Case, parts: Range<usize>) -> usize {
    let standing = case.world.facts.standing.values_mut();
    let policies = case.world.policies.iter_mut().chain(standing);
    without_each(policies.map(|policy| &mut policy.clauses), &parts)
}

/// What a node may be replaced with: a constant, or one of its arguments.
const REPLACEMENTS: usize = 5;

fn cut_nodes(case: &mut Case, parts: Range<usize>) -> usize {
    let standing = case.world.facts.standing.values_mut();
    let policies = case.world.policies.iter_mut().chain(standing);
    let mut before = 0;
    for clause in policies.flat_map(|policy| policy.clauses.iter_mut()) {
        let count = clause.body.size() * REPLACEMENTS;
        let inner = parts
            .start
            .checked_sub(before)
            .filter(|inner| *inner < count);
        if let Some(inner) = inner.filter(|_| !parts.is_empty()) {
            replace(&mut clause.body, inner / REPLACEMENTS, inner % REPLACEMENTS);
        }
        before += count;
    }
    before
}

fn replace(body: &mut Expr, node: usize, by: usize) {
    let node = body.node_mut(node).expect("there are so many");
    match by {
        0 => *node = Expr::bool(true),
        1 => *node = Expr::bool(false),
        n if n - 2 < node.args.len() => *node = node.args.swap_remove(n - 2),
        _ => {}
    }
}

fn cut_attrs(case: &mut Case, parts: Range<usize>) -> usize {
    let stored = case.world.facts.entities.values_mut();
    let entities = stored.chain(&mut case.request.entities);
    let values = entities.flat_map(|entity| [&mut entity.attrs, &mut entity.tags]);
    without_each(values, &parts)
}

/// A declared attribute or context key, with all its values.
fn cut_declared(case: &mut Case, parts: Range<usize>) -> usize {
    let schema = &mut case.world.schema;
    let mut names: Vec<(Option<String>, EntityKey, String)> = Vec::new();
    for ty in &schema.types {
        let attrs = ty
            .attrs
            .keys()
            .map(|name| (Some(ty.name.clone()), None, name.clone()));
        names.extend(attrs);
    }
    for action in &schema.actions {
        let keys = action
            .applies
            .iter()
            .flat_map(|applies| applies.context.keys());
        names.extend(keys.map(|name| (None, Some(action.uid.clone()), name.clone())));
    }
    let count = names.len();
    let Some((ty, action, name)) = names
        .into_iter()
        .nth(parts.start)
        .filter(|_| !parts.is_empty())
    else {
        return count;
    };
    if let Some(declared) = schema
        .types
        .iter_mut()
        .find(|t| Some(&t.name) == ty.as_ref())
    {
        declared.attrs.remove(&name);
        let stored = case.world.facts.entities.values_mut();
        let entities = stored.chain(&mut case.request.entities);
        for entity in entities.filter(|e| e.uid.type_name().to_string() == declared.name) {
            entity.attrs.remove(&name);
        }
    }
    if let Some(declared) = schema
        .actions
        .iter_mut()
        .find(|a| Some(&a.uid) == action.as_ref())
    {
        declared
            .applies
            .iter_mut()
            .for_each(|applies| drop(applies.context.remove(&name)));
        if case.request.action == declared.uid {
            case.request.context.remove(&name);
        }
    }
    count
}

/// The action that declares a key, if an action does.
type EntityKey = Option<EntityUid>;

/// An entity type with its entities, or the tags of one.
fn cut_types(case: &mut Case, parts: Range<usize>) -> usize {
    let schema = &mut case.world.schema;
    let count = schema.types.len() * 2;
    if parts.is_empty() || parts.start >= count {
        return count;
    }
    let at = parts.start / 2;
    let name = schema.types[at].name.clone();
    let of_type = |uid: &EntityUid| uid.type_name().to_string() == name;
    let facts = &mut case.world.facts;
    if parts.start % 2 == 1 {
        schema.types[at].tags = None;
        let entities = facts
            .entities
            .values_mut()
            .chain(&mut case.request.entities);
        entities
            .filter(|e| of_type(&e.uid))
            .for_each(|e| e.tags.clear());
        return count;
    }
    schema.types.remove(at);
    schema
        .types
        .iter_mut()
        .for_each(|ty| ty.parents.retain(|parent| *parent != name));
    for Applies {
        principals,
        resources,
        ..
    } in schema
        .actions
        .iter_mut()
        .filter_map(|action| action.applies.as_mut())
    {
        principals.retain(|ty| *ty != name);
        resources.retain(|ty| *ty != name);
    }
    facts.entities.retain(|uid, _| !of_type(uid));
    facts.edges.retain(|child, _| !of_type(child));
    facts
        .edges
        .values_mut()
        .for_each(|parents| parents.retain(|uid, _| !of_type(uid)));
    facts.edges.retain(|_, parents| !parents.is_empty());
    let own = case.request.entities.iter_mut();
    own.for_each(|entity| entity.parents.retain(|uid, _| !of_type(uid)));
    count
}

fn cut_actions(case: &mut Case, parts: Range<usize>) -> usize {
    let actions = &mut case.world.schema.actions;
    let count = actions.len();
    if let Some(action) = actions.get(parts.start).filter(|_| !parts.is_empty()) {
        let uid = action.uid.clone();
        actions.remove(parts.start);
        actions
            .iter_mut()
            .for_each(|action| action.groups.retain(|group| *group != uid));
    }
    count
}
