//! The headers of answers, made once for each state.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::http::{HeaderMap, HeaderValue, header};

use super::position::{BUNDLE, REVISION};
use super::request_id::REQUEST_ID;
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
    headers: HeaderMap,
}

impl Stamps {
    /// What every answer from a state says: that it is JSON, and the state's revision and
    /// bundle. The request's id has its place there, and is to be filled in.
    pub(super) fn of(&self, snapshot: &Snapshot) -> HeaderMap {
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
        let headers = HeaderMap::from_iter([
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            ),
            (REVISION, HeaderValue::from(revision.0)),
            (BUNDLE, hash),
            (REQUEST_ID, HeaderValue::from_static("")),
        ]);
        self.0.store(Some(Arc::new(Stamp {
            revision,
            bundle: bundle.clone(),
            headers: headers.clone(),
        })));
        headers
    }
}
