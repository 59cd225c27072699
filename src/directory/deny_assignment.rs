//! Deny assignments as policies (B-AZ-06).
//!
//! A role is a template that many assignments share; a deny assignment brings
//! its own patterns and exclusions, which no slot can hold. It becomes a policy
//! of its own, built from parts: no text is spliced.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause, Effect, EntityOrSlot, EntityType, EntityUID, Expr, Literal,
    Name, PatternElem, Policy as PstPolicy, PolicyID, PrincipalConstraint, ResourceConstraint,
    StaticPolicy, Template, Var,
};
use cedar_policy::{EntityUid, Policy};

use super::facts::DenyAssignment;
use super::{DirectoryError, Scope};
use crate::engine::StandingPolicy;

/// Patterns or principals that one deny assignment may name.
pub(super) const ITEMS_MAX: usize = 1_000;

/// The context keys that the policies of deny assignments read; no bundle holds
/// those policies.
pub const DENY_ASSIGNMENT_READS: [&str; 2] = [DATA, OPERATION];
const DATA: &str = "data";
const OPERATION: &str = "operation";

/// Builds the policy. `principals` and `exclude` are the resolved ids.
pub(super) fn policy(
    fact: &DenyAssignment,
    scope: &Scope,
    principals: Option<Vec<EntityUid>>,
    exclude: Vec<EntityUid>,
) -> Result<StandingPolicy, DirectoryError> {
    let id = fact.policy_id();
    build(fact, scope, principals, exclude, &id).map_err(|message| DirectoryError::Inconsistent {
        what: format!("deny assignment {} on `{}`", fact.number, fact.scope),
        field: "",
        message,
        remedy: "write it with fewer or simpler patterns",
    })
}

fn build(
    fact: &DenyAssignment,
    scope: &Scope,
    principals: Option<Vec<EntityUid>>,
    exclude: Vec<EntityUid>,
    id: &str,
) -> Result<StandingPolicy, String> {
    let place = EntityOrSlot::Entity(entity(&scope.uid())?);
    let template = Template::new(
        PolicyID(id.into()),
        Effect::Forbid,
        PrincipalConstraint::Any,
        ActionConstraint::Eq(named("Action", "AzureOperation")?),
        match fact.do_not_apply_to_child_scopes {
            true => ResourceConstraint::Eq(place),
            false => ResourceConstraint::In(place),
        },
    );
    let mut clauses = vec![Clause::Unless(data_action())];
    if let Some(principals) = principals {
        clauses.push(Clause::When(any_of_principals(&principals)?));
    }
    clauses.push(Clause::When(any_of_patterns(&fact.actions)));
    if !fact.not_actions.is_empty() {
        clauses.push(Clause::Unless(any_of_patterns(&fact.not_actions)));
    }
    if !exclude.is_empty() {
        clauses.push(Clause::Unless(any_of_principals(&exclude)?));
    }
    let reason = format!(
        "A deny assignment on {} takes this operation away, whatever roles give.",
        fact.scope
    );
    let annotations = BTreeMap::from([
        ("id".to_owned(), id.to_owned()),
        ("reason".to_owned(), reason),
        ("rule".to_owned(), "B-AZ-06".to_owned()),
    ]);
    let template = template
        .try_with_clauses(clauses)
        .map_err(|error| error.to_string())?;
    let fixed = StaticPolicy::try_from(template).map_err(|error| error.to_string())?;
    let policy = Policy::from_pst(PstPolicy::Static(fixed)).map_err(|error| error.to_string())?;
    Ok(StandingPolicy {
        id: id.to_owned(),
        effect: cedar_policy::Effect::Forbid,
        annotations,
        policy,
    })
}

/// `context has data && context.data`.
fn data_action() -> Arc<Expr> {
    let has = Expr::HasAttr {
        expr: Arc::new(Expr::Var(Var::Context)),
        attrs: nonempty::NonEmpty::new(DATA.into()),
    };
    binary(BinaryOp::And, Arc::new(has), context(DATA))
}

fn any_of_principals(principals: &[EntityUid]) -> Result<Arc<Expr>, String> {
    let tests = principals.iter().map(|principal| {
        let literal = Literal::EntityUID(entity(principal)?);
        let right = Arc::new(Expr::Literal(literal));
        Ok(binary(
            BinaryOp::In,
            Arc::new(Expr::Var(Var::Principal)),
            right,
        ))
    });
    Ok(any_of(tests.collect::<Result<_, String>>()?))
}

fn any_of_patterns(patterns: &[String]) -> Arc<Expr> {
    let tests = patterns.iter().map(|pattern| {
        let pattern = pattern.chars().map(|c| match c {
            '*' => PatternElem::Wildcard,
            c => PatternElem::Char(c),
        });
        Arc::new(Expr::Like {
            expr: context(OPERATION),
            pattern: pattern.collect(),
        })
    });
    any_of(tests.collect())
}

/// A balanced tree of `||`, so that its depth is the logarithm of its width.
fn any_of(mut tests: Vec<Arc<Expr>>) -> Arc<Expr> {
    match tests.len() {
        0 => Arc::new(Expr::Literal(Literal::Bool(false))),
        1 => tests.remove(0),
        n => {
            let right = tests.split_off(n / 2);
            binary(BinaryOp::Or, any_of(tests), any_of(right))
        }
    }
}

fn binary(op: BinaryOp, left: Arc<Expr>, right: Arc<Expr>) -> Arc<Expr> {
    Arc::new(Expr::BinaryOp { op, left, right })
}

fn context(attr: &str) -> Arc<Expr> {
    Arc::new(Expr::GetAttr {
        expr: Arc::new(Expr::Var(Var::Context)),
        attr: attr.into(),
    })
}

fn entity(uid: &EntityUid) -> Result<EntityUID, String> {
    named(uid.type_name().basename(), uid.id().unescaped())
}

fn named(ty: &str, id: &str) -> Result<EntityUID, String> {
    let name = Name::unqualified(ty).map_err(|error| error.to_string())?;
    Ok(EntityUID {
        ty: EntityType::from_name(name),
        eid: id.into(),
    })
}
