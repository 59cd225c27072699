//! `aobo check`: parse, validate strictly, lint.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::failure::render;
use super::output::Format;
use super::{Failure, output};
use crate::directory::Profile;
use crate::engine::{Revision, Snapshot};
use crate::node::files;
use crate::policy::{Bundle, Finding, Refused};

/// Checks a schema and policies. What is not named is the built-in one: policies
/// alone are checked against the built-in schema, a schema alone against the
/// policies of each profile.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Cedar schema (its own syntax, or JSON).
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Cedar policies: a file, or a folder of `.cedar` files.
    #[arg(long, value_name = "PATH")]
    policies: Option<PathBuf>,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One bundle that was checked.
struct Checked {
    name: String,
    result: Result<Compiled, Refused>,
}

/// A valid bundle, and what of it the engine leaves to the reference evaluator.
struct Compiled {
    bundle: Arc<Bundle>,
    not_lowered: Vec<(String, String)>,
}

impl Compiled {
    fn new(bundle: Bundle) -> Result<Self, Failure> {
        let bundle = Arc::new(bundle);
        let snapshot = Snapshot::build(Arc::clone(&bundle), [], Revision(0))?;
        Ok(Self {
            bundle,
            not_lowered: snapshot.not_lowered().to_vec(),
        })
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    let checked = match bundles(args) {
        Ok(checked) => checked,
        Err(failure) => return failure.report(),
    };
    match args.format {
        Format::Human => checked.iter().for_each(print),
        Format::Json => {
            let all: Vec<_> = checked.iter().map(json).collect();
            output::data(&format!("{:#}\n", serde_json::Value::from(all)));
        }
    }
    match checked.iter().all(|checked| checked.result.is_ok()) {
        true => ExitCode::SUCCESS,
        // Text that is malformed is invalid input; contract, section 1.
        false => super::failure::INVALID.into(),
    }
}

fn bundles(args: &Args) -> Result<Vec<Checked>, Failure> {
    let schema = match &args.schema {
        Some(path) => files::read_source(path)?,
        None => Profile::schema(),
    };
    if let Some(path) = &args.policies {
        let bundle = Bundle::new(&schema, &files::read_policies(path)?);
        return Ok(vec![Checked::new(path.display().to_string(), bundle)?]);
    }
    let profiles = Profile::ALL.into_iter().map(|profile| {
        let bundle = Bundle::new(&schema, &profile.sources());
        Checked::new(format!("profile {profile}"), bundle)
    });
    profiles.collect()
}

impl Checked {
    fn new(name: String, bundle: Result<Bundle, Refused>) -> Result<Self, Failure> {
        let result = match bundle {
            Ok(bundle) => Ok(Compiled::new(bundle)?),
            Err(refused) => Err(refused),
        };
        Ok(Self { name, result })
    }
}

fn print(checked: &Checked) {
    let colour = output::colour(&std::io::stderr());
    match &checked.result {
        Ok(Compiled {
            bundle,
            not_lowered,
        }) => {
            for (id, why) in not_lowered {
                output::error(&format!(
                    "policy `{id}` is evaluated by cedar-policy, which is slow: {why}\n"
                ));
            }
            for warning in bundle.warnings() {
                output::error(&render(warning, colour));
            }
            let templates = bundle.infos().filter(|info| info.is_template).count();
            let policies = bundle.infos().count() - templates;
            output::data(&format!(
                "{}: ok, {policies} policies, {templates} templates, {} not compiled, {} warnings, bundle {}\n",
                checked.name,
                not_lowered.len(),
                bundle.warnings().len(),
                bundle.hash(),
            ));
        }
        Err(refused) => {
            output::error(&render(refused, colour));
            output::data(&format!("{}: {refused}\n", checked.name));
        }
    }
}

fn json(checked: &Checked) -> serde_json::Value {
    let findings = |findings: &[Finding]| -> serde_json::Value {
        let findings = findings.iter().map(|finding| {
            serde_json::json!({
                "severity": if finding.is_error() { "error" } else { "warning" },
                "message": finding.to_string(),
                "place": finding.place(),
            })
        });
        findings.collect()
    };
    match &checked.result {
        Ok(Compiled {
            bundle,
            not_lowered,
        }) => serde_json::json!({
            "name": checked.name,
            "valid": true,
            "bundle": bundle.hash().as_str(),
            "policies": bundle.infos().map(|info| serde_json::json!({
                "id": info.id,
                "template": info.is_template,
                "place": format!("{}:{}", info.file, info.line),
                "annotations": &*info.annotations,
            })).collect::<Vec<_>>(),
            "not_compiled": not_lowered.iter().map(|(id, why)| serde_json::json!({
                "id": id,
                "why": why,
            })).collect::<Vec<_>>(),
            "findings": findings(bundle.warnings()),
        }),
        Err(refused) => serde_json::json!({
            "name": checked.name,
            "valid": false,
            "findings": findings(&refused.findings),
        }),
    }
}
