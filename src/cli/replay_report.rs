//! What a replay came to, for people and for programs.

use serde_json::{Value, json};

use super::output::Style;
use crate::node::decision_log::{Alike, Example, Flip, Group, Judgement, ReplayReport};

/// Groups that people are shown, of each kind; the JSON has them all.
const GROUPS_SHOWN: usize = 20;

/// For people: what flips, grouped, then counts.
pub(super) fn text(report: &ReplayReport) -> String {
    let style = Style::stdout();
    let mut text = String::new();
    for flip in Flip::ALL {
        let rows = report.flips.get(&flip).copied().unwrap_or_default();
        if rows == 0 {
            continue;
        }
        let title = format!("{}: {rows}", title(flip));
        text += &match flip {
            Flip::DenyToAllow => style.bad(&title),
            _ => style.strong(&title),
        };
        text.push('\n');
        let groups = report.groups.iter().filter(|(alike, _)| alike.flip == flip);
        let mut groups: Vec<(&Alike, &Group)> = groups.collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.rows));
        for (alike, group) in groups.iter().take(GROUPS_SHOWN) {
            text += &group_text(alike, group, &style);
        }
        if groups.len() > GROUPS_SHOWN {
            text += &format!("  and {} more groups\n", groups.len() - GROUPS_SHOWN);
        }
        text.push('\n');
    }
    for (why, rows) in &report.unreplayable {
        text += &style.faint(&format!("not replayed: {rows}, {why}"));
        text.push('\n');
    }
    if report.torn > 0 {
        let torn = report.torn;
        text += &style.faint(&format!(
            "torn: {torn}, a last line that was not written whole"
        ));
        text.push('\n');
    }
    text += &format!(
        "{} rows: {} the same, {} flipped, {} not replayed\n",
        report.rows,
        report.same,
        report.flipped_rows(),
        report.unreplayable_rows()
    );
    text
}

fn group_text(alike: &Alike, group: &Group, style: &Style) -> String {
    let mut text = format!(
        "  {:>6}  {} {} {}: {} → {}\n",
        group.rows,
        alike.principal_type,
        style.strong(&alike.action),
        alike.resource_type,
        listed(&alike.was),
        listed(&alike.is)
    );
    if let Some(first) = group.examples.first() {
        let Example { file, line, .. } = first;
        let ((pt, pi), (rt, ri)) = (&first.principal, &first.resource);
        let example = format!(
            "          {file}:{line}  {pt}::{pi:?} {} {rt}::{ri:?} at revision {}",
            alike.action, first.revision
        );
        text += &style.faint(&example);
        text.push('\n');
    }
    text
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "no policy".to_owned(),
        names => names.join(", "),
    }
}

/// For programs; the form is stable.
pub(super) fn json(report: &ReplayReport) -> Value {
    let flips = Flip::ALL.map(|flip| {
        let rows = report.flips.get(&flip).copied().unwrap_or_default();
        (name(flip).to_owned(), rows.into())
    });
    let reasons = report.unreplayable.iter();
    let reasons = reasons.map(|(why, rows)| json!({"reason": why, "rows": rows}));
    let groups = report.groups.iter().map(|(alike, group)| {
        json!({
            "flip": name(alike.flip),
            "action": alike.action,
            "principal_type": alike.principal_type,
            "resource_type": alike.resource_type,
            "was": alike.was,
            "is": alike.is,
            "rows": group.rows,
            "examples": group.examples.iter().map(example).collect::<Vec<_>>(),
        })
    });
    json!({
        "rows": report.rows,
        "same": report.same,
        "flipped": report.flipped_rows(),
        "flips": serde_json::Map::from_iter(flips),
        "unreplayable": report.unreplayable_rows(),
        "unreplayable_reasons": reasons.collect::<Vec<_>>(),
        "torn": report.torn,
        "groups": groups.collect::<Vec<_>>(),
    })
}

fn example(example: &Example) -> Value {
    let party = |(ty, id): &(String, String)| json!({"type": ty, "id": id});
    json!({
        "file": example.file,
        "line": example.line,
        "decision_id": example.decision_id,
        "revision": example.revision,
        "principal": party(&example.principal),
        "resource": party(&example.resource),
        "was": judgement(&example.was),
        "is": judgement(&example.is),
    })
}

fn judgement(judgement: &Judgement) -> Value {
    json!({
        "decision": if judgement.allows { "allow" } else { "deny" },
        "determining": judgement.determining,
        "erroring": judgement.erroring,
        "problem": judgement.problem,
    })
}

fn title(flip: Flip) -> &'static str {
    match flip {
        Flip::DenyToAllow => "deny → allow",
        Flip::AllowToDeny => "allow → deny",
        Flip::Policies => "the same effect by other policies",
    }
}

fn name(flip: Flip) -> &'static str {
    match flip {
        Flip::DenyToAllow => "deny-to-allow",
        Flip::AllowToDeny => "allow-to-deny",
        Flip::Policies => "policies",
    }
}
