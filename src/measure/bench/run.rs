//! The whole of a measurement, in the order in which memory allows it.
//!
//! The engine's world goes before another one comes, so that the largest of them
//! is all that must fit.

use std::sync::Arc;

use super::clock::timed;
use super::report::Unit;
use super::{Baseline, MeasureError, Report};
use super::{baseline, decisions, links, policies, searches, updates};
use crate::directory::Profile;
use crate::engine::{Change, Revision, Snapshot};
use crate::measure::Workload;
use crate::policy::Bundle;

/// Customers up to which cedar-policy gets the same world, and its largest world
/// above: more of them need more memory than machines have.
const CEDAR_CUSTOMERS_MAX: u32 = 100_000;
/// Customers up to which cedar-policy is also given every link, and asked to
/// search.
const CEDAR_WHOLE_CUSTOMERS_MAX: u32 = 1_000;
/// Distinct questions for each kind of decision.
const QUESTIONS_MAX: usize = 100_000;
/// Questions that the baseline gets.
const CEDAR_QUESTIONS_MAX: usize = 2_000;
/// Questions that see every link.
const ALL_LINKS_QUESTIONS: usize = 50;
/// Updates of each kind, there and back.
const UPDATES_MAX: u32 = 200;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct Measurement {
    /// Customers of the workload.
    pub customers: u32,
    /// The seed that it follows from.
    pub seed: u64,
}

impl Measurement {
    /// Measures, saying before each part what comes.
    ///
    /// # Errors
    /// [`MeasureError::Wrong`] if anything that was timed gave another answer than
    /// it must; the other variants if it could not be asked.
    pub fn run(self, progress: &mut dyn FnMut(&str)) -> Result<Report, MeasureError> {
        let mut report = Report::default();
        let workload = Workload::new(self.seed, self.customers);
        let bundle = Arc::new(Profile::Seed.bundle()?);
        let snapshot = load(&workload, bundle, progress, &mut report)?;
        progress("decisions");
        decisions::measure(&workload, &snapshot, self.questions(), &mut report)?;
        progress("searches");
        searches::measure(&workload, &snapshot, &mut report)?;
        progress("updates");
        let updates = self.customers.clamp(10, UPDATES_MAX);
        updates::measure(&workload, &snapshot, updates, &mut report)?;
        let bare = snapshot.rebuilt([], Revision(0))?;
        self.cedar(&workload, snapshot, progress, &mut report)?;
        progress("links that a question does not meet");
        let (customers, questions) = (self.customers, self.questions());
        links::measure(self.seed, &bare, customers, questions, &mut report)?;
        progress("1,000 policies");
        policies::measure(&mut report)?;
        Ok(report)
    }

    fn questions(self) -> usize {
        (self.customers as usize * 100).clamp(5_000, QUESTIONS_MAX)
    }

    /// The baseline, on the same world or on the largest that it can hold.
    fn cedar(
        self,
        workload: &Workload,
        snapshot: Snapshot,
        progress: &mut dyn FnMut(&str),
        report: &mut Report,
    ) -> Result<(), MeasureError> {
        progress("the world as cedar-policy holds it");
        let (smaller, snapshot) = match self.customers > CEDAR_CUSTOMERS_MAX {
            false => (None, snapshot),
            true => {
                let empty = snapshot.rebuilt([], Revision(0))?;
                drop(snapshot);
                let smaller = Workload::new(self.seed, CEDAR_CUSTOMERS_MAX);
                let built = empty
                    .rebuilt(smaller.changes_ahead(), Revision(0))?
                    .settled();
                (Some(smaller), built)
            }
        };
        let workload = smaller.as_ref().unwrap_or(workload);
        let (cedar, took) = timed(|| Baseline::new(workload, &snapshot));
        let cedar = cedar?;
        progress("decisions of cedar-policy");
        let customers = workload.customers();
        report.count(
            "cedar_customers",
            customers as usize,
            "customers that cedar-policy holds",
        );
        report.add(
            "cedar_load_s",
            took.as_secs_f64(),
            Unit::Seconds,
            "taken in by it",
        );
        let questions = self.questions().min(CEDAR_QUESTIONS_MAX);
        let ns = baseline::measure(workload, &snapshot, &cedar, questions)?;
        let says = "a decision of cedar-policy that sees the links on its path";
        report.add("cedar_ns", ns, Unit::Nanoseconds, says);
        let (mut all_links, mut query) = (None, None);
        if customers <= CEDAR_WHOLE_CUSTOMERS_MAX {
            let count = ALL_LINKS_QUESTIONS;
            all_links = Some(baseline::measure_all_links(
                workload, &snapshot, &cedar, count,
            )?);
            progress("searches of cedar-policy");
            query = Some(searches::measure_cedar(workload, &snapshot, &cedar)?);
        }
        let says = "one that sees all links of the world";
        report.add("cedar_all_links_ns", all_links, Unit::Nanoseconds, says);
        let says = "the same search by query_resource";
        report.add("query_resource_us", query, Unit::Microseconds, says);
        let says = "cedar-policy to the engine, a decision";
        report.ratio("ratio", "cedar_ns", "decide_ns", says);
        let says = "query_resource to the engine, a search";
        report.ratio("search_ratio", "query_resource_us", "search_us", says);
        Ok(())
    }
}

/// Generates the workload, then generates and takes it in.
fn load(
    workload: &Workload,
    bundle: Arc<Bundle>,
    progress: &mut dyn FnMut(&str),
    report: &mut Report,
) -> Result<Snapshot, MeasureError> {
    let customers = workload.customers() as usize;
    report.count("customers", customers, "customers of the world");
    progress("changes");
    let count = |(entities, links): (usize, usize), change| match change {
        Change::PutEntity(_) => (entities + 1, links),
        Change::AddLink(_) => (entities, links + 1),
        _ => (entities, links),
    };
    let (generated, generate) = timed(|| workload.changes().fold((0, 0), count));
    progress("the world");
    let (snapshot, load) = timed(|| {
        let snapshot = Snapshot::build(bundle, workload.changes_ahead(), Revision(0))?;
        Ok::<_, MeasureError>(snapshot.settled())
    });
    let snapshot = snapshot?;
    let facts = snapshot.facts();
    let stored = (facts.entity_count(), facts.link_count());
    if stored != generated {
        let why = format!("{stored:?} entities and links are stored of {generated:?}");
        return Err(MeasureError::wrong("load", why));
    }
    let (entities, links) = stored;
    report.count("entities", entities, "entities that are stored");
    report.count("links", links, "template links");
    let unit = Unit::Seconds;
    let says = "the world, generated and taken in";
    report.add("load_s", load.as_secs_f64(), unit, says);
    let says = "of it: generated";
    report.add("generate_s", generate.as_secs_f64(), unit, says);
    let (state, texts) = snapshot.bytes();
    let each = |bytes: usize| bytes as f64 / entities.max(1) as f64;
    let unit = Unit::Bytes;
    report.add(
        "bytes_per_entity",
        each(state),
        unit,
        "state, for each entity",
    );
    let says = "texts of ids besides";
    report.add("bytes_of_texts_per_entity", each(texts), unit, says);
    Ok(snapshot)
}
