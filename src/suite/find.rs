//! Which of the files under a path are tests, and of what form.

use std::path::{Path, PathBuf};

use super::case::Suite;
use super::error::SuiteError;
use super::report::Skip;
use super::run_tests::Cedar;
use super::{delegation, run_tests, toml_suite};
use crate::engine::Input;
use crate::node::files;
use crate::policy::Finding;

/// What was found under some paths.
#[derive(Debug, Default)]
pub struct Found {
    /// Suites, in order of their files.
    pub suites: Vec<Suite>,
    /// Files that are tests of a form that is not run yet.
    pub skipped: Vec<Skip>,
}

/// Reads every suite under the paths. A folder is searched whole; files in it
/// that are no tests (worlds, policies, tables) are passed over. A file that is
/// named itself must be one.
///
/// # Errors
/// [`SuiteError`] for the first file that cannot be read as what it is.
pub fn find(paths: &[PathBuf], cedar: Option<&Cedar>) -> Result<Found, SuiteError> {
    let mut found = Found::default();
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
                        read(&inner, cedar, &mut found)?;
                    }
                }
            }
        } else if !read(path, cedar, &mut found)? {
            let message = format!("`{}` is not a test", path.display());
            return Err(SuiteError::Finding(Box::new(
                Finding::error(message).next_step(
                    "tests are TOML suites, delegation cases (.jsonl) and run-tests JSON",
                ),
            )));
        }
    }
    found.suites.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

/// Reads one file if it is a test.
fn read(path: &Path, cedar: Option<&Cedar>, found: &mut Found) -> Result<bool, SuiteError> {
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
        } else if input.get("requests").is_some() && input.get("shouldValidate").is_some() {
            found.skipped.push(Skip {
                file: source.name.to_string(),
                id: "integration corpus".to_owned(),
                why: "files of this form are not run yet".to_owned(),
            });
        } else {
            return Ok(false);
        }
    } else {
        return Ok(false);
    }
    Ok(true)
}
