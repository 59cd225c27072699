//! A decision as it is shown: made here, or told by a running server.

use serde_json::Value as Json;

use crate::api;
use crate::engine::explain::Explanation;
use crate::engine::{ErrorMode, PolicyRef};
use crate::node::Answer;

/// What is known of a decision. What a server did not tell is absent.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) allows: bool,
    /// Why the question could not be evaluated.
    pub(super) problem: Option<String>,
    /// The policies that failed, each with what it said.
    pub(super) erroring: Vec<(String, String)>,
    /// What their failing does.
    pub(super) mode: ErrorMode,
    /// The policies that made the decision.
    pub(super) determining: Option<Vec<PolicyRef>>,
    /// What the determining policies say besides: `Advice` or `Duty`, and the text.
    pub(super) said: Vec<(&'static str, String)>,
    /// What of the question did not count.
    pub(super) ignored: Vec<String>,
    pub(super) revision: Option<u64>,
    pub(super) bundle: Option<String>,
    pub(super) explanation: Option<Explanation>,
    /// The explanation as it goes over HTTP.
    pub(super) reason: Option<Json>,
}

impl Shown {
    /// What was decided here.
    pub(super) fn of(answer: &Answer, mode: ErrorMode, explanation: Option<Explanation>) -> Self {
        let decision = &answer.decision;
        let said = decision.determining.iter().flat_map(|policy| {
            let words = [("advice", "Advice"), ("duty", "Duty")];
            words.into_iter().filter_map(|(name, word)| {
                let text = policy.annotation(name)?;
                Some((word, text.to_owned()))
            })
        });
        let erroring = decision.erroring.iter();
        Self {
            allows: decision.allows(),
            problem: decision.problem.as_ref().map(ToString::to_string),
            erroring: erroring
                .map(|error| (error.policy.id.clone(), error.message.clone()))
                .collect(),
            mode,
            said: said.collect(),
            determining: Some(decision.determining.clone()),
            ignored: answer.ignored.clone(),
            revision: Some(decision.revision.0),
            bundle: Some(decision.bundle.as_str().to_owned()),
            reason: explanation.as_ref().map(api::reason),
            explanation,
        }
    }
}
