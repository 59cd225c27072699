//! Policies taken apart into clauses, and what each clause reads.

use std::sync::Arc;

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause as PstClause, Effect, EntityOrSlot, Expr, Literal,
    Policy as PstPolicy, PolicyID, PrincipalConstraint, ResourceConstraint, StaticPolicy, Template,
    UnaryOp, Var,
};
use cedar_policy::{EntityUid, Policy, PolicySet};

use crate::engine::uid;
use crate::policy::{ActionShape, Annotations, Attribute, RecordShape, Shape, Type};

/// One condition that a policy asks for.
#[derive(Debug, Clone)]
pub(super) struct Clause(pub(super) Arc<Expr>);

impl Clause {
    /// As it would be written in Cedar.
    pub(super) fn text(&self) -> String {
        let text = self.0.to_string();
        let bare = text
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'));
        // Only a pair that encloses the whole may go.
        let balanced = |text: &str| {
            let mut depth = 0_i32;
            text.chars().all(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth >= 0
            })
        };
        match bare {
            Some(bare) if balanced(bare) => bare.to_owned(),
            _ => text,
        }
    }

    /// A policy that permits exactly where the clause holds.
    pub(super) fn as_policy(&self) -> Option<PolicySet> {
        let template = Template::new(
            PolicyID("clause".into()),
            Effect::Permit,
            PrincipalConstraint::Any,
            ActionConstraint::Any,
            ResourceConstraint::Any,
        );
        let when = PstClause::When(Arc::clone(&self.0));
        let template = template.try_with_clauses([when]).ok()?;
        let fixed = StaticPolicy::try_from(template).ok()?;
        let policy = Policy::from_pst(PstPolicy::Static(fixed)).ok()?;
        PolicySet::from_policies([policy]).ok()
    }

    /// How many attributes and tags it reads one after the other, at most: so far it
    /// looks from where it begins.
    pub(super) fn steps(&self) -> usize {
        let (mut most, mut open) = (0, vec![(&self.0, 0)]);
        while let Some((expr, above)) = open.pop() {
            let steps = above + reads(expr);
            most = most.max(steps);
            let mut below = Vec::new();
            children(expr, &mut below);
            open.extend(below.into_iter().map(|expr| (expr, steps)));
        }
        most
    }

    /// The entities that it names.
    pub(super) fn named(&self) -> impl Iterator<Item = EntityUid> {
        let (mut found, mut open) = (Vec::new(), vec![&self.0]);
        while let Some(expr) = open.pop() {
            if let Expr::Literal(Literal::EntityUID(named)) = expr.as_ref() {
                found.extend(uid(&named.ty.to_string(), &named.eid));
            }
            children(expr, &mut open);
        }
        found.into_iter()
    }

    /// The two sides of an `in`, as text that evaluates to them.
    pub(super) fn membership(&self) -> Option<(String, String)> {
        match self.0.as_ref() {
            Expr::BinaryOp {
                op: BinaryOp::In,
                left,
                right,
            } => Some((left.to_string(), right.to_string())),
            _ => None,
        }
    }
}

/// The clauses of a policy's scope and conditions. Slots stay out: a link's
/// scope is told from its values.
pub(super) fn clauses_of(template: &Template) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let principal = match &template.principal {
        PrincipalConstraint::Eq(to) => scope(Var::Principal, BinaryOp::Eq, to),
        PrincipalConstraint::In(to) | PrincipalConstraint::IsIn(_, to) => {
            scope(Var::Principal, BinaryOp::In, to)
        }
        _ => None,
    };
    let resource = match &template.resource {
        ResourceConstraint::Eq(to) => scope(Var::Resource, BinaryOp::Eq, to),
        ResourceConstraint::In(to) | ResourceConstraint::IsIn(_, to) => {
            scope(Var::Resource, BinaryOp::In, to)
        }
        _ => None,
    };
    clauses.extend([principal, resource].into_iter().flatten());
    for clause in template.clauses() {
        match clause {
            PstClause::When(expr) => split(expr, BinaryOp::And, &mut |part| {
                clauses.push(Clause(part));
            }),
            PstClause::Unless(expr) => split(expr, BinaryOp::Or, &mut |part| {
                clauses.push(Clause(Arc::new(Expr::UnaryOp {
                    op: UnaryOp::Not,
                    expr: part,
                })));
            }),
        }
    }
    clauses
}

fn scope(var: Var, op: BinaryOp, to: &EntityOrSlot) -> Option<Clause> {
    let EntityOrSlot::Entity(uid) = to else {
        return None;
    };
    Some(Clause(Arc::new(Expr::BinaryOp {
        op,
        left: Arc::new(Expr::Var(var)),
        right: Arc::new(Expr::Literal(Literal::EntityUID(uid.clone()))),
    })))
}

/// Takes a chain of one operator apart, in order, without recursion.
fn split(expr: &Arc<Expr>, chain: BinaryOp, each: &mut dyn FnMut(Arc<Expr>)) {
    let mut open = vec![Arc::clone(expr)];
    while let Some(expr) = open.pop() {
        match expr.as_ref() {
            Expr::BinaryOp { op, left, right } if *op == chain => {
                open.push(Arc::clone(right));
                open.push(Arc::clone(left));
            }
            _ => each(expr),
        }
    }
}

/// The types that a clause is read under.
pub(super) struct Reading<'s> {
    pub(super) shape: &'s Shape,
    pub(super) action: &'s ActionShape,
    pub(super) principal: &'s str,
    pub(super) resource: &'s str,
}

impl<'s> Reading<'s> {
    /// The annotations of the declaration that a clause reads: of an attribute
    /// that has a `@layer`, else of the type on the right of an `in`.
    pub(super) fn declaration(&self, clause: &Clause) -> Option<&'s Annotations> {
        let mut of_type = None;
        let mut open = vec![&clause.0];
        while let Some(expr) = open.pop() {
            if let Some(found) = self.attributes(expr).find(|a| a.contains_key(LAYER)) {
                return Some(found);
            }
            if let Expr::BinaryOp {
                op: BinaryOp::In,
                right,
                ..
            } = expr.as_ref()
            {
                of_type = of_type.or_else(|| self.type_annotations(right));
            }
            children(expr, &mut open);
        }
        of_type
    }

    /// The declarations of the attributes that one node reads.
    fn attributes(&self, expr: &Expr) -> impl Iterator<Item = &'s Annotations> {
        let mut found = Vec::new();
        match expr {
            Expr::GetAttr { expr, attr } => {
                found.extend(
                    self.fields(expr)
                        .and_then(|fields| fields.get(attr.as_str())),
                );
            }
            Expr::HasAttr { expr, attrs } => {
                let first = attrs.first().as_str();
                found.extend(self.fields(expr).and_then(|fields| fields.get(first)));
            }
            _ => {}
        }
        found
            .into_iter()
            .map(|attribute: &Attribute| &attribute.annotations)
    }

    fn type_annotations(&self, expr: &Expr) -> Option<&'s Annotations> {
        let expr = match expr {
            Expr::Set(items) => items.first()?,
            expr => expr,
        };
        let name = match self.kind(expr)? {
            Kind::Entity(name) => name,
            Kind::Record(_) => return None,
        };
        let declared = self.shape.entities.get(&name)?;
        declared
            .annotations
            .contains_key(LAYER)
            .then_some(&declared.annotations)
    }

    fn fields(&self, expr: &Expr) -> Option<&'s RecordShape> {
        match self.kind(expr)? {
            Kind::Entity(name) => Some(&self.shape.entities.get(&name)?.attributes),
            Kind::Record(fields) => Some(fields),
        }
    }

    fn kind(&self, expr: &Expr) -> Option<Kind<'s>> {
        match expr {
            Expr::Var(Var::Principal) => Some(Kind::Entity(self.principal.to_owned())),
            Expr::Var(Var::Resource) => Some(Kind::Entity(self.resource.to_owned())),
            Expr::Var(Var::Context) => Some(Kind::Record(&self.action.context)),
            Expr::Literal(Literal::EntityUID(uid)) => Some(Kind::Entity(uid.ty.to_string())),
            Expr::GetAttr { expr, attr } => match &self.fields(expr)?.get(attr.as_str())?.ty {
                Type::Entity(name) => Some(Kind::Entity(name.clone())),
                Type::Record(fields) => Some(Kind::Record(fields)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The annotation that names a layer.
pub(super) const LAYER: &str = "layer";

/// What an expression evaluates to, as far as attributes can be read from it.
enum Kind<'s> {
    Entity(String),
    Record(&'s RecordShape),
}

/// How many attributes and tags one node reads.
fn reads(expr: &Expr) -> usize {
    match expr {
        Expr::GetAttr { .. }
        | Expr::BinaryOp {
            op: BinaryOp::GetTag | BinaryOp::HasTag,
            ..
        } => 1,
        Expr::HasAttr { attrs, .. } => attrs.len(),
        _ => 0,
    }
}

fn children<'e>(expr: &'e Expr, open: &mut Vec<&'e Arc<Expr>>) {
    match expr {
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. } => open.push(expr),
        Expr::BinaryOp { left, right, .. } => open.extend([right, left]),
        Expr::Is { expr, in_expr, .. } => open.extend(in_expr.iter().chain([expr])),
        Expr::IfThenElse {
            cond,
            then_expr,
            else_expr,
        } => open.extend([else_expr, then_expr, cond]),
        Expr::Set(items) => open.extend(items),
        Expr::Record(fields) => open.extend(fields.values()),
        _ => {}
    }
}
