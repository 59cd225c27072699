//! `docs/operating.md` keeps to the program: its limits are the constants.

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
        let (name, file) = cells[3].split_once(" in ").expect("a place");
        let number = cells[2].replace(',', "").parse();
        let plain = |text: &str| text.trim_matches('`').to_owned();
        (number.expect(row), plain(name), plain(file))
    });
    read.collect()
}

/// `64 << 10`, `256 * 1024`, `10_000`.
fn value(expression: &str) -> u64 {
    let number = |text: &str| {
        text.trim()
            .replace('_', "")
            .parse::<u64>()
            .expect(expression)
    };
    if let Some((a, b)) = expression.split_once("<<") {
        number(a) << number(b)
    } else if let Some((a, b)) = expression.split_once('*') {
        number(a) * number(b)
    } else {
        number(expression)
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
