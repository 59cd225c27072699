//! The front of a listener: everything that is done for every request, in one place.
//!
//! A request comes here from a connection ([`Answers`]) or from a router in process
//! (as a service), and its way is the same: it is named and counted, its route is
//! found, its caller is asked for, it is let in within its share of the server, its body
//! is read, and its handler answers, with a net under all of it. Each step is a
//! module's ([`super::watch`], [`super::paths`], [`super::pool`], [`super::caller`]);
//! here is their order, and nothing else.
//!
//! Decisions are answered by a call; what is asked less often goes on to axum's
//! router, which takes paths and queries apart.
//!
//! INVARIANT (guarded): a handler is reached only by the row of its route, and only
//! with a caller that has the role which the row needs.

use std::convert::Infallible;
use std::fmt::Display;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use tower_service::Service;

use super::caller::{Asking, CallerIdentity, Door};
use super::error::ApiError;
use super::evaluation::{Evaluated, evaluation, explained};
use super::evaluations::evaluations;
use super::given::has;
use super::listener::Answers;
use super::paths::{Found, Paths, Row};
use super::pool::Admission;
use super::request_id::{REQUEST_ID, RequestId};
use super::routes::{Handler, Listener, RouteSpec};
use super::watch::Watched;
use super::{AppState, Limits};

/// What stands between a listener and the handlers of its routes.
///
/// Clones are the same front. Every response, errors included, is JSON (metrics
/// aside) and carries `X-Request-ID`.
#[derive(Debug, Clone)]
pub struct Front {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Arc<AppState>,
    paths: Paths,
    admission: Admission,
    door: Door,
    /// For what is not answered by a call.
    router: Router,
}

/// A request that was let in, whole.
pub(super) struct Sent<'r> {
    /// Who sent it.
    pub(super) caller: Arc<CallerIdentity>,
    /// What it is called.
    pub(super) id: &'r RequestId,
    pub(super) headers: &'r HeaderMap,
    pub(super) body: &'r [u8],
}

impl Front {
    /// The front of a listener's table. `router` answers the rows that say so, and has
    /// no other routes.
    pub(super) fn new(
        router: Router,
        state: Arc<AppState>,
        listener: Listener,
        table: impl IntoIterator<Item = (RouteSpec, Handler)>,
        limits: &Limits,
    ) -> Self {
        let shared = Shared {
            paths: Paths::new(table, state.metrics()),
            admission: Admission::new(limits),
            door: Door {
                state: Arc::clone(&state),
                listener,
            },
            router,
            state,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The same as a router, for whoever calls it in process.
    pub(super) fn into_router(self) -> Router {
        Router::new().fallback_service(self)
    }

    /// Answers one request.
    async fn respond<B>(self, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Display> + Unpin,
    {
        let (parts, body) = request.into_parts();
        // It is handed on several times.
        let parts = Box::new(parts);
        let shared = &self.shared;
        let found = shared.paths.find(&parts.method, parts.uri.path());
        let talks = matches!(found, Found::Row(row) if row.handler == Handler::Routed);
        let watched = Watched::begin(&shared.state, &parts, found.counted(), talks);
        let response = {
            let work = pin!(shared.reach(found, parts, body, watched.id()));
            watched.run(work).await
        };
        watched.end(response)
    }
}

impl Shared {
    /// From what was found to its handler.
    async fn reach<B>(
        self: &Arc<Self>,
        found: Found<'_>,
        mut parts: Box<Parts>,
        body: B,
        id: &RequestId,
    ) -> Result<Response, ApiError>
    where
        B: HttpBody<Data = Bytes, Error: Display> + Unpin,
    {
        let row = match found {
            Found::Row(row) => *row,
            Found::Others(methods) => {
                let refused = ApiError::Method {
                    path: parts.uri.path().to_owned(),
                    method: parts.method.to_string(),
                };
                let mut response = refused.into_response();
                let allow = methods.allow.clone();
                response.headers_mut().insert(header::ALLOW, allow);
                return Ok(response);
            }
            Found::Nothing => {
                return Err(ApiError::NotFound {
                    path: parts.uri.path().to_owned(),
                });
            }
        };
        // First of all, so that nothing is kept for whoever may not ask.
        let caller = match row.spec.needs {
            None => None,
            Some(role) => match self.door.caller(&parts.headers, role).await {
                Ok(caller) => Some(caller),
                Err(refused) => {
                    let bytes_max = row.spec.body_bytes_max;
                    self.admission.pass_over(body, bytes_max).await;
                    return Err(refused);
                }
            },
        };
        // INVARIANT (unseen): see the module of callers.
        if has(&parts.headers, &header::AUTHORIZATION) {
            parts.headers.remove(header::AUTHORIZATION);
        }
        let Some(applicant) = self.admission.ask(row.spec.pool, &parts.headers) else {
            // Nobody looks at the body of what is free.
            return self.handle(row, parts, Bytes::new(), (id, caller)).await;
        };
        let (shared, id) = (Arc::clone(self), id.clone());
        let work = |bytes| async move { shared.handle(row, parts, bytes, (&id, caller)).await };
        applicant.run(body, row.spec.body_bytes_max, work).await
    }

    /// Has the handler answer.
    async fn handle(
        self: &Arc<Self>,
        row: Row,
        parts: Box<Parts>,
        body: Bytes,
        (id, caller): (&RequestId, Option<Arc<CallerIdentity>>),
    ) -> Result<Response, ApiError> {
        let sent = |caller: Option<Arc<CallerIdentity>>| {
            Ok::<_, ApiError>(Sent {
                caller: caller.ok_or(ApiError::Unauthorized)?,
                id,
                headers: &parts.headers,
                body: &body,
            })
        };
        // What is not one decision stands apart, so that its future stays small: it is
        // moved, and hyper keeps one for each connection.
        match row.handler {
            Handler::Evaluation => match evaluation(&self.state, sent(caller)?).await? {
                Evaluated::Answered(response) => Ok(response),
                Evaluated::ToExplain(caller) => {
                    Box::pin(self.explain(parts, body, id, caller)).await
                }
            },
            Handler::Evaluations => Box::pin(evaluations(&self.state, sent(caller)?)).await,
            Handler::Routed => Ok(Box::pin(self.route(parts, body, id, caller)).await),
        }
    }

    /// Goes on with an evaluation that is to be explained, where there is time.
    async fn explain(
        self: &Arc<Self>,
        parts: Box<Parts>,
        body: Bytes,
        id: &RequestId,
        caller: Arc<CallerIdentity>,
    ) -> Result<Response, ApiError> {
        let (shared, id) = (Arc::clone(self), id.clone());
        let work = async move {
            let sent = Sent {
                caller,
                id: &id,
                headers: &parts.headers,
                body: &body,
            };
            explained(&shared.state, sent).await
        };
        self.admission.apart(work).await
    }

    /// Goes on to axum's router.
    async fn route(
        &self,
        mut parts: Box<Parts>,
        body: Bytes,
        id: &RequestId,
        caller: Option<Arc<CallerIdentity>>,
    ) -> Response {
        if let Some(caller) = caller {
            parts.extensions.insert(Asking(caller));
        }
        // A handler knows the request by the same id, made or not.
        parts.headers.insert(REQUEST_ID, id.logged());
        let request = Request::from_parts(*parts, Body::from(body));
        match self.router.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

impl Answers for Front {
    fn answer(self, request: Request<Incoming>) -> impl Future<Output = Response> + Send {
        self.respond(request)
    }
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let front = self.clone();
        Box::pin(async move { Ok(front.respond(request).await) })
    }
}
