//! Decisions over HTTP: each has its row before it is told.

use std::sync::Arc;

use aobo::api::{AppState, router};
use aobo::directory::Profile;
use aobo::node::DecisionPoint;
use aobo::node::decision_log::{Audit, DecisionLog};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Gate, Kept, read, replayed, started, wait};
use crate::support;

const WORLD: &str = r#"{
  "partners": {"fabrikam": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "customers": {"contoso": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "partner_users": {"ada": {"partner": "fabrikam", "roles": ["AdminAgent"]}},
  "relationships": [{"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "active"}]
}"#;

fn server(log: &Arc<DecisionLog>) -> Router {
    let point = support::point(Profile::Seed, WORLD);
    let point = DecisionPoint::new(point, Arc::new(|| support::NOW));
    let state = AppState::new(point).with_decision_log(Arc::clone(log));
    router(Arc::new(state))
}

fn question(action: &str) -> Value {
    json!({
        "subject": {"type": "PartnerUser", "id": "ada", "properties": {"password": "c4nary"}},
        "action": {"name": action},
        "resource": {"type": "Customer", "id": "contoso"},
        "context": {"customer": "contoso", "note": "c4nary"},
    })
}

/// Status, request id and body of an answer.
fn send(router: &Router, request: Request<Body>) -> (u16, String, Value) {
    let response = wait(router.clone().oneshot(request)).unwrap();
    let (parts, body) = response.into_parts();
    let id = parts.headers["x-request-id"].to_str().unwrap().to_owned();
    let body = wait(to_bytes(body, usize::MAX)).unwrap();
    (
        parts.status.as_u16(),
        id,
        serde_json::from_slice(&body).unwrap(),
    )
}

fn post(router: &Router, id: Option<&str>, body: &Value) -> (u16, String, Value) {
    let mut request =
        Request::post("/access/v1/evaluation").header("content-type", "application/json");
    if let Some(id) = id {
        request = request.header("x-request-id", id);
    }
    send(router, request.body(Body::from(body.to_string())).unwrap())
}

fn ready(router: &Router) -> (u16, Value) {
    let request = Request::get("/readyz").body(Body::empty()).unwrap();
    let (status, _, body) = send(router, request);
    (status, body)
}

#[test]
fn every_decision_has_its_row_and_what_is_none_has_none() {
    let kept = Kept::default();
    let log = Arc::new(started(Box::new(kept.clone()), Audit::Strict));
    let server = server(&log);
    let (status, id, answer) = post(&server, Some("mine"), &question("SignInToCustomerTenant"));
    assert_eq!(
        (status, id.as_str(), &answer["decision"]),
        (200, "mine", &json!(true))
    );
    let (_, made, answer) = post(&server, None, &question("CreateUser"));
    let (status, ..) = post(&server, None, &json!({"subject": 1}));
    assert_eq!(status, 400);
    let text = String::from_utf8(kept.bytes()).unwrap();
    assert!(!text.contains("c4nary"), "{text}");
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["request_id"], "mine");
    assert_eq!(rows[1]["request_id"], made.as_str());
    assert_ne!(rows[0]["decision_id"], rows[1]["decision_id"]);
    assert_eq!(rows[1]["decision"] == "allow", answer["decision"] == true);
    assert_eq!(rows[0]["context"], json!({"customer": "contoso"}));
    assert_eq!(read(&text).len(), 2);
    let report = replayed(&text, &support::point(Profile::Seed, WORLD));
    assert_eq!(report.same, 2, "{report:#?}");
}

#[test]
fn a_strict_decision_without_a_row_is_withheld() {
    let (gate, keeper) = Gate::new();
    let log = Arc::new(started(gate, Audit::Strict));
    let server = server(&log);
    let asked = question("SignInToCustomerTenant");
    keeper.ends.send(true).unwrap();
    assert_eq!(post(&server, None, &asked).0, 200);
    keeper.ends.send(false).unwrap();
    let (status, _, answer) = post(&server, None, &asked);
    assert_eq!(
        (status, &answer["error"]["code"]),
        (503, &json!("decision-not-recorded"))
    );
    assert!(answer.get("decision").is_none(), "{answer}");
    // Asking whether it is ready has the writer try again.
    let (status, body) = ready(&server);
    assert_eq!(status, 503);
    assert!(
        body["reasons"][0].as_str().unwrap().contains("withheld"),
        "{body}"
    );
    keeper.ends.send(true).unwrap();
    // The next row is written after the probe was.
    keeper.ends.send(true).unwrap();
    assert_eq!(post(&server, None, &asked).0, 200);
    assert_eq!(ready(&server).0, 200);
    drop(keeper);
}

#[test]
fn decisions_go_on_where_rows_are_only_counted() {
    let (gate, keeper) = Gate::new();
    let log = Arc::new(started(gate, Audit::Counted));
    let server = server(&log);
    keeper.ends.send(false).unwrap();
    assert_eq!(
        post(&server, None, &question("SignInToCustomerTenant")).0,
        200
    );
    keeper.entered.recv().unwrap();
    assert_eq!(ready(&server).0, 200);
    drop(keeper);
    assert!(log.close());
    assert_eq!((log.written(), log.failed()), (0, 1));
}

#[test]
fn rows_are_counted_on_the_page_of_metrics() {
    let log = Arc::new(started(Box::new(Kept::default()), Audit::Strict));
    let router = server(&log);
    assert_eq!(
        post(&router, None, &question("SignInToCustomerTenant")).0,
        200
    );
    let scrape = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = wait(router.clone().oneshot(scrape)).unwrap();
    let page = wait(to_bytes(response.into_body(), usize::MAX)).unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    for (outcome, count) in [("written", 1), ("dropped", 0), ("failed", 0)] {
        let line = format!("aobo_decision_log_rows_total{{outcome=\"{outcome}\"}} {count}");
        assert!(page.lines().any(|told| told == line), "{line}: {page}");
    }
}
