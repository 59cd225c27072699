//! Types, and values of them from small pools, so that values meet: the same
//! number as a bound in a policy, an attribute and a context key. Pools hold the
//! ends of each range, and several spellings of one value.

use std::collections::BTreeMap;

use aobo::engine::{EntityUid, Value};
use aobo::policy::Extension;
use cedar_policy::RestrictedExpression;

use super::tree::{name, quoted};
use crate::support::Rng;

/// A Cedar type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ty {
    Bool,
    Long,
    Text,
    /// By the full name of the entity type.
    Entity(String),
    Set(Box<Ty>),
    Record(Fields),
    Extension(Extension),
}

/// The attributes of a record, an entity or a context.
pub(super) type Fields = BTreeMap<String, Field>;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) ty: Ty,
    pub(super) required: bool,
}

/// Who knows entities that a value may refer to, stored or not.
pub(super) trait Ids {
    fn any(&self, rng: &mut Rng, ty: &str) -> EntityUid;
}

/// Names of attributes, record fields and context keys; types share them.
pub(super) const NAMES: [&str; 12] = [
    "a",
    "b",
    "c",
    "owner",
    "level",
    "state",
    "peers",
    "since",
    "two words",
    "naïve",
    "if",
    "q\"uote",
];

/// Keys of tags; attributes and texts share some of them.
pub(super) const KEYS: [&str; 5] = ["a", "b", "k", "two words", ""];

pub(super) const LONGS: [i64; 12] = [
    0,
    1,
    2,
    3,
    -1,
    -2,
    7,
    86_400_000,
    i64::MAX,
    i64::MIN,
    i64::MAX - 1,
    i64::MIN + 1,
];

/// Texts; no policy can spell the first.
pub(super) const TEXTS: [&str; 14] = [
    "line\nbreak",
    "",
    "a",
    "b",
    "k",
    "ab",
    "aXb",
    "a*b",
    "*",
    "two words",
    "naïve",
    "日本",
    "q\"uo\\te",
    "a|b",
];

const DECIMALS: [&str; 9] = [
    "0.0",
    "-0.0",
    "1.5",
    "1.50",
    "1.5000",
    "-1.5",
    "2.0001",
    "922337203685477.5807",
    "-922337203685477.5808",
];

const IPS: [&str; 13] = [
    "10.0.0.1",
    "10.0.0.1/32",
    "10.0.0.0/24",
    "10.0.0.1/24",
    "127.0.0.1",
    "127.0.0.0/8",
    "224.0.0.5",
    "0.0.0.0/0",
    "::1",
    "::1/128",
    "ff02::1",
    "2001:db8::/32",
    "0:0:0:0:0:0:0:1",
];

const DATETIMES: [&str; 10] = [
    "1970-01-01",
    "1970-01-01T00:00:00Z",
    "2020-09-01",
    "2020-09-01T09:00:00Z",
    "2020-09-01T09:00:00.000Z",
    "2020-09-01T11:00:00+0200",
    "2020-09-01T23:59:59.999Z",
    "1969-12-31T23:59:59.999Z",
    "0000-01-01",
    "9999-12-31T23:59:59.999Z",
];

const DURATIONS: [&str; 13] = [
    "0ms",
    "1ms",
    "-1ms",
    "1d",
    "24h",
    "1440m",
    "1d2h3m4s5ms",
    "-1h30m",
    "86400s",
    "106751991167d",
    "-106751991167d",
    "9223372036854775807ms",
    "-9223372036854775808ms",
];

pub(super) const EXTENSIONS: [Extension; 4] = [
    Extension::Ip,
    Extension::Decimal,
    Extension::Datetime,
    Extension::Duration,
];

/// The longest spans of time either way.
pub(super) const FAR: [&str; 2] = ["9223372036854775807ms", "-9223372036854775808ms"];

impl Ty {
    pub(super) fn set(of: Self) -> Self {
        Self::Set(Box::new(of))
    }

    /// As a schema spells it.
    pub(super) fn spelled(&self) -> String {
        match self {
            Self::Bool => "Bool".to_owned(),
            Self::Long => "Long".to_owned(),
            Self::Text => "String".to_owned(),
            Self::Entity(name) => name.clone(),
            Self::Set(of) => format!("Set<{}>", of.spelled()),
            Self::Record(fields) => spelled_fields(fields),
            Self::Extension(Extension::Ip) => "ipaddr".to_owned(),
            Self::Extension(other) => other.constructor().to_owned(),
        }
    }

    /// Whether an expression can spell a value of exactly this type: a record
    /// literal has no optional fields, and an empty one says too little.
    pub(super) fn is_spellable(&self) -> bool {
        match self {
            Self::Set(of) => of.is_spellable(),
            Self::Record(fields) => fields.values().all(|f| f.required && f.ty.is_spellable()),
            _ => true,
        }
    }
}

pub(super) fn spelled_fields(fields: &Fields) -> String {
    let fields = fields.iter().map(|(key, field)| {
        let optional = if field.required { "" } else { "?" };
        format!("{}{optional}: {}", name(key), field.ty.spelled())
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

/// A small number mostly, an end of the range now and then.
pub(super) fn long(rng: &mut Rng) -> i64 {
    let usual = if rng.percent(94) { 8 } else { LONGS.len() };
    LONGS[rng.below(usual)]
}

/// A number at an end of the range, where arithmetic fails.
pub(super) fn end(rng: &mut Rng) -> i64 {
    rng.pick(&LONGS[8..])
}

/// The text that the constructor of an extension type takes. The last entries
/// of a pool are such that arithmetic on them fails.
pub(super) fn extension(rng: &mut Rng, extension: Extension) -> &'static str {
    let (pool, rare) = match extension {
        Extension::Decimal => (&DECIMALS[..], 0),
        Extension::Ip => (&IPS[..], 0),
        Extension::Datetime => (&DATETIMES[..], 2),
        Extension::Duration => (&DURATIONS[..], 4),
    };
    let usual = if rng.percent(92) {
        pool.len() - rare
    } else {
        pool.len()
    };
    pool[rng.below(usual)]
}

/// A value of a type.
pub(super) fn value(rng: &mut Rng, ty: &Ty, ids: &impl Ids) -> Value {
    match ty {
        Ty::Bool => Value::Bool(rng.percent(50)),
        Ty::Long => Value::Long(long(rng)),
        Ty::Text => Value::string(rng.pick(&TEXTS)),
        Ty::Entity(name) => Value::Entity(ids.any(rng, name)),
        Ty::Set(of) => {
            let size = rng.pick(&[0, 1, 1, 2, 3, 4]);
            Value::Set((0..size).map(|_| value(rng, of, ids)).collect())
        }
        Ty::Record(fields) => Value::Record(record(rng, fields, ids)),
        Ty::Extension(kind) => Value::Extension(*kind, extension(rng, *kind).into()),
    }
}

/// Values of a record's fields; an optional one is there or not.
pub(super) fn record(rng: &mut Rng, fields: &Fields, ids: &impl Ids) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    for (name, field) in fields {
        if field.required || rng.percent(65) {
            values.insert(name.clone(), value(rng, &field.ty, ids));
        }
    }
    values
}

/// A type, nested so deeply at most; `entities` are the types there are.
pub(super) fn ty(rng: &mut Rng, depth: usize, entities: &[String]) -> Ty {
    let nested = if depth == 0 { 0 } else { 40 };
    if rng.percent(nested) {
        return match rng.percent(60) {
            true => Ty::set(ty(rng, depth - 1, entities)),
            false => {
                let size = rng.below(4);
                Ty::Record(fields(rng, size, depth - 1, entities))
            }
        };
    }
    match rng.below(13) {
        0 | 1 => Ty::Bool,
        2 | 3 => Ty::Long,
        4 | 5 => Ty::Text,
        6..=8 => Ty::Entity(entities[rng.below(entities.len())].clone()),
        9 => Ty::Extension(Extension::Decimal),
        10 => Ty::Extension(Extension::Ip),
        11 => Ty::Extension(Extension::Datetime),
        _ => Ty::Extension(Extension::Duration),
    }
}

/// Up to so many fields.
pub(super) fn fields(rng: &mut Rng, size: usize, depth: usize, entities: &[String]) -> Fields {
    let mut fields = Fields::new();
    for _ in 0..size {
        let ty = ty(rng, depth, entities);
        let required = rng.percent(65);
        fields.insert(rng.pick(&NAMES).to_owned(), Field { ty, required });
    }
    fields
}

/// A pattern of `like`: characters, `*` as a wildcard and `\*` as itself.
pub(super) fn pattern(rng: &mut Rng) -> String {
    let parts = [
        "*", "*", "a", "b", "X", "\\*", "日", "naï", " ", "|", "\\\"",
    ];
    match rng.below(10) {
        0 | 1 => pattern_for(rng.pick(&TEXTS[1..])),
        2..=4 => {
            let text = rng.pick(&TEXTS[1..]);
            pattern_of(rng, text)
        }
        _ => {
            let size = rng.below(4);
            (0..=size).map(|_| rng.pick(&parts)).collect()
        }
    }
}

/// The pattern that a text alone fits.
pub(super) fn pattern_for(text: &str) -> String {
    let text = quoted(text);
    text[1..text.len() - 1].replace('*', "\\*")
}

/// A pattern that a text fits: some of its characters become one `*`.
pub(super) fn pattern_of(rng: &mut Rng, text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let from = rng.below(chars.len() + 1);
    let to = from + rng.below(chars.len() - from + 1);
    let spelled = |chars: &[char]| pattern_for(&chars.iter().collect::<String>());
    format!("{}*{}", spelled(&chars[..from]), spelled(&chars[to..]))
}

/// A value in cedar-policy's form, for tests that go to it directly.
pub(super) fn restricted(value: &Value) -> RestrictedExpression {
    match value {
        Value::Bool(value) => RestrictedExpression::new_bool(*value),
        Value::Long(value) => RestrictedExpression::new_long(*value),
        Value::String(text) => RestrictedExpression::new_string(text.to_string()),
        Value::Entity(uid) => RestrictedExpression::new_entity_uid(uid.clone()),
        Value::Set(items) => RestrictedExpression::new_set(items.iter().map(restricted)),
        Value::Record(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), restricted(value)));
            RestrictedExpression::new_record(fields).expect("names differ")
        }
        Value::Extension(Extension::Ip, text) => RestrictedExpression::new_ip(text),
        Value::Extension(Extension::Decimal, text) => RestrictedExpression::new_decimal(text),
        Value::Extension(Extension::Datetime, text) => RestrictedExpression::new_datetime(text),
        Value::Extension(Extension::Duration, text) => RestrictedExpression::new_duration(text),
    }
}
