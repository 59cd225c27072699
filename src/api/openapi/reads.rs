//! Reads of the directory, the history and the keys.

use serde_json::{Value, json};

use super::commands::tag;
use super::operation::{Operation, list, object, query, revision, schema, string};
use super::rows::Row;

const ERRORS: &[u16] = &[400, 401, 403, 503];
const REVISION: &[&str] = &["Aobo-Revision"];

/// The reads.
pub(super) fn operation(row: &Row) -> Option<Operation> {
    if row.method != "GET" {
        return None;
    }
    let (id, summary, members) = of_world(row.path).or_else(|| of_history(row.path))?;
    let folded = members.get("revision").is_some();
    Some(Operation {
        summary,
        query: parameters(row.path),
        headers: if folded { &["Aobo-Principal"] } else { &[] },
        errors: ERRORS,
        answer_headers: if folded { REVISION } else { &[] },
        ..Operation::new(id, tag(row.path), object(members))
    })
}

/// Name, summary and members of the answer.
type Told = (&'static str, &'static str, Value);

fn of_world(path: &str) -> Option<Told> {
    let (id, summary, name, item) = of_tenants(path).or_else(|| of_roles(path))?;
    let members = json!({ name: list(item), "revision": revision() });
    Some((id, summary, members))
}

/// Name, summary, and the name and form of what is listed.
type Listed = (&'static str, &'static str, &'static str, Value);

fn of_tenants(path: &str) -> Option<Listed> {
    let yes_or_no = json!({"type": "boolean"});
    let strings = list(string());
    let time = json!({"type": "string", "format": "date-time"});
    let listed = match path {
        "/v1/partners/{partner}/customers" => (
            "listCustomers",
            "A partner's customers.",
            "customers",
            json!({"type": "object", "required": ["customer"], "properties": {
                "customer": string(), "delegatedAdmin": yes_or_no}}),
        ),
        "/v1/customers/{customer}/partners" => (
            "listPartners",
            "A customer's partners.",
            "partners",
            object(
                json!({"partner": string(), "delegatedAdmin": yes_or_no, "contractInForce": yes_or_no}),
            ),
        ),
        "/v1/partners/{partner}/invitations" => (
            "listInvitationsOfPartner",
            "A partner's invitations that wait for an answer.",
            "invitations",
            invitation(),
        ),
        "/v1/customers/{customer}/invitations" => (
            "listInvitationsToCustomer",
            "A customer's invitations that wait for an answer.",
            "invitations",
            invitation(),
        ),
        "/v1/customers/{customer}/users" => (
            "listUsers",
            "A customer's users.",
            "users",
            object(json!({"user": string(), "directoryRoles": strings, "licenses": strings})),
        ),
        "/v1/customers/{customer}/deletedUsers" => (
            "listDeletedUsers",
            "Users that can be restored.",
            "users",
            object(
                json!({"user": string(), "deletedAt": time, "daysLeft": {"type": "integer"}, "licenses": strings, "missingLicenses": strings}),
            ),
        ),
        _ => return None,
    };
    Some(listed)
}

fn of_roles(path: &str) -> Option<Listed> {
    let listed = match path {
        "/v1/customers/{customer}/directoryRoles/{role}/members" => (
            "listRoleMembers",
            "Who holds a directory role.",
            "members",
            string(),
        ),
        "/v1/customers/{customer}/effectiveRoles" => (
            "listEffectiveRoles",
            "The directory roles that somebody has at a customer, and how.",
            "roles",
            json!({"type": "object", "required": ["role", "holding"], "properties": {
                "role": string(), "holding": {"enum": ["explicit", "delegated", "included"]},
                "group": string(), "by": string()}}),
        ),
        "/v1/roleAssignments" => (
            "listRoleAssignments",
            "Azure role assignments that reach a scope.",
            "roleAssignments",
            object(json!({"principal": string(), "role": string(), "scope": string()})),
        ),
        "/v1/facts" => (
            "listFacts",
            "Every fact, as world files have it.",
            "facts",
            schema("WorldFile"),
        ),
        _ => return None,
    };
    Some(listed)
}

fn invitation() -> Value {
    let sent = json!({"type": ["string", "null"], "format": "date-time"});
    object(
        json!({"invitation": string(), "partner": string(), "customer": string(), "includeDap": {"type": "boolean"}, "sentAt": sent}),
    )
}

fn of_history(path: &str) -> Option<Told> {
    let time = json!({"type": "string", "format": "date-time"});
    let told = match path {
        "/v1/events" => {
            let event = object(json!({
                "revision": revision(),
                "at": time,
                "actor": string(),
                "kind": string(),
                "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "payload": {},
            }));
            let next = json!({"type": ["integer", "null"], "description": "The `after` of the next page; a page may be empty and not be the last."});
            (
                "listEvents",
                "What was done, in order.",
                json!({"events": list(event), "next": next}),
            )
        }
        "/v1/revisions/{from}/diff/{to}" => {
            let put = object(json!({"put": schema("WorldFile")}));
            let removed = object(json!({"remove": schema("Removals")}));
            let changes = list(json!({"oneOf": [put, removed]}));
            let summary = "The facts that differ between two revisions.";
            (
                "diffRevisions",
                summary,
                json!({"from": revision(), "to": revision(), "changes": changes}),
            )
        }
        "/v1/keys" => {
            let tenants =
                json!({"type": ["array", "null"], "items": string(), "description": "Null: all."});
            let key = object(json!({
                "id": string(),
                "roles": list(string()),
                "tenants": tenants,
                "principal": {"type": ["string", "null"]},
                "created": time,
            }));
            (
                "listKeys",
                "The keys there are, without their secrets.",
                json!({"keys": list(key)}),
            )
        }
        _ => return None,
    };
    Some(told)
}

fn parameters(path: &str) -> Vec<Value> {
    let number = || json!({"type": "integer", "minimum": 0, "maximum": i64::MAX});
    match path {
        "/v1/customers/{customer}/users" => {
            vec![query(
                "licensed",
                json!({"const": "false"}),
                "Only users without a licence.",
            )]
        }
        "/v1/customers/{customer}/effectiveRoles" => vec![
            query("partnerUser", string(), "Whose roles; one of the three."),
            query("customerUser", string(), "Whose roles; one of the three."),
            query("group", string(), "Whose roles; one of the three."),
        ],
        "/v1/roleAssignments" => {
            let mut scope = query(
                "scope",
                json!({"type": "string", "examples": ["/subscriptions/contoso-web"]}),
                "An Azure resource id.",
            );
            if let Value::Object(scope) = &mut scope {
                scope.insert("required".to_owned(), true.into());
                scope.insert("example".to_owned(), "/subscriptions/contoso-web".into());
            }
            vec![scope]
        }
        "/v1/events" => vec![
            query("after", number(), "Only events after this revision."),
            query("limit", number(), "Events, at most; never more than 1000."),
            query(
                "kind",
                string(),
                "Only events of this kind: `user.created`.",
            ),
            query(
                "about",
                string(),
                "Only events that name this id, whole: the history of a thing. Azure ids are \
                 compared without letter case, and a subscription or management group is \
                 known by its name too.",
            ),
            query(
                "actor",
                string(),
                "Only events by this actor: `PartnerUser::\"ada\"`, `ada`, the id of a key.",
            ),
            query(
                "partner",
                string(),
                "With `customer`: only events about the relationship of the two.",
            ),
            query("customer", string(), "With `partner`: the other party."),
        ],
        _ => Vec::new(),
    }
}
