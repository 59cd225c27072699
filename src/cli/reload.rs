//! Policies of a running server, read again when files change or SIGHUP says so.

use std::io;

use crate::node::{Reload, Watching};

/// What a server's policies follow, for as long as it runs.
pub(super) struct Following {
    watching: Watching,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Following {
    /// Begins to follow; from here on SIGHUP no longer ends the process.
    ///
    /// # Errors
    /// What the operating system says if there is no signal or thread to be had.
    pub(super) fn start(reload: Reload) -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
            watching: Watching::start(reload)?,
        })
    }

    /// Passes the signals on.
    #[cfg(unix)]
    pub(super) async fn run(mut self) {
        while self.hangup.recv().await.is_some() {
            self.watching.again();
        }
    }

    /// Holds on; there is no such signal here.
    #[cfg(not(unix))]
    pub(super) async fn run(self) {
        std::future::pending::<()>().await;
        drop(self.watching);
    }
}
