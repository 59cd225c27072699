//! From questions to verdicts.

use std::fmt;
use std::sync::Arc;

use super::{Allowed, Denied, EnforceLayer, Question};
use crate::node::DecisionPoint;

/// Asks a decision point of this process. Cloning it costs nothing.
#[derive(Clone)]
pub struct Enforcer {
    point: Arc<DecisionPoint>,
}

impl Enforcer {
    /// Asks this point.
    #[must_use]
    pub fn new(point: Arc<DecisionPoint>) -> Self {
        Self { point }
    }

    /// The point that is asked.
    #[must_use]
    pub fn point(&self) -> &Arc<DecisionPoint> {
        &self.point
    }

    /// Decides, by the facts and policies of this moment.
    ///
    /// # Errors
    /// [`Denied`] if the decision does not allow, whatever the cause.
    pub fn require(&self, question: Question) -> Result<Allowed, Denied> {
        let point = self.point.current();
        let answer = point.decide(question.into_ask(), self.point.now());
        let verdict = Allowed::of(answer.decision);
        if let Err(denied) = &verdict {
            let decision = denied.decision();
            let revision = decision.revision.0;
            // A question that cannot be evaluated is a mistake of whoever asks.
            match &decision.problem {
                Some(problem) => tracing::warn!(revision, %problem, "denied: not evaluated"),
                None => tracing::debug!(revision, "denied"),
            }
        }
        verdict
    }

    /// A layer that lets through what is allowed. `ask` makes the question of each
    /// request, or says why there is none.
    #[must_use]
    pub fn layer<F>(&self, ask: F) -> EnforceLayer<F> {
        EnforceLayer::new(self.clone(), ask)
    }
}

impl fmt::Debug for Enforcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enforcer").finish_non_exhaustive()
    }
}
