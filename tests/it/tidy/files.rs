//! What every Rust file keeps: a header, sizes, plain `mod.rs` files, limits
//! that say what they count, tests that run.

use super::code::{code, first_word, words};
use super::{FILE_LINES_MAX, FUNCTION_LINES_MAX, File, check, kept, rust};

fn header(file: &File) -> Vec<String> {
    match file.text.starts_with("//!") {
        true => Vec::new(),
        false => vec![file.says(
            0,
            "open the file with `//!`: what it is for, what it is not",
        )],
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    check("src/a.rs", "//! A.\n", header, &[]);
    check(
        "src/a.rs",
        "use b;\n//! Late.\n",
        header,
        &[(1, "what it is for")],
    );
    kept(&rust("src"), header);
    kept(&rust("tests"), header);
}

fn file_size(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    match lines > FILE_LINES_MAX {
        true => vec![file.says(
            0,
            &format!("{lines} lines; split it, {FILE_LINES_MAX} are the most"),
        )],
        false => Vec::new(),
    }
}

#[test]
fn no_file_outgrows_its_reader() {
    check("a.rs", &"\n".repeat(600), file_size, &[]);
    check("a.rs", &"\n".repeat(601), file_size, &[(1, "601 lines")]);
    kept(&rust("src"), file_size);
    kept(&rust("tests"), file_size);
}

fn function_sizes(file: &File) -> Vec<String> {
    let code = code(&file.text);
    let mut findings = Vec::new();
    for at in words(&code, "fn") {
        let Some(end) = body_end(&code, at) else {
            continue;
        };
        let lines = 1 + code[at..end].matches('\n').count();
        if lines > FUNCTION_LINES_MAX {
            let name = first_word(&code[at + 2..]);
            let most = FUNCTION_LINES_MAX;
            findings.push(file.says(
                at,
                &format!("`{name}` has {lines} lines; {most} are the most"),
            ));
        }
    }
    findings
}

/// Where the body of the function that begins at `start` ends, if it has one.
fn body_end(code: &str, start: usize) -> Option<usize> {
    let (mut brackets, mut braces) = (0_usize, 0_usize);
    for (at, c) in code[start..].char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.checked_sub(1)?,
            ';' if brackets == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces = braces.checked_sub(1)?;
                if braces == 0 {
                    return Some(start + at);
                }
            }
            _ => {}
        }
    }
    None
}

#[test]
fn no_function_outgrows_its_reader() {
    let sized = |lines: usize| format!("fn f(a: [u8; 2]) {{\n{}}}\n", "a;\n".repeat(lines - 2));
    check("a.rs", &sized(70), function_sizes, &[]);
    check(
        "a.rs",
        &sized(71),
        function_sizes,
        &[(1, "`f` has 71 lines")],
    );
    let within = format!(
        "trait T {{\n  fn g(&self) -> [u8; 4];\n  pub const fn f() {{\n{} }}\n}}",
        "x(\"}\");\n".repeat(80)
    );
    check("a.rs", &within, function_sizes, &[(3, "`f` has 82 lines")]);
    check(
        "a.rs",
        "const F: fn(u8) -> u8 = g;\nfn g() {}\n",
        function_sizes,
        &[],
    );
    kept(&rust("src"), function_sizes);
    kept(&rust("tests"), function_sizes);
}

fn only_names(file: &File) -> Vec<String> {
    if !file.path.ends_with("/mod.rs") {
        return Vec::new();
    }
    let code = code(&file.text);
    let mut start = 0;
    for (at, _) in code.match_indices(';').chain([(code.len(), "")]) {
        let statement = &code[start..at];
        let begin = start + statement.len() - statement.trim_start().len();
        let words: Vec<&str> = statement
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("#[") && !line.starts_with("#!["))
            .flat_map(str::split_whitespace)
            .collect();
        let mut plain = words.iter().skip_while(|word| word.starts_with("pub"));
        let first = plain.next().copied();
        let body = first == Some("mod") && statement.contains('{');
        if !matches!(first, None | Some("mod" | "use")) || body {
            return vec![file.says(
                begin,
                "a `mod.rs` holds its header, `mod` and `use` lines only",
            )];
        }
        start = at + 1;
    }
    Vec::new()
}

#[test]
fn mod_files_hold_no_logic() {
    let names = "src/a/mod.rs";
    let good = "//! A.\n\nmod b;\npub mod c;\npub(crate) mod d;\n#[cfg(test)]\nmod e;\n\npub use b::{X, Y};\nuse z;\n";
    check(names, good, only_names, &[]);
    check(
        names,
        "//! A.\nmod b;\nconst C: u8 = 1;\n",
        only_names,
        &[(3, "header")],
    );
    check(
        names,
        "mod b;\npub fn f() {}\n",
        only_names,
        &[(2, "header")],
    );
    check(
        names,
        "mod b {\n  use c;\n}\n",
        only_names,
        &[(1, "header")],
    );
    check("src/a/b.rs", "fn f() {}\n", only_names, &[]);
    kept(&rust("src"), only_names);
}

fn limits(file: &File) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let code = code(&file.text);
    let mut findings = Vec::new();
    for (at, _) in code.match_indices("_MAX: ") {
        let number = code[..at].matches('\n').count();
        if !words(code.lines().nth(number).unwrap_or_default(), "const").any(|_| true) {
            continue;
        }
        let above = lines[..number].iter().rev();
        let documented = above
            .map(|line| line.trim())
            .find(|line| !line.starts_with("#["))
            .is_some_and(|line| line.starts_with("///"));
        if !documented {
            findings.push(file.says(
                at,
                "say in a doc comment what this limit counts, and in what unit",
            ));
        }
    }
    findings
}

#[test]
fn every_limit_says_what_it_counts() {
    let good = "/// Bytes.\n#[expect(x)]\npub const A_MAX: usize = 1;\nstruct S { b_MAX: u8 }\n";
    check("src/a.rs", good, limits, &[]);
    check(
        "src/a.rs",
        "// Bytes.\npub const A_MAX: usize = 1;\n",
        limits,
        &[(2, "what unit")],
    );
    kept(&rust("src"), limits);
}

fn lame_tests(file: &File) -> Vec<String> {
    let code = code(&file.text);
    let mut findings = Vec::new();
    for at in words(&code, "ignore") {
        if code[..at].ends_with("#[") {
            findings.push(file.says(at, "a test that does not run holds nobody to anything"));
        }
    }
    if file.path.starts_with("tests/") {
        let found = words(&code, "sleep");
        findings
            .extend(found.map(|at| file.says(at, "wait for what should happen, not for a while")));
    }
    findings
}

#[test]
fn tests_run_and_do_not_sleep() {
    let path = "tests/it/a.rs";
    check(
        path,
        "#[test]\n#[ignore]\nfn a() {}\n",
        lame_tests,
        &[(2, "does not run")],
    );
    check(
        path,
        "std::thread::sleep(d);\n",
        lame_tests,
        &[(1, "not for a while")],
    );
    check(path, "// sleep\nlet ignore = 1;\n", lame_tests, &[]);
    kept(&rust("src"), lame_tests);
    kept(&rust("tests"), lame_tests);
}
