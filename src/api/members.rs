//! Objects of a request, member by member.
//!
//! Members that nobody takes are ignored; what is missing or of the wrong type is
//! named by its place in the body.

use std::borrow::Cow;
use std::fmt;

use super::error::ApiError;
use crate::engine::{Input, Member};

/// Where an object stands in the body: nowhere in particular (the body itself),
/// in an item of `evaluations`, as a member of either.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// The item of `evaluations`, from 0.
    pub(super) item: Option<usize>,
    /// `subject`; empty for the body or the item itself.
    pub(super) of: &'static str,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.item, self.of) {
            (None, of) => f.write_str(of),
            (Some(n), "") => write!(f, "evaluations[{n}]"),
            (Some(n), of) => write!(f, "evaluations[{n}].{of}"),
        }
    }
}

/// An object of which members are taken one by one.
#[derive(Debug)]
pub(super) struct Object<'a> {
    place: Place,
    members: Vec<Member<'a>>,
}

impl<'a> Object<'a> {
    /// The body of a request.
    ///
    /// # Errors
    /// [`ApiError::Json`] if it is not JSON, [`ApiError::Member`] if no object.
    pub(super) fn body(text: &'a str) -> Result<Self, ApiError> {
        match Input::parse(text).map_err(ApiError::Json)? {
            Input::Map(members) => Ok(Self {
                place: Place::default(),
                members,
            }),
            other => Err(bad(format!(
                "the body must be an object, not {}",
                other.kind()
            ))),
        }
    }

    /// An item of `evaluations`.
    ///
    /// # Errors
    /// [`ApiError::Member`] if it is no object.
    pub(super) fn item(n: usize, input: Input<'a>) -> Result<Self, ApiError> {
        let place = Place {
            item: Some(n),
            of: "",
        };
        match input {
            Input::Map(members) => Ok(Self { place, members }),
            other => {
                let kind = other.kind();
                Err(bad(format!("`{place}` must be an object, not {kind}")))
            }
        }
    }

    /// An object that is a member of the body.
    pub(super) fn in_body(name: &'static str, members: Vec<Member<'a>>) -> Self {
        let place = Place {
            item: None,
            of: name,
        };
        Self { place, members }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Input<'a>> {
        let at = self.members.iter().position(|member| member.name == name)?;
        Some(self.members.swap_remove(at).value)
    }

    pub(super) fn string(&mut self, name: &str) -> Result<Cow<'a, str>, ApiError> {
        match self.take(name) {
            Some(Input::String(text)) => Ok(text),
            other => Err(self.mistyped(name, "a string", other.as_ref())),
        }
    }

    pub(super) fn optional_string(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Input::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.mistyped(name, "a string", Some(&other))),
        }
    }

    /// `true` or `false`; the latter if it is left out.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        match self.take(name) {
            None => Ok(false),
            Some(Input::Bool(flag)) => Ok(flag),
            Some(other) => Err(self.mistyped(name, "a boolean", Some(&other))),
        }
    }

    /// A whole number from 0.
    pub(super) fn optional_count(&mut self, name: &str) -> Result<Option<u64>, ApiError> {
        let wanted = "a whole number from 0";
        match self.take(name) {
            None => Ok(None),
            Some(Input::Long(n)) => match u64::try_from(n) {
                Ok(n) => Ok(Some(n)),
                Err(_) => {
                    let place = self.place_of(name);
                    Err(bad(format!("`{place}` must be {wanted}, not {n}")))
                }
            },
            Some(other) => Err(self.mistyped(name, wanted, Some(&other))),
        }
    }

    pub(super) fn object(&mut self, name: &'static str) -> Result<Self, ApiError> {
        let object = self.optional_object(name)?;
        object.ok_or_else(|| self.mistyped(name, "an object", None))
    }

    pub(super) fn optional_object(&mut self, name: &'static str) -> Result<Option<Self>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Input::Map(members)) => Ok(Some(Self {
                place: Place {
                    item: self.place.item,
                    of: name,
                },
                members,
            })),
            Some(other) => Err(self.mistyped(name, "an object", Some(&other))),
        }
    }

    /// The members of an object that may be left out.
    pub(super) fn members(&mut self, name: &'static str) -> Result<Vec<Member<'a>>, ApiError> {
        let object = self.optional_object(name)?;
        Ok(object.map(|object| object.members).unwrap_or_default())
    }

    /// What is said of a member that is not what it must be.
    pub(super) fn mistyped(&self, name: &str, wanted: &str, got: Option<&Input<'_>>) -> ApiError {
        let place = self.place_of(name);
        bad(match got {
            None => format!("`{place}` must be {wanted}, and is missing"),
            Some(got) => format!("`{place}` must be {wanted}, not {}", got.kind()),
        })
    }

    fn place_of(&self, name: &str) -> String {
        match self.place.to_string().as_str() {
            "" => name.to_owned(),
            place => format!("{place}.{name}"),
        }
    }
}

/// A request that does not say what it must.
pub(super) fn bad(message: String) -> ApiError {
    ApiError::Member(message)
}
