//! Other policies without a restart: from files that changed, or because somebody
//! asked.
//!
//! What was read is built beside what is in use and takes its place in one step;
//! whatever stands against it is told, and what is in use stays. Deliberately not
//! here: signals, and the admin route, which offers a bundle of its own.
//!
//! INVARIANT (all or nothing): schema, policies and facts are swapped together.

mod files;
mod run;
mod watch;

pub use files::{PolicyFiles, Texts};
pub use run::{Reload, Reloaded, tell_refused, tell_taken};
pub use watch::{QUIET_MILLISECONDS, WAIT_MILLISECONDS_MAX, Watching};
