//! Requests as they stand on the wire, checked into questions.
//!
//! Strings are borrowed from the body where they hold no escape. Members that
//! are not named here are ignored; what properties and context keys mean is for
//! the engine, which knows the schema.

use std::borrow::Cow;

use super::error::ApiError;
use crate::engine::intake::{Ask, Party};
use crate::engine::{Input, Member};

/// A single evaluation. Source: AuthZEN 1.0, "Access Evaluation API Request".
///
/// Shape: `{"subject": {"type": "PartnerUser", "id": "ada", "properties": {}},
/// "action": {"name": "CreateUser", "properties": {}}, "resource": {"type":
/// "Customer", "id": "contoso", "properties": {}}, "context": {}, "options":
/// {"explain": true}}`; properties, context and options may be left out.
#[derive(Debug)]
pub(super) struct EvaluationRequest<'a> {
    /// The question.
    pub(super) ask: Ask<'a>,
    /// Whether the caller wants to know why. Source: contract, section 2.
    pub(super) explain: bool,
}

impl<'a> EvaluationRequest<'a> {
    /// Reads the text of a body.
    ///
    /// # Errors
    /// [`ApiError::Json`] if it is not JSON, and [`ApiError::Member`] naming the
    /// first member that is missing or of the wrong type.
    pub(super) fn parse(text: &'a str) -> Result<Self, ApiError> {
        let input = Input::parse(text).map_err(ApiError::Json)?;
        let mut top = match input {
            Input::Map(members) => Object {
                place: String::new(),
                members,
            },
            other => {
                let got = other.kind();
                return Err(bad(format!("the body must be an object, not {got}")));
            }
        };
        Ok(Self {
            ask: ask(&mut top)?,
            explain: explain(&mut top)?,
        })
    }
}

fn ask<'a>(top: &mut Object<'a>) -> Result<Ask<'a>, ApiError> {
    let principal = party(top.object("subject")?)?;
    let mut action = top.object("action")?;
    let resource = party(top.object("resource")?)?;
    Ok(Ask {
        principal,
        action: action.string("name")?,
        action_type: None,
        action_properties: action.members("properties")?,
        resource,
        context: top.members("context")?,
    })
}

fn party(mut object: Object<'_>) -> Result<Party<'_>, ApiError> {
    Ok(Party {
        ty: object.string("type")?,
        id: object.string("id")?,
        properties: object.members("properties")?,
    })
}

fn explain(top: &mut Object<'_>) -> Result<bool, ApiError> {
    let Some(mut options) = top.optional_object("options")? else {
        return Ok(false);
    };
    match options.take("explain") {
        None => Ok(false),
        Some(Input::Bool(explain)) => Ok(explain),
        Some(other) => Err(options.mistyped("explain", "a boolean", Some(&other))),
    }
}

/// An object of which members are taken one by one. `place` is where it stands,
/// for messages: `subject`, or nothing for the body itself.
struct Object<'a> {
    place: String,
    members: Vec<Member<'a>>,
}

impl<'a> Object<'a> {
    fn take(&mut self, name: &str) -> Option<Input<'a>> {
        let at = self.members.iter().position(|member| member.name == name)?;
        Some(self.members.swap_remove(at).value)
    }

    fn string(&mut self, name: &str) -> Result<Cow<'a, str>, ApiError> {
        match self.take(name) {
            Some(Input::String(text)) => Ok(text),
            other => Err(self.mistyped(name, "a string", other.as_ref())),
        }
    }

    fn object(&mut self, name: &str) -> Result<Object<'a>, ApiError> {
        let missing = self.mistyped(name, "an object", None);
        self.optional_object(name)?.ok_or(missing)
    }

    fn optional_object(&mut self, name: &str) -> Result<Option<Object<'a>>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Input::Map(members)) => Ok(Some(Object {
                place: self.place_of(name),
                members,
            })),
            Some(other) => Err(self.mistyped(name, "an object", Some(&other))),
        }
    }

    /// The members of an object that may be left out.
    fn members(&mut self, name: &str) -> Result<Vec<Member<'a>>, ApiError> {
        let object = self.optional_object(name)?;
        Ok(object.map(|object| object.members).unwrap_or_default())
    }

    fn place_of(&self, name: &str) -> String {
        match self.place.as_str() {
            "" => name.to_owned(),
            place => format!("{place}.{name}"),
        }
    }

    fn mistyped(&self, name: &str, wanted: &str, got: Option<&Input<'_>>) -> ApiError {
        let place = self.place_of(name);
        bad(match got {
            None => format!("`{place}` must be {wanted}, and is missing"),
            Some(got) => format!("`{place}` must be {wanted}, not {}", got.kind()),
        })
    }
}

fn bad(message: String) -> ApiError {
    ApiError::Member(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_borrowed_from_the_body() {
        let text = r#"{"subject": {"type": "User", "id": "a\u006ea"}, "more": [1],
            "action": {"name": "view"}, "resource": {"type": "Photo", "id": "1"}}"#;
        let request = EvaluationRequest::parse(text).unwrap();
        assert!(matches!(request.ask.principal.ty, Cow::Borrowed("User")));
        assert!(matches!(request.ask.action, Cow::Borrowed("view")));
        assert!(matches!(&request.ask.principal.id, Cow::Owned(id) if id == "ana"));
        assert!(!request.explain);
    }

    #[track_caller]
    fn check(text: &str, message: &str) {
        let error = EvaluationRequest::parse(text).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }

    #[test]
    fn messages_name_the_member() {
        check("[]", "the body must be an object, not an array");
        check("null", "the body must be an object, not null");
        check("{}", "`subject` must be an object, and is missing");
        check(
            r#"{"subject": "ada"}"#,
            "`subject` must be an object, not a string",
        );
        check(
            r#"{"subject": {"type": 1, "id": "ada"}, "action": {}, "resource": {}}"#,
            "`subject.type` must be a string, not a whole number",
        );
    }
}
