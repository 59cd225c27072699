//! Reading what a decision point is made of: schema, policies, worlds, entities.
//!
//! Regular files only, and for a folder of policies only what lies under it once
//! links are resolved: no device, no pipe, no way out of the folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::policy::{Finding, Source};

/// Bytes of one file. Our choice: larger than any policy set, schema or suite;
/// worlds may be larger.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a world or entities file. Our choice.
pub const WORLD_BYTES_MAX: u64 = 8 << 30;
/// Policy files in one folder, its folders included. Our choice.
pub const POLICY_FILES_MAX: usize = 10_000;

/// Reads one text file.
///
/// # Errors
/// A [`Finding`] that names the file: not there, no regular file, too large, or
/// not UTF-8.
pub fn read_source(path: &Path) -> Result<Source, Box<Finding>> {
    read_up_to(path, FILE_BYTES_MAX)
}

/// Reads a world or entities file, which may be large.
///
/// # Errors
/// As [`read_source`].
pub fn read_world(path: &Path) -> Result<Source, Box<Finding>> {
    read_up_to(path, WORLD_BYTES_MAX)
}

/// Reads policies: one file, or every `*.cedar` file of a folder and the folders
/// in it, in order of their paths. Hidden files and folders, whose names begin with
/// a dot, are left out: editors keep copies in them, and a mounted Kubernetes
/// ConfigMap its generations.
///
/// # Errors
/// As [`read_source`]; also a folder without policies, or a link that leads out.
pub fn read_policies(path: &Path) -> Result<Vec<Source>, Box<Finding>> {
    if !path.is_dir() {
        return Ok(vec![read_source(path)?]);
    }
    let root = path
        .canonicalize()
        .map_err(|error| unreadable(path, &error))?;
    let mut found = Vec::new();
    let mut open = vec![path.to_path_buf()];
    while let Some(folder) = open.pop() {
        for inner in entries(&folder)? {
            let name = inner.file_name().unwrap_or_default();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let resolved = inner.canonicalize().map_err(|e| unreadable(&inner, &e))?;
            if !resolved.starts_with(&root) {
                return Err(Box::new(
                    Finding::error(format!("`{}` leads out of the folder", inner.display()))
                        .next_step(
                            "copy the policies into the folder; links out of it are not followed",
                        ),
                ));
            }
            if resolved.is_dir() {
                // A link to a folder could lead in a circle; its files are found
                // where they are.
                if !inner.is_symlink() {
                    open.push(inner);
                }
            } else if inner
                .extension()
                .is_some_and(|extension| extension == "cedar")
            {
                found.push(inner);
            }
        }
        if found.len() > POLICY_FILES_MAX {
            return Err(Box::new(Finding::error(format!(
                "`{}` holds more than {POLICY_FILES_MAX} policy files",
                path.display()
            ))));
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Box::new(
            Finding::error(format!("`{}` holds no policies", path.display()))
                .next_step("policy files end in `.cedar`"),
        ));
    }
    found.iter().map(|file| read_source(file)).collect()
}

/// What a folder holds, in order.
///
/// # Errors
/// A [`Finding`] if it cannot be listed.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>, Box<Finding>> {
    let listed = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let entries: Result<Vec<PathBuf>, _> = listed.map(|entry| entry.map(|e| e.path())).collect();
    let mut entries = entries.map_err(|error| unreadable(folder, &error))?;
    entries.sort();
    Ok(entries)
}

fn read_up_to(path: &Path, bytes_max: u64) -> Result<Source, Box<Finding>> {
    let meta = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !meta.is_file() {
        return Err(Box::new(
            Finding::error(format!("`{}` is no regular file", path.display()))
                .next_step("name a file"),
        ));
    }
    if meta.len() > bytes_max {
        return Err(Box::new(Finding::error(format!(
            "`{}` has {} bytes; at most {bytes_max} are read",
            path.display(),
            meta.len()
        ))));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Ok(Source::new(path.display().to_string(), text))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Box<Finding> {
    let help = match error.kind() {
        std::io::ErrorKind::NotFound => "check the path; it is taken from the current folder",
        std::io::ErrorKind::InvalidData => "write the file in UTF-8",
        _ => "check that the file can be read",
    };
    Box::new(Finding::error(format!("cannot read `{}`: {error}", path.display())).next_step(help))
}
