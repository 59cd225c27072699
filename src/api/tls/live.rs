//! The configuration in use, which follows its files.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::files::Contents;
use super::{ClientCertificate, TlsError, TlsFiles};

/// TLS as it is configured now. New connections get what was read last; those that
/// are open keep what they began with.
pub struct Tls {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    /// What was looked at last, good or bad, so that a bad file is told of once.
    seen: Mutex<Contents>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] if they do not make a configuration.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = files.read()?;
        let config = files.config(&contents)?;
        Ok(Self {
            files,
            config: ArcSwap::from_pointee(config),
            seen: Mutex::new(contents),
        })
    }

    /// Reads the files again, and says whether they changed and are in use now. What
    /// was in use stays if they are the same or do not make a configuration. It reads
    /// files: call it where that may take a while.
    ///
    /// # Errors
    /// [`TlsError`] if they do not make a configuration, once for the same contents.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let contents = self.files.read()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == contents {
            return Ok(false);
        }
        let config = self.files.config(&contents);
        *seen = contents;
        self.config.store(Arc::new(config?));
        Ok(true)
    }

    /// Whether clients must show a certificate.
    #[must_use]
    pub fn asks_clients(&self) -> bool {
        self.files.client_authorities.is_some()
    }

    /// The handshake on a new connection.
    pub(in crate::api) async fn accept<I>(
        &self,
        io: I,
    ) -> io::Result<(TlsStream<I>, Option<ClientCertificate>)>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.config.load_full());
        let stream = acceptor.accept(io).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let caller = shown.and_then(|chain| ClientCertificate::of(chain.first()?));
        if self.asks_clients() && caller.is_none() {
            let message = "the client's certificate names nobody";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok((stream, caller))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish()
    }
}
