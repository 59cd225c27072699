//! Who may do what: aobo's own policies decide on aobo's own commands.

use std::collections::BTreeSet;

use aobo::directory::command::{Caller, Command};
use serde_json::{Value, json};

use super::every::samples;
use super::{Stage, customer_user, partner_user, read};

/// The example world, with what the samples need besides it.
pub(super) fn stage() -> Stage {
    let mut stage = Stage::fabrikam();
    for fact in [
        json!({"customers": {"contoso": {"country": "FR", "market": "Europe", "cloud": "public", "domains": ["contoso.example"]}}}),
        json!({"invitations": {"draft": {"partner": "fabrikam", "customer": "margies", "include_dap": true, "status": "draft",
            "link": "https://fabrikam.example/join/draft", "text": "https://fabrikam.example/join/draft"}}}),
        json!({"management_groups": {"contoso-empty": {"parent": "contoso-platform"}}}),
        json!({"customer_users": {"lia@contoso.example": {"customer": "contoso", "licenses": ["office-e3"]}}}),
        json!({"seats": {"contoso": {"firewall-vm": {"free": 2}}}}),
        json!({"devices": {"contoso-laptop-northwind": {"customer": "contoso", "added_by": "northwind", "channel": "partner-center", "profile": "contoso-showroom"}}}),
    ] {
        stage.done(json!({"command": "put", "fact": fact}));
    }
    stage
}

type Who = (&'static str, &'static str);

const ADA: Who = ("PartnerUser", "ada@fabrikam.example");
const SOFIA: Who = ("PartnerUser", "sofia@fabrikam.example");
const GINA: Who = ("PartnerUser", "gina@fabrikam.example");
const HUGO: Who = ("PartnerUser", "hugo@fabrikam.example");
const NILS: Who = ("PartnerUser", "nils@northwind.example");
const PIA: Who = ("PartnerUser", "pia@proseware.example");
const GRETA: Who = ("CustomerUser", "greta@contoso.example");
const URSULA: Who = ("CustomerUser", "ursula@contoso.example");
const ORLA: Who = ("CustomerUser", "orla@contoso.example");
const OTTO: Who = ("CustomerUser", "otto@contoso.example");
const ISV: Who = ("Publisher", "adventure-works");

/// By the name of the command: who may, and a twin who may not. Nobody may cancel
/// a subscription in this profile (D 21).
const TABLE: [(&str, &[Who], &[Who]); 31] = [
    (
        "prepare-invitation",
        &[ADA, SOFIA, GINA],
        &[HUGO, NILS, GRETA],
    ),
    ("edit-invitation", &[SOFIA, GINA], &[HUGO, NILS, GRETA]),
    ("send-invitation", &[SOFIA, GINA], &[HUGO, NILS, GRETA]),
    (
        "accept-invitation",
        &[("CustomerUser", "wanda@wingtip.example")],
        &[GRETA, ADA, ("CustomerUser", "wes@wingtip.example")],
    ),
    (
        "remove-delegated-admin",
        &[GRETA],
        &[URSULA, ADA, GINA, ("CustomerUser", "tara@tailspin.example")],
    ),
    (
        "remove-relationship",
        &[GINA],
        &[ADA, GRETA, ("PartnerUser", "nyla@northwind.example")],
    ),
    ("open-service-request", &[ADA, HUGO], &[SOFIA, NILS, GRETA]),
    (
        "provision-subscription",
        &[ADA, SOFIA],
        &[HUGO, GINA, NILS, GRETA],
    ),
    ("cancel-subscription", &[], &[ADA, GINA, GRETA]),
    ("move-subscription", &[ORLA], &[OTTO, ADA, GRETA]),
    ("put-management-group", &[ORLA], &[OTTO, GRETA]),
    ("remove-management-group", &[ORLA], &[OTTO, GRETA]),
    (
        "assign-azure-role",
        &[ADA, ("CustomerUser", "rolf@contoso.example")],
        &[HUGO, NILS, GRETA, ("CustomerUser", "carl@contoso.example")],
    ),
    (
        "remove-azure-role",
        &[ADA, ("CustomerUser", "rolf@contoso.example")],
        &[HUGO, GRETA, ("CustomerUser", "carl@contoso.example")],
    ),
    (
        "create-user",
        &[ADA, NILS, GRETA, URSULA],
        &[HUGO, SOFIA, PIA, ("CustomerUser", "liv@contoso.example")],
    ),
    (
        "import-users",
        &[ADA, NILS, GRETA, URSULA],
        &[HUGO, SOFIA, PIA],
    ),
    (
        "assign-directory-role",
        &[ADA, GRETA, ("CustomerUser", "pryce@contoso.example")],
        &[HUGO, URSULA, PIA],
    ),
    ("remove-directory-role", &[ADA, GRETA], &[HUGO, URSULA]),
    (
        "assign-license",
        &[ADA, GRETA, ("CustomerUser", "liv@contoso.example")],
        &[HUGO, PIA, ISV],
    ),
    ("remove-license", &[ADA, GRETA], &[HUGO, ISV]),
    ("set-seats", &[ADA, SOFIA], &[HUGO, PIA, GRETA]),
    (
        "activate-product",
        &[ISV],
        &[("Publisher", "wide-world"), ADA],
    ),
    (
        "reset-password",
        &[ADA, HUGO, URSULA],
        &[SOFIA, PIA, ("CustomerUser", "mark@contoso.example")],
    ),
    (
        "delete-user",
        &[ADA, URSULA],
        &[HUGO, PIA, ("CustomerUser", "paula@contoso.example")],
    ),
    ("restore-users", &[ADA, NILS, URSULA], &[HUGO, PIA]),
    ("add-devices", &[ADA, SOFIA], &[HUGO, NILS, GRETA]),
    ("delete-device", &[ADA, SOFIA, NILS], &[HUGO, PIA, GRETA]),
    ("add-autopilot-profile", &[ADA], &[SOFIA, NILS, GRETA]),
    ("update-autopilot-profile", &[ADA, NILS], &[SOFIA, PIA]),
    ("delete-autopilot-profile", &[ADA, NILS], &[SOFIA, PIA]),
    ("apply-autopilot-profile", &[ADA, NILS], &[SOFIA, PIA]),
];

/// Taking a profile off is like putting it on.
fn row(name: &str) -> &str {
    match name {
        "remove-autopilot-profile" => "apply-autopilot-profile",
        name => name,
    }
}

/// Somebody who may, by the name of a command; Gina where nobody may.
pub(super) fn someone(name: &str) -> Caller {
    let found = TABLE.iter().find(|(command, ..)| *command == row(name));
    let (_, may, _) = found.unwrap_or_else(|| panic!("{name} is in no row"));
    let (ty, id) = may.first().unwrap_or(&GINA);
    Caller {
        ty: (*ty).to_owned(),
        id: (*id).to_owned(),
    }
}

#[test]
fn each_command_is_for_those_whom_the_policies_allow() {
    let stage = stage();
    let mut seen = BTreeSet::new();
    for json in samples() {
        let command = read(json.clone());
        if command.operator() {
            continue;
        }
        let name = json["command"].as_str().expect("a name");
        let row = row(name);
        let found = TABLE.iter().find(|(command, ..)| *command == row);
        let (_, may, may_not) = found.unwrap_or_else(|| panic!("{name} is in no row"));
        for who in *may {
            assert!(stage.may(*who, &command), "{who:?} may {name}");
        }
        for who in *may_not {
            assert!(!stage.may(*who, &command), "{who:?} may not {name}");
        }
        seen.insert(row.to_owned());
    }
    assert_eq!(seen.len(), TABLE.len(), "every row is used");
}

/// Every sample can be carried out in the world it is decided in.
#[test]
fn each_sample_is_carried_out() {
    for json in samples() {
        let mut stage = stage();
        let planned = stage.done(json.clone());
        let silent = json["command"] == "reset-password";
        assert_eq!(planned.changes.is_empty(), silent, "{json}");
    }
}

#[test]
fn only_the_operator_does_what_no_action_stands_for() {
    let stage = stage();
    let of = |json: &Value| json["command"].as_str().map(str::to_owned);
    let operator: Vec<String> = samples()
        .iter()
        .filter(|json| read((*json).clone()).operator())
        .filter_map(of)
        .collect();
    assert_eq!(
        operator,
        [
            "renegotiate-contract",
            "suspend-subscription",
            "resume-subscription",
            "purge-user",
            "put",
            "remove"
        ]
    );
    for json in samples() {
        let command: Command = read(json);
        let caller = aobo::directory::command::Caller {
            ty: ADA.0.to_owned(),
            id: ADA.1.to_owned(),
        };
        let asks = command.asks(stage.world(), &caller).expect("ada's partner");
        assert_eq!(asks.is_empty(), command.operator(), "{command:?}");
    }
    // Devices that a customer adds come through channels that aobo only hears of.
    let added = json!({"command": "add-devices", "customer": "contoso", "channel": "intune-portal", "devices": ["n1"]});
    assert!(read(added).operator());
}

/// A partner's people act for their own partner, even where the policies, which
/// are not told for whom, would let them.
#[test]
fn nobody_acts_for_another_partner() {
    let stage = stage();
    let own = json!({"command": "provision-subscription", "partner": "northwind", "customer": "contoso", "subscription": "x"});
    assert!(stage.may(NILS, &read(own)));
    let other = json!({"command": "provision-subscription", "partner": "fabrikam", "customer": "contoso", "subscription": "x"});
    assert!(!stage.may(NILS, &read(other)));
    // Not even that a draft is there can be told from the answer, whoever asks.
    for (ty, id) in [
        NILS,
        GRETA,
        ("CustomerUser", "ada@fabrikam.example"),
        ("PartnerUser", "nobody@fabrikam.example"),
        ISV,
    ] {
        let caller = aobo::directory::command::Caller {
            ty: ty.to_owned(),
            id: id.to_owned(),
        };
        let words = |id: &str| {
            let edit = json!({"command": "edit-invitation", "invitation": id, "text": "t"});
            let send = json!({"command": "send-invitation", "invitation": id});
            [edit, send].map(|command| {
                let error = read(command).asks(stage.world(), &caller);
                error.expect_err("refused").to_string().replace(id, "ID")
            })
        };
        assert_eq!(words("draft"), words("nothing"), "{ty} {id}");
    }
}

/// Of a marketplace product a partner's people buy the first seats; how many there
/// are then is not theirs to change (A-USR-13, B-PC-20).
#[test]
fn seats_of_the_marketplace_are_bought_and_not_changed() {
    let mut stage = stage();
    let set = |product: &str| {
        read(json!({"command": "set-seats", "customer": "contoso", "product": product, "free": 5}))
    };
    let may =
        |stage: &Stage, product: &str| [ADA, SOFIA, NILS].map(|who| stage.may(who, &set(product)));
    assert_eq!(may(&stage, "docsign"), [true; 3]);
    assert_eq!(may(&stage, "firewall-vm"), [false; 3], "it has seats");
    assert_eq!(may(&stage, "office-e3"), [true; 3], "that is a renewal");
    let seats = json!({"contoso": {"docsign": {"free": 0}}});
    stage.done(json!({"command": "put", "fact": {"seats": seats}}));
    assert_eq!(may(&stage, "docsign"), [false; 3]);
}

/// Who moves a management group changes who has access to what is in it; a
/// Contributor, who may write all groups, gives nobody access (B-AZ-05).
#[test]
fn a_contributor_moves_no_management_group() {
    let mut stage = stage();
    let root = "/providers/Microsoft.Management/managementGroups/contoso-root";
    stage.done(json!({"command": "assign-azure-role", "principal": "carl@contoso.example", "role": "Contributor", "scope": root}));
    let put = |group: &str, parent: Option<&str>| {
        read(
            json!({"command": "put-management-group", "management_group": group, "parent": parent}),
        )
    };
    let may = |stage: &Stage, command: &Command| {
        let (carl, orla) = ("carl@contoso.example", "orla@contoso.example");
        [carl, orla].map(|who| stage.may(customer_user(who), command))
    };
    let moved = put("contoso-NETWORK", Some("contoso-empty"));
    assert_eq!(may(&stage, &moved), [false, true]);
    assert_eq!(may(&stage, &put("contoso-empty", None)), [false, true]);
    // What moves nothing takes nobody's access, and gives none.
    assert_eq!(
        may(&stage, &put("contoso-new", Some("contoso-empty"))),
        [true; 2]
    );
    let same = put("contoso-network", Some("CONTOSO-platform"));
    assert_eq!(may(&stage, &same), [true; 2]);
    // Access is asked about the group that is moved.
    let role = "Role Based Access Control Administrator";
    let network = "/providers/Microsoft.Management/managementGroups/contoso-network";
    stage.done(json!({"command": "assign-azure-role", "principal": "carl@contoso.example", "role": role, "scope": network}));
    assert_eq!(may(&stage, &moved), [true; 2]);
}

/// A text without the link is denied by the policy too (A-INV-11).
#[test]
fn a_text_without_the_link_is_denied() {
    let stage = stage();
    for text in ["come", "come: https://fabrikam.example/join/drafts"] {
        let edit = json!({"command": "edit-invitation", "invitation": "draft", "text": text});
        assert!(!stage.may(partner_user("ada@fabrikam.example"), &read(edit)));
    }
}

/// A deleted user acts for nobody.
#[test]
fn a_deleted_administrator_may_nothing() {
    let mut stage = stage();
    let delete = json!({"command": "delete-user", "user": "mia@contoso.example"});
    assert!(stage.may(
        customer_user("gloria@contoso.example"),
        &read(delete.clone())
    ));
    stage.done(json!({"command": "delete-user", "user": "gloria@contoso.example"}));
    assert!(!stage.may(customer_user("gloria@contoso.example"), &read(delete)));
}
