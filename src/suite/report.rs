//! What came out of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::coverage::Coverage;
use crate::engine::Snapshot;

/// Counts, failures and what the cases covered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many cases came out as expected.
    pub passed: usize,
    /// Those cases, by name.
    pub passes: Vec<Pass>,
    /// Cases that did not.
    pub failures: Vec<Failure>,
    /// Cases that were not run, by name.
    pub skipped: Vec<Skip>,
    /// How many cases each policy (a link counts for its template) determined.
    pub determined: BTreeMap<String, usize>,
    /// Where the policies stand, and how many cases each determined.
    pub coverage: Coverage,
    /// How many cases of the integration corpus cedar-policy answered alone, by
    /// why the engine did not.
    pub cedar_alone: BTreeMap<Alone, usize>,
    /// Policies that cedar-policy runs because the compiler does not lower them,
    /// by hash of their bundle and id.
    pub not_compiled: BTreeSet<(String, String)>,
}

/// Why the engine does not answer a case of the integration corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alone {
    /// The policies do not validate.
    NotValid,
    /// The policies validate, and are no bundle: they break a limit.
    Refused,
    /// The request is outside of the schema.
    OutsideSchema,
}

/// A case that came out as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Its file.
    pub file: Arc<str>,
    /// Its id.
    pub id: String,
}

/// A case that did not come out as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its file.
    pub file: String,
    /// Its id.
    pub id: String,
    /// What was expected: `allow by users-create`.
    pub expected: String,
    /// What came out.
    pub actual: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// A case that was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Its file.
    pub file: String,
    /// Its id.
    pub id: String,
    /// Why.
    pub why: String,
}

impl Report {
    /// Counts a case that came out as expected.
    pub(super) fn pass(&mut self, file: &Arc<str>, id: &str) {
        self.passed += 1;
        self.passes.push(Pass {
            file: Arc::clone(file),
            id: id.to_owned(),
        });
    }

    /// Takes in what of a snapshot's policies is not compiled.
    pub(super) fn look_at(&mut self, snapshot: &Snapshot) {
        let bundle = snapshot.bundle().hash();
        let ids = snapshot.not_lowered().iter().map(|(id, _)| id);
        let found = ids.map(|id| (bundle.to_string(), id.clone()));
        self.not_compiled.extend(found);
    }

    /// Adds another run's results.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.passes.extend(other.passes);
        self.coverage.add(other.coverage);
        for (why, count) in other.cedar_alone {
            *self.cedar_alone.entry(why).or_default() += count;
        }
        self.not_compiled.extend(other.not_compiled);
        self.failures.extend(other.failures);
        self.skipped.extend(other.skipped);
        for (policy, count) in other.determined {
            *self.determined.entry(policy).or_default() += count;
        }
    }

    /// The stable JSON form. Source: contract, section 1.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let failures = self.failures.iter().map(|failure| {
            serde_json::json!({
                "file": failure.file,
                "id": failure.id,
                "expected": failure.expected,
                "actual": failure.actual,
                "message": failure.message,
            })
        });
        serde_json::json!({
            "passed": self.passed,
            "failed": self.failures.len(),
            "skipped": self.skipped.len(),
            "failures": failures.collect::<Vec<_>>(),
        })
    }
}
