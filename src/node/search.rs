//! Searches over a point: who may, on what, and which actions.

use jiff::Timestamp;

use super::Point;
use crate::engine::intake::Ask;
use crate::engine::{Found, Page, Problem, Searched, search};

impl Point {
    /// Finds who or what makes a question an allow. Of the searched party only
    /// the type counts.
    ///
    /// # Errors
    /// [`Problem`] if the question does not fit the schema, or the page does not
    /// begin after an entity that is known here.
    pub fn search(
        &self,
        ask: Ask<'_>,
        searched: Searched,
        page: Page<'_>,
        now: Timestamp,
    ) -> Result<Found, Problem> {
        let prepared = self.prepare(ask, now)?;
        search(
            self.snapshot(),
            &prepared.request,
            searched,
            page,
            self.mode(),
        )
    }

    /// What of a question does not count, each with the reason; nothing if it
    /// cannot be evaluated at all.
    #[must_use]
    pub fn ignored(&self, ask: Ask<'_>, now: Timestamp) -> Vec<String> {
        let prepared = self.prepare(ask, now);
        prepared
            .map(|prepared| prepared.ignored)
            .unwrap_or_default()
    }

    /// Types of the searched party to which an action applies, given the type of
    /// the other party; in order.
    #[must_use]
    pub fn searchable(&self, ask: &Ask<'_>, searched: Searched) -> Vec<String> {
        let shape = self.snapshot().bundle().shape();
        let named = |(ty, name): &(String, String)| {
            *name == ask.action && ask.action_type.as_ref().is_none_or(|given| given == ty)
        };
        let actions = shape.actions.iter().filter(|(key, _)| named(key));
        let types = actions.flat_map(|(_, action)| match searched {
            Searched::Principals if action.resources.iter().any(|ty| *ty == ask.resource.ty) => {
                action.principals.clone()
            }
            Searched::Resources if action.principals.iter().any(|ty| *ty == ask.principal.ty) => {
                action.resources.clone()
            }
            _ => Vec::new(),
        });
        let mut types: Vec<String> = types.collect();
        types.sort();
        types.dedup();
        types
    }

    /// Type and name of each action that would be allowed, in order. An action
    /// whose context cannot be made from what the question brings is none.
    #[must_use]
    pub fn search_actions(&self, ask: &Ask<'_>, now: Timestamp) -> Vec<(String, String)> {
        let shape = self.snapshot().bundle().shape();
        let applies = shape.actions.iter().filter(|(_, action)| {
            action.principals.iter().any(|ty| *ty == ask.principal.ty)
                && action.resources.iter().any(|ty| *ty == ask.resource.ty)
        });
        let allowed = applies.filter(|((ty, name), _)| {
            let ask = Ask {
                action: name.as_str().into(),
                action_type: Some(ty.as_str().into()),
                ..ask.clone()
            };
            self.decide(ask, now).decision.allows()
        });
        allowed.map(|(key, _)| key.clone()).collect()
    }

    /// Names of the actions that would be allowed, in order: exactly those with
    /// which a question that gives no type of action is an allow. So a name that
    /// two namespaces have is none.
    #[must_use]
    pub fn search_action_names(&self, ask: &Ask<'_>, now: Timestamp) -> Vec<String> {
        let shape = self.snapshot().bundle().shape();
        let allowed = self.search_actions(ask, now).into_iter();
        let mut names: Vec<String> = allowed
            .map(|(_, name)| name)
            .filter(|name| shape.action_named(name).is_some())
            .collect();
        names.sort();
        names
    }
}
