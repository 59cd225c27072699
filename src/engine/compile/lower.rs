//! Cedar's syntax tree to the typed form, under one request environment.
//!
//! What the environment settles is folded: the action and everything asked of
//! it, the types of principal and resource, memberships that the schema rules
//! out. Validation lets a branch that cannot be come to read what its types do
//! not have; such a read becomes [`Ir::Fail`], as it would fail in Cedar.

use std::sync::Arc;

use cedar_policy::pst::{
    self, ActionConstraint, BinaryOp, Clause, EntityOrSlot, EntityUID, Expr, Literal,
    PrincipalConstraint, ResourceConstraint, Template, UnaryOp, Var,
};

use super::action::Action;
use super::ir::{Binary, Ir, Root, Unary};
use super::pattern::Pattern;
use crate::engine::EngineError;
use crate::engine::canonical::Canonical;
use crate::engine::extension::{IpRange, parse_datetime, parse_decimal, parse_duration};
use crate::engine::state::{ContextLayout, Eid, Record, Slot, State, TypeId};
use crate::policy::{RecordShape, Type};

/// Why a policy is left to the reference evaluator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotLowered(pub(crate) String);

/// One request environment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) principal: TypeId,
    pub(super) action: &'a Action,
    pub(super) resource: TypeId,
    pub(super) context: &'a ContextLayout,
    pub(super) context_shape: &'a RecordShape,
}

/// What is known of an expression's type.
#[derive(Debug, Clone)]
enum Ty<'a> {
    Declared(&'a Type),
    Entity(TypeId),
    Literal(Vec<(Arc<str>, Ty<'a>)>),
    Other,
}

pub(super) struct Lowering<'a, 's> {
    pub(super) state: &'s mut State,
    pub(super) setting: Setting<'a>,
    /// Its types live as long as the setting.
    pub(super) layouts: &'a crate::engine::state::Layouts,
}

type Lowered<'a> = Result<(Ir, Ty<'a>), NotLowered>;

impl<'a> Lowering<'a, '_> {
    /// The whole condition of a policy; of a template without what its slots ask.
    pub(super) fn policy(&mut self, policy: &Template) -> Result<Ir, NotLowered> {
        let action = self.action_matches(&policy.action)?;
        if !action {
            return Ok(Ir::FALSE);
        }
        let mut parts = vec![self.principal(&policy.principal)?];
        if parts.iter().all(|part| part.as_bool() != Some(false)) {
            parts.push(self.resource(&policy.resource)?);
        }
        if parts.iter().any(|part| part.as_bool() == Some(false)) {
            return Ok(Ir::FALSE);
        }
        for clause in policy.clauses() {
            parts.push(match clause {
                Clause::When(expr) => self.expr(expr)?.0,
                Clause::Unless(expr) => Ir::not(self.expr(expr)?.0),
            });
        }
        Ok(Ir::and(parts))
    }

    fn action_matches(&mut self, constraint: &ActionConstraint) -> Result<bool, NotLowered> {
        let action = self.setting.action;
        Ok(match constraint {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => self.uid(uid)? == action.eid,
            ActionConstraint::In(groups) => {
                let mut found = false;
                for group in groups {
                    let group = self.uid(group)?;
                    found |= group == action.eid || action.groups.contains(&group);
                }
                found
            }
        })
    }

    fn principal(&mut self, constraint: &PrincipalConstraint) -> Result<Ir, NotLowered> {
        use PrincipalConstraint as C;
        let own = (Ir::Principal, self.setting.principal);
        match constraint {
            C::Any => Ok(Ir::TRUE),
            C::Eq(to) => self.scope(own, None, Binary::Eq, Some(to)),
            C::In(to) => self.scope(own, None, Binary::In, Some(to)),
            C::Is(ty) => self.scope(own, Some(ty), Binary::In, None),
            C::IsIn(ty, to) => self.scope(own, Some(ty), Binary::In, Some(to)),
        }
    }

    fn resource(&mut self, constraint: &ResourceConstraint) -> Result<Ir, NotLowered> {
        use ResourceConstraint as C;
        let own = (Ir::Resource, self.setting.resource);
        match constraint {
            C::Any => Ok(Ir::TRUE),
            C::Eq(to) => self.scope(own, None, Binary::Eq, Some(to)),
            C::In(to) => self.scope(own, None, Binary::In, Some(to)),
            C::Is(ty) => self.scope(own, Some(ty), Binary::In, None),
            C::IsIn(ty, to) => self.scope(own, Some(ty), Binary::In, Some(to)),
        }
    }

    fn scope(
        &mut self,
        (var, own): (Ir, TypeId),
        is: Option<&pst::EntityType>,
        op: Binary,
        to: Option<&EntityOrSlot>,
    ) -> Result<Ir, NotLowered> {
        if is.is_some_and(|ty| self.layouts.number(&ty.to_string()) != Some(own)) {
            return Ok(Ir::FALSE);
        }
        // What fills a slot is matched by the link's place in the index.
        let Some(EntityOrSlot::Entity(uid)) = to else {
            return Ok(Ir::TRUE);
        };
        let to = Ir::Const(Canonical::Entity(self.uid(uid)?));
        Ok(self.relation(op, var, Ty::Entity(own), to))
    }

    /// `==` or `in`, false where the types rule it out.
    fn relation(&self, op: Binary, left: Ir, ty: Ty<'a>, right: Ir) -> Ir {
        if let (Ir::Principal | Ir::Resource, Some(own), Ir::Const(Canonical::Entity(to))) =
            (&left, self.entity_type(&ty), &right)
        {
            let to = self.state.type_of(*to);
            let below = self.layouts.of(own).map(|layout| &layout.ancestors);
            let above =
                op == Binary::In && to.is_some_and(|to| below.is_some_and(|b| b.contains(&to)));
            if to != Some(own) && !above {
                return Ir::FALSE;
            }
        }
        Ir::Binary(op, Box::new([left, right]))
    }

    fn uid(&mut self, uid: &EntityUID) -> Result<Eid, NotLowered> {
        let refused = |error: EngineError| NotLowered(error.to_string());
        let ty = self.layouts.number(&uid.ty.to_string());
        let ty = ty.ok_or_else(|| NotLowered(format!("`{}` is of no declared type", uid.ty)))?;
        self.state.intern(ty, &uid.eid).map_err(refused)
    }

    fn entity_type(&self, ty: &Ty<'a>) -> Option<TypeId> {
        match ty {
            Ty::Entity(id) => Some(*id),
            Ty::Declared(Type::Entity(name)) => self.layouts.number(name),
            _ => None,
        }
    }

    fn expr(&mut self, expr: &Expr) -> Lowered<'a> {
        Ok(match expr {
            Expr::Literal(literal) => self.literal(literal)?,
            Expr::Var(Var::Principal) => (Ir::Principal, Ty::Entity(self.setting.principal)),
            Expr::Var(Var::Resource) => (Ir::Resource, Ty::Entity(self.setting.resource)),
            Expr::Var(Var::Action) => {
                let eid = self.setting.action.eid;
                (Ir::Const(Canonical::Entity(eid)), Ty::Other)
            }
            Expr::Var(Var::Context) => {
                let record = Arc::new(self.setting.context.record.clone());
                let fields = self.setting.context_shape.iter();
                let fields = fields.map(|(n, a)| (Arc::from(n.as_str()), Ty::Declared(&a.ty)));
                (
                    Ir::Place(Root::Context, record, None),
                    Ty::Literal(fields.collect()),
                )
            }
            Expr::UnaryOp { op, expr } => self.unary(*op, expr)?,
            Expr::BinaryOp { op, left, right } => self.binary(*op, left, right)?,
            Expr::GetAttr { expr, attr } => {
                let (inner, ty) = self.expr(expr)?;
                self.get(inner, &ty, attr)
            }
            Expr::HasAttr { expr, attrs } => self.has(expr, attrs)?,
            Expr::Like { expr, pattern } => {
                let (inner, _) = self.expr(expr)?;
                (
                    Ir::Like(Box::new(inner), Arc::new(Pattern::new(pattern))),
                    Ty::Other,
                )
            }
            Expr::Is {
                expr,
                entity_type,
                in_expr,
            } => self.is(expr, entity_type, in_expr.as_deref())?,
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => self.conditional(cond, then_expr, else_expr)?,
            Expr::Set(items) => {
                let items = items.iter().map(|item| Ok(self.expr(item)?.0));
                let items: Vec<Ir> = items.collect::<Result<_, NotLowered>>()?;
                let constant = items.iter().map(|item| match item {
                    Ir::Const(value) => Some(value.clone()),
                    _ => None,
                });
                let ir = match constant.collect::<Option<Vec<_>>>() {
                    Some(values) => Ir::Const(Canonical::set(values)),
                    None => Ir::Set(items),
                };
                (ir, Ty::Other)
            }
            Expr::Record(fields) => self.record(fields)?,
            other => return Err(NotLowered(format!("`{other}` is not lowered"))),
        })
    }

    fn literal(&mut self, literal: &Literal) -> Lowered<'a> {
        let value = match literal {
            Literal::Bool(value) => Canonical::Bool(*value),
            Literal::Long(value) => Canonical::Long(*value),
            Literal::String(text) => Canonical::String(text.as_str().into()),
            Literal::EntityUID(uid) => {
                let eid = self.uid(uid)?;
                let ty = self.state.type_of(eid).map_or(Ty::Other, Ty::Entity);
                return Ok((Ir::Const(Canonical::Entity(eid)), ty));
            }
            other => return Err(NotLowered(format!("the literal {other:?} is not lowered"))),
        };
        Ok((Ir::Const(value), Ty::Other))
    }

    fn record(&mut self, fields: &std::collections::BTreeMap<String, Arc<Expr>>) -> Lowered<'a> {
        let mut lowered = Vec::new();
        let mut types = Vec::new();
        for (name, value) in fields {
            let (ir, ty) = self.expr(value)?;
            let name: Arc<str> = name.as_str().into();
            lowered.push((Arc::clone(&name), ir));
            types.push((name, ty));
        }
        Ok((Ir::Record(lowered), Ty::Literal(types)))
    }

    /// The row that an expression stands for, and the attributes it has.
    fn place(&self, ir: Ir, ty: &Ty<'a>) -> Result<(Root, &'a Record), Ir> {
        let layout = self.entity_type(ty).and_then(|id| self.layouts.of(id));
        match layout {
            None => Err(ir),
            Some(layout) => {
                let root = match ir {
                    Ir::Principal => Root::Principal,
                    Ir::Resource => Root::Resource,
                    ir => Root::Of(Box::new(ir)),
                };
                Ok((root, &layout.record))
            }
        }
    }

    fn get(&self, inner: Ir, ty: &Ty<'a>, name: &str) -> (Ir, Ty<'a>) {
        let below = self.field_type(ty, name);
        let (root, field) = match inner {
            Ir::Place(root, record, _) => {
                let field = record.field(name).cloned();
                (root, field)
            }
            inner => match self.place(inner, ty) {
                Ok((root, record)) => (root, record.field(name).cloned()),
                Err(inner) => return (Ir::Get(Box::new(inner), name.into()), below),
            },
        };
        match field {
            // A record within a row is a place of its own, if it is there.
            Some(field) => match &field.slot {
                Slot::Record(record) => {
                    let place = Ir::Place(root, Arc::clone(record), Some(field.present));
                    (place, below)
                }
                _ => (Ir::Field(root, Box::new(field)), below),
            },
            None => (Ir::Fail, Ty::Other),
        }
    }

    fn field_type(&self, ty: &Ty<'a>, name: &str) -> Ty<'a> {
        let of_shape = |shape: &'a RecordShape| shape.get(name).map(|a| Ty::Declared(&a.ty));
        let found = match ty {
            Ty::Declared(Type::Record(shape)) => of_shape(shape),
            Ty::Literal(fields) => {
                let found = fields.iter().find(|(field, _)| field.as_ref() == name);
                found.map(|(_, ty)| ty.clone())
            }
            other => {
                let layout = self.entity_type(other).and_then(|id| self.layouts.of(id));
                layout.and_then(|layout| of_shape(&layout.attributes))
            }
        };
        found.unwrap_or(Ty::Other)
    }

    /// `e has a.b.c`: each step asked for before the next is read.
    fn has(&mut self, expr: &Expr, attrs: &nonempty::NonEmpty<impl AsRef<str>>) -> Lowered<'a> {
        let (mut inner, mut ty) = self.expr(expr)?;
        let mut parts = Vec::new();
        for name in attrs {
            let name = name.as_ref();
            parts.push(self.has_one(inner.clone(), &ty, name));
            if parts.last().and_then(Ir::as_bool) == Some(false) {
                break;
            }
            (inner, ty) = self.get(inner, &ty, name);
        }
        Ok((Ir::and(parts), Ty::Other))
    }

    fn has_one(&self, inner: Ir, ty: &Ty<'a>, name: &str) -> Ir {
        let by_name = |inner| Ir::HasName(Box::new(inner), name.into());
        let (root, bit, within) = match inner {
            Ir::Place(root, record, within) => match (record.field(name), within) {
                // That the record is there must be found out before it is asked.
                (None, Some(_)) => return by_name(Ir::Place(root, record, within)),
                (field, _) => (root, field.map(|field| field.present), within),
            },
            inner => match self.place(inner, ty) {
                Ok((root, record)) => (root, record.field(name).map(|f| f.present), None),
                Err(inner) => return by_name(inner),
            },
        };
        match (bit, root) {
            (Some(bit), root) => Ir::Has(root, bit, within),
            // Reading what the row belongs to may fail before the answer.
            (None, Root::Of(inner)) => by_name(*inner),
            (None, _) => Ir::FALSE,
        }
    }

    fn is(&mut self, expr: &Expr, wanted: &pst::EntityType, in_expr: Option<&Expr>) -> Lowered<'a> {
        let (inner, ty) = self.expr(expr)?;
        let wanted = self.layouts.number(&wanted.to_string());
        let known = matches!(inner, Ir::Principal | Ir::Resource | Ir::Const(_));
        let is = match self.entity_type(&ty).filter(|_| known) {
            Some(own) => Ir::Const(Canonical::Bool(Some(own) == wanted)),
            None => Ir::Is(Box::new(inner.clone()), wanted),
        };
        let Some(in_expr) = in_expr.filter(|_| is.as_bool() != Some(false)) else {
            return Ok((is, Ty::Other));
        };
        let (right, _) = self.expr(in_expr)?;
        let within = self.relation(Binary::In, inner, ty, right);
        Ok((Ir::and([is, within]), Ty::Other))
    }

    fn conditional(&mut self, test: &Expr, yes: &Expr, no: &Expr) -> Lowered<'a> {
        let (test, _) = self.expr(test)?;
        match test.as_bool() {
            Some(true) => return self.expr(yes),
            Some(false) => return self.expr(no),
            None => {}
        }
        let ((yes, ty), (no, other)) = (self.expr(yes)?, self.expr(no)?);
        let ty = match (&ty, self.entity_type(&ty) == self.entity_type(&other)) {
            (Ty::Entity(_) | Ty::Declared(Type::Entity(_)), false) => Ty::Other,
            _ => ty,
        };
        Ok((Ir::If(Box::new([test, yes, no])), ty))
    }

    fn unary(&mut self, op: UnaryOp, expr: &Expr) -> Lowered<'a> {
        let (inner, _) = self.expr(expr)?;
        let text = match &inner {
            Ir::Const(Canonical::String(text)) => Some(Arc::clone(text)),
            _ => None,
        };
        let made = |value: Option<Canonical>| value.map_or(Ir::Fail, Ir::Const);
        let ir = match (op, text) {
            (UnaryOp::Not, _) => Ir::not(inner),
            (UnaryOp::Decimal, Some(text)) => made(parse_decimal(&text).map(Canonical::Decimal)),
            (UnaryOp::Datetime, Some(text)) => made(parse_datetime(&text).map(Canonical::Datetime)),
            (UnaryOp::Duration, Some(text)) => made(parse_duration(&text).map(Canonical::Duration)),
            (UnaryOp::Ip, Some(text)) => made(IpRange::parse(&text).map(Canonical::Ip)),
            (op, _) => Ir::Unary(unary_of(op)?, Box::new(inner)),
        };
        Ok((ir, Ty::Other))
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Lowered<'a> {
        if let BinaryOp::And | BinaryOp::Or = op {
            let (first, _) = self.expr(left)?;
            // What a settled left side shuts out need not even have a type.
            if first.as_bool() == Some(op == BinaryOp::Or) {
                return Ok((first, Ty::Other));
            }
            let (second, _) = self.expr(right)?;
            let parts = [first, second];
            let ir = if op == BinaryOp::And {
                Ir::and(parts)
            } else {
                Ir::or(parts)
            };
            return Ok((ir, Ty::Other));
        }
        let (first, ty) = self.expr(left)?;
        let (second, _) = self.expr(right)?;
        let lowered = binary_of(op)?;
        let result = match (op, self.entity_type(&ty)) {
            (BinaryOp::GetTag, Some(id)) => {
                let tags = self.layouts.of(id).and_then(|layout| layout.tags.as_ref());
                tags.map_or(Ty::Other, |(_, ty)| Ty::Declared(ty))
            }
            _ => Ty::Other,
        };
        let ir = match (&first, &second, lowered) {
            (Ir::Const(a), Ir::Const(b), Binary::Eq) => Ir::Const(Canonical::Bool(a == b)),
            (Ir::Const(a), Ir::Const(b), Binary::NotEq) => Ir::Const(Canonical::Bool(a != b)),
            (Ir::Const(Canonical::Entity(action)), Ir::Const(to), Binary::In)
                if *action == self.setting.action.eid =>
            {
                Ir::Const(Canonical::Bool(self.action_in(to)))
            }
            (_, _, Binary::Eq | Binary::In) => self.relation(lowered, first, ty, second),
            _ => Ir::Binary(lowered, Box::new([first, second])),
        };
        Ok((ir, result))
    }

    fn action_in(&self, to: &Canonical) -> bool {
        let action = self.setting.action;
        let within = |to: &Canonical| match to {
            Canonical::Entity(to) => *to == action.eid || action.groups.contains(to),
            _ => false,
        };
        match to {
            Canonical::Set(items) => items.iter().any(within),
            to => within(to),
        }
    }
}

fn unary_of(op: UnaryOp) -> Result<Unary, NotLowered> {
    Ok(match op {
        UnaryOp::Not => Unary::Not,
        UnaryOp::Neg => Unary::Neg,
        UnaryOp::IsEmpty => Unary::IsEmpty,
        UnaryOp::Decimal => Unary::Decimal,
        UnaryOp::Datetime => Unary::Datetime,
        UnaryOp::Duration => Unary::Duration,
        UnaryOp::Ip => Unary::Ip,
        UnaryOp::IsIPv4 => Unary::IsIpv4,
        UnaryOp::IsIPV6 => Unary::IsIpv6,
        UnaryOp::IsLoopback => Unary::IsLoopback,
        UnaryOp::IsMulticast => Unary::IsMulticast,
        UnaryOp::ToDate => Unary::ToDate,
        UnaryOp::ToTime => Unary::ToTime,
        UnaryOp::ToMilliseconds => Unary::ToMilliseconds,
        UnaryOp::ToSeconds => Unary::ToSeconds,
        UnaryOp::ToMinutes => Unary::ToMinutes,
        UnaryOp::ToHours => Unary::ToHours,
        UnaryOp::ToDays => Unary::ToDays,
        other => {
            return Err(NotLowered(format!(
                "the operation `{other}` is not lowered"
            )));
        }
    })
}

fn binary_of(op: BinaryOp) -> Result<Binary, NotLowered> {
    Ok(match op {
        BinaryOp::Eq => Binary::Eq,
        BinaryOp::NotEq => Binary::NotEq,
        BinaryOp::Less | BinaryOp::DecimalLessThan => Binary::Less,
        BinaryOp::LessEq | BinaryOp::DecimalLessEq => Binary::LessEq,
        BinaryOp::Greater | BinaryOp::DecimalGreater => Binary::Greater,
        BinaryOp::GreaterEq | BinaryOp::DecimalGreaterEq => Binary::GreaterEq,
        BinaryOp::Add => Binary::Add,
        BinaryOp::Sub => Binary::Sub,
        BinaryOp::Mul => Binary::Mul,
        BinaryOp::In => Binary::In,
        BinaryOp::Contains => Binary::Contains,
        BinaryOp::ContainsAll => Binary::ContainsAll,
        BinaryOp::ContainsAny => Binary::ContainsAny,
        BinaryOp::GetTag => Binary::GetTag,
        BinaryOp::HasTag => Binary::HasTag,
        BinaryOp::IsInRange => Binary::IsInRange,
        BinaryOp::Offset => Binary::Offset,
        BinaryOp::DurationSince => Binary::DurationSince,
        other => {
            return Err(NotLowered(format!(
                "the operation `{other}` is not lowered"
            )));
        }
    })
}
