//! Whose tenant somebody or something is in, and what a caller may ask about.
//!
//! A question is about its principal and its resource. Whoever may ask about either
//! may ask it: a partner about its agents, a customer about its own. Who is not
//! known, and who is in no tenant, is for callers of every tenant.

use super::CallerIdentity;
use crate::api::error::ApiError;
use crate::directory::{Fact, Key, Scope, ScopeKind, World};
use crate::engine::intake::{Ask, Party};
use crate::node::{Facts, TenantScope};

/// Whether a caller may ask a question. Of a search the parties count that are
/// given: leave the id of the one that is searched empty, as it was not asked about.
///
/// # Errors
/// [`ApiError::Forbidden`] if neither the principal nor the resource is of the
/// caller's tenants. It says the same whether they are there or not.
pub(in crate::api) fn may_ask(
    caller: &CallerIdentity,
    facts: &Facts,
    ask: &Ask<'_>,
) -> Result<(), ApiError> {
    let TenantScope::Of(tenants) = caller.tenants() else {
        return Ok(());
    };
    let within = |tenant: Option<String>| tenant.is_some_and(|tenant| tenants.contains(&tenant));
    if let Facts::Directory(world) = facts
        && (within(tenant_of(world, &ask.principal)) || within(tenant_of(world, &ask.resource)))
    {
        return Ok(());
    }
    Err(ApiError::Forbidden(format!(
        "{} may not ask this: neither the subject nor the resource is known as one of its \
         tenants'; use a caller for that tenant",
        caller.name()
    )))
}

/// The partner or customer that a known entity belongs to: a partner's people and
/// groups, and what is a customer's.
fn tenant_of(world: &World, party: &Party<'_>) -> Option<String> {
    let id = || party.id.clone().into_owned();
    let key = match party.ty.as_ref() {
        "Partner" => Key::Partner(id()),
        "PartnerUser" => Key::PartnerUser(id()),
        "SecurityGroup" => Key::Group(id()),
        "Customer" => Key::Customer(id()),
        "CustomerUser" => Key::CustomerUser(id()),
        "Invitation" => Key::Invitation(id()),
        "GdapRelationship" => Key::Gdap(id()),
        "Device" => Key::Device(id()),
        "AutopilotProfile" => Key::AutopilotProfile(id()),
        "Subscription" | "ResourceGroup" | "AzureResource" => {
            return customer_of_scope(world, party);
        }
        // Management groups, products, publishers, and what is of another schema.
        _ => return None,
    };
    match world.fact(&key)? {
        Fact::Partner(fact) => Some(fact.id),
        Fact::PartnerUser(fact) => Some(fact.partner),
        Fact::Group(fact) => fact
            .id
            .split_once('/')
            .map(|(partner, _)| partner.to_owned()),
        Fact::Customer(fact) => Some(fact.id),
        Fact::CustomerUser(fact) => Some(fact.customer),
        Fact::Invitation(fact) => Some(fact.customer),
        Fact::Gdap(fact) => Some(fact.customer),
        Fact::Device(fact) => Some(fact.customer),
        Fact::AutopilotProfile(fact) => Some(fact.customer),
        _ => None,
    }
}

/// Whose subscription a scope is or is in.
fn customer_of_scope(world: &World, party: &Party<'_>) -> Option<String> {
    let scope = Scope::parse(&party.id).ok()?;
    if scope.type_name() != party.ty || scope.kind() < ScopeKind::Subscription {
        return None;
    }
    let subscription = world.subscription(scope.root())?;
    Some(subscription.customer.clone())
}
