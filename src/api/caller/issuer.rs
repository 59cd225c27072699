//! An issuer of tokens: who it is, and its keys as they were last read.
//!
//! Keys are read again when a token names one that is not known, and when they have
//! become old; off the threads that answer, and one reading at a time. What cannot
//! be read or is not sound leaves the keys that there are in force, until they are
//! too old to count.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::key_place::Document;
use super::token::{Header, TokenError};
use super::{CallerIdentity, KeyPlace, KeyPlaceError, KeySet, KeySetError};

/// Seconds between two fetches from an address, whatever callers name.
pub const KEYS_REFETCH_SECONDS: i64 = 60;
/// Seconds after which keys are read again although all that are named are known: a
/// key that its issuer took back is out of force then. Our choice.
pub const KEYS_FRESH_SECONDS: i64 = 60 * 60;
/// Seconds for which keys count that cannot be read again. Our choice: longer than
/// an issuer's outage.
pub const KEYS_SECONDS_MAX: i64 = 24 * 60 * 60;

/// Who an issuer is, and for whom its tokens must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The claim `iss`, byte for byte.
    pub issuer: String,
    /// What must be in the claim `aud`.
    pub audience: String,
    /// Where its keys are.
    pub keys: KeyPlace,
}

/// Why an issuer's keys are not taken into use.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Place(#[from] KeyPlaceError),
    #[error("the keys of the issuer are not taken: {0}")]
    Set(#[from] KeySetError),
}

/// An issuer whose tokens are taken.
#[derive(Debug)]
pub struct Issuer {
    settings: IssuerSettings,
    held: ArcSwap<Held>,
    /// When the keys were last asked for, with success or not.
    asked: Mutex<Option<Timestamp>>,
}

/// Keys, and since when.
#[derive(Debug, Default)]
struct Held {
    keys: KeySet,
    /// The file's time of change.
    modified: Option<SystemTime>,
    /// When they were known to be those of the issuer; none before the first time.
    read_at: Option<Timestamp>,
}

impl Issuer {
    /// An issuer with its keys, read now. An address that does not answer is asked
    /// again when the first token comes; a file must be right.
    ///
    /// # Errors
    /// A sentence: the file cannot be read, or is no sound JWK set.
    pub fn open(settings: IssuerSettings, now: Timestamp) -> Result<Self, String> {
        let held = match read(&settings.keys, &Held::default(), now) {
            Ok(held) => held,
            Err(error) if settings.keys.is_far() => {
                let error = chain(&error);
                tracing::warn!(
                    error,
                    "no tokens are taken before the keys of their issuer come"
                );
                Held::default()
            }
            Err(error) => return Err(chain(&error)),
        };
        Ok(Self {
            asked: Mutex::new(held.read_at),
            held: ArcSwap::from_pointee(held),
            settings,
        })
    }

    /// The caller that shows a token.
    ///
    /// # Errors
    /// [`TokenError`] if it is not one that is taken at this time.
    pub(super) async fn caller(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<CallerIdentity, TokenError> {
        let header = Header::read(token)?;
        let held = self.keys_for(&header.key, now).await;
        if held.age(now).is_none_or(|age| age >= KEYS_SECONDS_MAX) {
            return Err(TokenError::OldKeys);
        }
        let key = held.keys.key(&header.key).ok_or(TokenError::UnknownKey)?;
        header.verify(token, key, &self.settings, now)
    }

    /// The keys, read again if that may help.
    async fn keys_for(&self, kid: &str, now: Timestamp) -> Arc<Held> {
        let held = self.held.load_full();
        let known = held.keys.key(kid).is_some();
        if known && held.age(now).is_some_and(|age| age < KEYS_FRESH_SECONDS) {
            return held;
        }
        let mut asked = match known {
            // Somebody else is reading already; what there is does until then.
            true => match self.asked.try_lock() {
                Ok(asked) => asked,
                Err(_) => return held,
            },
            false => self.asked.lock().await,
        };
        // It may have come while this one waited.
        let held = self.held.load_full();
        let known = held.keys.key(kid).is_some();
        let near = !self.settings.keys.is_far() && !known;
        let due = asked.is_none_or(|asked| seconds(asked, now) >= KEYS_REFETCH_SECONDS);
        if known && held.age(now).is_some_and(|age| age < KEYS_FRESH_SECONDS) || !(due || near) {
            return held;
        }
        *asked = Some(now);
        self.read_again(held, now).await
    }

    async fn read_again(&self, held: Arc<Held>, now: Timestamp) -> Arc<Held> {
        let (place, before) = (self.settings.keys.clone(), Arc::clone(&held));
        let reading = tokio::task::spawn_blocking(move || read(&place, &before, now));
        match reading.await {
            Ok(Ok(read)) => {
                let read = Arc::new(read);
                self.held.store(Arc::clone(&read));
                read
            }
            Ok(Err(error)) => {
                let error = chain(&error);
                tracing::warn!(error, "the keys of the issuer of tokens stay as they were");
                held
            }
            Err(_) => held,
        }
    }
}

impl Held {
    /// Seconds since they were read.
    fn age(&self, now: Timestamp) -> Option<i64> {
        self.read_at.map(|at| seconds(at, now))
    }
}

/// Reads the keys. A file that has not changed keeps them.
fn read(place: &KeyPlace, before: &Held, now: Timestamp) -> Result<Held, ReadError> {
    // A set that was never read must be, whatever the file's time says.
    let seen = before.read_at.and(before.modified);
    let (text, modified) = match place.read(seen)? {
        Some(Document { text, modified }) => (text, modified),
        None => return Ok(before.read_again_at(now)),
    };
    Ok(Held {
        keys: KeySet::parse(&text)?,
        modified,
        read_at: Some(now),
    })
}

impl Held {
    fn read_again_at(&self, now: Timestamp) -> Self {
        Self {
            keys: self.keys.clone(),
            modified: self.modified,
            read_at: Some(now),
        }
    }
}

/// Seconds between two times, whichever is first: a clock that was set back does not
/// make anything younger.
fn seconds(one: Timestamp, other: Timestamp) -> i64 {
    (other.as_second() - one.as_second()).abs()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
