//! Decisions as they stand on the wire.

use axum::body::{Body, Bytes};
use axum::response::Response;
use serde::Serialize;

use super::access_request::Offer;
use super::error::ApiError;
use super::position::Placed;
use super::reason::Reason;
use crate::engine::explain::Explanation;
use crate::engine::{Decision, Problem};
use crate::node::Answer;

/// The status within `context.error`: the question was at fault.
const PROBLEM_STATUS: u16 = 400;
const ADVICE: &str = "advice";
const DUTY: &str = "duty";
/// The annotations that an answer tells of the policies which made it.
pub(super) const SAID: [&str; 2] = [ADVICE, DUTY];

/// The response that tells one answer, and from which state it is.
///
/// # Errors
/// [`ApiError::Internal`]: none that is known.
pub(super) fn told(placed: &Placed, answer: &EvaluationAnswer<'_>) -> Result<Response, ApiError> {
    let body = match answer.is_bare() {
        true => Bytes::from_static(bare(answer.decision)),
        false => Bytes::from(text(answer)?),
    };
    Ok(response(placed, body))
}

/// The same of several evaluations. Source: AuthZEN 1.0, "Access Evaluations API
/// Response".
///
/// Shape: `{"evaluations": [{"decision": true}, {"decision": false}]}`.
///
/// # Errors
/// As [`told`].
pub(super) fn told_all<'a>(
    placed: &Placed,
    answers: impl ExactSizeIterator<Item = Told<'a>>,
) -> Result<Response, ApiError> {
    const BEGIN: &[u8] = br#"{"evaluations":["#;
    const END: &[u8] = b"]}";
    // Most answers are bare, and a comma follows each.
    let each = bare(false).len() + 1;
    let mut body = Vec::with_capacity(BEGIN.len() + answers.len() * each + END.len());
    body.extend_from_slice(BEGIN);
    for (at, answer) in answers.enumerate() {
        if at > 0 {
            body.push(b',');
        }
        match answer {
            Told::Effect(allows) => body.extend_from_slice(bare(allows)),
            Told::More(answer) => body.append(&mut text(&answer)?),
        }
    }
    body.extend_from_slice(END);
    Ok(response(placed, Bytes::from(body)))
}

/// One of several answers. Most say nothing but the effect, and are many.
pub(super) enum Told<'a> {
    Effect(bool),
    More(Box<EvaluationAnswer<'a>>),
}

/// The text of an answer without a context.
fn bare(allows: bool) -> &'static [u8] {
    match allows {
        true => br#"{"decision":true}"#,
        false => br#"{"decision":false}"#,
    }
}

fn text(answer: &EvaluationAnswer<'_>) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(answer).map_err(|error| ApiError::Internal {
        detail: error.to_string(),
    })
}

fn response(placed: &Placed, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.headers_mut() = placed.headers();
    response
}

/// The answer to one evaluation. Source: AuthZEN 1.0, "Access Evaluation API
/// Response".
///
/// Shape: `{"decision": true}`, or with a `context` if there is more to say.
#[derive(Serialize)]
pub(super) struct EvaluationAnswer<'a> {
    decision: bool,
    #[serde(skip_serializing_if = "AnswerContext::is_empty")]
    context: AnswerContext<'a>,
}

/// What goes with a decision. The members are our choice, within what AuthZEN
/// leaves to the decider; each is left out when there is nothing in it.
///
/// Shape: `{"access_request": {…}, "advice": ["…"], "duty": ["…"], "error": {"status":
/// 400, "message": "…"}, "erroring": [{"policy": "…", "message": "…"}],
/// "evaluation_id": "…", "ignored": ["…"], "reason": {…}}`.
#[derive(Default, Serialize)]
struct AnswerContext<'a> {
    /// How to ask for what would have made it an allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_request: Option<&'a Offer>,
    /// `@advice` of the determining policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    advice: Vec<&'a str>,
    /// `@duty` of the determining policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    duty: Vec<&'a str>,
    /// Why the question could not be evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorContext>,
    /// The policies that failed, which denies. Of several answers explained ones only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    erroring: Vec<ErroringPolicy<'a>>,
    /// What a request for access calls this evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_id: Option<&'a str>,
    /// What of the question did not count. Explained answers only.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    ignored: &'a [String],
    /// Why it was decided so. Explained answers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason<'a>>,
}

/// Source: AuthZEN 1.0, "Errors" (those of individual evaluations).
#[derive(Debug, Serialize)]
pub(super) struct ErrorContext {
    status: u16,
    message: String,
}

#[derive(Serialize)]
struct ErroringPolicy<'a> {
    policy: &'a str,
    message: &'a str,
}

impl<'a> EvaluationAnswer<'a> {
    /// The answer to a caller who did not ask why.
    pub(super) fn plain(decision: &'a Decision) -> Self {
        Self {
            decision: decision.allows(),
            context: AnswerContext::of(decision),
        }
    }

    /// Whether there is nothing to say but the effect.
    fn is_bare(&self) -> bool {
        self.context.is_empty()
    }

    /// An effect and nothing else.
    pub(super) fn bare(allows: bool) -> Self {
        Self {
            decision: allows,
            context: AnswerContext::default(),
        }
    }

    /// The answer to one of several for a caller who did not ask why: the effect, and
    /// why it could not be evaluated if it could not. Source: contract, section 2.
    pub(super) fn brief(decision: &'a Decision) -> Self {
        let AnswerContext { error, .. } = AnswerContext::of(decision);
        Self {
            decision: decision.allows(),
            context: AnswerContext {
                error,
                ..AnswerContext::default()
            },
        }
    }

    /// The same with how to ask for what would have made it an allow, if there is a
    /// way.
    pub(super) fn offering(mut self, offer: Option<&'a Offer>) -> Self {
        self.context.access_request = offer;
        self.context.evaluation_id = offer.map(Offer::evaluation_id);
        self
    }

    /// The deny of an item that is no question.
    pub(super) fn invalid(error: &ApiError) -> Self {
        let message = error.to_string();
        Self {
            decision: false,
            context: AnswerContext {
                error: Some(ErrorContext {
                    status: error.status().as_u16(),
                    message,
                }),
                ..AnswerContext::default()
            },
        }
    }

    /// The answer to a caller who did. There is no explanation of a question that
    /// could not be evaluated.
    pub(super) fn explained(answer: &'a Answer, explanation: Option<&'a Explanation>) -> Self {
        let decision = &answer.decision;
        let unknown = decision.problem.as_ref().filter(|p| p.is_unknown_name());
        Self {
            decision: decision.allows(),
            context: AnswerContext {
                ignored: &answer.ignored,
                reason: match (explanation, unknown) {
                    (Some(explanation), _) => Some(Reason::of(explanation)),
                    (None, Some(problem)) => Some(Reason::unknown(problem)),
                    (None, None) => None,
                },
                ..AnswerContext::of(decision)
            },
        }
    }
}

impl<'a> AnswerContext<'a> {
    fn of(decision: &'a Decision) -> Self {
        // A name that the schema lacks is data, not an error: a plain deny.
        let problem = decision.problem.as_ref().filter(|p| !p.is_unknown_name());
        let erroring = decision.erroring.iter();
        Self {
            advice: annotated(decision, ADVICE),
            duty: annotated(decision, DUTY),
            error: problem.map(ErrorContext::of),
            erroring: erroring
                .map(|failed| ErroringPolicy {
                    policy: &failed.policy.id,
                    message: &failed.message,
                })
                .collect(),
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        let Self {
            access_request,
            advice,
            duty,
            error,
            erroring,
            evaluation_id,
            ignored,
            reason,
        } = self;
        access_request.is_none()
            && advice.is_empty()
            && evaluation_id.is_none()
            && duty.is_empty()
            && error.is_none()
            && erroring.is_empty()
            && ignored.is_empty()
            && reason.is_none()
    }
}

impl ErrorContext {
    /// What is said of a problem.
    pub(super) fn of(problem: &Problem) -> Self {
        Self {
            status: PROBLEM_STATUS,
            message: problem.to_string(),
        }
    }
}

/// The values of an annotation of the determining policies, each once, in order.
fn annotated<'a>(decision: &'a Decision, name: &str) -> Vec<&'a str> {
    let mut values = Vec::new();
    for policy in &decision.determining {
        if let Some(value) = policy.annotation(name)
            && !values.contains(&value)
        {
            values.push(value);
        }
    }
    values
}
