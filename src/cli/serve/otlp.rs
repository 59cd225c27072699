//! The options of traces, and the way to their collector.

use std::sync::Arc;

use super::super::Failure;
use crate::api::Spans;

/// Where spans of requests go.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Traces")]
pub(super) struct OtlpArgs {
    /// Send spans of requests to an OpenTelemetry collector, by OTLP over HTTP:
    /// `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// How many of the traces that begin here are sent, from 0 to 1. What a caller
    /// decided about its own trace is followed.
    #[arg(long, value_name = "RATIO", default_value_t = 0.01)]
    otlp_ratio: f64,
}

impl OtlpArgs {
    /// The way to the collector, if there is to be one.
    pub(super) fn spans(&self) -> Result<Option<Arc<Spans>>, Failure> {
        if !(0.0..=1.0).contains(&self.otlp_ratio) {
            return Err(Failure::new(
                format!("`{}` is no share of the traces", self.otlp_ratio),
                "give --otlp-ratio a number from 0 to 1",
            ));
        }
        let Some(url) = &self.otlp else {
            return Ok(None);
        };
        let spans = Spans::to(url, self.otlp_ratio).map_err(|error| {
            Failure::new(
                format!("`{url}` is no collector's address: {error}"),
                "give --otlp the base of an OTLP collector: `http://127.0.0.1:4318`",
            )
        })?;
        Ok(Some(Arc::new(spans)))
    }
}
