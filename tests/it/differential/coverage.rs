//! What the generated policies hold and what of it is reached: each operation
//! counts only where a request led to it and its operands had values, with what
//! came of it. A construct that is only ever false, or never reached, has not
//! been compared.
//!
//! Expressions are taken apart here and each part is evaluated by cedar-policy,
//! so that this does not rest on the engine.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::str::FromStr;

use aobo::engine::{EntityUid, Request};
use cedar_policy::{
    Context, Entities, EvalResult, Expression, Request as CedarRequest, eval_expression,
};

use super::engine::{Oracle, build};
use super::policies::Policy;
use super::requests::request;
use super::tree::{Expr, Op};
use super::world::World;
use crate::support::Rng;

/// What came of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    True,
    False,
    Value,
    Error,
}

/// How often each construct had each outcome.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) seen: BTreeMap<String, BTreeMap<Outcome, usize>>,
}

/// Links of a world that are followed; more of them say nothing new.
const LINKS_MAX: usize = 20;

/// A part of an expression, parsed when a request first comes to it.
struct Node<'a> {
    expr: &'a Expr,
    parsed: OnceCell<Expression>,
    args: Vec<Node<'a>>,
}

/// A scope's conditions, each with the name of its form.
type Scope = Vec<(String, Expression)>;

/// A request in cedar-policy's form.
struct Asked<'a> {
    request: CedarRequest,
    entities: &'a Entities,
}

impl Coverage {
    /// Asks so many requests on a world.
    pub(super) fn measured(rng: &mut Rng, world: &World, requests: usize) -> Self {
        let mut coverage = Self::default();
        let bundle = world.bundle().expect("only valid policies are left");
        let snapshot = build(&bundle, world.facts.changes(0)).expect("sound facts");
        let oracle = Oracle::of(&snapshot).expect("sound facts");
        let policies = parsed(world);
        for _ in 0..requests {
            let request = request(rng, world);
            let entities = oracle.entities(&request);
            let asked = Asked {
                request: cedar_request(&request),
                entities: &entities,
            };
            for (scope, clauses) in &policies {
                coverage.policy(scope, clauses, &asked);
            }
        }
        coverage
    }

    /// Follows a policy as an evaluation does, up to where it ends.
    fn policy(&mut self, scope: &Scope, clauses: &[(bool, Node<'_>)], asked: &Asked<'_>) {
        for (form, condition) in scope {
            let holds = asked.eval(condition);
            self.note(form.clone(), &holds);
            if !matches!(holds, Some(EvalResult::Bool(true))) {
                return;
            }
        }
        for (when, body) in clauses {
            let word = if *when { "when" } else { "unless" };
            let holds = self.node(body, asked);
            self.note(word.to_owned(), &holds);
            match holds {
                Some(EvalResult::Bool(holds)) if holds == *when => {}
                _ => return,
            }
        }
    }

    /// Evaluates a node after its operands, as far as they are needed.
    fn node(&mut self, node: &Node<'_>, asked: &Asked<'_>) -> Option<EvalResult> {
        let mut values = Vec::new();
        for (n, arg) in node.args.iter().enumerate() {
            let decided = match (&node.expr.op, values.first()) {
                (Op::Infix("&&"), Some(EvalResult::Bool(first))) => !first,
                (Op::Infix("||"), Some(EvalResult::Bool(first))) => *first,
                (Op::If, Some(EvalResult::Bool(first))) => (n == 1) != *first,
                _ => false,
            };
            if !decided {
                values.push(self.node(arg, asked)?);
            }
        }
        let parsed = node.parsed.get_or_init(|| expression(&node.expr.spelled()));
        let value = asked.eval(parsed);
        if !node.expr.args.is_empty() {
            self.note(construct(node.expr, &values), &value);
        }
        value
    }

    fn note(&mut self, what: String, value: &Option<EvalResult>) {
        let outcome = match value {
            Some(EvalResult::Bool(true)) => Outcome::True,
            Some(EvalResult::Bool(false)) => Outcome::False,
            Some(_) => Outcome::Value,
            None => Outcome::Error,
        };
        *self
            .seen
            .entry(what)
            .or_default()
            .entry(outcome)
            .or_default() += 1;
    }

    pub(super) fn add(&mut self, other: Self) {
        for (what, outcomes) in other.seen {
            let seen = self.seen.entry(what).or_default();
            for (outcome, count) in outcomes {
                *seen.entry(outcome).or_default() += count;
            }
        }
    }

    /// Every construct with its outcomes, a line each.
    pub(super) fn table(&self) -> String {
        let lines = self
            .seen
            .iter()
            .map(|(what, outcomes)| format!("{what:32} {outcomes:?}\n"));
        lines.collect()
    }

    /// What was wanted and did not occur, with the outcome that was missed.
    pub(super) fn missing(&self, wanted: &[(&str, &[Outcome])]) -> Vec<String> {
        let mut missing = Vec::new();
        for (what, outcomes) in wanted {
            for outcome in *outcomes {
                let seen = self.seen.get(*what).and_then(|seen| seen.get(outcome));
                if seen.is_none() {
                    missing.push(format!("{what}: {outcome:?}"));
                }
            }
        }
        missing
    }
}

impl Asked<'_> {
    fn eval(&self, expression: &Expression) -> Option<EvalResult> {
        eval_expression(&self.request, self.entities, expression).ok()
    }
}

/// The policies of a world, standing ones included, and templates once for each
/// of their links.
fn parsed(world: &World) -> Vec<(Scope, Vec<(bool, Node<'_>)>)> {
    let mut all = Vec::new();
    let fixed = world.policies.iter().filter(|policy| !policy.is_template());
    for policy in fixed.chain(world.facts.standing.values()) {
        all.push((scope(policy, [None, None]), clauses(policy)));
    }
    for link in world.facts.links.iter().take(LINKS_MAX) {
        let template = world
            .policies
            .iter()
            .find(|policy| policy.id == link.template);
        let template = template.expect("links name templates");
        let slots = [link.principal.as_ref(), link.resource.as_ref()];
        all.push((scope(template, slots), clauses(template)));
    }
    all
}

fn scope(policy: &Policy, slots: [Option<&EntityUid>; 2]) -> Scope {
    let conditions = [
        (
            format!("scope principal {}", policy.principal.form()),
            policy.principal.condition("principal", slots[0]),
        ),
        (
            format!("scope action {}", policy.action.form()),
            policy.action.condition(),
        ),
        (
            format!("scope resource {}", policy.resource.form()),
            policy.resource.condition("resource", slots[1]),
        ),
    ];
    conditions
        .into_iter()
        .map(|(form, text)| (form, expression(&text)))
        .collect()
}

fn clauses(policy: &Policy) -> Vec<(bool, Node<'_>)> {
    let clauses = policy.clauses.iter();
    clauses
        .map(|clause| (clause.when, node(&clause.body)))
        .collect()
}

fn node(expr: &Expr) -> Node<'_> {
    Node {
        expr,
        parsed: OnceCell::new(),
        args: expr.args.iter().map(node).collect(),
    }
}

#[track_caller]
fn expression(text: &str) -> Expression {
    Expression::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(super) fn cedar_request(request: &Request) -> CedarRequest {
    let context = request.context.iter().map(|(name, value)| {
        let value = super::values::restricted(value);
        (name.clone(), value)
    });
    let context = Context::from_pairs(context.collect::<Vec<_>>()).expect("a context");
    let (principal, action) = (request.principal.clone(), request.action.clone());
    CedarRequest::new(principal, action, request.resource.clone(), context, None)
        .expect("a request")
}

/// The name under which an operation is counted, with the kind of what it is
/// done to where that makes a difference.
fn construct(expr: &Expr, values: &[EvalResult]) -> String {
    let first = values.first().map_or("", kind);
    let last = values.last().map_or("", kind);
    match &expr.op {
        Op::Infix("in") => format!("in {last}"),
        Op::Infix(op @ ("&&" | "||" | "+" | "-" | "*")) => (*op).to_owned(),
        Op::Infix("!=") => "!=".to_owned(),
        Op::Infix(op) => format!("{op} {first}"),
        Op::Not => "!".to_owned(),
        Op::Neg => "unary -".to_owned(),
        Op::If => "if".to_owned(),
        Op::Get(_) => format!("attribute of {first}"),
        Op::Has(names) if names.len() > 1 => "has a.b".to_owned(),
        Op::Has(_) => format!("has on {first}"),
        Op::Like(pattern) => like(pattern).to_owned(),
        Op::Is(_) => "is".to_owned(),
        Op::IsIn(_) => "is in".to_owned(),
        Op::Set => match is_constant(expr) {
            true => "set of constants".to_owned(),
            false => "set of computed values".to_owned(),
        },
        Op::Record(_) => "record literal".to_owned(),
        Op::Method(name @ ("hasTag" | "getTag")) => match expr.args[1].op {
            Op::Text(_) => (*name).to_owned(),
            _ => format!("{name} computed"),
        },
        Op::Method("contains") => format!("contains {last}"),
        Op::Method(name) => (*name).to_owned(),
        Op::Function(name) => format!("{name}(..)"),
        other => format!("{other:?}"),
    }
}

fn kind(value: &EvalResult) -> &'static str {
    match value {
        EvalResult::Bool(_) => "Bool",
        EvalResult::Long(_) => "Long",
        EvalResult::String(_) => "String",
        EvalResult::Set(_) => "set",
        EvalResult::Record(_) => "record",
        EvalResult::EntityUid(_) => "entity",
        EvalResult::ExtensionValue(text) => {
            let kinds = ["decimal", "ip", "datetime", "duration"];
            let found = kinds.into_iter().find(|kind| text.starts_with(kind));
            found.unwrap_or("another extension")
        }
    }
}

fn like(pattern: &str) -> &'static str {
    let plain = pattern.replace("\\*", "");
    match (
        plain.len() < pattern.len(),
        plain.contains('*'),
        pattern.is_ascii(),
    ) {
        (true, ..) => "like \\*",
        (_, true, true) => "like *",
        (_, true, false) => "like * beyond ASCII",
        (..) => "like without *",
    }
}

fn is_constant(expr: &Expr) -> bool {
    !matches!(expr.op, Op::Var(_)) && expr.args.iter().all(is_constant)
}
