//! Running suites: the one runner behind `aobo test` and the tests of the crate.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::case::{Base, Case, Stage, Suite};
use super::error::SuiteError;
use super::outcome::{Outcome, expected_text};
use super::report::{Failure, Report, Skip};
use crate::directory::{AzureRoles, Profile, world_file};
use crate::engine::ErrorMode;
use crate::node::{NodeError, Point};
use crate::policy::{Bundle, Refused};

/// The bundle of each profile, made once and only if a suite asks for it, and how
/// errors count where a file does not say it.
#[derive(Debug, Default)]
pub struct Bundles {
    made: BTreeMap<Profile, Arc<Bundle>>,
    mode: ErrorMode,
}

impl Bundles {
    /// Takes another bundle for a profile (a candidate, a mutant).
    #[must_use]
    pub fn with(mut self, profile: Profile, bundle: Arc<Bundle>) -> Self {
        self.made.insert(profile, bundle);
        self
    }

    /// Decides in another error mode; [`ErrorMode::Strict`] unless it is said.
    #[must_use]
    pub fn in_mode(mut self, mode: ErrorMode) -> Self {
        self.mode = mode;
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
            Point::directory(bundle, world, changes).map(|point| point.in_mode(bundles.mode))
        }
        Base::Generic {
            bundle,
            entities,
            mode,
        } => {
            let point = Point::generic(Arc::clone(bundle), entities.clone());
            point.map(|point| point.in_mode(mode.unwrap_or(bundles.mode)))
        }
    }
    .map_err(|error| SuiteError::from_node(&error, &suite.file, "the world"))?;
    report.coverage.load(point.snapshot().bundle());
    report.look_at(point.snapshot());
    let file: Arc<str> = suite.file.as_str().into();
    for stage in &suite.stages {
        point = enter(point, stage).map_err(|error| {
            let name = stage.name.as_deref().unwrap_or("a stage");
            SuiteError::from_node(&error, &suite.file, name)
        })?;
        for case in &stage.cases {
            run_case(&file, stage, case, &point, &mut report);
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

fn run_case(file: &Arc<str>, stage: &Stage, case: &Case, point: &Point, report: &mut Report) {
    let decision = point.decide(case.ask.clone(), case.now).decision;
    for policy in &decision.determining {
        let id = policy
            .id
            .split_once('|')
            .map_or(policy.id.as_str(), |(template, _)| template);
        *report.determined.entry(id.to_owned()).or_default() += 1;
    }
    report.coverage.count(point.snapshot().bundle(), &decision);
    let outcome = Outcome::from(&decision);
    let wrong = outcome.difference(&case.expected);
    if wrong.is_empty() {
        report.pass(file, &case.id);
        return;
    }
    let stage = stage
        .name
        .as_ref()
        .map(|name| format!(" (in stage “{name}”)"));
    report.failures.push(Failure {
        file: file.to_string(),
        id: case.id.clone(),
        expected: expected_text(&case.expected),
        actual: outcome.text(),
        message: format!("{}{}", wrong.join("; "), stage.unwrap_or_default()),
    });
}
