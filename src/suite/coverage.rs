//! Which policies the cases of a run determined, by file and line.
//!
//! A policy that was loaded and determined no case is here too, with a count of
//! zero: that is what such a table is read for. Policies that stand for a fact
//! have no text and are not counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::Decision;
use crate::policy::Bundle;

/// Policies by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    files: BTreeMap<Arc<str>, BTreeMap<Key, Lines>>,
}

/// The first line, and the id, since a line can hold several policies.
type Key = (usize, String);

/// The last line of a policy, and how many cases it determined.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lines {
    last: usize,
    cases: usize,
}

impl Coverage {
    /// Takes in the policies and templates of a bundle, as not determining yet.
    pub(super) fn load(&mut self, bundle: &Bundle) {
        for info in bundle.infos() {
            let source = bundle.sources().iter().find(|s| s.name == info.file);
            let last = info.span.end.saturating_sub(1);
            let last = source.map_or(info.line, |source| source.line(last));
            let file = self.files.entry(Arc::clone(&info.file)).or_default();
            let key = (info.line, info.id.clone());
            file.entry(key).or_insert(Lines { last, cases: 0 });
        }
    }

    /// Counts the policies that determined a case; a link counts for its template.
    pub(super) fn count(&mut self, bundle: &Bundle, decision: &Decision) {
        for policy in &decision.determining {
            let template = policy.id.split_once('|').map(|(template, _)| template);
            let info = bundle.policy(&policy.id);
            let info = info.or_else(|| bundle.policy(template?));
            let Some((_, info)) = policy.place.as_ref().zip(info) else {
                continue;
            };
            let file = self.files.get_mut(&info.file);
            let key = (info.line, info.id.clone());
            if let Some(lines) = file.and_then(|file| file.get_mut(&key)) {
                lines.cases += 1;
            }
        }
    }

    /// Adds another run's counts.
    pub(super) fn add(&mut self, other: Self) {
        for (file, policies) in other.files {
            let file = self.files.entry(file).or_default();
            for (key, lines) in policies {
                let here = file.entry(key).or_insert(Lines { cases: 0, ..lines });
                here.cases += lines.cases;
            }
        }
    }

    /// As an LCOV trace: a record a file, each line of a policy with the number
    /// of cases that the policies on it determined. Source: geninfo(1).
    #[must_use]
    pub fn to_lcov(&self) -> String {
        let mut text = String::new();
        for (file, policies) in &self.files {
            let mut lines: BTreeMap<usize, usize> = BTreeMap::new();
            for ((first, _), policy) in policies {
                for line in *first..=policy.last {
                    *lines.entry(line).or_default() += policy.cases;
                }
            }
            // A name is one line of the trace, whatever the file is called.
            let name = file.replace(['\n', '\r'], " ");
            text += &format!("TN:\nSF:{name}\n");
            for (line, cases) in &lines {
                text += &format!("DA:{line},{cases}\n");
            }
            let hit = lines.values().filter(|cases| **cases > 0).count();
            text += &format!("LF:{}\nLH:{hit}\nend_of_record\n", lines.len());
        }
        text
    }
}
