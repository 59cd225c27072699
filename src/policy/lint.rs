//! What validates and still must not pass: text that misleads its reader.

use cedar_policy::ValidationWarning;

use super::{Finding, Source};

/// A validator's warning as a finding. Look-alike, mixed-script and
/// bidirectional text is an error: a reviewer cannot see what such a policy
/// says (reliability lesson 6). A policy that can never apply stays a warning.
pub(super) fn finding(warning: &ValidationWarning, source: &Source) -> Finding {
    let found = Finding::from_cedar(warning, source);
    match warning {
        ValidationWarning::MixedScriptString(_)
        | ValidationWarning::BidiCharsInString(_)
        | ValidationWarning::MixedScriptIdentifier(_)
        | ValidationWarning::BidiCharsInIdentifier(_)
        | ValidationWarning::ConfusableIdentifier(_) => {
            found.into_error("write it in one script, without look-alikes or invisible marks")
        }
        _ => found.warning(),
    }
}

/// Bidirectional marks anywhere in a file, comments included: the text reads
/// otherwise than it is evaluated.
pub(super) fn bidirectional_marks(source: &Source) -> Vec<Finding> {
    let marks = source.text.char_indices();
    marks
        .filter(|(_, c)| is_bidirectional(*c))
        .map(|(at, c)| {
            Finding::error(format!("bidirectional mark U+{:04X}", u32::from(c)))
                .next_step("remove it: with it the text reads otherwise than it is evaluated")
                .at(source, at..at + c.len_utf8(), "here")
        })
        .collect()
}

fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
