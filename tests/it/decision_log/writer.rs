//! The queue: what is dropped is counted, what must be written is waited for.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aobo::directory::Profile;
use aobo::node::Point;
use aobo::node::decision_log::{Audit, DecisionLog, DecisionLogError, QUEUE_BYTES_MAX, Row};

use super::{Gate, Kept, row_of, started, wait};
use crate::support::{NOW, ask, point};

fn empty() -> Point {
    point(Profile::Seed, "{}")
}

/// A row of about so many bytes.
fn row(log: &DecisionLog, bytes: usize) -> Row {
    let id = "x".repeat(bytes);
    let asked = ask(("PartnerUser", &id), "CreateUser", ("Customer", "c"), "{}");
    row_of(log, &empty(), &asked, NOW)
}

#[test]
fn rows_for_which_there_is_no_room_are_dropped_and_counted() {
    let (gate, keeper) = Gate::new();
    let log = started(gate, Audit::Counted);
    let row = row(&log, 20_000);
    let fit = (QUEUE_BYTES_MAX / row.line().len()) as u64;
    wait(log.write(std::slice::from_ref(&row))).unwrap();
    keeper.entered.recv().unwrap();
    // The first is being written, and keeps its place until it is.
    for _ in 1..fit {
        wait(log.write(std::slice::from_ref(&row))).unwrap();
    }
    assert_eq!(log.dropped(), 0);
    wait(log.write(std::slice::from_ref(&row))).unwrap();
    assert_eq!(log.dropped(), 1);
    wait(log.write(&[row.clone(), row.clone()])).unwrap();
    assert_eq!(log.dropped(), 3);
    drop(keeper.ends);
    assert!(log.close());
    assert_eq!((log.written(), log.failed(), log.dropped()), (fit, 0, 3));
    assert_eq!(
        keeper.kept.bytes().len() as u64,
        fit * row.line().len() as u64
    );
    // A log that is closed takes nothing more, and says so.
    wait(log.write(&[row])).unwrap();
    assert_eq!((log.written(), log.dropped()), (fit, 4));
    assert!(log.close());
}

#[test]
fn a_strict_decision_waits_for_its_row() {
    let (gate, keeper) = Gate::new();
    let log = started(gate, Audit::Strict);
    let rows = [row(&log, 10), row(&log, 10)];
    let mut writing = pin!(log.write(&rows));
    let mut context = Context::from_waker(Waker::noop());
    assert!(writing.as_mut().poll(&mut context).is_pending());
    keeper.entered.recv().unwrap();
    assert!(writing.as_mut().poll(&mut context).is_pending());
    keeper.ends.send(true).unwrap();
    wait(writing).unwrap();
    assert_eq!(log.written(), 2);
    assert!(!log.withholds());
}

#[test]
fn a_strict_decision_waits_for_room_and_is_not_shed() {
    let (gate, keeper) = Gate::new();
    let log = started(gate, Audit::Strict);
    let row = row(&log, 20_000);
    let fit = QUEUE_BYTES_MAX / row.line().len();
    let one = std::slice::from_ref(&row);
    let mut context = Context::from_waker(Waker::noop());
    let mut writing: Vec<_> = (0..=fit).map(|_| Box::pin(log.write(one))).collect();
    for write in &mut writing {
        assert!(matches!(write.as_mut().poll(&mut context), Poll::Pending));
    }
    drop(keeper.ends);
    for write in writing {
        wait(write).unwrap();
    }
    assert!(log.close());
    assert_eq!((log.written(), log.dropped()), (fit as u64 + 1, 0));
    assert!(matches!(
        wait(log.write(one)),
        Err(DecisionLogError::NotWritten)
    ));
}

#[test]
fn a_row_that_is_not_written_is_counted_or_withholds_the_decision() {
    for audit in [Audit::Counted, Audit::Strict] {
        let (gate, keeper) = Gate::new();
        let log = started(gate, audit);
        let row = row(&log, 10);
        keeper.ends.send(false).unwrap();
        let written = wait(log.write(&[row.clone(), row.clone()]));
        keeper.entered.recv().unwrap();
        let strict = audit == Audit::Strict;
        assert_eq!(written.is_err(), strict);
        if strict {
            assert!(log.withholds(), "and the writer tries again");
            keeper.entered.recv().unwrap();
            keeper.ends.send(true).unwrap();
        }
        keeper.ends.send(true).unwrap();
        wait(log.write(&[row])).unwrap();
        // Closing flushes once more.
        drop(keeper);
        assert!(log.close());
        assert_eq!((log.written(), log.failed(), log.dropped()), (1, 2, 0));
        assert!(!log.withholds());
    }
}

#[test]
fn what_was_accepted_is_written_when_the_log_goes() {
    let kept = Kept::default();
    let log = started(Box::new(kept.clone()), Audit::Counted);
    let row = row(&log, 10);
    for _ in 0..1_000 {
        wait(log.write(std::slice::from_ref(&row))).unwrap();
    }
    drop(log);
    assert_eq!(kept.bytes().len(), 1_000 * row.line().len());
}
