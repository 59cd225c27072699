//! Patterns of `like`: literal pieces between wildcards.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, wanted: bool) {
        let elements = pattern.chars().map(|c| match c {
            '*' => PatternElem::Wildcard,
            c => PatternElem::Char(c),
        });
        let pattern = Pattern::new(&elements.collect::<Vec<_>>());
        assert_eq!(pattern.matches(text), wanted, "{text}");
    }

    #[test]
    fn pieces_may_not_overlap() {
        check("a*a", "a", false);
        check("a*a", "aa", true);
        check("*ab*ab*", "abab", true);
        check("*ab*ab*", "aba", false);
        check("*", "", true);
        check("", "", true);
        check("", "x", false);
        check("a**b", "ab", true);
        check("*é*", "caf\u{e9}s", true);
    }
}
