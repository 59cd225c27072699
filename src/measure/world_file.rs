//! A workload as the text of a world file, for whoever starts a server on one.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use super::workload::Workload;
use crate::directory::{
    ContractStatus, DapStatus, Fact, Relationship, RelationshipStatus, UserState,
};

/// Members whose items have ids.
const NAMED: [&str; 8] = [
    "partners",
    "groups",
    "partner_users",
    "customers",
    "customer_users",
    "management_groups",
    "subscriptions",
    "devices",
];
/// Members that are lists.
const LISTED: [&str; 2] = ["relationships", "role_assignments"];

impl Workload {
    /// Writes the facts as a world file. Lazy: one item at a time is in memory.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_world_file(&self, out: &mut impl Write) -> io::Result<()> {
        let mut before = "{\n";
        for member in NAMED {
            write!(out, "{before}  {}: {{", json!(member))?;
            self.write_items(out, member)?;
            write!(out, "\n  }}")?;
            before = ",\n";
        }
        for member in LISTED {
            write!(out, "{before}  {}: [", json!(member))?;
            self.write_items(out, member)?;
            write!(out, "\n  ]")?;
        }
        writeln!(out, "\n}}")
    }

    fn write_items(&self, out: &mut impl Write, member: &str) -> io::Result<()> {
        let mut before = "";
        for fact in self.facts() {
            let Some((own, id, item)) = item(&fact) else {
                continue;
            };
            if own != member {
                continue;
            }
            match id {
                Some(id) => write!(out, "{before}\n    {}: {item}", json!(id))?,
                None => write!(out, "{before}\n    {item}")?,
            }
            before = ",";
        }
        Ok(())
    }
}

/// The member that a fact is an item of, its id if it has one, and the item.
/// None for the kinds of fact that no workload has.
fn item(fact: &Fact) -> Option<(&'static str, Option<&str>, Json)> {
    Some(match fact {
        Fact::Partner(f) => {
            let item = json!({"country": f.country, "market": f.market, "cloud": "public"});
            ("partners", Some(&f.id), item)
        }
        Fact::Group(f) => ("groups", Some(&f.id), json!({"member_of": f.member_of})),
        Fact::PartnerUser(f) => {
            let item = json!({"partner": f.partner, "roles": f.roles, "groups": f.groups});
            ("partner_users", Some(&f.id), item)
        }
        Fact::Customer(f) => {
            let item = json!({"country": f.country, "market": f.market, "cloud": "public"});
            ("customers", Some(&f.id), item)
        }
        Fact::CustomerUser(f) => {
            let mut item = json!({
                "customer": f.customer,
                "directory_roles": f.directory_roles,
                "role_assignable_group": f.role_assignable_group,
            });
            if let (UserState::Deleted(at), Some(item)) = (f.state, item.as_object_mut()) {
                item.insert("state".to_owned(), json!("deleted"));
                item.insert("deleted_at".to_owned(), json!(at.to_string()));
            }
            ("customer_users", Some(&f.id), item)
        }
        Fact::ManagementGroup(f) => (
            "management_groups",
            Some(&f.id),
            json!({"parent": f.parent}),
        ),
        Fact::Subscription(f) => {
            let item = json!({
                "customer": f.customer,
                "provisioned_by": f.provisioned_by,
                "created": f.created.map(|at| at.to_string()),
                "status": f.status,
                "management_group": f.management_group,
                "seller": f.seller,
            });
            ("subscriptions", Some(&f.id), item)
        }
        Fact::Device(f) => {
            let added_by = f.added_by.as_deref().unwrap_or("customer");
            let item = json!({
                "customer": f.customer, "added_by": added_by, "channel": f.channel,
            });
            ("devices", Some(&f.id), item)
        }
        Fact::Relationship(f) => ("relationships", None, relationship(f)),
        Fact::RoleAssignment(f) => {
            let item = json!({"principal": f.principal, "role": f.role, "scope": f.scope});
            ("role_assignments", None, item)
        }
        _ => return None,
    })
}

fn relationship(f: &Relationship) -> Json {
    let status = match f.status {
        RelationshipStatus::Pending => "pending",
        RelationshipStatus::Active => "active",
        RelationshipStatus::Removed => "removed",
    };
    let dap = match f.dap {
        DapStatus::None => "none",
        DapStatus::Active => "active",
        DapStatus::Removed => "removed",
    };
    let contract = match f.contract {
        ContractStatus::InForce => "in-force",
        ContractStatus::Renegotiated => "renegotiated",
    };
    json!({
        "partner": f.partner, "customer": f.customer,
        "status": status, "dap": dap, "contract": contract,
    })
}
