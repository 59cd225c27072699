//! Around every request: its id, its trace, a net under panics, its place in the
//! metrics, and one line in the log, for those who ask for it. The line names no
//! query and no header, where secrets may stand.
//!
//! INVARIANT (closed): a handler that panics is answered with an error object;
//! what it said goes to the log only.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{Instrument, Span};

use super::AppState;
use super::error::ApiError;
use super::otlp::Sent;
use super::request_id::{REQUEST_ID, echoed};
use super::trace::{Hex, Parent, Trace};

/// Runs a request, names its answer, and counts it.
pub(super) async fn watched(
    State(state): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = state.request_ids().id_for(request.headers());
    let echo = echoed(request.headers(), &id);
    // A handler knows the request by the same id, made or not.
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let (trace, sent) = traced(&state, request.headers(), (&method, route));
    let span = span_of(&id, &trace);
    let under_way = state.metrics().begin(&method, route);
    let mut response = match caught(next.run(request).instrument(span.clone())).await {
        Ok(response) => response,
        Err(detail) => ApiError::Internal { detail }.into_response(),
    };
    let status = response.status();
    let micros = under_way.end(status);
    if let Some(sent) = sent {
        sent.end(status, &id);
    }
    let error = response.extensions_mut().remove::<ApiError>();
    let detail = error.as_ref().and_then(ApiError::detail);
    let error = error.as_ref().map(tracing::field::display);
    span.in_scope(|| {
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%method, path, detail, "the handler failed");
        }
        let status = status.as_u16();
        tracing::debug!(
            target: "aobo::access", %method, path, route, status, micros, error, detail, "answered"
        );
    });
    response.headers_mut().insert(REQUEST_ID, echo);
    response
}

/// Where a request stands, and its span for the collector if there is one.
fn traced(
    state: &AppState,
    headers: &HeaderMap,
    (method, route): (&Method, Option<&str>),
) -> (Trace, Option<Sent>) {
    match state.spans() {
        None => (state.trace_ids().trace_for(headers), None),
        Some(spans) => {
            let (trace, sent) = spans.begin(Parent::read(headers), method, route);
            (trace, Some(sent))
        }
    }
}

/// What every line about a request says first.
fn span_of(id: &HeaderValue, trace: &Trace) -> Span {
    let request_id = id.to_str().unwrap_or_default();
    let (trace_id, span_id) = (Hex(trace.trace_id), Hex(trace.span_id));
    tracing::info_span!("request", request_id, %trace_id, %span_id)
}

/// Runs a future to its end, or to the panic that ends it.
async fn caught<F: Future>(work: F) -> Result<F::Output, String> {
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
