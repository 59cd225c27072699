//! A JSON value that borrows its texts: facts are written down often, and mostly
//! just to become text.
//!
//! Deliberately not here: reading, for which `wire` has the types.

use std::borrow::Cow;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A JSON value in the making.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form<'a> {
    Text(Cow<'a, str>),
    Number(i64),
    /// Numbers that are never below 0.
    Count(u64),
    Flag(bool),
    List(Vec<Form<'a>>),
    Object(Vec<(&'a str, Form<'a>)>),
}

impl<'a> Form<'a> {
    pub(super) fn list(items: impl IntoIterator<Item = impl Into<Form<'a>>>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// An object with one member.
    pub(super) fn one(name: &'a str, value: impl Into<Form<'a>>) -> Self {
        Self::Object(vec![(name, value.into())])
    }

    /// The same as a value that owns its texts.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.as_ref().to_owned()),
            Self::Number(number) => (*number).into(),
            Self::Count(count) => (*count).into(),
            Self::Flag(set) => (*set).into(),
            Self::List(items) => Value::Array(items.iter().map(Form::value).collect()),
            Self::Object(members) => {
                let members = members.iter();
                Value::Object(
                    members
                        .map(|(name, value)| ((*name).to_owned(), value.value()))
                        .collect(),
                )
            }
        }
    }
}

impl Serialize for Form<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Number(number) => to.serialize_i64(*number),
            Self::Count(count) => to.serialize_u64(*count),
            Self::Flag(set) => to.serialize_bool(*set),
            Self::List(items) => {
                let mut list = to.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|it| list.serialize_element(it))?;
                list.end()
            }
            Self::Object(members) => {
                let mut object = to.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    object.serialize_entry(name, value)?;
                }
                object.end()
            }
        }
    }
}

impl<'a> From<&'a str> for Form<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Form<'a> {
    fn from(text: &'a String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for Form<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Form<'_> {
    fn from(set: bool) -> Self {
        Self::Flag(set)
    }
}

impl From<i64> for Form<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Form<'_> {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<u32> for Form<'_> {
    fn from(count: u32) -> Self {
        Self::Count(count.into())
    }
}

impl From<usize> for Form<'_> {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_agree() {
        let form = Form::Object(vec![
            ("text", Form::from("a\"\n🦀")),
            ("list", Form::list([1_i64, -1])),
            ("none", Form::List(Vec::new())),
            ("count", Form::from(u64::MAX)),
            ("flags", Form::one("on", true)),
        ]);
        let text = serde_json::to_string(&form).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read, form.value());
        assert_eq!(read["flags"], serde_json::json!({"on": true}));
    }
}
