//! What an event holds, as text.
//!
//! INVARIANT (payload): a [`Payload`] is one JSON object on one line, within its
//! size. Text from outside is checked where it comes in, by [`Payload::parse`];
//! what a serializer made is JSON already and is not read again to find that out.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde::de::IgnoredAny;

/// Bytes of a payload. Our choice: far above any fact, far below what a commit
/// should carry.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// The payload of an event. Shape: `{"partner":"fabrikam"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload(String);

/// A part of a payload: one JSON value on one line, made by a serializer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// Writes a value down.
    ///
    /// # Errors
    /// What keeps it from being JSON, as a map with keys that are no text.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, String> {
        let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
        // Only text that was given to be copied as it is could break a line.
        match text.contains(['\n', '\r']) {
            false => Ok(Self(text)),
            true => Err("is not on one line".to_owned()),
        }
    }
}

impl Payload {
    /// Takes text from outside, byte for byte.
    ///
    /// # Errors
    /// What keeps it from being a payload.
    pub fn parse(text: String) -> Result<Self, String> {
        let this = Self(text).bounded()?;
        let text = this.0.as_str();
        let object = text.starts_with('{') && text.ends_with('}');
        if !object || text.contains(['\n', '\r']) {
            return Err("is not one JSON object on one line".to_owned());
        }
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Ok(this),
            Err(error) => Err(format!("is not JSON: {error}")),
        }
    }

    /// Writes a value down that is an object.
    ///
    /// # Errors
    /// As [`Json::of`]; if it is no object, or too large.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, String> {
        let Json(text) = Json::of(value)?;
        match text.starts_with('{') {
            true => Self(text).bounded(),
            false => Err("is not a JSON object".to_owned()),
        }
    }

    /// An object of parts that were written down before.
    ///
    /// # Errors
    /// If it is too large.
    pub fn object<const N: usize>(members: [(&'static str, &Json); N]) -> Result<Self, String> {
        let bytes: usize = members
            .iter()
            .map(|(name, it)| name.len() + it.0.len() + 4)
            .sum();
        let mut text = String::with_capacity(bytes + 2);
        for (name, Json(value)) in members {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.push_str(&Json::of(name)?.0);
            text.push(':');
            text.push_str(value);
        }
        text.push_str(if text.is_empty() { "{}" } else { "}" });
        Self(text).bounded()
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }

    fn bounded(self) -> Result<Self, String> {
        match self.0.len() {
            ..=PAYLOAD_BYTES_MAX => Ok(self),
            bytes => Err(format!(
                "has {bytes} bytes; at most {PAYLOAD_BYTES_MAX} are kept"
            )),
        }
    }
}

impl Deref for Payload {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: impl Into<String>, wanted: &str) {
        let why = Payload::parse(text.into()).unwrap_err();
        assert!(why.contains(wanted), "{why}");
    }

    /// An object of so many bytes.
    fn object(bytes: usize) -> String {
        format!("{{\"x\":\"{}\"}}", "x".repeat(bytes - 8))
    }

    #[test]
    fn text_from_outside_is_checked() {
        refused("[1]", "one JSON object");
        refused("{\"a\":\n1}", "on one line");
        refused("{\"a\":1}{}", "not JSON");
        refused("{\"a\":}", "not JSON");
        refused(object(PAYLOAD_BYTES_MAX + 1), "16777217 bytes");
        let largest = object(PAYLOAD_BYTES_MAX);
        assert_eq!(Payload::parse(largest.clone()).unwrap().as_str(), largest);
        let odd = "{\"b\": [1, 2.50],\"a\":1.0e2}";
        assert_eq!(Payload::parse(odd.to_owned()).unwrap().as_str(), odd);
    }

    #[test]
    fn what_is_written_down_reads_as_checked() {
        let value = serde_json::json!({"text": "a\n\"b\" 🦀", "list": [1, {}]});
        let (of, part) = (Payload::of(&value).unwrap(), Json::of(&value).unwrap());
        let text = part.0.clone();
        let objects = [
            of,
            Payload::object([]).unwrap(),
            Payload::object([("a", &part)]).unwrap(),
            Payload::object([("a", &part), ("b", &part)]).unwrap(),
        ];
        for payload in &objects {
            assert_eq!(&Payload::parse(payload.to_string()).unwrap(), payload);
        }
        assert_eq!(
            objects[3].as_str(),
            format!("{{\"a\":{text},\"b\":{text}}}")
        );
        assert!(Payload::of(&[1]).unwrap_err().contains("object"));
        let large = Json::of(&"x".repeat(PAYLOAD_BYTES_MAX)).unwrap();
        let why = Payload::object([("a", &large)]).unwrap_err();
        assert!(why.contains("bytes"), "{why}");
    }
}
