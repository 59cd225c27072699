//! What a writer gets back.

use serde_json::Value;

/// A write that is durable and in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The revision that it made; decisions from it on know it.
    pub revision: u64,
    /// What the command returns: its output, duties and advice. Shape:
    /// `{"duties": [{"rule": "A-SUP-01", "text": …}], "output": {…}}`.
    pub answer: Value,
    /// Whether it had been done before, under the same idempotency key.
    pub repeated: bool,
}
