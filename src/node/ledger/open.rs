//! From a log to a ledger that decides and writes.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::event::{BUNDLE_TAKEN, WORLD_SEEDED};
use super::keys::hex;
use super::{Folded, LedgerError, PAYLOAD_VERSION, TakenBundle};
use crate::directory::world_file::{self, change_to_json};
use crate::directory::{AzureRoles, Change, Profile};
use crate::engine;
use crate::log::{Draft, Log, PAYLOAD_BYTES_MAX, Payload};
use crate::node::self_test::self_test_of;
use crate::node::{Clock, Point, self_test};
use crate::policy::{Bundle, Source};

/// Which policies to start with.
#[derive(Debug, Clone)]
pub enum Choice {
    /// Those that the log has last, or the profile `seed` if it has none.
    Last,
    /// Those of a profile, as this program has them; the log says so if they are
    /// not those it has last.
    Profile(Profile),
    /// Those of an author's texts; the log says so likewise.
    Texts {
        /// The schema.
        schema: Source,
        /// The policies, in order.
        policies: Vec<Source>,
    },
}

/// How a ledger starts.
pub struct Settings {
    /// The policies.
    pub choice: Choice,
    /// The world file that an empty log begins with.
    pub world: Option<Source>,
    /// Where it reads the time.
    pub clock: Clock,
}

/// Bytes of facts in one event of a seed. Our choice: well within what a payload
/// may have.
const SEED_BYTES_MAX: usize = PAYLOAD_BYTES_MAX / 4;

/// Who appears as the writer of what a start writes.
pub(crate) const STARTER: &str = "aobo serve";

/// Folds the log, takes policies into use and seeds it, as the settings say; what
/// that adds to the log is there when this returns.
pub(super) fn start(log: &dyn Log, settings: &Settings) -> Result<(Folded, Point), LedgerError> {
    let mut folded = Folded::replay(log, u64::MAX)?;
    let mut drafts = Vec::new();
    // The log's times never go back, whatever the clock does.
    let at = (settings.clock)().max(folded.at);
    let take = to_take(&folded, &settings.choice)?;
    if let Some((taken, bundle)) = &take {
        self_test(bundle)?;
        let payload = Payload::of(taken).map_err(LedgerError::BadEvent)?;
        drafts.push(draft(at, BUNDLE_TAKEN, payload));
    }
    let new = folded.seed.is_none() && folded.world.facts().next().is_none();
    let deciding = match (&take, &folded.bundle) {
        (Some((_, bundle)), _) | (None, Some((_, Ok(bundle)))) => Some(bundle),
        _ => None,
    };
    match deciding {
        Some(bundle) if new => drafts.extend(seeds(settings, bundle, at)?),
        _ => check_seed(&folded, settings)?,
    }
    if let (Some((_, bundle)), 1..) = (&take, folded.head.seq) {
        // Facts that the new policies' schema refuses keep the old ones in use.
        let (world, changes) = world_file::refold(&folded.world, AzureRoles::of(bundle))?;
        Point::directory(Arc::clone(bundle), world, changes)?;
    }
    for record in log.append(log.head(), &drafts)? {
        folded.fold(&record)?;
    }
    let point = point_of(&folded)?;
    if take.is_none() {
        // What was taken long ago is asked again by this program.
        self_test_of(&point)?;
    }
    Ok((folded, point))
}

/// The point that decides at a folded state.
pub(super) fn point_of(folded: &Folded) -> Result<Point, LedgerError> {
    let bundle = match &folded.bundle {
        None => None,
        Some((_, Ok(bundle))) => Some(bundle),
        Some((_, Err(why))) => return Err(LedgerError::Unbuilt(Arc::clone(why))),
    };
    let Some(bundle) = bundle else {
        return Err(LedgerError::OutOfRange {
            wanted: format!("revision {}", folded.head.seq),
            floor: 1,
            head: folded.head.seq,
        });
    };
    let world = &folded.world;
    // A second thread says what the facts are to the engine while this one takes it.
    let (sender, receiver) = sync_channel::<Vec<engine::Change>>(CHUNKS_AHEAD);
    std::thread::scope(|scope| {
        let projecting = scope.spawn(move || -> Result<(), LedgerError> {
            let mut chunk = Vec::new();
            for changes in world.projection() {
                chunk.extend(changes?);
                if chunk.len() >= CHANGES_OF_A_CHUNK
                    && sender.send(std::mem::take(&mut chunk)).is_err()
                {
                    return Ok(());
                }
            }
            // Whoever takes no more says why.
            let _ = sender.send(chunk);
            Ok(())
        });
        let changes = receiver.into_iter().flatten();
        let bundle = Arc::clone(bundle);
        let point = Point::directory_at(bundle, world.clone(), changes, folded.head.seq);
        match projecting.join() {
            Ok(projected) => projected?,
            Err(panic) => resume_unwind(panic),
        }
        Ok(point?)
    })
}

/// Changes that are handed over together.
const CHANGES_OF_A_CHUNK: usize = 4_096;
/// Chunks that wait for the engine, at most.
const CHUNKS_AHEAD: usize = 8;

/// The bundle that the log must hear of, if any.
fn to_take(
    folded: &Folded,
    choice: &Choice,
) -> Result<Option<(TakenBundle, Arc<Bundle>)>, LedgerError> {
    let (taken, bundle) = match (choice, &folded.bundle) {
        (Choice::Last, Some(_)) => return Ok(None),
        (Choice::Last, None) => TakenBundle::of_profile(Profile::Seed)?,
        (Choice::Profile(profile), _) => TakenBundle::of_profile(*profile)?,
        (Choice::Texts { schema, policies }, _) => TakenBundle::of_texts(schema, policies)?,
    };
    let same = folded
        .bundle
        .as_ref()
        .is_some_and(|(last, _)| last.hash == taken.hash);
    Ok((!same).then_some((taken, bundle)))
}

/// The same world file again is as good as none; another is refused.
fn check_seed(folded: &Folded, settings: &Settings) -> Result<(), LedgerError> {
    match &settings.world {
        Some(world) if folded.seed.as_ref() != Some(&digest(world)) => Err(LedgerError::OtherSeed),
        _ => Ok(()),
    }
}

fn digest(world: &Source) -> String {
    hex(&Sha256::digest(world.text.as_bytes()))
}

/// The facts of the world file as events, each small enough for the log. The file
/// is taken in whole first: what is refused must not be in a log.
fn seeds(
    settings: &Settings,
    bundle: &Arc<Bundle>,
    at: Timestamp,
) -> Result<Vec<Draft>, LedgerError> {
    let Some(source) = &settings.world else {
        return Ok(Vec::new());
    };
    let (world, changes) =
        world_file::load(source, AzureRoles::of(bundle)).map_err(LedgerError::World)?;
    Point::directory(Arc::clone(bundle), world.clone(), changes)?;
    let sha256 = digest(source);
    let (mut drafts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for fact in world_file::facts_in_order(&world) {
        let change = change_to_json(&Change::Put(fact));
        let size = change.to_string().len();
        if bytes + size > SEED_BYTES_MAX {
            drafts.push(seed_draft(at, &sha256, &std::mem::take(&mut part))?);
            bytes = 0;
        }
        bytes += size + 1;
        part.push(change);
    }
    drafts.push(seed_draft(at, &sha256, &part)?);
    Ok(drafts)
}

fn seed_draft(at: Timestamp, sha256: &str, changes: &[Value]) -> Result<Draft, LedgerError> {
    let payload = Payload::of(&json!({ "sha256": sha256, "changes": changes }));
    Ok(draft(
        at,
        WORLD_SEEDED,
        payload.map_err(LedgerError::BadEvent)?,
    ))
}

fn draft(at: Timestamp, kind: &str, payload: Payload) -> Draft {
    Draft {
        at,
        actor: STARTER.to_owned(),
        kind: kind.to_owned(),
        payload,
        version: PAYLOAD_VERSION,
        idempotency_key: None,
    }
}
