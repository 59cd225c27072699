//! Over HTTP too a search is exactly what evaluations allow, however it is paged.

use std::collections::BTreeMap;

use aobo::engine::EntityUid;
use serde_json::{Value, json};

use super::{
    ACTION, ALICE, ANY_RECORD, ANY_USER, EVALUATIONS, RECORD_1, RESOURCE, SUBJECT, Server,
    question, with,
};
use crate::support::timed;

/// A context for every action of the reference world that needs one.
fn context(action: &str) -> Value {
    match action {
        "AzureOperation" => json!({"operation": "Microsoft.Compute/virtualMachines/write"}),
        "SendInvitation" => json!({"include_dap": true, "link_included": true}),
        "AcceptInvitation" => json!({"portal": "office-admin-portal"}),
        "RemoveDelegatedAdmin" => json!({"customer": "contoso"}),
        "ImportUsers" => json!({"format": "csv", "rows": 3}),
        "AssignDirectoryRole" => json!({"role": "Guest Inviter"}),
        "AssignLicense" | "RemoveLicense" => json!({"product": "office-e3"}),
        "ApplyAutopilotProfile" | "RemoveAutopilotProfile" => json!({"profile": "contoso-kiosk"}),
        "OpenServiceRequestOnBehalf" => json!({"channel": "partner-center"}),
        "RequestGdap" => json!({"duration_days": 30}),
        _ => json!({}),
    }
}

/// Stored entities by type.
fn by_type(server: &Server) -> BTreeMap<String, Vec<EntityUid>> {
    let mut found: BTreeMap<String, Vec<EntityUid>> = BTreeMap::new();
    for entity in server.state.point().current().snapshot().facts().entities() {
        let ty = entity.uid.type_name().to_string();
        found.entry(ty).or_default().push(entity.uid);
    }
    found
}

fn party(uid: &EntityUid) -> Value {
    json!({"type": uid.type_name().to_string(), "id": uid.id().unescaped()})
}

/// All results of a search in pages of `limit`.
#[track_caller]
fn paged(server: &Server, path: &str, search: &Value, limit: usize) -> Vec<Value> {
    let mut found = Vec::new();
    let mut page = json!({"limit": limit});
    loop {
        let reply = server.post(path, &with(search.clone(), json!({"page": page})));
        let results = reply.json["results"].as_array().expect("results");
        let token = reply.next_token();
        assert!(results.len() == limit || token.is_empty());
        assert_eq!(reply.json["page"]["count"], results.len());
        found.extend(results.iter().cloned());
        if token.is_empty() {
            assert_eq!(reply.json["page"]["total"], found.len());
            return found;
        }
        page = json!({"token": token});
    }
}

/// Fails unless a search, whole and in pages, is what evaluation allows of each.
/// Returns how many it found.
#[track_caller]
fn check(
    server: &Server,
    path: &str,
    search: &Value,
    candidates: &[Value],
    side: &str,
    limits: &[usize],
) -> usize {
    let items: Vec<Value> = candidates.iter().map(|one| json!({side: one})).collect();
    let batch = with(
        search.clone(),
        json!({side: candidates[0], "evaluations": items}),
    );
    let mut batch = batch;
    if side == "action" {
        batch.as_object_mut().unwrap().remove("context");
        batch["evaluations"] = candidates
            .iter()
            .map(|one| json!({"action": one, "context": search["context"]}))
            .collect();
    }
    let decisions = server.decisions(&batch);
    let wanted: Vec<&Value> = candidates
        .iter()
        .zip(decisions)
        .filter_map(|(one, yes)| yes.then_some(one))
        .collect();
    let whole = server.results(path, search);
    assert_eq!(whole.iter().collect::<Vec<_>>(), wanted, "{search}");
    for limit in limits {
        assert_eq!(
            paged(server, path, search, *limit),
            whole,
            "{search} by {limit}"
        );
    }
    whole.len()
}

#[test]
fn a_search_finds_what_evaluations_allow() {
    let server = Server::fabrikam();
    let known = by_type(&server);
    let point = server.state.point().current().as_ref().clone();
    let shape = point.snapshot().bundle().shape();
    let (mut found, mut searches) = (0, 0);
    timed("searches against evaluations over HTTP", || {
        for ((_, action), declared) in &shape.actions {
            for (p, r) in declared
                .principals
                .iter()
                .flat_map(|p| declared.resources.iter().map(move |r| (p, r)))
            {
                let of = |ty: &String| known.get(ty).map(Vec::as_slice).unwrap_or_default();
                let (principals, resources): (Vec<Value>, Vec<Value>) = (
                    of(p).iter().map(party).collect(),
                    of(r).iter().map(party).collect(),
                );
                if principals.is_empty() || resources.is_empty() {
                    continue;
                }
                let search = json!({"action": {"name": action}, "context": context(action)});
                for principal in principals.iter().step_by(11) {
                    let search = with(
                        search.clone(),
                        json!({"subject": principal, "resource": {"type": r}}),
                    );
                    found += check(
                        &server,
                        RESOURCE,
                        &search,
                        &resources,
                        "resource",
                        &[1, 2, 7],
                    );
                    searches += 1;
                }
                for resource in resources.iter().step_by(7) {
                    let search = with(
                        search.clone(),
                        json!({"subject": {"type": p}, "resource": resource}),
                    );
                    found += check(
                        &server,
                        SUBJECT,
                        &search,
                        &principals,
                        "subject",
                        &[1, 2, 7],
                    );
                    searches += 1;
                }
            }
        }
    });
    assert!(searches > 300 && found > 300, "{found} of {searches}");
}

#[test]
fn an_action_search_finds_what_evaluations_allow() {
    let server = Server::fabrikam();
    let known = by_type(&server);
    let point = server.state.point().current().as_ref().clone();
    let shape = point.snapshot().bundle().shape();
    let mut names: Vec<&String> = shape.actions.keys().map(|(_, name)| name).collect();
    names.sort();
    let names: Vec<Value> = names
        .into_iter()
        .map(|name| json!({"name": name}))
        .collect();
    let mut found = 0;
    timed("action searches against evaluations over HTTP", || {
        for principal in known["PartnerUser"]
            .iter()
            .chain(&known["CustomerUser"])
            .step_by(9)
        {
            for ty in ["Customer", "CustomerUser", "Subscription"] {
                for resource in known[ty].iter().step_by(3) {
                    let search = json!({"subject": party(principal), "resource": party(resource),
                        "context": {"operation": "Microsoft.Compute/virtualMachines/write", "customer": "contoso"}});
                    found += check(&server, ACTION, &search, &names, "action", &[1, 2, 7]);
                }
            }
        }
    });
    assert!(found > 50, "{found}");
}

#[test]
fn the_id_and_properties_of_what_is_sought_do_not_count() {
    let server = Server::scenario();
    let odd = [
        json!({"id": "bob"}),
        json!({"id": "nobody"}),
        json!({"id": 7}),
        json!({"id": null}),
        json!({"id": "bob", "properties": {"role": "admin", "status": "archived"}}),
        json!({"properties": "none"}),
    ];
    for (path, side, search) in [
        (SUBJECT, "subject", question(ANY_USER, "write", RECORD_1)),
        (RESOURCE, "resource", question(ALICE, "write", ANY_RECORD)),
    ] {
        let expected = server.results(path, &search);
        assert_eq!(expected.len(), 1);
        for members in &odd {
            let mut search = search.clone();
            search[side] = with(search[side].clone(), members.clone());
            assert_eq!(server.results(path, &search), expected, "{search}");
        }
    }
    // An action is not asked for where actions are sought.
    let named = with(question(ALICE, "", RECORD_1), json!({"action": 7}));
    assert_eq!(server.results(ACTION, &named).len(), 2);
}

#[test]
fn a_result_has_its_members_in_order_and_no_others() {
    let server = Server::scenario();
    let text = |path: &str, search: Value| server.post(path, &search).text;
    let found = text(SUBJECT, question(ANY_USER, "read", RECORD_1));
    assert_eq!(
        found,
        r#"{"results":[{"type":"user","id":"alice"},{"type":"user","id":"bob"}]}"#
    );
    let found = text(ACTION, question(ALICE, "", RECORD_1));
    assert_eq!(found, r#"{"results":[{"name":"read"},{"name":"write"}]}"#);
    let paged = with(question(ALICE, "write", ANY_RECORD), json!({"page": {}}));
    let expected = r#"{"page":{"next_token":"","count":1,"total":1},"results":[{"type":"record","id":"record-1"}]}"#;
    assert_eq!(text(RESOURCE, paged), expected);
}

#[test]
fn letter_case_of_azure_ids_does_not_count_in_a_search() {
    let server = Server::fabrikam();
    let ada = ("PartnerUser", "ada@fabrikam.example");
    let context = json!({"context": {"operation": "MICROSOFT.Compute/virtualMachines/WRITE"}});
    let search = |id: &str| {
        let asked = question(("PartnerUser", ""), "AzureOperation", ("Subscription", id));
        server.results(SUBJECT, &with(asked, context.clone()))
    };
    let found = search("/subscriptions/tailspin-erp");
    assert!(
        found.contains(&json!({"type": ada.0, "id": ada.1})),
        "{found:?}"
    );
    assert_eq!(search("/SUBSCRIPTIONS/Tailspin-ERP"), found);
    let items = vec![json!({}); 2];
    let batch = with(
        question(
            ada,
            "AzureOperation",
            ("Subscription", "/SUBSCRIPTIONS/Tailspin-ERP"),
        ),
        context.clone(),
    );
    let batch = with(batch, json!({"evaluations": items}));
    assert_eq!(
        server.post(EVALUATIONS, &batch).json["evaluations"][1],
        json!({"decision": true})
    );
}
