//! The story of the seeds: a relationship with privileges is asked for, accepted,
//! used, taken away, and what stays until somebody removes it.

use aobo::directory::command::Output;
use serde_json::json;

use super::{Stage, customer_user, partner_user, read, rules};
use crate::support;

const WORLD: &str = r#"{
  "partners": {"p": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "customers": {"c": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "partner_users": {
    "ada": {"partner": "p", "roles": ["AdminAgent"]},
    "hugo": {"partner": "p", "roles": ["HelpdeskAgent"]},
    "sofia": {"partner": "p", "roles": ["SalesAgent"]},
    "gina": {"partner": "p", "roles": ["GlobalAdmin"]}
  },
  "customer_users": {
    "greta": {"customer": "c", "directory_roles": ["Global Administrator"]},
    "otto": {"customer": "c"}, "mia": {"customer": "c"}
  },
  "subscriptions": {"old": {"customer": "c"}}
}"#;

impl Stage {
    fn signs_in(&self, user: &str) -> bool {
        let ask = support::ask(
            partner_user(user),
            "SignInToCustomerTenant",
            ("Customer", "c"),
            "{}",
        );
        support::decide(&self.point, ask).allows()
    }

    fn writes(&self, user: &str, subscription: &str) -> bool {
        let id = format!("/subscriptions/{subscription}");
        let context = r#"{"operation": "Microsoft.Compute/virtualMachines/write"}"#;
        let ask = support::ask(
            partner_user(user),
            "AzureOperation",
            ("Subscription", &id),
            context,
        );
        support::decide(&self.point, ask).allows()
    }

    /// Invites with privileges and accepts; returns the invitation.
    fn relate(&mut self) -> String {
        let sofia = partner_user("sofia");
        let prepare = json!({"command": "prepare-invitation", "partner": "p", "customer": "c", "include_dap": true});
        let Output::Draft {
            invitation,
            text,
            link,
            ..
        } = self.act(sofia, prepare).output
        else {
            panic!("a draft");
        };
        assert!(text.contains(&link));
        let edit = json!({"command": "edit-invitation", "invitation": invitation, "text": format!("Bonjour, {link}")});
        self.act(sofia, edit);
        let send = json!({"command": "send-invitation", "invitation": invitation});
        let sent = self.act(sofia, send);
        assert_eq!(rules(&sent), ["A-INV-13"]);
        assert!(!self.signs_in("ada"), "sending creates nothing");
        let accept = json!({"command": "accept-invitation", "invitation": invitation, "portal": "microsoft-store-for-business"});
        assert!(
            !self.may(partner_user("ada"), &read(accept.clone())),
            "accepting is the customer's act"
        );
        self.act(customer_user("greta"), accept);
        invitation
    }
}

#[test]
fn a_relationship_with_privileges_from_beginning_to_end() {
    let mut stage = Stage::new(WORLD);
    assert!(!stage.signs_in("ada"));
    assert_eq!(stage.world().customers_of("p").count(), 0);

    stage.relate();
    assert_eq!(stage.world().customers_of("p").count(), 1);
    assert!(stage.signs_in("ada") && stage.signs_in("hugo"));
    assert!(!stage.signs_in("sofia"), "no group, no directory role");
    assert!(
        !stage.writes("ada", "old"),
        "the grant opens no subscription that exists"
    );

    let provision = json!({"command": "provision-subscription", "partner": "p", "customer": "c", "subscription": "New"});
    stage.act(partner_user("sofia"), provision);
    assert!(stage.writes("ada", "new"));
    assert!(
        !stage.writes("sofia", "new"),
        "not the person who provisioned"
    );
    assert!(!stage.writes("hugo", "new"), "not the Helpdesk Agents");

    let reset = json!({"command": "reset-password", "user": "mia"});
    let reset = stage.act(partner_user("hugo"), reset);
    assert_eq!((reset.changes.len(), rules(&reset)), (0, vec!["A-USR-15"]));

    let remove = json!({"command": "remove-delegated-admin", "partner": "p", "customer": "c"});
    assert!(!stage.may(partner_user("ada"), &read(remove.clone())));
    let removed = stage.act(customer_user("greta"), remove);
    assert_eq!(
        rules(&removed),
        ["A-SUP-01", "A-SUP-02", "A-AZ-07", "A-REL-06"]
    );
    assert!(!stage.signs_in("ada") && !stage.signs_in("hugo"));
    assert_eq!(
        stage.world().customers_of("p").count(),
        1,
        "the relationship stays"
    );
    assert!(stage.writes("ada", "new"), "and so does the Azure role");

    let scope = "/subscriptions/NEW";
    let assign = json!({"command": "assign-azure-role", "principal": "otto", "role": "Owner", "scope": scope});
    stage.act(partner_user("ada"), assign);
    let take = json!({"command": "remove-azure-role", "principal": "p/AdminAgents", "role": "Owner", "scope": scope});
    stage.act(customer_user("otto"), take.clone());
    assert!(!stage.writes("ada", "new"), "the customer removed it");
    assert!(!stage.may(partner_user("ada"), &read(take)));
}

#[test]
fn what_was_removed_comes_back_by_a_new_invitation() {
    let mut stage = Stage::new(WORLD);
    let first = stage.relate();
    stage.act(
        customer_user("greta"),
        json!({"command": "remove-delegated-admin", "partner": "p", "customer": "c"}),
    );
    let second = stage.relate();
    assert_ne!(first, second);
    assert!(stage.signs_in("ada"), "the privileges are back");

    let end = json!({"command": "remove-relationship", "partner": "p", "customer": "c"});
    assert!(!stage.may(partner_user("ada"), &read(end.clone())));
    let ended = stage.act(partner_user("gina"), end);
    assert_eq!(rules(&ended), ["A-SUP-01", "A-SUP-02"]);
    assert!(!stage.signs_in("ada"));
    assert_eq!(stage.world().customers_of("p").count(), 0);
    let renegotiated =
        stage.done(json!({"command": "renegotiate-contract", "partner": "p", "customer": "c"}));
    assert_eq!(rules(&renegotiated), ["A-SUP-04"]);

    stage.relate();
    assert!(stage.signs_in("ada"), "the relationship is renewed");
    let row = stage.world().partners_of("c").next().expect("a partner");
    assert!(row.delegates && row.supports, "with a contract in force");
}

/// Once the contract is renegotiated nothing is owed any more.
#[test]
fn renegotiation_ends_the_duties() {
    let mut stage = Stage::new(WORLD);
    stage.relate();
    stage.done(json!({"command": "renegotiate-contract", "partner": "p", "customer": "c"}));
    let removed = stage.act(
        customer_user("greta"),
        json!({"command": "remove-delegated-admin", "partner": "p", "customer": "c"}),
    );
    assert_eq!(rules(&removed), ["A-REL-06"]);
}

/// An invitation without privileges makes the relationship and no more; one that
/// is accepted later does not take privileges away.
#[test]
fn an_invitation_without_privileges_gives_none() {
    let mut stage = Stage::new(WORLD);
    let bare = |stage: &mut Stage| {
        let prepare = json!({"command": "prepare-invitation", "partner": "p", "customer": "c", "include_dap": false});
        let Output::Draft { invitation, .. } = stage.act(partner_user("sofia"), prepare).output
        else {
            panic!("a draft");
        };
        stage.act(
            partner_user("gina"),
            json!({"command": "send-invitation", "invitation": invitation}),
        );
        stage.act(
            customer_user("greta"),
            json!({"command": "accept-invitation", "invitation": invitation, "portal": "microsoft-store-for-business"}),
        )
    };
    let accepted = bare(&mut stage);
    assert_eq!(rules(&accepted), ["A-INV-15"]);
    assert_eq!(stage.world().customers_of("p").count(), 1);
    assert!(!stage.signs_in("ada"));
    stage.relate();
    let accepted = bare(&mut stage);
    assert_eq!(rules(&accepted), ["A-AZ-03"]);
    assert!(stage.signs_in("ada"));
}
