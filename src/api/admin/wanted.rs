//! Which events were asked for: of a kind, by somebody, about a thing, or about the
//! relationship of two parties.
//!
//! Only what an answer shows is looked at, so that nothing else can be found out by
//! asking. An id is looked for as a whole text, never within another.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::error::ApiError;
use crate::directory::{Scope, ScopeKind};
use crate::log::Record;

/// What an event must be to be in an answer.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    kind: Option<String>,
    actor: Option<String>,
    about: Option<Thing>,
    between: Option<Parties>,
}

/// A partner and a customer.
#[derive(Debug)]
struct Parties {
    partner: String,
    customer: String,
}

impl Wanted {
    /// Reads a query. Shape: `kind=user.created&actor=ada&about=contoso`, or
    /// `partner=fabrikam&customer=contoso`.
    ///
    /// # Errors
    /// [`ApiError::Member`] for one party of a relationship without the other.
    pub(super) fn of(query: &BTreeMap<String, String>) -> Result<Self, ApiError> {
        let between = match (query.get("partner"), query.get("customer")) {
            (None, None) => None,
            (Some(partner), Some(customer)) => Some(Parties {
                partner: partner.clone(),
                customer: customer.clone(),
            }),
            _ => {
                let why = "`partner` and `customer` name a relationship together; for one of \
                           them by itself, ask with `about`";
                return Err(ApiError::Member(why.to_owned()));
            }
        };
        Ok(Self {
            kind: query.get("kind").cloned(),
            actor: query.get("actor").cloned(),
            about: query.get("about").map(|id| Thing::of(id)),
            between,
        })
    }

    /// Whether a record may be one, before what it holds is looked at.
    pub(super) fn may_be(&self, record: &Record) -> bool {
        self.kind.as_ref().is_none_or(|kind| *kind == record.kind)
            && self
                .actor
                .as_ref()
                .is_none_or(|by| is_by(&record.actor, by))
    }

    /// Whether an event is one, by what an answer shows of its payload.
    pub(super) fn is_in(&self, shown: &Value) -> bool {
        self.about
            .as_ref()
            .is_none_or(|thing| thing.is_in("", shown))
            && self.between.as_ref().is_none_or(|both| both.are_in(shown))
    }
}

/// Whether an actor is the one that is asked for. Shape of an actor: `PartnerUser ada
/// (key 9f…)`, `key 9f…`, `aobo keys`; it is asked for whole, by either part, or by
/// the id alone: `PartnerUser::"ada"`, `ada`, `9f…`.
fn is_by(actor: &str, asked: &str) -> bool {
    let parts = actor.strip_suffix(')');
    let parts = parts.and_then(|actor| actor.rsplit_once(" ("));
    let (principal, caller) = match parts {
        Some((principal, caller)) => (principal.split_once(' '), caller),
        None => (None, actor),
    };
    let is_principal = |(ty, id): (&str, &str)| {
        asked == id || asked == format!("{ty} {id}") || asked == format!("{ty}::\"{id}\"")
    };
    asked == actor
        || asked == caller
        || caller.strip_prefix("key ") == Some(asked)
        || principal.is_some_and(is_principal)
}

impl Parties {
    /// Whether some object names both.
    fn are_in(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| self.are_in(item)),
            Value::Object(members) => {
                let is =
                    |name: &str, id: &String| members.get(name).and_then(Value::as_str) == Some(id);
                (is("partner", &self.partner) && is("customer", &self.customer))
                    || members.values().any(|value| self.are_in(value))
            }
            _ => false,
        }
    }
}

/// Members whose own members are ids: those of a world file.
const NAMED: [&str; 13] = [
    "partners",
    "customers",
    "partner_users",
    "groups",
    "customer_users",
    "invitations",
    "subscriptions",
    "management_groups",
    "devices",
    "autopilot_profiles",
    "products",
    "seats",
    "service_requests",
];

/// Where a subscription, or a management group, stands by its id alone.
const SUBSCRIPTIONS: [&str; 2] = ["subscription", "subscriptions"];
const MANAGEMENT_GROUPS: [&str; 3] = ["management_group", "management_groups", "parent"];

/// A thing, in each way in which an event may name it.
#[derive(Debug)]
struct Thing {
    id: String,
    /// Azure resource ids, in lower case.
    scopes: Vec<String>,
    /// Its id below these members, in lower case.
    within: Vec<(&'static [&'static str], String)>,
}

impl Thing {
    fn of(id: &str) -> Self {
        let lower = id.to_ascii_lowercase();
        let (scopes, within): (Vec<String>, Vec<(&'static [&'static str], String)>) =
            match Scope::parse(id) {
                Ok(scope) => {
                    let root = scope.root().to_owned();
                    let within = match scope.kind() {
                        ScopeKind::Subscription => vec![(&SUBSCRIPTIONS[..], root)],
                        ScopeKind::ManagementGroup => vec![(&MANAGEMENT_GROUPS[..], root)],
                        ScopeKind::ResourceGroup | ScopeKind::Resource => Vec::new(),
                    };
                    (vec![lower], within)
                }
                Err(_) => {
                    let scopes = vec![
                        format!("/subscriptions/{lower}"),
                        format!("/providers/microsoft.management/managementgroups/{lower}"),
                    ];
                    let within = vec![
                        (&SUBSCRIPTIONS[..], lower.clone()),
                        (&MANAGEMENT_GROUPS[..], lower),
                    ];
                    (scopes, within)
                }
            };
        Self {
            id: id.to_owned(),
            scopes,
            within,
        }
    }

    /// Whether a text that stands below a member is its name.
    fn is(&self, member: &str, text: &str) -> bool {
        let alike = |id: &String| id.eq_ignore_ascii_case(text);
        text == self.id
            || (text.starts_with('/') && self.scopes.iter().any(alike))
            || self
                .within
                .iter()
                .any(|(members, id)| members.contains(&member) && alike(id))
    }

    /// Whether a value that stands below a member names it.
    fn is_in(&self, member: &str, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is(member, text),
            Value::Array(items) => items.iter().any(|item| self.is_in(member, item)),
            Value::Object(members) if NAMED.contains(&member) => {
                // The seats of a customer are by product.
                let below = if member == "seats" { "products" } else { "" };
                members
                    .iter()
                    .any(|(name, value)| self.is(member, name) || self.is_in(below, value))
            }
            Value::Object(members) => {
                let mut members = members.iter();
                members.any(|(name, value)| self.is_in(name, value))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn about(id: &str, payload: &Value, expected: bool) {
        assert_eq!(
            Thing::of(id).is_in("", payload),
            expected,
            "{id}: {payload}"
        );
    }

    #[test]
    fn an_id_is_a_whole_text_or_the_name_of_a_fact() {
        let payload = json!({
            "command": {"command": "put", "text": "mia of contoso", "user": "mi\"a/x"},
            "changes": [{"put": {
                "customer_users": {"mia": {"customer": "contoso"}},
                "seats": {"tailspin": {"office": {"free": 1}}},
            }}],
        });
        for id in ["mia", "contoso", "tailspin", "office", "mi\"a/x"] {
            about(id, &payload, true);
        }
        for id in [
            "mi", "a/x", "x", "of", "customer", "free", "seats", "changes", "Mia", "",
        ] {
            about(id, &payload, false);
        }
    }

    #[test]
    fn azure_ids_are_compared_without_letter_case() {
        let fact = json!({"put": {"subscriptions": {"s1": {"customer": "c", "status": "active"}}}});
        let command = json!({"command": {"subscription": "S1"}});
        let scope = json!({"put": {"role_assignments": [{"scope": "/subscriptions/s1"}]}});
        for id in ["s1", "S1", "/subscriptions/s1", "/Subscriptions/S1"] {
            for payload in [&fact, &command, &scope] {
                about(id, payload, true);
            }
        }
        let group = json!({"put": {"management_groups": {"root": null}}});
        about(
            "/providers/Microsoft.Management/managementGroups/Root",
            &group,
            true,
        );
        about("/subscriptions/root", &group, false);
        about("/subscriptions/s1/resourceGroups/g", &scope, false);
        let below = json!({"scope": "/subscriptions/s1/resourcegroups/g"});
        about("/subscriptions/S1/resourceGroups/G", &below, true);
        about("s1", &below, false);
        // Another thing of the same name, in another letter case.
        about("S1", &json!({"user": "s1"}), false);
    }

    #[test]
    fn an_actor_is_known_by_each_part() {
        let actor = "PartnerUser ada lovelace (key 9f)";
        for asked in [
            actor,
            "PartnerUser ada lovelace",
            "PartnerUser::\"ada lovelace\"",
            "ada lovelace",
            "key 9f",
            "9f",
        ] {
            assert!(is_by(actor, asked), "{asked}");
        }
        for asked in ["", "ada", "lovelace", "PartnerUser", "9", "key"] {
            assert!(!is_by(actor, asked), "{asked}");
        }
        assert!(is_by("key 9f", "9f") && is_by("aobo keys", "aobo keys"));
        assert!(!is_by("aobo keys", "keys"));
    }

    #[test]
    fn a_relationship_is_known_by_both_its_parties() {
        let query = |parts: &[(&str, &str)]| {
            let pairs = parts
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            Wanted::of(&pairs.collect())
        };
        let wanted = query(&[("partner", "p"), ("customer", "c")]).unwrap();
        let one = json!({"relationships": [{"partner": "p", "customer": "c"}]});
        assert!(wanted.is_in(&one));
        let apart = json!([{"partner": "p", "customer": "d"}, {"partner": "q", "customer": "c"}]);
        assert!(!wanted.is_in(&apart));
        assert!(query(&[("partner", "p")]).is_err());
        assert!(query(&[("customer", "c"), ("kind", "k")]).is_err());
    }
}
