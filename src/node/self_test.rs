//! Known questions with known answers, asked before a bundle is taken into use.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use super::{NodeError, Point};
use crate::directory::{AzureRoles, World, world_file};
use crate::engine::intake::{Ask, Party};
use crate::engine::{Input, Member};
use crate::policy::{Bundle, Source};

/// Two customers: one delegates to the partner, the other took that away and
/// left an Owner standing.
const WORLD: &str = r#"{
  "partners": {"p": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "customers": {
    "given": {"country": "FR", "market": "Europe", "cloud": "public"},
    "taken": {"country": "FR", "market": "Europe", "cloud": "public"}
  },
  "partner_users": {"agent": {"partner": "p", "roles": ["AdminAgent"]}, "nobody": {"partner": "p"}},
  "relationships": [
    {"partner": "p", "customer": "given", "status": "active", "dap": "active"},
    {"partner": "p", "customer": "taken", "status": "active", "dap": "removed"}
  ],
  "subscriptions": {"s": {"customer": "taken"}},
  "role_assignments": [{"principal": "p/AdminAgents", "role": "Owner", "scope": "/subscriptions/s"}]
}"#;

/// Question, principal, action, resource type, resource, whether it is allowed.
const QUESTIONS: [(&str, &str, &str, &str, &str, bool); 6] = [
    (
        "an agent's sign-in to a delegating tenant",
        "agent",
        "SignInToCustomerTenant",
        "Customer",
        "given",
        true,
    ),
    (
        "an agent's sign-in after the privileges were removed",
        "agent",
        "SignInToCustomerTenant",
        "Customer",
        "taken",
        false,
    ),
    (
        "a sign-in without any role",
        "nobody",
        "SignInToCustomerTenant",
        "Customer",
        "given",
        false,
    ),
    (
        "an agent's user creation in a delegating tenant",
        "agent",
        "CreateUser",
        "Customer",
        "given",
        true,
    ),
    (
        "an Owner's operation after the privileges were removed",
        "agent",
        "AzureOperation",
        "Subscription",
        "/subscriptions/s",
        true,
    ),
    (
        "an operation of nobody",
        "nobody",
        "AzureOperation",
        "Subscription",
        "/subscriptions/s",
        false,
    ),
];

/// Asks a bundle over the built-in schema what every profile must answer alike.
///
/// # Errors
/// [`NodeError::SelfTest`] naming the first wrong answer, or what kept the small
/// world from being loaded.
pub fn self_test(bundle: &Arc<Bundle>) -> Result<(), NodeError> {
    let world = World::new(AzureRoles::of(bundle));
    let bare = Point::directory(Arc::clone(bundle), world, Vec::new())?;
    self_test_of(&bare)
}

/// The same of a bundle that was compiled: a point of a directory, over any facts.
///
/// # Errors
/// As [`self_test`].
pub(super) fn self_test_of(compiled: &Point) -> Result<(), NodeError> {
    let bundle = compiled.snapshot().bundle();
    let source = Source::new("the self-test's world", WORLD);
    let (world, changes) =
        world_file::load(&source, AzureRoles::of(bundle)).map_err(|finding| {
            crate::engine::EngineError::Entities {
                message: finding.to_string(),
            }
        })?;
    let point = compiled.rebuilt(world, changes, 0)?;
    for (question, principal, action, ty, resource, allowed) in QUESTIONS {
        let ask = Ask {
            principal: party("PartnerUser", principal),
            action: Cow::Borrowed(action),
            resource: party(ty, resource),
            context: vec![Member {
                name: Cow::Borrowed("operation"),
                value: Input::String(Cow::Borrowed("Microsoft.Compute/virtualMachines/read")),
            }],
            ..Ask::default()
        };
        let decision = point.decide(ask, Timestamp::UNIX_EPOCH).decision;
        if decision.allows() != allowed {
            let word = |allow| if allow { "allowed" } else { "denied" };
            return Err(NodeError::SelfTest {
                question,
                wanted: word(allowed),
                got: word(decision.allows()),
            });
        }
    }
    Ok(())
}

fn party<'a>(ty: &'a str, id: &'a str) -> Party<'a> {
    Party {
        ty: Cow::Borrowed(ty),
        id: Cow::Borrowed(id),
        properties: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Profile;

    #[test]
    fn every_profile_passes() {
        for profile in Profile::ALL {
            self_test(&Arc::new(profile.bundle().unwrap())).unwrap();
        }
    }

    #[test]
    fn a_bundle_that_forgets_the_customer_s_wish_fails() {
        let mut sources = Profile::Seed.sources();
        let open = "permit (principal is PartnerUser, action, resource);";
        sources.push(Source::new("open", open));
        let bundle = Bundle::new(&Profile::schema(), &sources).unwrap();
        let error = self_test(&Arc::new(bundle)).unwrap_err();
        assert!(error.to_string().contains("and must be"), "{error}");
    }
}
