//! Why files do not make a TLS configuration.

use std::io;
use std::path::PathBuf;

/// Files that are not taken into use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("cannot read `{}`: {source}; give the path of a file in PEM that this process may read", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file with more bytes than any certificates have.
    #[error("`{}` has more than {bytes_max} bytes; give a file with the certificates or the key only", path.display())]
    TooLarge {
        /// As given.
        path: PathBuf,
        /// Bytes that are taken.
        bytes_max: u64,
    },
    /// A file that is not PEM.
    #[error("`{}` is not PEM: {detail}; convert it, for example with `openssl x509 -inform der`", path.display())]
    NotPem {
        /// As given.
        path: PathBuf,
        /// Where it breaks.
        detail: String,
    },
    /// PEM without a certificate.
    #[error("`{}` has no certificate in it; it must begin with `-----BEGIN CERTIFICATE-----`", path.display())]
    NoCertificate {
        /// As given.
        path: PathBuf,
    },
    /// PEM without a key.
    #[error("`{}` has no private key in it; it must hold an unencrypted key (`-----BEGIN PRIVATE KEY-----`)", path.display())]
    NoKey {
        /// As given.
        path: PathBuf,
    },
    /// A key and a certificate of different pairs.
    #[error("the key `{}` does not fit the certificate `{}`; give the key that the certificate was made for", key.display(), certificate.display())]
    Mismatch {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// A certificate or a key that TLS cannot use.
    #[error("`{}` cannot be used for TLS: {detail}; make a certificate with an ECDSA, Ed25519 or RSA key", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        detail: String,
    },
}
