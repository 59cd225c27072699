//! Questions about a directory: letter case of Azure ids, and scopes that are
//! not stored (domain D 8 and D 9). Generic mode never comes here.

use std::borrow::Cow;

use super::azure_scope::{SCOPE_ID_BYTES_MAX, around};
use super::{World, names};
use crate::engine::intake::{Ask, Placed};
use crate::engine::{EntityData, Input, Value};
use crate::policy::check_id;

/// The context key that holds an Azure operation.
const OPERATION: &str = "operation";
/// The attribute of every scope that says whose it is.
const CUSTOMER: &str = "customer";

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

/// Where the resource of a normalized question stands by its id alone, if it is a scope
/// below a subscription: the world need not hold it.
#[must_use]
pub fn placed(ask: &Ask<'_>) -> Option<Placed> {
    type_below(ask)?;
    check_id(&ask.resource.id, SCOPE_ID_BYTES_MAX).ok()?;
    let (kind, enclosing) = around(&ask.resource.id)?;
    if kind.type_name() != ask.resource.ty {
        return None;
    }
    let enclosing = enclosing.into_iter();
    Some(Placed {
        within: enclosing
            .map(|(kind, length)| (kind.type_name(), length))
            .collect(),
        inherits: CUSTOMER,
    })
}

/// Entities of the scopes that a question is about and the world need not hold:
/// a resource below a known subscription, and everything that encloses it.
#[must_use]
pub fn own_entities(world: &World, ask: &Ask<'_>) -> Vec<EntityData> {
    let (Some(ty), Some(placed)) = (type_below(ask), placed(ask)) else {
        return Vec::new();
    };
    let mut enclosing = placed.enclosing(&ask.resource.id);
    let subscription = enclosing.next_back();
    let subscription = subscription.and_then(|(_, id)| world.subscription(id.rsplit('/').next()?));
    let Some(subscription) = subscription else {
        return Vec::new();
    };
    let customer = names::of_type(names::CUSTOMER, &subscription.customer);
    let mut inner = names::of_type(ty, &ask.resource.id);
    let outer = placed.enclosing(&ask.resource.id);
    let entities = outer.map(|(ty, id)| {
        let above = names::of_type(ty, id);
        EntityData::new(std::mem::replace(&mut inner, above.clone()))
            .with(CUSTOMER, Value::Entity(customer.clone()))
            .in_parent(above)
    });
    entities.collect()
}

/// The type of a resource that stands below a subscription; subscriptions and
/// management groups are stored, and no id of theirs need be read.
fn type_below(ask: &Ask<'_>) -> Option<&'static str> {
    let below = [names::RESOURCE_GROUP, names::AZURE_RESOURCE];
    below.into_iter().find(|ty| *ty == ask.resource.ty)
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
