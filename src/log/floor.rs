//! What archived records add up to, as lines of text, and the filling of an empty
//! log that may begin with them.
//!
//! Whoever folds events says what they add up to, as payloads, and is given them
//! back byte for byte; what they mean is not looked at here. Shape:
//!
//! ```json
//! {"floor":{"version":1,"seq":499,"hash":"5f…"}}
//! {"state":{"at":"2026-01-01T00:00:00Z"}}
//! {"floor_end":{"parts":1,"checksum":"c0…"}}
//! ```
//!
//! `seq` and `hash` are those of the last archived record; each `state` line holds
//! one part; `checksum` is the SHA-256 of all the lines before it, from the `floor`
//! line on, line breaks included.
//!
//! INVARIANT (form): what was written in a version stays readable; another form
//! gets another `version`. `tests/corpus/log` has a recorded file.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chain::Chain;
use super::{FloorState, Hash, Head, LogError, Payload, Record};

/// The version of the form. Other ones are refused.
const VERSION: u32 = 1;
/// What lines about a floor begin with, and no line of a record.
const FLOOR: &str = "{\"floor\":";
const STATE: &str = "{\"state\":";
const END: &str = "{\"floor_end\":";

/// What an empty log is filled with, in order: records, and before the first of
/// them the state that they begin at, if it is not the very beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A state begins: that at this position.
    Floor(Head),
    /// A part of it.
    State(Payload),
    /// A record.
    Record(Record),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FloorLine {
    version: u32,
    seq: u64,
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    parts: u64,
    checksum: String,
}

/// Writes a state down, part by part.
pub(super) struct FloorText<W> {
    to: W,
    sum: Sum,
}

impl<W: Write> FloorText<W> {
    pub(super) fn begin(to: W, at: Head) -> io::Result<Self> {
        let line = FloorLine {
            version: VERSION,
            seq: at.seq,
            hash: at.hash.to_string(),
        };
        let sum = Sum::default();
        let mut this = Self { to, sum };
        this.line(FLOOR, &serde_json::to_string(&line)?)?;
        Ok(this)
    }

    pub(super) fn part(&mut self, part: &Payload) -> io::Result<()> {
        self.sum.parts += 1;
        self.line(STATE, part)
    }

    /// Ends it, and gives back where it was written to.
    pub(super) fn end(mut self) -> io::Result<W> {
        let line = EndLine {
            parts: self.sum.parts,
            checksum: self.sum.checksum().to_string(),
        };
        self.line(END, &serde_json::to_string(&line)?)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn line(&mut self, begin: &str, value: &str) -> io::Result<()> {
        for part in [begin, value, "}\n"] {
            self.to.write_all(part.as_bytes())?;
            self.sum.lines.update(part);
        }
        Ok(())
    }
}

/// Writes a whole state down.
pub(super) fn write_state<W: Write>(state: FloorState<'_>, to: W) -> Result<W, LogError> {
    let failed = LogError::backend("writing the state at the floor");
    let mut text = FloorText::begin(to, state.at).map_err(&failed)?;
    for part in state.parts {
        text.part(&part?).map_err(&failed)?;
    }
    text.end().map_err(failed)
}

/// What a checksum is over, so far.
#[derive(Default)]
struct Sum {
    lines: Sha256,
    parts: u64,
}

impl Sum {
    fn checksum(&self) -> Hash {
        Hash(self.lines.clone().finalize().into())
    }
}

/// Reads lines about floors. A state counts only when its end was read.
#[derive(Default)]
pub(super) struct FloorLines {
    open: Option<Sum>,
}

impl FloorLines {
    /// Takes a line without its line break: `None` if it is not about a floor, and
    /// `Some(None)` for the end of a state that is whole.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn take(&mut self, line: &str) -> Result<Option<Option<Entry>>, String> {
        let value = |begin: &str| line.strip_prefix(begin)?.strip_suffix('}');
        if let Some(floor) = value(FLOOR) {
            if self.is_open() {
                return Err("the state before it has no end".to_owned());
            }
            self.open = Some(Sum::default());
            self.add(line)?;
            return Ok(Some(Some(Entry::Floor(position(floor)?))));
        }
        if let Some(part) = value(STATE) {
            self.add(line)?.parts += 1;
            let part = Payload::parse(part.to_owned()).map_err(|it| format!("its state {it}"))?;
            return Ok(Some(Some(Entry::State(part))));
        }
        if let Some(end) = value(END) {
            let sum = self.open.take().ok_or("it ends a state that never began")?;
            let end: EndLine = serde_json::from_str(end).map_err(|error| error.to_string())?;
            let whole = end.parts == sum.parts && end.checksum == sum.checksum().to_string();
            return match whole {
                true => Ok(Some(None)),
                false => Err("the state before it is not the one that was written".to_owned()),
            };
        }
        match self.is_open() {
            true => Err("the state before it has no end".to_owned()),
            false => Ok(None),
        }
    }

    /// Whether a state began and has not ended.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn add(&mut self, line: &str) -> Result<&mut Sum, String> {
        let sum = self.open.as_mut().ok_or("no `floor` stands before it")?;
        sum.lines.update(line);
        sum.lines.update("\n");
        Ok(sum)
    }
}

fn position(floor: &str) -> Result<Head, String> {
    let line: FloorLine = serde_json::from_str(floor).map_err(|error| error.to_string())?;
    if line.version != VERSION {
        let found = line.version;
        return Err(format!(
            "its form is version {found}, and this program reads {VERSION}; use a newer one"
        ));
    }
    let hash = Hash::from_hex(&line.hash).ok_or(format!("`{}` is no hash", line.hash))?;
    let seq = line.seq;
    match seq {
        0 => Err("records begin at 1".to_owned()),
        _ => Ok(Head { seq, hash }),
    }
}

/// Walks along what an empty log is filled with, and takes only what follows.
pub(super) struct Filling {
    chain: Chain,
    begun: bool,
    /// The state that is given now is at a place that the records led to: it says
    /// nothing new.
    passing: bool,
}

impl Filling {
    pub(super) fn new() -> Self {
        Self {
            chain: Chain::after(Head::START),
            begun: false,
            passing: false,
        }
    }

    /// Takes the next entry, and gives it back if it is to be kept.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if it does not follow.
    pub(super) fn take(&mut self, entry: Entry) -> Result<Option<Entry>, LogError> {
        let first = !std::mem::replace(&mut self.begun, true);
        match &entry {
            Entry::Floor(at) if first => self.chain = Chain::after(*at),
            Entry::Floor(at) if *at == self.chain.head() => self.passing = true,
            Entry::Floor(at) => {
                return Err(LogError::Corrupt {
                    seq: at.seq,
                    what: "a state is said to be that after it, and stands elsewhere".to_owned(),
                });
            }
            Entry::State(_) => {}
            Entry::Record(record) => {
                self.chain.take(record)?;
                return Ok(Some(entry));
            }
        }
        Ok((!self.passing).then_some(entry))
    }

    /// Where it led. `floor` is where it began.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] for a state that no record follows.
    pub(super) fn end(&self, floor: Head) -> Result<Head, LogError> {
        match self.chain.head() {
            head if head == floor && floor != Head::START => Err(LogError::Corrupt {
                seq: floor.seq.saturating_add(1),
                what: "it is missing".to_owned(),
            }),
            head => Ok(head),
        }
    }
}
