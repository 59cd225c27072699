//! Entities in Cedar's JSON form, read by the types of a schema.

use super::entity::uid;
use super::intake::read_value;
use super::{EngineError, EntityData, Input, Problem, Value};
use crate::policy::{Shape, Type};

/// Reads `[{"uid": {"type","id"}, "attrs": {}, "parents": [], "tags": {}}]`.
/// What Cedar writes as `{"__entity": …}` or `{"__extn": …}` may be written
/// plainly, since the schema says which type is meant.
///
/// # Errors
/// [`EngineError::Entities`] naming the entity and what is wrong with it:
/// undeclared types or attributes, wrong types, an id twice.
pub fn parse_entities(text: &str, shape: &Shape) -> Result<Vec<EntityData>, EngineError> {
    let mut entities = Vec::new();
    for entity in each_entity(text, shape)? {
        entities.push(entity?);
    }
    Ok(entities)
}

/// The same, entity by entity: what is wrong with one does not hide the others.
///
/// # Errors
/// [`EngineError::Entities`] if it is no array in JSON.
pub fn each_entity(
    text: &str,
    shape: &Shape,
) -> Result<Vec<Result<EntityData, EngineError>>, EngineError> {
    let bad = |message: String| EngineError::Entities { message };
    let input = Input::parse(text).map_err(|error| bad(error.to_string()))?;
    let Input::List(items) = &input else {
        return Err(bad(format!("an array is wanted, not {}", input.kind())));
    };
    let mut seen = std::collections::BTreeSet::new();
    let read = items.iter().enumerate().map(|(n, item)| {
        let entity = entity(item, shape).map_err(|message| bad(format!("[{n}]: {message}")))?;
        match seen.insert(entity.uid.clone()) {
            true => Ok(entity),
            false => Err(bad(format!("[{n}]: `{}` comes twice", entity.uid))),
        }
    });
    Ok(read.collect())
}

fn entity(item: &Input<'_>, shape: &Shape) -> Result<EntityData, String> {
    let members = item.members().ok_or("an entity is an object")?;
    for member in members {
        if !["uid", "attrs", "parents", "tags"].contains(&member.name.as_ref()) {
            return Err(format!(
                "unknown member `{}`; there are uid, attrs, parents, tags",
                member.name
            ));
        }
    }
    let (ty, id) = reference(item.get("uid").ok_or("the member `uid` is missing")?)?;
    let declared = shape
        .entities
        .get(ty)
        .ok_or_else(|| format!("the schema has no entity type `{ty}`"))?;
    let mut entity = EntityData::new(uid(ty, id).map_err(|error| error.to_string())?);
    let named = format!("{ty}::\"{id}\"");
    if let Some(attrs) = item.get("attrs") {
        let ty = Type::Record(declared.attributes.clone());
        match read_value(shape, &ty, attrs, &named).map_err(said)? {
            Value::Record(attrs) => entity.attrs = attrs,
            _ => return Err(format!("{named}: `attrs` is an object")),
        }
    }
    for member in item
        .get("tags")
        .and_then(Input::members)
        .unwrap_or_default()
    {
        let ty = declared.tags.as_ref();
        let ty = ty.ok_or_else(|| format!("{named}: the type has no tags"))?;
        let place = format!("{named}.tags.{}", member.name);
        let value = read_value(shape, ty, &member.value, &place).map_err(said)?;
        entity.tags.insert(member.name.to_string(), value);
    }
    if let Some(Input::List(parents)) = item.get("parents") {
        for parent in parents {
            let (ty, id) = reference(parent)?;
            entity = entity.in_parent(uid(ty, id).map_err(|error| error.to_string())?);
        }
    }
    Ok(entity)
}

/// `{"type","id"}`, bare or within `__entity`.
fn reference<'i>(input: &'i Input<'_>) -> Result<(&'i str, &'i str), String> {
    let input = input.get("__entity").unwrap_or(input);
    let text = |name| input.get(name).and_then(Input::as_str);
    match (text("type"), text("id")) {
        (Some(ty), Some(id)) => Ok((ty, id)),
        _ => Err("a reference to an entity is `{\"type\": …, \"id\": …}`".to_owned()),
    }
}

fn said(problem: Problem) -> String {
    problem.to_string()
}
