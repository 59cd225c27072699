//! A running decision point: facts and bundle at one revision, swapped whole.
//!
//! A [`Point`] answers from one immutable state; a [`DecisionPoint`] holds the
//! current one for many readers. The domain comes in here and nowhere else: in
//! generic mode there is no world, and no question is touched by the CSP rules.
//! A [`Ledger`] keeps a point up to date from a log. Deliberately not here: HTTP,
//! and the clock, which the caller brings.

mod aside;
mod batch;
mod current;
pub mod decision_log;
mod error;
pub mod files;
mod grant;
mod ledger;
mod point;
mod reads;
mod refusal;
mod reload;
mod search;
mod self_test;

pub use aside::aside;
pub use batch::Decided;
pub use current::{Clock, DecisionPoint};
pub use error::NodeError;
pub use grant::{ACCESS_REQUEST, Grant};
pub use ledger::*;
pub use point::{Answer, Facts, Point};
pub use reads::ReadsKept;
pub use refusal::{Misfit, Refusal, TOLD_MAX, Told};
pub use reload::*;
pub use self_test::self_test;
use self_test::self_test_of;
