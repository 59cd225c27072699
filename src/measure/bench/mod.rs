//! Measurements of the engine on a workload, with cedar-policy beside it.
//!
//! [`Measurement::run`] is all of `aobo bench`; [`Baseline`] is the part that the
//! criterion benches share. Deliberately not here: the forms in which figures are
//! printed, and limits that a figure must keep, which a noisy machine could not.
//!
//! INVARIANT (asserted): whatever is timed is also compared with the answer that
//! it must give; a wrong answer is an error and never a figure.

mod baseline;
mod clock;
mod decisions;
mod error;
mod links;
mod policies;
mod report;
mod run;
mod searches;
mod seen;
mod updates;

pub use baseline::{Asked, Baseline};
pub use error::MeasureError;
pub use report::{Figure, Report, Unit};
pub use run::Measurement;
