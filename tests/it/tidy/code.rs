//! Rust text as far as the rules look into it: words outside of comments and
//! strings, and the paths that `use` and expressions name. No parser.

/// The text with comments and the insides of strings as blanks, byte for byte.
pub(super) fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match &bytes[at..] {
            [b'/', b'/', ..] => find(bytes, at, b"\n"),
            [b'/', b'*', ..] => find(bytes, at, b"*/") + 2,
            [b'"', ..] => string_end(bytes, at),
            [b'r', b'"' | b'#', ..] if at == 0 || !is_word(bytes[at - 1]) => {
                let hashes = bytes[at + 1..].iter().take_while(|b| **b == b'#').count();
                if bytes.get(at + 1 + hashes) != Some(&b'"') {
                    at += 1;
                    continue;
                }
                let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
                find(bytes, at + 2 + hashes, &close) + close.len()
            }
            [b'\'', b'\\', ..] => find(bytes, at + 3, b"'") + 1,
            [b'\'', _, b'\'', ..] => at + 3,
            _ => {
                at += 1;
                continue;
            }
        };
        let end = end.min(bytes.len());
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let found = rest.windows(what.len()).position(|window| window == what);
    found.map_or(bytes.len(), |found| from + found)
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Offsets at which a word stands, neither part of a longer one.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let before = at.checked_sub(1).map(|b| bytes[b]);
            let after = bytes.get(at + word.len());
            !before.is_some_and(is_word) && !after.is_some_and(|b| is_word(*b))
        })
}

/// The names that stand right after `prefix::`, braces opened, each with the
/// offset of the prefix: `std::{fs, io::Read}` gives `fs` and `io`.
pub(super) fn names_after(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for at in words(code, prefix) {
        let Some(rest) = code[at + prefix.len()..].trim_start().strip_prefix("::") else {
            continue;
        };
        let rest = rest.trim_start();
        match rest.strip_prefix('{') {
            None => names.push((at, first_word(rest))),
            Some(inner) => {
                let parts = top_level_parts(inner);
                names.extend(parts.into_iter().map(|part| (at, first_word(part))));
            }
        }
    }
    names
}

pub(super) fn first_word(text: &str) -> String {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}

/// What commas separate, up to the brace that closes the group.
fn top_level_parts(inner: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0_usize, 0);
    let mut parts = Vec::new();
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&inner[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

#[test]
fn comments_and_strings_are_no_code() {
    let text = "a // b\n/* c\n */ \"d \\\" e\" 'f' '\\'' r#\"g\"h\"# <'i> rj\n";
    let seen = code(text);
    assert_eq!(seen.len(), text.len());
    assert_eq!(
        seen.split_whitespace().collect::<Vec<_>>(),
        ["a", "<'i>", "rj"]
    );
}
