//! The decision log: rows decide the same again, say no secret, are not lost
//! unnoticed, and tell what a candidate would change.

mod command;
mod files;
mod http;
#[cfg(unix)]
mod process;
mod rows;
mod writer;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aobo::engine::intake::Ask;
use aobo::node::Point;
use aobo::node::decision_log::{
    Audit, Decided, DecisionLog, LoggedRow, MaskKey, ReplayReport, Row, Rows, Sink, State, replay,
};
use jiff::Timestamp;

use crate::support::NOW;

/// Rows in memory.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Sink for Kept {
    fn put(&mut self, rows: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(rows);
        Ok(())
    }

    fn flush(&mut self, _: bool) -> io::Result<()> {
        Ok(())
    }

    fn probe(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sink that tells of each flush and waits to be told how it ends.
struct Gate {
    kept: Kept,
    entered: Sender<()>,
    ends: Receiver<bool>,
}

/// The other side of a [`Gate`].
struct Gatekeeper {
    kept: Kept,
    entered: Receiver<()>,
    ends: Sender<bool>,
}

impl Gate {
    fn new() -> (Box<Self>, Gatekeeper) {
        let ((entered, was_entered), (end, ends)) = (channel(), channel());
        let kept = Kept::default();
        let gate = Self {
            kept: kept.clone(),
            entered,
            ends,
        };
        let keeper = Gatekeeper {
            kept,
            entered: was_entered,
            ends: end,
        };
        (Box::new(gate), keeper)
    }

    /// A gatekeeper that has gone leaves the gate open.
    fn pass(&mut self) -> io::Result<()> {
        let _ = self.entered.send(());
        match self.ends.recv().unwrap_or(true) {
            true => Ok(()),
            false => Err(io::Error::other("no space left")),
        }
    }
}

impl Sink for Gate {
    fn put(&mut self, rows: &[u8]) -> io::Result<()> {
        self.kept.put(rows)
    }

    fn flush(&mut self, _: bool) -> io::Result<()> {
        self.pass()
    }

    fn probe(&mut self) -> io::Result<()> {
        self.pass()
    }
}

fn key() -> MaskKey {
    MaskKey::of(b"the key of these tests").unwrap()
}

fn started(sink: Box<dyn Sink>, audit: Audit) -> DecisionLog {
    DecisionLog::start(sink, audit, key()).unwrap()
}

/// The row of a question, decided.
fn row_of(log: &DecisionLog, point: &Point, ask: &Ask<'_>, now: Timestamp) -> Row {
    let answer = point.decide(ask.clone(), now);
    log.row(&Decided {
        ask,
        answer: &answer,
        point,
        now,
        request_id: "r1",
        caller: Some("key 3f2a"),
        item: None,
        duration: Duration::from_nanos(1_500),
    })
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_time().build().unwrap().block_on(future)
}

/// The log of some questions, as text.
fn logged<'a>(point: &Point, asks: impl IntoIterator<Item = Ask<'a>>) -> String {
    let kept = Kept::default();
    let log = started(Box::new(kept.clone()), Audit::Counted);
    for ask in asks {
        let row = row_of(&log, point, &ask, NOW);
        wait(log.write(&[row])).unwrap();
    }
    assert!(log.close());
    assert_eq!((log.dropped(), log.failed()), (0, 0));
    String::from_utf8(kept.bytes()).unwrap()
}

#[track_caller]
fn read(text: &str) -> Vec<LoggedRow> {
    let mut rows = Rows::new(text.as_bytes(), "log");
    let read: Result<Vec<LoggedRow>, _> = rows.by_ref().collect();
    assert!(!rows.torn());
    read.unwrap()
}

/// What rows come to on one state.
#[track_caller]
fn replayed(text: &str, point: &Point) -> ReplayReport {
    let mut report = ReplayReport::default();
    let mut state = State::Present(Arc::new(point.clone()));
    let mut done = 0;
    replay(read(text), &mut state, &mut report, &mut || done += 1).unwrap();
    assert_eq!(done, report.rows);
    report
}
