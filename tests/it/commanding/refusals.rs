//! What is refused although the step is legal: limits of the domain, by rule.

use aobo::directory::command::{CommandError, MAIL_TEXT_BYTES_MAX};
use serde_json::{Value, json};

use super::Stage;
use super::authorization::stage;

#[track_caller]
fn refused(command: Value, rules: &[&str], words: &str) {
    refused_at(&mut stage(), command, rules, words);
}

#[track_caller]
fn refused_at(stage: &mut Stage, command: Value, rules: &[&str], words: &str) {
    let error = stage.refused(command);
    assert_eq!((error.rules(), error.to_string().as_str()), (rules, words));
    assert!(matches!(error, CommandError::Refused { .. }), "{error:?}");
}

/// Refused without a rule: a code, and the words.
#[track_caller]
fn not_taken(command: Value, code: &str, words: &str, next: &str) {
    let error = stage().refused(command);
    let got = (error.code(), error.to_string(), error.next_step());
    assert_eq!((got.0, got.1.as_str(), got.2.as_str()), (code, words, next));
}

fn prepare(partner: &str, customer: &str, include_dap: bool) -> Value {
    json!({"command": "prepare-invitation", "partner": partner, "customer": customer, "include_dap": include_dap})
}

#[test]
fn limits_of_asking() {
    for (partner, customer) in [("fourthcoffee", "southridge"), ("lucerne", "vanarsdel")] {
        let words = "in this cloud an invitation cannot leave the privileges out";
        refused(prepare(partner, customer, false), &["A-INV-06"], words);
        stage().done(prepare(partner, customer, true));
    }
    refused(
        prepare("fabrikam", "blueyonder", true),
        &["A-INV-07"],
        "`blueyonder` is not in the country or region of `fabrikam`",
    );
    refused(
        prepare("proseware", "southridge", true),
        &["D 23"],
        "`proseware` and `southridge` are not in the same cloud",
    );
}

/// What changed since the draft counts when it is sent.
#[test]
fn limits_hold_at_sending() {
    let mut stage = stage();
    stage.done(json!({"command": "put", "fact": {"customers": {"margies": {"country": "BE", "market": "Europe", "cloud": "public"}}}}));
    refused_at(
        &mut stage,
        json!({"command": "send-invitation", "invitation": "draft"}),
        &["A-INV-07"],
        "`margies` is not in the country or region of `fabrikam`",
    );
}

#[test]
fn the_link_stays_in_the_text() {
    refused(
        json!({"command": "edit-invitation", "invitation": "draft", "text": "https://fabrikam.example/join/draf"}),
        &["A-INV-11"],
        "the text no longer holds the personal link",
    );
    refused(
        json!({"command": "send-invitation", "invitation": "wingtip-draft"}),
        &["A-INV-11", "A-INV-12"],
        "the draft has no personal link",
    );
    let link = "https://fabrikam.example/join/draft";
    let of = |bytes: usize| {
        let text = format!("{link} {}", "x".repeat(bytes - link.len() - 1));
        json!({"command": "edit-invitation", "invitation": "draft", "text": text})
    };
    stage().done(of(MAIL_TEXT_BYTES_MAX));
    let error = stage().refused(of(MAIL_TEXT_BYTES_MAX + 1));
    assert_eq!(error.code(), "invalid");
}

/// What is joined to a link makes another one of it.
#[test]
fn the_link_stands_whole() {
    let stage = stage();
    let ada = super::partner_user("ada@fabrikam.example");
    let edit = |text: &str| {
        let text = text.replace("LINK", "https://fabrikam.example/join/draft");
        super::read(json!({"command": "edit-invitation", "invitation": "draft", "text": text}))
    };
    for text in [
        "LINK",
        "Bonjour,\n\nLINK\n",
        "Open LINK.",
        "Open LINK, please; or (LINK), or [LINK]?!",
        "<a href=\"LINK\">here</a>, <a href='LINK'>there</a>",
        "<LINK>",
        "ouvrez « LINK\u{a0}»",
        "not LINKx but LINK",
    ] {
        let planned = edit(text).plan(stage.world(), stage.at, &mut super::Made::default());
        assert!(stage.may(ada, &edit(text)) && planned.is_ok(), "{text}");
    }
    for text in [
        "",
        "LINKxxxx",
        "LINKé",
        "LINK/",
        "LINK-2",
        "LINK?to=x",
        "LINK.html",
        "LINK).html",
        "LINK#x",
        "LINK%20",
        "xLINK",
        "https://elsewhere.example/?to=LINK",
        "https://elsewhere.example/LINK",
        "https://elsewhere.example?LINK",
        "view-source:LINK",
        "LINKLINK",
    ] {
        let planned = edit(text).plan(stage.world(), stage.at, &mut super::Made::default());
        let error = planned.expect_err("refused");
        assert!(!stage.may(ada, &edit(text)), "{text}");
        assert_eq!(error.rules(), ["A-INV-11"], "{text}");
    }
}

/// Every invitation of the example world that waits, in every portal.
#[test]
fn the_place_of_acceptance() {
    let (office, store) = ("office-admin-portal", "microsoft-store-for-business");
    for (id, place, rule) in [
        ("wingtip-2018-10-15", office, "A-ACC-02"),
        ("wingtip-last-second", office, "A-ACC-02"),
        ("wingtip-first-second", store, "A-ACC-02"),
        ("wingtip-2020", store, "A-ACC-02"),
        ("southridge-old", office, "A-ACC-04"),
        ("southridge-new", office, "A-ACC-04"),
        ("vanarsdel-old", office, "A-ACC-03"),
        ("vanarsdel-new", office, "A-ACC-03"),
    ] {
        for portal in [office, store, "microsoft-365-admin-center"] {
            let accept =
                json!({"command": "accept-invitation", "invitation": id, "portal": portal});
            if portal == place {
                let planned = stage().done(accept);
                assert_eq!(planned.changes.len(), 2);
            } else {
                let words = format!("this invitation is accepted in {place}, not in {portal}");
                refused(accept, &[rule], &words);
            }
        }
    }
}

#[test]
fn service_requests() {
    let open = |customer: &str, channel: &str| json!({"command": "open-service-request", "partner": "fabrikam", "customer": customer, "channel": channel});
    refused(
        open("tailspin", "partner-center"),
        &["A-SUP-03"],
        "`fabrikam` has no delegated admin privileges at `tailspin`",
    );
    refused(
        open("relecloud", "microsoft-support"),
        &["D 18", "A-SUP-04"],
        "the contract of `fabrikam` and `relecloud` was renegotiated",
    );
    refused(
        open("litware", "microsoft-support"),
        &["D 18", "A-REL-05"],
        "`fabrikam` has no active relationship with `litware`",
    );
    not_taken(
        open("contoso", "mail"),
        "invalid",
        "`channel`: there is no channel `mail`",
        "there are: partner-center, admin-portal, microsoft-support",
    );
    let planned = stage().done(open("contoso", "admin-portal"));
    assert_eq!(super::rules(&planned), ["A-SUP-01", "A-SUP-02"]);
}

#[test]
fn seats_and_products() {
    let assign = |users: Value, product: &str| json!({"command": "assign-license", "users": users, "product": product});
    refused(
        assign(json!(["mia@contoso.example"]), "visio"),
        &["D 20"],
        "no seat of `visio` is free for `mia@contoso.example`",
    );
    // Three are free; all or none.
    let four = json!([
        "mia@contoso.example",
        "mark@contoso.example",
        "guy@contoso.example",
        "mel@contoso.example"
    ]);
    refused(
        assign(four, "office-e3"),
        &["D 20"],
        "no seat of `office-e3` is free for `mel@contoso.example`",
    );
    refused(
        assign(json!(["tom@tailspin.example"]), "visio"),
        &["D 20"],
        "no seat of `visio` is free for `tom@tailspin.example`",
    );
    refused(
        json!({"command": "activate-product", "customer": "contoso", "product": "visio"}),
        &["A-USR-13", "A-USR-14"],
        "`visio` is Microsoft's own; it needs no activation",
    );
    not_taken(
        assign(json!([]), "visio"),
        "invalid",
        "`users`: no user is named",
        "name one or more",
    );
    not_taken(
        assign(json!(["a", "b", "a"]), "visio"),
        "invalid",
        "`users`: `a` comes twice",
        "name each once",
    );
    not_taken(
        assign(json!(["lia@contoso.example"]), "office-e3"),
        "exists",
        "there is already a licence of `office-e3` at `lia@contoso.example`",
        "leave this user out",
    );
    not_taken(
        assign(json!(["mia@contoso.example"]), "word"),
        "not-found",
        "there is no product `word`",
        "check the name",
    );
}

/// What one partner sold, another does not take away by selling less.
#[test]
fn no_seats_are_lost_by_buying_or_renewing() {
    let set = |product: &str, free: u32| json!({"command": "set-seats", "customer": "contoso", "product": product, "free": free});
    for free in [0, 2] {
        refused(
            set("office-e3", free),
            &["A-REL-04", "A-REL-07", "A-USR-04"],
            "`contoso` has 3 free licences of `office-e3`; buying and renewing leave no fewer",
        );
    }
    for (product, free) in [
        ("office-e3", 3),
        ("office-e3", 4),
        ("visio", 0),
        ("docsign", 0),
    ] {
        stage().done(set(product, free));
    }
}

#[test]
fn licences_move_with_the_seats() {
    let mut stage = stage();
    let free = |stage: &Stage| {
        let key = aobo::directory::Key::Seats {
            customer: "contoso".to_owned(),
            product: "office-e3".to_owned(),
        };
        match stage.world().fact(&key) {
            Some(aobo::directory::Fact::Seats(seats)) => seats.free,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(free(&stage), 3);
    let users = json!(["mia@contoso.example", "mark@contoso.example"]);
    stage.done(json!({"command": "assign-license", "users": users, "product": "office-e3"}));
    assert_eq!(free(&stage), 1);
    stage.done(json!({"command": "remove-license", "users": ["mark@contoso.example"], "product": "office-e3"}));
    assert_eq!(free(&stage), 2);
    stage.done(json!({"command": "delete-user", "user": "mia@contoso.example"}));
    assert_eq!(free(&stage), 3, "a deleted user's seat is free");
}

#[test]
fn devices_and_profiles() {
    refused(
        json!({"command": "delete-autopilot-profile", "profile": "contoso-showroom"}),
        &["B-PC-12"],
        "the profile `contoso-showroom` is on 1 devices",
    );
    not_taken(
        json!({"command": "apply-autopilot-profile", "profile": "tailspin-kiosk", "device": "contoso-laptop-fabrikam"}),
        "directory",
        "device `contoso-laptop-fabrikam`: the Autopilot profile is one of `tailspin`",
        "name a profile of the device's own customer",
    );
    not_taken(
        json!({"command": "remove-autopilot-profile", "profile": "contoso-kiosk", "device": "contoso-laptop-northwind"}),
        "not-found",
        "there is no profile `contoso-kiosk` on the device `contoso-laptop-northwind`",
        "check the name",
    );
    not_taken(
        json!({"command": "update-autopilot-profile", "profile": "contoso-kiosk", "settings": ["skip_eula"]}),
        "directory",
        "Autopilot profile `contoso-kiosk`: there is no setting of an Autopilot profile `skip_eula`",
        "did you mean `skip-eula`?",
    );
    for (partner, channel) in [
        (Some("fabrikam"), "intune-portal"),
        (None, "partner-center"),
        (None, "mail"),
    ] {
        let add = json!({"command": "add-devices", "customer": "contoso", "partner": partner, "channel": channel, "devices": ["n"]});
        let error = stage().refused(add);
        assert_eq!(error.code(), "invalid");
    }
    let many: Vec<String> = (0..1_001).map(|n| format!("n{n}")).collect();
    let add = |devices: &[String]| json!({"command": "add-devices", "customer": "contoso", "partner": "fabrikam", "channel": "partner-center", "devices": devices});
    assert_eq!(stage().refused(add(&many)).code(), "invalid");
    assert_eq!(stage().refused(add(&[])).code(), "invalid");
    let planned = stage()
        .plan(&super::read(add(&many[..1_000])))
        .expect("as many as may be");
    assert_eq!(planned.changes.len(), 1_000);
}

#[test]
fn azure() {
    let assign = |principal: &str, role: &str, scope: &str| json!({"command": "assign-azure-role", "principal": principal, "role": role, "scope": scope});
    not_taken(
        assign(
            "carl@contoso.example",
            "Contributor",
            "/SUBSCRIPTIONS/contoso-WEB",
        ),
        "exists",
        "there is already a role assignment of `Contributor` to `carl@contoso.example` on `/subscriptions/contoso-web`",
        "nothing is left to do: it is assigned",
    );
    not_taken(
        assign("nobody", "Reader", "/subscriptions/contoso-web"),
        "directory",
        "role assignment of `Reader` to `nobody` on `/subscriptions/contoso-web` names the customer user `nobody`, which is not there",
        "add the customer user `nobody`, or correct the name",
    );
    assert_eq!(
        stage()
            .refused(assign(
                "carl@contoso.example",
                "owner",
                "/subscriptions/contoso-web"
            ))
            .code(),
        "directory"
    );
    assert_eq!(
        stage()
            .refused(assign("carl@contoso.example", "Owner", "/"))
            .code(),
        "invalid"
    );
    let provision = json!({"command": "provision-subscription", "partner": "fabrikam", "customer": "contoso", "subscription": "a/resourceGroups/b"});
    assert_eq!(stage().refused(provision).code(), "invalid");
    let remove = json!({"command": "remove-management-group", "management_group": "contoso-root"});
    assert_eq!(stage().refused(remove).code(), "directory");
    let around = json!({"command": "put-management-group", "management_group": "CONTOSO-root", "parent": "contoso-NETWORK"});
    assert_eq!(stage().refused(around).code(), "directory");
    // What is left of somebody's roles is told when one goes (A-AZ-10).
    let mut stage = stage();
    stage.done(assign(
        "carl@contoso.example",
        "Reader",
        "/subscriptions/contoso-web",
    ));
    let planned = stage.done(json!({"command": "remove-azure-role", "principal": "carl@contoso.example", "role": "Contributor", "scope": "/subscriptions/contoso-web"}));
    assert_eq!(super::rules(&planned), ["A-AZ-10"]);
}

/// A role goes to users of the scope's own customer who are there, and to whomever of
/// a partner (A-ASG-07, B-AZ-11).
#[test]
fn whom_azure_roles_are_assigned_to() {
    let web = "/subscriptions/contoso-web";
    let network = "/providers/Microsoft.Management/managementGroups/contoso-network";
    let assign = |principal: &str, scope: &str| json!({"command": "assign-azure-role", "principal": principal, "role": "Reader", "scope": scope});
    for (scope, told) in [
        (web, web.to_owned()),
        (
            "/subscriptions/contoso-web/resourceGroups/RG",
            format!("{web}/resourcegroups/rg"),
        ),
        (network, network.to_ascii_lowercase()),
    ] {
        refused(
            assign("tara@tailspin.example", scope),
            &["A-ASG-07", "A-ACT-02"],
            &format!(
                "`tara@tailspin.example` is a user of `tailspin`, and `{told}` is in the tenant of `contoso`"
            ),
        );
        refused(
            assign("dave@contoso.example", scope),
            &["A-USR-03"],
            "`dave@contoso.example` is deleted",
        );
        for principal in [
            "mia@contoso.example",
            "hugo@fabrikam.example",
            "proseware/AdminAgents",
        ] {
            stage().done(assign(principal, scope));
        }
    }
    let mut stage = stage();
    stage.done(json!({"command": "restore-users", "users": ["dave@contoso.example"]}));
    stage.done(assign("dave@contoso.example", web));
}

/// Where nothing tells whose a management group is, its roles do.
#[test]
fn no_subscription_comes_to_users_of_another_customer() {
    let mut stage = stage();
    for (group, parent) in [("new", None), ("new-below", Some("new"))] {
        stage.done(
            json!({"command": "put-management-group", "management_group": group, "parent": parent}),
        );
    }
    let new = "/providers/Microsoft.Management/managementGroups/new";
    stage.done(json!({"command": "assign-azure-role", "principal": "tara@tailspin.example", "role": "Reader", "scope": new}));
    let words = format!(
        "`tara@tailspin.example` of `tailspin` holds the role `Reader` on `{}`, and would on subscriptions of `contoso`",
        new.to_ascii_lowercase()
    );
    for command in [
        json!({"command": "move-subscription", "subscription": "contoso-web", "management_group": "new-below"}),
        json!({"command": "put-management-group", "management_group": "contoso-root", "parent": "new-below"}),
    ] {
        refused_at(&mut stage, command, &["A-ACT-02"], &words);
    }
    stage.done(json!({"command": "put-management-group", "management_group": "contoso-empty", "parent": "new"}));
    stage.done(json!({"command": "move-subscription", "subscription": "tailspin-erp", "management_group": "new-below"}));
}

/// The subscriptions under one root management group are one customer's (A-ACT-02).
#[test]
fn a_tree_of_management_groups_is_one_customers() {
    let mut stage = stage();
    for group in [
        json!({"Tailspin-Root": null}),
        json!({"tailspin-erp": {"parent": "tailspin-root"}}),
        json!({"nobody": null}),
        json!({"nobody-below": {"parent": "nobody"}}),
    ] {
        stage.done(json!({"command": "put", "fact": {"management_groups": group}}));
    }
    let move_into = |subscription: &str, group: &str| json!({"command": "move-subscription", "subscription": subscription, "management_group": group});
    stage.done(move_into("tailspin-erp", "tailspin-ERP"));
    let remedy = "name a management group of the subscription's own customer";
    let refused = |stage: &mut Stage, command: Value, words: &str| {
        let error = stage.refused(command);
        let got = (error.code(), error.to_string(), error.next_step());
        assert_eq!(got, ("directory", words.to_owned(), remedy.to_owned()));
    };
    // Anywhere in the other customer's tree, also where no subscription is.
    for group in ["contoso-root", "contoso-empty", "contoso-network"] {
        refused(
            &mut stage,
            move_into("tailspin-ERP", group),
            "subscription `tailspin-erp`: a subscription of `tailspin` would be among those of \
             `contoso`, under the management group `contoso-root`",
        );
    }
    // Nor with the group that it is in, or that group's own.
    for group in ["tailspin-erp", "tailspin-root"] {
        refused(
            &mut stage,
            json!({"command": "put-management-group", "management_group": group, "parent": "contoso-empty"}),
            &format!(
                "management group `{group}`: a subscription of `tailspin` would be among those \
                 of `contoso`, under the management group `contoso-root`"
            ),
        );
    }
    // Nor by becoming another customer's where it is.
    refused(
        &mut stage,
        json!({"command": "put", "fact": {"subscriptions": {"tailspin-erp": {"customer": "contoso", "management_group": "tailspin-erp"}}}}),
        "subscription `tailspin-erp`: a subscription of `contoso` would be among those of \
         `tailspin`, under the management group `tailspin-root`",
    );
    // A tree without subscriptions is anybody's, until one comes into it.
    stage.done(move_into("tailspin-erp", "nobody-below"));
    stage.done(json!({"command": "put-management-group", "management_group": "tailspin-erp", "parent": "contoso-empty"}));
    refused(
        &mut stage,
        json!({"command": "put-management-group", "management_group": "contoso-root", "parent": "nobody"}),
        "management group `contoso-root`: a subscription of `contoso` would be among those of \
         `tailspin`, under the management group `nobody`",
    );
    stage.done(json!({"command": "move-subscription", "subscription": "tailspin-erp"}));
    stage.done(json!({"command": "put-management-group", "management_group": "contoso-root", "parent": "nobody"}));
}

#[test]
fn ids_are_checked() {
    for user in ["a\u{200b}b@contoso.example", "a\nb@contoso.example"] {
        let create = json!({"command": "create-user", "customer": "contoso", "user": user, "display_name": "x"});
        assert_eq!(stage().refused(create).code(), "directory");
    }
    let create = |bytes: usize| json!({"command": "create-user", "customer": "contoso", "user": format!("{}@contoso.example", "x".repeat(bytes - 16)), "display_name": "x"});
    stage().done(create(256));
    assert_eq!(stage().refused(create(257)).code(), "directory");
}
