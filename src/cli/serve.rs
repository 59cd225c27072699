//! `aobo serve`: a decision point behind a socket.
//!
//! Facts come from the log of a data folder, or, in generic mode, from a file.
//! Nothing asks those who want decisions who they are yet, so that only this
//! machine may call unless the operator says otherwise; the admin routes ask for a
//! key from the first call on.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::data::{self, DATA};
use super::source::SourceArgs;
use super::{Failure, output};
use crate::api::{self, AppState};
use crate::node::{Choice, DecisionPoint, Facts, Ledger, Point, files};

/// Bytes of stack of each of the server's threads: enough that no evaluation has
/// to move to a stack of its own.
const THREAD_STACK_BYTES: usize = 8 << 20;

/// Answers decisions over HTTP until it is told to stop.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Where to listen: an IP address and a port; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8180")]
    listen: SocketAddr,
    /// Where the admin routes listen. None in generic mode.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8181")]
    admin_listen: SocketAddr,
    /// Data folder: the log of what was done; created if absent.
    #[arg(long, value_name = "DIR", default_value = DATA, conflicts_with = "schema")]
    data: PathBuf,
    /// What the personal links of invitations begin with.
    #[arg(long, value_name = "URL")]
    invitation_url: Option<String>,
    /// Listen beyond this machine although there is no TLS and callers are not
    /// asked who they are.
    #[arg(long)]
    insecure: bool,
    /// Log each request that was answered: method, path, status, microseconds.
    #[arg(long)]
    access_log: bool,
    #[command(flatten)]
    source: SourceArgs,
}

const AFTER_HELP: &str = "The data folder keeps facts and policies: --world fills an empty one, \
and --profile takes other policies into use. SIGTERM and SIGINT end it: requests under way are finished, and the exit code is 0.";

/// Exit code 0 after a drain, 3 if it cannot load or listen.
pub(super) fn run(args: &Args) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn serve(args: &Args) -> Result<(), Failure> {
    check_reach(args.listen, args.insecure)?;
    check_reach(args.admin_listen, args.insecure)?;
    let (state, admin) = match args.source.is_generic() {
        true => {
            let point = args.source.point()?;
            let clock = Arc::new(Timestamp::now);
            (AppState::new(DecisionPoint::new(point, clock)), None)
        }
        false => {
            let ledger = args.ledger()?;
            (
                AppState::with_ledger(Arc::new(ledger)),
                Some(args.admin_listen),
            )
        }
    };
    let runtime = runtime()?;
    let served = runtime.block_on(listen(args.listen, admin, Arc::new(state)));
    // What has not finished within the drain is not waited for again.
    runtime.shutdown_background();
    served
}

impl Args {
    /// Whether each request leaves a line in the log.
    pub(super) fn access_log(&self) -> bool {
        self.access_log
    }

    fn ledger(&self) -> Result<Ledger, Failure> {
        let choice = match self.source.chosen_profile()? {
            None => Choice::Last,
            Some(profile) => Choice::Profile(profile),
        };
        let world = match &self.source.world {
            None => None,
            Some(path) => Some(files::read_world(path)?),
        };
        data::open(&self.data, choice, world, self.invitation_url.as_deref())
    }
}

/// Refuses an address that other machines reach, unless it was spelled out.
/// Source: reliability, "The process".
fn check_reach(address: SocketAddr, insecure: bool) -> Result<(), Failure> {
    if insecure || address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(Failure::new(
        format!(
            "`{address}` is reached from other machines, and there is neither TLS nor authentication"
        ),
        "listen on a loopback address (127.0.0.1 or [::1]), or add --insecure where the network \
         itself keeps others out",
    ))
}

fn runtime() -> Result<Runtime, Failure> {
    let built = Builder::new_multi_thread()
        .thread_stack_size(THREAD_STACK_BYTES)
        .enable_all()
        .build();
    built.map_err(|error| {
        Failure::new(
            format!("the server's threads do not start: {error}"),
            "raise the limits of this process",
        )
    })
}

async fn listen(
    address: SocketAddr,
    admin: Option<SocketAddr>,
    state: Arc<AppState>,
) -> Result<(), Failure> {
    let stop = Stop::new().map_err(|error| cannot_listen(address, &error))?;
    let (listener, address) = bind(address).await?;
    let (stopped, _) = watch::channel(false);
    let admin = match admin {
        Some(admin) => Some(bind(admin).await?),
        None => None,
    };
    let point = Arc::clone(&state.point().current());
    output::error(&format!("{}\n", banner(address, &point)));
    let mut serving = JoinSet::new();
    let until = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Some((listener, admin)) = admin {
        output::error(&format!("administered on http://{admin}\n"));
        let router = api::admin_router(Arc::clone(&state));
        serving.spawn(api::serve(listener, router, until(stopped.subscribe())));
    }
    let router = api::router(Arc::clone(&state));
    serving.spawn(api::serve(listener, router, until(stopped.subscribe())));
    tokio::spawn(async move {
        stop.asked().await;
        tracing::info!("stopping: requests under way are finished first");
        state.drain();
        stopped.send_replace(true);
    });
    while let Some(served) = serving.join_next().await {
        let served = served.map_err(io::Error::other).flatten();
        served.map_err(|error| {
            Failure::new(
                format!("listening on `{address}` ended: {error}"),
                "start the server again",
            )
        })?;
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let refused = |error: io::Error| cannot_listen(address, &error);
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(
            format!("something else listens on `{address}`"),
            "stop it, or choose another address with --listen or --admin-listen",
        ),
        _ => Failure::new(
            format!("cannot listen on `{address}`: {error}"),
            "choose another address with --listen",
        ),
    }
}

/// What is served, in one line.
fn banner(address: SocketAddr, point: &Point) -> String {
    let snapshot = point.snapshot();
    let facts = match point.facts() {
        Facts::Directory(world) => format!("{} facts", world.facts().count()),
        Facts::Generic => format!("{} entities", snapshot.facts().entity_count()),
    };
    let (revision, bundle) = (snapshot.revision(), snapshot.bundle().hash());
    format!("listening on http://{address}: revision {revision}, bundle {bundle}, {facts}")
}

/// The signals that end the server.
#[cfg(unix)]
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    /// From here on the signals no longer end the process by themselves.
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn asked(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The signal that ends the server where there is only one.
#[cfg(not(unix))]
struct Stop;

#[cfg(not(unix))]
impl Stop {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn asked(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // No signal can come; the server runs until it is ended from outside.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, insecure: bool, taken: bool) {
        let address = address.parse().unwrap();
        let checked = check_reach(address, insecure);
        assert_eq!(checked.is_ok(), taken, "{address}");
    }

    #[test]
    fn only_loopback_is_listened_on_unless_spelled_out() {
        check("127.0.0.1:8180", false, true);
        check("127.9.9.9:0", false, true);
        check("[::1]:8180", false, true);
        check("[::ffff:127.0.0.1]:8180", false, true);
        for reached in ["0.0.0.0:8180", "[::]:8180", "10.0.0.1:8180", "[fe80::1]:1"] {
            check(reached, false, false);
            check(reached, true, true);
        }
    }
}
