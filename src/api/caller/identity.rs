//! A caller that is known: by a key, by a token, or as a stranger on this machine.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::api::error::ApiError;
use crate::node::{ApiKey, Role, TenantScope};

/// Who asks, and what it may ask. Holds nothing that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    name: String,
    key: Option<String>,
    roles: BTreeSet<Role>,
    tenants: TenantScope,
    principal: Option<String>,
}

impl CallerIdentity {
    /// Whoever shows one of our keys.
    pub(super) fn of_key(key: ApiKey) -> Self {
        Self {
            name: format!("key {}", key.id),
            key: Some(key.id),
            roles: key.roles,
            tenants: key.tenants,
            principal: key.principal,
        }
    }

    /// Whoever an issuer vouches for.
    pub(super) fn of_token(
        subject: &str,
        roles: BTreeSet<Role>,
        tenants: TenantScope,
        principal: Option<String>,
    ) -> Self {
        Self {
            name: format!("token {subject}"),
            key: None,
            roles,
            tenants,
            principal,
        }
    }

    /// Whoever shows nothing, with what such callers may do.
    pub(super) fn stranger(roles: BTreeSet<Role>) -> Self {
        Self {
            name: "stranger".to_owned(),
            key: None,
            roles,
            tenants: TenantScope::All,
            principal: None,
        }
    }

    /// What logs call it: `key 3f2a91c0d4e5`, `token <sub>` or `stranger`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key that it showed.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whose tenants it may ask about.
    #[must_use]
    pub fn tenants(&self) -> &TenantScope {
        &self.tenants
    }

    /// The principal that it acts as: `PartnerUser::"ada"`. Without one, it says so
    /// itself with each command, within its tenants.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// Whether it was given a role. An operator's role counts for every tenant or
    /// not at all.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        let given = self.roles.contains(&role);
        given && (role != Role::Operator || self.tenants == TenantScope::All)
    }

    /// Whether it gets past a door that needs a role: operators write, too.
    #[must_use]
    pub fn passes(&self, needed: Role) -> bool {
        let as_operator = needed == Role::AdminWrite && self.has(Role::Operator);
        as_operator || self.has(needed)
    }

    /// The refusal of a caller that lacks a role.
    pub(in crate::api) fn lacks(&self, role: Role) -> ApiError {
        let named = Role::ALL.iter().find(|(_, known)| *known == role);
        let role = named.map_or("", |(name, _)| name);
        ApiError::Forbidden(format!(
            "{} does not have the role `{role}`; use a caller that has it",
            self.name
        ))
    }
}

/// The caller of a route that needs a role, for its handler.
#[derive(Debug, Clone)]
pub(in crate::api) struct Asking(pub(in crate::api) Arc<CallerIdentity>);

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = ApiError;

    /// # Errors
    /// [`ApiError::Unauthorized`] where nobody was asked: a route whose row needs no
    /// role knows no caller.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or(ApiError::Unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, tenants: TenantScope) -> CallerIdentity {
        CallerIdentity::of_token("s", BTreeSet::from([role]), tenants, None)
    }

    #[test]
    fn an_operator_is_one_for_every_tenant() {
        let some = || TenantScope::Of(BTreeSet::from(["contoso".to_owned()]));
        let everywhere = caller(Role::Operator, TenantScope::All);
        assert!(everywhere.passes(Role::Operator) && everywhere.passes(Role::AdminWrite));
        assert!(!everywhere.passes(Role::AdminRead) && !everywhere.passes(Role::Decide));
        let somewhere = caller(Role::Operator, some());
        assert!(!somewhere.passes(Role::Operator) && !somewhere.passes(Role::AdminWrite));
        let writer = caller(Role::AdminWrite, some());
        assert!(writer.passes(Role::AdminWrite) && !writer.passes(Role::Operator));
    }
}
