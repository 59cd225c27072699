//! Bodies of evaluations as nearly all of them are, read straight into their parts.
//!
//! One look at each byte, no tree of values but of properties, context and options, and
//! every text borrowed. What is not as it mostly is ends the reading without a word, be
//! it wrong or only seldom (an escape in a text, a number with a fraction):
//! [`wire`](super::wire) then reads the same text member by member by way of `serde_json`,
//! which takes longer, takes all of JSON, and has words for everything. Why not
//! `serde_json` here as well: it was, and took a fifth of the instructions of a request,
//! and more than half of those of a batch's item.
//!
//! INVARIANT (same parts): a body that is read here, [`Input::parse`] takes as well, and
//! its members are those parts.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::members::Object;
use super::wire::{Action, EVALUATIONS_ITEMS_MAX};
use crate::engine::intake::Party;
use crate::engine::{Input, JSON_DEPTH_MAX, Member};

/// Members of one object that are compared with each other, at most; more are read
/// otherwise. Our choice.
const MEMBERS_MAX: usize = 16;

/// Digits of a whole number that surely fits into 64 bits.
const DIGITS_MAX: usize = 18;

/// Bytes that an item of `evaluations` has most often, or more.
const ITEM_BYTES: usize = 128;

/// What an object has of a question.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts<'a> {
    pub(super) subject: Option<Party<'a>>,
    pub(super) action: Option<Action<'a>>,
    pub(super) resource: Option<Party<'a>>,
    pub(super) context: Option<Vec<Member<'a>>>,
}

/// A body by its parts.
#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    /// What stands at the top level.
    pub(super) parts: Parts<'a>,
    pub(super) options: Option<Object<'a>>,
    /// Those of the items of `evaluations`.
    pub(super) items: Option<Vec<Parts<'a>>>,
}

impl<'a> Body<'a> {
    /// A body that asks one question.
    pub(super) fn single(text: &'a str) -> Option<Self> {
        Self::read(text, true)
    }

    /// A body that may have items.
    pub(super) fn several(text: &'a str) -> Option<Self> {
        Self::read(text, false)
    }

    /// Reads a whole text; `evaluations` may be a member like any other.
    fn read(text: &'a str, single: bool) -> Option<Self> {
        let mut from = Reader { text, at: 0 };
        let mut body = Self::default();
        let mut others = Others::default();
        from.object(0, |from, name, depth| match name {
            "options" => {
                let options = Object::in_body("options", from.members(depth)?);
                once(&mut body.options, options)
            }
            "evaluations" if !single => once(&mut body.items, from.items(depth)?),
            name => from.part(&mut body.parts, &mut others, name, depth),
        })?;
        from.ends().then_some(body)
    }
}

/// Keeps a value where there is none yet.
#[inline]
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value);
    Some(())
}

/// Names of members that nobody asks for; none may come twice.
#[derive(Default)]
struct Others<'a>(SmallVec<[&'a str; 4]>);

/// A text, read up to a place.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    // ------------------------------------------------------------ questions

    /// The items of `evaluations`.
    fn items(&mut self, depth: usize) -> Option<Vec<Parts<'a>>> {
        let left = self.text.len().saturating_sub(self.at) / ITEM_BYTES;
        let mut items = Vec::with_capacity(left.min(EVALUATIONS_ITEMS_MAX));
        self.array(depth, |from, depth| {
            if items.len() == EVALUATIONS_ITEMS_MAX {
                return None;
            }
            let (mut parts, mut others) = (Parts::default(), Others::default());
            from.object(depth, |from, name, depth| {
                from.part(&mut parts, &mut others, name, depth)
            })?;
            items.push(parts);
            Some(())
        })?;
        Some(items)
    }

    /// A member of an object that may be a question.
    fn part(
        &mut self,
        parts: &mut Parts<'a>,
        others: &mut Others<'a>,
        name: &'a str,
        depth: usize,
    ) -> Option<()> {
        match name {
            "subject" => once(&mut parts.subject, self.party(depth)?),
            "action" => once(&mut parts.action, self.action(depth)?),
            "resource" => once(&mut parts.resource, self.party(depth)?),
            "context" => once(&mut parts.context, self.members(depth)?),
            name => self.pass(others, name, depth),
        }
    }

    fn party(&mut self, depth: usize) -> Option<Party<'a>> {
        let (mut ty, mut id, mut properties) = (None, None, None);
        let mut others = Others::default();
        self.object(depth, |from, name, depth| match name {
            "type" => once(&mut ty, from.string()?),
            "id" => once(&mut id, from.string()?),
            "properties" => once(&mut properties, from.members(depth)?),
            name => from.pass(&mut others, name, depth),
        })?;
        Some(Party {
            ty: Cow::Borrowed(ty?),
            id: Cow::Borrowed(id?),
            properties: properties.unwrap_or_default(),
        })
    }

    fn action(&mut self, depth: usize) -> Option<Action<'a>> {
        let (mut called, mut properties) = (None, None);
        let mut others = Others::default();
        self.object(depth, |from, name, depth| match name {
            "name" => once(&mut called, from.string()?),
            "properties" => once(&mut properties, from.members(depth)?),
            name => from.pass(&mut others, name, depth),
        })?;
        Some((Cow::Borrowed(called?), properties.unwrap_or_default()))
    }

    /// Goes past a member of another name, which must be JSON all the same.
    #[cold]
    fn pass(&mut self, others: &mut Others<'a>, name: &'a str, depth: usize) -> Option<()> {
        if others.0.len() == MEMBERS_MAX || others.0.contains(&name) {
            return None;
        }
        others.0.push(name);
        self.value(depth).map(|_| ())
    }

    // ----------------------------------------------------------------- JSON

    /// Any value within so many arrays and objects.
    fn value(&mut self, depth: usize) -> Option<Input<'a>> {
        Some(match self.next()? {
            b'"' => Input::String(Cow::Borrowed(self.string()?)),
            b'{' => Input::Map(self.members(depth)?),
            b'[' => {
                let mut items = Vec::new();
                self.array(depth, |from, depth| {
                    items.push(from.value(depth)?);
                    Some(())
                })?;
                Input::List(items)
            }
            b't' => self.word("true", Input::Bool(true))?,
            b'f' => self.word("false", Input::Bool(false))?,
            b'n' => self.word("null", Input::Null)?,
            _ => Input::Long(self.whole()?),
        })
    }

    /// The members of an object, none of which comes twice.
    fn members(&mut self, depth: usize) -> Option<Vec<Member<'a>>> {
        let mut members: Vec<Member<'a>> = Vec::new();
        self.object(depth, |from, name, depth| {
            let twice = members.iter().any(|member| member.name == name);
            if twice || members.len() == MEMBERS_MAX {
                return None;
            }
            members.push(Member {
                name: Cow::Borrowed(name),
                value: from.value(depth)?,
            });
            Some(())
        })?;
        Some(members)
    }

    /// An object; `take` reads the value of each of its members, one level deeper.
    #[inline]
    fn object(
        &mut self,
        depth: usize,
        mut take: impl FnMut(&mut Self, &'a str, usize) -> Option<()>,
    ) -> Option<()> {
        self.several(depth, [b'{', b'}'], |from, depth| {
            let name = from.string()?;
            from.take(b':')?;
            take(from, name, depth)
        })
    }

    #[inline]
    fn array(
        &mut self,
        depth: usize,
        take: impl FnMut(&mut Self, usize) -> Option<()>,
    ) -> Option<()> {
        self.several(depth, [b'[', b']'], take)
    }

    /// What stands between brackets, commas between.
    #[inline]
    fn several(
        &mut self,
        depth: usize,
        [opening, closing]: [u8; 2],
        mut take: impl FnMut(&mut Self, usize) -> Option<()>,
    ) -> Option<()> {
        if depth >= JSON_DEPTH_MAX {
            return None;
        }
        self.take(opening)?;
        if self.next()? == closing {
            return self.take(closing);
        }
        loop {
            take(self, depth + 1)?;
            match self.next()? {
                b',' => self.at += 1,
                _ => return self.take(closing),
            }
        }
    }

    /// A text without escapes.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = plain(rest);
        if *rest.get(length)? != b'"' {
            return None;
        }
        let from = self.at;
        self.at += length + 1;
        self.text.get(from..from + length)
    }

    /// A whole number without fraction or exponent that fits into 64 bits.
    fn whole(&mut self) -> Option<i64> {
        let rest = self.text.get(self.at..)?;
        let digits = rest.strip_prefix('-').unwrap_or(rest).as_bytes();
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit());
        let count = count.count();
        let plain = match (count, digits.first(), digits.get(count)) {
            (_, _, Some(b'.' | b'e' | b'E')) => false,
            // A zero stands alone, and has no sign.
            (_, Some(b'0'), _) => count == 1 && digits.len() == rest.len(),
            (count, ..) => (1..=DIGITS_MAX).contains(&count),
        };
        let length = rest.len() - digits.len() + count;
        let number = rest.get(..length).filter(|_| plain)?.parse().ok()?;
        self.at += length;
        Some(number)
    }

    fn word(&mut self, word: &str, value: Input<'a>) -> Option<Input<'a>> {
        let found = self.text.get(self.at..)?.starts_with(word);
        self.at += word.len();
        found.then_some(value)
    }

    /// The next byte that is no space, which is not taken.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> Option<()> {
        let found = self.next()? == wanted;
        self.at += 1;
        found.then_some(())
    }

    /// Whether nothing follows.
    fn ends(&mut self) -> bool {
        self.next().is_none()
    }
}

/// How many bytes come before the first that ends a plain text: a quote, a backslash,
/// or a control character. Eight at a time.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHS: u64 = ONES << 7;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let (words, rest) = bytes.as_chunks();
    for (at, eight) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let escape = zeros(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        // A byte after one that was found may be marked as well; the first is right.
        let found = (quote | escape | control) & HIGHS;
        if found != 0 {
            return at * size_of::<u64>() + found.trailing_zeros() as usize / 8;
        }
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    let more = rest.iter().position(ends).unwrap_or(rest.len());
    bytes.len() - rest.len() + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_ends_where_it_is_no_longer_plain() {
        let ends = |byte: u8| matches!(byte, b'"' | b'\\' | ..b' ');
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                for before in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
                    let mut bytes = vec![before; 24];
                    bytes[at] = byte;
                    let wanted = if ends(byte) { at } else { bytes.len() };
                    assert_eq!(plain(&bytes), wanted, "{byte} at {at} after {before}");
                    assert_eq!(plain(&bytes[..at]), at, "{before}");
                }
            }
        }
    }

    #[track_caller]
    fn number(text: &str, wanted: Option<i64>) {
        assert_eq!(Reader { text, at: 0 }.whole(), wanted, "{text}");
        let parsed = Input::parse(text).ok();
        if let Some(wanted) = wanted {
            assert_eq!(parsed, Some(Input::Long(wanted)), "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_read_as_json_has_them() {
        number("0", Some(0));
        number("7", Some(7));
        number("-7", Some(-7));
        number("999999999999999999", Some(999_999_999_999_999_999));
        number("-999999999999999999", Some(-999_999_999_999_999_999));
        for other in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "-01",
            "1.0",
            "1e3",
            "1E3",
            "0.5",
            "+1",
            "9223372036854775807",
        ] {
            number(other, None);
        }
    }
}
