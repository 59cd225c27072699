//! Bodies, read as they mostly are and member by member: the same questions.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::engine::JSON_DEPTH_MAX;

#[test]
fn strings_are_borrowed_from_the_body() {
    let text = r#"{"subject": {"type": "User", "id": "a\u006ea"}, "more": [1],
        "action": {"name": "view"}, "resource": {"type": "Photo", "id": "1"}}"#;
    let request = EvaluationRequest::parse(text).unwrap();
    assert!(matches!(request.ask.principal.ty, Cow::Borrowed("User")));
    assert!(matches!(request.ask.action, Cow::Borrowed("view")));
    assert!(matches!(&request.ask.principal.id, Cow::Owned(id) if id == "ana"));
    assert!(!request.explain);
}

#[track_caller]
fn check(text: &str, message: &str) {
    let error = EvaluationRequest::parse(text).unwrap_err();
    assert_eq!(error.to_string(), message, "{text}");
}

#[test]
fn messages_name_the_member() {
    check("[]", "the body must be an object, not an array");
    check("null", "the body must be an object, not null");
    check("{}", "`subject` must be an object, and is missing");
    check(
        r#"{"subject": "ada"}"#,
        "`subject` must be an object, not a string",
    );
    check(
        r#"{"subject": {"type": 1, "id": "ada"}, "action": {}, "resource": {}}"#,
        "`subject.type` must be a string, not a whole number",
    );
}

// ------------------------------------------------------------- two readers

/// How a body is read as one question: at once, and member by member.
fn single(text: &str) -> (Option<String>, Option<String>) {
    let at_once = Body::single(text).and_then(EvaluationRequest::of);
    let by_members = EvaluationRequest::by_members(text);
    let told = |read: EvaluationRequest<'_>| format!("{read:?}");
    (at_once.map(told), by_members.ok().map(told))
}

/// The same as several. An item that is no question makes the body one that is read
/// member by member.
fn several(text: &str) -> (Option<String>, Option<String>) {
    let at_once = Body::several(text).and_then(EvaluationsRequest::of);
    let by_members = EvaluationsRequest::by_members(text).ok();
    let right = by_members.filter(|read| match &read.asked {
        Asked::One(_) => true,
        Asked::Many(items) => items.iter().all(Result::is_ok),
    });
    let told = |read: EvaluationsRequest<'_>| format!("{read:?}");
    (at_once.map(told), right.map(told))
}

/// Fails unless both readers read the same, of bodies that none of them leaves to the
/// other; whether they read anything.
#[track_caller]
fn alike(text: &str) -> [bool; 2] {
    [single(text), several(text)].map(|(at_once, by_members)| {
        assert_eq!(at_once, by_members, "{text}");
        at_once.is_some()
    })
}

/// Fails if a body is read at once and not the same member by member; whether it is read
/// at once.
#[track_caller]
fn within(text: &str) -> [bool; 2] {
    [single(text), several(text)].map(|(at_once, by_members)| {
        if at_once.is_some() {
            assert_eq!(at_once, by_members, "{text}");
        }
        at_once.is_some()
    })
}

fn one_of(all: &[&'static str]) -> BoxedStrategy<String> {
    proptest::sample::select(all.to_vec())
        .prop_map(str::to_owned)
        .boxed()
}

fn text() -> BoxedStrategy<String> {
    let plain = one_of(&[r#""ana""#, r#""User""#, r#""""#, r#""né[]{},:""#]);
    let escaped = one_of(&[r#""a\u006ea""#, r#""né\n""#]);
    prop_oneof![300 => plain, 1 => escaped].boxed()
}

fn name() -> BoxedStrategy<String> {
    one_of(&[
        "subject",
        "action",
        "context",
        "options",
        "evaluations",
        "type",
        "id",
        r"\u0069d",
        "name",
        "properties",
        "explain",
        "a",
        "b",
        "c",
        "",
    ])
}

/// Any value.
fn value() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        text(),
        one_of(&["null", "true", "0", "-1.5", "1e400", "01", "nul", ""]),
    ];
    let inner = |inner: BoxedStrategy<String>| {
        let member =
            (name(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..3).prop_map(|all| format!("[{}]", all.join(","))),
            proptest::collection::vec(member, 0..3)
                .prop_map(|all| format!("{{{}}}", all.join(", "))),
        ]
    };
    leaf.prop_recursive(3, 12, 3, move |of| inner(of.boxed()))
        .boxed()
}

/// An object with these members, seldom without one of them, or with another value or
/// another member.
fn object(members: &[(&'static str, BoxedStrategy<String>)]) -> BoxedStrategy<String> {
    let named = |name: &'static str, value: BoxedStrategy<String>| {
        value.prop_map(move |value| Some(format!("\"{name}\": {value}")))
    };
    let mut all: Vec<BoxedStrategy<Option<String>>> = Vec::new();
    for (name, usual) in members {
        let given = prop_oneof![
            60 => named(name, usual.clone()),
            4 => Just(None),
            1 => named(name, value()),
        ];
        all.push(given.boxed());
    }
    let other = (name(), value()).prop_map(|(name, value)| Some(format!("\"{name}\":{value}")));
    all.push(prop_oneof![12 => Just(None), 1 => other].boxed());
    let shuffled = all.prop_shuffle();
    let text = |all: Vec<Option<String>>| all.into_iter().flatten().collect::<Vec<_>>().join(", ");
    shuffled
        .prop_map(move |all| format!("{{{}}}", text(all)))
        .boxed()
}

/// A body that is mostly right, or nearly.
fn body() -> BoxedStrategy<String> {
    let free = || object(&[("a", text()), ("b", one_of(&["1", "[true]", "{}"]))]);
    let party = || object(&[("type", text()), ("id", text()), ("properties", free())]);
    let action = || object(&[("name", text()), ("properties", free())]);
    let parts = || {
        vec![
            ("subject", party()),
            ("action", action()),
            ("resource", party()),
            ("context", free()),
        ]
    };
    let semantic = one_of(&[r#""execute_all""#, r#""deny_on_first_deny""#]);
    let explain = one_of(&["true", "false"]);
    let options = object(&[("explain", explain), ("evaluations_semantic", semantic)]);
    let items = proptest::collection::vec(object(&parts()), 0..4);
    let items = items.prop_map(|items| format!("[{}]", items.join(",")));
    let mut all = parts();
    all.push(("options", options));
    let one = object(&all);
    all.push(("evaluations", items.boxed()));
    prop_oneof![one, object(&all)].boxed()
}

#[test]
fn both_readers_read_the_same_questions() {
    let (tried, read) = (Cell::new(0), [Cell::new(0), Cell::new(0)]);
    let outcome = TestRunner::default().run(&body(), |text| {
        tried.set(tried.get() + 1);
        for (read, one) in read.iter().zip(within(&text)) {
            read.set(read.get() + usize::from(one));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    for read in &read {
        let (read, tried) = (read.get(), tried.get());
        let both = read * 100 > tried * 20 && read * 100 < tried * 95;
        assert!(both, "right and wrong ones: {read} of {tried}");
    }
}

/// A whole body, with something in the place of `@`.
const PLACES: [&str; 6] = [
    r#""context": {"a": @}, "more": 1"#,
    r#""context": {}, "more": @"#,
    r#""options": {"more": @}"#,
    r#""subject": {"type": "a", "id": "b", "properties": {"a": @}}"#,
    r#""subject": {"type": "a", "id": "b", "more": @}"#,
    r#""evaluations": [{"more": @, "action": {"name": "a", "properties": {"b": @}}}]"#,
];

fn with(place: &str, value: &str) -> String {
    let usual = [
        r#""subject": {"type": "User", "id": "ana"}"#,
        r#""action": {"name": "view"}"#,
        r#""resource": {"type": "Photo", "id": "1"}"#,
    ];
    let own = place.replace('@', value);
    let others = usual.into_iter().filter(|part| part[..6] != own[..6]);
    let parts: Vec<&str> = others.chain([own.as_str()]).collect();
    format!("{{{}}}", parts.join(", "))
}

#[test]
fn both_readers_end_at_the_same_depth() {
    for place in PLACES {
        let nested = |n: usize| with(place, &format!("{}{}", "[".repeat(n), "]".repeat(n)));
        let taken = |n: usize| alike(&nested(n))[1];
        let deepest = (1..=JSON_DEPTH_MAX).rev().find(|n| taken(*n));
        let deepest = deepest.expect("a depth that is taken");
        assert!(
            (JSON_DEPTH_MAX - 5..JSON_DEPTH_MAX).contains(&deepest),
            "{place}: {deepest}"
        );
        assert!((1..deepest).all(taken), "{place}");
    }
}

#[test]
fn both_readers_refuse_a_name_that_comes_twice() {
    for place in PLACES {
        assert!(alike(&with(place, r#"{"a": 1, "b": 2}"#))[1], "{place}");
        for twice in [
            r#"{"a": 1, "a": 1}"#,
            r#"[{"a": 1, "\u0061": 1}]"#,
            r#"1, "more": 2, "more": 3"#,
        ] {
            assert!(!alike(&with(place, twice))[1], "{place} {twice}");
        }
    }
    let twice = r#""subject": {"type": "a", "id": "b", "\u0069d": "b"}"#;
    assert_eq!(alike(&with(twice, "")), [false; 2]);
}

#[test]
fn very_many_members_of_other_names_are_read_member_by_member() {
    for (count, at_once) in [(16, true), (17, false)] {
        let others: Vec<String> = (0..count).map(|n| format!("\"k{n}\": {n}")).collect();
        let text = with(&others.join(", "), "");
        assert_eq!(single(&text).0.is_some(), at_once);
        assert!(EvaluationRequest::parse(&text).is_ok());
    }
}
