//! Each state machine: every state with every step. What is expected is written
//! out here from the diagram of the domain, not read from the tables.

use std::fmt::Debug;

use aobo::directory::command::machines::{
    ACCOUNT, CONTRACT, INVITATION, PRIVILEGES, RELATIONSHIP, SUBSCRIPTION,
};
use aobo::directory::command::{CommandError, Machine, Named};
use serde_json::{Value, json};

use super::{Stage, customer_user, read};

/// `expected`: state, step, next state by name; every other pair is illegal.
#[track_caller]
fn check<S: Named + Debug, E: Named + Debug>(
    machine: &Machine<S, E>,
    expected: &[(&str, &str, &str)],
) {
    let mut legal = 0;
    for state in S::ALL {
        let from_here = expected.iter().filter(|(s, ..)| *s == state.name());
        let mut steps: Vec<&str> = from_here.map(|(_, step, _)| *step).collect();
        steps.sort_unstable();
        for step in E::ALL {
            let row = expected
                .iter()
                .find(|(s, e, _)| (*s, *e) == (state.name(), step.name()));
            match (machine.next(*state, *step), row) {
                (Ok(next), Some((.., wanted))) => {
                    assert_eq!(next.name(), *wanted, "{state:?} {step:?}");
                    legal += 1;
                }
                (Err(illegal), None) => {
                    let mut told = illegal.legal;
                    told.sort_unstable();
                    assert_eq!(told, steps);
                    assert_eq!((illegal.state, illegal.step), (state.name(), step.name()));
                }
                (got, wanted) => panic!("{state:?} {step:?}: {got:?}, not {wanted:?}"),
            }
        }
    }
    assert_eq!(
        legal,
        expected.len(),
        "every expected step is one of the machine"
    );
}

#[test]
fn relationship() {
    check(
        &RELATIONSHIP,
        &[
            ("none", "send-invitation", "pending"),
            ("pending", "send-invitation", "pending"),
            ("pending", "accept-invitation", "active"),
            ("active", "send-invitation", "active"),
            ("active", "accept-invitation", "active"),
            ("active", "remove-relationship", "removed"),
            ("removed", "send-invitation", "pending"),
        ],
    );
}

#[test]
fn privileges() {
    const WITH: &str = "accept-invitation-with-privileges";
    const WITHOUT: &str = "accept-invitation-without-privileges";
    check(
        &PRIVILEGES,
        &[
            ("none", WITH, "active"),
            ("none", WITHOUT, "none"),
            ("none", "remove-relationship", "none"),
            ("active", WITH, "active"),
            ("active", WITHOUT, "active"),
            ("active", "remove-delegated-admin", "removed"),
            ("active", "remove-relationship", "removed"),
            ("removed", WITH, "active"),
            ("removed", WITHOUT, "removed"),
            ("removed", "remove-relationship", "removed"),
        ],
    );
}

#[test]
fn invitation() {
    check(
        &INVITATION,
        &[
            ("draft", "edit-invitation", "draft"),
            ("draft", "send-invitation", "sent"),
            ("sent", "accept-invitation", "accepted"),
            ("sent", "renew-relationship", "void"),
        ],
    );
}

#[test]
fn contract() {
    check(
        &CONTRACT,
        &[
            ("in-force", "renegotiate-contract", "renegotiated"),
            ("in-force", "renew-relationship", "in-force"),
            ("renegotiated", "renew-relationship", "in-force"),
        ],
    );
}

#[test]
fn account() {
    check(
        &ACCOUNT,
        &[
            ("none", "create-user", "active"),
            ("active", "change-user", "active"),
            ("active", "delete-user", "deleted"),
            ("deleted", "restore-user", "active"),
            ("deleted", "purge-user", "none"),
        ],
    );
}

#[test]
fn subscription() {
    check(
        &SUBSCRIPTION,
        &[
            ("none", "provision-subscription", "active"),
            ("active", "suspend-subscription", "suspended"),
            ("active", "cancel-subscription", "canceled"),
            ("suspended", "resume-subscription", "active"),
            ("suspended", "cancel-subscription", "canceled"),
        ],
    );
}

/// The command is illegal, and says so in these words.
#[track_caller]
fn illegal(command: Value, words: &str, next: &str) {
    let mut stage = Stage::fabrikam();
    stage.done(json!({"command": "put", "fact": {"invitations": {"link": {
        "partner": "fabrikam", "customer": "margies", "include_dap": true, "status": "draft",
        "link": "L", "text": "L"}}}}));
    let error = stage.refused(command);
    assert!(matches!(error, CommandError::Illegal { .. }), "{error:?}");
    assert_eq!(
        (error.to_string().as_str(), error.next_step().as_str()),
        (words, next)
    );
}

#[test]
fn commands_say_what_is_legal() {
    illegal(
        json!({"command": "accept-invitation", "invitation": "link", "portal": "x"}),
        "`accept-invitation` is not legal for the invitation `link`, which is draft",
        "legal now: edit-invitation, send-invitation",
    );
    illegal(
        json!({"command": "edit-invitation", "invitation": "wingtip-2020", "text": ""}),
        "`edit-invitation` is not legal for the invitation `wingtip-2020`, which is sent",
        "legal now: accept-invitation, renew-relationship",
    );
    illegal(
        json!({"command": "send-invitation", "invitation": "contoso-2017"}),
        "`send-invitation` is not legal for the invitation `contoso-2017`, which is accepted",
        "nothing more can be done with it",
    );
    illegal(
        json!({"command": "remove-relationship", "partner": "fabrikam", "customer": "litware"}),
        "`remove-relationship` is not legal for the relationship of `fabrikam` and `litware`, which is removed",
        "legal now: send-invitation",
    );
    illegal(
        json!({"command": "remove-delegated-admin", "partner": "fabrikam", "customer": "adatum"}),
        "`remove-delegated-admin` is not legal for the privileges of `fabrikam` at `adatum`, which is none",
        "legal now: accept-invitation-with-privileges, accept-invitation-without-privileges, remove-relationship",
    );
    illegal(
        json!({"command": "renegotiate-contract", "partner": "fabrikam", "customer": "relecloud"}),
        "`renegotiate-contract` is not legal for the contract of `fabrikam` at `relecloud`, which is renegotiated",
        "legal now: renew-relationship",
    );
    illegal(
        json!({"command": "reset-password", "user": "dave@contoso.example"}),
        "`change-user` is not legal for the customer user `dave@contoso.example`, which is deleted",
        "legal now: restore-user, purge-user",
    );
    illegal(
        json!({"command": "create-user", "customer": "contoso", "user": "mia@contoso.example", "display_name": "M"}),
        "`create-user` is not legal for the customer user `mia@contoso.example`, which is active",
        "legal now: change-user, delete-user",
    );
    illegal(
        json!({"command": "cancel-subscription", "subscription": "LITWARE-archive"}),
        "`cancel-subscription` is not legal for the subscription `litware-archive`, which is canceled",
        "nothing more can be done with it",
    );
    illegal(
        json!({"command": "provision-subscription", "partner": "fabrikam", "customer": "contoso", "subscription": "contoso-LAB"}),
        "`provision-subscription` is not legal for the subscription `contoso-lab`, which is suspended",
        "legal now: resume-subscription, cancel-subscription",
    );
}

/// Of two invitations that are out, the second cannot renew what was removed
/// after the first (the diagram wants a new invitation).
#[test]
fn an_old_invitation_does_not_renew_a_removed_relationship() {
    let mut stage = Stage::fabrikam();
    let accept = |id: &str| json!({"command": "accept-invitation", "invitation": id, "portal": "microsoft-store-for-business"});
    stage.done(accept("wingtip-2020-without-dap"));
    stage.done(
        json!({"command": "remove-relationship", "partner": "fabrikam", "customer": "wingtip"}),
    );
    let error = stage.refused(accept("wingtip-2020"));
    assert_eq!(error.next_step(), "legal now: send-invitation");
    let wanda = customer_user("wanda@wingtip.example");
    assert!(!stage.may(wanda, &read(accept("wingtip-2020"))));
    assert_eq!(stage.world().pending_invitations_to("wingtip").count(), 0);
}

/// Nor when a new one is out: what the customer then accepts is what was asked for
/// now, and not the privileges that were asked for then.
#[test]
fn an_old_invitation_gives_no_privileges_beside_a_new_one() {
    let mut stage = Stage::fabrikam();
    let accept = |id: &str| json!({"command": "accept-invitation", "invitation": id, "portal": "microsoft-store-for-business"});
    stage.done(accept("wingtip-2020-without-dap"));
    stage.done(
        json!({"command": "remove-relationship", "partner": "fabrikam", "customer": "wingtip"}),
    );
    let prepare = json!({"command": "prepare-invitation", "partner": "fabrikam", "customer": "wingtip", "include_dap": false});
    stage.done(prepare);
    let sent = stage.done(json!({"command": "send-invitation", "invitation": "made-1"}));
    let voided = sent.changes.iter().filter(|change| {
        let json = aobo::directory::world_file::change_to_json(change);
        json.to_string().contains("\"status\":\"void\"")
    });
    assert_eq!(voided.count(), 4, "all that were sent before");
    let waiting = stage.world().pending_invitations_to("wingtip");
    let waiting: Vec<&str> = waiting.map(|invitation| invitation.id.as_str()).collect();
    assert_eq!(waiting, ["made-1"]);

    let error = stage.refused(accept("wingtip-2020"));
    assert_eq!(
        (error.to_string(), error.next_step()),
        (
            "`accept-invitation` is not legal for the invitation `wingtip-2020`, which is void"
                .to_owned(),
            "nothing more can be done with it".to_owned()
        )
    );
    let wanda = customer_user("wanda@wingtip.example");
    assert!(!stage.may(wanda, &read(accept("wingtip-2020"))));
    stage.act(wanda, accept("made-1"));
    let row = stage.world().partners_of("wingtip").next();
    assert!(!row.expect("it is active").delegates);
}

/// An invitation that is on record beside a relationship that ended is refused by the
/// decision and by the command alike, until another is sent.
#[test]
fn a_recorded_invitation_beside_an_ended_relationship() {
    let mut stage = Stage::fabrikam();
    let lola = customer_user("lola@litware.example");
    let fact = json!({"partner": "fabrikam", "customer": "litware", "sent_at": "2020-08-30T00:00:00Z", "include_dap": true, "status": "sent"});
    stage.done(json!({"command": "put", "fact": {"invitations": {"later": fact}}}));
    let accept = |id: &str| json!({"command": "accept-invitation", "invitation": id, "portal": "microsoft-store-for-business"});
    assert!(!stage.may(lola, &read(accept("later"))));
    let error = stage.refused(accept("later"));
    assert_eq!(error.next_step(), "legal now: send-invitation");
    stage.done(json!({"command": "prepare-invitation", "partner": "fabrikam", "customer": "litware", "include_dap": true}));
    stage.done(json!({"command": "send-invitation", "invitation": "made-1"}));
    assert!(!stage.may(lola, &read(accept("later"))));
    stage.act(lola, accept("made-1"));
}

/// A record that says privileges are active where the relationship is not grants
/// nothing, and goes on granting nothing when the relationship begins (D 12).
#[test]
fn privileges_out_of_nowhere_do_not_come_alive() {
    let mut stage = Stage::fabrikam();
    stage.done(json!({"command": "put", "fact": {"invitations": {"i": {
        "partner": "fabrikam", "customer": "graphicdesign", "include_dap": false, "status": "draft",
        "link": "L", "text": "L"}}}}));
    stage.done(json!({"command": "send-invitation", "invitation": "i"}));
    stage.done(json!({"command": "accept-invitation", "invitation": "i", "portal": "microsoft-store-for-business"}));
    let row = stage
        .world()
        .partners_of("graphicdesign")
        .next()
        .expect("it is active");
    assert!(!row.delegates);
}
