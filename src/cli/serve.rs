//! `aobo serve`: a decision point behind a socket.
//!
//! Facts come from the log of a data folder, or, in generic mode, from a file.
//! Only this machine may call unless there are TLS and authentication, or the
//! operator says otherwise; the admin routes ask for a key from the first call on.

mod access_request;
mod listen;
mod otlp;
mod stop;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use super::Failure;
use super::callers::{CallerArgs, Reach, check_reach};
use super::data::{self, DATA};
use super::decision_log::{self, DecisionLogArgs};
use super::logging::LogFormat;
use super::source::SourceArgs;
use crate::api::{AppState, PublicUrl};
use crate::node::{Choice, Ledger, PolicyFiles, Reload, files};
use access_request::AccessRequestArgs;
use listen::{Listening, listen};
use otlp::OtlpArgs;
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
    /// Configuration file (TOML): its keys are these flags. Flags beat the environment,
    /// which beats the file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen: an IP address and a port; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8180")]
    listen: SocketAddr,
    /// Where the admin routes listen. None in generic mode.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8181")]
    admin_listen: SocketAddr,
    /// Data folder: the log of what was done; created if absent. `aobo-data` if nothing
    /// says otherwise; with a schema it must be named, or there is none.
    #[arg(long, value_name = "DIR", conflicts_with = "entities")]
    data: Option<PathBuf>,
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
    decisions: DecisionLogArgs,
    /// Log each request that was answered: method, path, status, microseconds.
    #[arg(long)]
    access_log: bool,
    /// How logs are written to stderr; AOBO_LOG says which.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
    #[command(flatten)]
    access_requests: AccessRequestArgs,
    #[command(flatten)]
    otlp: OtlpArgs,
    #[command(flatten)]
    source: SourceArgs,
}

const AFTER_HELP: &str = "The data folder keeps facts and policies: --world fills an empty one, \
and --profile, or --schema and --policies beside --data, takes other policies into use. Files of \
policies are read again when they change, and at SIGHUP. SIGTERM and SIGINT end it: requests \
under way are finished, and the exit code is 0. Every flag is also a variable of the environment \
(--admin-listen: AOBO_ADMIN_LISTEN) and a key of the file that --config names.";

/// Exit code 0 after a drain, 3 if it cannot load or listen.
pub(super) fn run(args: &Args) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn serve(args: &Args) -> Result<(), Failure> {
    let has_keys = args.data.is_some() || args.source.files().is_none();
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
    let spans = args.otlp.spans()?;
    let access_requests = args.access_requests.service()?;
    let (state, admin, reload) = match (args.source.files(), &args.data) {
        (Some(files), None) => {
            let (point, reload) = Reload::generic(files, Arc::new(Timestamp::now))?;
            (AppState::new(point), None, reload)
        }
        (files, _) => {
            let (ledger, reload) = args.ledger(files)?;
            let state = AppState::with_ledger(ledger);
            (state, Some(args.admin_listen), reload)
        }
    };
    let data = admin.map(|_| args.data());
    let decisions = args.decisions.open(data)?;
    let state = match &decisions {
        None => state,
        Some(log) => state.with_decision_log(Arc::clone(log)),
    };
    let state = match &spans {
        None => state,
        Some(spans) => state.exporting(Arc::clone(spans)),
    };
    let state = match access_requests {
        None => state,
        Some(service) => state.requesting_at(service),
    };
    if let Some(url) = &args.public_url {
        state.publish(url.clone());
    }
    let how = Listening {
        decisions: args.listen,
        admin,
        tls,
        drain_delay: Duration::from_secs(args.drain_delay_seconds),
        reload,
    };
    let runtime = runtime(args.threads)?;
    let state = Arc::new(state.admitting(callers));
    let served = runtime.block_on(listen(how, state));
    // What has not finished within the drain is not waited for again.
    runtime.shutdown_background();
    decision_log::close(decisions.as_deref());
    if let Some(spans) = spans {
        spans.close();
    }
    served
}

impl Args {
    /// How it logs, and whether each request leaves a line.
    pub(super) fn logging(&self) -> (LogFormat, bool) {
        (self.log_format, self.access_log)
    }

    fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(DATA))
    }

    fn ledger(&self, files: Option<PolicyFiles>) -> Result<(Arc<Ledger>, Reload), Failure> {
        let texts = files.as_ref().map(PolicyFiles::read).transpose()?;
        let choice = match (&texts, self.source.chosen_profile()?) {
            (Some(texts), _) => texts.choice(),
            (None, None) => Choice::Last,
            (None, Some(profile)) => Choice::Profile(profile),
        };
        let world = match &self.source.world {
            None => None,
            Some(path) => Some(files::read_world(path)?),
        };
        let ledger = data::open(self.data(), choice, world, self.invitation_url.as_deref())?;
        let ledger = Arc::new(ledger);
        let reload = Reload::ledger(Arc::clone(&ledger), files.zip(texts.as_ref()));
        Ok((ledger, reload))
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
