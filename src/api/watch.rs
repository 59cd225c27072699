//! Around every request: its id, a net under panics, and one line in the log.
//!
//! INVARIANT (closed): a handler that panics is answered with an error object;
//! what it said goes to the log only.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::ApiError;
use super::request_id::{REQUEST_ID, echoed};

/// Runs a request and names its answer.
pub(super) async fn watched(
    State(state): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let id = state.request_ids().id_for(request.headers());
    let echo = echoed(request.headers(), &id);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match caught(next.run(request)).await {
        Ok(response) => response,
        Err(detail) => ApiError::Internal { detail }.into_response(),
    };
    let status = response.status();
    let request_id = id.to_str().unwrap_or_default();
    let error = response.extensions_mut().remove::<ApiError>();
    let detail = error.as_ref().and_then(ApiError::detail);
    let error = error.as_ref().map(tracing::field::display);
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(request_id, %method, path, detail, "the handler failed");
    } else {
        let status = status.as_u16();
        tracing::debug!(request_id, %method, path, status, error, detail, "answered");
    }
    response.headers_mut().insert(REQUEST_ID, echo);
    response
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
