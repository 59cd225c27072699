//! All facts at one position.
//!
//! `state` is what it holds and the step to the next; `store` puts facts in and
//! takes them out; `uses` is who names what; `trees` is which management groups
//! hold subscriptions. Deliberately not here: what must hold of a change (`check`)
//! and what it is to the engine (`project`).

mod state;
mod store;
mod trees;
mod uses;

pub use state::World;
