//! Batches and searches at a revision: not before one, as of one, and pages of it.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use aobo::api::AppState;
use aobo::log::Memory;
use aobo::node::{Choice, Ledger, RandomIds, Settings};
use aobo::policy::Source;
use serde_json::{Value, json};

use super::{
    ACTION, EVALUATIONS, POSTED, RESOURCE, SEARCHES, SUBJECT, Server, clock, question, with,
};
use crate::support::text;

/// The policies are the first event of a log, the world is the second.
const BARE: &str = "1";
const SEEDED: &str = "2";
const ADA: (&str, &str) = ("PartnerUser", "ada@fabrikam.example");
const CONTOSO: (&str, &str) = ("Customer", "contoso");

fn server() -> Server {
    let passed = Arc::new(AtomicI64::new(0));
    Server::of(with_past(&passed), passed)
}

/// The reference world behind a log.
pub(super) fn with_past(passed: &Arc<AtomicI64>) -> AppState {
    let settings = Settings {
        choice: Choice::Last,
        world: Some(Source::new(
            "world",
            text("tests/corpus/worlds/fabrikam.json"),
        )),
        clock: clock(passed),
    };
    let ids = RandomIds::new("https://partners.example").unwrap();
    let ledger = Ledger::open(Arc::new(Memory::new()), &settings, Box::new(ids)).unwrap();
    AppState::with_ledger(Arc::new(ledger))
}

fn sign_in() -> Value {
    question(ADA, "SignInToCustomerTenant", CONTOSO)
}

#[test]
fn as_of_counts_on_every_route() {
    let server = server();
    let as_of = |path: &str, revision: &str| {
        let body = match path {
            EVALUATIONS => json!({"evaluations": [sign_in(), sign_in()]}),
            _ => sign_in(),
        };
        let reply = server.send(path, &[("Aobo-As-Of", revision)], body.to_string());
        assert_eq!(reply.header("aobo-revision"), Some(revision), "{path}");
        reply.json
    };
    for path in SEARCHES {
        assert_eq!(as_of(path, BARE), json!({"results": []}), "{path}");
        let found = as_of(path, SEEDED)["results"].as_array().unwrap().len();
        assert!(found > 0, "{path}");
    }
    let both =
        |decision: bool| json!({"evaluations": [{"decision": decision}, {"decision": decision}]});
    assert_eq!(as_of(EVALUATIONS, BARE), both(false));
    assert_eq!(as_of(EVALUATIONS, SEEDED), both(true));
    for path in POSTED {
        for beyond in ["0", "3"] {
            let reply = server.send(path, &[("Aobo-As-Of", beyond)], sign_in().to_string());
            reply.is_refused(400, "revision-out-of-range", "");
        }
        let time = server.send(
            path,
            &[("Aobo-As-Of", "2020-09-01T09:00:00Z")],
            sign_in().to_string(),
        );
        assert_eq!(time.header("aobo-revision"), Some(SEEDED), "{path}");
    }
}

#[test]
fn at_least_counts_on_every_route() {
    let server = server();
    for path in POSTED {
        let reply = server.send(path, &[("Aobo-At-Least", SEEDED)], sign_in().to_string());
        assert_eq!(reply.header("aobo-revision"), Some(SEEDED), "{path}");
    }
    // Waits its seconds, then says so.
    let late = server.send(
        EVALUATIONS,
        &[("Aobo-At-Least", "3")],
        sign_in().to_string(),
    );
    late.is_refused(
        503,
        "revision-not-reached",
        "revision 3 is not applied here",
    );
}

/// Pages of a past state go on by themselves; a header beside the token may repeat
/// the moment and not change it.
#[test]
fn pages_of_the_past() {
    let server = server();
    for (path, search) in [
        (
            RESOURCE,
            question(ADA, "ResetPassword", ("CustomerUser", "")),
        ),
        (
            SUBJECT,
            question(("PartnerUser", ""), "SignInToCustomerTenant", CONTOSO),
        ),
        (ACTION, question(ADA, "", CONTOSO)),
    ] {
        let page = |headers: &[(&str, &str)], page: Value| {
            let body = with(search.clone(), json!({"page": page}));
            server.send(path, headers, body.to_string())
        };
        let first = page(&[("Aobo-As-Of", SEEDED)], json!({"limit": 1}));
        let token = json!({"token": first.next_token()});
        let next = page(&[], token.clone());
        assert_eq!(next.header("aobo-revision"), Some(SEEDED), "{path}");
        let fits: [&[(&str, &str)]; 3] = [
            &[("Aobo-As-Of", SEEDED)],
            &[("Aobo-As-Of", "2020-09-01T09:00:00Z")],
            &[("Aobo-At-Least", SEEDED)],
        ];
        for headers in fits {
            assert_eq!(
                page(headers, token.clone()).json["results"],
                next.json["results"]
            );
        }
        let changes: [&[(&str, &str)]; 3] = [
            &[("Aobo-As-Of", BARE)],
            &[("Aobo-As-Of", "2020-09-01T09:00:01Z")],
            &[("Aobo-At-Least", "3")],
        ];
        for headers in changes {
            let reply = page(headers, token.clone());
            reply.is_refused(
                400,
                "page-query-changed",
                "continues a search at revision 2",
            );
        }
    }
}
