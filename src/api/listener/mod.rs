//! From a socket to the routes, hard to bring down.
//!
//! [`Server`] accepts, speaks HTTP/1.1 and HTTP/2 with hyper, and holds every
//! connection to [`Limits`]: how many there are, how long a head may take, how long
//! one may idle, stall, or stay. Each request is answered by whatever the server
//! was made with ([`Answers`]).
//! Deliberately not here: what requests may cost (`pool`), certificates (`tls`),
//! and anything about decisions.
//!
//! Time is tokio's. A connection has one timer, set anew only if what is due comes
//! before it fires: a request that is answered at once never touches it.
//!
//! INVARIANT (closed): nothing here makes an answer of a handler's, but for an
//! error; a panic that no handler caught is a 500.

mod connection;
mod counts;
mod limits;
mod meter;
mod roster;
mod server;
mod service;
mod shed;

pub use counts::Counts;
pub use limits::*;
pub use server::Server;
pub use service::Answers;
