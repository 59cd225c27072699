//! What a world refuses: each with its message and its remedy.

use aobo::node::NodeError;

use super::{change, changed, facts, partner_may, world};
use crate::support::{self, decide};

/// A change is refused with this message and this remedy, and nothing changes.
#[track_caller]
fn refused(put: &str, remove: &str, message: &str, remedy: &str) {
    let point = world();
    let before = facts(&point).clone();
    match change(&point, put, remove) {
        Err(NodeError::Misplaced(misplaced)) => {
            assert_eq!(
                (misplaced.message.as_str(), misplaced.remedy.as_str()),
                (message, remedy)
            );
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    }
    assert_eq!(facts(&point), &before);
}

#[track_caller]
fn put_refused(put: &str, message: &str, remedy: &str) {
    refused(put, "{}", message, remedy);
}

#[track_caller]
fn removal_refused(remove: &str, message: &str, remedy: &str) {
    refused("{}", remove, message, remedy);
}

#[test]
fn what_is_in_use_stays() {
    removal_refused(
        r#"{"customers": ["contoso"]}"#,
        "the customer `contoso` cannot go: the customer user `greta` still names it",
        "remove the customer user `greta` first",
    );
    removal_refused(
        r#"{"partners": ["northwind"]}"#,
        "the partner `northwind` cannot go: the partner user `nils` still names it",
        "remove the partner user `nils` first",
    );
    removal_refused(
        r#"{"groups": ["fabrikam/Outer"]}"#,
        "the group `fabrikam/Outer` cannot go: the group `fabrikam/Inner` still names it",
        "remove the group `fabrikam/Inner` first",
    );
    // A partner's built-in groups have no fact of their own and go with it.
    let lonely = r#"{
      "partners": {"lonely": {"country": "FR", "market": "Europe", "cloud": "public"}},
      "role_assignments": [{"principal": "lonely/AdminAgents", "role": "Owner", "scope": "/subscriptions/web"}]
    }"#;
    refused(
        lonely,
        r#"{"partners": ["lonely"]}"#,
        "the partner `lonely` cannot go: the role assignment of `Owner` to `lonely/AdminAgents` \
         on `/subscriptions/web` still names it",
        "remove the role assignment of `Owner` to `lonely/AdminAgents` on `/subscriptions/web` first",
    );
    removal_refused(
        r#"{"partner_users": ["bea"]}"#,
        "the partner user `bea` cannot go: the role assignment of `Reader` to `bea` on \
         `/providers/microsoft.management/managementgroups/top` still names it",
        "remove the role assignment of `Reader` to `bea` on \
         `/providers/microsoft.management/managementgroups/top` first",
    );
    removal_refused(
        r#"{"subscriptions": ["WEB"]}"#,
        "the subscription `web` cannot go: the role assignment of `Owner` to `fabrikam/AdminAgents` on \
         `/subscriptions/web` still names it",
        "remove the role assignment of `Owner` to `fabrikam/AdminAgents` on \
         `/subscriptions/web` first",
    );
}

#[test]
fn what_is_not_there_cannot_go() {
    removal_refused(
        r#"{"customer_users": ["nobody"]}"#,
        "there is no customer user `nobody` to remove",
        "check the name",
    );
    // The built-in groups go with their partner only.
    removal_refused(
        r#"{"groups": ["fabrikam/HelpdeskAgents"]}"#,
        "there is no group `fabrikam/HelpdeskAgents` to remove",
        "check the name",
    );
    removal_refused(
        r#"{"deny_assignments": [{"scope": "/subscriptions/web", "number": 0}]}"#,
        "there is no deny assignment 0 on `/subscriptions/web` to remove",
        "check the name",
    );
}

#[test]
fn groups_do_not_contain_themselves() {
    put_refused(
        r#"{"groups": {"fabrikam/Outer": {"member_of": ["fabrikam/Inner"]}}}"#,
        "group `fabrikam/Outer` would contain itself through `fabrikam/Inner`",
        "take it out of `fabrikam/Inner`",
    );
    put_refused(
        r#"{"groups": {"fabrikam/Loop": {"member_of": ["fabrikam/Loop"]}}}"#,
        "the group `fabrikam/Loop` is in a circle of groups that contain each other",
        "take one of them out of the other",
    );
    put_refused(
        r#"{"management_groups": {"top": {"parent": "mid"}}}"#,
        "management group `top` would contain itself through `mid`",
        "take it out of `mid`",
    );
}

#[test]
fn nothing_reaches_across_partners_or_tenants() {
    put_refused(
        r#"{"partner_users": {"eve": {"partner": "northwind", "groups": ["fabrikam/Inner"]}}}"#,
        "partner user `eve`: the group `fabrikam/Inner` is not one of its partner's, `northwind`",
        "name groups of the user's own partner",
    );
    put_refused(
        r#"{"groups": {"northwind/Spy": {"member_of": ["fabrikam/AdminAgents"]}}}"#,
        "group `northwind/Spy`: the group `fabrikam/AdminAgents` belongs to another partner",
        "nest it in groups of its own partner",
    );
    put_refused(
        r#"{"customer_users": {"mia": {"customer": "graphic"}}}"#,
        "customer user `mia`: the user is in the tenant of `contoso`; a user cannot move",
        "remove the user there first, or give this one another id",
    );
}

/// Assignments name principals by id alone: no second user of such an id may
/// come, or the first one's rights would pass to it.
#[test]
fn a_user_does_not_take_over_another_s_assignments() {
    let message = "customer user `bea`: a role or deny assignment names another user `bea`; it \
                   could then mean either";
    let remedy = "give one of the two users another id";
    put_refused(
        r#"{"customer_users": {"bea": {"customer": "contoso"}}}"#,
        message,
        remedy,
    );
    let both = r#"{
      "customer_users": {"ada": {"customer": "contoso"}},
      "role_assignments": [{"principal": "ada", "role": "Reader", "scope": "/subscriptions/web"}]
    }"#;
    let message = "role assignment of `Reader` to `ada` on `/subscriptions/web`: `ada` is both a \
                   partner's and a customer's user";
    put_refused(both, message, remedy);
    let spared = r#"{
      "customer_users": {"ada": {"customer": "contoso"}},
      "deny_assignments": [{"scope": "/subscriptions/web", "principals": ["*"], "exclude": ["ada"], "actions": ["*"]}]
    }"#;
    let message = "deny assignment 0 on `/subscriptions/web`: `ada` is both a partner's and a \
                   customer's user";
    put_refused(spared, message, remedy);
    // The same id without any assignment is two people, and neither is the other.
    let point = changed(
        &world(),
        r#"{"customer_users": {"ada": {"customer": "contoso"}}}"#,
        "{}",
    );
    let ask = support::ask(
        ("CustomerUser", "ada"),
        "CreateUser",
        ("Customer", "contoso"),
        "{}",
    );
    assert!(!decide(&point, ask).allows());
    assert!(partner_may(&point, "ada", "CreateUser", "contoso"));
}

#[test]
fn names_that_are_not_known_come_with_the_nearest() {
    put_refused(
        r#"{"partner_users": {"eve": {"partner": "fabrikam", "roles": ["Admin agent"]}}}"#,
        "partner user `eve`: there is no Partner Center role `Admin agent`",
        "did you mean `AdminAgent`?",
    );
    put_refused(
        r#"{"customer_users": {"eve": {"customer": "contoso", "directory_roles": ["UserAdministrator"]}}}"#,
        "customer user `eve`: there is no built-in directory role `UserAdministrator`",
        "did you mean `User Administrator`?",
    );
    put_refused(
        r#"{"role_assignments": [{"principal": "ada", "role": "owner", "scope": "/subscriptions/web"}]}"#,
        "role assignment of `owner` to `ada` on `/subscriptions/web`: there is no policy template \
         for the Azure role `owner`",
        "did you mean `Owner`?",
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    put_refused(
        r#"{"invitations": {"i": {"partner": "fabrikam", "customer": "contoso", "include_dap": true, "status": "sent"}}}"#,
        "invitation `i`: an invitation that was sent has a time of sending",
        "say when it was sent, in `sent_at`",
    );
    put_refused(
        r#"{"invitations": {"i": {"partner": "fabrikam", "customer": "contoso", "include_dap": true, "status": "draft", "sent_at": "2020-01-01T00:00:00Z"}}}"#,
        "invitation `i`: a draft has not been sent",
        "leave `sent_at` out, or say that it was sent",
    );
    put_refused(
        r#"{"deny_assignments": [{"scope": "/subscriptions/web", "principals": ["*"], "actions": []}]}"#,
        "deny assignment 0 on `/subscriptions/web`: a deny assignment takes at least one action away",
        "name an action; `*` is every one",
    );
    put_refused(
        r#"{"partners": {"a/b": {"country": "FR", "market": "Europe", "cloud": "public"}}}"#,
        "partner `a/b`: a partner's id must not contain `/`, which separates partner and group",
        "give it another id",
    );
}
