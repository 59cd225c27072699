//! Values that are the same however they are spelled: sets in any order, moments
//! and spans of time in any form.

use std::collections::BTreeMap;
use std::str::FromStr;

use aobo::engine::{EntityData, Value};
use cedar_policy::{Context, Entities, EntityUid, EvalResult, Expression, Request};

/// Fails unless one entity is the other.
#[track_caller]
pub(super) fn entities(a: &EntityData, b: &EntityData) {
    assert_eq!((&a.uid, &a.parents), (&b.uid, &b.parents));
    for (a, b) in [(&a.attrs, &b.attrs), (&a.tags, &b.tags)] {
        assert!(fields(a, b), "{a:#?} is not {b:#?}");
    }
}

fn fields(a: &BTreeMap<String, Value>, b: &BTreeMap<String, Value>) -> bool {
    let mut both = a.iter().zip(b);
    a.len() == b.len() && both.all(|((m, a), (n, b))| m == n && values(a, b))
}

fn values(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Set(a), Value::Set(b)) => {
            let within = |some: &[Value], all: &[Value]| {
                some.iter().all(|a| all.iter().any(|b| values(a, b)))
            };
            within(a, b) && within(b, a)
        }
        (Value::Record(a), Value::Record(b)) => fields(a, b),
        (Value::Extension(one, a), Value::Extension(other, b)) => {
            one == other && (a == b || same(one.constructor(), a, b))
        }
        (a, b) => a == b,
    }
}

/// Whether cedar-policy takes two texts of a constructor for the same.
fn same(constructor: &str, a: &str, b: &str) -> bool {
    let text = format!("{constructor}({a:?}) == {constructor}({b:?})");
    let expression = Expression::from_str(&text).expect("texts without odd characters");
    let nobody = EntityUid::from_str("A::\"\"").expect("an id");
    let request = Request::new(
        nobody.clone(),
        nobody.clone(),
        nobody,
        Context::empty(),
        None,
    );
    let request = request.expect("no schema to break");
    let value = cedar_policy::eval_expression(&request, &Entities::empty(), &expression);
    matches!(value, Ok(EvalResult::Bool(true)))
}
