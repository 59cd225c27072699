//! Denials that somebody could lift: the AuthZEN access request and approval profile,
//! draft 1 (`profiles/authzen-access-request-approval` of `openid/authzen`).
//!
//! Where an operator names an Access Request Service, a deny that a grant would lift
//! says so in `context.access_request`, with a token by which the service knows that
//! the deny is ours, and of what. Deliberately not here: the service itself, its
//! tasks and approvals. An approval counts when it has become a fact, through the
//! admin API: `context.approval` of a later question is no input of any decision.
//!
//! INVARIANT (denied): an offer never changes a decision.

mod offer;
mod service;
mod signer;

pub(super) use offer::Offer;
pub(super) use service::jwks;

pub use service::{AccessRequestError, AccessRequests, OFFER_SECONDS};
