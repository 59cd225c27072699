//! What a row says, what it does not, and that it decides the same again.

use std::sync::{Arc, OnceLock};

use aobo::directory::{AzureRoles, Profile};
use aobo::engine::intake::Ask;
use aobo::engine::{ErrorMode, Input, Member, parse_entities};
use aobo::measure::{Spread, Workload};
use aobo::node::Point;
use aobo::node::decision_log::{ID_BYTES_SHOWN, QUESTION_BYTES_MAX};
use aobo::policy::{Bundle, Source};
use serde_json::{Value, json};

use super::{logged, read, replayed};
use crate::support::{self, Rng, ask, bundle, members, scaled, timed};

/// What must never be read in a log.
const CANARY: &str = "c4nary-1n-th3-m1n3";

fn given(name: &str, value: &str) -> Member<'static> {
    Member {
        name: name.to_owned().into(),
        value: Input::String(value.to_owned().into()),
    }
}

/// Makes a question stranger: what is not declared, secrets, mistakes, names that
/// nobody knows.
fn strange(rng: &mut Rng, mut ask: Ask<'static>) -> Ask<'static> {
    for _ in 0..rng.below(4) {
        let nested = members(
            r#"{"password": "c4nary-1n-th3-m1n3", "deep": [{"token": "c4nary-1n-th3-m1n3"}]}"#,
        );
        match rng.below(10) {
            0 => ask.context.push(given("note", CANARY)),
            1 => ask.context.push(given("password", CANARY)),
            2 => ask.action_properties.push(given("apiKey", CANARY)),
            3 => ask.principal.properties.push(given("partner", CANARY)),
            4 => ask.resource.properties.push(given("colour", CANARY)),
            5 => ask.context.push(Member {
                name: "more".into(),
                value: Input::Map(nested),
            }),
            6 => ask.context.push(given("now", CANARY)),
            7 => ask.action = "NoSuchAction".into(),
            8 => ask.resource.ty = "NoSuchType".into(),
            _ => ask.context.retain(|member| member.name != "operation"),
        }
        // Intake refuses no name that comes twice; the wire does.
        let mut seen = Vec::new();
        for place in [
            &mut ask.context,
            &mut ask.action_properties,
            &mut ask.principal.properties,
            &mut ask.resource.properties,
        ] {
            seen.clear();
            place.retain(|member| {
                let new = !seen.contains(&member.name);
                seen.push(member.name.clone());
                new
            });
        }
    }
    ask
}

#[test]
fn every_row_of_the_workload_decides_the_same_again() {
    let workload = Workload::new(1, 100);
    let bundle = bundle(Profile::Seed);
    let (world, changes) = workload.world(AzureRoles::of(&bundle)).unwrap();
    let point = Point::directory(bundle, world, changes).unwrap();
    let mut rng = Rng::new(7);
    let questions = workload.questions(1, Spread::Uniform).take(scaled(1_500));
    let asks: Vec<_> = questions.map(|q| strange(&mut rng, q.ask())).collect();
    let count = asks.len() as u64;
    timed("rows of the workload", || {
        let text = logged(&point, asks);
        assert!(!text.contains(CANARY));
        let report = replayed(&text, &point);
        assert_eq!((report.rows, report.same), (count, count), "{report:#?}");
        let cedar = point.clone().in_mode(ErrorMode::Cedar);
        assert_eq!(replayed(&text, &cedar).same, count, "the row says the mode");
    });
}

/// A schema with something of each kind: read, only checked, from the request.
const SCHEMA: &str = r#"
    entity Group;
    entity User in [Group] { @from_request level?: Long, @from_request token?: String, @from_request shade?: String, name?: String };
    action view appliesTo { principal: User, resource: User, context: {
        a?: Long, accessToken?: String, checked: String, day: datetime, kind: Kind,
        box: {inner: Set<Long>, user: User}, optional?: Long, rec?: {x?: Long, password?: String, secretDay?: datetime},
        action?: {rows?: Long, idle?: Long, need: Bool},
        now: datetime,
    } };
    action plain appliesTo { principal: User, resource: User };
    entity Kind enum ["one", "two"];
"#;
const POLICIES: &str = r#"
    @id("a") permit (principal, action == Action::"view", resource) when { context has a && context.a > 1 };
    @id("level") permit (principal, action, resource) when { principal has level && principal.level > 1 };
    @id("token") permit (principal, action == Action::"view", resource) when { context has accessToken && context.accessToken == "open" };
    @id("rec") permit (principal, action == Action::"view", resource) when { context has rec && context.rec has x && context.rec.x == 7 };
    @id("rows") forbid (principal, action == Action::"view", resource) when { context has action && context.action has rows && context.action.rows > 10 };
    @id("fails") forbid (principal, action == Action::"view", resource) when { context has a && context.a + 9223372036854775000 < 0 };
"#;

fn generic() -> Point {
    static POINT: OnceLock<Point> = OnceLock::new();
    let made = || {
        let bundle = Bundle::new(&Source::new("s", SCHEMA), &[Source::new("p", POLICIES)]);
        let bundle = Arc::new(bundle.unwrap());
        let ana =
            r#"[{"uid": {"type": "User", "id": "ana"}, "attrs": {"name": "Ana"}, "parents": []}]"#;
        let entities = parse_entities(ana, bundle.shape()).unwrap();
        Point::generic(bundle, entities).unwrap()
    };
    POINT.get_or_init(made).clone()
}

/// A question to [`generic`]; `more` is laid over the context that is wanted.
fn view(more: Value) -> String {
    let mut context = json!({
        "checked": "c4nary-1n-th3-m1n3", "day": "2020-01-02", "kind": "two",
        "box": {"inner": [1, 2], "user": "bo"},
    });
    let Value::Object(more) = more else { panic!() };
    context.as_object_mut().unwrap().extend(more);
    context
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    context.to_string()
}

/// The row of one question to [`generic`], and what it comes to.
#[track_caller]
fn one(ask: Ask<'_>) -> (Value, u64, u64) {
    let point = generic();
    let text = logged(&point, [ask]);
    assert!(!text.contains(CANARY), "{text}");
    let report = replayed(&text, &point);
    assert_eq!(report.flipped_rows(), 0, "{report:#?}");
    let row = serde_json::from_str(&text).unwrap();
    (row, report.same, report.unreplayable_rows())
}

fn viewing<'a>(context: &'a str, action: &'a str) -> Ask<'a> {
    let mut ask = ask(("User", "ana"), "view", ("User", "bo"), context);
    ask.action_properties = members(action);
    ask
}

#[track_caller]
fn check(context: Value, decision: &str, replays: bool) -> Value {
    let context = view(context);
    let (row, same, not) = one(viewing(&context, r#"{"need": true, "idle": 4}"#));
    assert_eq!(row["decision"], decision, "{row:#}");
    assert_eq!(
        (same, not),
        if replays { (1, 0) } else { (0, 1) },
        "{row:#}"
    );
    assert_eq!(row.get("unreplayable").is_none(), replays, "{row:#}");
    row
}

#[test]
fn a_row_keeps_what_is_read_and_masks_the_rest() {
    let row = check(
        json!({"a": 2, "optional": 3, "unknown": CANARY}),
        "allow",
        true,
    );
    assert_eq!(row["context"], json!({"a": 2}));
    assert_eq!(row["determining"], json!(["a"]));
    let masked = row["masked"]["context"].as_object().unwrap();
    let names: Vec<&str> = masked.keys().map(String::as_str).collect();
    for name in ["checked", "day", "kind", "box", "optional", "unknown"] {
        assert!(names.contains(&name), "{name}: {row:#}");
    }
    assert_eq!(
        masked["checked"], masked["unknown"],
        "equal values are recognized"
    );
    assert_ne!(masked["checked"], masked["day"]);
    assert!(row["masked"]["action"].get("idle").is_some(), "{row:#}");
    assert_eq!(row["caller"], "key 3f2a");
    assert_eq!(row["duration_ns"], 1_500);
    assert_eq!(row["now"], "2020-09-01T09:00:00Z");
    assert_eq!(row["bundle"].as_str().unwrap().len(), 64);
}

#[test]
fn rows_of_every_outcome_replay() {
    check(json!({}), "deny", true);
    check(json!({"a": 1}), "deny", true);
    check(json!({"rec": {"x": 7}}), "allow", true);
    let failed = check(json!({"a": 9_000_000_000_000_000_000_i64}), "deny", true);
    assert_eq!(failed["erroring"], json!(["fails"]));
    // What is read and of the wrong type is the same mistake again.
    let row = check(json!({"a": "seven"}), "deny", true);
    assert_eq!(
        row["problem"],
        "`context.a` takes a whole number, not a string"
    );
    let row = check(json!({"checked": null}), "deny", true);
    assert!(
        row["problem"]
            .as_str()
            .unwrap()
            .contains("required and missing")
    );
    // What is masked and of the wrong type is not.
    let row = check(json!({"box": {"inner": CANARY}}), "deny", false);
    assert_eq!(
        row["unreplayable"],
        "`context.box` is masked, and may be the problem"
    );
    let context = view(json!({"a": 2}));
    let (row, same, _) = one(viewing(&context, r#"{"need": true, "rows": 11}"#));
    assert_eq!((row["decision"].as_str(), same), (Some("deny"), 1));
    assert_eq!(row["action"]["properties"], json!({"rows": 11}));
    let (row, same, _) = one(ask(("User", "ana"), "fly", ("User", "bo"), "{}"));
    assert_eq!(same, 1);
    assert_eq!(row["problem"], "the schema has no action `fly`");
}

#[test]
fn properties_count_where_the_request_may_bring_them() {
    let asked = |properties: &'static str| {
        let mut ask = ask(("User", "ana"), "plain", ("User", "bo"), "{}");
        ask.principal.properties = members(properties);
        one(ask)
    };
    let (row, same, _) =
        asked(r#"{"level": 2, "name": "c4nary-1n-th3-m1n3", "shade": "c4nary-1n-th3-m1n3"}"#);
    assert_eq!((row["decision"].as_str(), same), (Some("allow"), 1));
    assert_eq!(row["principal"]["properties"], json!({"level": 2}));
    assert!(row["masked"]["principal"].get("shade").is_some());
}

#[test]
fn a_secret_that_is_read_is_masked_all_the_same_and_the_row_says_so() {
    let row = check(json!({"accessToken": CANARY}), "deny", false);
    assert_eq!(
        row["unreplayable"],
        "`context.accessToken` is a secret, masked, and read by policies"
    );
    let row = check(json!({"rec": {"x": 7, "password": CANARY}}), "allow", false);
    assert_eq!(
        row["unreplayable"],
        "`context.rec` holds a secret, which is masked"
    );
    assert_eq!(row["context"]["rec"]["x"], 7);
    let hidden = json!({"x": 7, "secretDay": CANARY});
    let bare = json!({"rec": hidden, "checked": null, "day": null, "kind": null, "box": null});
    let (row, ..) = one(viewing(&view(bare), "{}"));
    assert_eq!(row["problem"], "`context.rec.secretDay` has a bad value");
    // A mistake in what is masked quotes nothing of it.
    let row = check(json!({"day": CANARY}), "deny", false);
    assert_eq!(row["problem"], "`context.day` has a bad value");
}

#[test]
fn a_question_at_the_limit_is_kept_and_one_past_it_is_not() {
    let of = |bytes: usize| {
        let long = "x".repeat(bytes);
        let context = json!({"a": 2, "accessTok": long}).to_string();
        let point = generic();
        let text = logged(&point, [viewing(&context, "{}")]);
        let row: Value = serde_json::from_str(&text).unwrap();
        (
            row.get("context").unwrap().clone(),
            read(&text).remove(0).unreplayable,
        )
    };
    // The bytes of everything else in the question.
    let other = (1..200)
        .find(|n| of(QUESTION_BYTES_MAX - n).0 != json!({}))
        .unwrap();
    assert!(of(QUESTION_BYTES_MAX - other).0.get("a").is_some());
    let (context, why) = of(QUESTION_BYTES_MAX - other + 1);
    assert_eq!(context, json!({}));
    assert_eq!(
        why,
        Some(format!(
            "the question is larger than {QUESTION_BYTES_MAX} bytes"
        ))
    );
    let id = "é".repeat(QUESTION_BYTES_MAX);
    let text = logged(
        &generic(),
        [ask(("User", &id), "view", ("User", "bo"), "{}")],
    );
    assert!(text.len() < 4 * ID_BYTES_SHOWN + 1_000, "{}", text.len());
    assert_eq!(read(&text).len(), 1);
}

#[test]
fn another_state_gives_other_answers() {
    let asks = || {
        let ada = ("PartnerUser", "ada");
        let contoso = ("Customer", "contoso");
        [
            ask(ada, "SignInToCustomerTenant", contoso, "{}"),
            ask(ada, "CreateUser", contoso, "{}"),
        ]
    };
    let world = |dap: &str| {
        let text = format!(
            r#"{{
            "partners": {{"fabrikam": {{"country": "FR", "market": "Europe", "cloud": "public"}}}},
            "customers": {{"contoso": {{"country": "FR", "market": "Europe", "cloud": "public"}}}},
            "partner_users": {{"ada": {{"partner": "fabrikam", "roles": ["AdminAgent"]}}}},
            "relationships": [{{"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "{dap}"}}]
        }}"#
        );
        support::point(Profile::Seed, &text)
    };
    let text = logged(&world("active"), asks());
    assert_eq!(replayed(&text, &world("active")).same, 2);
    let report = replayed(&text, &world("removed"));
    assert_eq!(report.flipped_rows(), 2, "{report:#?}");
}
