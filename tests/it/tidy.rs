//! Holds the house to its rules.
//!
//! Each rule is a function from a file to findings (`path:line: what`). It is
//! first shown to find something in a bad sample and nothing in a good one, then
//! run over the tree: a rule that cannot fail would hold nobody to anything.

mod code;
mod domain;
mod files;
mod layers;
mod places;

use crate::support;

/// Folders of `src`, each naming only those before it.
const LAYERS: [&str; 11] = [
    "policy",
    "engine",
    "directory",
    "log",
    "node",
    "suite",
    "measure",
    "prove",
    "enforce",
    "api",
    "cli",
];
/// So many of them have no file system, network, environment, runtime or clock.
const PURE_LAYERS: usize = 3;
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// A text and its path from the root, with `/` between the parts.
struct File {
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        let (path, text) = (path.to_owned(), text.to_owned());
        Self { path, text }
    }

    /// A finding at a byte of the text.
    fn says(&self, offset: usize, what: &str) -> String {
        let line = 1 + self.text[..offset].matches('\n').count();
        format!("{}:{line}: {what}", self.path)
    }

    /// The layer it is in, with its place among them; `Err` names a folder of
    /// `src` that is none.
    fn layer(&self) -> Result<Option<usize>, &str> {
        let inner = self.path.strip_prefix("src/");
        let folder = inner.and_then(|inner| inner.split_once('/'));
        let Some((folder, _)) = folder else {
            return Ok(None);
        };
        let found = LAYERS.iter().position(|layer| *layer == folder);
        found.map(Some).ok_or(folder)
    }
}

/// The files of the tree under a folder (`""`: all), without what is ignored.
fn files(under: &str) -> Vec<File> {
    let ignored = support::text(".gitignore");
    let ignored: Vec<&str> = ignored
        .lines()
        .map(|line| line.trim_matches('/'))
        .chain([".git"])
        .collect();
    let root = support::at("");
    let mut open = vec![root.join(under)];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let inner = path.strip_prefix(&root).expect("within the root");
            let inner = inner.to_str().expect("a path in UTF-8").replace('\\', "/");
            if ignored.contains(&inner.as_str()) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                files.push(File { path: inner, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn rust(under: &str) -> Vec<File> {
    let mut files = files(under);
    files.retain(|file| file.path.ends_with(".rs"));
    assert!(!files.is_empty(), "there is something to look at");
    files
}

/// The tree keeps a rule.
#[track_caller]
fn kept(files: &[File], rule: impl Fn(&File) -> Vec<String>) {
    let findings: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// A rule finds this in a sample: one entry each, `line: a part of what`.
#[track_caller]
fn check(path: &str, text: &str, rule: impl Fn(&File) -> Vec<String>, expected: &[(usize, &str)]) {
    let found = rule(&File::new(path, text));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (finding, (line, part)) in found.iter().zip(expected) {
        let place = format!("{path}:{line}: ");
        assert!(
            finding.starts_with(&place) && finding.contains(part),
            "{finding}"
        );
    }
}
