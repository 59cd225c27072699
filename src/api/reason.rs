//! `context.reason`: why a question was decided so.

use serde::{Serialize, Serializer};

use crate::engine::explain::{ClauseReport, Explanation, Hop, Outcome, PolicyReport, Unlinked};
use crate::engine::{EntityUid, PolicyRef, Problem};
use crate::policy::Annotations;

/// The JSON form of an explanation, for other doors than HTTP.
#[must_use]
pub fn reason(explanation: &Explanation) -> serde_json::Value {
    serde_json::to_value(Reason::of(explanation)).unwrap_or_default()
}

/// Why. Source: contract, section 2 (`context.reason`).
///
/// Shape: `{"determining": [POLICY…], "near": [POLICY…], "unlinked": {"templates":
/// ["…"], "layer": "…", "lacking": "…"}, "unknown": [{"type", "id"}], "message":
/// "…"}`. `determining` is always there; the others if there is anything in them.
#[derive(Default, Serialize)]
pub(super) struct Reason<'a> {
    /// The policies that made the decision: permits of an allow, forbids of a
    /// deny; none for a deny by default.
    determining: Vec<PolicyReason<'a>>,
    /// Of a deny that no forbid made: the permits that came closest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    near: Vec<PolicyReason<'a>>,
    /// Of such a deny: templates that could permit, had they a link here.
    #[serde(skip_serializing_if = "Option::is_none")]
    unlinked: Option<UnlinkedReason<'a>>,
    /// Principal or resource of which nothing is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<Entity<'a>>,
    /// What the schema does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Shape: `{"policy": "users-create", "effect": "permit", "annotations": {…},
/// "place": "policies/users.cedar:12", "clauses": [CLAUSE…]}`.
#[derive(Serialize)]
struct PolicyReason<'a> {
    policy: &'a str,
    effect: &'static str,
    annotations: &'a Annotations,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    clauses: Vec<ClauseReason<'a>>,
}

/// Shape: `{"layer": "directory role", "text": "principal in …", "outcome": "held",
/// "path": [{"type", "id", "implicit"}…]}`; `outcome` is `held`, `not-held` (with
/// `lacking`, in words, where the schema has them) or `failed` (with `message`).
#[derive(Serialize)]
struct ClauseReason<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'a str>,
    text: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lacking: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<HopReason<'a>>,
}

#[derive(Serialize)]
struct HopReason<'a> {
    #[serde(rename = "type", serialize_with = "type_name")]
    ty: &'a EntityUid,
    #[serde(serialize_with = "plain_id")]
    id: &'a EntityUid,
    implicit: bool,
}

#[derive(Serialize)]
struct Entity<'a> {
    #[serde(rename = "type", serialize_with = "type_name")]
    ty: &'a EntityUid,
    #[serde(serialize_with = "plain_id")]
    id: &'a EntityUid,
}

#[derive(Serialize)]
struct UnlinkedReason<'a> {
    templates: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lacking: Option<&'a str>,
}

impl<'a> Reason<'a> {
    /// The reason that an explanation gives.
    pub(super) fn of(explanation: &'a Explanation) -> Self {
        let unknown = explanation.unknown.iter();
        Self {
            determining: policies(&explanation.determining),
            near: policies(&explanation.near),
            unlinked: explanation.unlinked.as_ref().map(UnlinkedReason::of),
            unknown: unknown.map(|uid| Entity { ty: uid, id: uid }).collect(),
            message: None,
        }
    }

    /// The reason of a deny for a name that the schema lacks.
    pub(super) fn unknown(problem: &Problem) -> Self {
        Self {
            message: Some(problem.to_string()),
            ..Self::default()
        }
    }
}

fn policies(reports: &[PolicyReport]) -> Vec<PolicyReason<'_>> {
    reports.iter().map(PolicyReason::of).collect()
}

impl<'a> PolicyReason<'a> {
    fn of(report: &'a PolicyReport) -> Self {
        let PolicyRef {
            id,
            permits,
            annotations,
            place,
        } = &report.policy;
        let place = place.as_ref();
        Self {
            policy: id,
            effect: if *permits { "permit" } else { "forbid" },
            annotations,
            place: place.map(|(file, line)| format!("{file}:{line}")),
            clauses: report.clauses.iter().map(ClauseReason::of).collect(),
        }
    }
}

impl<'a> ClauseReason<'a> {
    fn of(clause: &'a ClauseReport) -> Self {
        let (outcome, message) = match &clause.outcome {
            Outcome::Held => ("held", None),
            Outcome::NotHeld => ("not-held", None),
            Outcome::Failed(message) => ("failed", Some(message.as_str())),
        };
        Self {
            layer: clause.layer.as_deref(),
            text: &clause.text,
            outcome,
            message,
            lacking: clause.lacking.as_deref(),
            path: clause.path.iter().map(HopReason::of).collect(),
        }
    }
}

impl<'a> HopReason<'a> {
    fn of(hop: &'a Hop) -> Self {
        Self {
            ty: &hop.entity,
            id: &hop.entity,
            implicit: hop.implicit,
        }
    }
}

impl<'a> UnlinkedReason<'a> {
    fn of(unlinked: &'a Unlinked) -> Self {
        Self {
            templates: &unlinked.templates,
            layer: unlinked.layer.as_deref(),
            lacking: unlinked.lacking.as_deref(),
        }
    }
}

fn type_name<S: Serializer>(uid: &EntityUid, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(uid.type_name())
}

fn plain_id<S: Serializer>(uid: &EntityUid, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(uid.id().unescaped())
}
