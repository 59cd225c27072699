//! Page tokens: what they hold, and what does not lead to a page.

use std::sync::atomic::Ordering;

use aobo::api::{PAGE_TOKEN_SECONDS, PINNED_POINTS_MAX};
use aobo::node::Point;
use serde_json::{Value, json};

use super::{
    ACTION, ALICE, ANY_RECORD, ANY_USER, RECORD_1, RECORD_2, RESOURCE, Reply, SEARCHES, SUBJECT,
    Server, question, with,
};

/// A search of each kind with two results over the scenario.
fn two_each() -> [(&'static str, Value); 3] {
    [
        (SUBJECT, question(ANY_USER, "read", RECORD_1)),
        (RESOURCE, question(ALICE, "read", ANY_RECORD)),
        (ACTION, question(ALICE, "", RECORD_1)),
    ]
}

#[track_caller]
fn page(server: &Server, path: &str, search: &Value, page: Value) -> Reply {
    server.post(path, &with(search.clone(), json!({"page": page})))
}

/// The first page of one result, and its token.
#[track_caller]
fn first(server: &Server, path: &str, search: &Value) -> String {
    let reply = page(server, path, search, json!({"limit": 1}));
    assert_eq!(reply.json["page"]["total"], 2, "{}", reply.json);
    reply.next_token().to_owned()
}

#[test]
fn each_flipped_bit_of_a_token_is_refused() {
    let server = Server::scenario();
    let (path, search) = &two_each()[0];
    let token = first(&server, path, search);
    let mut tried = 0;
    for at in 0..token.len() {
        for bit in 0..8 {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            tried += 1;
            let reply = page(&server, path, search, json!({"token": changed}));
            reply.is_refused(400, "page-token-invalid", "is not a token of this server");
        }
    }
    assert!(tried >= 7 * token.len(), "the eighth bit makes no text");
    assert_eq!(
        page(&server, path, search, json!({"token": token})).status,
        200
    );
}

#[test]
fn what_is_no_token_is_refused() {
    let server = Server::scenario();
    for (path, search) in two_each() {
        let token = first(&server, path, &search);
        let standard = token.replace('-', "+").replace('_', "/");
        let cut = &token[..token.len() - 1];
        let long = "A".repeat(100_000);
        for bad in [
            "",
            " ",
            "AAAA",
            "null",
            "0",
            cut,
            &format!("{token}="),
            &format!("{token}{token}"),
            &long,
        ] {
            page(&server, path, &search, json!({"token": bad})).is_refused(
                400,
                "page-token-invalid",
                "begin the search again",
            );
        }
        if standard != token {
            page(&server, path, &search, json!({"token": standard})).is_refused(
                400,
                "page-token-invalid",
                "",
            );
        }
        // One of another server, with another key.
        let other = first(&Server::scenario(), path, &search);
        page(&server, path, &search, json!({"token": other})).is_refused(
            400,
            "page-token-invalid",
            "",
        );
    }
}

#[test]
fn a_token_lives_ten_minutes() {
    let server = Server::scenario();
    for (path, search) in two_each() {
        server.passed.store(0, Ordering::SeqCst);
        let token = first(&server, path, &search);
        let after = |seconds: i64| {
            server.passed.store(seconds, Ordering::SeqCst);
            page(&server, path, &search, json!({"token": token}))
        };
        assert_eq!(after(0).status, 200);
        assert_eq!(after(PAGE_TOKEN_SECONDS - 1).status, 200);
        for late in [PAGE_TOKEN_SECONDS, PAGE_TOKEN_SECONDS + 1, 1_000_000] {
            after(late).is_refused(400, "page-token-expired", "begin the search again");
        }
        // A clock that was set back makes no token older.
        assert_eq!(after(-5).status, 200);
    }
    assert_eq!(PAGE_TOKEN_SECONDS, 600);
}

#[test]
fn each_page_brings_a_token_of_its_own_ten_minutes() {
    let server = Server::fabrikam();
    let ada = ("PartnerUser", "ada@fabrikam.example");
    let search = question(ada, "", ("Customer", "contoso"));
    let mut reply = page(&server, ACTION, &search, json!({"limit": 1}));
    let mut found = Vec::new();
    loop {
        found.extend(reply.json["results"].as_array().unwrap().clone());
        let token = reply.next_token().to_owned();
        if token.is_empty() {
            break;
        }
        server
            .passed
            .fetch_add(PAGE_TOKEN_SECONDS - 1, Ordering::SeqCst);
        reply = page(&server, ACTION, &search, json!({"token": token}));
    }
    assert!(found.len() > 3);
    server.passed.store(0, Ordering::SeqCst);
    assert_eq!(found, server.results(ACTION, &search));
}

#[test]
fn a_changed_query_is_refused() {
    let server = Server::scenario();
    let changes = [
        json!({"subject": {"type": "user", "id": "bob"}}),
        json!({"subject": {"type": "team", "id": "alice"}}),
        json!({"resource": {"type": "record", "id": "record-2"}}),
        json!({"resource": {"type": "team", "id": "record-1"}}),
        json!({"action": {"name": "write"}}),
        json!({"action": {"name": "read", "properties": {"soft": true}}}),
        json!({"context": {"x": 1}}),
    ];
    for (path, search) in two_each() {
        let token = first(&server, path, &search);
        let mut refused = 0;
        for change in &changes {
            let reply = page(
                &server,
                path,
                &with(search.clone(), change.clone()),
                json!({"token": token}),
            );
            if reply.status != 200 {
                refused += 1;
                reply.is_refused(400, "page-query-changed", "belongs to another search");
            }
        }
        // An id of what is sought does not count, nor an action among actions.
        let free = if path == ACTION { 2 } else { 1 };
        assert_eq!(refused, changes.len() - free, "{path}");
        for limit in [0, 2, 10_000] {
            let reply = page(
                &server,
                path,
                &search,
                json!({"token": token, "limit": limit}),
            );
            reply.is_refused(400, "page-query-changed", "`page.limit` must be 1");
        }
        let more = json!({"token": token, "limit": 1, "properties": {}, "more": 1});
        assert_eq!(page(&server, path, &search, more).status, 200);
        for other in SEARCHES.into_iter().filter(|other| *other != path) {
            let asked = question(ALICE, "read", RECORD_1);
            let reply = page(&server, other, &asked, json!({"token": token}));
            reply.is_refused(400, "page-query-changed", "belongs to another search");
        }
    }
}

/// The scenario with Bob out of the staff, and one record less.
fn written() -> Point {
    let point = super::scenario();
    let bob = aobo::engine::uid("user", "bob").unwrap();
    let gone = aobo::engine::uid(RECORD_2.0, RECORD_2.1).unwrap();
    let entities = point
        .snapshot()
        .facts()
        .entities()
        .filter(|entity| entity.uid != gone);
    let entities = entities.map(|mut entity| {
        if entity.uid == bob {
            entity.parents.clear();
        }
        entity
    });
    let entities = entities.collect();
    Point::generic(point.snapshot().bundle().clone(), entities).unwrap()
}

#[test]
fn a_write_between_pages_changes_no_page() {
    for (path, search) in two_each() {
        let server = Server::scenario();
        let whole = server.results(path, &search);
        let token = first(&server, path, &search);
        server.state.point().replace(written());
        if path != ACTION {
            assert_eq!(
                server.results(path, &search).len(),
                1,
                "the write is in force"
            );
        }
        let next = page(&server, path, &search, json!({"token": token}));
        assert_eq!(next.json["results"][0], whole[1]);
        assert_eq!(next.json["page"]["total"], 2);
        assert_eq!(next.next_token(), "");
    }
}

#[test]
fn pages_keep_the_time_of_the_first() {
    let world = r#"{
      "partners": {"p": {"country": "FR", "market": "Europe", "cloud": "public"}},
      "customers": {"c": {"country": "FR", "market": "Europe", "cloud": "public"}},
      "partner_users": {"ada": {"partner": "p", "roles": ["AdminAgent"]}},
      "customer_users": {
        "one": {"customer": "c", "state": "deleted", "deleted_at": "2020-08-02T09:05:00Z"},
        "two": {"customer": "c", "state": "deleted", "deleted_at": "2020-08-02T09:05:00Z"}
      },
      "relationships": [{"partner": "p", "customer": "c", "status": "active", "dap": "active"}]
    }"#;
    let point = crate::support::point(aobo::directory::Profile::Seed, world);
    let server = Server::over(point);
    let search = question(("PartnerUser", "ada"), "RestoreUser", ("CustomerUser", ""));
    assert_eq!(server.results(RESOURCE, &search).len(), 2);
    let token = first(&server, RESOURCE, &search);
    // Five minutes later thirty days are over, and the token is not.
    server.passed.store(301, Ordering::SeqCst);
    assert_eq!(server.results(RESOURCE, &search), Vec::<Value>::new());
    let next = page(&server, RESOURCE, &search, json!({"token": token}));
    assert_eq!(
        next.json["results"],
        json!([{"type": "CustomerUser", "id": "two"}])
    );
}

#[test]
fn so_many_states_are_held_and_then_the_oldest_goes() {
    let server = Server::scenario();
    let (path, search) = &two_each()[0];
    let state = server.state.point().current().as_ref().clone();
    let tokens: Vec<String> = (0..=PINNED_POINTS_MAX)
        .map(|n| {
            server.passed.store(i64::from(n > 0), Ordering::SeqCst);
            server.state.point().replace(state.clone());
            first(&server, path, search)
        })
        .collect();
    let gone = page(&server, path, search, json!({"token": tokens[0]}));
    gone.is_refused(400, "page-state-gone", "begin the search again");
    for token in &tokens[1..] {
        assert_eq!(
            page(&server, path, search, json!({"token": token})).status,
            200
        );
    }
}
