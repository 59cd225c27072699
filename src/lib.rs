//! aobo decides who may administer what on whose behalf.
//!
//! The engine beneath is generic: any Cedar schema and policies. The directory,
//! schema and policies of delegated administration in the Cloud Solution
//! Provider programme are the product on top of it.
//!
//! # Layers
//!
//! A folder is a layer and names only the layers above it in this list;
//! `tests/it/tidy.rs` holds it to that.
//!
//! | | layer | what it does |
//! |---|---|---|
//! | 1 | [`policy`] | text to a validated `Bundle`: schema, policies, one hash |
//! | 2 | [`engine`] | decisions over any Cedar schema: state, `decide`, explanations, the reference evaluator |
//! | 3 | [`directory`] | delegated administration: facts, the `World` they fold into, its projection into the engine's state |
//! | 4 | [`log`] | ordered durable events: the trait, an embedded and an in-memory backend |
//! | 5 | [`node`] | a running decision point: bundle and facts at one revision |
//! | 6 | [`suite`] | the authors' test suites: cases, runner, access matrix |
//! | 6 | [`measure`] | the seeded workload that measurements and tests share |
//! | 6 | [`enforce`] | a layer for Rust services that lets through what is allowed |
//! | 7 | [`api`] | HTTP: routes, wire types, errors, limits |
//! | 8 | [`cli`] | one command per file |
//!
//! Layers 1 to 3 have no files, network, environment, async runtime or clock:
//! time is an input. The first use of the library:
//!
//! ```
//! use std::sync::Arc;
//! use aobo::directory::{AzureRoles, Profile, world_file};
//! use aobo::engine::intake::{Ask, Party};
//! use aobo::node::Point;
//! use aobo::policy::Source;
//!
//! let world = Source::new("world", r#"{
//!   "partners": {"p1": {"country": "FR", "market": "Europe", "cloud": "public"}},
//!   "customers": {"c1": {"country": "FR", "market": "Europe", "cloud": "public"}},
//!   "partner_users": {"ada": {"partner": "p1", "roles": ["AdminAgent"]}},
//!   "relationships": [{"partner": "p1", "customer": "c1", "status": "active", "dap": "active"}]
//! }"#);
//! let bundle = Arc::new(Profile::Seed.bundle()?);
//! let (world, changes) = world_file::load(&world, AzureRoles::of(&bundle))?;
//! let point = Point::directory(bundle, world, changes)?;
//!
//! let party = |ty: &'static str, id: &'static str| Party {
//!     ty: ty.into(),
//!     id: id.into(),
//!     ..Party::default()
//! };
//! let ask = Ask {
//!     principal: party("PartnerUser", "ada"),
//!     action: "SignInToCustomerTenant".into(),
//!     resource: party("Customer", "c1"),
//!     ..Ask::default()
//! };
//! let now = "2020-09-01T09:00:00Z".parse()?;
//! assert!(point.decide(ask, now).decision.allows());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod api;
pub mod cli;
pub mod directory;
pub mod enforce;
pub mod engine;
pub mod log;
pub mod measure;
pub mod node;
pub mod policy;
pub mod suite;
