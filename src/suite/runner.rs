//! Running suites: the one runner behind `aobo test` and the tests of the crate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::case::{Base, Case, Expected, Stage, Suite};
use super::error::SuiteError;
use super::report::{Failure, Report, Skip};
use crate::directory::{AzureRoles, Profile, world_file};
use crate::engine::{Decision, Effect};
use crate::node::{NodeError, Point};
use crate::policy::{Bundle, Refused};

/// The bundle of each profile, made once and only if a suite asks for it.
#[derive(Debug, Default)]
pub struct Bundles {
    made: BTreeMap<Profile, Arc<Bundle>>,
}

impl Bundles {
    /// Takes another bundle for a profile (a candidate, a mutant).
    #[must_use]
    pub fn with(mut self, profile: Profile, bundle: Arc<Bundle>) -> Self {
        self.made.insert(profile, bundle);
        self
    }

    fn of(&mut self, profile: Profile) -> Result<Arc<Bundle>, Refused> {
        if let Some(bundle) = self.made.get(&profile) {
            return Ok(Arc::clone(bundle));
        }
        let bundle = Arc::new(profile.bundle()?);
        self.made.insert(profile, Arc::clone(&bundle));
        Ok(bundle)
    }
}

/// Runs suites in order.
///
/// # Errors
/// [`SuiteError`] for the first suite whose world or stage cannot be set up.
/// Cases that fail are in the report.
pub fn run(suites: &[Suite], bundles: &mut Bundles) -> Result<Report, SuiteError> {
    let mut report = Report::default();
    for suite in suites {
        report.add(run_suite(suite, bundles)?);
    }
    Ok(report)
}

fn run_suite(suite: &Suite, bundles: &mut Bundles) -> Result<Report, SuiteError> {
    let mut report = Report::default();
    let mut point = match &suite.base {
        Base::Unavailable { why } => {
            let skipped = suite.cases().map(|case| Skip {
                file: suite.file.clone(),
                id: case.id.clone(),
                why: why.clone(),
            });
            report.skipped.extend(skipped);
            return Ok(report);
        }
        Base::World { world, profile } => {
            let bundle = bundles.of(*profile)?;
            let (world, changes) = world_file::load(world, AzureRoles::of(&bundle))?;
            Point::directory(bundle, world, changes)
        }
        Base::Generic {
            bundle,
            entities,
            mode,
        } => Point::generic(Arc::clone(bundle), entities.clone()).map(|p| p.in_mode(*mode)),
    }
    .map_err(|error| SuiteError::from_node(&error, &suite.file, "the world"))?;
    for stage in &suite.stages {
        point = enter(point, stage).map_err(|error| {
            let name = stage.name.as_deref().unwrap_or("a stage");
            SuiteError::from_node(&error, &suite.file, name)
        })?;
        for case in &stage.cases {
            run_case(&suite.file, stage, case, &point, &mut report);
        }
    }
    Ok(report)
}

fn enter(point: Point, stage: &Stage) -> Result<Point, NodeError> {
    match stage.name {
        None => Ok(point),
        Some(_) => point.changed(stage.put.clone(), stage.remove.clone()),
    }
}

fn run_case(file: &str, stage: &Stage, case: &Case, point: &Point, report: &mut Report) {
    let decision = point.decide(case.ask.clone(), case.now).decision;
    for policy in &decision.determining {
        let id = policy
            .id
            .split_once('|')
            .map_or(policy.id.as_str(), |(template, _)| template);
        *report.determined.entry(id.to_owned()).or_default() += 1;
    }
    let wrong = difference(&case.expected, &decision);
    if wrong.is_empty() {
        report.passed += 1;
        return;
    }
    let stage = stage
        .name
        .as_ref()
        .map(|name| format!(" (in stage “{name}”)"));
    report.failures.push(Failure {
        file: file.to_owned(),
        id: case.id.clone(),
        expected: expected_text(&case.expected),
        actual: actual_text(&decision),
        message: format!("{}{}", wrong.join("; "), stage.unwrap_or_default()),
    });
}

/// What is different from what was expected, each as a sentence.
fn difference(expected: &Expected, decision: &Decision) -> Vec<String> {
    let ids =
        |ids: &mut dyn Iterator<Item = &String>| -> BTreeSet<String> { ids.cloned().collect() };
    let determining = ids(&mut decision.determining.iter().map(|policy| &policy.id));
    let erroring = ids(&mut decision.erroring.iter().map(|error| &error.policy.id));
    let mut wrong = Vec::new();
    if decision.effect != expected.effect {
        let mut text = format!(
            "it must be {}, and is {}",
            expected.effect.as_str(),
            decision.effect.as_str()
        );
        if let Some(problem) = &decision.problem {
            text = format!("{text}: {problem}");
        }
        wrong.push(text);
    }
    if let Some(wanted) = expected.determining.as_ref().filter(|w| **w != determining) {
        wrong.push(sets("determining", wanted, &determining));
    }
    if !expected.among.is_subset(&determining) {
        wrong.push(sets("determining", &expected.among, &determining));
    }
    if let Some(wanted) = expected.erroring.as_ref().filter(|w| **w != erroring) {
        wrong.push(sets("erroring", wanted, &erroring));
    }
    if let Some(count) = expected
        .erroring_count
        .filter(|count| *count != erroring.len())
    {
        wrong.push(format!(
            "{count} policies must fail, and {} do",
            erroring.len()
        ));
    }
    wrong
}

fn sets(what: &str, wanted: &BTreeSet<String>, got: &BTreeSet<String>) -> String {
    let list = |set: BTreeSet<&String>| {
        let ids: Vec<&str> = set.into_iter().map(String::as_str).collect();
        ids.join(", ")
    };
    let (missing, extra) = (
        wanted.difference(got).collect(),
        got.difference(wanted).collect(),
    );
    match (list(missing), list(extra)) {
        (missing, extra) if extra.is_empty() => format!("{what} lacks {missing}"),
        (missing, extra) if missing.is_empty() => format!("{what} has {extra} besides"),
        (missing, extra) => format!("{what} lacks {missing} and has {extra}"),
    }
}

fn expected_text(expected: &Expected) -> String {
    let by = expected.determining.iter().flatten().chain(&expected.among);
    text(expected.effect, by.map(String::as_str))
}

fn actual_text(decision: &Decision) -> String {
    let by = decision.determining.iter().map(|policy| policy.id.as_str());
    let mut text = text(decision.effect, by);
    for error in &decision.erroring {
        text = format!("{text}; `{}` failed: {}", error.policy.id, error.message);
    }
    text
}

fn text<'a>(effect: Effect, by: impl Iterator<Item = &'a str>) -> String {
    let by: Vec<&str> = by.collect();
    match by.is_empty() {
        true => effect.as_str().to_owned(),
        false => format!("{} by {}", effect.as_str(), by.join(", ")),
    }
}
