//! Reads of the directory, each from one state.
//!
//! What a caller may read its role and its tenants say; if it acts as a principal, the
//! policies as well.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::auth::{everywhere, principal, within};
use crate::api::AppState;
use crate::api::caller::{Asking, CallerIdentity};
use crate::api::error::ApiError;
use crate::api::position::REVISION;
use crate::directory::command::Caller;
use crate::directory::query::{Holding, Principal};
use crate::directory::world_file::fact_to_json;
use crate::directory::{Fact, Key, Scope};
use crate::engine::intake::{Ask, Party};
use crate::engine::{Input, Member};
use crate::node::{Folded, Point};

/// What a read is given.
pub(super) struct Reading {
    pub(super) caller: Arc<CallerIdentity>,
    pub(super) folded: Arc<Folded>,
    pub(super) path: BTreeMap<String, String>,
    pub(super) query: BTreeMap<String, String>,
    /// As whom the caller reads.
    principal: Option<Caller>,
    pub(super) now: jiff::Timestamp,
}

/// What a principal is asked who wants to read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asks {
    /// To be one of the partner's own people.
    Partner,
    /// To be allowed this action on the customer.
    Customer(&'static str),
    /// To be allowed to read role assignments at the scope.
    Scope,
    /// Not to be one: it is for those who look after the directory.
    Nobody,
}

impl Reading {
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// The Azure scope that the query names.
    fn scope(&self) -> Result<Scope, ApiError> {
        let scope = self.query.get("scope");
        let scope = scope
            .ok_or_else(|| ApiError::Member("name a `scope`, an Azure resource id".to_owned()))?;
        Scope::parse(&scope.to_ascii_lowercase())
            .map_err(|error| ApiError::Member(format!("`scope`: {error}")))
    }

    /// Whether a principal may read this.
    fn permits(&self, principal: &Caller, asks: Asks, point: &Point) -> Result<(), ApiError> {
        let refused = |what: &str| {
            let Caller { ty, id } = principal;
            Err(ApiError::Forbidden(format!("{ty} `{id}` may not {what}")))
        };
        let (action, ty, id) = match asks {
            Asks::Partner => {
                let partner = self.path("partner");
                let world = &self.folded.world;
                return match world.tenant_of(principal) {
                    Some(own) if principal.ty == "PartnerUser" && own == partner => Ok(()),
                    _ => refused(&format!("read what is of the partner `{partner}`")),
                };
            }
            Asks::Nobody => {
                return refused(
                    "read this; use a key that acts as nobody, without `Aobo-Principal`",
                );
            }
            Asks::Customer(action) => (action, "Customer", self.path("customer").to_owned()),
            Asks::Scope => {
                let scope = self.scope()?;
                ("AzureOperation", scope.type_name(), scope.id().to_owned())
            }
        };
        let party = |ty: &str, id: &str| Party {
            ty: ty.to_owned().into(),
            id: id.to_owned().into(),
            properties: Vec::new(),
        };
        let operation = Member {
            name: "operation".into(),
            value: Input::String(READ_ROLES.into()),
        };
        let ask = Ask {
            principal: party(&principal.ty, &principal.id),
            action: action.into(),
            resource: party(ty, &id),
            context: matches!(asks, Asks::Scope)
                .then_some(operation)
                .into_iter()
                .collect(),
            ..Ask::default()
        };
        match point.decided(ask, self.now).allows() {
            true => Ok(()),
            false => refused(&format!("{action} on {ty} `{id}`")),
        }
    }
}

/// What reading role assignments is called in Azure.
const READ_ROLES: &str = "microsoft.authorization/roleassignments/read";

/// A read: from a state to the answer.
pub(super) type Read = fn(&Reading) -> Result<Value, ApiError>;

/// Values by name.
type Named = BTreeMap<String, String>;

/// Answers a read, if the caller may read about the tenant in the path.
///
/// # Errors
/// [`ApiError`] for a caller that may not, or for a question that makes no sense.
pub(super) async fn answer(
    (read, asks): (Read, Asks),
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    (path, query): (
        Result<Path<Named>, PathRejection>,
        Result<Query<Named>, QueryRejection>,
    ),
    headers: HeaderMap,
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
    let folded = ledger.folded();
    let reading = Reading {
        principal: principal(&caller, &headers, &folded.world)?,
        caller,
        folded,
        path,
        query,
        now: state.point().now(),
    };
    if let Some(principal) = &reading.principal {
        reading.permits(principal, asks, &state.point().current())?;
    }
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
    let customers = pairs.map(|pair| match reading.principal {
        None => json!({ "customer": pair.customer, "delegatedAdmin": pair.delegates() }),
        // The partner's people see that nowhere; the customer's do (A-DAP-07).
        Some(_) => json!({ "customer": pair.customer }),
    });
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
    let scope = reading.scope()?;
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
