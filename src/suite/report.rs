//! What came out of a run.

use std::collections::BTreeMap;

/// Counts, failures and what the cases covered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Cases that came out as expected.
    pub passed: usize,
    /// Cases that did not.
    pub failures: Vec<Failure>,
    /// Cases that were not run, by name.
    pub skipped: Vec<Skip>,
    /// How many cases each policy (a link counts for its template) determined.
    pub determined: BTreeMap<String, usize>,
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
    /// Adds another run's results.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
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
