//! Enforcement around a service, for tower and axum.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{Enforcer, Incoming, Question, Unasked};

/// Puts [`Enforced`] around a service; made by [`Enforcer::layer`].
#[derive(Clone)]
pub struct EnforceLayer<F> {
    enforcer: Enforcer,
    ask: Arc<F>,
}

/// A service behind enforcement.
#[derive(Clone)]
pub struct Enforced<S, F> {
    inner: S,
    enforcer: Enforcer,
    ask: Arc<F>,
}

/// The answer to come of an [`Enforced`] service.
pub type EnforcedFuture = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl<F> EnforceLayer<F> {
    pub(super) fn new(enforcer: Enforcer, ask: F) -> Self {
        let ask = Arc::new(ask);
        Self { enforcer, ask }
    }
}

impl<S, F> Layer<S> for EnforceLayer<F> {
    type Service = Enforced<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        Enforced {
            inner,
            enforcer: self.enforcer.clone(),
            ask: Arc::clone(&self.ask),
        }
    }
}

impl<S, F> Service<Request> for Enforced<S, F>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
    F: Fn(&Incoming<'_>) -> Result<Question, Unasked> + Send + Sync + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = EnforcedFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The service that said that it is ready is the one to call.
        let spare = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, spare);
        let (enforcer, ask) = (self.enforcer.clone(), Arc::clone(&self.ask));
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let parameters = RawPathParams::from_request_parts(&mut parts, &())
                .await
                .ok();
            let asked = ask(&Incoming::new(&parts, parameters.as_ref()));
            let question = match asked {
                Ok(question) => question,
                Err(unasked) => return Ok(unasked.into_response()),
            };
            match enforcer.require(question) {
                Ok(allowed) => {
                    parts.extensions.insert(allowed);
                    let answered = inner.call(Request::<Body>::from_parts(parts, body)).await;
                    answered.map(IntoResponse::into_response)
                }
                Err(denied) => Ok(denied.into_response()),
            }
        })
    }
}

impl<F> fmt::Debug for EnforceLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnforceLayer").finish_non_exhaustive()
    }
}

impl<S, F> fmt::Debug for Enforced<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enforced").finish_non_exhaustive()
    }
}
