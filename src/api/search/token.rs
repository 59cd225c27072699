//! Page tokens: where a page begins, in a form that nobody else can make.
//!
//! A token is what it says and an HMAC-SHA-256 of that, in the alphabet of URLs.
//! The key is drawn at the start and never leaves the process, so that tokens end
//! with it. What a token says is no secret: the caller has just been told it.
//!
//! INVARIANT (authentic): nothing of a token is looked at before its code was
//! found right.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::PageProblem;

/// Seconds that a page token lives. Source: contract, section 2.
pub const PAGE_TOKEN_SECONDS: i64 = 600;

/// Bytes of the code at the end of a token.
const CODE_BYTES: usize = 32;
/// The first byte of what a token says: its form.
const FORM: u8 = 1;
/// Bytes before the place where a page begins.
const FIXED_BYTES: usize = 1 + 6 * 8 + 32;

/// Makes tokens and reads them.
pub(in crate::api) struct Tokens {
    /// None if the operating system had no randomness.
    key: Option<Hmac<Sha256>>,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Under which number the state is held.
    pub(super) pin: u64,
    /// Its revision.
    pub(super) revision: u64,
    /// The `now` of the search, UTC seconds.
    pub(super) now: i64,
    /// When the token ends, UTC seconds, exclusive.
    pub(super) until: i64,
    /// Results of a page, at most.
    pub(super) limit: u64,
    /// Results of the whole search.
    pub(super) total: u64,
    /// The digest of the question.
    pub(super) query: [u8; 32],
    /// The last result before the page; empty at the beginning.
    pub(super) after: Option<String>,
}

impl Tokens {
    /// Draws a key.
    pub(in crate::api) fn new() -> Self {
        let mut key = [0; 32];
        let drawn = getrandom::fill(&mut key).ok();
        Self {
            key: drawn.and_then(|()| Hmac::new_from_slice(&key).ok()),
        }
    }

    /// The text of a token; none if there is no key.
    pub(super) fn seal(&self, token: &Token) -> Option<String> {
        let mut bytes = token.to_bytes();
        let mut code = self.key.clone()?;
        code.update(&bytes);
        bytes.extend_from_slice(&code.finalize().into_bytes());
        Some(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a text says that is one of our tokens and has not ended.
    pub(super) fn open(&self, text: &str, now: Timestamp) -> Result<Token, PageProblem> {
        let token = self.authentic(text).ok_or(PageProblem::Forged)?;
        match now.as_second() < token.until {
            true => Ok(token),
            false => Err(PageProblem::Expired),
        }
    }

    fn authentic(&self, text: &str) -> Option<Token> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (said, code) = bytes.split_at_checked(bytes.len().checked_sub(CODE_BYTES)?)?;
        let mut expected = self.key.clone()?;
        expected.update(said);
        // Compares in constant time.
        expected.verify_slice(code).ok()?;
        Token::from_bytes(said)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Token {
    fn to_bytes(&self) -> Vec<u8> {
        let after = self.after.as_deref();
        let mut bytes =
            Vec::with_capacity(FIXED_BYTES + 1 + after.map_or(0, str::len) + CODE_BYTES);
        bytes.push(FORM);
        for number in [self.pin, self.revision, self.limit, self.total] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        for second in [self.now, self.until] {
            bytes.extend_from_slice(&second.to_be_bytes());
        }
        bytes.extend_from_slice(&self.query);
        if let Some(after) = after {
            // An empty id is an id too: what follows the mark is one.
            bytes.push(b'>');
            bytes.extend_from_slice(after.as_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (fixed, after) = bytes.split_at_checked(FIXED_BYTES)?;
        let (form, fixed) = fixed.split_first()?;
        let (numbers, query) = fixed.split_at_checked(6 * 8)?;
        let mut numbers = numbers.chunks_exact(8).filter_map(|n| n.try_into().ok());
        let mut next = || numbers.next();
        let (pin, revision, limit, total) = (next()?, next()?, next()?, next()?);
        let (now, until) = (next()?, next()?);
        let after = match after.split_first() {
            None => None,
            Some((_, after)) => Some(std::str::from_utf8(after).ok()?.to_owned()),
        };
        (*form == FORM).then_some(())?;
        Some(Self {
            pin: u64::from_be_bytes(pin),
            revision: u64::from_be_bytes(revision),
            now: i64::from_be_bytes(now),
            until: i64::from_be_bytes(until),
            limit: u64::from_be_bytes(limit),
            total: u64::from_be_bytes(total),
            query: query.try_into().ok()?,
            after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(after: Option<&str>) -> Token {
        Token {
            pin: 1,
            revision: u64::MAX,
            now: -1,
            until: 600,
            limit: 7,
            total: 8,
            query: [9; 32],
            after: after.map(str::to_owned),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_says_what_was_put_into_it() {
        let tokens = Tokens::new();
        for after in [None, Some(""), Some("mia@contoso.example"), Some("żółw")] {
            let token = token(after);
            let text = tokens.seal(&token).unwrap();
            let plain = text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
            assert!(plain, "{text}");
            assert_eq!(tokens.open(&text, at(0)), Ok(token));
        }
    }

    #[test]
    fn each_flipped_bit_and_each_cut_is_noticed() {
        let tokens = Tokens::new();
        let text = tokens.seal(&token(Some("mia"))).unwrap();
        let mut tried = 0;
        for at_byte in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at_byte] ^= 1 << bit;
                if let Ok(changed) = String::from_utf8(bytes) {
                    tried += 1;
                    let opened = tokens.open(&changed, at(0));
                    assert_eq!(opened, Err(PageProblem::Forged), "{changed}");
                }
            }
            let cut = &text[..at_byte];
            assert_eq!(tokens.open(cut, at(0)), Err(PageProblem::Forged));
        }
        assert!(tried >= 7 * text.len());
        let longer = format!("{text}A");
        assert_eq!(tokens.open(&longer, at(0)), Err(PageProblem::Forged));
    }

    #[test]
    fn another_process_has_another_key() {
        let text = Tokens::new().seal(&token(None)).unwrap();
        assert_eq!(Tokens::new().open(&text, at(0)), Err(PageProblem::Forged));
    }

    #[test]
    fn a_token_ends_at_its_second() {
        let tokens = Tokens::new();
        let text = tokens.seal(&token(None)).unwrap();
        assert!(tokens.open(&text, at(599)).is_ok());
        assert_eq!(tokens.open(&text, at(600)), Err(PageProblem::Expired));
        assert_eq!(tokens.open(&text, at(601)), Err(PageProblem::Expired));
    }
}
