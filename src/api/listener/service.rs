//! One request of a connection, from hyper to whoever answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::{Service, service_fn};
use tower_service::Service as _;

use super::meter::{Meter, Underway};
use crate::api::tls::ClientCertificate;
use crate::api::watch::caught;

/// What answers the requests of a listener. Clones answer alike.
pub trait Answers: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn answer(
        self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Body>> + Send + 'static;
}

impl Answers for Router {
    async fn answer(mut self, request: Request<Incoming>) -> Response<Body> {
        match self.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// The service of one connection.
pub(super) fn questions<A: Answers>(
    answers: A,
    meter: Arc<Meter>,
    caller: Option<ClientCertificate>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Counted>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Counted>, Infallible>> + Send + 'static,
> {
    service_fn(move |mut request: Request<Incoming>| {
        let underway = Underway::begin(&meter, request.version() == Version::HTTP_2);
        if let Some(caller) = &caller {
            request.extensions_mut().insert(caller.clone());
        }
        // Apart: hyper moves what it is handed into its own place.
        let answering = Box::pin(answers.clone().answer(request));
        async move {
            let answered = caught(answering).await;
            let mut response = answered.unwrap_or_else(|_| broken());
            if underway.closes() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok(response.map(|inner| Counted {
                inner,
                _underway: underway,
            }))
        }
    })
}

/// The answer of one that panicked outside of its own net.
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
    _underway: Underway,
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
