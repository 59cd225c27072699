//! The page: everything that is counted, and everything that is so right now.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use super::histogram::Histogram;
use super::process;
use super::registry::{ASKED, CARRIED, EFFECTS, Hook, Hooked, POOLS, SOUGHT, STATUSES};
use crate::api::AppState;

/// The media type of [`page`]. Source: OpenMetrics 1.0, "Protocol Negotiation".
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything, as text.
///
/// # Errors
/// None that is known: writing to memory does not fail.
pub(super) fn page(state: Arc<AppState>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(state)));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

/// Labels of a value.
type Labels<'a> = Vec<(&'a str, &'a str)>;

#[derive(Debug)]
struct Scrape(Arc<AppState>);

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.requests(&mut page)?;
        self.decisions(&mut page)?;
        self.position(&mut page)?;
        self.ledger(&mut page)?;
        self.decision_log(&mut page)?;
        self.process(&mut page)?;
        self.0.metrics().hooked(|hooks| page.hooked(hooks))
    }
}

impl Scrape {
    fn requests(&self, page: &mut Page<'_>) -> fmt::Result {
        let metrics = self.0.metrics();
        let slots = metrics.asked();
        let counts = slots.iter().flat_map(|slot| {
            let counts = STATUSES.iter().zip(&slot.statuses);
            let counts = counts.map(|(status, count)| (status, load(count)));
            counts
                .filter(|(_, count)| *count > 0)
                .map(|(status, count)| {
                    let labels = vec![
                        ("route", slot.path),
                        ("method", slot.method),
                        ("status", *status),
                    ];
                    (labels, count)
                })
        });
        let help =
            "Requests that were answered, by route and class of status; gone: the caller left";
        page.counters("aobo_requests", help, counts)?;
        let durations = slots.iter().map(|slot| {
            let labels = vec![("route", slot.path), ("method", slot.method)];
            (labels, &slot.durations)
        });
        let help = "Seconds from the head of a request to that of its response";
        page.histograms("aobo_request_duration_seconds", help, durations)?;
        let in_flight = POOLS.iter().zip(&metrics.in_flight);
        let in_flight = in_flight.map(|(pool, count)| {
            let labels = vec![("pool", *pool)];
            (labels, as_float(load_signed(count)))
        });
        let help = "Requests that are being answered, by the share of the server that they use";
        page.gauges("aobo_requests_in_flight", help, in_flight)
    }

    fn decisions(&self, page: &mut Page<'_>) -> fmt::Result {
        let metrics = self.0.metrics();
        let all = ASKED.iter().zip(&metrics.decisions);
        let all = all.flat_map(|(asked, effects)| {
            EFFECTS
                .iter()
                .zip(effects)
                .map(|(effect, count)| (vec![("kind", *asked), ("effect", *effect)], load(count)))
        });
        let help = "Decisions; error: denied because the question could not be evaluated or a policy failed";
        page.counters("aobo_decisions", help, all)?;
        let failed = [(vec![], load(&metrics.policies_failed))];
        let help = "Policies that failed while they were evaluated, each of which denies";
        page.counters("aobo_policy_errors", help, failed)?;
        let help = "Items in a batch of decisions";
        page.histograms("aobo_batch_items", help, [(vec![], &metrics.batches)])?;
        let searches = SOUGHT.iter().zip(&metrics.searches);
        let searches = searches.map(|(sought, found)| (vec![("kind", *sought)], found));
        let help = "What a search found, over all of its pages";
        page.histograms("aobo_search_results", help, searches)?;
        let commands = CARRIED.iter().zip(&metrics.commands);
        let commands = commands.map(|(outcome, count)| (vec![("outcome", *outcome)], load(count)));
        page.counters(
            "aobo_commands",
            "Commands, by what became of them",
            commands,
        )
    }

    fn position(&self, page: &mut Page<'_>) -> fmt::Result {
        let point = Arc::clone(&self.0.point().current());
        let snapshot = point.snapshot();
        let bundle = snapshot.bundle().hash().as_str();
        let help = "The version of aobo";
        page.info(
            "aobo_build",
            help,
            &[("version", env!("CARGO_PKG_VERSION"))],
        )?;
        let help = "The policies that decide, by the hash of their content";
        page.info("aobo_bundle", help, &[("hash", bundle)])?;
        let help = "The revision that decisions are made at";
        page.gauge("aobo_revision", help, as_float(snapshot.revision().0))?;
        let facts = snapshot.facts();
        let help = "Entities that decisions know";
        page.gauge("aobo_entities", help, as_float(facts.entity_count()))?;
        let help = "Links of policy templates: role assignments and the like";
        page.gauge("aobo_links", help, as_float(facts.link_count()))?;
        let ready = as_float(u8::from(self.0.unready().is_empty()));
        page.gauge("aobo_ready", "1 if requests should be sent here", ready)
    }

    fn ledger(&self, page: &mut Page<'_>) -> fmt::Result {
        let Ok(ledger) = self.0.ledger() else {
            return Ok(());
        };
        let log = ledger.log();
        let help = "The last event in the log";
        page.gauge("aobo_log_head", help, as_float(log.head().seq))?;
        let help = "The last event that was archived and is no longer in the log";
        page.gauge("aobo_log_floor", help, as_float(log.floor().seq))?;
        let writable = ledger.writes() && log.writable().is_ok();
        let help = "1 if the log takes writes, 0 if it has turned read-only";
        page.gauge("aobo_log_writable", help, as_float(u8::from(writable)))?;
        let help = "Transactions that made events durable";
        page.counters("aobo_log_commits", help, [(vec![], ledger.commits())])
    }

    fn decision_log(&self, page: &mut Page<'_>) -> fmt::Result {
        let Some(log) = self.0.decision_log() else {
            return Ok(());
        };
        let rows = [
            ("written", log.written()),
            ("dropped", log.dropped()),
            ("failed", log.failed()),
        ];
        let rows = rows.map(|(outcome, count)| (vec![("outcome", outcome)], count));
        let help = "Rows of the decision log; dropped: too many waited, failed: the disk did not take them";
        page.counters("aobo_decision_log_rows", help, rows)
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let started = self.0.metrics().started.as_duration().as_secs_f64();
        let help = "When this process started, in seconds since 1970";
        page.gauge("process_start_time_seconds", help, started)?;
        let up = self
            .0
            .point()
            .now()
            .duration_since(self.0.metrics().started);
        let help = "Seconds since this process started";
        page.gauge("aobo_uptime_seconds", help, up.as_secs_f64())?;
        if let Some(seconds) = process::cpu_seconds() {
            let help = "Processor time, user and system, in seconds";
            page.counters("process_cpu_seconds", help, [(vec![], seconds)])?;
        }
        if let Some(bytes) = process::resident_bytes() {
            let help = "Bytes of memory that are resident";
            page.gauge("process_resident_memory_bytes", help, bytes)?;
        }
        if let Some(open) = process::open_files() {
            page.gauge("process_open_fds", "Files and sockets that are open", open)?;
        }
        Ok(())
    }
}

/// A page in the making.
struct Page<'e>(DescriptorEncoder<'e>);

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.gauges(name, help, [(vec![], value)])
    }

    fn gauges<'a>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, values, |mut to, value| {
            to.encode_gauge(&value)
        })
    }

    fn counters<'a, N: prometheus_client::encoding::EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'a>, N)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Counter, values, |mut to, value| {
            to.encode_counter(&value, None::<&Exemplar<NoLabelSet, f64>>)
        })
    }

    fn histograms<'a>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'a>, &'a Histogram)>,
    ) -> fmt::Result {
        self.family(
            name,
            help,
            MetricType::Histogram,
            values,
            |mut to, value| {
                let (sum, count, buckets) = value.told();
                to.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
            },
        )
    }

    /// One family: its description, then each value behind its labels.
    fn family<'a, T>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        values: impl IntoIterator<Item = (Labels<'a>, T)>,
        encode: impl Fn(MetricEncoder<'_>, T) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        let mut values = values.into_iter().peekable();
        // Without labels there is one value, and no empty braces behind its name.
        if let Some((_, value)) = values.next_if(|(labels, _)| labels.is_empty()) {
            return encode(family, value);
        }
        for (labels, value) in values {
            encode(family.encode_family(&labels)?, value)?;
        }
        Ok(())
    }

    fn info(&mut self, name: &str, help: &str, labels: &[(&str, &str)]) -> fmt::Result {
        let mut info = self
            .0
            .encode_descriptor(name, help, None, MetricType::Info)?;
        info.encode_info(&labels)
    }

    fn hooked(&mut self, hooks: &[Hook]) -> fmt::Result {
        for (at, first) in hooks.iter().enumerate() {
            let of_name = |hook: &&Hook| hook.name == first.name;
            if hooks.iter().take(at).any(|hook| of_name(&hook)) {
                continue;
            }
            let values = hooks.iter().filter(of_name);
            let values = values.map(|hook| (hook.labels.to_vec(), (hook.read)()));
            match first.kind {
                Hooked::Counter => self.counters(first.name, first.help, values)?,
                Hooked::Gauge => self.gauges(first.name, first.help, values)?,
            }
        }
        Ok(())
    }
}

fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

fn load_signed(count: &std::sync::atomic::AtomicI64) -> u64 {
    u64::try_from(count.load(Ordering::Relaxed)).unwrap_or(0)
}

/// A whole number as a gauge has it.
#[expect(
    clippy::cast_precision_loss,
    reason = "gauges are floats; above 2^53 the last digits go"
)]
fn as_float(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or(u64::MAX) as f64
}
