//! `aobo test`: run suites and cases.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::Failure;
use super::error_mode::Mode;
use super::output::{self, Format, Style};
use crate::directory::Profile;
use crate::node::files;
use crate::policy::Bundle;
use crate::suite::{Alone, Bundles, Cedar, Report, find, integration, run as run_suites};

/// Exit code of a failed case.
const FAILED: u8 = 1;

/// Runs TOML suites, delegation cases (.jsonl), the Cedar CLI's run-tests JSON and
/// the JSON of cedar-policy's integration corpus.
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
    /// Folder from which paths start, for files of the integration corpus.
    #[arg(long, value_name = "DIR")]
    corpus_root: Option<PathBuf>,
    /// Also list the built-in policies that no case had as determining.
    #[arg(long)]
    coverage: bool,
    /// Also write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write which lines of policies determined cases, as an LCOV trace.
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,
    /// What a policy that fails does in suites and delegation cases; Cedar's own tests
    /// always have Cedar's way.
    #[arg(long, value_enum, value_name = "MODE", default_value_t)]
    error_mode: Mode,
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
    let written = write(args.junit.as_deref(), || report.to_junit())
        .and_then(|()| write(args.lcov.as_deref(), || report.coverage.to_lcov()));
    if let Err(failure) = written {
        return failure.report();
    }
    match report.failures.is_empty() {
        true => ExitCode::SUCCESS,
        false => FAILED.into(),
    }
}

fn report(args: &Args) -> Result<Report, Failure> {
    let bundle = match (&args.schema, &args.policies) {
        (Some(schema), Some(policies)) => {
            let schema = files::read_source(schema)?;
            let bundle = Bundle::new(&schema, &files::read_policies(policies)?)?;
            Some(Arc::new(bundle))
        }
        _ => None,
    };
    let cedar = Cedar {
        bundle,
        corpus_root: args.corpus_root.clone(),
    };
    let found = find(&args.paths, Some(&cedar))?;
    let mut bundles = Bundles::default().in_mode(args.error_mode.into());
    let mut report = run_suites(&found.suites, &mut bundles)?;
    let mut progress = Progress::of(found.sets.len());
    let sets = integration::run(&found.sets, &mut |done| progress.show(done));
    progress.end();
    report.add(sets?);
    if report.passed + report.failures.len() + report.skipped.len() == 0 {
        return Err(Failure::new(
            "no cases were found",
            "name a TOML suite, a .jsonl file of delegation cases, a run-tests JSON, a file of \
             the integration corpus, or a folder of them",
        ));
    }
    Ok(report)
}

/// Writes a file, if one is wanted.
fn write(path: Option<&Path>, text: impl FnOnce() -> String) -> Result<(), Failure> {
    let Some(path) = path else {
        return Ok(());
    };
    std::fs::write(path, text()).map_err(|error| {
        Failure::new(
            format!("cannot write `{}`: {error}", path.display()),
            "name a file in a folder that is there",
        )
    })
}

/// How far a long run is, on a terminal.
struct Progress {
    total: usize,
    shown: bool,
}

impl Progress {
    /// Sets between two updates.
    const STEP: usize = 64;

    fn of(total: usize) -> Self {
        let shown = total > Self::STEP && std::io::stderr().is_terminal();
        Self { total, shown }
    }

    fn show(&mut self, done: usize) {
        if self.shown && done.is_multiple_of(Self::STEP) {
            output::error(&format!("\r{done} of {} files", self.total));
        }
    }

    /// Leaves the line as it was before.
    fn end(&mut self) {
        if self.shown {
            output::error("\r\u{1b}[K");
        }
    }
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
    text += &notes(report);
    output::data(&text);
}

/// What the counts alone would hide, a line each.
fn notes(report: &Report) -> String {
    let alone = report.cedar_alone.iter().map(|(why, count)| {
        let why = match why {
            Alone::NotValid => "their policies do not validate",
            Alone::Refused => "their policies validate, and break a limit",
            Alone::OutsideSchema => "their requests are outside of the schema",
        };
        format!("{count} cases were answered by cedar-policy alone: {why}\n")
    });
    let not_compiled = report.not_compiled.len();
    let compiled = format!("{not_compiled} policies are not compiled; cedar-policy runs them\n");
    alone.chain([compiled]).collect()
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
