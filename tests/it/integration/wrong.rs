//! A wrong claim is a failure with file, id, what was expected and what came out.

use aobo::suite::Failure;
use serde_json::{Value as Json, json};

use super::{Copy, LENDING, counts};

/// Changes a file so that one thing in it is wrong.
#[track_caller]
fn check(name: &str, change: impl FnOnce(&mut Json), wanted: [&str; 4]) {
    let copy = Copy::new();
    copy.edit(name, change);
    let report = copy.report(name);
    let [failure] = &report.failures[..] else {
        panic!("one failure is wanted: {:?}", report.failures);
    };
    let wanted = wanted.map(str::to_owned);
    let [id, expected, actual, message] = wanted;
    let file = copy.path(name).display().to_string();
    let wanted = Failure {
        file,
        id,
        expected,
        actual,
        message,
    };
    assert_eq!(*failure, wanted);
}

#[test]
fn a_wrong_decision() {
    check(
        "lending.json",
        |json| json["requests"][0]["decision"] = "allow".into(),
        [
            "the atlas stays on its shelf",
            "allow by policy2",
            "deny by policy2 (cedar-policy, the engine, the reference)",
            "it must be allow, and is deny (cedar-policy, the engine, the reference)",
        ],
    );
}

#[test]
fn a_wrong_reason_or_one_too_few_or_too_many() {
    let everybody = "(cedar-policy, the engine, the reference)";
    for (reason, expected, wrong) in [
        (
            json!(["policy1"]),
            "allow by policy1",
            "lacks policy1 and has policy0",
        ),
        (json!([]), "allow", "has policy0 besides"),
        (
            json!(["policy0", "policy4"]),
            "allow by policy0, policy4",
            "lacks policy4",
        ),
    ] {
        check(
            "lending.json",
            |json| json["requests"][1]["reason"] = reason,
            [
                "after 2030 the atlas may leave",
                expected,
                &format!("allow by policy0 {everybody}"),
                &format!("determining {wrong} {everybody}"),
            ],
        );
    }
}

#[test]
fn ids_by_the_annotation_are_not_those_of_the_corpus() {
    let everybody = "(cedar-policy, the engine, the reference)";
    check(
        "lending.json",
        |json| json["requests"][0]["reason"] = json!(["maps-stay"]),
        [
            "the atlas stays on its shelf",
            "deny by maps-stay",
            &format!("deny by policy2 {everybody}"),
            &format!("determining lacks maps-stay and has policy2 {everybody}"),
        ],
    );
}

#[test]
fn wrong_errors() {
    let everybody = "(cedar-policy, the engine, the reference)";
    let unknown = "`policy3` failed: entity `Library::Book::\"none\"` does not exist";
    for (errors, expected, wrong) in [
        (json!([]), "", "has policy3 besides"),
        (
            json!(["policy1"]),
            "; `policy1` fails",
            "lacks policy1 and has policy3",
        ),
        (
            json!(["policy2", "policy3"]),
            "; `policy2` fails; `policy3` fails",
            "lacks policy2",
        ),
    ] {
        check(
            "lending.json",
            |json| json["requests"][7]["errors"] = errors,
            [
                "a book that nobody knows",
                &format!("allow by policy0{expected}"),
                &format!("allow by policy0; {unknown} {everybody}"),
                &format!("erroring {wrong} {everybody}"),
            ],
        );
    }
}

#[test]
fn wrong_claims_about_what_cedar_alone_answers() {
    check(
        "unchecked.json",
        |json| json["requests"][1]["errors"] = json!([]),
        [
            "neither counts",
            "deny",
            "deny; `policy1` failed: `Library::Book::\"novel\"` does not have the attribute \
             `colour` (cedar-policy)",
            "erroring has policy1 besides (cedar-policy)",
        ],
    );
    check(
        "requests.json",
        |json| json["requests"][1]["decision"] = "deny".into(),
        [
            "a shelf borrows a reader",
            "deny by policy0",
            "allow by policy0 (cedar-policy)",
            "it must be deny, and is allow (cedar-policy)",
        ],
    );
}

#[test]
fn policies_that_must_validate_and_do_not() {
    check(
        "unchecked.json",
        |json| json["shouldValidate"] = true.into(),
        [
            "shouldValidate",
            "the policies validate",
            "they do not",
            "for policy `policy1`, attribute `colour` on entity type `Library::Book` not found",
        ],
    );
}

#[test]
fn a_request_that_must_validate_and_does_not() {
    check(
        "requests.json",
        |json| json["requests"][1]["validateRequest"] = true.into(),
        [
            "a shelf borrows a reader",
            "allow by policy0",
            "nothing",
            "the request does not validate: principal type `Library::Shelf` is not valid for \
             `Library::Action::\"borrow\"`",
        ],
    );
    check(
        "requests.json",
        |json| {
            let request = json["requests"][2].as_object_mut().unwrap();
            request.remove("validateRequest");
        },
        [
            "a context of nothing fails what reads it",
            "allow by policy0; `policy1` fails",
            "nothing",
            "the request does not validate: while parsing context, expected the record to have \
             an attribute `days`, but it does not",
        ],
    );
}

#[test]
fn what_a_set_names_and_cedar_refuses_fails_every_case() {
    let unclosed = "permit (principal, action, resource) when {";
    let nested = deep("(", "true", ")", 100_000);
    for (name, text, said) in [
        ("lending.cedar", unclosed, "unexpected end of input"),
        ("lending.cedar", &nested, "nested deeper than 64"),
        ("library.cedarschema", "entity", "unexpected end of input"),
        ("library.entities.json", "[", "EOF while parsing"),
        (
            "library.entities.json",
            r#"[{"uid": {"type": "Library::Robot", "id": "r"}, "attrs": {}, "parents": []}]"#,
            "Library::Robot",
        ),
        (
            "library.entities.json",
            r#"[{"uid": {"type": "Library::Reader", "id": "ana"}, "attrs": {}, "parents": []}]"#,
            "`Library::Reader::\"ana\"`",
        ),
    ] {
        let copy = Copy::new();
        copy.write(name, text);
        let report = copy.report("lending.json");
        assert_eq!(counts(&report), (0, LENDING, 0), "{report:?}");
        for failure in &report.failures {
            assert_eq!(failure.actual, "nothing");
            let (message, place) = (&failure.message, copy.path(name));
            let place = place.display().to_string();
            assert!(message.contains(said), "{message}");
            assert!(message.contains(&place), "{message}");
        }
    }
}

/// A policy that does not validate and nests `n` deep.
fn deep(open: &str, inner: &str, close: &str, n: usize) -> String {
    let nested = format!("{}{inner}{}", open.repeat(n), close.repeat(n));
    format!("permit (principal, action, resource) when {{ {nested} == principal.no }};")
}

#[test]
fn deep_policies_that_are_small_reach_cedar_and_harm_nobody() {
    for (open, inner, close, n) in [
        ("(", "true", ")", 8_000),
        ("[", "", "]", 8_000),
        ("{a:", "1", "}", 4_000),
        ("", "context", ".a", 8_000),
        ("", "1", "+1", 8_000),
        ("", "principal.no", "||principal.no", 1_100),
        ("if ", "true", " then 1 else 1", 900),
    ] {
        let copy = Copy::new();
        let text = deep(open, inner, close, n);
        assert!(text.len() <= 16 << 10, "{open}: {}", text.len());
        copy.write("lending.cedar", &text);
        copy.edit("lending.json", |json| {
            json["requests"].as_array_mut().unwrap().truncate(1);
        });
        let report = copy.report("lending.json");
        let ids = report.failures.iter().map(|failure| failure.id.as_str());
        let ids: Vec<&str> = ids.collect();
        let wanted = ["shouldValidate", "the atlas stays on its shelf"];
        assert_eq!(ids, wanted, "{open}{close}: {report:?}");
    }
}

#[test]
fn a_set_without_cases_fails_if_nobody_can_answer_it() {
    let copy = Copy::new();
    copy.edit("lending.json", |json| json["requests"] = json!([]));
    assert_eq!(counts(&copy.report("lending.json")), (0, 0, 0));
    copy.write("library.entities.json", "{}");
    let report = copy.report("lending.json");
    assert_eq!(counts(&report), (0, 1, 0));
    assert_eq!(report.failures[0].id, "shouldValidate");
}
