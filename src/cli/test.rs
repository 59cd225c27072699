//! `aobo test`: run suites and cases.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::Failure;
use super::output::{self, Format, Style};
use crate::directory::Profile;
use crate::node::files;
use crate::policy::Bundle;
use crate::suite::{Bundles, Cedar, Report, find, run as run_suites};

/// Exit code of a failed case.
const FAILED: u8 = 1;

/// Runs TOML suites, delegation cases (.jsonl) and the Cedar CLI's run-tests JSON.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files, or folders that are searched for them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Schema for run-tests files.
    #[arg(long, value_name = "FILE", requires = "policies")]
    schema: Option<PathBuf>,
    /// Policies for run-tests files: a file, or a folder of `.cedar` files.
    #[arg(long, value_name = "PATH", requires = "schema")]
    policies: Option<PathBuf>,
    /// Also list the built-in policies that no case had as determining.
    #[arg(long)]
    coverage: bool,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let report = match report(args) {
        Ok(report) => report,
        Err(failure) => return failure.report(),
    };
    match args.format {
        Format::Json => output::data(&format!("{}\n", report.to_json())),
        Format::Human => print(&report),
    }
    if args.coverage {
        print_coverage(&report);
    }
    match report.failures.is_empty() {
        true => ExitCode::SUCCESS,
        false => FAILED.into(),
    }
}

fn report(args: &Args) -> Result<Report, Failure> {
    let cedar = match (&args.schema, &args.policies) {
        (Some(schema), Some(policies)) => {
            let schema = files::read_source(schema)?;
            let bundle = Bundle::new(&schema, &files::read_policies(policies)?)?;
            Some(Cedar {
                bundle: Arc::new(bundle),
            })
        }
        _ => None,
    };
    let found = find(&args.paths, cedar.as_ref())?;
    let mut report = run_suites(&found.suites, &mut Bundles::default())?;
    report.skipped.extend(found.skipped);
    if report.passed + report.failures.len() + report.skipped.len() == 0 {
        return Err(Failure::new(
            "no cases were found",
            "name a TOML suite, a .jsonl file of delegation cases, a run-tests JSON, or a folder of them",
        ));
    }
    Ok(report)
}

fn print(report: &Report) {
    let style = Style::stdout();
    let mut text = String::new();
    for skip in &report.skipped {
        text += &format!(
            "{} {} {}: {}\n",
            style.faint("skipped"),
            skip.file,
            skip.id,
            skip.why
        );
    }
    for failure in &report.failures {
        text += &format!(
            "{} {} {}\n  expected  {}\n  actual    {}\n  {}\n",
            style.bad("failed"),
            failure.file,
            style.strong(&failure.id),
            failure.expected,
            failure.actual,
            failure.message,
        );
    }
    text += &format!(
        "{} passed, {} failed, {} skipped\n",
        report.passed,
        report.failures.len(),
        report.skipped.len()
    );
    output::data(&text);
}

fn print_coverage(report: &Report) {
    for profile in Profile::ALL {
        let Ok(bundle) = profile.bundle() else {
            continue;
        };
        let total = bundle.infos().count();
        let never = bundle
            .infos()
            .filter(|info| !report.determined.contains_key(&info.id));
        let never: Vec<String> = never
            .map(|info| format!("  {} ({}:{})\n", info.id, info.file, info.line))
            .collect();
        output::error(&format!(
            "profile {profile}: {} of {total} policies determined a case\n{}",
            total - never.len(),
            never.concat(),
        ));
    }
}
