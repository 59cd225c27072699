//! What operators measure: `GET /metrics`, in the text form of OpenMetrics.
//!
//! What happens is counted in atomics; what is so (revision, memory, the log) is
//! read when somebody asks. Labels come from the route tables and from enums, so
//! that their number is bounded: never an id, a tenant or a path as it was asked.
//! Deliberately not here: the means to reset anything, and what is measured by
//! others, who hang it in with [`Metrics::hook`].
//!
//! INVARIANT (cheap): a request costs a few additions, no look-up, no lock and no
//! allocation.

mod histogram;
mod page;
mod process;
mod registry;
mod route;

pub use registry::{Asked, Hooked, Metrics, UnderWay};
pub(super) use registry::{Carried, Counted};
pub(super) use route::metrics;
