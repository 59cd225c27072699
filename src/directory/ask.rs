//! Questions about a directory: letter case of Azure ids, and scopes that are
//! not stored (domain D 8 and D 9). Generic mode never comes here.

use std::borrow::Cow;

use super::{Scope, World, names};
use crate::engine::intake::Ask;
use crate::engine::{EntityData, Input, Value};

/// The context key that holds an Azure operation.
const OPERATION: &str = "operation";

/// Lower-cases (ASCII) what Azure compares without case: the resource's id if it
/// is one of the four scope types, and `context.operation`.
#[must_use]
pub fn normalize<'a>(mut ask: Ask<'a>) -> Ask<'a> {
    if is_scope_type(&ask.resource.ty) {
        lower(&mut ask.resource.id);
    }
    for member in &mut ask.context {
        if let (OPERATION, Input::String(text)) = (member.name.as_ref(), &mut member.value) {
            lower(text);
        }
    }
    ask
}

/// Entities of the scopes that a question is about and the world need not hold:
/// a resource below a known subscription, and everything that encloses it.
#[must_use]
pub fn own_entities(world: &World, ask: &Ask<'_>) -> Vec<EntityData> {
    // Subscriptions and management groups are stored, and no id of theirs need be read.
    if ![names::RESOURCE_GROUP, names::AZURE_RESOURCE].contains(&ask.resource.ty.as_ref()) {
        return Vec::new();
    }
    let Ok(mut scope) = Scope::parse(&ask.resource.id) else {
        return Vec::new();
    };
    if scope.type_name() != ask.resource.ty {
        return Vec::new();
    }
    let Some(subscription) = world.subscription(scope.root()) else {
        return Vec::new();
    };
    let customer = names::of_type(names::CUSTOMER, &subscription.customer);
    let (mut entities, mut uid) = (Vec::new(), scope.uid());
    while let Some(outer) = scope.enclosing() {
        let above = outer.uid();
        entities.push(
            EntityData::new(uid)
                .with("customer", Value::Entity(customer.clone()))
                .in_parent(above.clone()),
        );
        (scope, uid) = (outer, above);
    }
    entities
}

fn is_scope_type(name: &str) -> bool {
    [
        names::MANAGEMENT_GROUP,
        names::SUBSCRIPTION,
        names::RESOURCE_GROUP,
        names::AZURE_RESOURCE,
    ]
    .contains(&name)
}

fn lower(text: &mut Cow<'_, str>) {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_mut().make_ascii_lowercase();
    }
}
