//! `aobo bench`: that it measures, and says what its figures are called.
//!
//! No figure has a limit here: how fast a machine is, is not a test's affair.
//! That every answer behind them is the right one, the measurement itself
//! asserts, and fails otherwise.

use std::process::{Command, Output};

use aobo::measure::bench::Measurement;
use serde_json::Value;

use crate::support::at;

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    command.current_dir(at(".")).env("NO_COLOR", "1");
    command.arg("bench").args(args).output().unwrap()
}

#[track_caller]
fn check(args: &[&str], code: i32) -> (String, String) {
    let output = bench(args);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    (out, err)
}

/// Names that scripts rely on; each is a number above 0 in so small a world.
const FIGURES: [&str; 42] = [
    "batch_ns",
    "batch_strings_ns",
    "bytes_of_texts_per_entity",
    "bytes_per_entity",
    "cedar_all_links_ns",
    "cedar_customers",
    "cedar_load_s",
    "cedar_ns",
    "compile_1000_policies_ms",
    "compile_ms",
    "crowd_links",
    "crowd_ns",
    "customers",
    "decide_hot_ns",
    "decide_ns",
    "decide_strings_ns",
    "entities",
    "generate_s",
    "growth_few_ns",
    "growth_links",
    "growth_links_few",
    "growth_many_ns",
    "growth_ratio",
    "links",
    "load_s",
    "move_subtree",
    "move_us",
    "query_resource_us",
    "ratio",
    "search_ns_per_result",
    "search_ratio",
    "search_results",
    "search_us",
    "seed",
    "update_attribute_us",
    "update_link_us",
    "update_p99_us",
    "update_privileges_granted_us",
    "update_privileges_removed_us",
    "update_resource_us",
    "update_us",
    "validate_ms",
];

#[test]
fn a_measurement_names_its_figures() {
    let (out, err) = check(&["--customers", "20", "--format", "json", "--seed", "3"], 0);
    let report: Value = serde_json::from_str(&out).unwrap();
    let members = report.as_object().unwrap();
    for name in FIGURES {
        let value = members.get(name).and_then(Value::as_f64);
        assert!(value.is_some_and(|value| value > 0.0), "{name}: {value:?}");
    }
    let unknown = members
        .keys()
        .filter(|name| !FIGURES.contains(&name.as_str()));
    assert_eq!(unknown.collect::<Vec<_>>(), ["optimised"]);
    assert_eq!(
        (&report["customers"], &report["seed"]),
        (&20.into(), &3.into())
    );
    assert_eq!(report["cedar_customers"], 20);
    assert!(report["entities"].as_u64() > report["customers"].as_u64());
    assert!(err.contains("measuring: searches"), "progress: {err}");
}

#[test]
fn people_see_ratios_first() {
    let (out, _) = check(&["--customers", "1"], 0);
    let names = out.lines().filter(|line| line.contains("  "));
    let names: Vec<&str> = names.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        names[..3],
        ["ratio", "search_ratio", "growth_ratio"],
        "{out}"
    );
    assert!(names.contains(&"decide_ns"), "{out}");
}

#[test]
fn a_world_without_customers_is_a_usage_error() {
    let (_, err) = check(&["--customers", "0"], 3);
    assert!(err.contains("--customers"), "{err}");
}

#[test]
fn parts_are_announced_in_order() {
    let mut parts = Vec::new();
    let measurement = Measurement {
        customers: 2,
        seed: 5,
    };
    let report = measurement.run(&mut |part| parts.push(part.to_owned()));
    let report = report.expect("right answers");
    assert!(parts.len() > 5 && parts[0] == "changes", "{parts:?}");
    let mut names: Vec<&str> = report.figures.iter().map(|figure| figure.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "every name stands once");
}
