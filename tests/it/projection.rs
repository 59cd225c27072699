//! What facts are to the engine: which edges, rows and policies they make, what
//! goes with them, and what a world refuses.

use aobo::directory::world_file::{Removals, WorldFile};
use aobo::directory::{Profile, World};
use aobo::node::{Facts, NodeError, Point};

use crate::support::{self, decide};

mod azure;
mod delegation;
mod refusals;

/// A partner with people of every kind, a customer that delegates to it, one
/// whose record contradicts itself, and a second partner.
const WORLD: &str = r#"{
  "partners": {
    "fabrikam": {"country": "FR", "market": "Europe", "cloud": "public"},
    "northwind": {"country": "FR", "market": "Europe", "cloud": "public"}
  },
  "customers": {
    "contoso": {"country": "FR", "market": "Europe", "cloud": "public"},
    "graphic": {"country": "FR", "market": "Europe", "cloud": "public"},
    "litware": {"country": "FR", "market": "Europe", "cloud": "public"}
  },
  "groups": {
    "fabrikam/Inner": {"member_of": ["fabrikam/Outer"]},
    "fabrikam/Outer": {"member_of": ["fabrikam/AdminAgents"]},
    "fabrikam/Backup": {}
  },
  "partner_users": {
    "ada": {"partner": "fabrikam", "roles": ["AdminAgent"]},
    "agnes": {"partner": "fabrikam", "groups": ["fabrikam/AdminAgents"]},
    "gus": {"partner": "fabrikam", "roles": ["GlobalAdmin"], "groups": ["fabrikam/Inner"]},
    "noel": {"partner": "fabrikam", "groups": ["fabrikam/Inner"]},
    "bea": {"partner": "fabrikam", "roles": ["GlobalAdmin"], "groups": ["fabrikam/Backup"]},
    "hugo": {"partner": "fabrikam", "roles": ["HelpdeskAgent"]},
    "nils": {"partner": "northwind", "roles": ["AdminAgent"]}
  },
  "customer_users": {
    "greta": {"customer": "contoso", "directory_roles": ["Global Administrator"]},
    "gwen": {"customer": "contoso", "directory_roles": ["Guest Inviter"]},
    "mia": {"customer": "contoso"}
  },
  "relationships": [
    {"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "active"},
    {"partner": "fabrikam", "customer": "graphic", "status": "removed", "dap": "active"},
    {"partner": "fabrikam", "customer": "litware", "status": "pending", "dap": "active"}
  ],
  "management_groups": {"Top": {}, "Mid": {"parent": "TOP"}},
  "subscriptions": {
    "Web": {"customer": "contoso", "management_group": "MID"},
    "lab": {"customer": "graphic"}
  },
  "role_assignments": [
    {"principal": "fabrikam/AdminAgents", "role": "Owner", "scope": "/Subscriptions/WEB"},
    {"principal": "bea", "role": "Reader", "scope": "/providers/Microsoft.Management/managementGroups/TOP"},
    {"principal": "hugo", "role": "Contributor", "scope": "/subscriptions/web/resourceGroups/RG"}
  ]
}"#;

fn world() -> Point {
    support::point(Profile::Seed, WORLD)
}

/// The point after facts came and went, each side written as JSON.
#[track_caller]
fn change(point: &Point, put: &str, remove: &str) -> Result<Point, NodeError> {
    let put: WorldFile = serde_json::from_str(put).expect("a fragment of a world");
    let remove: Removals = serde_json::from_str(remove).expect("removals");
    point.changed(put, remove)
}

#[track_caller]
fn changed(point: &Point, put: &str, remove: &str) -> Point {
    match change(point, put, remove) {
        Ok(point) => point,
        Err(error) => panic!("{error}"),
    }
}

fn facts(point: &Point) -> &World {
    match point.facts() {
        Facts::Directory(world) => world,
        Facts::Generic => panic!("there is a directory"),
    }
}

#[track_caller]
fn partner_may(point: &Point, user: &str, action: &str, customer: &str) -> bool {
    let ask = support::ask(("PartnerUser", user), action, ("Customer", customer), "{}");
    decide(point, ask).allows()
}
