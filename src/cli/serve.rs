//! `aobo serve`: a decision point behind a socket.
//!
//! Facts come from the log of a data folder, or, in generic mode, from a file.
//! Nothing asks those who want decisions who they are yet, so that only this
//! machine may call unless the operator says otherwise; the admin routes ask for a
//! key from the first call on.

mod listen;
mod stop;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use super::Failure;
use super::data::{self, DATA};
use super::source::SourceArgs;
use crate::api::AppState;
use crate::node::{Choice, DecisionPoint, Ledger, files};
use listen::{Listening, listen};
use tls::TlsArgs;

/// Bytes of stack of each of the server's threads: enough that no evaluation has
/// to move to a stack of its own.
const THREAD_STACK_BYTES: usize = 8 << 20;

/// Threads that answer, at most.
const THREADS_MAX: i64 = 1_024;

/// Seconds of `--drain-delay-seconds`, at most.
const DRAIN_DELAY_SECONDS_MAX: u64 = 300;

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
    /// Threads that answer; as many as there are cores unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    threads: Option<u16>,
    /// Seconds between saying on /readyz that the server goes and taking no more
    /// connections; for balancers that look only now and then.
    #[arg(long, value_name = "N", default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(..=DRAIN_DELAY_SECONDS_MAX))]
    drain_delay_seconds: u64,
    #[command(flatten)]
    tls: TlsArgs,
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
    let tls = args.tls.load()?;
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
    let how = Listening {
        decisions: args.listen,
        admin,
        tls,
        drain_delay: Duration::from_secs(args.drain_delay_seconds),
    };
    let runtime = runtime(args.threads)?;
    let served = runtime.block_on(listen(how, Arc::new(state)));
    // What has not finished within the drain is not waited for again.
    runtime.shutdown_background();
    served
}

impl Args {
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

fn runtime(threads: Option<u16>) -> Result<Runtime, Failure> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(usize::from(threads));
    }
    let built = builder
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
