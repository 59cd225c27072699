//! Expressions by type: whatever is asked for is well typed in every request
//! environment of the policy, optional attributes and tags being guarded, so
//! that nearly all of them validate strictly.

use std::collections::BTreeSet;

use aobo::engine::EntityUid;
use aobo::policy::Extension;

use super::schema::{Env, Schema};
use super::tree::{Expr, Op};
use super::values::{self, Fields, KEYS, Ty};
use crate::support::Rng;

/// Makes expressions for some environments.
pub(super) struct Maker<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) schema: &'a Schema,
    /// The environments that the expression must be well typed in.
    pub(super) envs: Vec<Env>,
    /// What is known to be there, by the guards passed so far.
    pub(super) known: Vec<Known>,
}

/// An optional attribute or a tag that a guard has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    Attr(Expr, String),
    Tag(Expr, Expr),
}

/// The types that an expression has over the environments, without repetition.
pub(super) type Types = Vec<Ty>;

impl Maker<'_> {
    /// An expression of a type. Only a spellable type always has one.
    pub(super) fn of(&mut self, ty: &Ty, depth: usize) -> Expr {
        self.try_of(ty, depth)
            .unwrap_or_else(|| self.literal(ty, 0))
    }

    fn try_of(&mut self, ty: &Ty, depth: usize) -> Option<Expr> {
        if self.rng.percent(55)
            && let Some(path) = self.path(|types| types == std::slice::from_ref(ty))
        {
            return Some(path);
        }
        if !ty.is_spellable() {
            return self.path(|types| types == std::slice::from_ref(ty));
        }
        if depth == 0 {
            return Some(self.literal(ty, 0));
        }
        if self.rng.percent(12) {
            return Some(self.choice(ty, depth));
        }
        if self.rng.percent(15)
            && let Some(tag) = self.known_tag(ty)
        {
            return Some(tag);
        }
        Some(match ty {
            Ty::Bool => self.bool(depth - 1),
            Ty::Long => self.long(depth - 1),
            Ty::Extension(Extension::Datetime) => self.datetime(depth - 1),
            Ty::Extension(Extension::Duration) => self.duration(depth - 1),
            other => self.literal(other, depth - 1),
        })
    }

    /// `if … then … else …` of a type; what the condition finds may be used.
    fn choice(&mut self, ty: &Ty, depth: usize) -> Expr {
        let kept = self.known.len();
        let test = match self.rng.percent(50) {
            true => self.guard(),
            false => None,
        };
        let test = test.unwrap_or_else(|| self.bool(depth - 1));
        let then = self.of(ty, depth - 1);
        self.known.truncate(kept);
        let other = self.of(ty, depth - 1);
        Expr::new(Op::If, vec![test, then, other])
    }

    /// A tag found before, if it is of this type.
    fn known_tag(&mut self, ty: &Ty) -> Option<Expr> {
        let tags: Vec<(Expr, Expr)> = self
            .known
            .iter()
            .filter_map(|known| match known {
                Known::Tag(of, key) => Some((of.clone(), key.clone())),
                Known::Attr(..) => None,
            })
            .collect();
        let (of, key) = tags.get(self.rng.below(tags.len().max(1)))?.clone();
        let types = self.types_of(&of)?;
        let all = types.iter().all(|found| self.tags_of(found) == Some(ty));
        all.then(|| Expr::method("getTag", of, [key]))
    }

    pub(super) fn tags_of(&self, ty: &Ty) -> Option<&Ty> {
        match ty {
            Ty::Entity(name) => self.schema.entity(name)?.tags.as_ref(),
            _ => None,
        }
    }

    fn long(&mut self, depth: usize) -> Expr {
        match self.rng.below(10) {
            op @ 0..=4 => {
                let op = ["+", "-", "*", "+", "-"][op];
                let (left, right) = (self.operand(depth), self.operand(depth));
                Expr::infix(op, left, right)
            }
            5 | 6 => {
                // The one number that has no opposite.
                let least = self.rng.percent(8).then(|| Expr::leaf(Op::Long(i64::MIN)));
                let of = least.unwrap_or_else(|| self.of(&Ty::Long, depth));
                Expr::new(Op::Neg, vec![of])
            }
            _ => {
                let units = [
                    "toMilliseconds",
                    "toSeconds",
                    "toMinutes",
                    "toHours",
                    "toDays",
                ];
                let unit = self.rng.pick(&units);
                let of = self.of(&Ty::Extension(Extension::Duration), depth);
                Expr::method(unit, of, [])
            }
        }
    }

    /// A number to calculate with, at an end of the range now and then.
    fn operand(&mut self, depth: usize) -> Expr {
        match self.rng.percent(7) {
            true => Expr::leaf(Op::Long(values::end(self.rng))),
            false => self.of(&Ty::Long, depth),
        }
    }

    fn datetime(&mut self, depth: usize) -> Expr {
        let of = self.moment(depth);
        match self.rng.percent(60) {
            true => {
                let by = self.of(&Ty::Extension(Extension::Duration), depth);
                Expr::method("offset", of, [by])
            }
            false => Expr::method("toDate", of, []),
        }
    }

    /// A moment to calculate with. Now and then one as far away as can be, which
    /// no text spells: the last one has no day, and no time leads there from the
    /// other end.
    fn moment(&mut self, depth: usize) -> Expr {
        if !self.rng.percent(12) {
            return self.of(&Ty::Extension(Extension::Datetime), depth);
        }
        let call = |kind: Extension, text| {
            Expr::new(Op::Function(kind.constructor()), vec![Expr::text(text)])
        };
        let by = call(Extension::Duration, self.rng.pick(&values::FAR));
        Expr::method("offset", call(Extension::Datetime, "1970-01-01"), [by])
    }

    fn duration(&mut self, depth: usize) -> Expr {
        let of = self.moment(depth);
        match self.rng.percent(50) {
            true => {
                let since = self.moment(depth);
                Expr::method("durationSince", of, [since])
            }
            false => Expr::method("toTime", of, []),
        }
    }

    /// A value spelled out; sets and records hold any expressions, so deep.
    fn literal(&mut self, ty: &Ty, depth: usize) -> Expr {
        match ty {
            Ty::Bool => Expr::bool(self.rng.percent(60)),
            Ty::Long => Expr::leaf(Op::Long(values::long(self.rng))),
            Ty::Text => Expr::text(self.rng.pick(&values::TEXTS[1..])),
            Ty::Entity(name) => Expr::leaf(Op::Uid(self.schema.spelled(self.rng, name))),
            Ty::Set(of) => {
                let size = self.rng.pick(&[1, 1, 2, 2, 3, 4]);
                let items = (0..size).map(|_| match depth {
                    0 => self.literal(of, 0),
                    _ => self.of(of, depth - 1),
                });
                Expr::new(Op::Set, items.collect())
            }
            Ty::Record(fields) => {
                let args = fields.values().map(|field| match depth {
                    0 => self.literal(&field.ty, 0),
                    _ => self.of(&field.ty, depth - 1),
                });
                let args = args.collect();
                Expr::new(Op::Record(fields.keys().cloned().collect()), args)
            }
            Ty::Extension(kind) => {
                let text = values::extension(self.rng, *kind);
                Expr::new(Op::Function(kind.constructor()), vec![Expr::text(text)])
            }
        }
    }

    // -------------------------------------------------- attributes and guards

    /// The types of a variable over the environments.
    fn var(&self, var: &str) -> Types {
        let mut types = Types::new();
        for env in &self.envs {
            let ty = match var {
                "principal" => Ty::Entity(env.principal.clone()),
                "resource" => Ty::Entity(env.resource.clone()),
                _ => Ty::Record(self.context(&env.action).clone()),
            };
            if !types.contains(&ty) {
                types.push(ty);
            }
        }
        types
    }

    fn context(&self, action: &EntityUid) -> &Fields {
        let action = self.schema.action(action).expect("a declared action");
        let applies = action.applies.as_ref().expect("one that applies");
        &applies.context
    }

    fn fields<'s>(&'s self, ty: &'s Ty) -> Option<&'s Fields> {
        match ty {
            Ty::Record(fields) => Some(fields),
            Ty::Entity(name) => self.schema.entity(name).map(|ty| &ty.attrs),
            _ => None,
        }
    }

    /// The types of a chain of attributes that begins at a variable.
    pub(super) fn types_of(&self, path: &Expr) -> Option<Types> {
        match &path.op {
            Op::Var(var) => Some(self.var(var)),
            Op::Get(name) => self.step(&self.types_of(&path.args[0])?, name),
            _ => None,
        }
    }

    /// The types of an attribute that all of these have.
    fn step(&self, types: &[Ty], name: &str) -> Option<Types> {
        let mut found = Types::new();
        for ty in types {
            let field = self.fields(ty)?.get(name)?;
            if !found.contains(&field.ty) {
                found.push(field.ty.clone());
            }
        }
        Some(found)
    }

    /// What may be read of an expression now: required in all, or known.
    fn readable(&self, path: &Expr, types: &[Ty]) -> Vec<(String, Types)> {
        let Some(first) = types.first().and_then(|ty| self.fields(ty)) else {
            return Vec::new();
        };
        let mut steps = Vec::new();
        for name in first.keys() {
            let Some(next) = self.step(types, name) else {
                continue;
            };
            let required = types.iter().all(|ty| {
                let field = self.fields(ty).and_then(|fields| fields.get(name));
                field.is_some_and(|field| field.required)
            });
            let known = |k: &Known| matches!(k, Known::Attr(of, n) if n == name && of == path);
            if required || self.known.iter().any(known) {
                steps.push((name.clone(), next));
            }
        }
        steps
    }

    /// A variable or a chain of attributes whose types suit, found by walking at
    /// random with an eye for what suits.
    pub(super) fn path(&mut self, suits: impl Fn(&[Ty]) -> bool) -> Option<Expr> {
        for _ in 0..6 {
            let var = self.rng.pick(&["principal", "resource", "context"]);
            let (mut path, mut types) = (Expr::leaf(Op::Var(var)), self.var(var));
            for _ in 0..5 {
                let is_context = path.op == Op::Var("context");
                if !is_context && suits(&types) && self.rng.percent(60) {
                    return Some(path);
                }
                let steps = self.readable(&path, &types);
                let suiting: Vec<_> = steps.iter().filter(|(_, types)| suits(types)).collect();
                let (name, next) = match (suiting.is_empty(), steps.is_empty()) {
                    (_, true) => break,
                    (false, _) if self.rng.percent(70) => suiting[self.rng.below(suiting.len())],
                    _ => &steps[self.rng.below(steps.len())],
                };
                (path, types) = (path.get(name), next.clone());
            }
            if path.op != Op::Var("context") && suits(&types) {
                return Some(path);
            }
        }
        None
    }

    /// Any expression that has attributes, the context among them.
    pub(super) fn holder(&mut self) -> Expr {
        let holder = self.path(|types| {
            types
                .iter()
                .all(|ty| matches!(ty, Ty::Record(_) | Ty::Entity(_)))
        });
        match holder {
            Some(holder) if self.rng.percent(70) => holder,
            _ => Expr::leaf(Op::Var("context")),
        }
    }

    /// A test that something optional is there, which is known from then on.
    pub(super) fn guard(&mut self) -> Option<Expr> {
        for _ in 0..6 {
            if self.rng.percent(20)
                && let Some(guard) = self.tag_guard()
            {
                return Some(guard);
            }
            let of = self.holder();
            let chain = self.optional_chain(&of);
            if let Some(chain) = chain.filter(|chain| !chain.is_empty()) {
                let mut at = of.clone();
                for name in &chain {
                    self.known.push(Known::Attr(at.clone(), name.clone()));
                    at = at.get(name);
                }
                return Some(of.has(&chain));
            }
        }
        None
    }

    /// Names of attributes one below the other, the first an optional one.
    /// Cedar takes several after one `has` where they are identifiers.
    fn optional_chain(&mut self, of: &Expr) -> Option<Vec<String>> {
        let mut types = self.types_of(of)?;
        let mut chain: Vec<String> = Vec::new();
        for _ in 0..3 {
            let first = types.first().and_then(|ty| self.fields(ty));
            let names: Vec<String> = first
                .into_iter()
                .flatten()
                .filter(|(_, field)| !chain.is_empty() || !field.required)
                .map(|(name, _)| name.clone())
                .filter(|name| chain.is_empty() || super::tree::is_identifier(name))
                .collect();
            let Some(name) = names.get(self.rng.below(names.len().max(1))) else {
                break;
            };
            let Some(next) = self.step(&types, name) else {
                break;
            };
            (types, _) = (next, chain.push(name.clone()));
            let simple = chain.iter().all(|name| super::tree::is_identifier(name));
            if !simple || self.rng.percent(45) {
                break;
            }
        }
        Some(chain)
    }

    fn tag_guard(&mut self) -> Option<Expr> {
        let (of, key) = self.tagged()?;
        self.known.push(Known::Tag(of.clone(), key.clone()));
        Some(Expr::method("hasTag", of, [key]))
    }

    /// An entity of a type with tags, and a key, computed at times.
    pub(super) fn tagged(&mut self) -> Option<(Expr, Expr)> {
        let schema = self.schema;
        let tagged = |ty: &Ty| match ty {
            Ty::Entity(name) => schema.entity(name).is_some_and(|ty| ty.tags.is_some()),
            _ => false,
        };
        let of = self.path(|types| types.iter().all(tagged))?;
        let computed = match self.rng.percent(40) {
            true => self.path(|types| types == [Ty::Text]),
            false => None,
        };
        let key = computed.unwrap_or_else(|| Expr::text(self.rng.pick(&KEYS)));
        Some((of, key))
    }

    /// A type that can be spelled, preferably of something in reach.
    pub(super) fn some_type(&mut self) -> Ty {
        if self.rng.percent(65) {
            let path = self.path(|types| types.len() == 1);
            let found = path.and_then(|path| self.types_of(&path)?.pop());
            if let Some(ty) = found {
                return ty;
            }
        }
        let names: Vec<String> = self.schema.types.iter().map(|ty| ty.name.clone()).collect();
        loop {
            let ty = values::ty(self.rng, 2, &names);
            if ty.is_spellable() {
                return ty;
            }
        }
    }

    /// The names of the entity types that a variable has here.
    pub(super) fn names(&self, var: &str) -> BTreeSet<String> {
        let names = self.envs.iter().map(|env| match var {
            "principal" => env.principal.clone(),
            _ => env.resource.clone(),
        });
        names.collect()
    }
}
