//! Which members of a question the policies of a bundle read, by name.
//!
//! Taken from the policies' JSON form. It says too much rather than too little: a
//! name that is read of any entity counts for all of them, and a context that is
//! used as a whole is read in every key.
//!
//! INVARIANT (superset): a member that is not read here changes no condition of
//! any policy of the bundle, whatever its value.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Bundle, on_large_stack};

/// What the policies of a bundle read of a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    context: Names,
    action: Names,
    attributes: Names,
}

/// Names, or all there can be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Names {
    These(BTreeSet<String>),
    All,
}

impl Reads {
    /// Reads the policies and templates of a bundle. A policy that has no JSON form
    /// counts as reading everything.
    #[must_use]
    pub fn of(bundle: &Bundle) -> Self {
        on_large_stack(|| {
            let policies = bundle.policies();
            let fixed = policies.policies().map(|policy| policy.to_json().ok());
            let templates = policies.templates().map(|policy| policy.to_json().ok());
            let mut reads = Self::default();
            for json in fixed.chain(templates) {
                match json {
                    Some(json) => reads.expression(&json),
                    None => return Self::everything(),
                }
            }
            reads
        })
    }

    /// The same, with context keys that policies outside of the bundle read.
    #[must_use]
    pub fn and_context(mut self, names: &[&str]) -> Self {
        names.iter().for_each(|name| self.context.add(name));
        self
    }

    /// Whether a key of the context is read.
    #[must_use]
    pub fn context_key(&self, name: &str) -> bool {
        self.context.has(name)
    }

    /// Whether a property of the action is read, as a member of `context.action`.
    #[must_use]
    pub fn action_property(&self, name: &str) -> bool {
        self.action.has(name)
    }

    /// Whether an attribute of this name is read of anything.
    #[must_use]
    pub fn attribute(&self, name: &str) -> bool {
        self.attributes.has(name)
    }

    fn everything() -> Self {
        Self {
            context: Names::All,
            action: Names::All,
            attributes: Names::All,
        }
    }

    /// Notes what an expression reads, and everything within it.
    fn expression(&mut self, json: &Value) {
        match json {
            Value::Array(items) => items.iter().for_each(|item| self.expression(item)),
            Value::Object(members) => {
                if is_context(members) {
                    self.context = Names::All;
                    self.action = Names::All;
                }
                for (name, value) in members {
                    match Access::of(name, value) {
                        Some(access) => self.access(&access),
                        None => self.expression(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// `left.attribute`, or `left has attribute`.
    fn access(&mut self, access: &Access<'_>) {
        self.attributes.add(access.name);
        let outer = access.left.as_object();
        if outer.is_some_and(is_context) {
            self.context.add(access.name);
            // `context.action` as a whole; a member of it does not come here.
            if access.name == ACTION && access.reads {
                self.action = Names::All;
            }
            return;
        }
        match outer.and_then(inner_access) {
            Some(inner) if inner.is_of_action() => {
                self.attributes.add(inner.name);
                self.context.add(inner.name);
                self.action.add(access.name);
            }
            _ => self.expression(access.left),
        }
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl Names {
    fn add(&mut self, name: &str) {
        if let Self::These(names) = self {
            names.insert(name.to_owned());
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::These(names) => names.contains(name),
            Self::All => true,
        }
    }
}

/// The context key that holds the action's properties.
const ACTION: &str = "action";

/// A look at an attribute.
struct Access<'j> {
    left: &'j Value,
    name: &'j str,
    /// Whether its value is read, not only whether it is there.
    reads: bool,
}

impl<'j> Access<'j> {
    fn of(operator: &str, value: &'j Value) -> Option<Self> {
        let reads = match operator {
            "." => true,
            "has" => false,
            _ => return None,
        };
        Some(Self {
            left: value.get("left")?,
            name: value.get("attr")?.as_str()?,
            reads,
        })
    }

    fn is_of_action(&self) -> bool {
        self.name == ACTION && self.reads && self.left.as_object().is_some_and(is_context)
    }
}

fn inner_access(members: &Map<String, Value>) -> Option<Access<'_>> {
    let (name, value) = members.iter().next()?;
    Access::of(name, value)
}

fn is_context(members: &Map<String, Value>) -> bool {
    members.get("Var").and_then(Value::as_str) == Some("context")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Source;

    const SCHEMA: &str = "
        entity User { level?: Long, boss?: User };
        action view appliesTo { principal: User, resource: User, context: {
            a?: Long, b?: Long, c?: {d?: Long, e?: Long},
            action?: {x?: Long, y?: Long},
        } };";

    #[track_caller]
    fn check(condition: &str, context: &[&str], action: &[&str], attributes: &[&str]) {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        let schema = Source::new("s", SCHEMA);
        let bundle = Bundle::new(&schema, &[Source::new("p", text)]).unwrap();
        let reads = Reads::of(&bundle);
        let read = |has: &dyn Fn(&str) -> bool, all: &[&'static str]| -> Vec<&'static str> {
            all.iter().copied().filter(|name| has(name)).collect()
        };
        assert_eq!(
            read(&|n| reads.context_key(n), &["a", "action", "b", "c", "z"]),
            context,
            "{condition}"
        );
        assert_eq!(
            read(&|n| reads.action_property(n), &["x", "y"]),
            action,
            "{condition}"
        );
        let names = ["boss", "d", "e", "level"];
        assert_eq!(
            read(&|n| reads.attribute(n), &names),
            attributes,
            "{condition}"
        );
    }

    #[test]
    fn names_that_are_read_are_found() {
        check("true", &[], &[], &[]);
        check("context has a && context.a > 1", &["a"], &[], &[]);
        check("context has a", &["a"], &[], &[]);
        check(
            "principal has boss && principal.boss has level && principal.boss.level > 1",
            &[],
            &[],
            &["boss", "level"],
        );
        check(
            "context has c && context.c has d && context.c.d > 1",
            &["c"],
            &[],
            &["d"],
        );
        check("context has \"\\u{61}\"", &["a"], &[], &[]);
        check(
            "context has action && context.action has x && context.action.x > 1",
            &["action"],
            &["x"],
            &[],
        );
        check(
            "context has action && context.action has x",
            &["action"],
            &["x"],
            &[],
        );
    }

    #[test]
    fn what_is_used_as_a_whole_is_read_as_a_whole() {
        let all = ["a", "action", "b", "c", "z"];
        check("[context].contains(context)", &all, &["x", "y"], &[]);
        check(
            "context has action && [context.action].contains(context.action)",
            &["action"],
            &["x", "y"],
            &[],
        );
        check(
            "context has action && (if principal == resource then context.action else context.action) has y",
            &["action"],
            &["x", "y"],
            &[],
        );
    }

    #[test]
    fn others_may_read_too() {
        let reads = Reads::default().and_context(&["operation"]);
        assert!(reads.context_key("operation") && !reads.context_key("other"));
    }
}
