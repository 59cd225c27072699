//! A command that cannot do its work: a diagnostic and exit code 3.

use std::process::ExitCode;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::output;
use crate::engine::EngineError;
use crate::node::{NodeError, Refusal};
use crate::policy::{Finding, Refused};
use crate::suite::SuiteError;

/// Exit code of invalid input or usage.
pub(super) const INVALID: u8 = 3;

/// Why a command stops.
#[derive(Debug)]
pub struct Failure(Box<dyn Diagnostic + Send + Sync>);

impl Failure {
    /// A failure in words, with the next step.
    pub fn new(message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self(Box::new(Finding::error(message).next_step(next_step)))
    }

    /// Prints the diagnostic to stderr and returns the exit code.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        output::error(&render(self.0.as_ref(), output::colour(&std::io::stderr())));
        INVALID.into()
    }
}

/// A diagnostic as text, with its source lines.
#[must_use]
pub(super) fn render(diagnostic: &dyn Diagnostic, colour: bool) -> String {
    let theme = match colour {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
    match handler.render_report(&mut text, diagnostic) {
        Ok(()) => text,
        Err(_) => diagnostic.to_string(),
    }
}

impl From<Box<Finding>> for Failure {
    fn from(finding: Box<Finding>) -> Self {
        Self(finding)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self(Box::new(refused))
    }
}

impl From<SuiteError> for Failure {
    fn from(error: SuiteError) -> Self {
        Self(Box::new(error))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::new(error.to_string(), "correct the input; nothing was taken")
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Engine(error) => error.into(),
            NodeError::Policies(refused) => refused.into(),
            NodeError::Misplaced(misplaced) => {
                Self::new(misplaced.to_string(), misplaced.remedy.clone())
            }
            NodeError::Directory(error) => Self::new(error.to_string(), error.remedy()),
            other => Self::new(other.to_string(), "nothing was taken into use"),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Unreadable(finding) => finding.into(),
            Refusal::Policies(refused) => refused.into(),
            other => {
                let (told, more) = other.told();
                let mut lines: Vec<String> = told
                    .iter()
                    .map(|told| match &told.place {
                        Some(place) => format!("{place}: {}", told.message),
                        None => told.message.clone(),
                    })
                    .collect();
                if more > 0 {
                    lines.push(format!("and {more} more"));
                }
                Self::new(
                    format!("{message}\n{}", lines.join("\n")),
                    "correct them and try again; nothing was taken into use",
                )
            }
        }
    }
}
