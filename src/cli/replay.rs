//! `aobo replay`: a decision log against the state that it was decided on, another
//! one, or candidate policies.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::data;
use super::error_mode::Mode;
use super::output::Format;
use super::source::SourceArgs;
use super::{Failure, output, replay_report};
use crate::directory::{AzureRoles, Profile, World, world_file};
use crate::log::Sqlite;
use crate::node::decision_log::{
    DecisionLogError, LoggedRow, ReplayError, ReplayReport, Rows, State, replay,
};
use crate::node::{Point, Walk, files};
use crate::policy::Bundle;

/// Decides the rows of decision logs again and says what flips.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Decision logs; `-` is stdin.
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// Data folder: each row is decided at its own revision.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["world", "entities", "policies"])]
    data: Option<PathBuf>,
    /// World file: every row is decided on its facts.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["schema", "policies", "entities"])]
    world: Option<PathBuf>,
    /// Which of the built-in policies apply to the world.
    #[arg(
        long,
        value_name = "NAME",
        requires = "world",
        conflicts_with = "candidate"
    )]
    profile: Option<String>,
    /// Policies that decide instead: a file, or a folder of `.cedar` files.
    #[arg(long, value_name = "PATH", conflicts_with = "policies")]
    candidate: Option<PathBuf>,
    /// Cedar schema: of the candidate (if absent, the built-in one), or of --policies.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Cedar policies of generic mode.
    #[arg(long, value_name = "PATH", requires = "schema")]
    policies: Option<PathBuf>,
    /// Entities of generic mode, in Cedar's JSON form.
    #[arg(long, value_name = "FILE", requires = "schema")]
    entities: Option<PathBuf>,
    /// What a policy that fails does; if absent, what it did to the row.
    #[arg(long, value_enum, value_name = "MODE")]
    error_mode: Option<Mode>,
    /// How to print what flips.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const AFTER_HELP: &str = "Exit code 0 if every row that can be replayed has the same answer, 1 if \
one flips, 3 if a line is no row or the state cannot be loaded. Rows that other policies \
decided are not compared; --candidate compares them all.";

/// Exit code of a replay in which answers flip.
const FLIPPED: u8 = 1;

/// Rows that are in memory at once. Our choice; they are sorted by revision, so that
/// the log is folded forward.
const ROWS_MAX: usize = 1 << 16;

pub(super) fn run(args: &Args) -> ExitCode {
    match replayed(args) {
        Ok(report) => {
            output::data(&match args.format {
                Format::Human => replay_report::text(&report),
                Format::Json => format!("{:#}\n", replay_report::json(&report)),
            });
            match report.flipped_rows() {
                0 => ExitCode::SUCCESS,
                _ => FLIPPED.into(),
            }
        }
        Err(failure) => failure.report(),
    }
}

fn replayed(args: &Args) -> Result<ReplayReport, Failure> {
    if args.schema.is_some() && args.policies.is_none() && args.candidate.is_none() {
        return Err(Failure::new(
            "a schema alone decides nothing",
            "name policies as well: --policies PATH, or --candidate PATH",
        ));
    }
    let candidate = args.candidate_bundle()?;
    let log: Sqlite;
    let mut state = match &args.data {
        Some(dir) => {
            log = data::read(dir)?;
            State::Past(Box::new(Walk::new(&log, candidate)))
        }
        None => args.state(candidate)?,
    };
    let mut report = ReplayReport::default();
    let mut progress = Progress::new();
    let mut waiting = Vec::new();
    let mut flush = |rows: &mut Vec<LoggedRow>, report: &mut ReplayReport| {
        let rows = std::mem::take(rows);
        replay(rows, &mut state, report, &mut || progress.step())
    };
    for path in &args.logs {
        let (from, name) = open(path)?;
        let mut rows = Rows::new(from, &name);
        for row in &mut rows {
            waiting.push(args.in_mode(row?));
            if waiting.len() >= ROWS_MAX {
                flush(&mut waiting, &mut report)?;
            }
        }
        report.torn += u64::from(rows.torn());
    }
    flush(&mut waiting, &mut report)?;
    progress.end();
    Ok(report)
}

impl Args {
    /// A row, to be decided in the mode that is named.
    fn in_mode(&self, row: LoggedRow) -> LoggedRow {
        let mode = self.error_mode.map_or(row.mode, Into::into);
        LoggedRow { mode, ..row }
    }

    fn candidate_bundle(&self) -> Result<Option<Arc<Bundle>>, Failure> {
        let Some(path) = &self.candidate else {
            return Ok(None);
        };
        let schema = match &self.schema {
            Some(schema) => files::read_source(schema)?,
            None => Profile::schema(),
        };
        let bundle = Bundle::new(&schema, &files::read_policies(path)?)?;
        Ok(Some(Arc::new(bundle)))
    }

    /// The one state that all rows are decided on.
    fn state(&self, candidate: Option<Arc<Bundle>>) -> Result<State<'static>, Failure> {
        let source = SourceArgs {
            world: self.world.clone(),
            profile: self.profile.clone(),
            schema: self.schema.clone(),
            policies: self.policies.clone(),
            entities: self.entities.clone(),
        };
        match (candidate, &self.world) {
            (Some(bundle), Some(path)) => Ok(State::Candidate(Arc::new(over_world(bundle, path)?))),
            (Some(bundle), None) if self.schema.is_some() => {
                let point = Point::generic(Arc::clone(&bundle), source.entities_of(&bundle)?)?;
                Ok(State::Candidate(Arc::new(point)))
            }
            (None, _) if source.is_given() => Ok(State::Present(Arc::new(source.point()?))),
            _ => Err(Failure::new(
                "nothing to replay on",
                "name the data folder (--data DIR), a world (--world FILE), or a schema and \
                 policies (--schema FILE --policies PATH)",
            )),
        }
    }
}

fn over_world(bundle: Arc<Bundle>, path: &Path) -> Result<Point, Failure> {
    let roles = AzureRoles::of(&bundle);
    let (world, changes): (World, _) = world_file::load(&files::read_world(path)?, roles)?;
    Ok(Point::directory(bundle, world, changes)?)
}

fn open(path: &Path) -> Result<(Box<dyn BufRead>, String), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(stdin())), "stdin".to_owned()));
    }
    let file = path.display().to_string();
    match File::open(path) {
        Ok(opened) => Ok((Box::new(BufReader::new(opened)), file)),
        Err(error) => Err(DecisionLogError::Read { file, error }.into()),
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Rows(error) => error.into(),
            ReplayError::Ledger(error) => error.into(),
        }
    }
}

/// How far a long run is, on a terminal.
struct Progress {
    done: u64,
    shown: bool,
}

impl Progress {
    /// Rows between two updates.
    const STEP: u64 = 4_096;

    fn new() -> Self {
        let shown = std::io::stderr().is_terminal();
        Self { done: 0, shown }
    }

    fn step(&mut self) {
        self.done += 1;
        if self.shown && self.done.is_multiple_of(Self::STEP) {
            output::error(&format!("\r{} rows", self.done));
        }
    }

    /// Leaves the line as it was before.
    fn end(&mut self) {
        if self.shown && self.done >= Self::STEP {
            output::error("\r\u{1b}[K");
        }
    }
}
