//! Azure roles against their definitions: actions less not-actions.

use std::collections::{BTreeMap, BTreeSet};

use aobo::directory::Profile;
use aobo::engine::Input;
use serde_json::json;

use super::{tenant, user};
use crate::support::{self, decide};

/// A role definition: what it gives less what it takes off again.
struct Definition {
    name: String,
    actions: Vec<String>,
    not_actions: Vec<String>,
    data_actions: Vec<String>,
    not_data_actions: Vec<String>,
}

impl Definition {
    fn all() -> Vec<Self> {
        let text = support::text("tests/corpus/tables/azure-roles.json");
        let input = Input::parse(&text).expect("JSON");
        let Some(Input::List(roles)) = input.get("roles") else {
            panic!("a list of roles");
        };
        let read = |role: &Input<'_>| {
            let list = |name| match role.get(name) {
                Some(Input::List(items)) => items
                    .iter()
                    .map(|item| item.as_str().expect("a pattern").to_owned())
                    .collect(),
                other => panic!("{name}: {other:?}"),
            };
            Self {
                name: role
                    .get("name")
                    .and_then(Input::as_str)
                    .expect("a name")
                    .to_owned(),
                actions: list("actions"),
                not_actions: list("notActions"),
                data_actions: list("dataActions"),
                not_data_actions: list("notDataActions"),
            }
        };
        roles.iter().map(read).collect()
    }

    fn gives(&self, operation: &str, data: bool) -> bool {
        let (gives, takes) = match data {
            false => (&self.actions, &self.not_actions),
            true => (&self.data_actions, &self.not_data_actions),
        };
        let any = |patterns: &[String]| patterns.iter().any(|p| matches(p, operation));
        any(gives) && !any(takes)
    }

    fn patterns(&self) -> impl Iterator<Item = &String> {
        let all = [
            &self.actions,
            &self.not_actions,
            &self.data_actions,
            &self.not_data_actions,
        ];
        all.into_iter().flatten()
    }
}

/// `*` is any run of characters, letters count without case.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(head) else {
        return false;
    };
    let ends = (0..=rest.len()).filter(|at| rest.is_char_boundary(*at));
    ends.into_iter().any(|at| matches(tail, &rest[at..]))
}

#[test]
fn the_matcher_of_this_test_matches() {
    for (pattern, text, wanted) in [
        ("*", "", true),
        ("*/read", "A.B/c/READ", true),
        ("*/read", "read", false),
        ("A.B/*/write", "a.b/write", false),
        ("A.B/*/write", "a.b/c/d/write", true),
        ("A.B/c", "a.b/cd", false),
        ("A.B/*", "a.bc/d", false),
    ] {
        assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
    }
}

/// What the patterns stand for, and what lies next to it.
fn operations(definitions: &[Definition]) -> BTreeSet<String> {
    let mut operations = BTreeSet::new();
    for pattern in definitions.iter().flat_map(Definition::patterns) {
        for middle in [
            "",
            "a",
            "roleAssignments",
            "virtualMachines/start",
            "*",
            "é",
            "a b/c",
        ] {
            let operation = pattern.replace('*', middle);
            operations.insert(operation.to_uppercase());
            operations.insert(format!("{operation}x"));
            operations.insert(format!("x{operation}"));
            operations.insert(format!("{operation}/delete"));
            operations.insert(operation.replace('/', "."));
            let cut = operation.char_indices().next_back().map_or(0, |(at, _)| at);
            operations.insert(operation[..cut].to_owned());
            operations.insert(operation);
        }
    }
    operations
}

#[test]
fn azure_roles_give_what_their_definitions_say() {
    let definitions = Definition::all();
    assert_eq!(definitions.len(), 5);
    let mut world = tenant();
    world["subscriptions"] = json!({"s": {"customer": "c"}});
    world["role_assignments"] = json!([]);
    for definition in &definitions {
        let name = &definition.name;
        world["customer_users"][name] = user(&[]);
        let assignments = world["role_assignments"].as_array_mut().expect("a list");
        assignments.push(json!({"principal": name, "role": name, "scope": "/subscriptions/s"}));
    }
    let point = support::point(Profile::Seed, &world.to_string());
    let operations = operations(&definitions);
    assert!(operations.len() > 300, "{}", operations.len());
    let mut counts = BTreeMap::new();
    for definition in &definitions {
        for operation in &operations {
            for data in [None, Some(false), Some(true)] {
                let mut context = json!({"operation": operation});
                if let Some(data) = data {
                    context["data"] = json!(data);
                }
                let context = context.to_string();
                let actor = ("CustomerUser", definition.name.as_str());
                let scope = ("Subscription", "/subscriptions/s");
                let ask = support::ask(actor, "AzureOperation", scope, &context);
                let got = decide(&point, ask).allows();
                let wanted = definition.gives(operation, data == Some(true));
                assert_eq!(got, wanted, "{} {context}", definition.name);
                *counts.entry((&definition.name, got)).or_insert(0) += 1;
            }
        }
    }
    // Each role allows some of it and denies some of it (data actions at least).
    assert_eq!(counts.len(), 10, "{counts:?}");
}

/// Every built-in template is in the file, by name and by id.
#[test]
fn azure_roles_are_those_of_the_file() {
    let text = support::text("tests/corpus/tables/azure-roles.json");
    let input = Input::parse(&text).expect("JSON");
    let Some(Input::List(roles)) = input.get("roles") else {
        panic!("a list of roles");
    };
    let text_of =
        |role: &Input<'_>, name| role.get(name).and_then(Input::as_str).map(str::to_owned);
    let wanted: BTreeSet<_> = roles
        .iter()
        .map(|r| (text_of(r, "name"), text_of(r, "id")))
        .collect();
    let bundle = support::bundle(Profile::Seed);
    let templates = bundle.infos().filter(|info| info.is_template);
    let found: BTreeSet<_> = templates
        .map(|info| {
            let annotation = |name| info.annotations.get(name).cloned();
            (annotation("azure_role"), annotation("azure_role_id"))
        })
        .collect();
    assert_eq!(found, wanted);
}
