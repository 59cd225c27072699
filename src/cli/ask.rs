//! Questions from the command line.

use super::Failure;
use crate::engine::{Input, Member};

/// Reads `--context`.
///
/// # Errors
/// [`Failure`] if it is not a JSON object.
pub(super) fn context(text: &str) -> Result<Vec<Member<'_>>, Failure> {
    let wanted = "write --context as a JSON object: '{\"customer\": \"contoso\"}'";
    match Input::parse(text) {
        Ok(Input::Map(members)) => Ok(members),
        Ok(other) => Err(Failure::new(
            format!("the context is {}", other.kind()),
            wanted,
        )),
        Err(error) => Err(Failure::new(format!("the context: {error}"), wanted)),
    }
}

/// The same, as it goes over HTTP. What was read before is a JSON object.
pub(super) fn context_json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_default()
}
