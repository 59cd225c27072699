//! Schemas: entity types in and outside of namespaces, enumerated ones, deep and
//! branching membership, attributes and tags of every type, actions in groups
//! of groups, contexts.

use std::collections::BTreeSet;

use aobo::engine::{EntityUid, display_uid, uid};

use super::tree::quoted;
use super::values::{self, Fields, Ids, Ty, spelled_fields};
use crate::support::Rng;

/// The declarations, and the ids that anything generated may speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schema {
    pub(super) types: Vec<EntityType>,
    pub(super) actions: Vec<Action>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntityType {
    /// With its namespace.
    pub(super) name: String,
    /// All that exist, of an enumerated type; else those that are spoken of.
    pub(super) ids: Vec<String>,
    pub(super) enumerated: bool,
    pub(super) parents: Vec<String>,
    pub(super) attrs: Fields,
    pub(super) tags: Option<Ty>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) uid: EntityUid,
    pub(super) groups: Vec<EntityUid>,
    /// None of a group that is never asked for itself.
    pub(super) applies: Option<Applies>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applies {
    pub(super) principals: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) context: Fields,
}

/// What a request may be about: types and the action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Env {
    pub(super) principal: String,
    pub(super) action: EntityUid,
    pub(super) resource: String,
}

const TYPE_NAMES: [&str; 8] = [
    "User",
    "Group",
    "App::Doc",
    "Folder",
    "App::Tenant",
    "App::Deep::Role",
    "Hub",
    "Org",
];

/// Ids, the odd ones last.
const IDS: [&str; 18] = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "i",
    "a|b",
    "|",
    "two words",
    "naïve",
    "日本",
    "q\"uo\\te",
    "line\nbreak",
    "",
    "User::\"a\"",
];

impl Schema {
    pub(super) fn random(rng: &mut Rng) -> Self {
        let count = 3 + rng.below(TYPE_NAMES.len() - 2);
        let names: Vec<String> = TYPE_NAMES[..count]
            .iter()
            .map(|n| (*n).to_owned())
            .collect();
        let mut all = names.clone();
        let mut types = Vec::new();
        for enumerated in ["Color", "App::Level"] {
            if rng.percent(45) {
                all.push(enumerated.to_owned());
                types.push(enumeration(rng, enumerated));
            }
        }
        for (at, name) in names.iter().enumerate() {
            types.push(EntityType::random(rng, at, name, &names, &all));
        }
        let mut schema = Self {
            types,
            actions: Vec::new(),
        };
        schema.add_actions(rng, &names, &all);
        schema
    }

    fn add_actions(&mut self, rng: &mut Rng, names: &[String], all: &[String]) {
        let mut groups: Vec<EntityUid> = Vec::new();
        for n in 0..rng.below(4) {
            let action = action_uid(rng, &format!("group {n}"));
            let within = groups_of(rng, &action, &groups);
            groups.push(action.clone());
            self.actions.push(Action {
                uid: action,
                groups: within,
                applies: None,
            });
        }
        let plain = ["read", "write", "own it", "do|it", "list"];
        for id in &plain[..1 + rng.below(plain.len())] {
            let mut types = |of: &[String]| {
                let mut picked: BTreeSet<String> = BTreeSet::new();
                for _ in 0..rng.pick(&[1, 1, 2, 3]) {
                    picked.insert(of[rng.below(of.len())].clone());
                }
                picked.into_iter().collect::<Vec<_>>()
            };
            let (principals, resources) = (types(names), types(all));
            let size = rng.below(8);
            let context = values::fields(rng, size, 2, all);
            let action = action_uid(rng, id);
            let action = Action {
                groups: groups_of(rng, &action, &groups),
                uid: action,
                applies: Some(Applies {
                    principals,
                    resources,
                    context,
                }),
            };
            // An action that is asked for itself is a group of others as well.
            if rng.percent(30) {
                groups.push(action.uid.clone());
            }
            self.actions.push(action);
        }
    }

    /// An entity whose id a policy may spell: the bundle refuses control
    /// characters.
    pub(super) fn spelled(&self, rng: &mut Rng, ty: &str) -> EntityUid {
        loop {
            let uid = self.any(rng, ty);
            if !uid.id().unescaped().contains(char::is_control) {
                return uid;
            }
        }
    }

    pub(super) fn entity(&self, name: &str) -> Option<&EntityType> {
        self.types.iter().find(|ty| ty.name == name)
    }

    pub(super) fn action(&self, uid: &EntityUid) -> Option<&Action> {
        self.actions.iter().find(|action| action.uid == *uid)
    }

    /// Everything that a request may be about.
    pub(super) fn envs(&self) -> Vec<Env> {
        let mut envs = Vec::new();
        for action in &self.actions {
            let Some(applies) = &action.applies else {
                continue;
            };
            for principal in &applies.principals {
                for resource in &applies.resources {
                    envs.push(Env {
                        principal: principal.clone(),
                        action: action.uid.clone(),
                        resource: resource.clone(),
                    });
                }
            }
        }
        envs
    }

    /// Whether an action is, or is within, another.
    pub(super) fn action_in(&self, action: &EntityUid, group: &EntityUid) -> bool {
        let within = |a: &Action| a.groups.iter().any(|g| self.action_in(g, group));
        action == group || self.action(action).is_some_and(within)
    }

    /// The types that entities of a type may be within, itself included.
    pub(super) fn ancestors(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![name.to_owned()];
        while let Some(next) = open.pop() {
            if let Some(ty) = self.entity(&next).filter(|_| !found.contains(&next)) {
                open.extend(ty.parents.iter().cloned());
            }
            found.insert(next);
        }
        found
    }

    /// In Cedar's syntax.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for namespace in ["", "App", "App::Deep"] {
            let types = self
                .types
                .iter()
                .filter(|ty| namespace_of(&ty.name) == namespace);
            let types = types.map(EntityType::text);
            let actions = self.actions.iter();
            let actions = actions.filter(|a| {
                let ty = a.uid.type_name();
                namespace_of(&ty.to_string()) == namespace
            });
            let body: Vec<String> = types.chain(actions.map(Action::text)).collect();
            match (namespace, body.is_empty()) {
                (_, true) => {}
                ("", _) => text.push_str(&body.concat()),
                _ => text.push_str(&format!("namespace {namespace} {{\n{}}}\n", body.concat())),
            }
        }
        text
    }
}

impl Ids for Schema {
    fn any(&self, rng: &mut Rng, ty: &str) -> EntityUid {
        let declared = self.entity(ty).expect("a declared type");
        let id = &declared.ids[rng.below(declared.ids.len())];
        uid(ty, id).expect("a type name")
    }
}

impl EntityType {
    fn random(rng: &mut Rng, at: usize, name: &str, names: &[String], all: &[String]) -> Self {
        let mut parents = Vec::new();
        for (n, other) in names.iter().enumerate() {
            let chance = match n.cmp(&at) {
                std::cmp::Ordering::Less => 8,
                std::cmp::Ordering::Equal => 45,
                std::cmp::Ordering::Greater => 40,
            };
            if rng.percent(chance) {
                parents.push(other.clone());
            }
        }
        let mut ids: BTreeSet<String> = BTreeSet::new();
        for _ in 0..4 + rng.below(8) {
            let usual = if rng.percent(70) { 9 } else { IDS.len() };
            ids.insert(IDS[rng.below(usual)].to_owned());
        }
        if rng.percent(8) {
            ids.insert("long ".repeat(80));
        }
        let size = rng.below(8);
        let mut attrs = values::fields(rng, size, 2, all);
        // Types that need no attribute can be known by their edges alone.
        if rng.percent(30) {
            attrs.values_mut().for_each(|field| field.required = false);
        }
        let tags = rng.percent(40).then(|| values::ty(rng, 1, all));
        Self {
            name: name.to_owned(),
            ids: ids.into_iter().collect(),
            enumerated: false,
            parents,
            attrs,
            tags,
        }
    }

    fn text(&self) -> String {
        let base = self.name.rsplit("::").next().unwrap_or_default();
        if self.enumerated {
            let ids: Vec<String> = self.ids.iter().map(|id| quoted(id)).collect();
            return format!("entity {base} enum [{}];\n", ids.join(", "));
        }
        let parents = match self.parents.is_empty() {
            true => String::new(),
            false => format!(" in [{}]", self.parents.join(", ")),
        };
        let tags = self.tags.as_ref();
        let tags = tags.map_or(String::new(), |ty| format!(" tags {}", ty.spelled()));
        let attrs = spelled_fields(&self.attrs);
        format!("entity {base}{parents} = {attrs}{tags};\n")
    }
}

impl Action {
    fn text(&self) -> String {
        let groups: Vec<String> = self.groups.iter().map(display_uid).collect();
        let within = match groups.is_empty() {
            true => String::new(),
            false => format!(" in [{}]", groups.join(", ")),
        };
        let applies = self.applies.as_ref().map_or(String::new(), |applies| {
            format!(
                " appliesTo {{ principal: [{}], resource: [{}], context: {} }}",
                applies.principals.join(", "),
                applies.resources.join(", "),
                spelled_fields(&applies.context)
            )
        });
        let id = quoted(self.uid.id().unescaped());
        format!("action {id}{within}{applies};\n")
    }
}

fn enumeration(rng: &mut Rng, name: &str) -> EntityType {
    let ids = ["red", "green", "a", "two words", "q\"uo\\te"];
    let count = 1 + rng.below(ids.len());
    EntityType {
        name: name.to_owned(),
        ids: ids[..count].iter().map(|id| (*id).to_owned()).collect(),
        enumerated: true,
        parents: Vec::new(),
        attrs: Fields::new(),
        tags: None,
    }
}

fn action_uid(rng: &mut Rng, id: &str) -> EntityUid {
    let ty = if rng.percent(35) {
        "App::Action"
    } else {
        "Action"
    };
    uid(ty, id).expect("a type name")
}

/// Groups for an action. Within a namespace that has actions of its own, the
/// text `Action::"x"` cannot name one outside of it.
fn groups_of(rng: &mut Rng, action: &EntityUid, groups: &[EntityUid]) -> Vec<EntityUid> {
    let outer = action.type_name().namespace().is_empty();
    let fits = |group: &&EntityUid| outer || group.type_name() == action.type_name();
    let groups = groups.iter().filter(fits);
    groups.filter(|_| rng.percent(50)).cloned().collect()
}

fn namespace_of(name: &str) -> &str {
    name.rsplit_once("::")
        .map_or("", |(namespace, _)| namespace)
}
