//! What is true or false: every operator and method of Cedar that gives a
//! boolean, over whatever types are in reach.

use aobo::policy::Extension;

use super::expr::{Known, Maker};
use super::tree::{Expr, Op};
use super::values::{self, NAMES, Ty};

impl Maker<'_> {
    /// A condition, so deep.
    pub(super) fn bool(&mut self, depth: usize) -> Expr {
        if depth == 0 {
            return self.test(0);
        }
        match self.rng.below(20) {
            0..=3 => self.and(depth - 1),
            4 | 5 => {
                let (left, right) = (self.bool(depth - 1), self.bool(depth - 1));
                Expr::infix("||", left, right)
            }
            6 => Expr::new(Op::Not, vec![self.bool(depth - 1)]),
            7 => self.choose(depth - 1),
            8 | 9 => self.narrowed(depth - 1),
            _ => self.test(depth - 1),
        }
    }

    /// `guard && …`, or without a guard.
    fn and(&mut self, depth: usize) -> Expr {
        let kept = self.known.len();
        let left = match self.rng.percent(75) {
            true => self.guard(),
            false => None,
        };
        let left = left.unwrap_or_else(|| self.bool(depth));
        let right = match self.known[kept..].last().cloned() {
            Some(Known::Tag(of, key)) if self.rng.percent(60) => self.tag_test(of, key, depth),
            _ => None,
        };
        let right = right.unwrap_or_else(|| self.bool(depth));
        self.known.truncate(kept);
        Expr::infix("&&", left, right)
    }

    /// A test of a tag that is there.
    fn tag_test(&mut self, of: Expr, key: Expr, depth: usize) -> Option<Expr> {
        let types = self.types_of(&of)?;
        let ty = self.tags_of(types.first()?)?.clone();
        let all = types.iter().all(|of| self.tags_of(of) == Some(&ty));
        (all && ty.is_spellable()).then(|| {
            let op = self.rng.pick(&["==", "!="]);
            let other = self.of(&ty, depth);
            Expr::infix(op, Expr::method("getTag", of, [key]), other)
        })
    }

    fn choose(&mut self, depth: usize) -> Expr {
        let kept = self.known.len();
        let test = self.guard().filter(|_| self.rng.percent(60));
        let test = test.unwrap_or_else(|| {
            self.known.truncate(kept);
            self.bool(depth)
        });
        let then = self.bool(depth);
        self.known.truncate(kept);
        Expr::new(Op::If, vec![test, then, self.bool(depth)])
    }

    /// A branch that only some request environments reach; in the others it may
    /// be of no sense at all.
    fn narrowed(&mut self, depth: usize) -> Expr {
        let all = self.schema.envs();
        let dead = self.rng.percent(15);
        let pool = if dead { &all } else { &self.envs };
        let to = pool[self.rng.below(pool.len())].clone();
        let what = self.rng.below(4);
        let test = match what {
            0 => Expr::new(
                Op::Is(to.principal.clone()),
                vec![Expr::leaf(Op::Var("principal"))],
            ),
            1 => Expr::new(
                Op::Is(to.resource.clone()),
                vec![Expr::leaf(Op::Var("resource"))],
            ),
            _ => {
                let action = Expr::leaf(Op::Uid(to.action.clone()));
                Expr::infix("==", Expr::leaf(Op::Var("action")), action)
            }
        };
        let mut narrow = self.envs.clone();
        narrow.retain(|env| match what {
            0 => env.principal == to.principal,
            1 => env.resource == to.resource,
            _ => env.action == to.action,
        });
        if narrow.is_empty() {
            narrow.push(to);
        }
        let outer = std::mem::replace(&mut self.envs, narrow);
        let kept = self.known.len();
        let inner = self.bool(depth);
        self.known.truncate(kept);
        self.envs = outer;
        match self.rng.percent(70) {
            true => Expr::infix("&&", test, inner),
            false => Expr::new(Op::If, vec![test, inner, self.bool(depth)]),
        }
    }

    /// One test, of any kind.
    fn test(&mut self, depth: usize) -> Expr {
        match self.rng.below(30) {
            0..=2 => self
                .path(|types| types == [Ty::Bool])
                .unwrap_or_else(|| self.equal(depth)),
            3..=7 => self.equal(depth),
            8..=10 => self.ordered(depth),
            11..=14 => self.within(depth),
            15..=18 => self.set_test(depth),
            19 | 20 => self.has(),
            21 => match self.tagged() {
                Some((of, key)) => Expr::method("hasTag", of, [key]),
                None => self.has(),
            },
            22 | 23 => self.like(depth),
            24 | 25 => self.is(),
            26 | 27 => self.extension_test(depth),
            28 => self.action(),
            _ => Expr::bool(self.rng.percent(70)),
        }
    }

    /// `like`, with a text that fits now and then.
    fn like(&mut self, depth: usize) -> Expr {
        if self.rng.percent(18) {
            let text = self.rng.pick(&values::TEXTS[1..]);
            let pattern = match self.rng.percent(40) {
                true => values::pattern_for(text),
                false => values::pattern_of(self.rng, text),
            };
            return Expr::new(Op::Like(pattern), vec![Expr::text(text)]);
        }
        let of = self.of(&Ty::Text, depth);
        Expr::new(Op::Like(values::pattern(self.rng)), vec![of])
    }

    fn equal(&mut self, depth: usize) -> Expr {
        let ty = self.some_type();
        let op = self.rng.pick(&["==", "==", "!="]);
        let left = self.path(|types| types == std::slice::from_ref(&ty));
        let left = left.filter(|_| self.rng.percent(75));
        let left = match (left, ty.is_spellable()) {
            (Some(path), _) => path,
            (None, true) => self.of(&ty, depth),
            (None, false) => return self.has(),
        };
        let right = match ty.is_spellable() {
            true => self.of(&ty, depth),
            false => self
                .path(|types| types == [ty.clone()])
                .unwrap_or_else(|| left.clone()),
        };
        Expr::infix(op, left, right)
    }

    fn ordered(&mut self, depth: usize) -> Expr {
        let ty = match self.rng.below(4) {
            0 => Ty::Extension(Extension::Datetime),
            1 => Ty::Extension(Extension::Duration),
            _ => Ty::Long,
        };
        let op = self.rng.pick(&["<", "<=", ">", ">="]);
        let (left, right) = (self.of(&ty, depth), self.of(&ty, depth));
        Expr::infix(op, left, right)
    }

    /// An entity, of one type in all environments if it is no variable.
    fn entity(&mut self) -> Expr {
        let entity = self.path(|types| types.iter().all(|ty| matches!(ty, Ty::Entity(_))));
        entity.unwrap_or_else(|| Expr::leaf(Op::Var("principal")))
    }

    /// The name of a type that the entities here may be within, mostly.
    fn above(&mut self) -> String {
        let var = self.rng.pick(&["principal", "resource"]);
        let mut names: Vec<String> = Vec::new();
        for name in self.names(var) {
            names.extend(self.schema.ancestors(&name));
        }
        if self.rng.percent(15) {
            names = self.schema.types.iter().map(|ty| ty.name.clone()).collect();
        }
        names[self.rng.below(names.len())].clone()
    }

    fn within(&mut self, depth: usize) -> Expr {
        let left = match self.rng.percent(60) {
            true => Expr::leaf(Op::Var(self.rng.pick(&["principal", "resource"]))),
            false => self.entity(),
        };
        let above = Ty::Entity(self.above());
        let right = match self.rng.percent(45) {
            true => self.of(&Ty::set(above), depth + 1),
            false => self.of(&above, depth),
        };
        Expr::infix("in", left, right)
    }

    fn set_test(&mut self, depth: usize) -> Expr {
        let element = match self.path(|types| matches!(types, [Ty::Set(_)])) {
            Some(path) if self.rng.percent(60) => {
                let method = self.rng.below(5);
                let suits = self.element_of(&path);
                return match (suits, method) {
                    (Some(element), 0 | 1) if element.is_spellable() => {
                        let item = self.of(&element, depth);
                        Expr::method("contains", path, [item])
                    }
                    (Some(element), 2 | 3) if element.is_spellable() => {
                        let method = self.rng.pick(&["containsAll", "containsAny"]);
                        let other = self.of(&Ty::set(element), depth + 1);
                        let turned = self.rng.percent(40);
                        let (of, with) = if turned { (other, path) } else { (path, other) };
                        Expr::method(method, of, [with])
                    }
                    _ => Expr::method("isEmpty", path, []),
                };
            }
            _ if self.rng.percent(25) => Ty::Extension(self.rng.pick(&values::EXTENSIONS)),
            _ => self.some_type(),
        };
        if !element.is_spellable() {
            return self.has();
        }
        let of = self.of(&Ty::set(element.clone()), depth + 1);
        match self.rng.below(5) {
            0 | 1 => {
                let held = of.args.get(self.rng.below(of.args.len().max(1))).cloned();
                let held = held.filter(|_| of.op == Op::Set && self.rng.percent(30));
                let item = held.unwrap_or_else(|| self.of(&element, depth));
                Expr::method("contains", of, [item])
            }
            2 => Expr::method("isEmpty", of, []),
            n => {
                let other = self.of(&Ty::set(element), depth + 1);
                Expr::method(["containsAll", "containsAny"][n - 3], of, [other])
            }
        }
    }

    /// `has`, of names declared or not, one or several.
    fn has(&mut self) -> Expr {
        let kept = self.known.len();
        let guard = self.guard().filter(|_| self.rng.percent(50));
        self.known.truncate(kept);
        guard.unwrap_or_else(|| {
            let name = self.rng.pick(&NAMES).to_owned();
            self.holder().has(&[name])
        })
    }

    fn is(&mut self) -> Expr {
        let of = self.entity();
        let above = self.above();
        match self.rng.percent(50) {
            true => Expr::new(Op::Is(above), vec![of]),
            false => {
                let ty = match self.rng.percent(70) {
                    true => {
                        let names: Vec<String> = self.names("principal").into_iter().collect();
                        names[self.rng.below(names.len())].clone()
                    }
                    false => above.clone(),
                };
                let place = self.of(&Ty::Entity(above), 0);
                Expr::new(Op::IsIn(ty), vec![of, place])
            }
        }
    }

    fn extension_test(&mut self, depth: usize) -> Expr {
        let of = |kind| Ty::Extension(kind);
        match self.rng.below(3) {
            0 => {
                let methods = [
                    "lessThan",
                    "lessThanOrEqual",
                    "greaterThan",
                    "greaterThanOrEqual",
                ];
                let method = self.rng.pick(&methods);
                let left = self.of(&of(Extension::Decimal), depth);
                let right = self.of(&of(Extension::Decimal), depth);
                Expr::method(method, left, [right])
            }
            1 => {
                let (left, right) = (
                    self.of(&of(Extension::Ip), depth),
                    self.of(&of(Extension::Ip), depth),
                );
                Expr::method("isInRange", left, [right])
            }
            _ => {
                let methods = ["isIpv4", "isIpv6", "isLoopback", "isMulticast"];
                let method = self.rng.pick(&methods);
                Expr::method(method, self.of(&of(Extension::Ip), depth), [])
            }
        }
    }

    fn action(&mut self) -> Expr {
        let all: Vec<_> = self
            .schema
            .actions
            .iter()
            .map(|action| action.uid.clone())
            .collect();
        let pick = |maker: &mut Self| Expr::leaf(Op::Uid(all[maker.rng.below(all.len())].clone()));
        let action = Expr::leaf(Op::Var("action"));
        match self.rng.below(3) {
            0 => Expr::infix(self.rng.pick(&["==", "!="]), action, pick(self)),
            1 => Expr::infix("in", action, pick(self)),
            _ => {
                let first = pick(self);
                let mut items = vec![first];
                // A set literal must be of one type: actions of one namespace.
                let second = pick(self);
                let same = |a: &Expr, b: &Expr| match (&a.op, &b.op) {
                    (Op::Uid(a), Op::Uid(b)) => a.type_name() == b.type_name(),
                    _ => false,
                };
                if same(&items[0], &second) {
                    items.push(second);
                }
                Expr::infix("in", action, Expr::new(Op::Set, items))
            }
        }
    }

    fn element_of(&self, path: &Expr) -> Option<Ty> {
        match &self.types_of(path)?[..] {
            [Ty::Set(of)] => Some((**of).clone()),
            _ => None,
        }
    }
}
