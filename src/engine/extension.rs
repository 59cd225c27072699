//! Cedar's extension values as numbers: parsing, printing, arithmetic.
//!
//! The texts that are taken, and the values they stand for, are those of
//! cedar-policy 4.14; `tests/it/differential` holds this to it. Nothing here
//! allocates but the printing.

use core::net::IpAddr;

/// Digits after the point of a decimal.
const DECIMAL_DIGITS: u32 = 4;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Bytes of an `ip` text: a full IPv6 address with its prefix.
const IP_TEXT_BYTES_MAX: usize = 43;

/// An address or a range of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct IpRange {
    addr: IpAddr,
    prefix: u8,
}

/// `12.34` as 123400: ten-thousandths.
pub(crate) fn parse_decimal(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.')?;
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let numeric = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !numeric(digits) || !numeric(part) {
        return None;
    }
    let missing = DECIMAL_DIGITS.checked_sub(u32::try_from(part.len()).ok()?)?;
    let scaled = whole.parse::<i64>().ok()?.checked_mul(10_000)?;
    let part = part.parse::<i64>().ok()?.checked_mul(10_i64.pow(missing))?;
    match whole.starts_with('-') {
        true => scaled.checked_sub(part),
        false => scaled.checked_add(part),
    }
}

/// The text of a decimal, always with four digits after the point.
pub(crate) fn print_decimal(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let abs = value.unsigned_abs();
    format!("{sign}{}.{:04}", abs / 10_000, abs % 10_000)
}

/// `1d2h30m` in milliseconds.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 5] = [
        ("d", DAY_MS),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    let mut parts = [0_i128; 5];
    let mut next = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at_checked(letters)?;
        let at = UNITS.iter().position(|(name, _)| *name == unit)?;
        if at < next {
            return None;
        }
        *parts.get_mut(at)? = i128::from(number.parse::<u64>().ok()?);
        next = at + 1;
        rest = tail;
    }
    // Each product and each partial sum must fit, from the smallest unit up.
    let sign = if negative { -1 } else { 1 };
    let mut sum = 0_i64;
    for ((_, factor), part) in UNITS.iter().zip(parts).rev() {
        let part = match *factor {
            1 => i64::try_from(sign * part).ok()?,
            factor => {
                let product = i64::try_from(part).ok()?.checked_mul(factor)?;
                i64::try_from(sign * i128::from(product)).ok()?
            }
        };
        sum = sum.checked_add(part)?;
    }
    Some(sum)
}

/// The text of a duration, in milliseconds.
pub(crate) fn print_duration(ms: i64) -> String {
    format!("{ms}ms")
}

/// `2020-09-01`, `2020-09-01T09:00:00Z`, `…00.123+0200`: milliseconds since 1970.
///
/// Also our own form for moments that no such text reaches, `112508924415535ms`:
/// Cedar writes those as an offset to 1970.
pub(crate) fn parse_datetime(text: &str) -> Option<i64> {
    if let Some(ms) = whole_seconds(text) {
        return Some(ms);
    }
    match datetime_offset(text) {
        Some(ms) => ms.parse().ok(),
        None => parse_constructor(text),
    }
}

/// The form that every request's `now` has, `2020-09-01T09:00:00Z`; none for any
/// other, and for what is no moment.
fn whole_seconds(text: &str) -> Option<i64> {
    const FORM: [u8; 20] = *b"0000-00-00T00:00:00Z";
    let text: &[u8; 20] = text.as_bytes().try_into().ok()?;
    // What each byte is above its form: a digit's number, or nothing.
    let mut above = [0_u8; 20];
    let mut fits = true;
    for ((above, byte), form) in above.iter_mut().zip(text).zip(&FORM) {
        *above = byte.wrapping_sub(*form);
        fits &= *above <= if *form == b'0' { 9 } else { 0 };
    }
    if !fits {
        return None;
    }
    let [a, b, c, d, _, e, f, _, g, h, _, i, j, _, k, l, _, m, n, _] = above.map(i64::from);
    let days = days_of(a * 1_000 + b * 100 + c * 10 + d, e * 10 + f, g * 10 + h)?;
    let (hour, minute, second) = (i * 10 + j, k * 10 + l, m * 10 + n);
    let seconds = (hour <= 23 && minute <= 59 && second <= 59)
        .then_some(hour * 3_600 + minute * 60 + second)?;
    Some(days * DAY_MS + seconds * 1_000)
}

/// The milliseconds of our own form, as digits.
pub(crate) fn datetime_offset(text: &str) -> Option<&str> {
    let ms = text.strip_suffix("ms")?;
    let digits = ms.strip_prefix('-').unwrap_or(ms);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(ms)
}

fn parse_constructor(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let [year, month, day] = numbers(date, "dddd-dd-dd")?;
    let days = days_of(year, month, day)?;
    if rest.is_empty() {
        return Some(days * DAY_MS);
    }
    let (time, rest) = rest.split_at_checked(9)?;
    let [hour, minute, second] = numbers(time, "Tdd:dd:dd")?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (ms, zone) = match rest.starts_with('.') {
        true => {
            let (ms, zone) = rest.split_at_checked(4)?;
            let [ms] = numbers(ms, ".ddd")?;
            (ms, zone)
        }
        false => (0, rest),
    };
    let offset_minutes = match zone {
        "Z" => 0,
        zone => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let [both] = numbers(zone, "+dddd").or_else(|| numbers(zone, "-dddd"))?;
            if both / 100 > 23 || both % 100 > 59 {
                return None;
            }
            sign * (both / 100 * 60 + both % 100)
        }
    };
    let minutes = hour * 60 + minute - offset_minutes;
    Some(days * DAY_MS + minutes * 60_000 + second * 1_000 + ms)
}

/// The numbers of a text that has the form: `d` is a digit, all else itself.
fn numbers<const N: usize>(text: &str, form: &str) -> Option<[i64; N]> {
    if text.len() != form.len() {
        return None;
    }
    let mut found = [0; N];
    let (mut at, mut inside) = (0, false);
    for (byte, wanted) in text.bytes().zip(form.bytes()) {
        if wanted == b'd' {
            if !byte.is_ascii_digit() {
                return None;
            }
            let number = found.get_mut(at)?;
            *number = *number * 10 + i64::from(byte - b'0');
            inside = true;
        } else {
            if byte != wanted {
                return None;
            }
            at += usize::from(inside);
            inside = false;
        }
    }
    Some(found)
}

/// The number of a day from 1970-01-01; none if there is no such day in the years
/// 0000 to 9999.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let leaps = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leaps),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(0..=9_999).contains(&year) || !(1..=last).contains(&day) {
        return None;
    }
    // A year that begins in March ends with the day that few of them have, so
    // that days before a month do not depend on the year.
    let year = year - i64::from(month <= 2);
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    /// From 0000-03-01.
    const EPOCH: i64 = 719_468;
    Some(year * 365 + leap_days + in_year - EPOCH)
}

/// The text of a datetime, as the constructor takes it.
pub(crate) fn print_datetime(ms: i64) -> String {
    // The constructor takes the years 0000 to 9999.
    let (first, end) = (-62_167_219_200_000, 253_402_300_800_000);
    if !(first..end).contains(&ms) {
        return format!("{ms}ms");
    }
    let epoch = jiff::civil::Date::constant(1970, 1, 1);
    let days = jiff::Span::new().try_days(ms.div_euclid(DAY_MS));
    let Ok(date) = days.and_then(|days| epoch.checked_add(days)) else {
        return format!("{ms}ms");
    };
    let (second, part) = (ms.rem_euclid(DAY_MS) / 1_000, ms.rem_euclid(1_000));
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let text = format!("{date}T{hour:02}:{minute:02}:{:02}", second % 60);
    match part {
        0 => format!("{text}Z"),
        part => format!("{text}.{part:03}Z"),
    }
}

/// The day that a moment is in, at midnight.
pub(crate) fn to_date(ms: i64) -> Option<i64> {
    ms.checked_sub(ms.rem_euclid(DAY_MS))
}

/// The time since midnight.
pub(crate) fn to_time(ms: i64) -> i64 {
    ms.rem_euclid(DAY_MS)
}

impl IpRange {
    /// `10.0.0.1`, `10.0.0.0/8`, `::1/128`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mixed = text.matches(':').count() >= 2 && text.matches('.').count() >= 2;
        if text.len() > IP_TEXT_BYTES_MAX || mixed {
            return None;
        }
        let (addr, prefix) = match text.split_once('/') {
            Some((addr, prefix)) => (addr, Some(prefix)),
            None => (text, None),
        };
        let addr: IpAddr = addr.parse().ok()?;
        let max = if addr.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => max,
            Some(text) => parse_prefix(text, max)?,
        };
        Some(Self { addr, prefix })
    }

    pub(crate) fn print(self) -> String {
        format!("{}/{}", self.addr, self.prefix)
    }

    pub(crate) fn is_v4(self) -> bool {
        self.addr.is_ipv4()
    }

    pub(crate) fn is_loopback(self) -> bool {
        self.addr.is_loopback() && self.prefix >= if self.is_v4() { 8 } else { 128 }
    }

    pub(crate) fn is_multicast(self) -> bool {
        self.addr.is_multicast() && self.prefix >= if self.is_v4() { 4 } else { 8 }
    }

    /// Whether every address of this range lies in the other.
    pub(crate) fn is_in(self, other: Self) -> bool {
        let (low, high) = self.ends();
        let (outer_low, outer_high) = other.ends();
        self.is_v4() == other.is_v4() && outer_low <= low && high <= outer_high
    }

    fn ends(self) -> (u128, u128) {
        let (bits, width) = match self.addr {
            IpAddr::V4(addr) => (u128::from(u32::from(addr)), 32),
            IpAddr::V6(addr) => (u128::from(addr), 128),
        };
        let host = (width - u32::from(self.prefix)).min(width);
        let free = match host {
            0 => 0,
            host => u128::MAX >> (128 - host),
        };
        (bits & !free, bits | free)
    }
}

fn parse_prefix(text: &str, max: u8) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let long = text.len() > if max == 32 { 2 } else { 3 };
    if !digits || long || (text.starts_with('0') && text != "0") {
        return None;
    }
    text.parse().ok().filter(|prefix| *prefix <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datetimes_print_as_they_are_read() {
        for text in [
            "2020-09-01T09:00:00Z",
            "1969-12-31T23:59:59.999Z",
            "0000-01-01T00:00:00+2359",
            "9999-12-31T23:59:59-2359",
            "112508924415535ms",
            "-9223372036854775808ms",
        ] {
            let ms = parse_datetime(text).unwrap();
            assert_eq!(parse_datetime(&print_datetime(ms)), Some(ms), "{text}");
        }
        assert_eq!(parse_datetime("1970-01-02"), Some(DAY_MS));
        assert_eq!(parse_datetime("1970-01-01T02:00:00+0200"), Some(0));
        for text in [
            "2020-02-30",
            "2020-09-01T24:00:00Z",
            "2020-09-01T09:00:00",
            "1970",
        ] {
            assert_eq!(parse_datetime(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_has_its_number() {
        let mut date = jiff::civil::Date::constant(0, 1, 1);
        for days in -719_528.. {
            let [year, month, day] = [date.year().into(), date.month().into(), date.day().into()];
            assert_eq!(days_of(year, month, day), Some(days), "{date}");
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        assert_eq!(date, jiff::civil::Date::MAX);
    }

    #[test]
    fn what_is_no_day_has_no_number() {
        for year in [0, 4, 1900, 2000, 2019, 2020, 2100, 9999] {
            for month in 0..=13 {
                for day in 0..=32 {
                    let date = jiff::civil::Date::new(year, month, day);
                    let number = days_of(year.into(), month.into(), day.into());
                    assert_eq!(number.is_some(), date.is_ok(), "{year}-{month}-{day}");
                }
            }
        }
        assert_eq!(days_of(10_000, 1, 1), None);
    }

    #[test]
    fn whole_seconds_are_read_as_any_other_text() {
        for text in [
            "2020-09-01T09:00:00Z",
            "2020-02-29T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "2019-02-29T00:00:00Z",
            "2020-09-01T24:00:00Z",
            "2020-09-01T23:60:00Z",
            "2020-09-01T23:59:60Z",
            "2020-13-01T00:00:00Z",
            "2020-09-01t09:00:00Z",
            "2020-09-01T09:00:0:Z",
            "2020-09-01T09:00:0/Z",
            "2020-09-01T09.00:00Z",
            "2020-09-01T09:00:00z",
        ] {
            assert_eq!(whole_seconds(text), parse_constructor(text), "{text}");
        }
    }

    #[test]
    fn durations_keep_the_order_of_units() {
        assert_eq!(parse_duration("1d2h3m4s5ms"), Some(93_784_005));
        assert_eq!(parse_duration("-1h"), Some(-3_600_000));
        assert_eq!(parse_duration("-9223372036854775808ms"), Some(i64::MIN));
        for text in ["", "-", "1", "1m1h", "1x", "h", "9223372036854775808ms"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn decimals_have_one_to_four_digits() {
        assert_eq!(parse_decimal("-0.5"), Some(-5_000));
        assert_eq!(parse_decimal("922337203685477.5807"), Some(i64::MAX));
        for text in ["1", "1.", ".1", "1.00000", "+1.0", "922337203685477.5808"] {
            assert_eq!(parse_decimal(text), None, "{text}");
        }
        assert_eq!(print_decimal(-5_000), "-0.5000");
    }

    #[test]
    fn ranges_hold_what_lies_in_them() {
        let ip = |text: &str| IpRange::parse(text).unwrap();
        assert!(ip("10.1.2.3").is_in(ip("10.0.0.0/8")));
        assert!(ip("10.0.0.0/8").is_in(ip("0.0.0.0/0")));
        assert!(!ip("::1").is_in(ip("0.0.0.0/0")) && ip("::1").is_in(ip("::/0")));
        assert!(
            IpRange::parse("10.0.0.0/08").is_none() && IpRange::parse("::ffff:1.2.3.4").is_none()
        );
    }
}
