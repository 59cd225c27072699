//! TLS for the listeners: certificates from files, and callers known by theirs.
//!
//! rustls with ring, TLS 1.2 and later, HTTP/2 and HTTP/1.1 by ALPN. Deliberately
//! not here: when files are looked at (the caller of [`Tls::refresh`] has the
//! clock), and what a verified caller may do.
//!
//! INVARIANT (whole): what is in use is always a certificate with its own key and,
//! if asked for, the authorities of clients; files that do not make that change
//! nothing.

mod client;
mod error;
mod files;
mod live;

pub use client::ClientCertificate;
pub use error::TlsError;
pub use files::TlsFiles;
pub use live::Tls;
