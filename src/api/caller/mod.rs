//! Who calls: from the headers of a request to a caller, its roles and its tenants.
//!
//! Both listeners tell by a table what each of their routes needs, and the front
//! holds every request to its row: [`admission::Door`] is asked before anything
//! looks at what a request says. A caller shows an API key, or a token of an issuer
//! (JWT, RFC 7519). Deliberately not here: what a caller's principal may do, which the
//! policies decide.
//!
//! INVARIANT (guarded): a request reaches a handler only by a row of its table,
//! and only with the role that the row needs. What is not in the table is not
//! there.
//!
//! INVARIANT (unseen): what a caller showed ends in [`admission`]; no handler, no
//! answer and no log line has it. The front takes it out of the request there.

mod admission;
mod identity;
mod issuer;
mod key_place;
mod key_set;
mod origin;
mod tenant;
mod token;

pub(super) use admission::Door;
pub(super) use identity::Asking;
pub(super) use tenant::may_ask;

pub use admission::{Callers, Strangers};
pub use identity::CallerIdentity;
pub use issuer::{
    Issuer, IssuerSettings, KEYS_FRESH_SECONDS, KEYS_REFETCH_SECONDS, KEYS_SECONDS_MAX,
};
pub use key_place::{
    JWKS_BYTES_MAX, JWKS_FETCH_SECONDS_MAX, KeyPlace, KeyPlaceError, is_loopback_host,
};
pub use key_set::{JWKS_KEYS_MAX, KeySet, KeySetError, RSA_BITS_MAX, RSA_BITS_MIN};
pub use token::{ALGORITHMS, LEEWAY_SECONDS, SUBJECT_BYTES_MAX, TOKEN_BYTES_MAX};
