//! Enforcement in a Rust service: a request goes through only if a decision
//! allows it.
//!
//! An [`Enforcer`] holds a decision point of this process and answers
//! [`Question`]s with [`Allowed`] or [`Denied`]; its [`layer`](Enforcer::layer)
//! puts that around routes of a tower or axum service, and a handler that learns
//! only later what it is about calls [`Enforcer::require`] itself.
//! `examples/documents.rs` is a whole service.
//!
//! Deliberately not here: who the caller is, which the service has settled before
//! it asks; what is allowed, which the policies say; and decisions of another
//! process, which are asked for over HTTP.
//!
//! INVARIANT (closed): the service within is called only after a decision that
//! allows. A question that cannot be made or evaluated is refused.
//!
//! ```
//! use std::sync::Arc;
//! use aobo::engine::parse_entities;
//! use aobo::enforce::{Enforcer, Question};
//! use aobo::node::{DecisionPoint, Point};
//! use aobo::policy::{Bundle, Source};
//!
//! let schema = Source::new("schema", r#"
//!     entity User; entity Document { owner: User };
//!     action "read" appliesTo { principal: User, resource: Document };
//! "#);
//! let policies = Source::new("policies", r#"
//!     @id("owner-reads")
//!     permit(principal, action == Action::"read", resource) when { resource.owner == principal };
//! "#);
//! let entities = r#"[{"uid": {"type": "Document", "id": "plan"}, "parents": [],
//!     "attrs": {"owner": {"type": "User", "id": "ana"}}}]"#;
//! let bundle = Arc::new(Bundle::new(&schema, &[policies])?);
//! let entities = parse_entities(entities, bundle.shape())?;
//! let point = DecisionPoint::new(Point::generic(bundle, entities)?, Arc::new(jiff::Timestamp::now));
//! let enforcer = Enforcer::new(Arc::new(point));
//!
//! let reads = |who| Question::new(("User", who), "read", ("Document", "plan"));
//! assert!(enforcer.require(reads("ana")).is_ok());
//! assert!(enforcer.require(reads("bob")).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod enforcer;
mod layer;
mod question;
mod verdict;

pub use enforcer::Enforcer;
pub use layer::{EnforceLayer, Enforced, EnforcedFuture};
pub use question::{Incoming, Question};
pub use verdict::{Allowed, Denied, Unasked};
