//! The servers that aobo is held against, each in a process of its own.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;

use aobo::directory::{AzureRoles, Profile, own_entities, world_file};
use aobo::engine::Input;
use aobo::engine::intake::{Ask, Party, prepare};
use aobo::engine::reference::Reference;
use aobo::node::{Facts, Point};
use aobo::policy::Source;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::TcpListener;

/// Runs a server on one thread until the process is ended.
pub(crate) fn run(role: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("listening on http://{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        match role {
            "bare" => bare(listener).await,
            _ => cedar(listener).await,
        }
    });
}

/// hyper and nothing else: takes the body, returns the bytes.
async fn bare(listener: TcpListener) {
    let answer = std::env::var("AOBO_HTTP_ANSWER").unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let headers = answer["headers"].as_object().unwrap().iter();
    let headers = headers.map(|(name, value)| {
        let value = value.as_str().unwrap().parse().unwrap();
        (name.parse().unwrap(), value)
    });
    let headers: &'static HeaderMap = Box::leak(Box::new(headers.collect()));
    let body: &'static str = answer["body"].as_str().unwrap().to_owned().leak();
    let respond = move |request: Request<hyper::body::Incoming>| async move {
        to_bytes(Body::new(request.into_body()), usize::MAX)
            .await
            .unwrap();
        let mut response = Response::new(Body::from(body));
        *response.headers_mut() = headers.clone();
        Ok::<_, Infallible>(response)
    };
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service_fn(respond)),
        );
    }
}

/// cedar-policy behind the same route.
async fn cedar(listener: TcpListener) {
    let bundle = Arc::new(Profile::Seed.bundle().unwrap());
    let text = std::fs::read_to_string(crate::running::WORLD).unwrap();
    let world = Source::new("world", text);
    let (world, changes) = world_file::load(&world, AzureRoles::of(&bundle)).unwrap();
    let point = Arc::new(Point::directory(bundle, world, changes).unwrap());
    let reference = point.snapshot().reference().unwrap();
    let answer = move |body: Bytes| {
        let allow = decide(&point, &reference, &body);
        async move { axum::Json(serde_json::json!({"decision": allow})) }
    };
    let router = axum::Router::new().route("/access/v1/evaluation", post(answer));
    axum::serve(listener, router).await.unwrap();
}

fn decide(point: &Point, reference: &Reference, body: &[u8]) -> bool {
    let body = Input::parse(std::str::from_utf8(body).unwrap()).unwrap();
    let text = |object: &str, member: &str| {
        let value = body.get(object).and_then(|object| object.get(member));
        value.and_then(Input::as_str).unwrap()
    };
    let party = |object: &str| Party {
        ty: text(object, "type").into(),
        id: text(object, "id").into(),
        ..Party::default()
    };
    let context = body.get("context").and_then(Input::members);
    let ask = Ask {
        principal: party("subject"),
        action: text("action", "name").into(),
        resource: party("resource"),
        context: context.unwrap_or_default().to_vec(),
        ..Ask::default()
    };
    let own = match point.facts() {
        Facts::Directory(world) => own_entities(world, &ask),
        Facts::Generic => Vec::new(),
    };
    let prepared = prepare(point.snapshot(), &ask, own, Timestamp::now()).unwrap();
    let evaluation = reference.evaluate(&prepared.request).unwrap();
    evaluation.allow && evaluation.erroring.is_empty()
}
