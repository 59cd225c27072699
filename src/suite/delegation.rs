//! Delegation cases: one JSON object a line, each with its own world.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::case::{Base, Case, Expected, Stage, Suite};
use super::error::SuiteError;
use super::toml_suite::time;
use crate::directory::Profile;
use crate::engine::intake::{Ask, Party};
use crate::engine::{Effect, Input, Member};
use crate::policy::{Finding, Source};

/// Reads every line as a suite of one case. A case of a profile that is not
/// built yet is read too, and reported as skipped.
pub(super) fn read(source: &Source) -> Result<Vec<Suite>, SuiteError> {
    let lines = source.text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(n, line)| {
            suite(source, n + 1, line).map_err(|message| {
                let start = line.as_ptr() as usize - source.text.as_ptr() as usize;
                let finding = Finding::error(message)
                    .next_step("each line is one delegation case: id, profile, now, world, request, expected")
                    .at(source, start..start + line.len().min(60), "in this case");
                SuiteError::Finding(Box::new(finding))
            })
        })
        .collect()
}

fn suite(source: &Source, line: usize, text: &str) -> Result<Suite, String> {
    let case = Input::parse(text).map_err(|error| error.to_string())?;
    let field = |name: &str| {
        let value = case.get(name).and_then(Input::as_str);
        value.ok_or_else(|| format!("the member `{name}` is missing or not a string"))
    };
    let id = field("id")?.to_owned();
    let world = case.get("world").map_or_else(|| "{}".to_owned(), to_json);
    let base = match field("profile")?.parse::<Profile>() {
        Ok(profile) => Base::World {
            world: Source::new(format!("{}:{line} ({id}), its world", source.name), world),
            profile,
        },
        Err(why) => Base::Unavailable { why },
    };
    let request = case
        .get("request")
        .ok_or("the member `request` is missing")?;
    let effect = match field("expected")? {
        "allow" => Effect::Allow,
        "deny" => Effect::Deny,
        other => return Err(format!("`expected` is allow or deny, not `{other}`")),
    };
    let rules = match case.get("rules") {
        Some(Input::List(rules)) => {
            let rules = rules.iter().filter_map(Input::as_str);
            rules.map(str::to_owned).collect()
        }
        _ => BTreeSet::new(),
    };
    let case = Case {
        id,
        rules,
        twin: None,
        ask: ask(request)?,
        now: time(field("now")?)?,
        expected: Expected {
            effect,
            determining: None,
            among: BTreeSet::new(),
            erroring: Some(BTreeSet::new()),
            erroring_count: None,
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

fn ask(request: &Input<'_>) -> Result<Ask<'static>, String> {
    let party = |name: &str| {
        let party = request.get(name);
        let text = |member: &str| {
            let value = party.and_then(|party| party.get(member)?.as_str());
            let value = value.map(|text| Cow::Owned(text.to_owned()));
            value.ok_or_else(|| format!("`request.{name}.{member}` is missing or not a string"))
        };
        Ok::<_, String>(Party {
            ty: text("type")?,
            id: text("id")?,
            properties: members(party.and_then(|party| party.get("properties"))),
        })
    };
    let action = request.get("action").and_then(|a| a.get("name")?.as_str());
    let action = action.ok_or("`request.action.name` is missing or not a string")?;
    Ok(Ask {
        principal: party("subject")?,
        action: Cow::Owned(action.to_owned()),
        action_type: None,
        action_properties: members(request.get("action").and_then(|a| a.get("properties"))),
        resource: party("resource")?,
        context: members(request.get("context")),
    })
}

fn members(of: Option<&Input<'_>>) -> Vec<Member<'static>> {
    let members = of.and_then(Input::members).unwrap_or_default();
    members.iter().map(Member::to_owned_member).collect()
}

/// The text of a value again: the world of a case is read like a world file.
fn to_json(value: &Input<'_>) -> String {
    serde_json::to_string(&value.to_json()).unwrap_or_default()
}
