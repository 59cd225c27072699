//! `aobo search`: who may, on what, and which actions.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::ask::context;
use super::error_mode::ModeArgs;
use super::output::Format;
use super::remote::{Remote, RemoteArgs};
use super::source::{PastArgs, SourceArgs};
use super::{Failure, output, remote_search};
use crate::engine::intake::{Ask, Party, parse_action};
use crate::engine::{EntityUid, Page, Searched, display_uid, parse_uid};
use crate::node::Point;

/// Lists the resources, principals or actions for which a question is an allow.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    wanted: Wanted,
}

#[derive(Debug, clap::Subcommand)]
enum Wanted {
    /// On what may a principal do this?
    Resources {
        /// Who asks: 'PartnerUser::"ada@fabrikam.example"'.
        #[arg(long, value_name = "ENTITY")]
        principal: String,
        /// What for: 'Action::"AzureOperation"', or just AzureOperation.
        #[arg(long, value_name = "ACTION")]
        action: String,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        common: Common,
    },
    /// Who may do this on a resource?
    Principals {
        /// What for: 'Action::"AzureOperation"', or just AzureOperation.
        #[arg(long, value_name = "ACTION")]
        action: String,
        /// On what: 'Customer::"contoso"'.
        #[arg(long, value_name = "ENTITY")]
        resource: String,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        common: Common,
    },
    /// What may a principal do on a resource?
    Actions {
        /// Who asks: 'PartnerUser::"ada@fabrikam.example"'.
        #[arg(long, value_name = "ENTITY")]
        principal: String,
        /// On what: 'Customer::"contoso"'.
        #[arg(long, value_name = "ENTITY")]
        resource: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    past: PastArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    mode: ModeArgs,
    /// The context as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    context: String,
    /// The time of the question; if absent, the clock's, or that of --as-of.
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct PageArgs {
    /// Entity type to search; every type that the action applies to if absent. A
    /// server (--url) is asked about one type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) ty: Option<String>,
    /// Results, at most.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// Begin after this entity, the last one of the page before; not with --url.
    #[arg(long, value_name = "ENTITY", conflicts_with = "url")]
    pub(super) after: Option<String>,
}

/// What was found.
pub(super) struct Results {
    pub(super) entities: Vec<EntityUid>,
    pub(super) more_after: Option<EntityUid>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let done = match &args.wanted {
        Wanted::Resources {
            principal,
            action,
            page,
            common,
        } => entities(common, (action, principal), Searched::Resources, page),
        Wanted::Principals {
            action,
            resource,
            page,
            common,
        } => entities(common, (action, resource), Searched::Principals, page),
        Wanted::Actions {
            principal,
            resource,
            common,
        } => actions(common, principal, resource),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The server that is asked, if one is.
fn server(common: &Common) -> Result<Option<Remote>, Failure> {
    let as_of = common.past.as_of();
    common.remote.server(as_of, common.now.is_some())
}

/// What is searched, and the time of the question.
fn point(common: &Common) -> Result<(Point, Timestamp), Failure> {
    let (point, then) = common.past.point(&common.source)?;
    let now = common.now.or(then).unwrap_or_else(Timestamp::now);
    Ok((point.in_mode(common.mode.error_mode.into()), now))
}

fn entities(
    common: &Common,
    (action, given): (&str, &str),
    searched: Searched,
    page: &PageArgs,
) -> Result<(), Failure> {
    let (action_type, action) = parse_action(action)?;
    let given = Party::from(&parse_uid(given)?);
    let mut ask = Ask {
        action,
        action_type,
        context: context(&common.context)?,
        ..Ask::default()
    };
    match searched {
        Searched::Resources => ask.principal = given,
        Searched::Principals => ask.resource = given,
    }
    let after = page.after.as_deref().map(parse_uid).transpose()?;
    if let Some(server) = server(common)? {
        let results = remote_search::entities(&server, &ask, &common.context, searched, page)?;
        print(common.format, &results);
        return Ok(());
    }
    let (point, now) = point(common)?;
    let types = match &page.ty {
        Some(ty) => vec![ty.clone()],
        None => point.searchable(&ask, searched),
    };
    let limit = page.limit.unwrap_or(usize::MAX);
    let results = pages(&point, &ask, searched, &types, (after.as_ref(), limit), now)?;
    print(common.format, &results);
    Ok(())
}

/// One page over several types, one after the other.
fn pages(
    point: &Point,
    ask: &Ask<'_>,
    searched: Searched,
    types: &[String],
    (after, limit): (Option<&EntityUid>, usize),
    now: Timestamp,
) -> Result<Results, Failure> {
    let mut results = Results {
        entities: Vec::new(),
        more_after: None,
    };
    let begins = after.map(|uid| uid.type_name().to_string());
    let types = types
        .iter()
        .skip_while(|ty| begins.as_ref().is_some_and(|begins| begins != *ty));
    for ty in types {
        let mut ask = ask.clone();
        let party = match searched {
            Searched::Resources => &mut ask.resource,
            Searched::Principals => &mut ask.principal,
        };
        party.ty = ty.as_str().into();
        let page = Page {
            after: after.filter(|_| begins.as_ref() == Some(ty)),
            limit: limit - results.entities.len(),
        };
        let found = point.search(ask, searched, page, now).map_err(|problem| {
            Failure::new(
                problem.to_string(),
                "`aobo search --help` shows how a search is written",
            )
        })?;
        results.entities.extend(found.entities);
        if found.more_after.is_some() || (limit > 0 && results.entities.len() >= limit) {
            results.more_after = results.entities.last().cloned();
            break;
        }
    }
    Ok(results)
}

fn actions(common: &Common, principal: &str, resource: &str) -> Result<(), Failure> {
    let ask = Ask {
        principal: Party::from(&parse_uid(principal)?),
        resource: Party::from(&parse_uid(resource)?),
        context: context(&common.context)?,
        ..Ask::default()
    };
    let found: Vec<String> = match server(common)? {
        Some(server) => remote_search::actions(&server, &ask, &common.context)?,
        None => {
            let (point, now) = point(common)?;
            let found = point.search_actions(&ask, now);
            found
                .into_iter()
                .map(|(_, name)| name.to_string())
                .collect()
        }
    };
    let text = match common.format {
        Format::Human => found.iter().map(|name| format!("{name}\n")).collect(),
        Format::Json => {
            let names = found.iter().map(|name| json!({"name": name}));
            let results = json!({"results": names.collect::<Vec<_>>()});
            format!("{results:#}\n")
        }
    };
    output::data(&text);
    Ok(())
}

fn print(format: Format, results: &Results) {
    let text: String = match format {
        Format::Human => {
            let lines = results
                .entities
                .iter()
                .map(|uid| format!("{}\n", display_uid(uid)));
            lines.collect()
        }
        Format::Json => {
            let of = |uid: &EntityUid| json!({"type": uid.type_name().to_string(), "id": uid.id().unescaped()});
            let mut json = json!({"results": results.entities.iter().map(of).collect::<Vec<_>>()});
            if let (Some(after), Some(json)) = (&results.more_after, json.as_object_mut()) {
                json.insert("more_after".to_owned(), of(after));
            }
            format!("{json:#}\n")
        }
    };
    output::data(&text);
    if let (Format::Human, Some(after)) = (format, &results.more_after) {
        output::error(&format!(
            "there may be more: --after '{}'\n",
            display_uid(after)
        ));
    }
}
