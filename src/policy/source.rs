//! Named texts, and the rule for ids that may enter the system.

use std::sync::Arc;

/// A text and the name under which diagnostics speak of it (a path, usually).
#[derive(Debug, Clone)]
pub struct Source {
    /// For people: `policies/users.cedar`.
    pub name: Arc<str>,
    /// The text itself.
    pub text: Arc<str>,
}

impl Source {
    /// Names a text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// The 1-based line of a byte offset.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        let head = self.text.as_bytes().get(..offset);
        let head = head.unwrap_or(self.text.as_bytes());
        1 + head.iter().filter(|byte| **byte == b'\n').count()
    }
}

/// Refuses an id that could not be told from another by eye, or not be stored.
///
/// Shape: 1 to `bytes_max` bytes of UTF-8 without control, bidirectional or
/// zero-width characters. Source: our choice (contract, section 3).
///
/// # Errors
/// A sentence that says what is wrong with the id.
pub fn check_id(id: &str, bytes_max: usize) -> Result<(), String> {
    if id.is_empty() {
        return Err("an id must not be empty".to_owned());
    }
    if id.len() > bytes_max {
        let bytes = id.len();
        return Err(format!(
            "an id must not be longer than {bytes_max} bytes; this one has {bytes}"
        ));
    }
    // Most ids have no other characters, and are looked at for every question.
    if id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    match id.chars().find(|c| is_invisible(*c)) {
        Some(c) => Err(format!(
            "the id holds the invisible character U+{:04X}; write it without",
            u32::from(c)
        )),
        None => Ok(()),
    }
}

/// The same text with every invisible character but tabs and line ends replaced
/// by a visible one of as many bytes, so that offsets keep their meaning and a
/// terminal shows what is there.
pub(super) fn printable(text: &str) -> String {
    let visible = |c: char| match c {
        '\n' | '\t' | '\r' => c,
        c if !is_invisible(c) => c,
        c => match c.len_utf8() {
            1 => '?',
            2 => '¿',
            _ => char::REPLACEMENT_CHARACTER,
        },
    };
    text.chars().map(visible).collect()
}

/// Control, bidirectional and zero-width characters.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FEFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_refused_for_what_the_eye_cannot_see() {
        assert!(check_id("mia@contoso.example", 256).is_ok());
        assert!(check_id("", 256).is_err());
        for bad in ["a\u{0}b", "a\u{202E}b", "a\u{200B}b", "a\u{FEFF}", "a\nb"] {
            assert!(check_id(bad, 256).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_limit_counts_bytes_and_is_inclusive() {
        assert!(check_id(&"x".repeat(256), 256).is_ok());
        assert!(check_id(&"x".repeat(257), 256).is_err());
        assert!(check_id(&"é".repeat(128), 256).is_ok());
        assert!(check_id(&"é".repeat(129), 256).is_err());
    }

    #[test]
    fn printable_text_keeps_its_length() {
        let text = "a\u{1b}b\u{85}c\u{202E}d\te\n";
        assert_eq!(printable(text), "a?b¿c\u{FFFD}d\te\n");
        assert_eq!(printable(text).len(), text.len());
    }

    #[test]
    fn lines_count_from_one() {
        let source = Source::new("t", "a\nb\nc");
        assert_eq!((source.line(0), source.line(2), source.line(99)), (1, 2, 3));
    }
}
