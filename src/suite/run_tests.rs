//! The JSON files of the Cedar CLI's `run-tests`.
//!
//! Shape: `[{"name", "request": {"principal", "action", "resource", "context"},
//! "entities": [..] or a file beside it, "decision", "reason": [ids],
//! "num_errors": N}]`. As there, the reasons must be among the determining
//! policies, and errors count as Cedar counts them. Policies and schema do not
//! stand in the file: they are named on the command line.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::case::{Base, Case, Expected, Stage, Suite};
use super::error::SuiteError;
use super::find::Cedar;
use crate::engine::intake::{Ask, Party, parse_action};
use crate::engine::{Effect, EntityData, ErrorMode, Input, Member, parse_entities, parse_uid};
use crate::node::files;
use crate::policy::{Bundle, Finding, Source};

/// Whether a JSON text is of this form.
pub(super) fn is_one(input: &Input<'_>) -> bool {
    let Input::List(items) = input else {
        return false;
    };
    let fits = |item: &Input<'_>| item.get("request").is_some() && item.get("decision").is_some();
    !items.is_empty() && items.iter().all(fits)
}

/// Reads the file: a suite for each test, since each has its own entities.
pub(super) fn read(
    path: &Path,
    source: &Source,
    input: &Input<'_>,
    cedar: Option<&Cedar>,
) -> Result<Vec<Suite>, SuiteError> {
    let Input::List(items) = input else {
        return Ok(Vec::new());
    };
    let tests = items.iter().enumerate().map(|(n, item)| {
        let name = item.get("name").and_then(Input::as_str);
        let name = name.map_or_else(|| format!("[{n}]"), str::to_owned);
        let built = suite(path, source, item, name.clone(), cedar);
        built.map_err(|message| {
            let finding = Finding::error(format!("{}: {name}: {message}", source.name))
                .next_step("the form is that of the Cedar CLI's `run-tests`");
            SuiteError::Finding(Box::new(finding))
        })
    });
    tests.collect()
}

fn suite(
    path: &Path,
    source: &Source,
    item: &Input<'_>,
    name: String,
    cedar: Option<&Cedar>,
) -> Result<Suite, String> {
    let case = case(item, name)?;
    let base = match cedar.and_then(|cedar| cedar.bundle.as_ref()) {
        None => Base::Unavailable {
            why: "name the policies and the schema: --policies PATH --schema FILE".to_owned(),
        },
        Some(bundle) => Base::Generic {
            bundle: Arc::clone(bundle),
            entities: entities(path, item, bundle)?,
            mode: Some(ErrorMode::Cedar),
        },
    };
    let stage = Stage {
        cases: vec![case],
        ..Stage::default()
    };
    Ok(Suite {
        file: source.name.to_string(),
        base,
        stages: vec![stage],
    })
}

/// The entities of a test: in place, or in a file under the test's folder.
fn entities(path: &Path, item: &Input<'_>, bundle: &Bundle) -> Result<Vec<EntityData>, String> {
    let text = match item.get("entities") {
        None => return Ok(Vec::new()),
        Some(Input::String(file)) => {
            let folder = path.parent().unwrap_or(Path::new("."));
            let folder = folder.canonicalize().map_err(|error| error.to_string())?;
            let named = folder.join(file.as_ref());
            let resolved = named.canonicalize();
            let resolved = resolved.map_err(|error| format!("`{file}`: {error}"))?;
            if !resolved.starts_with(&folder) {
                return Err(format!("`{file}` is outside of the test's folder"));
            }
            let read = files::read_world(&resolved).map_err(|finding| finding.to_string())?;
            read.text.to_string()
        }
        Some(inline) => inline.to_json().to_string(),
    };
    parse_entities(&text, bundle.shape()).map_err(|error| error.to_string())
}

fn case(item: &Input<'_>, name: String) -> Result<Case, String> {
    let request = item.get("request").ok_or("`request` is missing")?;
    let text = |name: &str| {
        let value = request.get(name).and_then(Input::as_str);
        value.ok_or_else(|| format!("`request.{name}` is missing or not a string"))
    };
    let party = |name: &str| {
        let uid = parse_uid(text(name)?).map_err(|error| error.to_string())?;
        Ok::<_, String>(Party::from(&uid))
    };
    let (action_type, action) = parse_action(text("action")?).map_err(|error| error.to_string())?;
    let context = request.get("context").and_then(Input::members);
    let context = context.unwrap_or_default().iter();
    let strings = |name: &str| -> BTreeSet<String> {
        match item.get(name) {
            Some(Input::List(items)) => {
                let items = items.iter().filter_map(Input::as_str);
                items.map(str::to_owned).collect()
            }
            _ => BTreeSet::new(),
        }
    };
    let errors = match item.get("num_errors") {
        Some(Input::Long(n)) => usize::try_from(*n).map_err(|_| "`num_errors` is negative")?,
        _ => 0,
    };
    Ok(Case {
        id: name,
        rules: BTreeSet::new(),
        twin: None,
        ask: Ask {
            principal: party("principal")?,
            action,
            action_type,
            action_properties: Vec::new(),
            resource: party("resource")?,
            context: context.map(Member::to_owned_member).collect(),
        },
        // The form has no time; a context that declares `now` gets the epoch.
        now: Timestamp::UNIX_EPOCH,
        expected: Expected {
            effect: match item.get("decision").and_then(Input::as_str) {
                Some("allow") => Effect::Allow,
                Some("deny") => Effect::Deny,
                _ => return Err("`decision` is allow or deny".to_owned()),
            },
            determining: None,
            among: strings("reason"),
            erroring: None,
            erroring_count: Some(errors),
        },
    })
}
