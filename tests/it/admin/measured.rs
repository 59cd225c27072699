//! What the metrics say of commands and of the log.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use super::{ADA, Desk, NORA, PRIVILEGES};

/// The page, as the admin listener tells it.
fn page(desk: &Desk) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let request = Request::get("/metrics")
        .header(
            "Authorization",
            format!("Bearer {}", desk.key(&[aobo::node::Role::Metrics], &[])),
        )
        .body(Body::empty())
        .unwrap();
    { runtime }.enable_time().build().unwrap().block_on(async {
        let response = desk.admin.clone().oneshot(request).await.unwrap();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    })
}

#[test]
fn commands_are_counted_by_what_became_of_them() {
    let desk = Desk::start();
    desk.creates("new")
        .header("Idempotency-Key", "k")
        .send()
        .written();
    let again = desk.creates("new").header("Idempotency-Key", "k").send();
    assert_eq!(again.json["repeated"], true);
    desk.by(NORA, "DELETE", PRIVILEGES)
        .send()
        .refused(403, "forbidden");
    desk.by(ADA, "POST", "/v1/users/nobody/resetPassword")
        .send();
    let page = page(&desk);
    for (outcome, count) in [
        ("written", 1),
        ("repeated", 1),
        ("refused", 2),
        ("failed", 0),
    ] {
        let line = format!("aobo_commands_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(page.contains(&line), "no {line} in {page}");
    }
    let route = r#"aobo_requests_total{route="/v1/customers/{customer}/users",method="POST",status="2xx"} 2"#;
    assert!(page.contains(route), "{page}");
    let head = format!("aobo_log_head {}.0\n", desk.head().seq);
    assert!(page.contains(&head), "no {head} in {page}");
    assert!(page.contains("aobo_log_writable 1.0\n"), "{page}");
}
