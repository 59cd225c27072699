//! `aobo keys`: API keys of a data folder.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::data::{DataArgs, open, read};
use super::output::Format;
use super::{Failure, output};
use crate::log::{LogError, Sqlite};
use crate::node::{Actor, Choice, Folded, NewKey, Role, Secret, Submission, TenantScope, What};

/// Bytes of a file that holds a key, at most; a key has 69.
const KEY_FILE_BYTES_MAX: u64 = 1_024;

/// Makes, lists and revokes API keys. The server of the data folder must not be
/// running; a running one takes `POST /v1/keys` from an operator.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key and print it, this once.
    Create(CreateArgs),
    /// List keys, without what they are.
    List {
        #[command(flatten)]
        data: DataArgs,
        /// How to print them.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Take a key out of use.
    Revoke {
        #[command(flatten)]
        data: DataArgs,
        /// Its id, as `list` shows it.
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    #[command(flatten)]
    data: DataArgs,
    /// What it may be used for: decide, search, admin-read, admin-write, operator or
    /// metrics; may come several times.
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// A partner or customer that it is for; may come several times; every one if
    /// absent.
    #[arg(long = "tenant", value_name = "ID")]
    tenants: Vec<String>,
    /// The principal that it acts as: 'PartnerUser::"ada@fabrikam.example"'; without
    /// one, each request names it.
    #[arg(long, value_name = "ENTITY")]
    principal: Option<String>,
    /// Take the key that this file holds instead of a new one, and print none:
    /// `aobo_` and 64 hexadecimal digits, of `openssl rand -hex 32`.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Only if the folder has no key; else nothing is done, and --key-file not read.
    #[arg(long)]
    first: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let done = match &args.command {
        Command::Create(args) => create(args),
        Command::List { data, format } => list(data, *format),
        Command::Revoke { data, id } => revoke(data, id),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn create(args: &CreateArgs) -> Result<(), Failure> {
    let roles = args.roles.iter().map(|role| role.parse());
    let roles: Result<BTreeSet<Role>, String> = roles.collect();
    let roles = roles.map_err(|message| Failure::new(message, "choose among those"))?;
    if args.first && has_keys(&args.data.data)? {
        output::error("the folder has a key; none is made\n");
        return Ok(());
    }
    let secret = match &args.key_file {
        Some(path) => secret_of(path)?,
        None => Secret::draw()
            .map_err(|error| Failure::new(format!("no randomness: {error}"), "try again"))?,
    };
    let key = NewKey {
        roles,
        tenants: match args.tenants.as_slice() {
            [] => TenantScope::All,
            tenants => TenantScope::Of(tenants.iter().cloned().collect()),
        },
        principal: args.principal.clone(),
    };
    let (id, sha256) = (secret.id(), secret.sha256());
    submit(&args.data, What::CreateKey { key, id, sha256 })?;
    if args.key_file.is_some() {
        output::error(&format!("key {}; it is that of the file\n", secret.id()));
        return Ok(());
    }
    output::error(&format!("key {}; it is shown only now:\n", secret.id()));
    output::data(&format!("{}\n", secret.reveal()));
    Ok(())
}

/// Whether a folder has a key. One without a log has none.
fn has_keys(dir: &Path) -> Result<bool, Failure> {
    let log = match Sqlite::open_beside(dir) {
        Err(LogError::Missing { .. }) => return Ok(false),
        log => log?,
    };
    Ok(!Folded::replay(&log, u64::MAX)?.keys.is_empty())
}

/// The key of a file; what is wrong with it is told without what it holds.
fn secret_of(path: &Path) -> Result<Secret, Failure> {
    let refused = |why: &str| {
        let next = "write `aobo_` and 64 hexadecimal digits, of `openssl rand -hex 32`";
        Failure::new(format!("`{}`: {why}", path.display()), next)
    };
    let mut text = String::new();
    let file = File::open(path).map_err(|error| refused(&error.to_string()))?;
    let read = file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| refused(&error.to_string()))?;
    text.trim_end().parse().map_err(|why: &str| refused(why))
}

fn revoke(data: &DataArgs, id: &str) -> Result<(), Failure> {
    submit(data, What::RevokeKey { id: id.to_owned() })?;
    output::error(&format!("key {id} is revoked\n"));
    Ok(())
}

/// Whoever can write the folder may do what operators do.
fn submit(data: &DataArgs, what: What) -> Result<(), Failure> {
    let ledger = open(&data.data, Choice::Last, None, None)?;
    ledger.submit_blocking(Submission {
        actor: Actor {
            name: "aobo keys".to_owned(),
            principal: None,
            operator: true,
            key: None,
            tenants: TenantScope::All,
        },
        what,
        idempotency_key: None,
        expected: None,
    })?;
    Ok(())
}

fn list(data: &DataArgs, format: Format) -> Result<(), Failure> {
    let folded = Folded::replay(&read(&data.data)?, u64::MAX)?;
    let role = |role: &Role| {
        let named = Role::ALL.iter().find(|(_, known)| known == role);
        named.map_or("", |(name, _)| name)
    };
    let mut text = String::new();
    let mut listed = Vec::new();
    for key in folded.keys.values() {
        let roles: Vec<&str> = key.roles.iter().map(role).collect();
        let tenants = match &key.tenants {
            TenantScope::All => vec!["*".to_owned()],
            TenantScope::Of(tenants) => tenants.iter().cloned().collect(),
        };
        text += &format!(
            "{}  {}  {}  {}  {}\n",
            key.id,
            key.created,
            roles.join(","),
            tenants.join(","),
            key.principal.as_deref().unwrap_or("-"),
        );
        listed.push(json!({
            "id": key.id,
            "created": key.created.to_string(),
            "roles": roles,
            "tenants": tenants,
            "principal": key.principal,
        }));
    }
    output::data(&match format {
        Format::Human => text,
        Format::Json => format!("{:#}\n", json!({ "keys": listed })),
    });
    Ok(())
}
