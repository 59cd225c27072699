//! `docs/operating.md` keeps to the program: its limits are the constants, all of them
//! that somebody meets, and the reasons of `/readyz` are those that are given.

use crate::support;

/// What the page says: number, name of the constant, file.
fn limits() -> Vec<(u64, String, String)> {
    let page = support::text("docs/operating.md");
    let (_, table) = page.split_once("## Limits").expect("the section");
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains(" in `src/"));
    let read = rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(!cells[3].is_empty(), "what happens past it: {row}");
        let (name, file) = cells[4].split_once(" in ").expect("a place");
        let number = cells[2].replace(',', "").parse();
        let plain = |text: &str| text.trim_matches('`').to_owned();
        (number.expect(row), plain(name), plain(file))
    });
    read.collect()
}

/// `64 << 10`, `24 * 60 * 60`, `10_000`.
fn value(expression: &str) -> u64 {
    let number = |text: &str| {
        text.trim()
            .replace('_', "")
            .parse::<u64>()
            .expect(expression)
    };
    match expression.split_once("<<") {
        Some((a, b)) => number(a) << number(b),
        None => expression.split('*').map(number).product(),
    }
}

#[test]
fn the_limits_of_the_page_are_the_constants() {
    let limits = limits();
    assert!(limits.len() > 15);
    for (number, name, file) in limits {
        let source = support::text(&file);
        let start = source.find(&format!("const {name}: "));
        let declared = &source[start.unwrap_or_else(|| panic!("{file} has no {name}"))..];
        let (_, rest) = declared.split_once('=').unwrap();
        let (expression, _) = rest.split_once(';').unwrap();
        assert_eq!(value(expression), number, "{name} in {file}");
    }
}

/// Where limits are that a caller, an author or an operator of a server meets.
const LIMITED: [&str; 7] = [
    "src/api",
    "src/cli/serve",
    "src/cli/serve.rs",
    "src/directory",
    "src/log",
    "src/node",
    "src/policy",
];

/// Where every public constant is one.
const ALL_LIMITS: &str = "src/api/listener/limits.rs";

/// Bounds of how work is cut into pieces, or of what is read of no matter what: nobody
/// meets them.
const WITHIN: [(&str, &str); 11] = [
    ("CHECKPOINT_PART_BYTES_MAX", "src/log/backend.rs"),
    ("LINE_BYTES_MAX", "src/log/json_lines.rs"),
    ("PARTS_MAX", "src/log/sqlite/whole.rs"),
    ("READ_BYTES_MAX", "src/api/listener/shed.rs"),
    ("MEMBERS_MAX", "src/api/typed.rs"),
    ("DIGITS_MAX", "src/api/typed.rs"),
    ("ROOM_MAX", "src/node/batch.rs"),
    ("SEED_BYTES_MAX", "src/node/ledger/open.rs"),
    ("BUNDLES_KEPT_MAX", "src/node/reads.rs"),
    ("GROUP_BYTES_MAX", "src/node/decision_log/writer.rs"),
    ("PIECE_BYTES_MAX", "src/node/decision_log/writer.rs"),
];

/// The limits of a file: constants of whole numbers whose name says so, tests aside.
fn declared(path: &str, text: &str) -> Vec<String> {
    let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((text, ""));
    let mut names = Vec::new();
    for line in code.lines() {
        let Some((before, rest)) = line.split_once("const ") else {
            continue;
        };
        let Some((name, rest)) = rest.split_once(": ") else {
            continue;
        };
        let word = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let whole = ["usize", "u16", "u32", "u64", "i64"];
        let whole = whole.iter().any(|ty| rest.starts_with(&format!("{ty} =")));
        let public = path == ALL_LIMITS && before == "pub ";
        if word && whole && (name.ends_with("_MAX") || public) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Every file below a path, or the file itself.
fn below(path: &str) -> Vec<String> {
    let place = support::at(path);
    if place.is_file() {
        return vec![path.to_owned()];
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        files.extend(below(&format!("{path}/{}", name.to_str().expect("a name"))));
    }
    files
}

#[test]
fn no_limit_is_missing_from_the_page() {
    let sample = "pub const A_MAX: usize = 1;\n    const B_MAX: u64 = 2 << 3;\n\
        pub const SECONDS: u64 = 1;\nconst C_MAX: &str = \"\";\n#[cfg(test)]\nconst D_MAX: u8 = 1;\n";
    assert_eq!(declared("src/a.rs", sample), ["A_MAX", "B_MAX"]);
    assert_eq!(declared(ALL_LIMITS, sample), ["A_MAX", "B_MAX", "SECONDS"]);
    let told = limits();
    let mut missing = Vec::new();
    let mut within = Vec::new();
    for path in LIMITED.iter().flat_map(|path| below(path)) {
        for name in declared(&path, &support::text(&path)) {
            if WITHIN.contains(&(name.as_str(), path.as_str())) {
                within.push((name, path.clone()));
            } else if !told.iter().any(|(_, n, file)| *n == name && *file == path) {
                missing.push(format!("{name} in {path}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/operating.md does not tell {missing:#?}"
    );
    assert_eq!(within.len(), WITHIN.len(), "{within:?}");
}

#[test]
fn the_page_tells_every_reason_for_not_being_ready_and_holds_no_notes() {
    let page = support::text("docs/operating.md");
    let state = support::text("src/api/state.rs");
    let (_, reasons) = state.split_once("fn unready(").expect("the reasons");
    let (reasons, _) = reasons.split_once("\n    }\n").expect("an end");
    let texts: Vec<&str> = reasons
        .match_indices("then_some(\"")
        .map(|(at, begin)| reasons[at + begin.len()..].split('"').next().unwrap())
        .collect();
    assert!(texts.len() >= 3, "{texts:?}");
    for text in texts {
        assert!(page.contains(&format!("| `{text}` |")), "{text}");
    }
    assert!(!page.contains("<!--"), "a note that nobody meant to leave");
}
