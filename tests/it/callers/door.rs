//! What strangers may, and what the door does with methods and paths.

use aobo::api::Strangers;
use aobo::node::Role;

use super::{EVALUATION, House, send, sign_in};

/// On loopback whoever asks is answered; a bad credential is refused all the same.
#[test]
fn strangers_ask_where_they_may() {
    let house = House::letting_in(Strangers::Decisions);
    let answered = house.ask(&sign_in(), &[]);
    assert_eq!(
        (answered.status, &answered.json["decision"]),
        (200, &true.into())
    );
    for bad in ["Bearer aobo_0000", "Bearer x", "Bearer", "Basic eDp5", ""] {
        let reply = house.ask(&sign_in(), &[("Authorization", bad)]);
        reply.is_refused(401, bad);
    }
    // Who shows a key is that caller, and no stranger.
    let (_, reader) = house.key(&[Role::AdminRead], &[]);
    assert_eq!(house.status(&reader), 403);
    let (_, asker) = house.key(&[Role::Decide], &[]);
    assert_eq!(house.status(&asker), 200);
    // No stranger administers.
    for path in ["/v1/facts", "/v1/keys", "/v1/partners/fabrikam/customers"] {
        send(&house.admin, "GET", path, &[], "").is_refused(401, path);
    }
}

/// A page that has its name resolve to this machine reads nothing, unless it has a
/// credential.
#[test]
fn pages_of_other_sites_are_no_strangers() {
    let house = House::letting_in(Strangers::Decisions);
    let foreign = ("Origin", "http://evil.example:8180");
    let metrics = send(&house.decisions, "GET", "/metrics", &[foreign], "");
    metrics.is_refused(403, "metrics");
    house.ask(&sign_in(), &[foreign]).is_refused(403, "a page");
    for own in ["http://localhost:3000", "https://pdp.example"] {
        let answered = house.ask(&sign_in(), &[("Origin", own)]);
        assert_eq!(answered.status, 200, "{own}");
    }
    let (_, key) = house.key(&[Role::Decide], &[]);
    let shown = format!("Bearer {key}");
    let answered = house.ask(&sign_in(), &[foreign, ("Authorization", &shown)]);
    assert_eq!(answered.status, 200);
}

#[test]
fn strangers_for_metrics_ask_nothing_else() {
    for strangers in [Strangers::Metrics, Strangers::Nothing] {
        let house = House::letting_in(strangers);
        house.ask(&sign_in(), &[]).is_refused(401, "a question");
        assert_eq!(send(&house.decisions, "GET", "/livez", &[], "").status, 200);
    }
}

#[test]
fn what_is_in_no_table_is_not_there() {
    let house = House::closed();
    let (_, key) = house.key(&[Role::Decide, Role::AdminRead], &[]);
    let authorization = format!("Bearer {key}");
    let shown = [("Authorization", authorization.as_str())];
    let status = |router, method, path| send(router, method, path, &shown, "").status;
    assert_eq!(status(&house.decisions, "GET", "/v1/facts"), 404);
    assert_eq!(status(&house.admin, "POST", EVALUATION), 404);
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let reply = send(&house.decisions, method, EVALUATION, &shown, "");
        assert_eq!(reply.status, 405, "{method}");
        assert_eq!(reply.headers["allow"], "POST", "{method}");
    }
    // A path in other words is another path.
    for path in [
        "/access/v1/evaluation/",
        "/ACCESS/v1/evaluation",
        "//access/v1/evaluation",
    ] {
        assert_eq!(status(&house.decisions, "POST", path), 404, "{path}");
    }
    // HEAD is GET without its body, and needs what it needs.
    let request = axum::http::Request::head("/v1/facts")
        .body(axum::body::Body::empty())
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let reply = tower::ServiceExt::oneshot(house.admin.clone(), request);
    assert_eq!(runtime.block_on(reply).unwrap().status(), 401);
}
