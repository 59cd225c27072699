//! Reads of the directory, each from one state.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::auth::{everywhere, within};
use crate::api::AppState;
use crate::api::caller::{Asking, CallerIdentity};
use crate::api::error::ApiError;
use crate::api::position::REVISION;
use crate::directory::query::{Holding, Principal};
use crate::directory::world_file::fact_to_json;
use crate::directory::{Fact, Key, Scope};
use crate::node::Folded;

/// What a read is given.
pub(super) struct Reading {
    pub(super) caller: Arc<CallerIdentity>,
    pub(super) folded: Arc<Folded>,
    pub(super) path: BTreeMap<String, String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) now: jiff::Timestamp,
}

impl Reading {
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }
}

/// A read: from a state to the answer.
pub(super) type Read = fn(&Reading) -> Result<Value, ApiError>;

/// Answers a read, if the caller may read about the tenant in the path.
///
/// # Errors
/// [`ApiError`] for a caller that may not, or for a question that makes no sense.
pub(super) async fn answer(
    read: Read,
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    path: Result<Path<BTreeMap<String, String>>, PathRejection>,
    query: Result<Query<BTreeMap<String, String>>, QueryRejection>,
) -> Result<Response, ApiError> {
    let ledger = state.ledger()?;
    let (Path(path), Query(query)) = (path?, query?);
    for tenant in ["partner", "customer"]
        .iter()
        .filter_map(|name| path.get(*name))
    {
        within(&caller, tenant)?;
    }
    if !path.contains_key("partner") && !path.contains_key("customer") {
        // Nothing in the path says whose it is.
        everywhere(&caller)?;
    }
    let reading = Reading {
        caller,
        folded: ledger.folded(),
        path,
        query,
        now: state.point().now(),
    };
    let revision = reading.folded.head.seq;
    let mut value = read(&reading)?;
    if let Value::Object(members) = &mut value {
        members.insert("revision".to_owned(), revision.into());
    }
    Ok(([(REVISION, HeaderValue::from(revision))], Json(value)).into_response())
}

/// `GET /v1/partners/{partner}/customers` (A-REL-01).
pub(super) fn customers(reading: &Reading) -> Result<Value, ApiError> {
    let pairs = reading.folded.world.customers_of(reading.path("partner"));
    let customers =
        pairs.map(|pair| json!({ "customer": pair.customer, "delegatedAdmin": pair.delegates() }));
    Ok(json!({ "customers": customers.collect::<Vec<_>>() }))
}

/// `GET /v1/customers/{customer}/partners` (A-PRP-03, A-DAP-07).
pub(super) fn partners(reading: &Reading) -> Result<Value, ApiError> {
    let rows = reading.folded.world.partners_of(reading.path("customer"));
    let partners = rows.map(|row| {
        json!({
            "partner": row.partner,
            "delegatedAdmin": row.delegates,
            "contractInForce": row.supports,
        })
    });
    Ok(json!({ "partners": partners.collect::<Vec<_>>() }))
}

/// `GET /v1/customers/{customer}/directoryRoles/{role}/members` (A-DAP-06).
pub(super) fn role_members(reading: &Reading) -> Result<Value, ApiError> {
    let (customer, role) = (reading.path("customer"), reading.path("role"));
    let members: Vec<&str> = reading.folded.world.role_members(customer, role).collect();
    Ok(json!({ "members": members }))
}

/// `GET /v1/customers/{customer}/users` (A-USR-12); `?licensed=false` for those
/// without a licence.
pub(super) fn users(reading: &Reading) -> Result<Value, ApiError> {
    let customer = reading.path("customer");
    let world = &reading.folded.world;
    let user = |user: &crate::directory::CustomerUser| json!({ "user": user.id, "directoryRoles": user.directory_roles, "licenses": user.licenses });
    let users: Vec<Value> = match reading.query.get("licensed").map(String::as_str) {
        None => world.users_of(customer).map(user).collect(),
        Some("false") => world.users_without_license(customer).map(user).collect(),
        Some(_) => {
            let message = "`licensed` takes `false` only: users without a licence";
            return Err(ApiError::Member(message.to_owned()));
        }
    };
    Ok(json!({ "users": users }))
}

/// `GET /v1/customers/{customer}/deletedUsers` (A-USR-17, A-USR-18).
pub(super) fn deleted_users(reading: &Reading) -> Result<Value, ApiError> {
    let world = &reading.folded.world;
    let users = world.deleted_users(reading.path("customer"), reading.now);
    let users = users.map(|deleted| {
        json!({
            "user": deleted.user.id,
            "deletedAt": deleted.deleted_at.to_string(),
            "daysLeft": deleted.days_left,
            "licenses": deleted.licenses,
            "missingLicenses": deleted.missing,
        })
    });
    Ok(json!({ "users": users.collect::<Vec<_>>() }))
}

/// `GET /v1/customers/{customer}/effectiveRoles?partnerUser=…` (or `customerUser`,
/// `group`).
pub(super) fn effective_roles(reading: &Reading) -> Result<Value, ApiError> {
    let query = |name: &str| reading.query.get(name).map(String::as_str);
    let of = match (query("partnerUser"), query("customerUser"), query("group")) {
        (Some(id), None, None) => Principal::PartnerUser(id),
        (None, Some(id), None) => Principal::CustomerUser(id),
        (None, None, Some(id)) => Principal::Group(id),
        _ => {
            let message = "name one of `partnerUser`, `customerUser` and `group`";
            return Err(ApiError::Member(message.to_owned()));
        }
    };
    let partner = match of {
        Principal::PartnerUser(id) => {
            match reading.folded.world.fact(&Key::PartnerUser(id.to_owned())) {
                Some(Fact::PartnerUser(user)) => Some(user.partner),
                _ => None,
            }
        }
        Principal::Group(id) => id.split_once('/').map(|(partner, _)| partner.to_owned()),
        Principal::CustomerUser(_) => Some(reading.path("customer").to_owned()),
    };
    match partner {
        Some(partner) => within(&reading.caller, &partner)?,
        None => everywhere(&reading.caller)?,
    }
    let roles = reading
        .folded
        .world
        .effective_roles(reading.path("customer"), of);
    let roles = roles.into_iter().map(|effective| match effective.holding {
        Holding::Explicit => json!({ "role": effective.role, "holding": "explicit" }),
        Holding::Delegated { group } => {
            json!({ "role": effective.role, "holding": "delegated", "group": group })
        }
        Holding::Included { by } => {
            json!({ "role": effective.role, "holding": "included", "by": by })
        }
    });
    Ok(json!({ "roles": roles.collect::<Vec<_>>() }))
}

/// `GET /v1/roleAssignments?scope=…`: those that reach a scope.
pub(super) fn role_assignments(reading: &Reading) -> Result<Value, ApiError> {
    let scope = reading
        .query
        .get("scope")
        .ok_or_else(|| ApiError::Member("name a `scope`, an Azure resource id".to_owned()))?;
    let scope = Scope::parse(&scope.to_ascii_lowercase())
        .map_err(|error| ApiError::Member(format!("`scope`: {error}")))?;
    let assignments = reading.folded.world.assignments_reaching(&scope);
    let assignments = assignments.map(|assignment| {
        json!({
            "principal": assignment.principal,
            "role": assignment.role,
            "scope": assignment.scope,
        })
    });
    Ok(json!({ "roleAssignments": assignments.collect::<Vec<_>>() }))
}

/// `GET /v1/partners/{partner}/invitations`: those that wait for an answer.
pub(super) fn invitations_of(reading: &Reading) -> Result<Value, ApiError> {
    let world = &reading.folded.world;
    invitations(world.pending_invitations_of(reading.path("partner")))
}

/// `GET /v1/customers/{customer}/invitations`: those that wait for an answer.
pub(super) fn invitations_to(reading: &Reading) -> Result<Value, ApiError> {
    let world = &reading.folded.world;
    invitations(world.pending_invitations_to(reading.path("customer")))
}

fn invitations<'a>(
    waiting: impl Iterator<Item = &'a crate::directory::Invitation>,
) -> Result<Value, ApiError> {
    let waiting = waiting.map(|invitation| {
        json!({
            "invitation": invitation.id,
            "partner": invitation.partner,
            "customer": invitation.customer,
            "includeDap": invitation.include_dap,
            "sentAt": invitation.sent_at.map(|at| at.to_string()),
        })
    });
    Ok(json!({ "invitations": waiting.collect::<Vec<_>>() }))
}

/// `GET /v1/facts`: everything, as world files have it; for operators.
pub(super) fn facts(reading: &Reading) -> Result<Value, ApiError> {
    let facts = reading.folded.world.facts();
    let facts: Vec<Value> = facts.map(|fact: Fact| fact_to_json(&fact)).collect();
    Ok(json!({ "facts": facts }))
}
