//! What a process says of itself: lines on stderr, for people or for programs.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

use super::output;

/// The target of the line that each request leaves.
const ACCESS: &str = "aobo::access=debug";

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// A line of text for each event.
    #[default]
    Text,
    /// A JSON object for each event, the members of its spans among its own.
    Json,
}

/// Starts logging to stderr, at `info` unless `AOBO_LOG` says otherwise. `access`
/// adds a line for each request that was answered, which comes without it at
/// `debug`.
pub(super) fn start(format: LogFormat, access: bool) {
    let filter = filter(std::env::var("AOBO_LOG").ok().as_deref(), access);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Logging may have been started by whoever embeds this.
    let _ = match format {
        LogFormat::Text => lines
            .with_ansi(output::colour(&std::io::stderr()))
            .with_target(false)
            .try_init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
    };
}

/// What `AOBO_LOG` asks for, or `info` where that makes no sense.
fn filter(asked: Option<&str>, access: bool) -> EnvFilter {
    let asked = asked.and_then(|asked| EnvFilter::try_new(asked).ok());
    let filter = asked.unwrap_or_else(|| EnvFilter::new("info"));
    match ACCESS.parse::<Directive>() {
        Ok(directive) if access => filter.add_directive(directive),
        _ => filter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: Option<&str>, access: bool, expected: &str) {
        let told = filter(asked, access).to_string();
        let mut told: Vec<&str> = told.split(',').collect();
        told.sort_unstable();
        assert_eq!(told.join(","), expected, "{asked:?}");
    }

    #[test]
    fn access_lines_are_asked_for() {
        check(None, false, "info");
        check(None, true, "aobo::access=debug,info");
        check(Some("warn"), true, "aobo::access=debug,warn");
        check(Some("no=such=thing"), false, "info");
    }
}
