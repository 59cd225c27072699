//! Records as text: one JSON object a line, in order.
//!
//! Shape of a line (here broken up):
//!
//! ```json
//! {"seq":1,"at":"2026-01-01T00:00:00Z","actor":"a","kind":"k","version":1,
//!  "idempotency_key":null,"previous":"00…","hash":"5f…","payload":{"p":1}}
//! ```
//!
//! The payload comes last and is the text that was appended, byte for byte: the
//! hash is over that. Reading it back as a JSON value and printing it again would
//! lose that, so it is cut out as text: the members before it are no objects and
//! a quotation mark within a string is escaped, so that `,"payload":` first
//! stands where the payload begins.
//!
//! Before the records of a compacted log stand the lines of the state that they
//! begin at (see `floor`).

use std::borrow::Cow;
use std::io::{BufRead, Read, Write};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::floor::{Entry, FloorLines, write_state};
use super::{
    Draft, Hash, Head, Log, LogError, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, Payload, Record, Verified,
};

/// Bytes of a line: a payload, three names with every byte escaped, and the rest.
pub const LINE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 3 * 6 * NAME_BYTES_MAX + 1024;

const PAYLOAD: &str = ",\"payload\":";

/// Every member but the payload.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    seq: u64,
    at: Cow<'a, str>,
    actor: Cow<'a, str>,
    kind: Cow<'a, str>,
    version: u32,
    idempotency_key: Option<Cow<'a, str>>,
    previous: Cow<'a, str>,
    hash: Cow<'a, str>,
}

/// Writes every record there is, a line each; [`import`] reads them. What was
/// archived is not among them; the state that it adds up to is, so that an export
/// is enough to go on from.
///
/// # Errors
/// As [`Log::scan`] and [`Log::floor_state`]; [`LogError::Backend`] if `to` fails.
pub fn export(log: &dyn Log, to: &mut dyn Write) -> Result<Verified, LogError> {
    if let Some(state) = log.floor_state()? {
        write_state(state, &mut *to)?;
    }
    export_up_to(log, u64::MAX, to)
}

/// The records up to a number.
pub(super) fn export_up_to(
    log: &dyn Log,
    last: u64,
    to: &mut dyn Write,
) -> Result<Verified, LogError> {
    let failed = LogError::backend("writing the records");
    let floor = log.floor();
    let (mut chain, mut written) = (Chain::after(floor), Ok(()));
    log.scan(floor.seq, &mut |record| {
        if record.seq > last {
            return ControlFlow::Break(());
        }
        // What leaves the log is checked, however it was opened.
        let line = chain.take(record);
        written = line.and_then(|()| write_line(record, to).map_err(&failed));
        match written.is_ok() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    written?;
    to.flush().map_err(&failed)?;
    let head = chain.head();
    Ok(Verified {
        records: head.seq.saturating_sub(floor.seq),
        floor,
        head,
    })
}

fn write_line(record: &Record, to: &mut dyn Write) -> std::io::Result<()> {
    let line = Line {
        seq: record.seq,
        at: record.at.to_string().into(),
        actor: record.actor.as_str().into(),
        kind: record.kind.as_str().into(),
        version: record.version,
        idempotency_key: record.idempotency_key.as_deref().map(Cow::from),
        previous: record.previous.to_string().into(),
        hash: record.hash.to_string().into(),
    };
    let mut text = serde_json::to_string(&line)?;
    text.pop();
    writeln!(to, "{text}{PAYLOAD}{}}}", record.payload)
}

/// Fills an empty log from lines that [`export`] wrote, all or nothing: the whole
/// chain is verified, from record 1 on, or from the position of the state that
/// stands before the first record. Of a compacted log the archives may come first,
/// oldest first, then the export; the log then begins at 1.
///
/// # Errors
/// [`LogError::Line`] for the first line that is no record or cannot be read,
/// [`LogError::Corrupt`] for the first record that does not follow; otherwise as
/// [`Log::restore`].
pub fn import(log: &dyn Log, from: &mut dyn BufRead) -> Result<Head, LogError> {
    log.restore(&mut Entries::new(from))
}

/// What lines hold, one after the other.
pub(super) struct Entries<R> {
    from: R,
    line: u64,
    bytes: Vec<u8>,
    floor: FloorLines,
    done: bool,
}

impl<R: BufRead> Entries<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            line: 0,
            bytes: Vec::new(),
            floor: FloorLines::default(),
            done: false,
        }
    }

    /// The next line that holds anything; `None` after the last.
    fn read(&mut self) -> Result<Option<Entry>, String> {
        loop {
            self.line = self.line.saturating_add(1);
            self.bytes.clear();
            let mut bounded = Read::take(&mut self.from, LINE_BYTES_MAX as u64 + 1);
            match bounded.read_until(b'\n', &mut self.bytes) {
                Ok(0) if self.floor.is_open() => {
                    return Err("it is missing: the state before it has no end".to_owned());
                }
                Ok(0) => return Ok(None),
                Ok(bytes) if bytes > LINE_BYTES_MAX => {
                    return Err(format!("it has more than {LINE_BYTES_MAX} bytes"));
                }
                Ok(_) => {}
                Err(error) => return Err(format!("it cannot be read: {error}")),
            }
            let text = std::str::from_utf8(&self.bytes);
            let text = text.map_err(|error| format!("it is not UTF-8: {error}"))?;
            let text = text.strip_suffix('\n').unwrap_or(text);
            match self.floor.take(text)? {
                None => return record(text).map(|record| Some(Entry::Record(record))),
                Some(Some(entry)) => return Ok(Some(entry)),
                Some(None) => {}
            }
        }
    }
}

impl<R: BufRead> Iterator for Entries<R> {
    type Item = Result<Entry, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = self.read();
        self.done = !matches!(read, Ok(Some(_)));
        let line = self.line;
        read.map_err(|what| LogError::Line { line, what })
            .transpose()
    }
}

fn record(text: &str) -> Result<Record, String> {
    let parts = text.strip_suffix('}').and_then(|t| t.split_once(PAYLOAD));
    let (members, payload) = parts.ok_or("its last member is not `payload`")?;
    let members = format!("{members}}}");
    let line: Line<'_> = serde_json::from_str(&members).map_err(|error| error.to_string())?;
    let hash = |hex: &str| Hash::from_hex(hex).ok_or(format!("`{hex}` is no hash"));
    let draft = Draft {
        at: line
            .at
            .parse()
            .map_err(|error: jiff::Error| error.to_string())?,
        actor: line.actor.into_owned(),
        kind: line.kind.into_owned(),
        payload: Payload::parse(payload.to_owned()).map_err(|it| format!("its payload {it}"))?,
        version: line.version,
        idempotency_key: line.idempotency_key.map(Cow::into_owned),
    };
    if let Some(problem) = draft.problem() {
        return Err(problem);
    }
    let previous = Head {
        seq: line.seq.checked_sub(1).ok_or("records begin at 1")?,
        hash: hash(&line.previous)?,
    };
    // The hash as the line states it: whether it is right is the chain's to say.
    Ok(Record {
        hash: hash(&line.hash)?,
        ..Record::after(previous, draft)
    })
}
