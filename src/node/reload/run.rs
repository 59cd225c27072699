//! One reload: read, build aside, swap, and say how it went.

use std::fmt;
use std::sync::Arc;

use super::files::Seen;
use super::{PolicyFiles, Texts};
use crate::engine::{Change, EngineError, EntityData, each_entity};
use crate::node::ledger::STARTER;
use crate::node::{
    Actor, Clock, DecisionPoint, Ledger, LedgerError, Misfit, NodeError, Point, Refusal,
    Submission, TakenBundle, TenantScope, What,
};
use crate::policy::Bundle;

/// What a reload came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded {
    /// What the files say is in use already, or there are no files to read.
    Unchanged,
    /// Other policies or entities are in use from this revision on.
    Taken {
        /// The revision.
        revision: u64,
        /// The bundle's hash.
        hash: String,
    },
}

/// Files, and what follows them.
pub struct Reload {
    files: Option<PolicyFiles>,
    target: Target,
    /// The last texts that were tried, taken or not.
    seen: Option<Seen>,
    /// The last texts that were taken.
    in_use: Option<Seen>,
}

enum Target {
    Generic(Arc<DecisionPoint>),
    Ledger(Arc<Ledger>),
}

impl Reload {
    /// A decision point over entities of any schema, and what keeps it up to date
    /// with its files.
    ///
    /// # Errors
    /// [`Refusal`] if they cannot be read or are refused.
    pub fn generic(
        files: PolicyFiles,
        clock: Clock,
    ) -> Result<(Arc<DecisionPoint>, Self), Refusal> {
        let texts = files.read()?;
        let point = Arc::new(DecisionPoint::new(generic(&texts, 0)?, clock));
        let reload = Self {
            files: Some(files),
            target: Target::Generic(Arc::clone(&point)),
            seen: Some(texts.seen()),
            in_use: Some(texts.seen()),
        };
        Ok((point, reload))
    }

    /// What keeps a ledger up to date with files that it was started from; without
    /// any there is nothing to follow.
    #[must_use]
    pub fn ledger(ledger: Arc<Ledger>, files: Option<(PolicyFiles, &Texts)>) -> Self {
        let seen = files.as_ref().map(|(_, texts)| texts.seen());
        Self {
            files: files.map(|(files, _)| files),
            target: Target::Ledger(ledger),
            seen,
            in_use: seen,
        }
    }

    /// The files that are followed.
    #[must_use]
    pub fn files(&self) -> Option<&PolicyFiles> {
        self.files.as_ref()
    }

    /// Reads the files again and takes what they say into use. Takes long; readers
    /// are answered from what is in use meanwhile. How it went is in the log, and a
    /// refusal is a warning of the decision point.
    ///
    /// # Errors
    /// [`LedgerError::Bundle`] if the files are refused, or whatever keeps the log
    /// from taking the event; what is in use stays.
    pub fn now(&mut self) -> Result<Reloaded, LedgerError> {
        self.tried(true)
    }

    /// The same, unless the files hold what was tried last.
    ///
    /// # Errors
    /// As [`Reload::now`].
    pub fn if_changed(&mut self) -> Result<Reloaded, LedgerError> {
        self.tried(false)
    }

    fn tried(&mut self, whatever: bool) -> Result<Reloaded, LedgerError> {
        let Some(files) = &self.files else {
            tracing::info!(
                "there are no policy files to read again; `POST /v1/bundle` takes others"
            );
            return Ok(Reloaded::Unchanged);
        };
        let read = files.read();
        let seen = read.as_ref().ok().map(Texts::seen);
        if !whatever && seen.is_some() && seen == self.seen {
            return Ok(Reloaded::Unchanged);
        }
        self.seen = seen;
        let taken = read.map_err(LedgerError::from);
        let taken = taken.and_then(|texts| self.take(&texts));
        match &taken {
            Ok(Reloaded::Unchanged) => self.point().warn(None),
            Ok(Reloaded::Taken { revision, hash }) => tell_taken(self.point(), *revision, hash),
            Err(error) => tell_refused(self.point(), error),
        }
        if taken.is_ok() {
            self.in_use = self.seen;
        }
        taken
    }

    fn point(&self) -> &Arc<DecisionPoint> {
        match &self.target {
            Target::Generic(point) => point,
            Target::Ledger(ledger) => ledger.point(),
        }
    }

    fn take(&self, texts: &Texts) -> Result<Reloaded, LedgerError> {
        match &self.target {
            Target::Generic(_) if self.in_use == self.seen => Ok(Reloaded::Unchanged),
            Target::Generic(point) => {
                // Nobody else changes a point without a log.
                let revision = point.current().snapshot().revision().0 + 1;
                let next = generic(texts, revision)?;
                let hash = next.snapshot().bundle().hash().to_string();
                point.replace(next);
                Ok(Reloaded::Taken { revision, hash })
            }
            Target::Ledger(ledger) => take(ledger, texts),
        }
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Says that policies came into use, and settles the warning about others.
pub fn tell_taken(point: &DecisionPoint, revision: u64, hash: &str) {
    point.warn(None);
    tracing::info!(revision, bundle = hash, "policies were taken into use");
}

/// Says why policies were not taken, in the log and as a warning.
pub fn tell_refused(point: &DecisionPoint, error: &LedgerError) {
    let bundle = point.current().snapshot().bundle().hash().to_string();
    tracing::error!(%error, bundle, "policies were not taken into use; those before stay");
    let mut first = None;
    if let LedgerError::Bundle(refusal) = error {
        let (told, more) = refusal.told();
        for told in &told {
            let (place, help) = (told.place.as_deref(), told.help.as_deref());
            tracing::error!(place, help, "{}", told.message);
        }
        if more > 0 {
            tracing::error!(more, "there is more than is told here");
        }
        first = told.into_iter().next().and_then(|told| told.place);
    }
    let place = first.map_or_else(String::new, |place| format!(" (first at {place})"));
    point.warn(Some(format!(
        "policies were refused at {}{place}; those before them stay in use, and the log says more",
        point.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    )));
}

/// A point of generic mode after so many changes.
fn generic(texts: &Texts, revision: u64) -> Result<Point, Refusal> {
    let bundle = Arc::new(Bundle::new(&texts.schema, &texts.policies)?);
    let mut entities: Vec<EntityData> = Vec::new();
    let mut misfits = Vec::new();
    if let Some(source) = &texts.entities {
        let misfit = |error: EngineError| Misfit {
            fact: source.name.to_string(),
            message: error.to_string(),
        };
        match each_entity(&source.text, bundle.shape()) {
            Err(error) => misfits.push(misfit(error)),
            Ok(each) => {
                for entity in each {
                    match entity {
                        Ok(entity) => entities.push(entity),
                        Err(error) => misfits.push(misfit(error)),
                    }
                }
            }
        }
    }
    if !misfits.is_empty() {
        return Err(Refusal::Facts(misfits));
    }
    let refused = match Point::generic_at(Arc::clone(&bundle), entities.clone(), revision) {
        Ok(point) => return Ok(point),
        Err(error) => error,
    };
    let bare = Point::generic_at(bundle, Vec::new(), revision).map_err(policies)?;
    let found = bare
        .snapshot()
        .misfits(entities.into_iter().map(Change::PutEntity));
    let misfits: Vec<Misfit> = found
        .into_iter()
        .map(|(place, error)| Misfit {
            fact: format!("entity [{place}]"),
            message: error.to_string(),
        })
        .collect();
    match misfits.is_empty() {
        true => Err(policies(refused)),
        false => Err(Refusal::Facts(misfits)),
    }
}

/// What the engine says of policies without a fact.
fn policies(error: NodeError) -> Refusal {
    match error {
        NodeError::Engine(error) => Refusal::Engine(error),
        other => Refusal::SelfTest(Box::new(other)),
    }
}

fn take(ledger: &Ledger, texts: &Texts) -> Result<Reloaded, LedgerError> {
    let taken = TakenBundle::of_texts(&texts.schema, &texts.policies).map_err(Refusal::from)?;
    let Some(next) = ledger.make_ready(taken)? else {
        return Ok(Reloaded::Unchanged);
    };
    let hash = next.hash().to_owned();
    let written = ledger.submit_blocking(Submission {
        actor: Actor {
            name: STARTER.to_owned(),
            principal: None,
            operator: true,
            key: None,
            tenants: TenantScope::All,
        },
        what: What::TakeBundle(next),
        idempotency_key: None,
        expected: None,
    })?;
    let revision = written.revision;
    Ok(Reloaded::Taken { revision, hash })
}
