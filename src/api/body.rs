//! From the bytes of a request to the text of its body.
//!
//! Media type and encoding are settled here, its size before (`pool`); what the
//! text says is for `wire`.

use axum::http::{HeaderMap, header};

use serde_json::{Map, Value};

use super::error::ApiError;
use super::given::only;
use crate::engine::Input;

/// Bytes of the body of one evaluation. Source: contract, section 3.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Bytes of the body of several evaluations. Source: contract, section 3.
pub const EVALUATIONS_BODY_BYTES_MAX: usize = 2 << 20;

/// What a body is, without parameters.
const JSON: &str = "application/json";

/// The text of a JSON body, not yet parsed.
pub(super) fn json_text<'b>(headers: &HeaderMap, bytes: &'b [u8]) -> Result<&'b str, ApiError> {
    media_type(headers)?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::EmptyBody);
    }
    std::str::from_utf8(bytes).map_err(|error| ApiError::NotUtf8 {
        at: error.valid_up_to(),
    })
}

/// A JSON object as a body; a member name that comes twice is refused.
pub(super) fn json_object(
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<Map<String, Value>, ApiError> {
    let text = json_text(headers, bytes)?;
    Input::parse(text).map_err(ApiError::Json)?;
    let object = serde_json::from_str(text);
    object.map_err(|_| ApiError::Member("the body must be an object in JSON".to_owned()))
}

/// `application/json`, with whatever parameters, once.
fn media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |got: String| ApiError::ContentType { got };
    let value = match only(headers, &header::CONTENT_TYPE) {
        Some(Some(value)) => value,
        Some(None) => return Err(refused("and comes more than once".to_owned())),
        None => return Err(refused("and is missing".to_owned())),
    };
    if value.as_bytes() == JSON.as_bytes() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(JSON) {
        Ok(())
    } else {
        Err(refused(format!("not `{essence}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], taken: bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_TYPE, value.parse().unwrap());
        }
        assert_eq!(media_type(&headers).is_ok(), taken, "{values:?}");
    }

    #[test]
    fn json_is_known_by_its_essence() {
        check(&["application/json"], true);
        check(&["Application/JSON ; charset=utf-8"], true);
        check(&["application/json;charset=utf-8;x=y"], true);
        check(&[], false);
        check(&[""], false);
        check(&["text/plain"], false);
        check(&["application/jsonp"], false);
        check(&["application/x-www-form-urlencoded"], false);
        check(&["text/plain; application/json"], false);
        check(&["application/json", "application/json"], false);
    }
}
