//! What a caller of the admin routes writes as, and whose tenants it reads.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use cedar_policy::EntityUid;

use crate::api::caller::CallerIdentity;
use crate::api::error::ApiError;
use crate::api::{AppState, given};
use crate::directory::World;
use crate::directory::command::Caller;
use crate::node::{Actor, Ledger, Role, TenantScope};

/// The header in which a caller without a principal of its own says as whom it acts.
const PRINCIPAL: HeaderName = HeaderName::from_static("aobo-principal");

/// The ledger, and who writes to it.
///
/// # Errors
/// [`ApiError::Forbidden`] for one that may not act as a principal, or acts outside
/// of its tenants.
pub(super) fn actor(
    state: &AppState,
    caller: &CallerIdentity,
    headers: &HeaderMap,
) -> Result<(Arc<Ledger>, Actor), ApiError> {
    let ledger = state.ledger()?;
    let principal = principal(caller, headers, &ledger.folded().world)?;
    if principal.is_some() && !caller.has(Role::AdminWrite) {
        return Err(caller.lacks(Role::AdminWrite));
    }
    let name = match &principal {
        Some(principal) => format!("{} {} ({})", principal.ty, principal.id, caller.name()),
        None => caller.name().to_owned(),
    };
    let actor = Actor {
        name,
        principal,
        tenants: caller.tenants().clone(),
        operator: caller.has(Role::Operator),
        key: caller.key().map(str::to_owned),
    };
    Ok((ledger, actor))
}

/// Whether a caller may read what belongs to no tenant, or to many.
///
/// # Errors
/// [`ApiError::Forbidden`] if it is for some tenants only.
pub(super) fn everywhere(caller: &CallerIdentity) -> Result<(), ApiError> {
    match *caller.tenants() == TenantScope::All {
        true => Ok(()),
        false => Err(ApiError::Forbidden(format!(
            "{} is for some tenants, and this is about all of them; use a caller for every tenant",
            caller.name()
        ))),
    }
}

/// Whether a caller may read about a partner or customer.
///
/// # Errors
/// [`ApiError::Forbidden`] if it is not among its tenants.
pub(super) fn within(caller: &CallerIdentity, tenant: &str) -> Result<(), ApiError> {
    match caller.tenants().holds(tenant) {
        true => Ok(()),
        false => Err(ApiError::Forbidden(format!(
            "{} is not for the tenant `{tenant}`; use a caller that is",
            caller.name()
        ))),
    }
}

/// The text of a header that may come once.
///
/// # Errors
/// [`ApiError::Header`] if it comes more than once, or is not ASCII.
pub(super) fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<&'h str>, ApiError> {
    let bad = |message: &str| ApiError::Header {
        name: shown,
        message: message.to_owned(),
    };
    match given::only(headers, name) {
        None => Ok(None),
        Some(None) => Err(bad("must come once")),
        Some(Some(value)) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(bad("must be visible ASCII characters")),
        },
    }
}

/// As whom a caller acts.
///
/// # Errors
/// [`ApiError::Header`] for what is no principal, [`ApiError::Forbidden`] for one that is
/// not the caller's own, or not of its tenants.
pub(super) fn principal(
    caller: &CallerIdentity,
    headers: &HeaderMap,
    world: &World,
) -> Result<Option<Caller>, ApiError> {
    let bad = |message: &str| ApiError::Header {
        name: "Aobo-Principal",
        message: message.to_owned(),
    };
    let said = only(headers, &PRINCIPAL, "Aobo-Principal")?;
    let text = match (caller.principal(), said) {
        (Some(own), Some(said)) if own != said => {
            return Err(ApiError::Forbidden(format!(
                "{} acts as `{own}` only",
                caller.name()
            )));
        }
        (Some(own), _) => own,
        (None, Some(said)) => said,
        (None, None) => return Ok(None),
    };
    let uid: EntityUid = text
        .parse()
        .map_err(|_| bad("must be a principal: `PartnerUser::\"ada@fabrikam.example\"`"))?;
    let principal = Caller {
        ty: uid.type_name().to_string(),
        id: uid.id().unescaped().to_owned(),
    };
    match world.tenant_of(&principal) {
        Some(tenant) => within(caller, tenant)?,
        // Somebody who is not there has no tenant.
        None => everywhere(caller)?,
    }
    Ok(Some(principal))
}
