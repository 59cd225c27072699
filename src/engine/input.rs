//! Untyped input: JSON as it was sent, borrowed, duplicates refused.
//!
//! One parse for every door (HTTP bodies, case files, `--context`): the text is
//! looked at once, strings are borrowed from it where they hold no escape, and a
//! member name that comes twice at any depth is an error, because two readers of
//! such a text need not agree on what it says (reliability lesson 4).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// Levels of arrays and objects in a JSON text. Source: contract, section 3.
pub const JSON_DEPTH_MAX: usize = 32;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits, signed.
    Long(i64),
    /// Any other number; Cedar has no type for it.
    Number(f64),
    /// Text.
    String(Cow<'a, str>),
    /// An array.
    List(Vec<Input<'a>>),
    /// An object, in the order it was written.
    Map(Vec<Member<'a>>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its value.
    pub value: Input<'a>,
}

/// A text that is not JSON as we take it.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct InputError {
    /// What is wrong, with line and column of the text.
    pub message: String,
}

impl<'a> Input<'a> {
    /// Reads a whole text.
    ///
    /// # Errors
    /// [`InputError`]: not JSON, text after the value, a member name twice, or
    /// deeper than [`JSON_DEPTH_MAX`].
    pub fn parse(text: &'a str) -> Result<Self, InputError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let parsed = InputSeed { depth: 0 }
            .deserialize(&mut reader)
            .and_then(|value| reader.end().map(|()| value));
        parsed.map_err(|error| InputError {
            message: error.to_string(),
        })
    }

    /// The value of a member of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Input<'a>> {
        let members = self.members()?;
        let found = members.iter().find(|member| member.name == name)?;
        Some(&found.value)
    }

    /// The members of an object.
    #[must_use]
    pub fn members(&self) -> Option<&[Member<'a>]> {
        match self {
            Self::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for error messages: `a number`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Long(_) => "a whole number",
            Self::Number(_) => "a number that is not whole, or too large",
            Self::String(_) => "a string",
            Self::List(_) => "an array",
            Self::Map(_) => "an object",
        }
    }
}

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Long(value) => to.serialize_i64(*value),
            Self::Number(value) => to.serialize_f64(*value),
            Self::String(text) => to.serialize_str(text),
            Self::List(items) => to.collect_seq(items),
            Self::Map(members) => {
                to.collect_map(members.iter().map(|member| (&member.name, &member.value)))
            }
        }
    }
}

impl Input<'_> {
    /// The same value, owning its text.
    #[must_use]
    pub fn to_owned_input(&self) -> Input<'static> {
        match self {
            Self::Null => Input::Null,
            Self::Bool(b) => Input::Bool(*b),
            Self::Long(n) => Input::Long(*n),
            Self::Number(n) => Input::Number(*n),
            Self::String(text) => Input::String(Cow::Owned(text.to_string())),
            Self::List(items) => Input::List(items.iter().map(Self::to_owned_input).collect()),
            Self::Map(members) => Input::Map(members.iter().map(Member::to_owned_member).collect()),
        }
    }

    /// The same value as a `serde_json` one.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(b) => (*b).into(),
            Self::Long(n) => (*n).into(),
            Self::Number(n) => (*n).into(),
            Self::String(text) => text.as_ref().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(members) => {
                let members = members.iter();
                let members = members.map(|m| (m.name.to_string(), m.value.to_json()));
                serde_json::Value::Object(members.collect())
            }
        }
    }
}

impl Member<'_> {
    /// The same member, owning its text.
    #[must_use]
    pub fn to_owned_member(&self) -> Member<'static> {
        Member {
            name: Cow::Owned(self.name.to_string()),
            value: self.value.to_owned_input(),
        }
    }
}

/// Reads a value within so many arrays and objects.
#[derive(Debug, Clone, Copy)]
struct InputSeed {
    depth: usize,
}

impl InputSeed {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= JSON_DEPTH_MAX {
            return Err(E::custom(format!(
                "the JSON is nested deeper than {JSON_DEPTH_MAX} levels"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for InputSeed {
    type Value = Input<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Input<'de>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for InputSeed {
    type Value = Input<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Input::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Input::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Input::Long(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "only its being too large counts"
        )]
        let large = || Input::Number(value as f64);
        Ok(i64::try_from(value).map_or_else(|_| large(), Input::Long))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Input::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Input::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Input::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Input::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        let mut seen = Seen::default();
        let mut members: Vec<Member<'de>> = Vec::new();
        while let Some(name) = map.next_key_seed(TextSeed)? {
            if !seen.first(&members, &name) {
                return Err(A::Error::custom(format!("the member `{name}` comes twice")));
            }
            let value = map.next_value_seed(inner)?;
            members.push(Member { name, value });
        }
        Ok(Input::Map(members))
    }
}

/// Which names an object has had: a look at the members while they are few, a
/// set once they are many.
#[derive(Default)]
struct Seen {
    many: HashSet<String>,
}

impl Seen {
    const FEW: usize = 16;

    fn first(&mut self, members: &[Member<'_>], name: &str) -> bool {
        if members.len() < Self::FEW {
            return members.iter().all(|member| member.name != name);
        }
        if self.many.is_empty() {
            self.many
                .extend(members.iter().map(|member| member.name.to_string()));
        }
        self.many.insert(name.to_owned())
    }
}

/// Reads a string, borrowed where it can be.
#[derive(Debug, Clone, Copy)]
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}

impl<'de> serde::Deserialize<'de> for Input<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        InputSeed { depth: 0 }.deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, because: &str) {
        let error = Input::parse(text).unwrap_err();
        assert!(error.message.contains(because), "{error}");
    }

    #[test]
    fn strings_are_borrowed_unless_escaped() {
        let Ok(Input::List(items)) = Input::parse(r#"["plain", "esc\u0061ped"]"#) else {
            panic!("an array");
        };
        assert!(matches!(&items[0], Input::String(Cow::Borrowed("plain"))));
        assert!(matches!(&items[1], Input::String(Cow::Owned(text)) if text == "escaped"));
    }

    #[test]
    fn duplicates_are_refused_at_any_depth_and_however_spelled() {
        refused(r#"{"a": 1, "a": 2}"#, "`a` comes twice");
        refused(r#"{"x": [{"a": 1, "\u0061": 2}]}"#, "`a` comes twice");
        let many: Vec<String> = (0..100).map(|n| format!("\"k{n}\": 1")).collect();
        assert!(Input::parse(&format!("{{{}}}", many.join(","))).is_ok());
        refused(
            &format!("{{{}, \"k7\": 2}}", many.join(",")),
            "`k7` comes twice",
        );
        refused(
            &format!("{{{}, \"k99\": 2}}", many.join(",")),
            "`k99` comes twice",
        );
    }

    #[test]
    fn depth_is_bounded_at_the_limit_and_one_past_it() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(Input::parse(&nested(JSON_DEPTH_MAX)).is_ok());
        refused(&nested(JSON_DEPTH_MAX + 1), "deeper than 32");
        refused(&nested(100_000), "deeper than 32");
    }

    #[test]
    fn numbers_keep_to_what_cedar_has() {
        let kinds = Input::parse("[1, -9223372036854775808, 9223372036854775808, 1.5]").unwrap();
        let Input::List(items) = kinds else {
            panic!("an array")
        };
        assert_eq!(items[1], Input::Long(i64::MIN));
        assert!(matches!(items[2], Input::Number(_)) && matches!(items[3], Input::Number(_)));
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for text in ["", "{", "{} {}", "nul", "{\"a\": }", "'a'"] {
            assert!(Input::parse(text).is_err(), "{text:?}");
        }
    }
}
