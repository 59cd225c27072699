//! The headers that say from which state an answer is, made once for each state.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::http::HeaderValue;

use crate::engine::{Revision, Snapshot};
use crate::policy::BundleHash;

/// The headers of the state that was asked last, which is nearly always the one
/// that is asked next.
#[derive(Debug, Default)]
pub(super) struct Stamps(ArcSwapOption<Stamp>);

#[derive(Debug)]
struct Stamp {
    revision: Revision,
    bundle: BundleHash,
    /// The values for the two.
    headers: [HeaderValue; 2],
}

impl Stamps {
    /// Revision and bundle of a state, as header values.
    pub(super) fn of(&self, snapshot: &Snapshot) -> [HeaderValue; 2] {
        let (revision, bundle) = (snapshot.revision(), snapshot.bundle().hash());
        if let Some(stamp) = &*self.0.load()
            && stamp.revision == revision
            && stamp.bundle == *bundle
        {
            return stamp.headers.clone();
        }
        // A hash is hexadecimal digits, which every header takes.
        let hash = HeaderValue::from_str(bundle.as_str());
        let hash = hash.unwrap_or_else(|_| HeaderValue::from_static(""));
        let headers = [HeaderValue::from(revision.0), hash];
        self.0.store(Some(Arc::new(Stamp {
            revision,
            bundle: bundle.clone(),
            headers: headers.clone(),
        })));
        headers
    }
}
