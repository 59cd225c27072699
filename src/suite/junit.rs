//! A report in the JUnit form of XML, for machines that collect test results.
//!
//! Deliberately without times: the same run gives the same file.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::report::Report;

impl Report {
    /// One `testsuite` a file, one `testcase` a case, named by file and id.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut files: BTreeMap<&str, File> = BTreeMap::new();
        for pass in &self.passes {
            files.entry(&pass.file).or_default().case(&pass.id, "");
        }
        for failure in &self.failures {
            let file = files.entry(&failure.file).or_default();
            file.failures += 1;
            let inner = format!(
                "<failure message=\"{}\">expected {}\nactual {}</failure>",
                escape(&failure.message),
                escape(&failure.expected),
                escape(&failure.actual),
            );
            file.case(&failure.id, &inner);
        }
        for skip in &self.skipped {
            let file = files.entry(&skip.file).or_default();
            file.skipped += 1;
            let inner = format!("<skipped message=\"{}\"/>", escape(&skip.why));
            file.case(&skip.id, &inner);
        }
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let tests: usize = files.values().map(|file| file.cases.len()).sum();
        let counts = counts(tests, self.failures.len(), self.skipped.len());
        text += &format!("<testsuites name=\"aobo\" {counts}>\n");
        for (name, file) in &files {
            file.write(&escape(name), &mut text);
        }
        text + "</testsuites>\n"
    }
}

/// The cases of one file: id and what stands within the element, as XML.
#[derive(Default)]
struct File {
    cases: Vec<(String, String)>,
    failures: usize,
    skipped: usize,
}

impl File {
    fn case(&mut self, id: &str, inner: &str) {
        self.cases.push((escape(id), inner.to_owned()));
    }

    fn write(&self, name: &str, text: &mut String) {
        let counts = counts(self.cases.len(), self.failures, self.skipped);
        *text += &format!("  <testsuite name=\"{name}\" {counts}>\n");
        for (id, inner) in &self.cases {
            *text += &format!("    <testcase classname=\"{name}\" name=\"{id}\"");
            *text += &match inner.is_empty() {
                true => "/>\n".to_owned(),
                false => format!(">{inner}</testcase>\n"),
            };
        }
        *text += "  </testsuite>\n";
    }
}

fn counts(tests: usize, failures: usize, skipped: usize) -> String {
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"")
}

/// Text for an attribute or between tags. What XML 1.0 has no way to write
/// (control characters, two non-characters) becomes U+FFFD; white space other
/// than a blank is written by number, as an attribute would lose it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            '\u{0}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_gives_a_meaning_is_escaped() {
        let text = "a<b> & \"c\" 'd' ]]>\n\té \u{1b}[0m \u{0}\u{FFFE}😀";
        let wanted = "a&lt;b&gt; &amp; &quot;c&quot; &apos;d&apos; ]]&gt;&#10;&#9;é \
                      \u{FFFD}[0m \u{FFFD}\u{FFFD}😀";
        assert_eq!(escape(text), wanted);
    }
}
