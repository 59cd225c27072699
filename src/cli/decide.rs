//! `aobo decide`: one decision from the command line.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::ask::{context, context_json};
use super::error_mode::ModeArgs;
use super::explain;
use super::output::Format;
use super::remote::{Remote, RemoteArgs};
use super::shown::Shown;
use super::source::{PastArgs, SourceArgs};
use super::{Failure, output, told};
use crate::engine::intake::{Ask, Party, parse_action};
use crate::engine::parse_uid;

/// Exit code of a deny.
const DENIED: u8 = 2;

/// Makes one decision and prints it. Exit code 0 is allow, 2 is deny.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    past: PastArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    mode: ModeArgs,
    /// Who asks: 'PartnerUser::"ada@fabrikam.example"'.
    #[arg(long, value_name = "ENTITY")]
    principal: String,
    /// What for: 'Action::"ResetPassword"', or just ResetPassword.
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// On what: 'CustomerUser::"mia@contoso.example"'.
    #[arg(long, value_name = "ENTITY")]
    resource: String,
    /// The context as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    context: String,
    /// The time of the question; if absent, the clock's, or that of --as-of.
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// Say why, clause by clause.
    #[arg(long)]
    explain: bool,
    /// How to print the decision.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match decide(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => DENIED.into(),
        Err(failure) => failure.report(),
    }
}

fn decide(args: &Args) -> Result<bool, Failure> {
    let context = context(&args.context)?;
    let (action_type, action) = parse_action(&args.action)?;
    let ask = Ask {
        principal: Party::from(&parse_uid(&args.principal)?),
        action,
        action_type,
        action_properties: Vec::new(),
        resource: Party::from(&parse_uid(&args.resource)?),
        context,
    };
    let server = args.remote.server(args.past.as_of(), args.now.is_some())?;
    let shown = match server {
        Some(server) => ask_server(args, &server, &ask)?,
        None => decide_here(args, ask)?,
    };
    let text = match args.format {
        Format::Human => explain::text(&args.question(), &shown),
        Format::Json => format!("{:#}\n", explain::json(&shown)),
    };
    output::data(&text);
    Ok(shown.allows)
}

fn decide_here(args: &Args, ask: Ask<'_>) -> Result<Shown, Failure> {
    let (point, then) = args.past.point(&args.source)?;
    let mode = args.mode.error_mode.into();
    let point = point.in_mode(mode);
    let now = args.now.or(then).unwrap_or_else(Timestamp::now);
    let (answer, explanation) = match args.explain {
        true => point.explain(ask, now),
        false => (point.decide(ask, now), None),
    };
    Ok(Shown::of(&answer, mode, explanation))
}

fn ask_server(args: &Args, server: &Remote, ask: &Ask<'_>) -> Result<Shown, Failure> {
    let body = json!({
        "subject": { "type": ask.principal.ty, "id": ask.principal.id },
        "action": { "name": ask.action },
        "resource": { "type": ask.resource.ty, "id": ask.resource.id },
        "context": context_json(&args.context),
        "options": { "explain": args.explain },
    });
    let reply = server.ask("/access/v1/evaluation", &body)?;
    told::decision(reply.json, reply.revision).map_err(|why| server.no_answer(&why))
}

impl Args {
    /// The question in one line.
    fn question(&self) -> String {
        format!("{} {} {}", self.principal, self.action, self.resource)
    }
}
