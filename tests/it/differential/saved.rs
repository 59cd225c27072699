//! Cases as files: one JSON object each, with everything that a replay needs.
//!
//! Shape: `{"about", "schema": [lines], "policies": [texts], "standing": {id:
//! text}, "entities", "edges", "links", "stages", "request"}`; entities are written
//! as Cedar's JSON writes them. Stages are the batches of changes between the facts
//! and the request: `[{"settled", "changes": [{kind: ..}]}]`. A case that was made by hand says the `"answer"` as
//! well, so that it stays a case of what it is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use aobo::engine::{Change, EdgeKind, EntityData, EntityUid, Link, Request, Snapshot, Value, uid};
use aobo::policy::{Bundle, Source};
use serde_json::{Map, Value as Json, json};

use super::compare::Answer;
use super::engine::build;
use super::policies::Policy;
use super::shrink::{Case, Stage};
use super::values::EXTENSIONS;
use crate::support;

/// Where saved cases are.
pub(super) const FOLDER: &str = "tests/corpus/differential";

/// Writes a case to its folder and says under which name.
pub(super) fn save(case: &Case) -> String {
    let text = text(case);
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let path = format!("{FOLDER}/found-{hash:016x}.json");
    match std::fs::write(support::at(&path), text) {
        Ok(()) => path,
        Err(error) => panic!("{path}: {error}"),
    }
}

/// A case as the text of a file.
pub(super) fn text(case: &Case) -> String {
    let facts = &case.world.facts;
    let standing = facts.standing.iter();
    let standing: Map<String, Json> = standing
        .map(|(id, policy)| (id.clone(), json!(policy.text())))
        .collect();
    let edges = facts.edges.iter();
    let edges = edges.flat_map(|(child, parents)| parents.iter().map(move |p| (child, p)));
    let edges = edges.map(|(child, (parent, kind))| edge(child, parent, *kind));
    let request = &case.request;
    let file = json!({
        "about": "the engine and cedar-policy differed on this",
        "schema": case.world.schema.text().lines().collect::<Vec<_>>(),
        "policies": case.world.policies.iter().map(Policy::text).collect::<Vec<_>>(),
        "standing": standing,
        "entities": facts.entities.values().map(entity).collect::<Vec<_>>(),
        "edges": edges.collect::<Vec<_>>(),
        "links": facts.links.iter().map(link).collect::<Vec<_>>(),
        "stages": case.stages.iter().map(stage).collect::<Vec<_>>(),
        "request": {
            "principal": reference(&request.principal),
            "action": reference(&request.action),
            "resource": reference(&request.resource),
            "context": record(&request.context),
            "entities": request.entities.iter().map(entity).collect::<Vec<_>>(),
        },
    });
    let pretty = serde_json::to_string_pretty(&file);
    pretty.expect("plain JSON") + "\n"
}

/// A case read back: the snapshot and the request.
#[track_caller]
pub(super) fn read(text: &str) -> (Snapshot, Request) {
    let file: Json = serde_json::from_str(text).expect("JSON");
    let schema = Source::new("schema", strings(&file["schema"]).join("\n"));
    let policies = Source::new("policies", strings(&file["policies"]).concat());
    let bundle = match Bundle::new(&schema, &[policies]) {
        Ok(bundle) => Arc::new(bundle),
        Err(refused) => panic!("{:?}", refused.findings),
    };
    let mut snapshot = build(&bundle, changes(&file)).expect("sound facts");
    for stage in items(&file["stages"]) {
        let stage = Stage {
            changes: items(&stage["changes"]).iter().map(to_change).collect(),
            settled: stage["settled"] == json!(true),
        };
        snapshot = stage.after(&snapshot).expect("sound changes");
    }
    let asked = &file["request"];
    let request = Request {
        principal: to_uid(&asked["principal"]),
        action: to_uid(&asked["action"]),
        resource: to_uid(&asked["resource"]),
        context: to_record(&asked["context"]),
        entities: items(&asked["entities"]).iter().map(to_entity).collect(),
    };
    (snapshot, request)
}

/// What a case says the answer is, in Cedar's error mode.
#[track_caller]
pub(super) fn answer(text: &str) -> Option<Answer> {
    let file: Json = serde_json::from_str(text).expect("JSON");
    let answer = file.get("answer")?;
    Some(Answer {
        allows: answer["allows"].as_bool().expect("true or false"),
        determining: strings(&answer["determining"]),
        erroring: strings(&answer["erroring"]),
        failed: None,
    })
}

fn changes(file: &Json) -> Vec<Change> {
    let mut changes = Vec::new();
    let entities = items(&file["entities"]).iter().map(to_entity);
    changes.extend(entities.map(Change::PutEntity));
    changes.extend(items(&file["edges"]).iter().map(to_edge));
    let links = items(&file["links"]).iter().map(to_link);
    changes.extend(links.map(Change::AddLink));
    for (id, text) in file["standing"].as_object().into_iter().flatten() {
        let policy = Policy::standing(id, &string(text));
        changes.push(Change::PutPolicy(Box::new(policy)));
    }
    changes
}

fn reference(uid: &EntityUid) -> Json {
    json!({ "type": uid.type_name().to_string(), "id": uid.id().unescaped() })
}

fn edge(child: &EntityUid, parent: &EntityUid, kind: EdgeKind) -> Json {
    let implicit = kind == EdgeKind::Implicit;
    json!({ "child": reference(child), "parent": reference(parent), "implicit": implicit })
}

fn to_edge(json: &Json) -> Change {
    Change::AddEdge {
        child: to_uid(&json["child"]),
        parent: to_uid(&json["parent"]),
        kind: match json["implicit"] == json!(true) {
            true => EdgeKind::Implicit,
            false => EdgeKind::Explicit,
        },
    }
}

fn link(link: &Link) -> Json {
    let slot = |uid: &Option<EntityUid>| uid.as_ref().map(reference);
    json!({
        "template": link.template,
        "principal": slot(&link.principal),
        "resource": slot(&link.resource),
    })
}

fn to_link(json: &Json) -> Link {
    let slot = |name: &str| json.get(name).filter(|uid| !uid.is_null()).map(to_uid);
    Link {
        template: string(&json["template"]),
        principal: slot("principal"),
        resource: slot("resource"),
    }
}

fn stage(stage: &Stage) -> Json {
    let changes: Vec<Json> = stage.changes.iter().map(change).collect();
    json!({ "settled": stage.settled, "changes": changes })
}

fn change(change: &Change) -> Json {
    match change {
        Change::PutEntity(put) => json!({ "put": entity(put) }),
        Change::RemoveEntity(uid) => json!({ "remove": reference(uid) }),
        Change::AddEdge {
            child,
            parent,
            kind,
        } => json!({ "add edge": edge(child, parent, *kind) }),
        Change::RemoveEdge { child, parent } => {
            json!({ "remove edge": edge(child, parent, EdgeKind::Explicit) })
        }
        Change::AddLink(added) => json!({ "add link": link(added) }),
        Change::RemoveLink(removed) => json!({ "remove link": link(removed) }),
        Change::PutPolicy(put) => {
            json!({ "put policy": { "id": put.id, "text": put.policy.to_string() } })
        }
        Change::RemovePolicy(id) => json!({ "remove policy": id }),
    }
}

fn to_change(json: &Json) -> Change {
    let (kind, of) = json
        .as_object()
        .and_then(|m| m.iter().next())
        .expect("a change");
    match kind.as_str() {
        "put" => Change::PutEntity(to_entity(of)),
        "remove" => Change::RemoveEntity(to_uid(of)),
        "add edge" => to_edge(of),
        "remove edge" => Change::RemoveEdge {
            child: to_uid(&of["child"]),
            parent: to_uid(&of["parent"]),
        },
        "add link" => Change::AddLink(to_link(of)),
        "remove link" => Change::RemoveLink(to_link(of)),
        "put policy" => {
            let policy = Policy::standing(&string(&of["id"]), &string(&of["text"]));
            Change::PutPolicy(Box::new(policy))
        }
        "remove policy" => Change::RemovePolicy(string(of)),
        other => panic!("no change is a `{other}`"),
    }
}

fn entity(entity: &EntityData) -> Json {
    let parents: Vec<Json> = entity.parents.keys().map(reference).collect();
    json!({
        "uid": reference(&entity.uid),
        "attrs": record(&entity.attrs),
        "tags": record(&entity.tags),
        "parents": parents,
    })
}

fn record(values: &BTreeMap<String, Value>) -> Json {
    let values = values.iter();
    Json::Object(
        values
            .map(|(name, item)| (name.clone(), value(item)))
            .collect(),
    )
}

fn value(of: &Value) -> Json {
    match of {
        Value::Bool(value) => json!(value),
        Value::Long(value) => json!(value),
        Value::String(text) => json!(text.as_ref()),
        Value::Entity(uid) => json!({ "__entity": reference(uid) }),
        Value::Set(items) => Json::Array(items.iter().map(value).collect()),
        Value::Record(fields) => record(fields),
        Value::Extension(kind, text) => {
            json!({ "__extn": { "fn": kind.constructor(), "arg": text.as_ref() } })
        }
    }
}

fn to_uid(json: &Json) -> EntityUid {
    uid(&string(&json["type"]), &string(&json["id"])).expect("a type name")
}

fn to_entity(json: &Json) -> EntityData {
    let mut entity = EntityData::new(to_uid(&json["uid"]));
    entity.attrs = to_record(&json["attrs"]);
    entity.tags = to_record(&json["tags"]);
    let parents = items(&json["parents"]).iter();
    entity.parents = parents.map(|p| (to_uid(p), EdgeKind::Explicit)).collect();
    entity
}

fn to_record(json: &Json) -> BTreeMap<String, Value> {
    let members = json.as_object().into_iter().flatten();
    members
        .map(|(name, item)| (name.clone(), to_value(item)))
        .collect()
}

fn to_value(json: &Json) -> Value {
    match json {
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Long(number.as_i64().expect("64 bits")),
        Json::String(text) => Value::string(text.as_str()),
        Json::Array(items) => Value::Set(items.iter().map(to_value).collect()),
        Json::Object(members) => match (members.get("__entity"), members.get("__extn")) {
            (Some(uid), _) => Value::Entity(to_uid(uid)),
            (_, Some(call)) => {
                let kind = EXTENSIONS
                    .into_iter()
                    .find(|kind| call["fn"] == kind.constructor());
                Value::Extension(kind.expect("an extension"), string(&call["arg"]).into())
            }
            _ => Value::Record(to_record(json)),
        },
        Json::Null => panic!("Cedar has no null"),
    }
}

fn items(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn strings(json: &Json) -> Vec<String> {
    items(json).iter().map(string).collect()
}

#[track_caller]
fn string(json: &Json) -> String {
    json.as_str().expect("a string").to_owned()
}
