//! One decision as a line of JSON.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Map;

use super::question::{Place, Taking, Use};
use super::shown::{Members, bytes_of, holds_secret};
use super::{MaskKey, is_secret};
use crate::engine::intake::{Ask, Party};
use crate::engine::{ErrorMode, Member, Problem};
use crate::node::{Answer, Point};
use crate::policy::Reads;

/// The version of the form of rows.
pub const ROW_VERSION: u32 = 1;
/// Bytes of a question that a row holds, about; a row of a larger one holds no
/// properties and no context, and says that it is unreplayable. Our choice: far
/// above any question in use, and a thousand of them stay within memory.
pub const QUESTION_BYTES_MAX: usize = 32 << 10;
/// Characters of a type, name or id that a row of a larger question shows.
pub const ID_BYTES_SHOWN: usize = 256;

/// A question that was decided, and how.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'r> {
    /// The question as it was asked.
    pub ask: &'r Ask<'r>,
    /// The answer.
    pub answer: &'r Answer,
    /// The state that it was decided on.
    pub point: &'r Point,
    /// The `now` of the decision.
    pub now: Timestamp,
    /// The id of the request that it came in.
    pub request_id: &'r str,
    /// Who asked, if that is known: `key 3f2a91…`.
    pub caller: Option<&'r str>,
    /// Its place among the items of the request, from 0, if it had several.
    pub item: Option<u32>,
    /// How long deciding took.
    pub duration: Duration,
}

/// A line of the log, its end included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(Vec<u8>);

impl Row {
    /// The line, with its end.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.0
    }
}

/// Shape: `{"version": 1, "decision_id": "9f…-1", "request_id": "…", "caller": null,
/// "now": "2020-09-01T09:00:00Z", "principal": {"type": "PartnerUser", "id": "ada",
/// "properties": {}}, "action": {"name": "ResetPassword", "properties": {}},
/// "resource": {…}, "context": {"customer": "contoso"}, "masked": {"key": "…",
/// "context": {"note": "hmac-sha256:…"}}, "decision": "allow", "determining": ["…"],
/// "erroring": [], "error_mode": "strict", "bundle": "…", "revision": 17,
/// "duration_ns": 1500}`; `item`, `problem`, `unreplayable`, `masked`, the action's
/// `type` and empty `properties` are left out where there is nothing to say.
#[derive(Serialize)]
struct Line<'r> {
    version: u32,
    decision_id: &'r str,
    request_id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<u32>,
    caller: Option<&'r str>,
    now: Timestamp,
    principal: PartyLine<'r>,
    action: ActionLine<'r>,
    resource: PartyLine<'r>,
    context: Members<'r, 'r>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    masked: Map<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreplayable: Option<String>,
    decision: &'static str,
    determining: Vec<&'r str>,
    erroring: Vec<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    error_mode: &'static str,
    bundle: &'r str,
    revision: u64,
    duration_ns: u64,
}

#[derive(Serialize)]
struct PartyLine<'r> {
    r#type: &'r str,
    id: &'r str,
    #[serde(skip_serializing_if = "Members::is_empty")]
    properties: Members<'r, 'r>,
}

#[derive(Serialize)]
struct ActionLine<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'r str>,
    name: &'r str,
    #[serde(skip_serializing_if = "Members::is_empty")]
    properties: Members<'r, 'r>,
}

/// The names of the error modes in rows.
pub(super) const ERROR_MODES: [(&str, ErrorMode); 2] =
    [("strict", ErrorMode::Strict), ("cedar", ErrorMode::Cedar)];

impl Decided<'_> {
    /// The row, under an id of its own. `reads` is what the policies of the state
    /// read.
    pub(super) fn row(&self, decision_id: &str, key: &MaskKey, reads: &Reads) -> Row {
        let shape = self.point.snapshot().bundle().shape();
        let taking = Taking::of(shape, reads, self.ask);
        let large = size(self.ask) > QUESTION_BYTES_MAX;
        let mut kept = Kept::new(key, large);
        let [principal, action, resource, context] =
            Place::ALL.map(|(_, place)| kept.members(&taking, place, place.members(self.ask)));
        let decision = &self.answer.decision;
        let problem = decision.problem.as_ref();
        let (masked, hides) = (kept.masked(), kept.hides());
        let unreplayable = kept.unreplayable(problem);
        let erroring = decision.erroring.iter();
        let line = Line {
            version: ROW_VERSION,
            decision_id,
            request_id: self.request_id,
            item: self.item,
            caller: self.caller,
            now: whole_seconds(self.now),
            principal: PartyLine::of(&self.ask.principal, large, principal),
            action: ActionLine {
                r#type: self.ask.action_type.as_deref().map(|ty| shown(ty, large)),
                name: shown(&self.ask.action, large),
                properties: action,
            },
            resource: PartyLine::of(&self.ask.resource, large, resource),
            context,
            problem: problem.map(|problem| told(problem, hides, large)),
            masked,
            unreplayable,
            decision: decision.effect.as_str(),
            determining: decision.determining.iter().map(|p| p.id.as_str()).collect(),
            erroring: erroring.map(|e| e.policy.id.as_str()).collect(),
            error_mode: error_mode(self.point.mode()),
            bundle: decision.bundle.as_str(),
            revision: decision.revision.0,
            duration_ns: u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX),
        };
        let mut text = Vec::new();
        // Writing to memory does not fail, and every key is a text.
        let _ = serde_json::to_writer(&mut text, &line);
        text.push(b'\n');
        Row(text)
    }
}

impl<'r> PartyLine<'r> {
    fn of(party: &'r Party<'_>, large: bool, properties: Members<'r, 'r>) -> Self {
        Self {
            r#type: shown(&party.ty, large),
            id: shown(&party.id, large),
            properties,
        }
    }
}

/// A problem without what was masked of the question. A message about a bad value
/// may quote it.
pub(super) fn told(problem: &Problem, some_masked: bool, large: bool) -> String {
    let text = match problem {
        Problem::BadValue { place, .. } if some_masked => {
            format!("`{}` has a bad value", cut(place))
        }
        Problem::Refused { .. } => "the request cannot be evaluated".to_owned(),
        other => other.to_string(),
    };
    shown(&text, large).to_owned()
}

/// What of a question stays, and the masks of what does not.
struct Kept<'r> {
    key: &'r MaskKey,
    large: bool,
    masks: Vec<(Place, String, String)>,
    /// The declared members that were masked, as problems name them: a mistake in one
    /// of them cannot be made again.
    checked: Vec<String>,
    /// Why the row does not decide the same again.
    lost: Option<String>,
}

impl<'r> Kept<'r> {
    fn new(key: &'r MaskKey, large: bool) -> Self {
        Self {
            key,
            large,
            masks: Vec::new(),
            checked: Vec::new(),
            lost: large.then(|| format!("the question is larger than {QUESTION_BYTES_MAX} bytes")),
        }
    }

    /// Sorts the members of one place: returns those that stay.
    fn members<'m>(
        &mut self,
        taking: &Taking<'_, '_>,
        place: Place,
        members: &'m [Member<'m>],
    ) -> Members<'m, 'm>
    where
        'r: 'm,
    {
        let members = if self.large { &[] } else { members };
        let mut stay = Vec::new();
        for member in members {
            let usage = taking.usage(place, &member.name);
            let secret = is_secret(&member.name);
            if usage == Use::Read && !secret {
                if holds_secret(&member.value) {
                    self.lose(place, &member.name, "holds a secret, which is masked");
                }
                stay.push(member);
                continue;
            }
            if usage == Use::Read {
                self.lose(
                    place,
                    &member.name,
                    "is a secret, masked, and read by policies",
                );
            }
            if let Use::Checked(_) = usage {
                self.checked
                    .push(format!("{}.{}", place.in_problems(), member.name));
            }
            let mask = self.key.mask(&member.value);
            self.masks.push((place, member.name.to_string(), mask));
        }
        Members {
            members: stay,
            key: self.key,
        }
    }

    fn lose(&mut self, place: Place, name: &str, why: &str) {
        self.lost
            .get_or_insert_with(|| format!("`{}.{name}` {why}", place.name()));
    }

    /// Whether anything of the question is not in the row, so that no message may
    /// quote it.
    fn hides(&self) -> bool {
        !self.masks.is_empty() || self.lost.is_some()
    }

    /// The masks by place and name, with the key's own name.
    fn masked(&self) -> Map<String, serde_json::Value> {
        let mut masked = Map::new();
        if self.masks.is_empty() {
            return masked;
        }
        masked.insert("key".to_owned(), self.key.id().into());
        for (place, name, mask) in &self.masks {
            let of_place = masked
                .entry(place.name())
                .or_insert_with(|| Map::new().into());
            if let serde_json::Value::Object(of_place) = of_place {
                of_place.insert(name.clone(), mask.as_str().into());
            }
        }
        masked
    }

    /// Why the row does not decide the same again. Intake stops at the first mistake,
    /// so that one in what is kept is made again whatever else is masked.
    fn unreplayable(&mut self, problem: Option<&Problem>) -> Option<String> {
        if let Some(lost) = self.lost.take() {
            return Some(lost);
        }
        let mut checked = self.checked.iter();
        let at_fault = match problem? {
            Problem::Missing { place, .. }
            | Problem::Mistyped { place, .. }
            | Problem::BadValue { place, .. } => checked.find(|member| is_within(place, member)),
            Problem::Refused { .. } => checked.next(),
            Problem::UnknownAction { .. }
            | Problem::UnknownType { .. }
            | Problem::NotApplicable { .. } => None,
        };
        at_fault.map(|member| format!("`{member}` is masked, and may be the problem"))
    }
}

/// Whether a problem's place is a member or something in it.
fn is_within(place: &str, member: &str) -> bool {
    let rest = place.strip_prefix(member);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

pub(super) fn error_mode(mode: ErrorMode) -> &'static str {
    match mode {
        ErrorMode::Strict => "strict",
        ErrorMode::Cedar => "cedar",
    }
}

fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Bytes of a question, about; counting ends above the limit.
fn size(ask: &Ask<'_>) -> usize {
    let party = |party: &Party<'_>| party.ty.len() + party.id.len();
    let names = party(&ask.principal) + party(&ask.resource) + ask.action.len();
    let most = QUESTION_BYTES_MAX;
    let places = Place::ALL.map(|(_, place)| bytes_of(place.members(ask), most));
    names + places.iter().sum::<usize>()
}

/// A type, name or id; of a large question its beginning.
fn shown(text: &str, large: bool) -> &str {
    if large { cut(text) } else { text }
}

/// The beginning of a text.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(ID_BYTES_SHOWN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}
