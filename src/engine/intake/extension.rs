//! Extension values as callers write them.

use std::borrow::Cow;
use std::sync::Arc;

use super::Place;
use crate::engine::extension::{datetime_offset, parse_datetime, parse_duration, print_datetime};
use crate::engine::{Input, Problem, Value};
use crate::policy::Extension;

/// Extension values come as the text of their constructor, bare or as
/// `{"__extn": {"fn", "arg"}}`.
pub(super) fn extension_value(
    extension: Extension,
    input: &Input<'_>,
    place: Place<'_>,
) -> Result<Option<Value>, Problem> {
    let text: Option<Cow<'_, str>> = match input.get("__extn") {
        None => input
            .as_str()
            // Our own form for far moments is no constructor's text.
            .filter(|text| extension != Extension::Datetime || datetime_offset(text).is_none())
            .map(Cow::Borrowed),
        Some(call) => match call.get("fn").and_then(Input::as_str) {
            Some("offset") if extension == Extension::Datetime => far_moment(call),
            _ => argument(call, extension).map(Cow::Borrowed),
        },
    };
    let Some(text) = text else {
        return Ok(None);
    };
    let value = Value::Extension(extension, Arc::from(text.as_ref()));
    let checked = value
        .to_cedar()
        .map_err(|error| error.to_string())
        .and_then(|expression| {
            let pair = [("value".to_owned(), expression)];
            cedar_policy::Context::from_pairs(pair)
                .map_err(|error| crate::engine::error::chain(&error))
        });
    match checked {
        Ok(_) => Ok(Some(value)),
        Err(message) => Err(Problem::BadValue {
            place: place.to_string(),
            message,
        }),
    }
}

/// The text that a call of a type's constructor is given.
fn argument<'i>(call: &'i Input<'_>, extension: Extension) -> Option<&'i str> {
    let function = call.get("fn").and_then(Input::as_str)?;
    let text = call.get("arg").and_then(Input::as_str)?;
    let taken = function == extension.constructor()
        && (extension != Extension::Datetime || datetime_offset(text).is_none());
    taken.then_some(text)
}

/// A moment as Cedar writes it where no constructor's text reaches: a datetime
/// and a duration from it.
fn far_moment(call: &Input<'_>) -> Option<Cow<'static, str>> {
    let Input::List(arguments) = call.get("args")? else {
        return None;
    };
    let [from, by] = arguments.as_slice() else {
        return None;
    };
    let from = argument(from.get("__extn")?, Extension::Datetime)?;
    let by = argument(by.get("__extn")?, Extension::Duration)?;
    let (from, by) = (parse_datetime(from)?, parse_duration(by)?);
    Some(Cow::Owned(print_datetime(from.checked_add(by)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, wanted: Option<&str>) {
        let input = Input::parse(input).unwrap();
        let taken = extension_value(Extension::Datetime, &input, Place::Named("context.at"));
        let value = wanted.map(|text| Value::Extension(Extension::Datetime, text.into()));
        assert_eq!(taken, Ok(value));
    }

    #[test]
    fn far_moments_come_as_an_offset_only() {
        let far = r#"{"__extn": {"fn": "offset", "args": [
            {"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
            {"__extn": {"fn": "duration", "arg": "999999999999999ms"}}]}}"#;
        check(far, Some("999999999999999ms"));
        check(r#""999999999999999ms""#, None);
        check(
            r#"{"__extn": {"fn": "datetime", "arg": "999999999999999ms"}}"#,
            None,
        );
        check(&far.replace("1970-01-01", "5ms"), None);
    }
}
