//! The JSON files of cedar-policy's integration corpus.
//!
//! Shape: `{"policies": PATH, "entities": PATH, "schema": PATH, "shouldValidate":
//! bool, "requests": [{"description", "principal": {"type","id"}, "action",
//! "resource", "context": {}, "validateRequest": bool, "decision": "allow" |
//! "deny", "reason": [ids], "errors": [ids]}]}`; paths start from a corpus root.
//! Source: contract, section 1; cedar-policy's `integration_testing.rs`.
//!
//! Each request is a case, and three answers to it must be those of the file, in
//! Cedar's own error mode: cedar-policy's over the texts as they are, the
//! engine's, and its reference evaluator's. Where the engine has nothing to say
//! (policies that do not validate, requests outside of the schema), cedar-policy
//! answers alone, and the report says how often. Policies are named `policyN` by
//! position here, whatever their `@id`, and no lint stands against them.

mod cedar;
mod engine;
mod read;
mod run;

pub(super) use read::is_one;
pub use read::{Question, Root, Set};
pub use run::run;
