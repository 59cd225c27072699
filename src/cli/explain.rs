//! A decision and its explanation, for people and for programs.

use serde_json::{Value as Json, json};

use super::output::Style;
use super::shown::Shown;
use crate::engine::explain::{ClauseReport, Explanation, Hop, Outcome, PolicyReport};
use crate::engine::{ErrorMode, PolicyRef};

/// The decision in words.
pub(super) fn text(question: &str, shown: &Shown) -> String {
    let style = Style::stdout();
    let effect = match shown.allows {
        true => style.good("allow"),
        false => style.bad("deny"),
    };
    let mut text = format!("{effect}  {question}\n");
    if let Some(problem) = &shown.problem {
        text += &format!("\nThe request cannot be evaluated: {problem}\n");
    }
    let does = match shown.mode {
        ErrorMode::Strict => "which denies",
        ErrorMode::Cedar => "and is skipped",
    };
    for (policy, message) in &shown.erroring {
        text += &format!("\nThe policy `{policy}` failed, {does}: {message}\n");
    }
    match &shown.explanation {
        Some(explanation) => text += &explained(shown, explanation, &style),
        None => {
            for policy in shown.determining.iter().flatten() {
                text += &format!("\n{}\n", heading(policy, &style));
            }
        }
    }
    for (word, said) in &shown.said {
        text += &format!("\n{word}: {said}\n");
    }
    let explained = shown.explanation.is_some();
    for ignored in shown.ignored.iter().filter(|_| explained) {
        text += &format!("\nIgnored {ignored}\n");
    }
    text
}

fn explained(shown: &Shown, explanation: &Explanation, style: &Style) -> String {
    let mut text = String::new();
    for uid in &explanation.unknown {
        text += &format!("\nNothing is known of {uid}.\n");
    }
    for report in &explanation.determining {
        text += &format!("\n{}", policy(report, style));
    }
    let by_default = !shown.allows && explanation.determining.is_empty();
    if by_default && shown.problem.is_none() && shown.erroring.is_empty() {
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
/// over HTTP. `determining` and `bundle` are null if a server did not tell them.
pub(super) fn json(shown: &Shown) -> Json {
    let determining = shown.determining.as_ref();
    json!({
        "decision": if shown.allows { "allow" } else { "deny" },
        "determining": determining.map(|all| all.iter().map(policy_json).collect::<Json>()),
        "erroring": shown.erroring.iter().map(|(policy, message)| {
            json!({ "policy": policy, "message": message })
        }).collect::<Json>(),
        "problem": shown.problem,
        "revision": shown.revision,
        "bundle": shown.bundle,
        "ignored": shown.ignored,
        "reason": shown.reason,
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
