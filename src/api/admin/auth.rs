//! Who calls the admin routes: a key, and the principal that it acts as.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use cedar_policy::EntityUid;

use crate::api::error::ApiError;
use crate::api::{AppState, position};
use crate::directory::command::Caller;
use crate::directory::{Key, World};
use crate::node::{Actor, ApiKey, Ledger, Role, TenantScope};

/// The header in which a key without a principal of its own says as whom it acts.
const PRINCIPAL: &str = "aobo-principal";

/// The ledger, and who writes to it.
///
/// # Errors
/// [`ApiError::Unauthorized`] without a good key, [`ApiError::Forbidden`] for one
/// that may not write, or acts outside of its tenants.
pub(super) fn actor(
    state: &AppState,
    headers: &HeaderMap,
) -> Result<(Arc<Ledger>, Actor), ApiError> {
    let ledger = state.ledger()?;
    let key = key(&ledger, headers)?;
    let operator = key.is_operator();
    if !operator && !key.roles.contains(&Role::AdminWrite) {
        return Err(lacks(&key.id, "admin-write"));
    }
    let folded = ledger.folded();
    let principal = principal(&key, headers, &folded.world)?;
    let name = match &principal {
        Some(caller) => format!("{} {} (key {})", caller.ty, caller.id, key.id),
        None => format!("key {}", key.id),
    };
    if principal.is_some() && !key.roles.contains(&Role::AdminWrite) {
        return Err(lacks(&key.id, "admin-write"));
    }
    let actor = Actor {
        name,
        principal,
        operator,
        key: Some(key.id),
    };
    Ok((ledger, actor))
}

/// The key that a reader shows.
///
/// # Errors
/// As [`actor`], for a key that may not read.
pub(super) fn reader(
    state: &AppState,
    headers: &HeaderMap,
) -> Result<(Arc<Ledger>, ApiKey), ApiError> {
    let ledger = state.ledger()?;
    let key = key(&ledger, headers)?;
    match key.roles.contains(&Role::AdminRead) {
        true => Ok((ledger, key)),
        false => Err(lacks(&key.id, "admin-read")),
    }
}

/// Whether a key may read what belongs to no tenant, or to many.
///
/// # Errors
/// [`ApiError::Forbidden`] if it is for some tenants only.
pub(super) fn everywhere(key: &ApiKey) -> Result<(), ApiError> {
    match key.tenants == TenantScope::All {
        true => Ok(()),
        false => Err(ApiError::Forbidden(format!(
            "key {} is for some tenants, and this is about all of them; use a key for every tenant",
            key.id
        ))),
    }
}

/// Whether a key may read about a partner or customer.
///
/// # Errors
/// [`ApiError::Forbidden`] if it is not among its tenants.
pub(super) fn within(key: &ApiKey, tenant: &str) -> Result<(), ApiError> {
    match key.tenants.holds(tenant) {
        true => Ok(()),
        false => Err(ApiError::Forbidden(format!(
            "key {} is not for the tenant `{tenant}`; use a key that is",
            key.id
        ))),
    }
}

/// The refusal of a key without a role.
pub(super) fn lacks(key: &str, role: &str) -> ApiError {
    ApiError::Forbidden(format!(
        "key {key} does not have the role `{role}`; use a key that has it"
    ))
}

fn key(ledger: &Ledger, headers: &HeaderMap) -> Result<ApiKey, ApiError> {
    let given = position::only(headers, header::AUTHORIZATION.as_str()).flatten();
    let shown = given.and_then(|value| {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let key = shown.and_then(|shown| ledger.key(shown));
    key.ok_or(ApiError::Unauthorized)
}

/// The text of a header that may come once.
///
/// # Errors
/// [`ApiError::Header`] if it comes more than once, or is not ASCII.
pub(super) fn only<'h>(
    headers: &'h HeaderMap,
    name: &str,
    shown: &'static str,
) -> Result<Option<&'h str>, ApiError> {
    let bad = |message: &str| ApiError::Header {
        name: shown,
        message: message.to_owned(),
    };
    match position::only(headers, name) {
        None => Ok(None),
        Some(None) => Err(bad("must come once")),
        Some(Some(value)) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(bad("must be visible ASCII characters")),
        },
    }
}

/// As whom a key acts.
fn principal(key: &ApiKey, headers: &HeaderMap, world: &World) -> Result<Option<Caller>, ApiError> {
    let bad = |message: &str| ApiError::Header {
        name: "Aobo-Principal",
        message: message.to_owned(),
    };
    let said = only(headers, PRINCIPAL, "Aobo-Principal")?;
    let text = match (&key.principal, said) {
        (Some(own), Some(said)) if own != said => {
            return Err(ApiError::Forbidden(format!(
                "key {} acts as `{own}` only",
                key.id
            )));
        }
        (Some(own), _) => own.as_str(),
        (None, Some(said)) => said,
        (None, None) => return Ok(None),
    };
    let uid: EntityUid = text
        .parse()
        .map_err(|_| bad("must be a principal: `PartnerUser::\"ada@fabrikam.example\"`"))?;
    let caller = Caller {
        ty: uid.type_name().to_string(),
        id: uid.id().unescaped().to_owned(),
    };
    match tenant(&caller, world) {
        Some(tenant) => within(key, &tenant)?,
        // Somebody who is not there has no tenant.
        None => everywhere(key)?,
    }
    Ok(Some(caller))
}

fn tenant(caller: &Caller, world: &World) -> Option<String> {
    use crate::directory::Fact;
    match caller.ty.as_str() {
        "PartnerUser" => match world.fact(&Key::PartnerUser(caller.id.clone()))? {
            Fact::PartnerUser(user) => Some(user.partner),
            _ => None,
        },
        "CustomerUser" => match world.fact(&Key::CustomerUser(caller.id.clone()))? {
            Fact::CustomerUser(user) => Some(user.customer),
            _ => None,
        },
        // Publishers and whoever else are in no tenant.
        _ => None,
    }
}
