//! `aobo log`: the log of a data folder, looked at and moved.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::busy::Busy;
use super::data::{DataArgs, read_as_it_is};
use super::{Failure, output};
use crate::log::{Head, Log, Sqlite, export, import};
use crate::node::compact;

/// Verifies, exports, imports or compacts the log of a data folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Walk through every record: its number, its hash, the one before it. Runs
    /// beside a server.
    Verify(DataArgs),
    /// Write every record as a line of JSON. Runs beside a server.
    Export {
        #[command(flatten)]
        data: DataArgs,
        /// Where to; stdout if absent.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Fill a new data folder with an export, all of it or nothing.
    Import {
        #[command(flatten)]
        data: DataArgs,
        /// The export.
        file: PathBuf,
    },
    /// Move old records into an archive. Only what is archived is dropped.
    Compact {
        #[command(flatten)]
        data: DataArgs,
        /// Where the dropped records go, as lines of JSON; it must be new.
        #[arg(long, value_name = "FILE")]
        archive: PathBuf,
        /// Records before this revision are moved.
        #[arg(long, value_name = "REVISION")]
        before: u64,
    },
}

/// Exit code 0, 1 if the log is not sound, 3 if it cannot be opened.
pub(super) fn run(args: &Args) -> ExitCode {
    let done = match &args.command {
        Command::Verify(data) => return verify(&data.data),
        Command::Export { data, out } => write_export(&data.data, out.as_deref()),
        Command::Import { data, file } => read_import(&data.data, file),
        Command::Compact {
            data,
            archive,
            before,
        } => move_old(&data.data, archive, *before),
    };
    match done {
        Ok(text) => {
            output::error(&text);
            ExitCode::SUCCESS
        }
        Err(failure) => failure.report(),
    }
}

fn verify(dir: &Path) -> ExitCode {
    let log = match read_as_it_is(dir) {
        Ok(log) => log,
        Err(failure) => return failure.report(),
    };
    let records = log.head().seq.saturating_sub(log.floor().seq);
    let busy = Busy::new(format!("verifying {records} records"));
    let verified = log.verify();
    drop(busy);
    match verified {
        Ok(verified) => {
            output::data(&format!(
                "{} records, {} to {}, each as it was acknowledged; head {}\n",
                verified.records,
                verified.floor.seq + 1,
                verified.head.seq,
                verified.head.hash
            ));
            ExitCode::SUCCESS
        }
        Err(error) => {
            // Damage is a finding, not a mistake in how the command was called.
            let _ = Failure::from(error).report();
            1.into()
        }
    }
}

fn write_export(dir: &Path, out: Option<&Path>) -> Result<String, Failure> {
    let log = read_as_it_is(dir)?;
    let busy = Busy::new("exporting");
    let written = match out {
        None => export(&log, &mut busy.counted(stdout().lock()))?,
        Some(path) => {
            let mut file = BufWriter::new(busy.counted(create(path)?));
            let written = export(&log, &mut file)?;
            file.flush().map_err(|error| unwritable(path, &error))?;
            written
        }
    };
    Ok(format!("{} records exported\n", written.records))
}

fn read_import(dir: &Path, file: &Path) -> Result<String, Failure> {
    let opened = File::open(file).map_err(|error| {
        Failure::new(
            format!("cannot read `{}`: {error}", file.display()),
            "name an export",
        )
    })?;
    let log = Sqlite::open(dir)?;
    let busy = Busy::new("importing");
    let head: Head = import(&log, &mut BufReader::new(busy.counted(opened)))?;
    let records = head.seq.saturating_sub(log.floor().seq);
    Ok(format!("{records} records imported\n"))
}

fn move_old(dir: &Path, archive: &Path, before: u64) -> Result<String, Failure> {
    let busy = Busy::new("compacting");
    let log = Sqlite::open(dir)?;
    let archived = compact(&log, before, archive)?;
    drop(busy);
    Ok(format!("{} records archived\n", archived.records))
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create_new(path).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("cannot write `{}`: {error}", path.display()),
        "name a new file in a folder that is there",
    )
}
