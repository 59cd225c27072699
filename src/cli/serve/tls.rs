//! The options of TLS, and certificates that follow their files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::super::Failure;
use crate::api::{Tls, TlsError, TlsFiles};

/// Seconds between looks at the files of certificates.
const LOOK_SECONDS: u64 = 60;

/// Certificates of the listeners. Without any, they speak plain HTTP.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct TlsArgs {
    /// The server's certificate and those that lead to its authority, in PEM. Read
    /// again each minute and on SIGHUP.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key, in PEM, not encrypted.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Authorities in PEM: a caller, of the admin routes too, must show a certificate
    /// of theirs.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// Another certificate for the admin routes.
    #[arg(long, value_name = "FILE", requires_all = ["admin_tls_key", "tls_cert"])]
    admin_tls_cert: Option<PathBuf>,
    /// Its private key.
    #[arg(long, value_name = "FILE", requires = "admin_tls_cert")]
    admin_tls_key: Option<PathBuf>,
}

/// TLS of each listener; none where plain HTTP is spoken.
#[derive(Debug, Clone, Default)]
pub(super) struct TlsPair {
    pub(super) decisions: Option<Arc<Tls>>,
    pub(super) admin: Option<Arc<Tls>>,
}

impl TlsArgs {
    /// Whether both listeners speak TLS.
    pub(super) fn is_configured(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// Reads the certificates.
    pub(super) fn load(&self) -> Result<TlsPair, Failure> {
        if !self.is_configured() {
            return Ok(TlsPair::default());
        }
        let load = |certificate: &Option<PathBuf>, key: &Option<PathBuf>| {
            let (Some(certificate), Some(key)) = (certificate, key) else {
                return Ok(None);
            };
            let files = TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                client_authorities: self.tls_client_ca.clone(),
            };
            let tls = Tls::load(files).map_err(|error| refused(&error))?;
            Ok::<_, Failure>(Some(Arc::new(tls)))
        };
        let decisions = load(&self.tls_cert, &self.tls_key)?;
        let admin = match load(&self.admin_tls_cert, &self.admin_tls_key)? {
            None => decisions.clone(),
            own => own,
        };
        Ok(TlsPair { decisions, admin })
    }
}

impl TlsPair {
    /// Looks at the files once for every tick, and ends with the last ticker. What is
    /// wrong with them is logged, and the old certificates stay.
    pub(super) async fn follow(self, mut ticks: mpsc::Receiver<()>) {
        while ticks.recv().await.is_some() {
            let pair = self.clone();
            let looked = tokio::task::spawn_blocking(move || pair.look());
            if let Err(error) = looked.await {
                tracing::error!(%error, "looking at the certificates failed; the old ones stay");
            }
        }
    }

    fn look(&self) {
        for tls in [&self.decisions, &self.admin].into_iter().flatten() {
            match tls.refresh() {
                Ok(true) => tracing::info!("certificates were read again and are in use"),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "certificates are not taken; the old ones stay");
                }
            }
        }
    }

    /// Follows the files for as long as the process runs: each minute, and on SIGHUP.
    pub(super) fn keep_fresh(self) {
        if self.decisions.is_none() && self.admin.is_none() {
            return;
        }
        let (tick, ticks) = mpsc::channel(1);
        tokio::spawn(self.follow(ticks));
        tokio::spawn(each_hangup(tick.clone()));
        tokio::spawn(async move {
            let mut minutes = tokio::time::interval(Duration::from_secs(LOOK_SECONDS));
            loop {
                minutes.tick().await;
                if tick.send(()).await.is_err() {
                    break;
                }
            }
        });
    }
}

#[cfg(unix)]
async fn each_hangup(tick: mpsc::Sender<()>) {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::hangup()) {
        Ok(mut hangups) => while hangups.recv().await.is_some() && tick.send(()).await.is_ok() {},
        Err(error) => tracing::warn!(%error, "SIGHUP is not listened to"),
    }
}

#[cfg(not(unix))]
async fn each_hangup(_tick: mpsc::Sender<()>) {}

fn refused(error: &TlsError) -> Failure {
    Failure::new(
        error.to_string(),
        "TLS takes --tls-cert and --tls-key, two files in PEM that belong together",
    )
}
