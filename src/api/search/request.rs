//! Searches as they stand on the wire, checked into questions.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::api::error::ApiError;
use crate::api::members::Object;
use crate::api::wire::{action, explain, party};
use crate::engine::intake::{Ask, Party};
use crate::engine::{Input, Member};

/// Results of one answer, at most; more are paged, whatever `page.limit` says. Our
/// choice: about a megabyte of ids.
pub const SEARCH_RESULTS_MAX: u64 = 10_000;

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought {
    /// Who may?
    Subject,
    /// On what?
    Resource,
    /// What?
    Action,
}

/// A search. Source: AuthZEN 1.0, "Search APIs".
///
/// Shape: an evaluation without the id of what is sought (its id and properties do
/// not count if they are there), or without `action` if actions are, and `"page":
/// {"token": "…", "limit": 100}`.
#[derive(Debug)]
pub(super) struct SearchRequest<'a> {
    /// The question, without what is sought.
    pub(super) ask: Ask<'a>,
    /// Whether the caller wants to know what did not count.
    pub(super) explain: bool,
    /// Which part of the results, if the caller says so.
    pub(super) page: Option<PageRequest<'a>>,
}

/// Source: AuthZEN 1.0, "Paginated Requests".
#[derive(Debug)]
pub(super) struct PageRequest<'a> {
    /// As the page before gave it.
    pub(super) token: Option<Cow<'a, str>>,
    /// Results, at most.
    pub(super) limit: Option<u64>,
}

impl<'a> SearchRequest<'a> {
    /// Reads the text of a body.
    ///
    /// # Errors
    /// [`ApiError::Json`] if it is not JSON, and [`ApiError::Member`] naming the
    /// first member that is missing or of the wrong type.
    pub(super) fn parse(text: &'a str, sought: Sought) -> Result<Self, ApiError> {
        let mut top = Object::body(text)?;
        let subject = top.object("subject")?;
        let mut ask = Ask {
            principal: side(subject, sought == Sought::Subject)?,
            ..Ask::default()
        };
        if sought != Sought::Action {
            (ask.action, ask.action_properties) = action(top.object("action")?)?;
        }
        ask.resource = side(top.object("resource")?, sought == Sought::Resource)?;
        ask.context = top.members("context")?;
        let page = top.optional_object("page")?.map(page).transpose()?;
        Ok(Self {
            ask,
            explain: explain(&mut top)?,
            page,
        })
    }

    /// A digest of the question: two searches have the same if the same caller asks
    /// the same, in whatever order its members come.
    pub(super) fn digest(&self, sought: Sought, caller: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        feed_text(&mut digest, caller);
        digest.update([sought as u8]);
        for party in [&self.ask.principal, &self.ask.resource] {
            feed_text(&mut digest, &party.ty);
            feed_text(&mut digest, &party.id);
            feed_members(&mut digest, &party.properties);
        }
        feed_text(&mut digest, &self.ask.action);
        feed_members(&mut digest, &self.ask.action_properties);
        feed_members(&mut digest, &self.ask.context);
        digest.finalize().into()
    }
}

/// A subject or resource; of what is sought only the type counts.
fn side<'a>(mut object: Object<'a>, sought: bool) -> Result<Party<'a>, ApiError> {
    match sought {
        false => party(object),
        true => Ok(Party {
            ty: object.string("type")?,
            ..Party::default()
        }),
    }
}

fn page<'a>(mut page: Object<'a>) -> Result<PageRequest<'a>, ApiError> {
    Ok(PageRequest {
        token: page.optional_string("token")?,
        limit: page.optional_count("limit")?,
    })
}

/// Lengths come first, so that no two values feed the same bytes.
fn feed_text(digest: &mut Sha256, text: &str) {
    feed_count(digest, text.len());
    digest.update(text.as_bytes());
}

fn feed_count(digest: &mut Sha256, count: usize) {
    digest.update((count as u64).to_be_bytes());
}

fn feed_members(digest: &mut Sha256, members: &[Member<'_>]) {
    let mut sorted: Vec<&Member<'_>> = members.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    feed_count(digest, sorted.len());
    for member in sorted {
        feed_text(digest, &member.name);
        feed_value(digest, &member.value);
    }
}

fn feed_value(digest: &mut Sha256, value: &Input<'_>) {
    match value {
        Input::Null => digest.update([0]),
        Input::Bool(value) => digest.update([1, u8::from(*value)]),
        Input::Long(n) => {
            digest.update([2]);
            digest.update(n.to_be_bytes());
        }
        Input::Number(n) => {
            digest.update([3]);
            digest.update(n.to_bits().to_be_bytes());
        }
        Input::String(text) => {
            digest.update([4]);
            feed_text(digest, text);
        }
        Input::List(items) => {
            digest.update([5]);
            feed_count(digest, items.len());
            items.iter().for_each(|item| feed_value(digest, item));
        }
        Input::Map(members) => {
            digest.update([6]);
            feed_members(digest, members);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, alike: bool) {
        let digest = |text| {
            let request = SearchRequest::parse(text, Sought::Resource).unwrap();
            request.digest(Sought::Resource, "c")
        };
        assert_eq!(digest(one) == digest(other), alike, "{one}\n{other}");
    }

    #[test]
    fn a_digest_is_of_the_question_alone() {
        let one = r#"{"subject": {"type": "U", "id": "a"}, "action": {"name": "see"},
            "resource": {"type": "R"}, "context": {"a": [1, "x"], "b": {"c": null, "d": 1.5}}}"#;
        let other = r#"{"context": {"b": {"d": 1.5, "c": null}, "a": [1, "\u0078"]},
            "resource": {"id": "r9", "type": "R", "properties": {"x": 1}}, "page": {"limit": 2},
            "subject": {"id": "a", "type": "U", "properties": {}}, "action": {"name": "see"},
            "options": {"explain": true}, "more": 1}"#;
        check(one, other, true);
        for (from, to) in [
            ("\"U\"", "\"V\""),
            ("\"a\"}", "\"b\"}"),
            ("\"a\"}", "\"a\", \"properties\": {\"p\": 1}}"),
            ("\"see\"}", "\"sea\"}"),
            ("\"see\"}", "\"see\", \"properties\": {\"p\": 1}}"),
            ("\"R\"", "\"S\""),
            ("[1, \"x\"]", "[\"x\", 1]"),
            ("[1, \"x\"]", "[1, \"x\", 1]"),
            ("[1, \"x\"]", "[true, \"x\"]"),
            ("null", "0"),
            ("1.5", "1.25"),
            ("\"c\": null, \"d\"", "\"d\": null, \"c\""),
        ] {
            assert!(one.contains(from), "{from}");
            check(one, &one.replacen(from, to, 1), false);
        }
    }
}
