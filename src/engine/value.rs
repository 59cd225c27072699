//! Cedar values as data.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{EntityUid, RestrictedExpression};

use super::EngineError;
use super::extension::datetime_offset;
use crate::policy::Extension;

/// A value of an attribute, a tag or a context key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A 64-bit signed number.
    Long(i64),
    /// Text.
    String(Arc<str>),
    /// A reference to an entity, stored or not.
    Entity(EntityUid),
    /// A set; order and repetition carry no meaning.
    Set(Vec<Value>),
    /// A record.
    Record(BTreeMap<String, Value>),
    /// An extension value in the text that its constructor takes:
    /// `datetime("2020-09-01T09:00:00Z")`.
    Extension(Extension, Arc<str>),
}

impl Value {
    /// Text as a value.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// The form that cedar-policy takes. Extension text is not checked here.
    ///
    /// # Errors
    /// [`EngineError::Cedar`] if cedar-policy refuses the value.
    pub(super) fn to_cedar(&self) -> Result<RestrictedExpression, EngineError> {
        Ok(match self {
            Self::Bool(b) => RestrictedExpression::new_bool(*b),
            Self::Long(n) => RestrictedExpression::new_long(*n),
            Self::String(s) => RestrictedExpression::new_string(s.to_string()),
            Self::Entity(uid) => RestrictedExpression::new_entity_uid(uid.clone()),
            Self::Set(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(Self::to_cedar).collect();
                RestrictedExpression::new_set(items?)
            }
            Self::Record(fields) => {
                let fields: Result<Vec<_>, EngineError> = fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), value.to_cedar()?)))
                    .collect();
                RestrictedExpression::new_record(fields?).map_err(EngineError::cedar)?
            }
            Self::Extension(Extension::Ip, text) => RestrictedExpression::new_ip(text),
            Self::Extension(Extension::Decimal, text) => RestrictedExpression::new_decimal(text),
            Self::Extension(Extension::Datetime, text) => match datetime_offset(text) {
                None => RestrictedExpression::new_datetime(text),
                Some(ms) => {
                    let offset = format!("datetime(\"1970-01-01\").offset(duration(\"{ms}ms\"))");
                    RestrictedExpression::from_str(&offset).map_err(EngineError::cedar)?
                }
            },
            Self::Extension(Extension::Duration, text) => RestrictedExpression::new_duration(text),
        })
    }
}
