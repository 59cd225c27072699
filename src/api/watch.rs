//! Around every request: its id, its trace, a net under panics, its place in the
//! metrics, and one line in the log, for those who ask for it. The line names no
//! query and no header, where secrets may stand.
//!
//! A span costs as much as a decision. It is made where lines finer than `info` are
//! written, as the one of access is, and for handlers that may say more than that
//! they failed; for any other request once it did.
//!
//! INVARIANT (closed): a handler that panics is answered with an error object;
//! what it said goes to the log only.
//! INVARIANT (named): every line about a request stands in its span.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span};

use super::AppState;
use super::error::ApiError;
use super::metrics::{Counted, UnderWay};
use super::otlp::Sent;
use super::request_id::{REQUEST_ID, RequestId};
use super::trace::{Hex, Parent};

/// A request that is being answered.
pub(super) struct Watched<'s> {
    state: &'s AppState,
    id: RequestId,
    parent: Option<Parent>,
    /// Its span for the collector, if there is one.
    sent: Option<Sent>,
    method: Method,
    uri: Uri,
    /// The template of its path.
    route: Option<&'static str>,
    span: Option<Span>,
    under_way: UnderWay<'s>,
}

impl<'s> Watched<'s> {
    /// From here on a request has a name and is counted. `talks` is whether whoever
    /// answers may write lines of its own.
    pub(super) fn begin(
        state: &'s AppState,
        parts: &Parts,
        (route, counted): (Option<&'static str>, Counted),
        talks: bool,
    ) -> Self {
        let mut watched = Self {
            id: state.request_ids().id_for(&parts.headers),
            parent: Parent::read(&parts.headers),
            sent: None,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            route,
            span: None,
            under_way: state.metrics().begin_at(counted),
            state,
        };
        if let Some(spans) = state.spans() {
            let parent = watched.parent.take();
            watched.sent = Some(spans.begin(parent, &parts.method, route));
        }
        if talks || LevelFilter::current() > LevelFilter::INFO {
            watched.span = Some(watched.made_span());
        }
        watched
    }

    /// The request's id.
    pub(super) fn id(&self) -> &RequestId {
        &self.id
    }

    /// Runs what answers the request, in its span, with a net under it.
    pub(super) async fn run(
        &self,
        work: impl Future<Output = Result<Response, ApiError>>,
    ) -> Response {
        let span = self.span.clone().unwrap_or_else(Span::none);
        match caught(work.instrument(span)).await {
            Ok(answered) => answered.into_response(),
            Err(detail) => ApiError::Internal { detail }.into_response(),
        }
    }

    /// Counts the answer, tells of it, and names it.
    pub(super) fn end(mut self, mut response: Response) -> Response {
        let status = response.status();
        let error = response.extensions_mut().remove::<ApiError>();
        let failed = status == StatusCode::INTERNAL_SERVER_ERROR;
        if failed && self.span.is_none() {
            self.span = Some(self.made_span());
        }
        let micros = self.under_way.end(status);
        if let Some(span) = &self.span {
            let (method, path, route) = (&self.method, self.uri.path(), self.route);
            let detail = error.as_ref().and_then(ApiError::detail);
            let error = error.as_ref().map(tracing::field::display);
            span.in_scope(|| {
                if failed {
                    tracing::error!(%method, path, detail, "the handler failed");
                }
                let status = status.as_u16();
                tracing::debug!(
                    target: "aobo::access", %method, path, route, status, micros, error, detail,
                    "answered"
                );
            });
        }
        if let Some(sent) = self.sent.take() {
            sent.end(status, &self.id);
        }
        let id = self.id.echoed();
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }

    /// What every line about the request says first.
    fn made_span(&mut self) -> Span {
        let trace = match &self.sent {
            Some(sent) => sent.trace(),
            None => self.state.trace_ids().trace_for(self.parent.take()),
        };
        let (trace_id, span_id) = (Hex(trace.trace_id), Hex(trace.span_id));
        let request_id = self.id.to_string();
        tracing::info_span!("request", request_id, %trace_id, %span_id)
    }
}

/// Runs a future to its end, or to the panic that ends it.
pub(super) async fn caught<F: Future>(work: F) -> Result<F::Output, String> {
    let mut work = pin!(work);
    // After a panic the future is dropped and nothing of it is looked at again,
    // and what handlers share is immutable or atomic.
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(said(panic.as_ref()))),
        },
    )
    .await
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_its_message() {
        assert_eq!(caught(async { 1 }).await, Ok(1));
        let plain = caught(async { panic!("plain") }).await;
        assert_eq!(plain, Err::<(), _>("plain".to_owned()));
        let later = caught(async {
            tokio::task::yield_now().await;
            panic!("after {} turn", 1)
        });
        assert_eq!(later.await, Err::<(), _>("after 1 turn".to_owned()));
    }
}
