//! `aobo serve`: a decision point behind a socket.
//!
//! Facts come from the log of a data folder, or, in generic mode, from a file.
//! Only this machine may call unless there are TLS and authentication, or the
//! operator says otherwise; the admin routes ask for a key from the first call on.

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
use super::callers::{CallerArgs, Reach, check_reach};
use super::data::{self, DATA};
use super::source::SourceArgs;
use crate::api::{AppState, PublicUrl};
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
    /// Under which URL callers reach the decision routes, for the metadata that tells
    /// them; the address that is listened on if absent.
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Listen beyond this machine although there is no TLS, or callers are not asked
    /// who they are.
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
    callers: CallerArgs,
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
    let has_keys = !args.source.is_generic();
    for address in [args.listen, args.admin_listen] {
        check_reach(&Reach {
            address,
            tls: args.tls.is_configured(),
            authenticated: args.callers.authenticates(has_keys),
            insecure: args.insecure,
        })?;
    }
    let callers = args
        .callers
        .callers(args.listen, args.admin_listen, has_keys)?;
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
    if let Some(url) = &args.public_url {
        state.publish(url.clone());
    }
    let how = Listening {
        decisions: args.listen,
        admin,
        tls,
        drain_delay: Duration::from_secs(args.drain_delay_seconds),
    };
    let runtime = runtime(args.threads)?;
    let state = Arc::new(state.admitting(callers));
    let served = runtime.block_on(listen(how, state));
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
