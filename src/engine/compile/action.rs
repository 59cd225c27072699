//! The actions of a schema, and what the names of a request mean.
//!
//! A request names an action and two types. Names are compared with those that the
//! action declares, which are few, so that no type is looked up among all.

use std::borrow::Cow;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use foldhash::HashSet;

use super::lower::Setting;
use crate::engine::EngineError;
use crate::engine::state::{ContextLayout, Eid, State, TypeId};
use crate::policy::{RecordShape, Shape};

/// An action of the schema.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub(crate) eid: Eid,
    pub(crate) uid: EntityUid,
    /// The name of its type.
    pub(super) ty: Arc<str>,
    /// The types that it applies to.
    pub(super) principals: Box<[Typed]>,
    pub(super) resources: Box<[Typed]>,
    /// The number of its environment for the first of both. The others follow, one
    /// principal type after the other.
    pub(super) first: u32,
    /// All groups above it.
    pub(crate) groups: HashSet<Eid>,
    pub(crate) context: Arc<ContextLayout>,
    pub(crate) context_shape: Arc<RecordShape>,
}

/// A type by name and number.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    name: Arc<str>,
    pub(super) ty: TypeId,
}

/// What the names of a request mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) action: &'a Action,
    /// Types of principal and resource.
    pub(crate) types: [TypeId; 2],
    /// The number of the environment.
    pub(crate) environment: u32,
}

impl Action {
    pub(super) fn setting(&self, principal: TypeId, resource: TypeId) -> Setting<'_> {
        Setting {
            principal,
            action: self,
            resource,
            context: &self.context,
            context_shape: &self.context_shape,
        }
    }

    /// Whether it applies to types by these names, and what they mean then.
    pub(crate) fn applied(&self, principal: &str, resource: &str) -> Option<Asked<'_>> {
        let place = |types: &[Typed], name: &str| types.iter().position(|ty| *ty.name == *name);
        self.asked(
            place(&self.principals, principal)?,
            place(&self.resources, resource)?,
        )
    }

    fn asked(&self, principal: usize, resource: usize) -> Option<Asked<'_>> {
        let number = principal * self.resources.len() + resource;
        let types = [
            self.principals.get(principal)?.ty,
            self.resources.get(resource)?.ty,
        ];
        Some(Asked {
            action: self,
            types,
            environment: self.first.checked_add(u32::try_from(number).ok()?)?,
        })
    }
}

/// The name of a type as one text. Most have no namespace, and theirs is borrowed.
pub(super) fn type_name(name: &EntityTypeName) -> Cow<'_, str> {
    match name.namespace_components().next() {
        None => Cow::Borrowed(name.basename()),
        Some(_) => Cow::Owned(name.to_string()),
    }
}

/// The actions, interned with the groups above each.
pub(super) fn actions_of(shape: &Shape, state: &mut State) -> Result<Vec<Action>, EngineError> {
    let layouts = Arc::clone(state.layouts());
    let typed = |names: &[String]| -> Box<[Typed]> {
        let numbered = names.iter().filter_map(|name| {
            let ty = layouts.number(name)?;
            let name = Arc::from(name.as_str());
            Some(Typed { name, ty })
        });
        numbered.collect()
    };
    let mut actions = Vec::new();
    for (key, declared) in &shape.actions {
        let eid = intern_action(key, state)?;
        for group in &declared.groups {
            let group = intern_action(group, state)?;
            state.join(eid, group);
        }
        let Some(context) = layouts.context(key).cloned() else {
            continue;
        };
        let (ty, id) = key;
        let Some(uid) = shape.uid(ty, id) else {
            continue;
        };
        actions.push(Action {
            eid,
            uid,
            ty: Arc::from(ty.as_str()),
            principals: typed(&declared.principals),
            resources: typed(&declared.resources),
            first: 0,
            groups: HashSet::default(),
            context,
            context_shape: Arc::new(declared.context.clone()),
        });
    }
    for action in &mut actions {
        action.groups = state.all_ancestors(action.eid).into_iter().collect();
    }
    Ok(actions)
}

fn intern_action((ty, id): &(String, String), state: &mut State) -> Result<Eid, EngineError> {
    let of = state.layouts().number(ty);
    let of = of.ok_or_else(|| EngineError::TypeName { name: ty.clone() })?;
    state.intern(of, id)
}
