//! Opening a data folder, or making one.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::connect::{self, DATABASE, database, sql};
use super::faults::Faults;
use super::reading::{self, Check, last, snapshot};
use super::store::{Position, Sqlite};
use super::writer::Writer;
use super::{floor, head_file, schema, whole};
use crate::log::compact::sync_folder_of;
use crate::log::{Head, Log, LogError};

impl Sqlite {
    /// Opens the log of a data folder for writing; makes both if they are absent.
    /// Every record is verified.
    ///
    /// # Errors
    /// [`LogError::InUse`]; [`LogError::Shortened`], [`LogError::Corrupt`] or
    /// [`LogError::Damaged`] with the place; [`LogError::Newer`];
    /// [`LogError::Alien`]; [`LogError::Backend`].
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        Self::open_with(dir, Faults::default())
    }

    /// The same with steps that fail, for tests.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_with(dir: &Path, faults: Faults) -> Result<Self, LogError> {
        let dir = make_folder(dir).map_err(LogError::backend("making the data folder"))?;
        let lock = lock(&dir)?;
        let marked = head_file::read(&dir)?;
        if !database(&dir).exists() {
            create(&dir, marked)?;
        }
        let verified = whole::verify(&dir)?;
        head_file::compare(marked, verified.head)?;
        floor::verify_if_kept(&dir, verified.floor)?;
        let position = Position {
            head: verified.head,
            floor: verified.floor,
            stopped: None,
        };
        let reader = connect::reading(&dir)?;
        let writer = Writer::open(&dir, verified.head, faults)?;
        // All of it was verified just now.
        let reader = (reader, Check::Links);
        Ok(Self::new(dir, position, reader, Some((writer, lock))))
    }

    /// Opens the log of a data folder beside whoever writes to it, for whoever goes by
    /// what it says. Holds what there is now: no less than was acknowledged, and each
    /// record as it was written, or reading it fails. The folder must be writable all
    /// the same, for the memory that readers and writers of SQLite share.
    ///
    /// # Errors
    /// [`LogError::Missing`]; otherwise as [`Sqlite::open`].
    pub fn open_beside(dir: &Path) -> Result<Self, LogError> {
        // Before the log is looked at: it may grow meanwhile, and its mark with it.
        let marked = head_file::read(dir)?;
        let log = Self::open_to_read(dir, Check::Hashes)?;
        head_file::compare(marked, log.head())?;
        floor::verify_if_kept(dir, log.floor())?;
        Ok(log)
    }

    /// The same for whoever saves what is left of it: nothing is verified but that each
    /// record follows the one before.
    ///
    /// # Errors
    /// As [`Sqlite::open_beside`].
    pub fn open_as_it_is(dir: &Path) -> Result<Self, LogError> {
        Self::open_to_read(dir, Check::Links)
    }

    fn open_to_read(dir: &Path, check: Check) -> Result<Self, LogError> {
        let missing = || LogError::Missing { dir: dir.into() };
        let dir = dir.canonicalize().map_err(|_| missing())?;
        if !database(&dir).exists() {
            return Err(missing());
        }
        let reader = connect::reading(&dir)?;
        let snapshot = snapshot(&reader)?;
        let position = Position {
            head: last(&snapshot)?,
            floor: reading::floor(&snapshot)?,
            stopped: Some("it was opened for reading".to_owned()),
        };
        drop(snapshot);
        Ok(Self::new(dir, position, (reader, check), None))
    }
}

/// The folder's full path.
fn make_folder(dir: &Path) -> io::Result<PathBuf> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Ok(()) => sync_folder_of(dir)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    dir.canonicalize()
}

/// Holds a data folder for the one process that writes to it.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do, were it not that a process which is just being started
        // has this file open until it runs its own program.
        let _ = self.0.unlock();
    }
}

fn lock(dir: &Path) -> Result<Lock, LogError> {
    let failed = LogError::backend("locking the data folder");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.open(dir.join("lock")).map_err(&failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse { dir: dir.into() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Makes an empty log. It gets its name when it is whole, so that a database that
/// is there is never one half made.
fn create(dir: &Path, marked: Option<Head>) -> Result<(), LogError> {
    let wal = format!("{DATABASE}-wal");
    if marked.is_some_and(|marked| marked != Head::START) || dir.join(wal).exists() {
        return Err(LogError::Damaged {
            file: DATABASE,
            what: "it is missing, and other files of the log are there".to_owned(),
        });
    }
    let half = dir.join("events.db.new");
    let failed = LogError::backend("making the database");
    if half.exists() {
        fs::remove_file(&half).map_err(&failed)?;
    }
    let mut connection = connect::writing(&half, None)?;
    schema::create(&mut connection)?;
    let closed = connection.close();
    closed.map_err(|(_, error)| sql("closing the new database")(error))?;
    let named = fs::rename(&half, database(dir)).and_then(|()| sync_folder_of(&database(dir)));
    named.map_err(failed)
}
