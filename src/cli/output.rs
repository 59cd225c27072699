//! Writing to the terminal. A closed pipe is no failure.

use std::io::{IsTerminal, Write};

/// For whom a command prints.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs; the form is stable.
    Json,
}

/// Writes data to stdout.
pub(super) fn data(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Writes a diagnostic to stderr.
pub(super) fn error(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Whether a stream is to be coloured: a terminal, unless `NO_COLOR` is set.
pub(super) fn colour(stream: &impl IsTerminal) -> bool {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !no_colour
}

/// Text in a terminal style, if there is colour.
pub(super) struct Style {
    colour: bool,
}

impl Style {
    /// For what is written to stdout.
    pub(super) fn stdout() -> Self {
        Self {
            colour: colour(&std::io::stdout()),
        }
    }

    fn in_code(&self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    pub(super) fn good(&self, text: &str) -> String {
        self.in_code("32", text)
    }

    pub(super) fn bad(&self, text: &str) -> String {
        self.in_code("31", text)
    }

    pub(super) fn strong(&self, text: &str) -> String {
        self.in_code("1", text)
    }

    pub(super) fn faint(&self, text: &str) -> String {
        self.in_code("2", text)
    }
}
