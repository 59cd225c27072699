//! How long it takes to validate and compile many policies.

use std::sync::Arc;

use super::clock::timed;
use super::report::Unit;
use super::{MeasureError, Report};
use crate::directory::Profile;
use crate::engine::{Revision, Snapshot};
use crate::policy::{Bundle, Source};

/// Policies that are compiled.
const POLICIES: usize = 1_000;

pub(super) fn measure(report: &mut Report) -> Result<(), MeasureError> {
    let sources = sources(&Profile::Seed.bundle()?);
    let (bundle, validating) = timed(|| Bundle::new(&Profile::schema(), &sources));
    let bundle = Arc::new(bundle?);
    let made = bundle.infos().count();
    if made != POLICIES {
        return Err(MeasureError::wrong("compile", format!("{made} policies")));
    }
    let (snapshot, compiling) = timed(|| Snapshot::build(bundle, [], Revision(0)));
    let snapshot = snapshot?;
    if let Some((id, why)) = snapshot.not_lowered().first() {
        let why = format!("`{id}` is not compiled: {why}");
        return Err(MeasureError::wrong("compile", why));
    }
    let unit = Unit::Milliseconds;
    let (validating, compiling) = (
        validating.as_secs_f64() * 1e3,
        compiling.as_secs_f64() * 1e3,
    );
    let says = "1,000 policies, from text to code";
    report.add(
        "compile_1000_policies_ms",
        validating + compiling,
        unit,
        says,
    );
    report.add(
        "validate_ms",
        validating,
        unit,
        "of it: parsed and validated",
    );
    report.add("compile_ms", compiling, unit, "of it: compiled");
    Ok(())
}

/// The built-in policies again and again, each time with other ids and one more
/// condition with a literal of its own.
fn sources(bundle: &Bundle) -> Vec<Source> {
    let mut texts = Vec::with_capacity(POLICIES);
    for copy in 0..=POLICIES / bundle.infos().count().max(1) {
        for info in bundle.infos() {
            let file = bundle.sources().iter().find(|s| s.name == info.file);
            let text = file.and_then(|file| file.text.get(info.span.clone()));
            let id = |id: &str| format!("@id(\"{id}\")");
            let own = id(&format!("{}-{copy}", info.id));
            let text = text.unwrap_or_default().replace(&id(&info.id), &own);
            let text = text.trim_end().trim_end_matches(';');
            let (minutes, seconds) = (copy / 60 % 60, copy % 60);
            let since = format!("1999-12-31T23:{minutes:02}:{seconds:02}Z");
            texts.push(format!(
                "{text}\nwhen {{ context.now > datetime(\"{since}\") }};\n"
            ));
        }
    }
    let texts = texts.into_iter().take(POLICIES).enumerate();
    let sources = texts.map(|(at, text)| Source::new(format!("generated-{at}.cedar"), text));
    sources.collect()
}
