//! Decisions at a revision: not before one, as of one, and the same from a log
//! that was opened again.

use std::sync::atomic::Ordering;

use aobo::node::{Choice, Moment, changed_between};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ADA, BUNDLE, Desk, FIRST, GINA, PRIVILEGES, facts, open, operate, sign_in};
use crate::support;

/// Seconds between the writes of [`played`].
const STEP: i64 = 60;

/// The time so many steps after the beginning.
fn time(steps: i64) -> String {
    let second = support::NOW.as_second() + steps * STEP;
    Timestamp::from_second(second).unwrap().to_string()
}

/// Contoso takes the privileges away, then the subscription: what Ada may at each
/// revision, from [`BUNDLE`] on (sign in, operate).
const PLAYED: [(bool, bool); 6] = [
    (false, false),
    (true, true),
    (true, true),
    (false, true),
    (false, true),
    (false, false),
];

/// Plays it, a write every minute, the last at the third.
fn played() -> Desk {
    let desk = Desk::start();
    let owner = |principal: &str, role: &str| json!({"principal": principal, "role": role, "scope": "/subscriptions/s1"});
    let step = |written: u64| {
        desk.passed.fetch_add(STEP, Ordering::SeqCst);
        assert_eq!(desk.head().seq + 1, written);
    };
    step(FIRST + 1);
    desk.by(GINA, "DELETE", PRIVILEGES).send().written();
    step(FIRST + 2);
    let give = owner("gina", "User Access Administrator");
    let given = desk.by(ADA, "POST", "/v1/roleAssignments").json(&give);
    given.send().written();
    step(FIRST + 3);
    let take = owner("fabrikam/AdminAgents", "Owner");
    let taken = desk.by(GINA, "DELETE", "/v1/roleAssignments").json(&take);
    taken.send().written();
    desk
}

#[track_caller]
fn as_of(desk: &Desk, question: &Value, moment: &str) -> bool {
    let reply = desk.ask(question).header("Aobo-As-Of", moment).send();
    reply.decision()
}

/// Each revision is as it was played.
#[track_caller]
fn answers_as_played(desk: &Desk) {
    for (revision, (signs_in, operates)) in (BUNDLE..).zip(PLAYED) {
        let moment = revision.to_string();
        let reply = desk.ask(&sign_in()).header("Aobo-As-Of", &moment).send();
        assert_eq!(reply.header("aobo-revision"), moment);
        assert_eq!(reply.decision(), signs_in, "sign in as of {moment}");
        let got = as_of(desk, &operate(), &moment);
        assert_eq!(got, operates, "operate as of {moment}");
    }
}

#[test]
fn a_write_is_in_force_when_it_returns() {
    let desk = Desk::start();
    assert!(desk.allows(&sign_in()));
    let revision = desk.by(GINA, "DELETE", PRIVILEGES).send().written();
    let call = desk.ask(&sign_in());
    let reply = call.header("Aobo-At-Least", &revision.to_string()).send();
    assert!(!reply.decision());
    assert_eq!(reply.header("aobo-revision"), revision.to_string());
}

/// It waits until the wanted revision is there, and only so long: this test takes
/// the seconds of `AT_LEAST_SECONDS_MAX`.
#[test]
fn a_revision_is_waited_for() {
    let desk = Desk::start();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().unwrap();
    let wanted = (FIRST + 1).to_string();
    let asked = desk.ask(&sign_in()).header("Aobo-At-Least", &wanted);
    let removed = desk.by(GINA, "DELETE", PRIVILEGES);
    let (decided, removed) =
        runtime.block_on(async { tokio::join!(asked.exchange(), removed.exchange()) });
    assert_eq!(removed.written(), FIRST + 1);
    assert!(!decided.decision(), "it knows of the removal");

    let beyond = (FIRST + 2).to_string();
    let beyond = desk.ask(&sign_in()).header("Aobo-At-Least", &beyond).send();
    beyond.refused(503, "revision-not-reached");
    assert_eq!(beyond.header("retry-after"), "1");
}

#[test]
fn every_revision_can_be_asked_again() {
    let desk = played();
    assert_eq!(desk.head().seq, BUNDLE + PLAYED.len() as u64 - 1);
    answers_as_played(&desk);
    let now = (desk.allows(&sign_in()), desk.allows(&operate()));
    assert_eq!(now, (false, false));
}

#[test]
fn every_time_can_be_asked_again() {
    let desk = played();
    let check = |moment: &str, revision: u64, signs_in: bool| {
        let reply = desk.ask(&sign_in()).header("Aobo-As-Of", moment).send();
        assert_eq!(
            reply.header("aobo-revision"),
            revision.to_string(),
            "{moment}"
        );
        assert_eq!(reply.decision(), signs_in, "{moment}");
    };
    // The first three were written at one time; the last of them is meant.
    check(&time(0), FIRST, true);
    check("2020-09-01T09:00:59Z", FIRST, true);
    check("2020-09-01T09:00:59.999999999Z", FIRST, true);
    check(&time(1), FIRST + 1, false);
    check("2020-09-01T11:02:00+02:00", FIRST + 2, false);
    check(&time(3), FIRST + 3, false);
    // What is yet to come cannot be told.
    let call = desk
        .ask(&sign_in())
        .header("Aobo-As-Of", "2100-01-01T00:00:00Z");
    call.send().refused(400, "as-of-unavailable");
}

#[test]
fn what_the_log_does_not_hold_is_refused() {
    let desk = played();
    let refused = |moment: &str, code| {
        let reply = desk.ask(&sign_in()).header("Aobo-As-Of", moment).send();
        reply.refused(400, code);
    };
    refused("0", "revision-out-of-range");
    refused(&(desk.head().seq + 1).to_string(), "revision-out-of-range");
    refused(&u64::MAX.to_string(), "revision-out-of-range");
    refused("2020-09-01T08:59:59Z", "revision-out-of-range");
    for bad in ["", "-1", "yesterday", "2020-09-01", "18446744073709551616"] {
        refused(bad, "invalid-header");
    }
    let call = desk.ask(&sign_in()).header("Aobo-As-Of", "2");
    let twice = call.header("Aobo-As-Of", "3").send();
    twice.refused(400, "invalid-header");
}

/// INVARIANT (replay).
#[test]
fn a_log_that_is_opened_again_answers_alike() {
    let desk = played();
    let again = open(desk.ledger.log().clone(), Choice::Last, None).unwrap();
    let again = Desk::over(again, desk.master.clone());
    assert_eq!(again.head(), desk.head());
    assert_eq!(facts(&again.ledger), facts(&desk.ledger));
    assert_eq!(again.ledger.folded().keys, desk.ledger.folded().keys);
    answers_as_played(&again);
    for revision in BUNDLE..=desk.head().seq {
        let moment = Moment::Revision(revision);
        let (one, other) = (desk.ledger.at(moment), again.ledger.at(moment));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.at, other.at, "{revision}");
        let differences = changed_between(&one.point, &other.point);
        assert!(differences.is_empty(), "{revision}: {differences:?}");
    }
}
