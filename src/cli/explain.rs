//! A decision and its explanation, for people and for programs.

use serde_json::{Value as Json, json};

use super::decide::Args;
use super::output::Style;
use crate::api;
use crate::engine::explain::{ClauseReport, Explanation, Hop, Outcome, PolicyReport};
use crate::engine::{Decision, PolicyRef};
use crate::node::Answer;

/// The decision in words.
pub(super) fn text(args: &Args, answer: &Answer, explanation: Option<&Explanation>) -> String {
    let style = Style::stdout();
    let decision = &answer.decision;
    let effect = match decision.allows() {
        true => style.good("allow"),
        false => style.bad("deny"),
    };
    let mut text = format!("{effect}  {}\n", args.question());
    if let Some(problem) = &decision.problem {
        text += &format!("\nThe request cannot be evaluated: {problem}\n");
    }
    for error in &decision.erroring {
        text += &format!(
            "\nThe policy `{}` failed, which denies: {}\n",
            error.policy.id, error.message
        );
    }
    match explanation {
        Some(explanation) => text += &explained(decision, explanation, &style),
        None => {
            for policy in &decision.determining {
                text += &format!("\n{}\n", heading(policy, &style));
            }
        }
    }
    for policy in &decision.determining {
        for (name, word) in [("advice", "Advice"), ("duty", "Duty")] {
            if let Some(said) = policy.annotation(name) {
                text += &format!("\n{word}: {said}\n");
            }
        }
    }
    for ignored in answer.ignored.iter().filter(|_| explanation.is_some()) {
        text += &format!("\nIgnored {ignored}\n");
    }
    text
}

fn explained(decision: &Decision, explanation: &Explanation, style: &Style) -> String {
    let mut text = String::new();
    for uid in &explanation.unknown {
        text += &format!("\nNothing is known of {uid}.\n");
    }
    for report in &explanation.determining {
        text += &format!("\n{}", policy(report, style));
    }
    let by_default = !decision.allows() && explanation.determining.is_empty();
    if by_default && decision.problem.is_none() && decision.erroring.is_empty() {
        text += match explanation.near.is_empty() {
            true => "\nNo policy permits this action to such a principal.\n",
            false => "\nNo policy permits this. What came closest, and what it lacked:\n",
        };
        for report in &explanation.near {
            text += &format!("\n{}", policy(report, style));
        }
        if let Some(unlinked) = &explanation.unlinked {
            let lacking = unlinked
                .lacking
                .as_deref()
                .unwrap_or("no link reaches the question");
            let layer = unlinked.layer.as_deref().unwrap_or("link");
            text += &format!("\n  {} {layer}: {lacking}\n", style.bad("✘"));
        }
    }
    text
}

fn heading(policy: &PolicyRef, style: &Style) -> String {
    let place = policy.place.as_ref();
    let place = place.map(|(file, line)| format!("  {}", style.faint(&format!("{file}:{line}"))));
    let mut text = format!("{}{}", style.strong(&policy.id), place.unwrap_or_default());
    if let Some(reason) = policy.annotation("reason") {
        text += &format!("\n  {reason}");
    }
    text
}

fn policy(report: &PolicyReport, style: &Style) -> String {
    let mut text = format!("{}\n", heading(&report.policy, style));
    let layers = report
        .clauses
        .iter()
        .filter_map(|clause| clause.layer.as_deref());
    let width = layers.map(str::len).max().unwrap_or_default();
    for clause in &report.clauses {
        text += &clause_line(clause, width, style);
    }
    text
}

fn clause_line(clause: &ClauseReport, width: usize, style: &Style) -> String {
    let mark = match clause.outcome {
        Outcome::Held => style.good("✔"),
        Outcome::NotHeld => style.bad("✘"),
        Outcome::Failed(_) => style.bad("!"),
    };
    let layer = clause.layer.as_deref().unwrap_or_default();
    let mut text = format!("    {mark} {layer:width$}  {}\n", shortened(&clause.text));
    let indent = " ".repeat(width + 8);
    if let Some(lacking) = &clause.lacking {
        text += &format!("{indent}{lacking}\n");
    }
    if clause.path.len() > 1 {
        text += &format!("{indent}{}\n", path(&clause.path));
    }
    text
}

/// Characters of a clause that people are shown; programs get the whole.
const CLAUSE_CHARACTERS_MAX: usize = 140;

/// Long lists are for programs (`--format json`); people see how they begin.
fn shortened(text: &str) -> String {
    if text.chars().count() <= CLAUSE_CHARACTERS_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(CLAUSE_CHARACTERS_MAX).collect();
    format!("{start} …")
}

fn path(hops: &[Hop]) -> String {
    let hops = hops.iter().map(|hop| match hop.implicit {
        true => format!("⇢ {} (implicit)", hop.entity),
        false => format!("→ {}", hop.entity),
    });
    let text = hops.collect::<Vec<_>>().join(" ");
    text.trim_start_matches(['→', ' ']).to_owned()
}

/// The stable JSON form of a decision. `reason` is that of an explained answer
/// over HTTP.
pub(super) fn json(answer: &Answer, explanation: Option<&Explanation>) -> Json {
    let decision = &answer.decision;
    json!({
        "decision": decision.effect.as_str(),
        "determining": decision.determining.iter().map(policy_json).collect::<Json>(),
        "erroring": decision.erroring.iter().map(|error| {
            json!({ "policy": error.policy.id, "message": error.message })
        }).collect::<Json>(),
        "problem": decision.problem.as_ref().map(ToString::to_string),
        "revision": decision.revision.0,
        "bundle": decision.bundle.as_str(),
        "ignored": answer.ignored,
        "reason": explanation.map(api::reason),
    })
}

fn policy_json(policy: &PolicyRef) -> Json {
    json!({
        "id": policy.id,
        "effect": if policy.permits { "permit" } else { "forbid" },
        "annotations": &*policy.annotations,
        "place": policy.place.as_ref().map(|(file, line)| format!("{file}:{line}")),
    })
}
