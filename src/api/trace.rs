//! The trace that a request is part of. Source: W3C Trace Context, level 1
//! (Recommendation of 23 November 2021), sections 3.2 and 3.3.
//!
//! A caller's `traceparent` is taken up or, where it is not one to the letter,
//! replaced by a trace that begins here; `tracestate` counts only beside a good
//! one. Deliberately not here: a header in the response, which the recommendation
//! does not have; callers are told the request's id.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName};

use super::given::{all, only};

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");
/// Members of a `tracestate`, at most. Source: section 3.3.1.1.
const STATE_MEMBERS_MAX: usize = 32;
/// Bytes of a `tracestate` that are passed on, at most. Source: section 3.3.1.5 asks
/// for 512 at least; a longer one is left out whole.
const STATE_BYTES_MAX: usize = 512;

/// Where a request stands: its trace, and its own span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    /// Never 0.
    pub(super) trace_id: u128,
    /// The span of this request; never 0.
    pub(super) span_id: u64,
}

/// A `traceparent`, and the `tracestate` beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace_id: u128,
    /// The caller's span.
    pub(super) span_id: u64,
    /// Whether the caller records its part of the trace.
    pub(super) sampled: bool,
    /// As it came, its members in order; empty if there is none that is sound.
    pub(super) state: String,
}

/// Makes ids of traces and spans: hashes of a count under keys that the operating
/// system drew for this process.
#[derive(Debug)]
pub(super) struct TraceIds {
    keys: RandomState,
    next: AtomicU64,
}

impl Parent {
    /// Reads the headers of a request; nothing unless there is one good
    /// `traceparent`.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = only(headers, &PARENT)??.to_str().ok()?;
        let (trace_id, span_id, sampled) = parent(text)?;
        Some(Self {
            trace_id,
            span_id,
            sampled,
            state: state(headers).unwrap_or_default(),
        })
    }
}

impl TraceIds {
    pub(super) fn new() -> Self {
        Self {
            keys: RandomState::new(),
            next: AtomicU64::new(0),
        }
    }

    /// Where a request of this caller stands.
    pub(super) fn trace_for(&self, parent: Option<Parent>) -> Trace {
        Trace {
            trace_id: match &parent {
                Some(parent) => parent.trace_id,
                None => u128::from(self.draw()) << 64 | u128::from(self.draw()),
            },
            span_id: self.draw(),
        }
    }

    fn draw(&self) -> u64 {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        // Ids must not be 0, which is drawn once in 2^64 times.
        self.keys.hash_one(n).max(1)
    }
}

/// Ids in lower-case hexadecimal digits, all of them.
pub(super) struct Hex<T>(pub(super) T);

impl fmt::Display for Hex<u128> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:032x}", self.0)
    }
}

impl fmt::Display for Hex<u64> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:016x}", self.0)
    }
}

/// `version-trace_id-parent_id-flags`; a later version may have more behind it.
fn parent(text: &str) -> Option<(u128, u64, bool)> {
    let mut fields = text.split('-');
    let version = digits(fields.next()?, 2)?;
    let trace_id = digits(fields.next()?, 32)?;
    let span_id = u64::try_from(digits(fields.next()?, 16)?).ok()?;
    let flags = digits(fields.next()?, 2)?;
    let forbidden = version == 0xff || trace_id == 0 || span_id == 0;
    let longer = version == 0 && fields.next().is_some();
    (!forbidden && !longer).then_some((trace_id, span_id, flags & 1 == 1))
}

/// So many hexadecimal digits in lower case, and nothing else.
fn digits(text: &str, count: usize) -> Option<u128> {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let whole = text.len() == count && text.bytes().all(digit);
    whole.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// All `tracestate` headers as one list; nothing if any of it is wrong.
fn state(headers: &HeaderMap) -> Option<String> {
    let mut members: Vec<&str> = Vec::new();
    for header in all(headers, &STATE) {
        let given = header.to_str().ok()?.split(',');
        // Empty members are allowed and mean nothing.
        members.extend(
            given
                .map(|m| m.trim_matches([' ', '\t']))
                .filter(|m| !m.is_empty()),
        );
    }
    let mut keys = std::collections::HashSet::new();
    for member in &members {
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) || !keys.insert(key) {
            return None;
        }
    }
    let all = members.join(",");
    (members.len() <= STATE_MEMBERS_MAX && all.len() <= STATE_BYTES_MAX).then_some(all)
}

/// `name`, or `tenant@system`.
fn is_key(key: &str) -> bool {
    let rest = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let name = |text: &str, longest: usize, digit_first: bool| match text.as_bytes() {
        [first, others @ ..] => {
            let begins = first.is_ascii_lowercase() || digit_first && first.is_ascii_digit();
            begins && text.len() <= longest && others.iter().all(rest)
        }
        [] => false,
    };
    match key.split_once('@') {
        Some((tenant, system)) => name(tenant, 241, true) && name(system, 14, false),
        None => name(key, 256, false),
    }
}

/// 1 to 256 printable ASCII characters without `,` and `=`, the last not a blank.
fn is_value(value: &str) -> bool {
    let byte = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(byte) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[track_caller]
    fn check(traceparent: &str, taken: bool) {
        let ids = TraceIds::new();
        let parent = Parent::read(&headers(&[("traceparent", traceparent)]));
        assert_eq!(parent.is_some(), taken, "{traceparent}");
        let trace = ids.trace_for(parent);
        let theirs = traceparent.contains(&Hex(trace.trace_id).to_string());
        assert_eq!(theirs, taken, "{traceparent}");
        assert!(!traceparent.contains(&Hex(trace.span_id).to_string()));
    }

    #[test]
    fn a_parent_is_taken_to_the_letter_or_not_at_all() {
        check(GOOD, true);
        check(&GOOD.replace("-01", "-00"), true);
        check(&GOOD.replace("00-4", "cc-4"), true);
        check(
            &format!("{}-what-comes-later", GOOD.replace("00-4", "cc-4")),
            true,
        );
        check(&format!("{GOOD}-"), false);
        check(&format!("{GOOD}-00"), false);
        check(&GOOD.replace("00-4", "ff-4"), false);
        check(&GOOD.to_uppercase(), false);
        check(&GOOD.replace('-', "_"), false);
        check(&GOOD[1..], false);
        check(&GOOD[..GOOD.len() - 1], false);
        check(&format!("{}x", &GOOD[..GOOD.len() - 1]), false);
        check(
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            false,
        );
        check(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            false,
        );
        check(
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            false,
        );
        check("", false);
        let twice = headers(&[("traceparent", GOOD), ("traceparent", GOOD)]);
        assert_eq!(Parent::read(&twice), None);
    }

    #[track_caller]
    fn check_state(states: &[&str], taken: &str) {
        let mut all = headers(&[("traceparent", GOOD)]);
        for state in states {
            all.append(STATE, state.parse().unwrap());
        }
        let parent = Parent::read(&all).expect("the parent counts all the same");
        assert!(parent.sampled);
        assert_eq!(parent.state, taken, "{states:?}");
    }

    #[test]
    fn a_state_is_one_list() {
        check_state(&[], "");
        check_state(
            &["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"],
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        );
        check_state(&["a=1", "b=2 \t,, 1t@sys=3"], "a=1,b=2,1t@sys=3");
        for bad in [
            "a", "a=", "A=1", "1a=1", "a=1,a=2", "a=1=2", "t@1=2", "a b=1",
        ] {
            check_state(&[bad], "");
        }
        let members = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>();
        check_state(&[&members(32).join(",")], &members(32).join(","));
        check_state(&[&members(33).join(",")], "");
        let long = |bytes: usize| format!("a={},b={}", "x".repeat(256), "y".repeat(bytes - 261));
        check_state(&[&long(512)], &long(512));
        check_state(&[&long(513)], "");
    }

    #[test]
    fn ids_that_are_made_differ() {
        let ids = TraceIds::new();
        let made: std::collections::HashSet<u128> =
            (0..1_000).map(|_| ids.trace_for(None).trace_id).collect();
        assert_eq!(made.len(), 1_000);
    }
}
