//! Deleted users: the 30 days to the second, and the licences that come back.

use aobo::directory::command::{Output, RestoredUser};
use jiff::Timestamp;
use serde_json::json;

use super::{Stage, partner_user, read, rules};
use crate::support::NOW;

const ADA: &str = "ada@fabrikam.example";
/// 30 days in seconds.
const LIMIT: i64 = 30 * 86_400;

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW.as_second() + seconds).expect("a time")
}

/// The operator reports how many seats are free.
fn seats(stage: &mut Stage, product: &str, free: u32) {
    let seats = json!({"contoso": {product: {"free": free}}});
    stage.done(json!({"command": "put", "fact": {"seats": seats}}));
}

/// The example world, with seats, and Mia holding two licences.
fn stage(office: u32, visio: u32) -> Stage {
    let mut stage = Stage::fabrikam();
    for (product, free) in [("office-e3", 1), ("visio", 1)] {
        seats(&mut stage, product, free);
        stage.done(json!({"command": "assign-license", "users": ["mia@contoso.example"], "product": product}));
    }
    stage.act(
        partner_user(ADA),
        json!({"command": "delete-user", "user": "mia@contoso.example"}),
    );
    for (product, free) in [("office-e3", office), ("visio", visio)] {
        seats(&mut stage, product, free);
    }
    stage
}

#[track_caller]
fn restored(stage: &mut Stage) -> (RestoredUser, Vec<&'static str>) {
    let planned = stage.act(
        partner_user(ADA),
        json!({"command": "restore-users", "users": ["mia@contoso.example"]}),
    );
    let rules = rules(&planned);
    let Output::Restored { mut users } = planned.output else {
        panic!("users that are back");
    };
    (users.remove(0), rules)
}

#[test]
fn licences_come_back_if_seats_are_free() {
    let (user, duties) = restored(&mut stage(1, 1));
    assert_eq!((user.licenses.len(), user.missing.len()), (2, 0));
    assert_eq!(duties, [""; 0]);
    let (user, duties) = restored(&mut stage(1, 0));
    assert_eq!(
        (user.licenses, user.missing),
        (vec!["office-e3".to_owned()], vec!["visio".to_owned()])
    );
    assert_eq!(duties, ["A-USR-04"]);
}

/// A seat that one takes is not there for the next, in the order they are named.
#[test]
fn seats_go_to_whom_is_named_first() {
    let mut stage = stage(1, 0);
    let users = ["dave@contoso.example", "mia@contoso.example"];
    let planned = stage.done(json!({"command": "restore-users", "users": users}));
    let Output::Restored { users } = planned.output else {
        panic!("users that are back");
    };
    let back: Vec<usize> = users.iter().map(|user| user.licenses.len()).collect();
    assert_eq!(back, [1, 0]);
    assert_eq!(stage.world().deleted_users("contoso", NOW).count(), 7);
}

#[test]
fn thirty_days_to_the_second() {
    let restore = json!({"command": "restore-users", "users": ["mia@contoso.example"]});
    let mut stage = stage(1, 1);
    stage.at = later(LIMIT);
    let tab: Vec<i64> = stage
        .world()
        .deleted_users("contoso", stage.at)
        .map(|deleted| deleted.days_left)
        .collect();
    assert_eq!(tab, [0], "the last second is one");
    assert!(stage.may(partner_user(ADA), &read(restore.clone())));
    stage
        .plan(&read(restore.clone()))
        .expect("the end is included");

    stage.at = later(LIMIT + 1);
    assert_eq!(stage.world().deleted_users("contoso", stage.at).count(), 0);
    assert!(!stage.may(partner_user(ADA), &read(restore.clone())));
    let error = stage.refused(restore);
    assert_eq!(error.rules(), ["A-USR-03", "D 6"]);
    stage.done(json!({"command": "purge-user", "user": "mia@contoso.example"}));
}

/// A clock that is finer than a second does not change which second it is.
#[test]
fn parts_of_a_second_do_not_count() {
    let mut stage = stage(0, 0);
    stage.at = later(LIMIT) + jiff::SignedDuration::from_millis(999);
    restored(&mut stage);
}

#[test]
fn who_can_be_restored_is_not_purged() {
    let mut stage = stage(0, 0);
    stage.at = later(LIMIT);
    let error = stage.refused(json!({"command": "purge-user", "user": "mia@contoso.example"}));
    assert_eq!(error.rules(), ["A-USR-03", "B-PC-17"]);
}

/// One that is too late keeps all from coming back.
#[test]
fn all_are_restored_or_none() {
    let mut stage = stage(1, 1);
    let users = ["mia@contoso.example", "dina@contoso.example"];
    let error = stage.refused(json!({"command": "restore-users", "users": users}));
    assert_eq!(error.rules(), ["A-USR-03", "D 6"]);
}
