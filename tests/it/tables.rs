//! The built-in policies against the tables that they were written from
//! (`tests/corpus/tables`), cell by cell.
//!
//! What should be is computed here from the tables alone; no policy is read.

use serde_json::json;

mod azure;
mod directory;
mod invitations;
mod partner;

/// A customer of a partner that has nothing to do with what its own users may.
fn tenant() -> serde_json::Value {
    let place = json!({"country": "FR", "market": "Europe", "cloud": "public"});
    json!({
        "partners": {"p": place, "q": place},
        "customers": {"c": place},
        "products": {"office": {"kind": "microsoft"}},
        "customer_users": {},
    })
}

/// A user of that customer.
fn user(roles: &[&str]) -> serde_json::Value {
    json!({"customer": "c", "directory_roles": roles})
}
