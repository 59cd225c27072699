//! Which of the files under a path are tests, and of what form.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::case::Suite;
use super::error::SuiteError;
use super::integration::{self, Root, Set};
use super::{delegation, run_tests, toml_suite};
use crate::engine::Input;
use crate::node::files;
use crate::policy::{Bundle, Finding};

/// What the command line names for the forms of Cedar's own tests.
#[derive(Debug, Clone, Default)]
pub struct Cedar {
    /// Schema and policies, for `run-tests` files.
    pub bundle: Option<Arc<Bundle>>,
    /// The folder from which paths start, for files of the integration corpus.
    pub corpus_root: Option<PathBuf>,
}

/// What was found under some paths.
#[derive(Debug, Default)]
pub struct Found {
    /// Suites, in order of their files.
    pub suites: Vec<Suite>,
    /// Files of the integration corpus, in order.
    pub sets: Vec<Set>,
}

/// Reads every suite under the paths. A folder is searched whole; files in it
/// that are no tests (worlds, policies, tables) are passed over. A file that is
/// named itself must be one. Files of the integration corpus need their root: in
/// a folder with other tests they are skipped without it.
///
/// # Errors
/// [`SuiteError`] for the first file that cannot be read as what it is; also for
/// files of the integration corpus alone, or named themselves, without their root.
pub fn find(paths: &[PathBuf], cedar: Option<&Cedar>) -> Result<Found, SuiteError> {
    let mut found = Found::default();
    let root = cedar.and_then(|cedar| cedar.corpus_root.as_deref());
    let root = root.map(Root::new).transpose()?;
    for path in paths {
        if path.is_dir() {
            let mut open = vec![path.clone()];
            while let Some(folder) = open.pop() {
                for inner in files::entries(&folder)? {
                    if inner.is_dir() {
                        if !inner.is_symlink() {
                            open.push(inner);
                        }
                    } else {
                        read(&inner, cedar, root.as_ref(), &mut found)?;
                    }
                }
            }
        } else if !read(path, cedar, root.as_ref(), &mut found)? {
            let message = format!("`{}` is not a test", path.display());
            return Err(SuiteError::Finding(Box::new(
                Finding::error(message).next_step(
                    "tests are TOML suites, delegation cases (.jsonl), run-tests JSON and \
                     the JSON of Cedar's integration corpus",
                ),
            )));
        } else if let Some(set) = found.sets.last().filter(|set| set.is_rootless()) {
            return Err(set.wants_root());
        }
    }
    found.suites.sort_by(|a, b| a.file.cmp(&b.file));
    found.sets.sort_by(|a, b| a.file().cmp(b.file()));
    match found.sets.first() {
        Some(set) if set.is_rootless() && found.suites.is_empty() => Err(set.wants_root()),
        _ => Ok(found),
    }
}

/// Reads one file if it is a test.
fn read(
    path: &Path,
    cedar: Option<&Cedar>,
    root: Option<&Root>,
    found: &mut Found,
) -> Result<bool, SuiteError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".jsonl") {
        let source = files::read_source(path)?;
        found.suites.extend(delegation::read(&source)?);
    } else if name.ends_with(".toml") {
        let source = files::read_source(path)?;
        if !source.text.lines().any(|line| line.trim() == "[suite]") {
            return Ok(false);
        }
        found.suites.push(toml_suite::read(path, &source)?);
    } else if name.ends_with(".json") && !name.ends_with(".entities.json") {
        let source = files::read_source(path)?;
        // What is no JSON as we take it is no test, and not ours to report.
        let Ok(input) = Input::parse(&source.text) else {
            return Ok(false);
        };
        if run_tests::is_one(&input) {
            found
                .suites
                .extend(run_tests::read(path, &source, &input, cedar)?);
        } else if integration::is_one(&input) {
            found.sets.push(Set::read(&source, &input, root)?);
        } else {
            return Ok(false);
        }
    } else {
        return Ok(false);
    }
    Ok(true)
}
