//! What an event holds: what was decided, and never how.

use serde_json::{Value, json};

use super::{Command, Planned};
use crate::directory::Change;
use crate::directory::world_file::{Misplaced, Path, change_from_json, change_to_json};

/// The payload of the event that a planned command becomes.
///
/// Shape: `{"changes": [{"put": {"devices": {…}}}], "command": {"command":
/// "add-devices", …}}`. The command is there for people: replaying an event folds
/// the changes. The log adds what the writer was answered.
#[must_use]
pub fn event_payload(command: &Command, planned: &Planned) -> Value {
    let changes: Vec<Value> = planned.changes.iter().map(change_to_json).collect();
    // A command is plain data with text for keys: writing it does not fail.
    let command = serde_json::to_value(command).unwrap_or_default();
    json!({ "changes": changes, "command": command })
}

/// The changes in an event's payload, in order.
///
/// # Errors
/// [`Misplaced`] if `changes` is missing, or one of them is none.
pub fn event_changes(payload: &Value) -> Result<Vec<Change>, Misplaced> {
    let path = Path::member("changes");
    let Some(changes) = payload.get("changes").and_then(Value::as_array) else {
        return Err(Misplaced {
            path,
            message: "an event holds a list of changes".to_owned(),
            remedy: "restore the event as it was written".to_owned(),
        });
    };
    let changes = changes.iter().enumerate();
    let changes = changes.map(|(n, change)| {
        change_from_json(change).map_err(|error| Misplaced {
            path: path.at(n),
            ..error
        })
    });
    changes.collect()
}
