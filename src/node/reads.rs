//! What the policies of a state read of a question, kept by bundle.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Facts, Point};
use crate::directory::DENY_ASSIGNMENT_READS;
use crate::policy::{BundleHash, Reads};

/// Bundles whose reads are kept: that in force, and some of the past.
const BUNDLES_KEPT_MAX: usize = 4;

/// Finding out takes milliseconds, and bundles change seldom.
#[derive(Debug, Default)]
pub struct ReadsKept(Mutex<Vec<(BundleHash, Arc<Reads>)>>);

impl ReadsKept {
    /// What the policies of a state read, those included that stand for facts.
    pub fn of(&self, point: &Point) -> Arc<Reads> {
        let hash = point.snapshot().bundle().hash();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, reads)) = kept.iter().find(|(of, _)| of == hash) {
            return Arc::clone(reads);
        }
        let reads = Arc::new(reads_of(point));
        kept.insert(0, (hash.clone(), Arc::clone(&reads)));
        kept.truncate(BUNDLES_KEPT_MAX);
        reads
    }
}

fn reads_of(point: &Point) -> Reads {
    let reads = Reads::of(point.snapshot().bundle());
    match point.facts() {
        Facts::Directory(_) => reads.and_context(&DENY_ASSIGNMENT_READS),
        Facts::Generic => reads,
    }
}
