//! Single evaluations over a directory.

use serde_json::{Value, json};

use super::{ADA, CONTOSO, NORA, Server, TAILSPIN, allowed, explained, question, with};

#[test]
fn an_allow_and_a_deny_are_said_and_nothing_else() {
    let server = Server::start();
    server.evaluate(&allowed()).is(&json!({"decision": true}));
    let denied = question(ADA, "SignInToCustomerTenant", TAILSPIN);
    server.evaluate(&denied).is(&json!({"decision": false}));
    let denied = question(NORA, "SignInToCustomerTenant", CONTOSO);
    server.evaluate(&denied).is(&json!({"decision": false}));
}

#[test]
fn advice_and_duties_come_without_being_asked_for() {
    let server = Server::start();
    let create = question(ADA, "CreateUser", CONTOSO);
    server.evaluate(&create).is(&json!({
        "decision": true,
        "context": {"advice": ["Note the user name and the temporary password and send them to the user."]},
    }));
    let ask_support = with(
        question(ADA, "OpenServiceRequestOnBehalf", CONTOSO),
        json!({"context": {"channel": "microsoft-support"}}),
    );
    let reply = server.evaluate(&ask_support);
    // Two policies permit it and both lay down the same duty: it is said once.
    assert_eq!(reply.json["decision"], true);
    assert_eq!(reply.json["context"]["duty"].as_array().unwrap().len(), 1);
    let licence = with(
        question(ADA, "AssignLicense", ("CustomerUser", "mia")),
        json!({"context": {"product": "saas"}}),
    );
    let reply = server.evaluate(&licence);
    let advice = reply.json["context"]["advice"][0].as_str().unwrap();
    assert_eq!(reply.json["decision"], false);
    assert!(
        advice.starts_with("Licence-based SaaS products"),
        "{advice}"
    );
}

#[test]
fn an_explained_allow_names_policies_and_the_path_of_facts() {
    let reply = Server::start().evaluate(&explained(allowed()));
    assert_eq!(reply.json["decision"], true);
    let reason = &reply.json["context"]["reason"];
    let policy = &reason["determining"][0];
    assert_eq!(policy["policy"], "tenant-delegated-global-administrator");
    assert_eq!(policy["effect"], "permit");
    assert!(policy["annotations"]["reason"].is_string(), "{policy}");
    let place = policy["place"].as_str().unwrap();
    assert!(place.starts_with("policies/tenant.cedar:"), "{place}");
    let clauses = policy["clauses"].as_array().unwrap();
    let path = clauses.iter().find_map(|clause| clause.get("path"));
    let expected = json!([
        {"type": "PartnerUser", "id": "ada", "implicit": false},
        {"type": "SecurityGroup", "id": "fabrikam/AdminAgents", "implicit": false},
        {"type": "TenantRole", "id": "contoso/Global Administrator", "implicit": true},
    ]);
    assert_eq!(path, Some(&expected));
    assert_eq!(reason.get("near"), None);
}

#[test]
fn an_explained_deny_says_what_was_lacking() {
    let denied = question(ADA, "SignInToCustomerTenant", TAILSPIN);
    let reply = Server::start().evaluate(&explained(denied));
    assert_eq!(reply.json["decision"], false);
    let reason = &reply.json["context"]["reason"];
    assert_eq!(reason["determining"], json!([]));
    let near = reason["near"].as_array().unwrap();
    let clauses = near.iter().flat_map(|p| p["clauses"].as_array().unwrap());
    let lacking: Vec<&Value> = clauses.filter(|c| c["outcome"] == "not-held").collect();
    assert!(!lacking.is_empty());
    for clause in lacking {
        assert_eq!(clause["layer"], "directory role");
        assert!(clause["lacking"].is_string() && clause["text"].is_string());
    }
}

#[test]
fn an_explained_deny_names_the_templates_without_a_link() {
    let elsewhere = with(
        question(NORA, "AzureOperation", ("ManagementGroup", "elsewhere")),
        json!({"context": {"operation": "x/read"}}),
    );
    let reply = Server::start().evaluate(&explained(elsewhere));
    let reason = &reply.json["context"]["reason"];
    let unlinked = &reason["unlinked"];
    assert_eq!(unlinked["layer"], "Azure role", "{reason}");
    assert!(!unlinked["templates"].as_array().unwrap().is_empty());
    let unknown = json!([{"type": "ManagementGroup", "id": "elsewhere"}]);
    assert_eq!(reason["unknown"], unknown);
}

#[test]
fn an_explained_deny_names_the_forbid() {
    let other = with(allowed(), json!({"context": {"customer": "tailspin"}}));
    let reply = Server::start().evaluate(&explained(other));
    let policy = &reply.json["context"]["reason"]["determining"][0];
    assert_eq!(policy["effect"], "forbid");
    assert_eq!(policy["policy"], "guard-other-customer-record");
    assert_eq!(policy["clauses"][0]["outcome"], "held");
}

#[test]
fn what_the_schema_does_not_have_is_a_plain_deny() {
    let server = Server::start();
    for (unknown, message) in [
        (
            question(ADA, "Fly", CONTOSO),
            "the schema has no action `Fly`",
        ),
        (
            question(("Robot", "r2"), "CreateUser", CONTOSO),
            "the schema has no entity type `Robot`",
        ),
        (
            question(ADA, "CreateUser", ("Planet", "mars")),
            "the schema has no entity type `Planet`",
        ),
        (
            question(ADA, "CreateUser", ("not a :: type", "x\"y")),
            "the schema has no entity type `not a :: type`",
        ),
        (
            question(ADA, "ResetPassword", CONTOSO),
            "the action `ResetPassword` does not apply to a `PartnerUser` acting on a `Customer`",
        ),
    ] {
        server.evaluate(&unknown).is(&json!({"decision": false}));
        server.evaluate(&explained(unknown)).is(&json!({
            "decision": false,
            "context": {"reason": {"determining": [], "message": message}},
        }));
    }
}

#[test]
fn an_unknown_id_is_an_entity_of_which_nothing_is_known() {
    let server = Server::start();
    for (unknown, at) in [
        (
            question(("PartnerUser", "eve"), "CreateUser", CONTOSO),
            "eve",
        ),
        (question(ADA, "CreateUser", ("Customer", "")), ""),
        // Ids are compared byte for byte.
        (
            question(ADA, "CreateUser", ("Customer", "Contoso")),
            "Contoso",
        ),
        (
            question(ADA, "CreateUser", ("Customer", "contoso\" || true || \"")),
            "contoso\" || true || \"",
        ),
    ] {
        server.evaluate(&unknown).is(&json!({"decision": false}));
        let reply = server.evaluate(&explained(unknown));
        assert_eq!(reply.json["context"]["reason"]["unknown"][0]["id"], at);
    }
}

#[test]
fn azure_ids_and_operations_are_compared_without_case() {
    let server = Server::start();
    let ask = |ty: &str, scope: &str, operation: &str| {
        let asked = question(ADA, "AzureOperation", (ty, scope));
        server.evaluate(&with(asked, json!({"context": {"operation": operation}})))
    };
    let operation = "Microsoft.Compute/virtualMachines/READ";
    for (ty, scope) in [
        ("Subscription", "/subscriptions/s1"),
        ("Subscription", "/Subscriptions/S1"),
        ("ResourceGroup", "/SUBSCRIPTIONS/s1/resourceGroups/Prod"),
        (
            "AzureResource",
            "/subscriptions/S1/resourcegroups/prod/providers/Microsoft.Compute/virtualMachines/vm",
        ),
    ] {
        for operation in [operation, &operation.to_lowercase()] {
            ask(ty, scope, operation).is(&json!({"decision": true}));
        }
    }
    ask("Subscription", "/subscriptions/s2", operation).is(&json!({"decision": false}));
}

#[test]
fn what_is_not_declared_is_dropped_and_reported_to_who_asks() {
    let server = Server::start();
    let more = with(
        allowed(),
        json!({
            "subject": {"type": "PartnerUser", "id": "ada", "colour": "red",
                "properties": {"shoe": 42, "partner": "northwind"}},
            "resource": {"type": "Customer", "id": "contoso", "properties": {"cloud": "germany"}},
            "action": {"name": "SignInToCustomerTenant", "properties": {"method": "GET"}},
            "context": {"weather": {"deep": [1, {"x": null}]}, "customer": "contoso"},
            "evaluations": "not looked at here", "unknown": [1.5],
        }),
    );
    server.evaluate(&more).is(&json!({"decision": true}));
    let reply = server.evaluate(&explained(more));
    let mut ignored: Vec<&str> = reply.json["context"]["ignored"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().split(':').next().unwrap())
        .collect();
    ignored.sort_unstable();
    assert_eq!(
        ignored,
        [
            "action.properties.method",
            "context.weather",
            "resource.properties.cloud",
            "subject.properties.partner",
            "subject.properties.shoe",
        ]
    );
}

#[test]
fn time_is_the_decider_s() {
    let server = Server::start();
    let restore = |user: &str, now: Value| {
        let asked = question(ADA, "RestoreUser", ("CustomerUser", user));
        with(asked, json!({"context": {"now": now}}))
    };
    // The clock says 2020-09-01: `ghost` went the day before, `relic` in January.
    for now in [json!("2031-01-01T00:00:00Z"), json!(5), Value::Null] {
        let reply = server.evaluate(&restore("ghost", now.clone()));
        assert_eq!(reply.json["decision"], true, "{now}");
    }
    let relic = restore("relic", json!("2020-01-02T00:00:00Z"));
    server.evaluate(&relic).is(&json!({"decision": false}));
    let reply = server.evaluate(&explained(relic));
    let ignored = reply.json["context"]["ignored"][0].as_str().unwrap();
    assert_eq!(ignored, "context.now: time is the decider's clock");
}

#[test]
fn a_context_that_does_not_fit_is_a_deny_with_an_error() {
    let server = Server::start();
    let subscription = ("Subscription", "/subscriptions/s1");
    let azure = || question(ADA, "AzureOperation", subscription);
    for (context, message) in [
        (
            json!({}),
            "`context.operation` is required and missing; it takes a string",
        ),
        (
            json!({"operation": 7}),
            "`context.operation` takes a string, not a whole number",
        ),
        (
            json!({"operation": "x/read", "data": "yes"}),
            "`context.data` takes a boolean, not a string",
        ),
        (
            json!({"operation": "x/read", "customer": {"type": "Partner", "id": "contoso"}}),
            "`context.customer` takes the id of a Customer, not an object",
        ),
    ] {
        let error = json!({
            "decision": false,
            "context": {"error": {"status": 400, "message": message}},
        });
        let asked = with(azure(), json!({"context": context}));
        server.evaluate(&asked).is(&error);
        server.evaluate(&explained(asked)).is(&error);
    }
    let error = json!({"status": 400, "message": "`context.operation` is required and missing; it takes a string"});
    assert_eq!(server.evaluate(&azure()).json["context"]["error"], error);
}

#[test]
fn an_entity_in_the_context_is_its_id_or_type_and_id() {
    let server = Server::start();
    for (customer, decision) in [
        (json!("contoso"), true),
        (json!({"type": "Customer", "id": "contoso"}), true),
        (json!("tailspin"), false),
        (json!({"type": "Customer", "id": "tailspin"}), false),
    ] {
        let asked = with(allowed(), json!({"context": {"customer": customer}}));
        server.evaluate(&asked).is(&json!({"decision": decision}));
    }
}

#[test]
fn explaining_changes_no_decision() {
    let server = Server::start();
    for asked in [
        allowed(),
        question(NORA, "CreateUser", CONTOSO),
        question(ADA, "CreateUser", TAILSPIN),
        question(ADA, "Fly", CONTOSO),
    ] {
        let plain = server.evaluate(&asked).json;
        let off = with(asked.clone(), json!({"options": {"explain": false}}));
        assert_eq!(server.evaluate(&off).json, plain);
        let reply = server.evaluate(&explained(asked));
        assert_eq!(reply.json["decision"], plain["decision"]);
    }
}
