//! The headers that say from which state an answer is, made once for each state.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::http::{HeaderMap, HeaderValue, header};

use super::position::{BUNDLE, REVISION};
use crate::engine::{Revision, Snapshot};
use crate::policy::BundleHash;

/// Headers of an answer, the request's id included.
const HEADERS: usize = 4;

/// The headers of the state that was asked last, which is nearly always the one
/// that is asked next.
#[derive(Debug, Default)]
pub(super) struct Stamps(ArcSwapOption<Stamp>);

#[derive(Debug)]
struct Stamp {
    revision: Revision,
    bundle: BundleHash,
    /// Those of an answer in JSON.
    headers: HeaderMap,
}

impl Stamps {
    /// The headers of an answer in JSON from a state: `Content-Type`, `Aobo-Revision`
    /// and `Aobo-Bundle`.
    pub(super) fn of(&self, snapshot: &Snapshot) -> HeaderMap {
        let (revision, bundle) = (snapshot.revision(), snapshot.bundle().hash());
        if let Some(stamp) = &*self.0.load()
            && stamp.revision == revision
            && stamp.bundle == *bundle
        {
            return stamp.headers.clone();
        }
        let headers = made(revision, bundle);
        self.0.store(Some(Arc::new(Stamp {
            revision,
            bundle: bundle.clone(),
            headers: headers.clone(),
        })));
        headers
    }
}

fn made(revision: Revision, bundle: &BundleHash) -> HeaderMap {
    // A hash is hexadecimal digits, which every header takes.
    let hash = HeaderValue::from_str(bundle.as_str());
    let hash = hash.unwrap_or_else(|_| HeaderValue::from_static(""));
    let json = HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(REVISION, HeaderValue::from(revision.0));
    headers.insert(BUNDLE, hash);
    headers
}
