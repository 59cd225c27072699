//! `GET /metrics`: what is counted, and that the page is one that scrapers read.

use std::collections::BTreeSet;
use std::sync::Arc;

use aobo::api::{AppState, Asked, Hooked, Sought, Spans, router};
use aobo::directory::Profile;
use aobo::node::DecisionPoint;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use tower::ServiceExt;

use crate::support;

const WORLD: &str = r#"{
  "partners": {"fabrikam": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "customers": {"contoso": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "partner_users": {"ada": {"partner": "fabrikam", "roles": ["AdminAgent"]}},
  "relationships": [{"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "active"}]
}"#;

/// A server over [`WORLD`].
pub(crate) struct Server {
    state: Arc<AppState>,
    router: Router,
}

impl Server {
    pub(crate) fn start() -> Self {
        let point = support::point(Profile::Seed, WORLD);
        let point = DecisionPoint::new(point, Arc::new(|| support::NOW));
        Self::of(AppState::new(point))
    }

    /// One that sends spans.
    pub(crate) fn exporting(spans: Arc<Spans>) -> Self {
        let point = support::point(Profile::Seed, WORLD);
        let point = DecisionPoint::new(point, Arc::new(|| support::NOW));
        Self::of(AppState::new(point).exporting(spans))
    }

    fn of(state: AppState) -> Self {
        let state = Arc::new(state);
        let router = router(Arc::clone(&state));
        Self { state, router }
    }

    /// The text of an answer.
    #[track_caller]
    pub(crate) fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (status, String::from_utf8(bytes.to_vec()).unwrap())
        })
    }

    #[track_caller]
    fn ask(&self, principal: &str) {
        let body = format!(
            r#"{{"subject": {{"type": "PartnerUser", "id": "{principal}"}},
            "action": {{"name": "SignInToCustomerTenant"}},
            "resource": {{"type": "Customer", "id": "contoso"}}}}"#
        );
        let request =
            Request::post("/access/v1/evaluation").header("content-type", "application/json");
        self.send(request.body(body.into()).unwrap());
    }

    #[track_caller]
    fn page(&self) -> String {
        let (status, page) = self.send(Request::get("/metrics").body(Body::empty()).unwrap());
        assert_eq!(status, StatusCode::OK);
        page
    }
}

/// A page says so, in a line of its own.
#[track_caller]
fn says(page: &str, line: &str) {
    assert!(
        page.lines().any(|said| said == line),
        "no `{line}` in:\n{page}"
    );
}

#[test]
fn requests_are_counted_by_route_and_status() {
    let server = Server::start();
    server.ask("ada");
    server.ask("nobody");
    let get = |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        server.send(request.body(Body::empty()).unwrap());
    };
    get("GET", "/readyz");
    get("HEAD", "/readyz");
    get("GET", "/secret-path");
    get("POST", "/readyz");
    get("BREW", "/readyz");
    get("POST", "/access/v1/evaluation");
    let page = server.page();
    let evaluation = r#"route="/access/v1/evaluation",method="POST""#;
    says(
        &page,
        &format!(r#"aobo_requests_total{{{evaluation},status="2xx"}} 2"#),
    );
    says(
        &page,
        &format!(r#"aobo_requests_total{{{evaluation},status="4xx"}} 1"#),
    );
    says(
        &page,
        r#"aobo_requests_total{route="/readyz",method="GET",status="2xx"} 2"#,
    );
    says(
        &page,
        r#"aobo_requests_total{route="other",method="other",status="4xx"} 3"#,
    );
    says(
        &page,
        &format!("aobo_request_duration_seconds_count{{{evaluation}}} 3"),
    );
    says(
        &page,
        &format!(r#"aobo_request_duration_seconds_bucket{{le="+Inf",{evaluation}}} 3"#),
    );
    // The scrape itself.
    says(&page, r#"aobo_requests_in_flight{pool="free"} 1.0"#);
    says(&page, r#"aobo_requests_in_flight{pool="single"} 0.0"#);
    for word in ["secret", "ada", "nobody", "contoso", "BREW", "SignIn"] {
        assert!(!page.contains(word), "{word} is no label:\n{page}");
    }
}

#[test]
fn a_caller_who_leaves_is_counted() {
    let server = Server::start();
    let path = Some("/access/v1/evaluation");
    drop(server.state.metrics().begin(&Method::POST, path));
    let evaluation = r#"route="/access/v1/evaluation",method="POST""#;
    let page = server.page();
    says(
        &page,
        &format!(r#"aobo_requests_total{{{evaluation},status="gone"}} 1"#),
    );
    says(&page, r#"aobo_requests_in_flight{pool="single"} 0.0"#);
}

#[test]
fn decisions_are_counted_by_effect() {
    let server = Server::start();
    server.ask("ada");
    server.ask("ada");
    server.ask("nobody");
    let context = r#"{"customer": 7}"#;
    let ask = support::ask(
        ("PartnerUser", "ada"),
        "ResetPassword",
        ("CustomerUser", "mia"),
        context,
    );
    let point = Arc::clone(&server.state.point().current());
    let failed = point.decide(ask, support::NOW).decision;
    assert!(failed.problem.is_some() && !failed.allows());
    let metrics = server.state.metrics();
    metrics.decided(Asked::Batch, &failed);
    metrics.batched(2);
    metrics.searched(Sought::Resource, 7);
    let page = server.page();
    says(
        &page,
        r#"aobo_decisions_total{kind="single",effect="allow"} 2"#,
    );
    says(
        &page,
        r#"aobo_decisions_total{kind="single",effect="deny"} 1"#,
    );
    says(
        &page,
        r#"aobo_decisions_total{kind="single",effect="error"} 0"#,
    );
    says(
        &page,
        r#"aobo_decisions_total{kind="batch",effect="error"} 1"#,
    );
    says(&page, r#"aobo_batch_items_bucket{le="2.0"} 1"#);
    says(&page, r#"aobo_search_results_sum{kind="resource"} 7.0"#);
}

#[test]
fn what_is_so_is_told() {
    let server = Server::start();
    let metrics = server.state.metrics();
    let seats = |labels, value: f64| {
        let read = move || value;
        metrics.hook(Hooked::Counter, "aobo_seats", "Seats", labels, read);
    };
    seats(&[("outcome", "taken")], 3.0);
    seats(&[("outcome", "left")], 1.0);
    metrics.hook(Hooked::Gauge, "aobo_seats_open", "Open seats", &[], || 5.0);
    let page = server.page();
    let bundle = support::bundle(Profile::Seed);
    says(
        &page,
        &format!(r#"aobo_bundle_info{{hash="{}"}} 1"#, bundle.hash()),
    );
    says(
        &page,
        &format!(
            r#"aobo_build_info{{version="{}"}} 1"#,
            env!("CARGO_PKG_VERSION")
        ),
    );
    says(&page, "aobo_revision 0.0");
    says(&page, "aobo_ready 1.0");
    says(&page, "process_start_time_seconds 1598950800.0");
    says(&page, r#"aobo_seats_total{outcome="taken"} 3.0"#);
    says(&page, r#"aobo_seats_total{outcome="left"} 1.0"#);
    says(&page, "aobo_seats_open 5.0");
    if cfg!(target_os = "linux") {
        assert!(page.contains("\nprocess_resident_memory_bytes "), "{page}");
        assert!(page.contains("\nprocess_cpu_seconds_total "), "{page}");
    }
}

#[test]
fn the_page_is_open_metrics() {
    let server = Server::start();
    server.ask("ada");
    let metrics = server.state.metrics();
    let hook = |labels| metrics.hook(Hooked::Gauge, "aobo_twice", "Two of a name", labels, || 0.0);
    hook(&[("of", "one")]);
    hook(&[("of", "other")]);
    let page = server.page();
    let (mut families, mut samples, mut family) = (BTreeSet::new(), BTreeSet::new(), "");
    let body = page.strip_suffix("# EOF\n").expect("an end");
    for line in body.lines() {
        if let Some(told) = line.strip_prefix("# TYPE ") {
            family = told.split(' ').next().unwrap();
            assert!(families.insert(family), "{family} comes twice");
        } else if !line.starts_with("# ") {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            assert!(name.starts_with(family), "{line} stands under {family}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(samples.insert(name), "{name} comes twice");
        }
    }
    assert!(families.len() > 15, "{families:?}");
}
