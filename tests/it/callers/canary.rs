//! What callers show is never seen again: not in an answer, and not in the log.

use std::io;
use std::sync::{Arc, Mutex};

use aobo::api::Strangers;
use aobo::node::Role;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::{EVALUATION, House, Reply, Signer, claims, send, sign_in};

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn text(reply: &Reply) -> String {
    format!("{:?} {}", reply.headers, reply.json)
}

#[test]
fn nothing_that_leaves_has_what_was_shown() {
    let written = Written::default();
    // With a single subscriber, a thread that has none and comes to a line first would
    // switch it off for this one too.
    let silent = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    let _second = tracing::Dispatch::new(silent.with_writer(io::sink).finish());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(written.clone())
        .finish();
    let house = House::letting_in(Strangers::Decisions);
    let (id, key) = house.key(&[Role::Decide, Role::AdminRead, Role::AdminWrite], &[]);
    let (gone, revoked) = house.key(&[Role::Decide], &[]);
    house.revoke(&gone);
    let token = Signer::ed().sign(&claims(&["decide", "admin-read"], &["fabrikam"]));
    let forged = Signer::new_ed("ed").sign(&claims(&["decide"], &["*"]));
    let unknown = Signer::new_ed("unknown").sign(&claims(&["decide"], &["*"]));
    let canary = "canary-4f1d2c3b";
    let shown = [
        &key,
        &revoked,
        &token,
        &forged,
        &unknown,
        &canary.to_owned(),
    ];
    let mut left = String::new();
    tracing::subscriber::with_default(subscriber, || {
        for shown in shown {
            for authorization in [
                format!("Bearer {shown}"),
                format!("Basic {shown}"),
                shown.clone(),
            ] {
                let headers = [("Authorization", authorization.as_str())];
                for body in [sign_in().to_string(), "{".to_owned(), json!({}).to_string()] {
                    left += &text(&send(&house.decisions, "POST", EVALUATION, &headers, &body));
                    left += &text(&send(&house.admin, "POST", "/v1/commands", &headers, &body));
                }
                for path in ["/livez", "/readyz", "/nowhere", "/v1/facts", "/v1/keys"] {
                    left += &text(&send(&house.admin, "GET", path, &headers, ""));
                    left += &text(&send(&house.decisions, "GET", path, &headers, ""));
                }
                let two = [headers[0], headers[0]];
                left += &text(&send(&house.decisions, "POST", EVALUATION, &two, "{}"));
            }
        }
    });
    let logged = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("a token was not taken"),
        "the log was listened to: {logged}"
    );
    assert!(left.contains(&id), "the id of a key is no secret");
    for shown in shown {
        // Neither whole nor in parts: what follows the prefix, and a token's signature.
        let parts = shown.split(['.', '_']).filter(|part| part.len() > 12);
        for part in parts.chain([shown.as_str()]) {
            assert!(!left.contains(part), "{part} left in an answer");
            assert!(!logged.contains(part), "{part} left in the log");
        }
    }
    let debugged = format!("{:?}", house.ledger.point());
    assert!(shown.iter().all(|shown| !debugged.contains(shown.as_str())));
}
