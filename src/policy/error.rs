//! Why a bundle is refused: findings, each with a place and a next step.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

use super::Source;
use super::source::printable;

/// One thing found in a schema or policy text.
#[derive(Debug, Clone)]
pub struct Finding {
    severity: Severity,
    message: String,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    source: Option<NamedSource<Arc<str>>>,
}

impl Finding {
    /// An error without a place yet.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: printable(&message.into()),
            help: None,
            labels: Vec::new(),
            source: None,
        }
    }

    /// What Cedar found, in the text that it found it in.
    pub(crate) fn from_cedar(diagnostic: &dyn Diagnostic, source: &Source) -> Self {
        let mut message = diagnostic.to_string();
        let mut cause = diagnostic.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = inner.source();
        }
        Self {
            severity: diagnostic.severity().unwrap_or(Severity::Error),
            message: printable(&message),
            help: diagnostic.help().map(|help| help.to_string()),
            labels: diagnostic.labels().into_iter().flatten().collect(),
            source: Some(named(source)),
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same as an error, with the next step.
    pub(super) fn into_error(mut self, help: &str) -> Self {
        self.severity = Severity::Error;
        self.help = Some(help.to_owned());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn next_step(mut self, help: impl Into<String>) -> Self {
        self.help = Some(printable(&help.into()));
        self
    }

    /// Says what to do next, if nothing else does.
    #[must_use]
    pub(super) fn or_next_step(self, help: &str) -> Self {
        match self.help {
            Some(_) => self,
            None => self.next_step(help),
        }
    }

    /// Points at bytes of a text.
    #[must_use]
    pub fn at(mut self, source: &Source, span: std::ops::Range<usize>, label: &str) -> Self {
        let end = span.end.min(source.text.len()).max(span.start);
        self.labels = vec![LabeledSpan::at(
            span.start.min(source.text.len())..end,
            printable(label),
        )];
        self.source = Some(named(source));
        self
    }

    /// Whether it refuses the bundle.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// `file:line` of the first place, if it has one.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let source = self.source.as_ref()?;
        let Some(label) = self.labels.first() else {
            return Some(source.name().to_owned());
        };
        let line = Source::new(source.name(), source.inner().clone()).line(label.offset());
        Some(format!("{}:{line}", source.name()))
    }
}

fn named(source: &Source) -> NamedSource<Arc<str>> {
    NamedSource::new(printable(&source.name), printable(&source.text).into())
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Finding {}

impl Diagnostic for Finding {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// A bundle that was not made, and everything that stands against it.
///
/// INVARIANT (all or nothing): there is at least one error among the findings.
#[derive(Debug, Clone, thiserror::Error, Diagnostic)]
#[error("the policies are refused: {} found", count(.findings))]
pub struct Refused {
    /// All findings, errors first.
    #[related]
    pub findings: Vec<Finding>,
}

impl Refused {
    pub(super) fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| !finding.is_error());
        Self { findings }
    }
}

impl From<Finding> for Refused {
    fn from(finding: Finding) -> Self {
        Self::new(vec![finding])
    }
}

fn count(findings: &[Finding]) -> String {
    match findings.iter().filter(|finding| finding.is_error()).count() {
        1 => "1 error".to_owned(),
        n => format!("{n} errors"),
    }
}
