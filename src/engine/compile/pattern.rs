//! Patterns of `like`: literal pieces between wildcards.

use std::sync::Arc;

use cedar_policy::pst::PatternElem;

/// A pattern, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// What must stand at the beginning.
    first: String,
    /// What must follow somewhere, in this order.
    middle: Vec<String>,
    /// What must stand at the end; none if there is no wildcard at all.
    last: Option<String>,
}

impl Pattern {
    pub(crate) fn new(elements: &[PatternElem]) -> Self {
        let mut pieces = vec![String::new()];
        for element in elements {
            match element {
                PatternElem::Wildcard => pieces.push(String::new()),
                PatternElem::Char(c) => {
                    if let Some(piece) = pieces.last_mut() {
                        piece.push(*c);
                    }
                }
            }
        }
        let mut pieces = pieces.into_iter();
        let first = pieces.next().unwrap_or_default();
        let mut middle: Vec<String> = pieces.collect();
        let last = middle.pop();
        middle.retain(|piece| !piece.is_empty());
        Self {
            first,
            middle,
            last,
        }
    }

    /// Whether a text matches. Each piece is looked for once, from the left: an
    /// earlier place never makes a later piece impossible.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(last) = &self.last else {
            return text == self.first;
        };
        let Some(rest) = text.strip_prefix(self.first.as_str()) else {
            return false;
        };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else {
            return false;
        };
        self.middle
            .iter()
            .all(|piece| match rest.split_once(piece.as_str()) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
    }
}

/// Patterns of which one must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patterns {
    all: Box<[Arc<Pattern>]>,
    /// Bytes that all of them begin with.
    common: usize,
    /// What may follow those, a bit for each byte's last six; everything if
    /// nothing need follow.
    next: u64,
}

impl Patterns {
    pub(crate) fn new(all: Box<[Arc<Pattern>]>) -> Self {
        let mut texts = all.iter().map(|pattern| pattern.first.as_bytes());
        let one = texts.next().unwrap_or_default();
        let common = texts.fold(one.len(), |common, other| {
            let alike = one.iter().zip(other).take_while(|(a, b)| a == b).count();
            common.min(alike)
        });
        let next = all.iter().fold(0, |next, pattern| {
            next | pattern.first.as_bytes().get(common).map_or(u64::MAX, bit)
        });
        Self { all, common, next }
    }

    /// Whether one of them matches. Most are passed over by one byte.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let next = bytes.get(self.common);
        if next.map_or(0, bit) & self.next == 0 && self.next != u64::MAX {
            return false;
        }
        self.all.iter().any(|pattern| {
            let wanted = pattern.first.as_bytes().get(self.common);
            (wanted.is_none() || wanted == next) && pattern.matches(text)
        })
    }
}

/// The bit of a byte.
fn bit(byte: &u8) -> u64 {
    1 << (byte & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(pattern: &str) -> Pattern {
        let elements = pattern.chars().map(|c| match c {
            '*' => PatternElem::Wildcard,
            c => PatternElem::Char(c),
        });
        Pattern::new(&elements.collect::<Vec<_>>())
    }

    #[track_caller]
    fn check(text: &str, patterns: &[&str], wanted: bool) {
        let all: Box<[Arc<Pattern>]> = patterns.iter().map(|p| Arc::new(pattern(p))).collect();
        let one = all.iter().any(|pattern| pattern.matches(text));
        assert_eq!(one, wanted, "{text} one by one");
        assert_eq!(Patterns::new(all).matches(text), wanted, "{text}");
    }

    #[test]
    fn several_match_as_each_alone() {
        let texts = [
            "", "a", "ab", "abc", "abd", "abdé", "é", "êx", "b\u{c3}", "ax", "a\u{81}",
        ];
        let patterns = [
            "", "*", "a", "a*", "ab", "ab*d", "abc*", "é*", "*c", "*b*", "ê*x", "a\u{c1}*",
        ];
        for text in texts {
            for one in patterns {
                for other in patterns {
                    let wanted = pattern(one).matches(text) || pattern(other).matches(text);
                    check(text, &[one, other], wanted);
                    check(
                        text,
                        &[one, other, "abd*"],
                        wanted || text.starts_with("abd"),
                    );
                }
            }
        }
        check("", &[], false);
    }

    #[test]
    fn pieces_may_not_overlap() {
        check("a", &["a*a"], false);
        check("aa", &["a*a"], true);
        check("abab", &["*ab*ab*"], true);
        check("aba", &["*ab*ab*"], false);
        check("", &["*"], true);
        check("", &[""], true);
        check("x", &[""], false);
        check("ab", &["a**b"], true);
        check("caf\u{e9}s", &["*é*"], true);
    }
}
