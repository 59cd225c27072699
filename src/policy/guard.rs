//! Limits that are checked on the text, before any parser sees it.
//!
//! A few hundred bytes of nested parentheses overflow the stack of a recursive
//! parser, and an abort cannot be caught. One linear scan, itself without
//! recursion, bounds how deep the syntax tree can get. Deliberately no parser:
//! it knows strings, comments, brackets and operators, nothing of meaning.

use std::ops::Range;

/// Bytes of one policy. Source: contract, section 3.
pub const POLICY_TEXT_BYTES_MAX: usize = 64 << 10;
/// Bytes of all policy or schema text of one file. Our choice.
pub(super) const FILE_BYTES_MAX: usize = 16 << 20;
/// Brackets open at once. Source: contract, section 3.
pub const NESTING_DEPTH_MAX: usize = 64;
/// Operators on one path from the root of a policy's syntax tree to a leaf:
/// `a && b && c` is a chain of two. Source: reliability lesson 1.
pub const CHAIN_LENGTH_MAX: usize = 512;

/// What a text broke, and where (byte offset).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excess {
    /// What is too much, as a sentence.
    pub(super) message: String,
    /// Byte offset of the place.
    pub(super) offset: usize,
}

/// Checks the limits and returns the byte range of each `;`-ended statement
/// (with its annotations, without what stands before them).
///
/// # Errors
/// The first limit that the text breaks.
pub(super) fn scan(text: &str) -> Result<Vec<Range<usize>>, Excess> {
    run(text, Scan::default())
}

/// Checks only what bounds a schema or a JSON text: bytes and nesting.
///
/// # Errors
/// The first limit that the text breaks.
pub(super) fn scan_nesting(text: &str) -> Result<(), Excess> {
    let scan = Scan {
        nesting_only: true,
        ..Scan::default()
    };
    run(text, scan).map(drop)
}

fn run(text: &str, mut scan: Scan) -> Result<Vec<Range<usize>>, Excess> {
    if text.len() > FILE_BYTES_MAX {
        return Err(Excess {
            message: format!("the text is longer than {FILE_BYTES_MAX} bytes"),
            offset: FILE_BYTES_MAX,
        });
    }
    let mut tokens = Tokens {
        bytes: text.as_bytes(),
        at: 0,
    };
    while let Some((token, at)) = tokens.next_token() {
        scan.take(token, at)?;
    }
    scan.close_statement(text.len(), false)?;
    Ok(scan.statements)
}

/// A bracketed group that is still open.
#[derive(Default)]
struct Group {
    /// Operators of the current comma-separated part.
    chain: usize,
    /// Longest chain of a group closed within the current part.
    inner: usize,
    /// Longest path of the parts before it.
    longest: usize,
}

impl Group {
    fn total(&self) -> usize {
        self.longest.max(self.chain + self.inner)
    }
}

struct Scan {
    statements: Vec<Range<usize>>,
    start: Option<usize>,
    open: Vec<Group>,
    nesting_only: bool,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            statements: Vec::new(),
            start: None,
            open: vec![Group::default()],
            nesting_only: false,
        }
    }
}

enum Token {
    Open,
    Close,
    Comma,
    Semicolon,
    Operator,
    Other,
}

impl Scan {
    fn take(&mut self, token: Token, at: usize) -> Result<(), Excess> {
        self.start.get_or_insert(at);
        match token {
            Token::Open => {
                self.open.push(Group::default());
                if self.open.len() > NESTING_DEPTH_MAX + 1 {
                    return Err(Excess {
                        message: format!(
                            "brackets are nested deeper than {NESTING_DEPTH_MAX}; \
                             split the condition into several policies"
                        ),
                        offset: at,
                    });
                }
            }
            // An unmatched closing bracket is the parser's to report.
            Token::Close if self.open.len() > 1 => {
                let total = self.open.pop().map_or(0, |group| group.total());
                self.within_chain(total, at)?;
                if let Some(parent) = self.open.last_mut() {
                    parent.inner = parent.inner.max(total + 1);
                }
            }
            Token::Comma => {
                if let Some(group) = self.open.last_mut() {
                    group.longest = group.total();
                    (group.chain, group.inner) = (0, 0);
                }
            }
            Token::Operator => {
                if let Some(group) = self.open.last_mut() {
                    group.chain += 1;
                    let total = group.total();
                    self.within_chain(total, at)?;
                }
            }
            Token::Semicolon if self.open.len() == 1 => self.close_statement(at, true)?,
            Token::Semicolon | Token::Close | Token::Other => {}
        }
        Ok(())
    }

    fn within_chain(&self, total: usize, at: usize) -> Result<(), Excess> {
        if total <= CHAIN_LENGTH_MAX + 1 || self.nesting_only {
            return Ok(());
        }
        Err(Excess {
            message: format!(
                "more than {CHAIN_LENGTH_MAX} operators are chained in one policy; \
                 split it into several policies"
            ),
            offset: at,
        })
    }

    fn close_statement(&mut self, end: usize, complete: bool) -> Result<(), Excess> {
        let total = self.open.first().map_or(0, Group::total);
        self.within_chain(total, end)?;
        self.open = vec![Group::default()];
        let Some(start) = self.start.take() else {
            return Ok(());
        };
        if end - start > POLICY_TEXT_BYTES_MAX && !self.nesting_only {
            return Err(Excess {
                message: format!("the policy is longer than {POLICY_TEXT_BYTES_MAX} bytes"),
                offset: start,
            });
        }
        if complete {
            self.statements.push(start..end + 1);
        }
        Ok(())
    }
}

struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Tokens<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn next_token(&mut self) -> Option<(Token, usize)> {
        loop {
            let at = self.at;
            let byte = self.peek(0)?;
            let token = match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    self.at += 1;
                    continue;
                }
                b'/' if self.peek(1) == Some(b'/') => {
                    self.skip_while(|b| b != b'\n' && b != b'\r');
                    continue;
                }
                b'"' => {
                    self.skip_string();
                    return Some((Token::Other, at));
                }
                b if b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80 => {
                    self.skip_while(|b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80);
                    let word = self.bytes.get(at..self.at).unwrap_or_default();
                    return Some((Self::word(word), at));
                }
                b'(' | b'[' | b'{' => Token::Open,
                b')' | b']' | b'}' => Token::Close,
                b',' => Token::Comma,
                b';' => Token::Semicolon,
                b'&' | b'|' => {
                    self.skip_while(|b| b == byte);
                    return Some((Token::Operator, at));
                }
                b'+' | b'-' | b'*' | b'!' | b'.' | b'<' | b'>' | b'=' | b'%' | b'/' => {
                    Token::Operator
                }
                _ => Token::Other,
            };
            self.at += 1;
            return Some((token, at));
        }
    }

    /// Keywords that deepen a syntax tree without any bracket.
    fn word(word: &[u8]) -> Token {
        match word {
            b"if" | b"when" | b"unless" | b"has" | b"like" | b"in" | b"is" => Token::Operator,
            _ => Token::Other,
        }
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&keep) {
            self.at += 1;
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += match byte {
                b'\\' => 2,
                _ => 1,
            };
            if byte == b'"' {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(condition: &str) -> String {
        format!("permit(principal, action, resource) when {{ {condition} }};")
    }

    #[track_caller]
    fn check(text: &str, fits: bool) {
        assert_eq!(scan(text).is_ok(), fits, "{:?}", scan(text));
    }

    #[test]
    fn nesting_is_bounded_at_the_limit_and_one_past_it() {
        let nested = |n: usize| policy(&format!("{}true{}", "(".repeat(n), ")".repeat(n)));
        check(&nested(NESTING_DEPTH_MAX - 1), true);
        check(&nested(NESTING_DEPTH_MAX), false);
    }

    #[test]
    fn chains_are_bounded_whatever_the_operator() {
        for operator in ["&&", "||", "+", "*", "."] {
            let chain = |n: usize| policy(&vec!["a"; n + 1].join(operator));
            check(&chain(CHAIN_LENGTH_MAX - 2), true);
            check(&chain(CHAIN_LENGTH_MAX + 2), false);
        }
        let ifs = |n: usize| policy(&format!("{} true", "if a then b else ".repeat(n)));
        check(&ifs(CHAIN_LENGTH_MAX - 2), true);
        check(&ifs(CHAIN_LENGTH_MAX + 2), false);
        let whens = format!(
            "permit(principal, action, resource) {};",
            "when { true } ".repeat(600)
        );
        check(&whens, false);
    }

    #[test]
    fn chains_add_up_along_a_path_and_not_across_siblings() {
        let half = vec!["a"; CHAIN_LENGTH_MAX / 2 + 8].join("&&");
        check(&policy(&format!("({half}) || {half}")), false);
        let list = vec!["a && a"; 2_000].join(", ");
        check(&policy(&format!("[{list}].contains(b)")), true);
    }

    #[test]
    fn strings_and_comments_do_not_count() {
        let many = "(".repeat(500);
        check(&policy(&format!("context.a == \"{many}\\\"{many}\"")), true);
        check(&format!("// {many}\n{}", policy("true")), true);
        let chain = "&& ".repeat(900);
        check(&policy(&format!("context.a == \"{chain}\"")), true);
    }

    #[test]
    fn one_policy_is_bounded_in_bytes() {
        let sized = |bytes: usize| {
            let head = policy("context.a == \"\"").len();
            policy(&format!("context.a == \"{}\"", "x".repeat(bytes - head)))
        };
        // The closing semicolon is not counted.
        check(&sized(POLICY_TEXT_BYTES_MAX + 1), true);
        check(&sized(POLICY_TEXT_BYTES_MAX + 2), false);
    }

    #[test]
    fn statements_are_found_with_their_annotations() {
        let text = "// head; not a statement\n@id(\"a;b\")\npermit(principal, action, resource);\n\nforbid(principal, action, resource);  ";
        let found: Vec<&str> = scan(text)
            .unwrap()
            .into_iter()
            .map(|range| &text[range])
            .collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("@id") && found[0].ends_with(");"));
        assert!(found[1].starts_with("forbid"));
    }

    #[test]
    fn the_scan_never_panics_on_broken_text() {
        for text in [
            "", ";", ")", "\"", "\"\\", "(((", "}}};", "@id(", "é\u{0}", ";;;;",
        ] {
            let _ = scan(text);
        }
    }
}
