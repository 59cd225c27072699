//! Writes: routes to commands, as a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::auth::{actor, only};
use crate::api::AppState;
use crate::api::body::json_object;
use crate::api::caller::Asking;
use crate::api::error::ApiError;
use crate::api::metrics::Carried;
use crate::api::position::REVISION;
use crate::directory::command::Command;
use crate::node::{Submission, What};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// One way to give a command.
#[derive(Debug, Clone, Copy)]
pub struct CommandRoute {
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// The path; what stands in braces is a member of the command.
    pub path: &'static str,
    /// The command by name; empty where the body names it.
    pub command: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
}

const fn route(
    method: &'static str,
    path: &'static str,
    command: &'static str,
    summary: &'static str,
) -> CommandRoute {
    CommandRoute {
        method,
        path,
        command,
        summary,
    }
}

/// Every write.
#[rustfmt::skip]
pub const COMMANDS: &[CommandRoute] = &[
    route("POST", "/v1/commands", "", "Gives any command by its name."),
    route("POST", "/v1/partners/{partner}/customers/{customer}/invitations", "prepare-invitation", "Drafts an invitation with a personal link."),
    route("PATCH", "/v1/invitations/{invitation}", "edit-invitation", "Changes the text of a draft; the link must stay."),
    route("POST", "/v1/invitations/{invitation}/send", "send-invitation", "Closes a draft; the caller sends the mail."),
    route("POST", "/v1/invitations/{invitation}/accept", "accept-invitation", "The customer accepts, in a portal."),
    route("DELETE", "/v1/customers/{customer}/partners/{partner}/delegatedAdmin", "remove-delegated-admin", "The customer takes a partner's privileges away."),
    route("DELETE", "/v1/partners/{partner}/customers/{customer}", "remove-relationship", "The partner ends the relationship."),
    route("POST", "/v1/partners/{partner}/customers/{customer}/renegotiateContract", "renegotiate-contract", "Records that the contract was renegotiated."),
    route("POST", "/v1/partners/{partner}/customers/{customer}/serviceRequests", "open-service-request", "Opens a service request on behalf of the customer."),
    route("POST", "/v1/partners/{partner}/customers/{customer}/subscriptions", "provision-subscription", "Provisions an Azure subscription; Admin Agents become its Owner."),
    route("POST", "/v1/subscriptions/{subscription}/suspend", "suspend-subscription", "Suspends a subscription."),
    route("POST", "/v1/subscriptions/{subscription}/resume", "resume-subscription", "Ends a suspension."),
    route("POST", "/v1/subscriptions/{subscription}/cancel", "cancel-subscription", "Cancels a subscription."),
    route("PUT", "/v1/subscriptions/{subscription}/managementGroup", "move-subscription", "Moves a subscription into a management group, or out of all."),
    route("PUT", "/v1/managementGroups/{management_group}", "put-management-group", "Adds or moves a management group."),
    route("DELETE", "/v1/managementGroups/{management_group}", "remove-management-group", "Removes an empty management group."),
    route("POST", "/v1/roleAssignments", "assign-azure-role", "Assigns an Azure role."),
    route("DELETE", "/v1/roleAssignments", "remove-azure-role", "Removes a role assignment, named by the body."),
    route("POST", "/v1/customers/{customer}/users", "create-user", "Creates a user."),
    route("POST", "/v1/customers/{customer}/users/import", "import-users", "Creates users from a CSV file, all or none."),
    route("POST", "/v1/users/{user}/directoryRoles", "assign-directory-role", "Gives a user a directory role."),
    route("DELETE", "/v1/users/{user}/directoryRoles/{role}", "remove-directory-role", "Takes a directory role from a user."),
    route("POST", "/v1/licenses/{product}/assign", "assign-license", "Gives users licences of a product, all or none."),
    route("POST", "/v1/licenses/{product}/remove", "remove-license", "Takes the licences of a product from users."),
    route("PUT", "/v1/customers/{customer}/seats/{product}", "set-seats", "Says how many licences of a product are free."),
    route("POST", "/v1/customers/{customer}/products/{product}/activate", "activate-product", "The publisher activates a marketplace product."),
    route("POST", "/v1/users/{user}/resetPassword", "reset-password", "Records that a reset was decided; no password comes by here."),
    route("DELETE", "/v1/users/{user}", "delete-user", "Deletes a user, who can be restored for 30 days."),
    route("POST", "/v1/users/restore", "restore-users", "Restores deleted users, all or none."),
    route("POST", "/v1/users/{user}/purge", "purge-user", "Removes for good a user that can no longer be restored."),
    route("POST", "/v1/customers/{customer}/devices", "add-devices", "Adds devices through a channel."),
    route("DELETE", "/v1/devices/{device}", "delete-device", "Removes a device."),
    route("POST", "/v1/customers/{customer}/autopilotProfiles", "add-autopilot-profile", "Adds an Autopilot profile."),
    route("PATCH", "/v1/autopilotProfiles/{profile}", "update-autopilot-profile", "Gives a profile another name and other settings."),
    route("DELETE", "/v1/autopilotProfiles/{profile}", "delete-autopilot-profile", "Removes a profile that is on no device."),
    route("PUT", "/v1/devices/{device}/autopilotProfile/{profile}", "apply-autopilot-profile", "Puts a profile on a device."),
    route("DELETE", "/v1/devices/{device}/autopilotProfile/{profile}", "remove-autopilot-profile", "Takes a profile off a device."),
    route("PUT", "/v1/facts", "put", "Adds or replaces a fact, as an operator reports it."),
    route("DELETE", "/v1/facts", "remove", "Takes a fact away."),
];

/// Carries a command out.
///
/// # Errors
/// [`ApiError`] if the caller may not act so, the request is no command,
/// or the command is not carried out; nothing was written then.
pub(super) async fn command(
    route: CommandRoute,
    State(state): State<Arc<AppState>>,
    Asking(caller): Asking,
    members: Result<Path<BTreeMap<String, String>>, PathRejection>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let (ledger, actor) = actor(&state, &caller, &headers)?;
    let Path(members) = members?;
    let body = match body.is_empty() {
        // A command may be all in its path.
        true => Map::new(),
        false => json_object(&headers, &body)?,
    };
    let submission = Submission {
        actor,
        what: What::Command(read(route, members, body)?),
        idempotency_key: idempotency_key(&headers)?,
        expected: expected(&headers)?,
    };
    let written = ledger.submit(submission).await.map_err(ApiError::from);
    state.metrics().commanded(match &written {
        Ok(written) if written.repeated => Carried::Repeated,
        Ok(_) => Carried::Written,
        Err(error) if error.status().is_client_error() => Carried::Refused,
        Err(_) => Carried::Failed,
    });
    let written = written?;
    let mut answer = match written.answer {
        Value::Object(answer) => answer,
        _ => Map::new(),
    };
    answer.insert("revision".to_owned(), written.revision.into());
    answer.insert("repeated".to_owned(), written.repeated.into());
    let revision = HeaderValue::from(written.revision);
    Ok((StatusCode::OK, [(REVISION, revision)], Json(answer)).into_response())
}

/// The command of a route, a path and a body.
fn read(
    route: CommandRoute,
    members: BTreeMap<String, String>,
    body: Map<String, Value>,
) -> Result<Command, ApiError> {
    let mut all = body;
    for (name, value) in members {
        if all.contains_key(&name) {
            return Err(ApiError::Member(format!(
                "`{name}` is in the path already; leave it out of the body"
            )));
        }
        all.insert(name, Value::String(value));
    }
    if !route.command.is_empty() {
        if all.contains_key("command") {
            return Err(ApiError::Member(format!(
                "the path says that this is `{}`; leave `command` out of the body",
                route.command
            )));
        }
        all.insert("command".to_owned(), route.command.into());
    }
    let command = serde_json::from_value(Value::Object(all));
    command.map_err(|error: serde_json::Error| {
        let error = error.to_string();
        // A fact that stands alone has no place to name.
        let what = error.trim_start_matches(": ");
        ApiError::Member(format!("this is not a command: {what}"))
    })
}

/// The `Idempotency-Key` of a request.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let bad = |message: &str| ApiError::Header {
        name: "Idempotency-Key",
        message: message.to_owned(),
    };
    let Some(text) = only(headers, &IDEMPOTENCY_KEY, "Idempotency-Key")? else {
        return Ok(None);
    };
    match text.len() {
        1..=255 => Ok(Some(text.to_owned())),
        _ => Err(bad("must have 1 to 255 characters")),
    }
}

/// The revision of `If-Match`. Shape: `"17"` or `17`; `*` is any.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(text) = only(headers, &header::IF_MATCH, "If-Match")? else {
        return Ok(None);
    };
    let text = text.trim().trim_matches('"');
    if text == "*" {
        return Ok(None);
    }
    let revision = text.parse().map_err(|_| ApiError::Header {
        name: "If-Match",
        message: "must be a revision in quotes: `\"17\"`".to_owned(),
    })?;
    Ok(Some(revision))
}
