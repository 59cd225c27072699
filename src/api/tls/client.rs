//! A caller that is known by its certificate.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_cert::der::Decode;

/// The certificate of a client, verified against the authorities of `--tls-client-ca`.
///
/// It stands in the extensions of each request of its connection. A clone is cheap.
#[derive(Clone)]
pub struct ClientCertificate(Arc<Verified>);

struct Verified {
    subject: String,
    fingerprint: [u8; 32],
}

impl ClientCertificate {
    /// Who it names, or none for what is no certificate. The caller has verified it.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = x509_cert::Certificate::from_der(certificate).ok()?;
        Some(Self(Arc::new(Verified {
            subject: parsed.tbs_certificate.subject.to_string(),
            fingerprint: Sha256::digest(certificate).into(),
        })))
    }

    /// Whom it names, as RFC 4514 writes it. Shape: `CN=gateway,O=Fabrikam`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// SHA-256 of the certificate in DER.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.0.fingerprint
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientCertificate")
            .field(&self.0.subject)
            .finish()
    }
}
