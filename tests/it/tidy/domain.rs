//! What the schema and the policies say of themselves.

use std::path::Path;

use aobo::directory::Profile;
use aobo::policy::{Bundle, Source};

use super::{File, check, files, kept};
use crate::support;

/// `@id`, `@rule` and `@reason` of every statement; the id must be written.
fn annotations(schema: &Source, sources: &[Source]) -> Vec<String> {
    let bundle = Bundle::new(schema, sources).expect("policies that are valid");
    let mut findings = Vec::new();
    for info in bundle.infos() {
        for wanted in ["id", "rule", "reason"] {
            let given = info.annotations.get(wanted);
            if given.is_none_or(|text| text.trim().is_empty()) {
                let (file, line, id) = (&info.file, info.line, &info.id);
                findings.push(format!("{file}:{line}: `{id}` has no @{wanted}"));
            }
        }
    }
    findings
}

#[test]
fn every_policy_says_its_rule_and_reason() {
    let schema = Source::new(
        "s",
        "entity U;\naction a appliesTo { principal: U, resource: U };",
    );
    let of = |text: &str| annotations(&schema, &[Source::new("p", text)]);
    let good =
        "@id(\"a\")\n@rule(\"A-1\")\n@reason(\"Because.\")\npermit (principal, action, resource);";
    assert_eq!(of(good), [""; 0]);
    let bad = "\n@id(\"a\")\n@reason(\" \")\npermit (principal, action, resource);\npermit (principal, action, resource == ?resource);";
    assert_eq!(
        of(bad),
        [
            "p:2: `a` has no @rule",
            "p:2: `a` has no @reason",
            "p:5: `policy1` has no @id",
            "p:5: `policy1` has no @rule",
            "p:5: `policy1` has no @reason",
        ]
    );
    let sources: Vec<Source> = policy_files()
        .into_iter()
        .map(|file| Source::new(file.path, file.text))
        .collect();
    let findings = annotations(&Profile::schema(), &sources);
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn every_policy_file_is_in_some_profile() {
    let of = |profile: Profile| profile.sources().into_iter().map(|s| s.name.to_string());
    let used: Vec<String> = Profile::ALL.into_iter().flat_map(of).collect();
    let unused = |files: &[File]| -> Vec<String> {
        let paths = files.iter().map(|file| file.path.clone());
        paths.filter(|path| !used.contains(path)).collect()
    };
    assert_eq!(
        unused(&[File::new("policies/x.cedar", "")]),
        ["policies/x.cedar"]
    );
    assert_eq!(unused(&policy_files()), [""; 0]);
}

fn policy_files() -> Vec<File> {
    let mut files = files("policies");
    files.retain(|file| {
        Path::new(&file.path)
            .extension()
            .is_some_and(|e| e == "cedar")
    });
    assert!(!files.is_empty());
    files
}

/// `@rule` above every declaration of a schema.
fn declarations(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    let mut ruled = false;
    let mut at = 0;
    for line in file.text.split_inclusive('\n') {
        let plain = line.trim();
        let word = plain.split_whitespace().next().unwrap_or_default();
        if plain.starts_with('@') {
            ruled |= plain.starts_with("@rule(\"") && !plain.starts_with("@rule(\"\"");
        } else {
            if ["entity", "action", "type"].contains(&word) && !ruled {
                findings.push(file.says(at, &format!("`{plain}` names no @rule that it serves")));
            }
            ruled = false;
        }
        at += line.len();
    }
    findings
}

#[test]
fn every_declaration_serves_a_rule() {
    let good = "@rule(\"A-1\")\n@layer(\"x\")\nentity A;\n// entity B\n";
    check("a.cedarschema", good, declarations, &[]);
    let bad = "@rule(\"A-1\")\nentity A;\nentity B = {\n  @rule(\"A-2\")\n  \"c\": Long,\n};\n@rule(\"\")\naction d;\n";
    check(
        "a.cedarschema",
        bad,
        declarations,
        &[(3, "entity B"), (8, "action d")],
    );
    let schema = Profile::schema();
    kept(&[File::new(&schema.name, &schema.text)], declarations);
    // The schema as it was understood agrees.
    let bundle = support::bundle(Profile::Seed);
    let shape = bundle.shape();
    assert!(!shape.entities.is_empty() && !shape.actions.is_empty());
    let entities = shape.entities.iter();
    let bare = entities.filter(|(_, entity)| !entity.annotations.contains_key("rule"));
    assert_eq!(bare.map(|(name, _)| name).collect::<Vec<_>>(), [""; 0]);
    let actions = shape.actions.iter();
    let bare = actions.filter(|(_, action)| !action.annotations.contains_key("rule"));
    assert_eq!(bare.map(|((_, name), _)| name).collect::<Vec<_>>(), [""; 0]);
}
