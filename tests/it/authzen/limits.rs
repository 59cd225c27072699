//! The limits of the new routes, at each and one past it.

use aobo::api::{
    BODY_BYTES_MAX, EVALUATIONS_BODY_BYTES_MAX, EVALUATIONS_ITEMS_MAX,
    EVALUATIONS_SHARED_BYTES_MAX, SEARCH_RESULTS_MAX,
};
use aobo::engine::{EntityData, JSON_DEPTH_MAX, uid};
use aobo::node::Point;
use serde_json::{Value, json};

use super::{
    ALICE, ANY_USER, EVALUATIONS, POSTED, RECORD_1, RESOURCE, SEARCHES, SUBJECT, Server, question,
    scenario, with,
};

#[test]
fn a_batch_holds_a_thousand_items() {
    let server = Server::scenario();
    let batch = |count: usize| {
        with(
            question(ALICE, "read", RECORD_1),
            json!({"evaluations": vec![json!({}); count]}),
        )
    };
    for count in [
        1,
        31,
        32,
        33,
        EVALUATIONS_ITEMS_MAX - 1,
        EVALUATIONS_ITEMS_MAX,
    ] {
        assert_eq!(server.decisions(&batch(count)), vec![true; count]);
    }
    for count in [EVALUATIONS_ITEMS_MAX + 1, 65_535, 65_536, 65_537] {
        let message = format!("`evaluations` holds {count} items, and 1000 are the most");
        server
            .post(EVALUATIONS, &batch(count))
            .is_refused(400, "too-many-evaluations", &message);
    }
}

/// A body of so many bytes that is a good one.
fn padded(body: &Value, bytes: usize) -> String {
    let text = body.to_string();
    format!("{text}{}", " ".repeat(bytes - text.len()))
}

#[test]
fn a_body_has_its_most_bytes() {
    let server = Server::scenario();
    let body = question(ALICE, "read", RECORD_1);
    for path in POSTED {
        let most = match path {
            EVALUATIONS => EVALUATIONS_BODY_BYTES_MAX,
            _ => BODY_BYTES_MAX,
        };
        assert_eq!(
            server.send(path, &[], padded(&body, most)).status,
            200,
            "{path}"
        );
        let message = format!("larger than {most} bytes");
        let reply = server.send(path, &[], padded(&body, most + 1));
        reply.is_refused(413, "body-too-large", &message);
    }
}

#[test]
fn items_take_so_much_from_the_top_level_and_no_more() {
    let server = Server::scenario();
    // 16 bytes count for the value, 1 for its name.
    let shared = |bytes: usize, items: usize| {
        let context = json!({"x": "x".repeat(bytes - 17)});
        let members = json!({"context": context, "evaluations": vec![json!({}); items]});
        with(question(ALICE, "read", RECORD_1), members)
    };
    let bytes = EVALUATIONS_SHARED_BYTES_MAX / 512;
    assert_eq!(server.decisions(&shared(bytes, 512)).len(), 512);
    let over = server.post(EVALUATIONS, &shared(bytes, 513));
    over.is_refused(400, "too-much-shared", "from the top level");
    let over = server.post(EVALUATIONS, &shared(bytes + 1, 512));
    over.is_refused(400, "too-much-shared", "from the top level");
}

#[test]
fn a_body_is_nested_so_deep() {
    let server = Server::scenario();
    let nested = |levels: usize| {
        let body = question(ALICE, "read", RECORD_1).to_string();
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        body.replacen('{', &format!("{{\"deep\":{deep},"), 1)
    };
    for path in POSTED {
        let reply = server.send(path, &[], nested(JSON_DEPTH_MAX - 1));
        assert_eq!(reply.status, 200, "{path}");
        for levels in [JSON_DEPTH_MAX, 10_000] {
            let reply = server.send(path, &[], nested(levels));
            reply.is_refused(400, "invalid-json", "nested deeper");
        }
    }
}

#[test]
fn a_limit_is_a_whole_number_from_0() {
    let server = Server::scenario();
    for path in SEARCHES {
        let search = |limit: Value| {
            with(
                question(ALICE, "read", RECORD_1),
                json!({"page": {"limit": limit}}),
            )
        };
        for bad in [
            json!(-1),
            json!(i64::MIN),
            json!(1.0),
            json!(u64::MAX),
            json!("1"),
            json!(null),
            json!([1]),
        ] {
            let reply = server.post(path, &search(bad));
            reply.is_refused(
                400,
                "invalid-request",
                "`page.limit` must be a whole number from 0",
            );
        }
        let whole = server.post(path, &search(json!(i64::MAX)));
        assert_eq!(whole.json["page"]["count"], 2, "{path}");
        assert_eq!(whole.next_token(), "");
    }
}

#[test]
fn a_limit_of_0_tells_how_many_there_are() {
    let server = Server::scenario();
    for path in SEARCHES {
        let search = with(
            question(ALICE, "read", RECORD_1),
            json!({"page": {"limit": 0}}),
        );
        let first = server.post(path, &search);
        let counted = |reply: &super::Reply| {
            assert_eq!(reply.json["results"], json!([]), "{path}");
            assert_eq!(reply.json["page"]["count"], 0);
            assert_eq!(reply.json["page"]["total"], 2);
            assert_ne!(reply.next_token(), "", "there is more");
        };
        counted(&first);
        let token = json!({"page": {"token": first.next_token()}});
        counted(&server.post(path, &with(search, token)));
    }
}

/// More people than one answer holds.
fn crowd(count: u64) -> Point {
    let point = scenario();
    let clerks = uid("team", "clerks").unwrap();
    let facts = point.snapshot().facts();
    let known: Vec<EntityData> = facts.entities().collect();
    let more = (0..count - 1).map(|n| {
        let person = uid("user", &format!("u{n}")).unwrap();
        EntityData::new(person).in_parent(clerks.clone())
    });
    let alone = known
        .into_iter()
        .filter(|entity| entity.uid != uid("user", "bob").unwrap());
    let entities: Vec<EntityData> = alone.chain(more).collect();
    let bundle = point.snapshot().bundle().clone();
    Point::generic(bundle, entities).unwrap()
}

#[test]
fn an_answer_holds_so_many_results_and_then_there_are_pages() {
    let search = question(ANY_USER, "write", RECORD_1);
    let whole = Server::over(crowd(SEARCH_RESULTS_MAX)).post(SUBJECT, &search);
    assert_eq!(
        whole.json["results"].as_array().unwrap().len() as u64,
        SEARCH_RESULTS_MAX
    );
    assert_eq!(whole.json.get("page"), None);
    let server = Server::over(crowd(SEARCH_RESULTS_MAX + 1));
    let over = json!({"page": {"limit": SEARCH_RESULTS_MAX + 1}});
    for search in [search.clone(), with(search.clone(), over)] {
        let first = server.post(SUBJECT, &search);
        assert_eq!(first.json["page"]["count"], SEARCH_RESULTS_MAX);
        assert_eq!(first.json["page"]["total"], SEARCH_RESULTS_MAX + 1);
        let token = json!({"page": {"token": first.next_token()}});
        let last = server.post(SUBJECT, &with(search, token));
        assert_eq!(
            last.json["page"],
            json!({"next_token": "", "count": 1, "total": SEARCH_RESULTS_MAX + 1})
        );
    }
    server.results(RESOURCE, &question(ALICE, "read", ("record", "")));
}
