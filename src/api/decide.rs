//! The one place of this layer where questions are decided.
//!
//! Every route comes here with the state that answers, so that whoever wants to
//! see each question and its answer stands here too.

use super::caller::may_ask;
use super::decided::Deciding;
use super::error::ApiError;
use super::metrics::Asked;
use super::position::Placed;
use crate::engine::explain::Explanation;
use crate::engine::intake::Ask;
use crate::engine::{Found, Page, Problem, Searched, uid};
use crate::node::{Answer, Decided};

impl Placed {
    /// Whether the caller may ask this; asked before every decision and search.
    ///
    /// # Errors
    /// [`ApiError::Forbidden`] if it is about none of the caller's tenants.
    pub(super) fn permits(&self, ask: &Ask<'_>) -> Result<(), ApiError> {
        may_ask(&self.caller, self.point.facts(), ask)
    }

    /// Decides one question, and says why if that is wanted. `item` is its place in a
    /// batch, from 0, if it is in one.
    pub(super) fn decide(
        &self,
        deciding: &mut Deciding<'_>,
        item: Option<u32>,
        ask: Ask<'_>,
        explain: bool,
    ) -> (Answer, Option<Explanation>) {
        let asked = deciding.begin(&ask);
        let told = match explain {
            true => self.point.explain(ask, self.now),
            false => (self.point.decide(ask, self.now), None),
        };
        deciding.end(asked, item, (&self.point, &told.0), self.now);
        let how = match item {
            None => Asked::Single,
            Some(_) => Asked::Batch,
        };
        self.state.metrics().decided(how, &told.0.decision);
        told
    }

    /// Decides one question of which the effect is wanted, and what else there is to
    /// say. No row is made of it: while decisions are recorded, it goes through
    /// [`Placed::decide`].
    pub(super) fn decide_alone(&self, ask: Ask<'_>) -> Decided {
        let decided = self.point.decided(ask, self.now);
        self.state.metrics().decided_all(Asked::Single, [&decided]);
        decided
    }

    /// Decides questions that stand beside each other; the answers are in order. No
    /// row is made of any: while decisions are recorded, each goes through
    /// [`Placed::decide`].
    pub(super) fn decide_many<'a>(&self, asks: impl IntoIterator<Item = Ask<'a>>) -> Vec<Decided> {
        let decided = self.point.decide_many(asks, self.now);
        self.state.metrics().decided_all(Asked::Batch, &decided);
        decided
    }

    /// Finds who or what makes a question an allow, after the one with this id, at
    /// most so many.
    ///
    /// # Errors
    /// As `Point::search`.
    pub(super) fn search(
        &self,
        ask: Ask<'_>,
        searched: Searched,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Found, Problem> {
        let ty = match searched {
            Searched::Principals => &ask.principal.ty,
            Searched::Resources => &ask.resource.ty,
        };
        let unknown = |_| Problem::UnknownType {
            name: ty.to_string(),
        };
        let after = after.map(|id| uid(ty, id)).transpose().map_err(unknown)?;
        let page = Page {
            after: after.as_ref(),
            limit,
        };
        self.point.search(ask, searched, page, self.now)
    }

    /// Names of the actions that make a question an allow, after this one.
    pub(super) fn search_actions(&self, ask: &Ask<'_>, after: Option<&str>) -> Vec<String> {
        let mut names = self.point.search_action_names(ask, self.now);
        names.retain(|name| after.is_none_or(|after| name.as_str() > after));
        names
    }
}
