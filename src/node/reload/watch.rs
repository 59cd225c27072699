//! A thread that reloads when files change, or when it is told to.
//!
//! The folders of the files are watched, not the files: editors put a new file in
//! the place of the old one, and a Kubernetes ConfigMap changes where a link of its
//! folder leads. What happens there is only a hint; whether anything changed is told
//! by the texts.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::{PolicyFiles, Reload};
use crate::node::aside::give_way;

/// Milliseconds without a further change before files are read: whoever writes
/// several of them is done by then. Our choice.
pub const QUIET_MILLISECONDS: u64 = 250;
/// Milliseconds from the first change to the reading, however many more follow.
/// Our choice.
pub const WAIT_MILLISECONDS_MAX: u64 = 2_000;
/// Bytes of stack of the thread, as those that decide have.
const STACK_BYTES: usize = 8 << 20;

/// What the thread is told.
enum Hint {
    /// Something happened where the files are.
    Files,
    /// Somebody wants the files read again.
    Asked,
    /// Nobody follows the files any more.
    Stop,
}

/// A reload that follows its files until this is dropped.
#[derive(Debug)]
pub struct Watching {
    hints: Sender<Hint>,
}

impl Watching {
    /// Begins to follow.
    ///
    /// # Errors
    /// What the operating system says if there is no further thread.
    pub fn start(reload: Reload) -> std::io::Result<Self> {
        let (hints, heard) = channel();
        let tell = hints.clone();
        std::thread::Builder::new()
            .name("reload".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                give_way();
                follow(reload, &heard, &tell);
            })?;
        Ok(Self { hints })
    }

    /// Asks for a reload now, whether anything changed or not; returns at once.
    pub fn again(&self) {
        // The thread is there for as long as this is.
        let _ = self.hints.send(Hint::Asked);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.hints.send(Hint::Stop);
    }
}

fn follow(mut reload: Reload, heard: &Receiver<Hint>, tell: &Sender<Hint>) {
    let files = reload.files().cloned();
    let watch = || files.as_ref().and_then(|files| watch(files, tell));
    let mut _watcher = watch();
    // What changed since the start read them.
    if files.is_some() {
        let _ = reload.if_changed();
    }
    while let Ok(first) = heard.recv() {
        let asked = match first {
            Hint::Stop => return,
            Hint::Asked => true,
            Hint::Files => match settled(heard) {
                None => return,
                Some(asked) => asked,
            },
        };
        // Where links lead may have changed. What happens from here on is heard by
        // the new watcher, so that nothing falls between it and the reading.
        _watcher = watch();
        // How it went was told.
        let _ = match asked {
            true => reload.now(),
            false => reload.if_changed(),
        };
    }
}

/// Waits until it is quiet; whether somebody asked meanwhile. None: stop.
fn settled(heard: &Receiver<Hint>) -> Option<bool> {
    let latest = Instant::now() + Duration::from_millis(WAIT_MILLISECONDS_MAX);
    let quiet = Duration::from_millis(QUIET_MILLISECONDS);
    loop {
        let left = latest.saturating_duration_since(Instant::now());
        match heard.recv_timeout(quiet.min(left)) {
            Ok(Hint::Files) if left.is_zero() => return Some(false),
            Ok(Hint::Files) => {}
            Ok(Hint::Asked) => return Some(true),
            Ok(Hint::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => return Some(false),
        }
    }
}

/// Watches where files are. What cannot be watched is told, and still read again
/// when somebody asks.
fn watch(files: &PolicyFiles, tell: &Sender<Hint>) -> Option<RecommendedWatcher> {
    let tell = tell.clone();
    let told = |error: &notify::Error| {
        tracing::warn!(%error, "policy files are not watched; SIGHUP reads them again");
    };
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Reading a file is an event too, and no change.
        let read = matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(_)));
        if !read {
            let _ = tell.send(Hint::Files);
        }
    });
    let mut watcher = watcher.inspect_err(told).ok()?;
    for (folder, mode) in folders(files) {
        if let Err(error) = watcher.watch(&folder, mode) {
            told(&error);
        }
    }
    Some(watcher)
}

/// The folders in which a change may be one of the files, each once.
fn folders(files: &PolicyFiles) -> Vec<(PathBuf, RecursiveMode)> {
    let mut folders: Vec<(PathBuf, RecursiveMode)> = Vec::new();
    let mut add = |folder: PathBuf, mode: RecursiveMode| {
        if !folders.iter().any(|(known, _)| *known == folder) {
            folders.push((folder, mode));
        }
    };
    if files.policies.is_dir() {
        add(files.policies.clone(), RecursiveMode::Recursive);
    }
    for path in files.paths() {
        // Where the link is, and where what it leads to is.
        for path in [Some(path.to_path_buf()), path.canonicalize().ok()] {
            if let Some(folder) = path.as_deref().and_then(Path::parent) {
                let here = Path::new(".");
                let folder = if folder.as_os_str().is_empty() {
                    here
                } else {
                    folder
                };
                add(folder.to_path_buf(), RecursiveMode::NonRecursive);
            }
        }
    }
    folders
}
