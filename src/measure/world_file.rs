//! A workload as the text of a world file, for whoever starts a server on one.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use super::workload::Workload;
use crate::directory::world_file::fact_to_json;

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
            let mut file = fact_to_json(&fact);
            let (id, item) = match file.get_mut(member).map(Json::take) {
                Some(Json::Object(named)) => match named.into_iter().next() {
                    Some((id, item)) => (format!("{}: ", json!(id)), item),
                    None => continue,
                },
                Some(Json::Array(mut listed)) => match listed.pop() {
                    Some(item) => (String::new(), item),
                    None => continue,
                },
                _ => continue,
            };
            write!(out, "{before}\n    {id}{item}")?;
            before = ",";
        }
        Ok(())
    }
}
