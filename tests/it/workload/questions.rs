//! Questions: the answers they claim, against the reference; their raw forms;
//! the links on their path.

use std::collections::{BTreeMap, BTreeSet};

use aobo::directory::{AzureRoles, Profile, own_entities};
use aobo::engine::intake::{Party, prepare};
use aobo::engine::{Effect, ErrorMode, Input, Link, Request, Snapshot, decide};
use aobo::measure::{Crowd, NOW, Question, Spread, Workload};

use super::{State, snapshot, workload};
use crate::support::{self, scaled, timed};

/// The engine and the reference agree on the answer, and nothing fails.
#[track_caller]
fn agree(snapshot: &Snapshot, request: &Request, expected: Effect) {
    let evaluation = snapshot
        .reference()
        .expect("the same facts")
        .evaluate(request)
        .expect("a request");
    assert!(evaluation.erroring.is_empty(), "{request:#?}");
    let allow = expected == Effect::Allow;
    assert_eq!(evaluation.allow, allow, "{request:#?}");
    let decision = decide(snapshot, request, ErrorMode::Strict);
    assert_eq!(decision.effect, expected, "{request:#?}");
}

#[test]
fn questions_get_the_answers_they_claim() {
    let workload = workload();
    let snapshot = snapshot(workload.changes());
    let count = scaled(1_500);
    let mut seen: BTreeMap<(String, Effect), usize> = BTreeMap::new();
    timed("questions of the workload against the reference", || {
        for question in workload.questions(1, Spread::Uniform).take(count) {
            agree(&snapshot, &question.request, question.expected);
            let action = question.request.action.id().unescaped().to_owned();
            *seen.entry((action, question.expected)).or_default() += 1;
        }
    });
    eprintln!("{seen:?}");
    if count < 1_500 {
        // Few questions need not meet every action both ways.
        return;
    }
    let allowed = seen
        .iter()
        .filter(|((_, effect), _)| *effect == Effect::Allow);
    let allowed: usize = allowed.map(|(_, count)| count).sum();
    assert!(
        (count * 2 / 5..count * 3 / 5).contains(&allowed),
        "{allowed}"
    );
    for action in [
        "AzureOperation",
        "CreateUser",
        "DeleteDevice",
        "ListUsers",
        "PurchaseSubscription",
        "ResetPassword",
        "SignInToCustomerTenant",
        "ViewCustomerRecord",
        "ViewPartnerRelationships",
    ] {
        for effect in [Effect::Allow, Effect::Deny] {
            assert!(seen.contains_key(&(action.to_owned(), effect)), "{action}");
        }
    }
}

#[test]
fn questions_as_asked_become_the_same_requests() {
    let workload = workload();
    let (world, _) = workload
        .world(AzureRoles::of(&support::bundle(Profile::Seed)))
        .expect("sound facts");
    let snapshot = snapshot([]);
    for question in workload.questions(2, Spread::Uniform).take(500) {
        let ask = question.ask();
        let own = own_entities(&world, &ask);
        assert_eq!(own, workload.own_entities(&question));
        let prepared = prepare(&snapshot, &ask, Vec::new(), NOW).expect("a proper question");
        assert_eq!(prepared.ignored, [""; 0]);
        let (read, request) = (prepared.request, &question.request);
        assert_eq!(
            (&read.principal, &read.action, &read.resource, &read.context),
            (
                &request.principal,
                &request.action,
                &request.resource,
                &request.context
            ),
        );
        let body = question.body();
        assert_eq!(members(&body, "subject"), party(&ask.principal));
        assert_eq!(members(&body, "resource"), party(&ask.resource));
        let action = Input::String(ask.action.clone());
        assert_eq!(members(&body, "action"), [("name".to_owned(), action)]);
        let mut context: Vec<_> = ask.context.iter().map(member).collect();
        context.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(members(&body, "context"), context);
    }
}

/// The members of one member of a body, by name.
fn members<'a>(body: &'a str, name: &str) -> Vec<(String, Input<'a>)> {
    let body = Input::parse(body).expect("JSON");
    let Some(Input::Map(members)) = body.get(name) else {
        panic!("no {name}");
    };
    let mut members: Vec<_> = members.iter().map(member).collect();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members
}

fn member<'a>(member: &aobo::engine::Member<'a>) -> (String, Input<'a>) {
    (member.name.to_string(), member.value.clone())
}

fn party<'a>(party: &Party<'a>) -> Vec<(String, Input<'a>)> {
    let text = |text: &std::borrow::Cow<'a, str>| Input::String(text.clone());
    vec![
        ("id".to_owned(), text(&party.id)),
        ("type".to_owned(), text(&party.ty)),
    ]
}

#[test]
fn unstored_scopes_are_decided_alike() {
    let workload = Workload::new(4, 30);
    let (_, projection) = workload
        .world(AzureRoles::of(&support::bundle(Profile::Seed)))
        .expect("sound facts");
    // The projection stores no scope below a subscription.
    let snapshot = snapshot(projection);
    let mut allowed = 0;
    for question in workload.questions(3, Spread::Hot(7)).take(300) {
        let mut request = question.request.clone();
        request.entities = workload.own_entities(&question);
        agree(&snapshot, &request, question.expected);
        let own = !request.entities.is_empty() && question.expected == Effect::Allow;
        allowed += usize::from(own);
    }
    assert!(allowed > 20, "{allowed}");
}

#[test]
fn links_on_the_path_are_those_that_can_matter() {
    let workload = workload();
    let state = State::of(workload.changes());
    let (mut some, mut most) = (0, 0);
    for question in workload.questions(4, Spread::Uniform).take(1_000) {
        let principals = state.ancestors(&question.request.principal);
        let scopes = state.ancestors(&question.request.resource);
        let reaching = state.links.iter().filter(|link| {
            let principal = link.principal.as_ref().expect("a principal");
            let scope = link.resource.as_ref().expect("a scope");
            principals.contains(principal) && scopes.contains(scope)
        });
        let expected: BTreeSet<Link> = reaching.cloned().collect();
        let found = workload.links_on_path(&question);
        some += usize::from(!found.is_empty());
        most = most.max(found.len());
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }
    assert!(some > 100 && most > 2, "{some}, {most}");
}

#[test]
fn questions_are_spread_as_told() {
    let workload = Workload::new(5, 1_000);
    let about = |spread| {
        let questions = workload.questions(6, spread).take(3_000);
        let customers = questions.map(|question| question.customer());
        customers.collect::<BTreeSet<u32>>().len()
    };
    assert!(about(Spread::Uniform) > 900);
    assert_eq!(about(Spread::Hot(8)), 8);
    assert_eq!(about(Spread::Hot(1)), 1);
    let repeated = |seed| {
        let questions = workload.questions(seed, Spread::Uniform).take(50);
        questions.map(|q: Question| q.body()).collect::<Vec<_>>()
    };
    assert_eq!(repeated(7), repeated(7));
    assert_ne!(repeated(7), repeated(8));
}

#[test]
fn other_links_change_no_answer_and_no_path() {
    let workload = Workload::new(6, 40);
    let other: Vec<_> = workload.other_links(500).collect();
    let mut state = State::of(workload.changes());
    let before = state.links.len();
    other.iter().cloned().for_each(|change| state.apply(change));
    assert_eq!(state.links.len(), before + 500);
    let snapshot = snapshot(workload.changes().chain(other));
    for question in workload.questions(7, Spread::Uniform).take(200) {
        agree(&snapshot, &question.request, question.expected);
    }
}

#[test]
fn in_a_crowd_only_the_link_between_the_two_counts() {
    for (joined, expected) in [(false, Effect::Deny), (true, Effect::Allow)] {
        let crowd = Crowd::new(8, 300, joined);
        let state = State::of(crowd.changes());
        let request = crowd.request();
        assert_eq!(crowd.expected(), expected);
        agree(&snapshot(crowd.changes()), &request, expected);
        let scopes = state.ancestors(&request.resource);
        let of = |link: &&Link| link.principal.as_ref() == Some(&request.principal);
        let at = |link: &&Link| link.resource.as_ref().is_some_and(|r| scopes.contains(r));
        assert!(state.links.iter().filter(of).count() >= 300);
        assert!(state.links.iter().filter(at).count() >= 300);
        let both = state.links.iter().filter(of).filter(at).cloned();
        assert_eq!(both.collect::<Vec<_>>(), crowd.links_on_path());
        assert_eq!(crowd.links_on_path().is_empty(), !joined);
    }
}
