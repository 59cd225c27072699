//! A bundle made ready aside, so that the writer has little left to do.
//!
//! What takes long is done by whoever offers the bundle: parsing, validating, the
//! self-test, compiling, and laying the facts of that moment under it. What was written
//! meanwhile is taken in from the log, event by event: most of it here, the last few by
//! the writer.
//!
//! INVARIANT (swapped whole): a bundle is in use with all facts, or not at all.

use std::sync::Arc;

use super::stand::Stand;
use super::{Folded, Ledger, LedgerError, TakenBundle};
use crate::directory::world_file::{refold, refold_each};
use crate::directory::{AzureRoles, World};
use crate::log::{Log, Payload};
use crate::node::{Misfit, NodeError, Point, Refusal, self_test_of};
use crate::policy::{Bundle, Source};

/// A bundle that passed the self-test, compiled, over facts that fit it.
#[derive(Debug)]
pub struct NextBundle {
    taken: Arc<TakenBundle>,
    /// The policies without a fact.
    bare: Point,
    /// What was folded up to a revision, and the state one revision after it by this
    /// bundle.
    ready: Option<(Folded, Point)>,
}

/// Two are the same if the log would keep the same.
impl PartialEq for NextBundle {
    fn eq(&self, other: &Self) -> bool {
        self.taken == other.taken
    }
}

/// Takes in what a log has up to a revision; the policies stay.
fn forward(
    (folded, laid): (Folded, Point),
    log: &dyn Log,
    to: u64,
) -> Result<(Folded, Point), LedgerError> {
    let stand = Stand::at(folded, laid);
    stand.forward(log, to, true)?.into_parts()
}

impl Ledger {
    /// Makes a bundle ready to be taken; none if it is the one in use. This takes
    /// long and waits for nobody: call it from a thread that may block.
    ///
    /// # Errors
    /// [`LedgerError::Bundle`] if it fails the self-test, or facts do not fit it.
    pub fn make_ready(
        &self,
        (taken, bundle): (TakenBundle, Arc<Bundle>),
    ) -> Result<Option<Arc<NextBundle>>, LedgerError> {
        let folded = self.folded();
        let in_use = folded.bundle.as_ref();
        if in_use.is_some_and(|(last, _)| last.hash == taken.hash) {
            return Ok(None);
        }
        let mut next = NextBundle::compiled(taken, bundle)?;
        let log = self.log().as_ref();
        let laid = next.laid_under(&folded.world, folded.head.seq + 1)?;
        let laid = (Folded::clone(&folded), laid);
        // What cannot be taken in here is told by the writer.
        let further = forward(laid.clone(), log, log.head().seq);
        next.ready = Some(further.unwrap_or(laid));
        Ok(Some(Arc::new(next)))
    }

    /// The schema in use, for a bundle that keeps it.
    #[must_use]
    pub fn schema(&self) -> Option<Source> {
        let folded = self.folded();
        folded.bundle.as_ref().map(|(taken, _)| taken.schema())
    }
}

impl NextBundle {
    fn compiled(taken: TakenBundle, bundle: Arc<Bundle>) -> Result<Self, Refusal> {
        let failed = |error: NodeError| Refusal::SelfTest(Box::new(error));
        let world = World::new(AzureRoles::of(&bundle));
        let bare = Point::directory(bundle, world, Vec::new()).map_err(failed)?;
        self_test_of(&bare).map_err(failed)?;
        Ok(Self {
            taken: Arc::new(taken),
            bare,
            ready: None,
        })
    }

    /// The bundle's hash.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.taken.hash
    }

    fn bundle(&self) -> &Arc<Bundle> {
        self.bare.snapshot().bundle()
    }

    /// The state one revision after `point`, whose facts are those of `folded`. All of
    /// them are in the log, as a bundle is a group of writes by itself.
    pub(super) fn over(
        &self,
        log: &dyn Log,
        folded: &Folded,
        point: &Point,
    ) -> Result<Point, Refusal> {
        let revision = point.snapshot().revision().0;
        let ready = self.ready.clone();
        let further = ready.and_then(|ready| forward(ready, log, revision).ok());
        let next = further.map(|(_, next)| next);
        let next = next.filter(|next| next.snapshot().revision().0 == revision + 1);
        let next = match next {
            Some(next) => next,
            // Slowly, with words for what stands against it.
            None => self.laid_under(&folded.world, revision + 1)?,
        };
        Ok(next.in_mode(point.mode()))
    }

    pub(super) fn fold_into(&self, folded: &mut Folded) {
        folded.adopt(Arc::clone(&self.taken), Ok(Arc::clone(self.bundle())));
    }

    /// What the log keeps of it.
    pub(super) fn payload(&self) -> Result<Payload, String> {
        Payload::of(self.taken.as_ref())
    }

    fn laid_under(&self, world: &World, revision: u64) -> Result<Point, Refusal> {
        let refused = |why: &dyn std::error::Error| {
            let mut misfits = self.misfits(world);
            if misfits.is_empty() {
                misfits.push(Misfit {
                    fact: "the facts as a whole".to_owned(),
                    message: why.to_string(),
                });
            }
            Refusal::Facts(misfits)
        };
        let refolded = refold(world, AzureRoles::of(self.bundle()));
        let (world, changes) = refolded.map_err(|error| refused(&error))?;
        let laid = self.bare.rebuilt(world, changes, revision);
        laid.map_err(|error| refused(&error))
    }

    /// Every fact that does not fit, each once.
    fn misfits(&self, world: &World) -> Vec<Misfit> {
        let (mut misfits, mut changes, mut of) = (Vec::new(), Vec::new(), Vec::new());
        for (key, refolded) in refold_each(world, AzureRoles::of(self.bundle())) {
            match refolded {
                Err(error) => misfits.push(Misfit {
                    fact: key.describe(),
                    message: error.to_string(),
                }),
                Ok(more) => {
                    of.resize(of.len() + more.len(), key);
                    changes.extend(more);
                }
            }
        }
        for (place, error) in self.bare.snapshot().misfits(changes) {
            let fact = of.get(place).map_or_else(String::new, |key| key.describe());
            if misfits.last().is_none_or(|last| last.fact != fact) {
                let message = error.to_string();
                misfits.push(Misfit { fact, message });
            }
        }
        misfits
    }
}
