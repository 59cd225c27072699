//! One request of a connection, from hyper to the router.
//!
//! This is the seam: [`Questions::call`] has the request as hyper parsed it, and may
//! answer a hot route by itself.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use axum::routing::future::RouteFuture;
use hyper::body::{Frame, Incoming, SizeHint};
use tower_service::Service as _;

use super::meter::{Meter, Underway};
use crate::api::tls::ClientCertificate;

/// The service of one connection.
#[derive(Debug)]
pub(super) struct Questions {
    router: Router,
    meter: Arc<Meter>,
    caller: Option<ClientCertificate>,
}

impl Questions {
    pub(super) fn new(
        router: Router,
        meter: Arc<Meter>,
        caller: Option<ClientCertificate>,
    ) -> Self {
        Self {
            router,
            meter,
            caller,
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for Questions {
    type Response = Response<Counted>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Answering {
        let underway = Underway::begin(&self.meter, request.version() == Version::HTTP_2);
        if let Some(caller) = &self.caller {
            request.extensions_mut().insert(caller.clone());
        }
        Answering {
            inner: self.router.clone().call(request),
            underway: Some(underway),
        }
    }
}

/// A request under way.
pub(super) struct Answering {
    inner: RouteFuture<Infallible>,
    underway: Option<Underway>,
}

impl Future for Answering {
    type Output = Result<Response<Counted>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let inner = Pin::new(&mut self.inner);
        // After a panic the future is not polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| inner.poll(context)));
        let mut response = match polled {
            Ok(polled) => match ready!(polled) {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Err(_) => broken(),
        };
        let underway = self.underway.take();
        if underway.as_ref().is_some_and(Underway::closes) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        Poll::Ready(Ok(response.map(|inner| Counted {
            inner,
            _underway: underway,
        })))
    }
}

/// The answer of a router that panicked outside of its own net.
fn broken() -> Response<Body> {
    const BODY: &str = r#"{"error":{"status":500,"code":"internal-error","message":"the request could not be answered; this is a fault here, not in the request"}}"#;
    let mut response = Response::new(Body::from(BODY));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The body of an answer; the request is under way until it is gone.
pub(super) struct Counted {
    inner: Body,
    _underway: Option<Underway>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
