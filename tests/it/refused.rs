//! What must be refused is refused, and says what is wrong, where, and what to do
//! next: the diagnostics of `tests/corpus/refused` are compared with those beside
//! this file. Policies are read with the built-in schema.

use std::collections::BTreeSet;
use std::fs;

use aobo::directory::{AzureRoles, Profile, world_file};
use aobo::policy::{Bundle, Source};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::support;

/// The files of a folder of `tests/corpus/refused`, in order.
fn sources(folder: &str) -> Vec<Source> {
    let folder = format!("tests/corpus/refused/{folder}");
    let entries = fs::read_dir(support::at(&folder)).expect("a folder");
    let names: BTreeSet<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string())
        .map(|name| name.expect("a name in UTF-8"))
        .collect();
    assert!(!names.is_empty(), "{folder} holds something");
    let read = |name| {
        let path = format!("{folder}/{name}");
        let text = support::text(&path);
        Source::new(path.trim_start_matches("tests/corpus/refused/"), text)
    };
    names.into_iter().map(read).collect()
}

fn rendered(diagnostic: &dyn Diagnostic) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    let mut text = String::new();
    let done = handler.with_width(100).render_report(&mut text, diagnostic);
    done.expect("a rendering");
    // Blanks at line ends are not worth a difference.
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Compares with the recorded diagnostic, after seeing that it has a place and a
/// next step.
#[track_caller]
fn check(source: &Source, diagnostic: &dyn Diagnostic) {
    let text = rendered(diagnostic);
    let place = format!("[{}:", source.name);
    assert!(text.contains(&place), "it says where:\n{text}");
    assert!(text.contains("help: "), "it says what to do:\n{text}");
    let name = source.name.replace(['/', '.'], "-");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/refused");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_input_file(support::at("tests/corpus/refused").join(&*source.name));
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn policies_are_refused_with_their_diagnostics() {
    for source in sources("policies") {
        match Bundle::new(&Profile::schema(), std::slice::from_ref(&source)) {
            Ok(_) => panic!("{} was taken", source.name),
            Err(refused) => check(&source, &refused),
        }
    }
}

#[test]
fn schemas_are_refused_with_their_diagnostics() {
    for source in sources("schemas") {
        match Bundle::new(&source, &[]) {
            Ok(_) => panic!("{} was taken", source.name),
            Err(refused) => check(&source, &refused),
        }
    }
}

#[test]
fn worlds_are_refused_with_their_diagnostics() {
    let bundle = support::bundle(Profile::Seed);
    for source in sources("worlds") {
        match world_file::load(&source, AzureRoles::of(&bundle)) {
            Ok(_) => panic!("{} was taken", source.name),
            Err(finding) => check(&source, finding.as_ref()),
        }
    }
}

/// A diagnostic whose file is gone is compared with nothing.
#[test]
fn no_diagnostic_is_left_over() {
    let wanted: BTreeSet<String> = ["policies", "schemas", "worlds"]
        .into_iter()
        .flat_map(sources)
        .map(|source| format!("{}.snap", source.name.replace(['/', '.'], "-")))
        .collect();
    let entries = fs::read_dir(support::at("tests/it/snapshots/refused"));
    let found: BTreeSet<String> = entries
        .expect("the diagnostics")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(found, wanted);
}
