//! The door: who shows what, and whether it may have what its route needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::{HeaderMap, header};

use super::origin::is_foreign_page;
use super::{CallerIdentity, Issuer};
use crate::api::error::ApiError;
use crate::api::given::only;
use crate::api::{AppState, Listener, PublicUrl};
use crate::node::{KEY_PREFIX, Role};

/// What callers may do that show nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strangers {
    /// Nothing.
    Nothing,
    /// Read metrics.
    Metrics,
    /// Ask for decisions, search, and read metrics.
    Decisions,
}

/// Who is let in. Shared by both listeners.
#[derive(Debug)]
pub struct Callers {
    issuer: Option<Arc<Issuer>>,
    /// The stranger of each listener.
    decisions: Arc<CallerIdentity>,
    admin: Arc<CallerIdentity>,
}

impl Callers {
    /// Those with a key, those for whom the issuer vouches, if there is one, and
    /// strangers as it is said for each listener. No stranger administers: there,
    /// metrics are the most.
    #[must_use]
    pub fn new(issuer: Option<Issuer>, decisions: Strangers, admin: Strangers) -> Self {
        Self {
            issuer: issuer.map(Arc::new),
            decisions: stranger(decisions),
            admin: stranger(admin.min(Strangers::Metrics)),
        }
    }
}

impl Default for Callers {
    /// As on loopback if nothing else is asked for: decisions for whoever asks, and
    /// no issuer.
    fn default() -> Self {
        Self::new(None, Strangers::Decisions, Strangers::Metrics)
    }
}

fn stranger(may: Strangers) -> Arc<CallerIdentity> {
    let roles: &[Role] = match may {
        Strangers::Nothing => &[],
        Strangers::Metrics => &[Role::Metrics],
        Strangers::Decisions => &[Role::Decide, Role::Search, Role::Metrics],
    };
    let roles: BTreeSet<Role> = roles.iter().copied().collect();
    Arc::new(CallerIdentity::stranger(roles))
}

/// What another site's page is told.
const FOREIGN_PAGE: &str = "pages of other sites (`Origin`) are not answered without a credential; \
show a key or a token, or ask from a program";

/// The door of a listener.
#[derive(Debug)]
pub(in crate::api) struct Door {
    pub(in crate::api) state: Arc<AppState>,
    pub(in crate::api) listener: Listener,
}

impl Door {
    /// The caller, if it has the role.
    ///
    /// # Errors
    /// [`ApiError::Unauthorized`] for what is no good credential, and for none at all
    /// where strangers may not; [`ApiError::Forbidden`] for a caller without the
    /// role, and for a stranger that is another site's page.
    pub(in crate::api) async fn caller(
        &self,
        headers: &HeaderMap,
        role: Role,
    ) -> Result<Arc<CallerIdentity>, ApiError> {
        let Some(given) = only(headers, &header::AUTHORIZATION) else {
            let callers = self.state.callers();
            let stranger = match self.listener {
                Listener::Decisions => &callers.decisions,
                Listener::Admin => &callers.admin,
            };
            let public_host = self.state.public_url().map(PublicUrl::host);
            return match stranger.passes(role) {
                true if is_foreign_page(headers, public_host) => {
                    Err(ApiError::Forbidden(FOREIGN_PAGE.to_owned()))
                }
                true => Ok(Arc::clone(stranger)),
                false => Err(ApiError::Unauthorized),
            };
        };
        let shown = given.and_then(|value| {
            let (scheme, shown) = value.to_str().ok()?.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then_some(shown.trim())
        });
        let caller = self.known(shown.ok_or(ApiError::Unauthorized)?).await?;
        match caller.passes(role) {
            true => Ok(Arc::new(caller)),
            false => Err(caller.lacks(role)),
        }
    }

    /// The caller that shows this.
    async fn known(&self, shown: &str) -> Result<CallerIdentity, ApiError> {
        if shown.starts_with(KEY_PREFIX) {
            let ledger = self.state.ledger().map_err(|_| ApiError::Unauthorized)?;
            let key = ledger.key(shown).ok_or(ApiError::Unauthorized)?;
            return Ok(CallerIdentity::of_key(key));
        }
        let Some(issuer) = &self.state.callers().issuer else {
            return Err(ApiError::Unauthorized);
        };
        let now = self.state.point().now();
        // Apart, so that other callers' requests need not be as large.
        let caller = Box::pin(issuer.caller(shown, now)).await;
        caller.map_err(|error| {
            tracing::debug!(%error, "a token was not taken");
            ApiError::Unauthorized
        })
    }
}
