//! Texts that are meant to hurt: deep, long, broken, or almost right.

use aobo::directory::Profile;

use crate::support::Rng;

/// The schema that hostile policies are read with.
pub(super) const SCHEMA: &str = r"
entity U in [U] = { n: Long, s: String, b: Bool, u?: U, r: { a: { a: { a: Bool } } } };
action a, b appliesTo { principal: U, resource: U, context: { n: Long, b: Bool, s: String } };
";

const HEAD: &str = "permit (principal, action, resource)";

/// A policy text.
pub(super) fn policy(rng: &mut Rng) -> String {
    match rng.below(14) {
        0 => when(&nested(rng)),
        1 => when(&chain(rng)),
        2 => unclosed(rng),
        3 => long_names(rng),
        4 => when(&unary(rng)),
        5 => when(&ifs(rng)),
        6 => when(&deep_values(rng)),
        7 => clauses(rng),
        8 => bytes(rng),
        9 => vocabulary(rng),
        10 => at_the_limits(rng),
        11 => scope(rng),
        12 => {
            let text = built_in_policy(rng);
            cut(rng, &text)
        }
        _ => {
            let text = built_in_policy(rng);
            mutated(rng, &text)
        }
    }
}

fn when(condition: &str) -> String {
    format!("{HEAD} when {{ {condition} }};")
}

const BRACKETS: [(&str, &str); 6] = [
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("{a: ", "}"),
    ("!(", ")"),
    ("(if true then ", " else false)"),
];

/// Brackets in brackets, of one kind or of several, closed or not.
fn nested(rng: &mut Rng) -> String {
    let depth = rng.size(4_000);
    let one = rng.percent(50).then(|| rng.pick(&BRACKETS));
    let mut close = Vec::new();
    let mut text = String::new();
    for _ in 0..depth {
        let (left, right) = one.unwrap_or_else(|| rng.pick(&BRACKETS));
        text.push_str(left);
        close.push(right);
    }
    text.push_str("context.b");
    let closed = match rng.below(3) {
        0 => depth / 2,
        1 => depth + 3,
        _ => depth,
    };
    for n in 0..closed {
        text.push_str(close.get(depth.wrapping_sub(n + 1)).unwrap_or(&")"));
    }
    text
}

const OPERATORS: [&str; 16] = [
    " && ", " || ", " + ", " - ", " * ", " == ", " != ", " < ", " >= ", ".", " in ", " has ",
    " like ", " is ", "::", ", ",
];

fn chain(rng: &mut Rng) -> String {
    let length = rng.size(8_000);
    let one = rng.percent(60).then(|| rng.pick(&OPERATORS));
    let operands = ["true", "context.b", "1", "a", "\"s\"", "principal", "(b)"];
    let mut text = rng.pick(&operands).to_owned();
    for _ in 0..length {
        text.push_str(one.unwrap_or_else(|| rng.pick(&OPERATORS)));
        text.push_str(rng.pick(&operands));
    }
    text
}

/// Strings, comments and annotations that do not end.
fn unclosed(rng: &mut Rng) -> String {
    let inside = [
        "(",
        "\\",
        "\\\"",
        "é",
        "\n",
        ";",
        "{",
        "//",
        "\\u{110000}",
        "\\u{",
        "\\x",
    ];
    let mut text = match rng.below(4) {
        0 => when("context.s == \"").replace(" };", ""),
        1 => format!("{HEAD} // "),
        2 => "@id(\"".to_owned(),
        _ => format!("{HEAD} when {{ context.s like \"*"),
    };
    for _ in 0..rng.size(3_000) {
        text.push_str(rng.pick(&inside));
    }
    text
}

fn long_names(rng: &mut Rng) -> String {
    let length = rng.size(60_000);
    let name = ["a", "_", "permit", "éa", "A0"][rng.below(5)].repeat(length);
    match rng.below(5) {
        0 => when(&name),
        1 => when(&format!("principal.{name}")),
        2 => format!("@{name}(\"x\")\n{HEAD};"),
        3 => format!("permit (principal == {name}::\"x\", action, resource);"),
        _ => when(&format!("{}(1)", "a::".repeat(length / 4))),
    }
}

fn unary(rng: &mut Rng) -> String {
    let sign = rng.pick(&["!", "-", "! ", "- ", "!(", "-("]);
    let count = rng.size(4_000);
    let close = if sign.ends_with('(') { ")" } else { "" };
    format!("{}1{}", sign.repeat(count), close.repeat(count))
}

fn ifs(rng: &mut Rng) -> String {
    let count = rng.size(3_000);
    match rng.below(3) {
        0 => format!("{} true", "if context.b then false else ".repeat(count)),
        1 => format!(
            "{} true {}",
            "if context.b then ".repeat(count),
            "else false ".repeat(count)
        ),
        _ => format!(
            "{} true {}",
            "if ".repeat(count),
            "then true else false ".repeat(count)
        ),
    }
}

fn deep_values(rng: &mut Rng) -> String {
    let depth = rng.size(2_000);
    let (left, right) = rng.pick(&[
        ("{\"a\": ", "}"),
        ("[1, [2], ", "]"),
        ("[principal].contains(", ")"),
        ("principal.hasTag(", ")"),
        ("decimal(", ")"),
        ("[", "].containsAll([1])"),
    ]);
    let value = format!("{}1{}", left.repeat(depth), right.repeat(depth));
    match rng.below(3) {
        0 => format!("{value} == {value}"),
        1 => format!("{value}{}", ".a".repeat(depth)),
        _ => value,
    }
}

/// Many clauses, many annotations, many policies.
fn clauses(rng: &mut Rng) -> String {
    let count = rng.size(800);
    match rng.below(4) {
        0 => format!("{HEAD} {};", "when { true } ".repeat(count)),
        1 => format!("{HEAD} {};", "unless { false } ".repeat(count)),
        2 => format!("{}{HEAD};", "@a(\"b\") ".repeat(count)),
        _ => format!("{HEAD};\n").repeat(count / 4 + 1),
    }
}

fn bytes(rng: &mut Rng) -> String {
    let count = rng.size(2_000);
    let bytes: Vec<u8> = (0..count).map(|_| rng.next().to_le_bytes()[0]).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

const WORDS: [&str; 44] = [
    "permit",
    "forbid",
    "(",
    ")",
    "principal",
    "action",
    "resource",
    "when",
    "unless",
    "{",
    "}",
    ";",
    ",",
    "==",
    "in",
    "is",
    "has",
    "like",
    "if",
    "then",
    "else",
    "true",
    "false",
    "&&",
    "||",
    "!",
    "-",
    "*",
    "+",
    ".",
    "::",
    "[",
    "]",
    "\"s\"",
    "1",
    "9223372036854775808",
    "context",
    "U",
    "?principal",
    "?resource",
    "@id(\"x\")",
    "Action::\"a\"",
    "\u{202E}",
    "//\n",
];

fn vocabulary(rng: &mut Rng) -> String {
    let words = (0..rng.size(600)).map(|_| rng.pick(&WORDS));
    words.collect::<Vec<_>>().join(" ")
}

/// A little under a limit, at it, or a little over it, in two ways at once.
fn at_the_limits(rng: &mut Rng) -> String {
    let (left, right) = rng.pick(&BRACKETS);
    let depth = 55 + rng.below(12);
    let length = 430 + rng.below(90);
    let operator = rng.pick(&[" || ", " && ", " + ", " == "]);
    let deep = format!("{}context.b{}", left.repeat(depth), right.repeat(depth));
    let long = vec!["context.b"; length].join(operator);
    match rng.below(3) {
        0 => when(&format!("{deep}{operator}{long}")),
        1 => when(&format!("{long}{operator}{deep}")),
        _ => when(&format!(
            "{}{long}{}",
            left.repeat(depth),
            right.repeat(depth)
        )),
    }
}

/// The head of a policy, where brackets and lists may stand too.
fn scope(rng: &mut Rng) -> String {
    let count = rng.size(800);
    match rng.below(5) {
        0 => format!(
            "permit (principal, action in {}Action::\"a\"{}, resource);",
            "[".repeat(count),
            "]".repeat(count)
        ),
        1 => format!(
            "permit (principal, action in [{}], resource);",
            "Action::\"a\",".repeat(count)
        ),
        2 => format!("permit {}principal, action, resource);", "(".repeat(count)),
        3 => format!(
            "permit (principal, action, resource{});",
            ", x".repeat(count)
        ),
        _ => {
            "permit (principal is U in ?principal, action, resource in ?resource)".to_owned()
                + &" when { context.b }".repeat(count)
                + ";"
        }
    }
}

fn built_in_policy(rng: &mut Rng) -> String {
    let sources = Profile::AutopilotAnnounced.sources();
    sources[rng.below(sources.len())].text.to_string()
}

pub(super) fn schema(rng: &mut Rng) -> String {
    let count = rng.size(1_500);
    match rng.below(9) {
        0 => format!(
            "entity A = {{ a: {}Long{} }};",
            "Set<".repeat(count),
            ">".repeat(count)
        ),
        1 => format!(
            "entity A = {}Long{};",
            "{ a: ".repeat(count),
            " }".repeat(count)
        ),
        2 => format!(
            "{}entity A;{}",
            "namespace N { ".repeat(count),
            "}".repeat(count)
        ),
        3 => {
            let alias = |n: usize| format!("type A{n} = {{ a: A{} }};\n", n + 1);
            let aliases: String = (0..count).map(alias).collect();
            format!("{aliases}type A{count} = Long;\nentity E = {{ a: A0 }};")
        }
        4 => format!("entity {};", vec!["A"; count].join(", ")),
        5 => format!(
            "{{\"\": {{\"entityTypes\": {{\"A\": {{\"shape\": {}{}}}}}, \"actions\": {{}}}}}}",
            "{\"type\": \"Set\", \"element\": ".repeat(count),
            "}".repeat(count)
        ),
        6 => bytes(rng),
        7 => cut(rng, &Profile::schema().text),
        _ => mutated(rng, &Profile::schema().text),
    }
}

/// JSON, or what looks like it from far away.
pub(super) fn json(rng: &mut Rng, like: &str) -> String {
    let count = rng.size(16_000);
    match rng.below(8) {
        0 => format!("{}{}", "[".repeat(count), "]".repeat(count)),
        1 => format!("{}1{}", "{\"a\":".repeat(count), "}".repeat(count)),
        2 => "[".repeat(count),
        3 => format!("{{\"a\": \"{}", "\\u0061".repeat(count)),
        4 => format!("{{\"n\": {}}}", "9".repeat(count)),
        5 => bytes(rng),
        6 => cut(rng, like),
        _ => mutated(rng, like),
    }
}

fn cut(rng: &mut Rng, text: &str) -> String {
    let mut end = rng.below(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Some pieces of a text taken out, doubled, moved or replaced.
pub(super) fn mutated(rng: &mut Rng, text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..1 + rng.below(4) {
        let mut bounds = [rng.below(text.len() + 1), rng.below(60)];
        bounds[1] = (bounds[0] + bounds[1]).min(text.len());
        for at in &mut bounds {
            while !text.is_char_boundary(*at) {
                *at -= 1;
            }
        }
        let [start, end] = bounds;
        let piece = text[start..end].to_owned();
        match rng.below(4) {
            0 => text.replace_range(start..end, ""),
            1 => text.insert_str(start, &piece.repeat(rng.size(200))),
            2 => text.replace_range(start..end, rng.pick(&WORDS)),
            _ => {
                text.replace_range(start..end, "");
                let mut to = rng.below(text.len() + 1);
                while !text.is_char_boundary(to) {
                    to -= 1;
                }
                text.insert_str(to, &piece);
            }
        }
    }
    text
}
