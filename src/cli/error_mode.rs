//! `--error-mode`: what a policy that fails does to a decision.
//!
//! Only commands that decide here have it. A server is always strict: what its
//! forbids guard is not opened by a flag.

use clap::ValueEnum;

use crate::engine::ErrorMode;

/// The two modes, as flags name them. Source: contract, section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Mode {
    /// A policy that fails denies, whatever the others say.
    #[default]
    Strict,
    /// A policy that fails is skipped, as Cedar itself does.
    Cedar,
}

/// The flag of commands that decide here, or ask a server.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ModeArgs {
    /// What a policy that fails does.
    #[arg(
        long,
        value_enum,
        value_name = "MODE",
        default_value_t,
        conflicts_with = "url"
    )]
    pub(super) error_mode: Mode,
}

impl From<Mode> for ErrorMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Strict => Self::Strict,
            Mode::Cedar => Self::Cedar,
        }
    }
}
