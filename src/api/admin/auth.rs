//! Who calls the admin routes: a key, and the principal that it acts as.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use cedar_policy::EntityUid;

use crate::api::AppState;
use crate::api::error::ApiError;
use crate::directory::command::Caller;
use crate::directory::{Key, World};
use crate::node::{Actor, ApiKey, Ledger, Role};

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
    let operator = key.roles.contains(&Role::Operator);
    if !operator && !key.roles.contains(&Role::AdminWrite) {
        return Err(lacks(&key, "admin-write"));
    }
    let folded = ledger.folded();
    let principal = principal(&key, headers, &folded.world)?;
    let name = match &principal {
        Some(caller) => format!("{} {} (key {})", caller.ty, caller.id, key.id),
        None => format!("key {}", key.id),
    };
    let actor = Actor {
        name,
        principal,
        operator,
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
        false => Err(lacks(&key, "admin-read")),
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
            "key {} is not for the tenant `{tenant}`",
            key.id
        ))),
    }
}

fn lacks(key: &ApiKey, role: &str) -> ApiError {
    ApiError::Forbidden(format!("key {} does not have the role `{role}`", key.id))
}

fn key(ledger: &Ledger, headers: &HeaderMap) -> Result<ApiKey, ApiError> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(ApiError::Unauthorized);
    };
    let shown = value.to_str().ok().and_then(|text| {
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let key = shown.and_then(|shown| ledger.key(shown));
    key.ok_or(ApiError::Unauthorized)
}

/// As whom a key acts.
fn principal(key: &ApiKey, headers: &HeaderMap, world: &World) -> Result<Option<Caller>, ApiError> {
    let bad = |message: &str| ApiError::Header {
        name: "Aobo-Principal",
        message: message.to_owned(),
    };
    let said = match headers.get(PRINCIPAL) {
        None => None,
        Some(value) => Some(
            value
                .to_str()
                .map_err(|_| bad("must be ASCII characters"))?,
        ),
    };
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
    // Somebody who is not there has no tenant, and is within every key's scope or
    // none.
    let tenant = tenant(&caller, world).unwrap_or_default();
    within(key, &tenant)?;
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
        _ => Some(caller.id.clone()),
    }
}
