//! Running sets, one after the other, each loaded while it runs.

use super::cedar::Cedar;
use super::engine::Engine;
use super::read::{Question, Set, Texts};
use crate::policy::{Bundle, Finding, Refused, on_large_stack};
use crate::suite::error::SuiteError;
use crate::suite::outcome::expected_text;
use crate::suite::report::{Alone, Failure, Report, Skip};

/// Bytes of policy text that are given to Cedar's parser though they are refused
/// as a bundle, so that no limit of ours was checked. Our choice: text of this
/// length cannot exhaust the large stack, however deeply it nests.
const UNCHECKED_BYTES_MAX: usize = 16 << 10;

/// The id under which a set fails that must validate and does not.
const SHOULD_VALIDATE: &str = "shouldValidate";

/// Runs sets in order. `progress` is told after each how many are done.
///
/// # Errors
/// [`SuiteError`] for the first set of which a file cannot be read. Cases that
/// fail, and sets that Cedar refuses, are in the report.
pub fn run(sets: &[Set], progress: &mut dyn FnMut(usize)) -> Result<Report, SuiteError> {
    let mut report = Report::default();
    for (n, set) in sets.iter().enumerate() {
        // Syntax trees are made, walked and dropped within.
        report.add(on_large_stack(|| run_set(set))?);
        progress(n + 1);
    }
    Ok(report)
}

fn run_set(set: &Set) -> Result<Report, SuiteError> {
    let mut report = Report::default();
    let texts = match set.texts()? {
        Ok(texts) => texts,
        Err(why) => {
            let skipped = set.questions.iter().map(|question| Skip {
                file: set.file().to_string(),
                id: question.id.clone(),
                why: why.to_owned(),
            });
            report.skipped.extend(skipped);
            return Ok(report);
        }
    };
    match Loaded::new(&texts) {
        Ok(loaded) => loaded.run(set, &mut report),
        Err(message) => fail_all(set, &message, &mut report),
    }
    Ok(report)
}

/// A set that is ready to answer.
struct Loaded {
    cedar: Cedar,
    engine: Result<Engine, Alone>,
    /// What the validator found.
    found: Option<String>,
}

impl Loaded {
    fn new(texts: &Texts) -> Result<Self, String> {
        match Bundle::of_corpus(&texts.schema, std::slice::from_ref(&texts.policies)) {
            Ok(bundle) => {
                let cedar = Cedar::load(bundle.schema().clone(), texts)?;
                let engine = Engine::load(bundle, texts);
                let engine = engine.map_err(|why| format!("the engine does not take {why}"))?;
                Ok(Self {
                    cedar,
                    engine: Ok(engine),
                    found: None,
                })
            }
            Err(refused) => Self::without_engine(texts, &refused),
        }
    }

    /// A set that is no bundle: it does not validate, or a rule of the house that
    /// Cedar does not have refuses it.
    fn without_engine(texts: &Texts, refused: &Refused) -> Result<Self, String> {
        let only_schema = Bundle::of_corpus(&texts.schema, &[]);
        let schema = only_schema.map_err(|refused| first(&refused, &texts.schema.name))?;
        if texts.policies.text.len() > UNCHECKED_BYTES_MAX {
            return Err(first(refused, &texts.policies.name));
        }
        let cedar = Cedar::load(schema.schema().clone(), texts)?;
        let found = cedar.validate().err();
        let alone = match found {
            Some(_) => Alone::NotValid,
            None => Alone::Refused,
        };
        Ok(Self {
            cedar,
            engine: Err(alone),
            found,
        })
    }

    fn run(&self, set: &Set, report: &mut Report) {
        if let Ok(engine) = &self.engine {
            engine.cover(report);
        }
        if let Some(found) = self.found.as_ref().filter(|_| set.should_validate) {
            report.failures.push(Failure {
                file: set.file().to_string(),
                id: SHOULD_VALIDATE.to_owned(),
                expected: "the policies validate".to_owned(),
                actual: "they do not".to_owned(),
                message: found.clone(),
            });
        }
        for question in &set.questions {
            self.run_case(set, question, report);
        }
    }

    fn run_case(&self, set: &Set, question: &Question, report: &mut Report) {
        let asked = match self.cedar.ask(question) {
            Ok(asked) => asked,
            Err(message) => return report.failures.push(nothing(set, question, &message)),
        };
        let mut answers = vec![("cedar-policy", asked.outcome)];
        let engine = match asked.within_schema {
            true => self.engine.as_ref().map_err(|why| *why),
            false => Err(Alone::OutsideSchema),
        };
        match engine.map(|engine| engine.ask(question, &mut report.coverage)) {
            Err(why) => *report.cedar_alone.entry(why).or_default() += 1,
            Ok(Ok(more)) => answers.extend(more),
            Ok(Err(message)) => {
                let message = format!("the engine does not take the request: {message}");
                return report.failures.push(nothing(set, question, &message));
            }
        }
        let expected = &question.expected;
        let wrong: Vec<(&str, Vec<String>)> = answers
            .iter()
            .map(|(who, outcome)| (*who, outcome.difference(expected)))
            .filter(|(_, wrong)| !wrong.is_empty())
            .collect();
        if wrong.is_empty() {
            return report.pass(set.file(), &question.id);
        }
        let actual = answers.iter().map(|(who, outcome)| (*who, outcome.text()));
        let wrong = wrong
            .into_iter()
            .map(|(who, wrong)| (who, wrong.join("; ")));
        report.failures.push(Failure {
            file: set.file().to_string(),
            id: question.id.clone(),
            expected: expected_text(expected),
            actual: said(actual),
            message: said(wrong),
        });
    }
}

/// What each said, and once what several said alike:
/// `allow by policy0 (cedar-policy, the engine)`.
fn said<'w>(by: impl Iterator<Item = (&'w str, String)>) -> String {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for (who, what) in by {
        match said.iter_mut().find(|(known, _)| *known == what) {
            Some((_, all)) => all.push(who),
            None => said.push((what, vec![who])),
        }
    }
    let said = said.iter();
    let said: Vec<String> = said
        .map(|(what, who)| format!("{what} ({})", who.join(", ")))
        .collect();
    said.join(" | ")
}

/// Every case of a set that nobody can answer fails; a set without any fails too.
fn fail_all(set: &Set, message: &str, report: &mut Report) {
    let failures = set.questions.iter();
    let failures = failures.map(|question| nothing(set, question, message));
    report.failures.extend(failures);
    if set.questions.is_empty() {
        report.failures.push(Failure {
            file: set.file().to_string(),
            id: SHOULD_VALIDATE.to_owned(),
            expected: "a set that can be answered".to_owned(),
            actual: "nothing".to_owned(),
            message: message.to_owned(),
        });
    }
}

fn nothing(set: &Set, question: &Question, message: &str) -> Failure {
    Failure {
        file: set.file().to_string(),
        id: question.id.clone(),
        expected: expected_text(&question.expected),
        actual: "nothing".to_owned(),
        message: message.to_owned(),
    }
}

/// The first error of a refusal, with its place.
fn first(refused: &Refused, name: &str) -> String {
    let finding: Option<&Finding> = refused.findings.first();
    let place = finding.and_then(Finding::place);
    let place = place.unwrap_or_else(|| name.to_owned());
    let what = finding.map_or_else(|| refused.to_string(), ToString::to_string);
    format!("{place}: {what}")
}
