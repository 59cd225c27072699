//! From a member of a JSON text to its place in it.

use std::fmt;
use std::ops::Range;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// A way into a JSON text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into the member of an object.
    Member(String),
    /// Into the item of an array, from 0.
    Item(usize),
}

impl Path {
    /// The member `member` of the top level.
    #[must_use]
    pub fn member(member: &str) -> Self {
        Self(vec![Step::Member(member.to_owned())])
    }

    /// One step further, into a member.
    #[must_use]
    pub fn then(&self, member: &str) -> Self {
        let mut path = self.clone();
        if !member.is_empty() {
            path.0.push(Step::Member(member.to_owned()));
        }
        path
    }

    /// One step further, into an item.
    #[must_use]
    pub fn at(&self, item: usize) -> Self {
        let mut path = self.clone();
        path.0.push(Step::Item(item));
        path
    }
}

/// `relationships[3].partner`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) if n == 0 => write!(f, "{name}")?,
                Step::Member(name) if name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                    write!(f, ".{name}")?;
                }
                Step::Member(name) => write!(f, "[\"{name}\"]")?,
                Step::Item(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// The bytes of what a path leads to, or of the last step that exists.
/// `text` has been parsed before: it is JSON, and not deep.
pub(super) fn locate(text: &str, path: &Path) -> Range<usize> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
    let Some(root) = parsed.ok().and_then(|parsed| parsed.value) else {
        return 0..0;
    };
    let mut value = &root;
    let mut found = value.range();
    for step in &path.0 {
        let next = match (step, value) {
            (Step::Member(name), Value::Object(object)) => {
                let mut named = object.properties.iter();
                let prop = named.find(|prop| prop.name.as_str() == name);
                prop.map(|prop| (prop.range, &prop.value))
            }
            (Step::Item(item), Value::Array(array)) => {
                let item = array.elements.get(*item);
                item.map(|item| (item.range(), item))
            }
            _ => None,
        };
        let Some((range, inner)) = next else {
            break;
        };
        (found, value) = (range, inner);
    }
    found.start..found.end
}

/// The byte offset of a line and column, both from 1.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let start = match line {
        0 | 1 => 0,
        line => {
            let mut ends = text.match_indices('\n').map(|(at, _)| at + 1);
            ends.nth(line - 2).unwrap_or(text.len())
        }
    };
    (start + column.saturating_sub(1)).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_bytes() {
        let text = r#"{"a": {"x y": [1, {"b": "here"}]}}"#;
        let path = Path::member("a").then("x y").at(1).then("b");
        assert_eq!(path.to_string(), "a[\"x y\"][1].b");
        assert_eq!(&text[locate(text, &path)], r#""b": "here""#);
        let beyond = path.then("c");
        assert_eq!(&text[locate(text, &beyond)], r#""b": "here""#);
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        assert_eq!(offset("ab\ncd", 1, 1), 0);
        assert_eq!(offset("ab\ncd", 2, 2), 4);
        assert_eq!(offset("ab\ncd", 9, 9), 5);
    }
}
