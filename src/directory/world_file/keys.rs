//! Removals to keys, in an order in which a world lets go of them.

use super::fold::role_assignment;
use super::locate::Path;
use super::wire::{self, Removals};
use crate::directory::Key;

pub(super) fn keys_of(r: Removals) -> Vec<(Path, Key)> {
    let mut keys = Vec::new();
    let mut add = |member: &str, of: Vec<Key>| {
        let path = Path::member(member);
        let placed = of.into_iter().enumerate();
        keys.extend(placed.map(|(n, key)| (path.at(n), key)));
    };
    let ids = |ids: Vec<String>, key: fn(String) -> Key| ids.into_iter().map(key).collect();
    let lower = |ids: Vec<String>| ids.into_iter().map(|id| id.to_ascii_lowercase()).collect();
    let assignments = r.role_assignments.into_iter();
    add(
        "role_assignments",
        assignments
            .map(|a| Key::RoleAssignment(role_assignment(a)))
            .collect(),
    );
    let denies = r.deny_assignments.into_iter();
    let denies = denies.map(|wire::Numbered { scope, number }| Key::DenyAssignment {
        scope: scope.to_ascii_lowercase(),
        number,
    });
    add("deny_assignments", denies.collect());
    add("devices", ids(r.devices, Key::Device));
    add(
        "autopilot_profiles",
        ids(r.autopilot_profiles, Key::AutopilotProfile),
    );
    add("invitations", ids(r.invitations, Key::Invitation));
    add("gdap", ids(r.gdap, Key::Gdap));
    add(
        "subscriptions",
        ids(lower(r.subscriptions), Key::Subscription),
    );
    add(
        "management_groups",
        ids(lower(r.management_groups), Key::ManagementGroup),
    );
    let pairs = r.relationships.into_iter();
    let pairs =
        pairs.map(|wire::Pair { partner, customer }| Key::Relationship { partner, customer });
    add("relationships", pairs.collect());
    add("customer_users", ids(r.customer_users, Key::CustomerUser));
    let seats = r.seats.into_iter();
    let seats = seats.map(|wire::SeatsKey { customer, product }| Key::Seats { customer, product });
    add("seats", seats.collect());
    add(
        "service_requests",
        ids(r.service_requests, Key::ServiceRequest),
    );
    add("products", ids(r.products, Key::Product));
    add("partner_users", ids(r.partner_users, Key::PartnerUser));
    add("groups", ids(r.groups, Key::Group));
    add("customers", ids(r.customers, Key::Customer));
    add("partners", ids(r.partners, Key::Partner));
    keys
}
