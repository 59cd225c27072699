//! What every backend does. A new one runs this with a function that makes an
//! empty log.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use aobo::log::{
    CHECKPOINT_PART_BYTES_MAX, CHECKPOINTS_KEPT, Draft, Entry, FloorState, Hash, Head, Log,
    LogError, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, Record,
};

use super::{all, append, draft, drafts, entries, floor_state, payload, state};

type New<'a> = &'a dyn Fn() -> Box<dyn Log>;

pub(super) fn run(new: New<'_>) {
    let cases: [fn(&dyn Log); 13] = [
        starts_empty,
        keeps_order_and_bytes,
        compares_the_head,
        knows_keys,
        refuses_what_it_does_not_keep,
        takes_the_largest,
        appends_nothing,
        reads_in_parts,
        takes_many_writers,
        keeps_checkpoints,
        refuses_alien_checkpoints,
        drops_what_is_archived,
        drops_no_more_than_it_may,
    ];
    cases.iter().for_each(|case| case(&*new()));
    restores_all_or_none(new);
    restores_from_a_floor(new);
}

fn starts_empty(log: &dyn Log) {
    assert_eq!((log.head(), log.floor()), (Head::START, Head::START));
    assert_eq!(all(log), []);
    assert_eq!(log.read(0, 10).unwrap(), []);
    assert_eq!(log.checkpoint(u64::MAX).unwrap(), None);
    assert_eq!(log.with_key("key-1").unwrap(), None);
    assert_eq!(log.verify().unwrap().records, 0);
    log.writable().expect("it takes appends");
}

fn keeps_order_and_bytes(log: &dyn Log) {
    let first = append(log, &drafts(0..3));
    let then = append(log, &drafts(3..10));
    let records = [first, then].concat();
    assert_eq!(all(log), records);
    let mut before = Head::START;
    for (record, number) in records.iter().zip(0..) {
        let wanted = draft(number);
        assert_eq!(record.seq, number + 1);
        assert_eq!(record.at, wanted.at);
        assert_eq!((&record.actor, &record.kind), (&wanted.actor, &wanted.kind));
        assert_eq!(
            (record.payload.as_str(), record.version),
            (wanted.payload.as_str(), wanted.version)
        );
        assert_eq!(record.idempotency_key, wanted.idempotency_key);
        assert_eq!(
            (record.previous, record.hash),
            (before.hash, record.computed_hash())
        );
        before = record.head();
    }
    assert_eq!(log.head(), before);
    let verified = log.verify().unwrap();
    assert_eq!((verified.records, verified.head), (10, before));
}

fn compares_the_head(log: &dyn Log) {
    append(log, &drafts(0..2));
    let head = log.head();
    let elsewhere = Head {
        hash: Hash([7; 32]),
        ..head
    };
    for expected in [Head::START, elsewhere, Head { seq: 3, ..head }] {
        let error = log.append(expected, &drafts(2..3)).unwrap_err();
        assert!(
            matches!(error, LogError::Moved { head: now } if now == head),
            "{error}"
        );
    }
    assert_eq!(log.head(), head);
    log.append(head, &drafts(2..3)).expect("the head as it is");
}

fn knows_keys(log: &dyn Log) {
    let records = append(log, &drafts(0..4));
    for record in &records {
        if let Some(key) = &record.idempotency_key {
            assert_eq!(log.with_key(key).unwrap().as_ref(), Some(record));
        }
    }
    for other in ["key", "KEY-1", "key-1 ", "", "key-2", "％"] {
        assert_eq!(log.with_key(other).unwrap(), None);
    }
    let head = log.head();
    let again = [draft(9), draft(1)];
    let error = log.append(head, &again).unwrap_err();
    assert!(
        matches!(&error, LogError::Repeated { key, seq: Some(2) } if key == "key-1"),
        "{error}"
    );
    let error = log.append(head, &[draft(6), draft(6)]).unwrap_err();
    assert!(
        matches!(&error, LogError::Repeated { key, seq: None } if key == "key-6"),
        "{error}"
    );
    assert_eq!(
        (log.head(), all(log)),
        (head, records),
        "nothing was appended"
    );
    // The same without keys is another event; keys differ by every byte.
    append(log, &[draft(2), draft(2)]);
    let keyed = |key: &str| Draft {
        idempotency_key: Some(key.to_owned()),
        ..draft(0)
    };
    append(
        log,
        &[
            keyed("KEY-0"),
            keyed("key-0 "),
            keyed("é"),
            keyed("e\u{301}"),
        ],
    );
    assert_eq!(log.with_key("é").unwrap().unwrap().seq, 9);
}

fn refuses_what_it_does_not_keep(log: &dyn Log) {
    let actor = |actor: &str| Draft {
        actor: actor.to_owned(),
        ..draft(0)
    };
    let kind = |kind: &str| Draft {
        kind: kind.to_owned(),
        ..draft(0)
    };
    let key = |key: &str| Draft {
        idempotency_key: Some(key.to_owned()),
        ..draft(0)
    };
    let too_long = "x".repeat(NAME_BYTES_MAX + 1);
    let cases = [
        (actor(""), "actor is empty"),
        (kind(""), "kind is empty"),
        (key(""), "key is empty"),
        (actor("a\0b"), "control character"),
        (kind(&too_long), "1025 bytes"),
    ];
    for (refused, wanted) in cases {
        let error = log.append(Head::START, &[draft(1), refused]).unwrap_err();
        let LogError::Draft { index: 1, what } = &error else {
            panic!("{error}");
        };
        assert!(what.contains(wanted), "{what}");
    }
    assert_eq!(log.head(), Head::START);
}

fn takes_the_largest(log: &dyn Log) {
    let largest = Draft {
        actor: "x".repeat(NAME_BYTES_MAX),
        payload: payload(format!(
            "{{\"x\":\"{}\"}}",
            "x".repeat(PAYLOAD_BYTES_MAX - 8)
        )),
        ..draft(0)
    };
    assert_eq!(largest.payload.len(), PAYLOAD_BYTES_MAX);
    let records = append(log, &[largest]);
    assert_eq!(all(log), records);
}

fn appends_nothing(log: &dyn Log) {
    assert_eq!(append(log, &[]), []);
    append(log, &drafts(0..1));
    let head = log.head();
    assert_eq!(append(log, &[]), []);
    assert_eq!(log.head(), head);
    log.append(Head::START, &[])
        .expect_err("the head is compared all the same");
}

fn reads_in_parts(log: &dyn Log) {
    let records = append(log, &drafts(0..10));
    for after in 0..12 {
        for limit in [0, 1, 3, 10, usize::MAX] {
            let wanted = records.iter().skip(after as usize).take(limit);
            let wanted: Vec<_> = wanted.cloned().collect();
            assert_eq!(log.read(after, limit).unwrap(), wanted);
        }
    }
    assert_eq!(log.read(u64::MAX, usize::MAX).unwrap(), []);
    let mut seen = Vec::new();
    let scanned = log.scan(4, &mut |record| {
        // A scan does not keep anybody from the log.
        assert_eq!(log.head().seq, 10 + seen.len() as u64);
        append(log, &[draft(100 + record.seq)]);
        seen.push(record.seq);
        match seen.len() {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    scanned.unwrap();
    assert_eq!(seen, [5, 6, 7]);
}

fn takes_many_writers(log: &dyn Log) {
    let write = |writer: u64| {
        for number in 0..10 {
            let key = format!("{writer}-{number}");
            let own = Draft {
                idempotency_key: Some(key),
                ..draft(number)
            };
            let mut head = log.head();
            while let Err(error) = log.append(head, std::slice::from_ref(&own)) {
                let LogError::Moved { head: now } = error else {
                    panic!("{error}");
                };
                assert_ne!(now, head);
                head = now;
            }
            let read = log.with_key(own.idempotency_key.as_ref().unwrap());
            assert_eq!(read.unwrap().unwrap().payload, own.payload.as_str());
        }
    };
    std::thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || write(writer));
        }
    });
    let records = all(log);
    let keys: BTreeSet<_> = records.iter().map(|it| &it.idempotency_key).collect();
    assert_eq!((records.len(), keys.len()), (40, 40));
    log.verify().unwrap();
}

fn keeps_checkpoints(log: &dyn Log) {
    let records = append(log, &drafts(0..9));
    log.put_checkpoint(Head::START, b"nothing").unwrap();
    assert_eq!(
        log.checkpoint(9).unwrap(),
        Some((Head::START, b"nothing".to_vec()))
    );
    let at = |seq: usize| records[seq - 1].head();
    for seq in [2, 8, 4, 6] {
        log.put_checkpoint(at(seq), format!("state {seq}").as_bytes())
            .unwrap();
    }
    let state = |seq: usize| Some((at(seq), format!("state {seq}").into_bytes()));
    assert_eq!(CHECKPOINTS_KEPT, 3);
    assert_eq!(log.checkpoint(u64::MAX).unwrap(), state(8));
    assert_eq!(log.checkpoint(8).unwrap(), state(8));
    assert_eq!(log.checkpoint(7).unwrap(), state(6));
    assert_eq!(log.checkpoint(5).unwrap(), state(4));
    assert_eq!(log.checkpoint(3).unwrap(), None, "only the newest are kept");
    log.put_checkpoint(at(8), b"").unwrap();
    assert_eq!(log.checkpoint(9).unwrap(), Some((at(8), Vec::new())));
}

fn refuses_alien_checkpoints(log: &dyn Log) {
    let records = append(log, &drafts(0..3));
    let alien = Head {
        hash: Hash([1; 32]),
        ..records[1].head()
    };
    let beyond = Head {
        seq: 4,
        ..records[2].head()
    };
    for at in [
        alien,
        beyond,
        Head {
            seq: 0,
            hash: Hash([1; 32]),
        },
    ] {
        let error = log.put_checkpoint(at, b"state").unwrap_err();
        assert!(matches!(error, LogError::NoSuchPosition { .. }), "{error}");
    }
    let too_large = vec![0; CHECKPOINT_PART_BYTES_MAX + 1];
    let error = log.put_checkpoint(log.head(), &too_large).unwrap_err();
    assert!(matches!(error, LogError::TooLarge { .. }), "{error}");
    assert_eq!(log.checkpoint(9).unwrap(), None);
    append(log, &drafts(3..4));
}

fn drops_what_is_archived(log: &dyn Log) {
    let records = append(log, &drafts(0..10));
    assert_eq!(floor_state(log), None);
    log.put_checkpoint(records[1].head(), b"early").unwrap();
    log.put_checkpoint(records[5].head(), b"late").unwrap();
    let last = records[5].head();
    let parts = ["{\"first\": 1.50}", "{}", "{\"name\":\"Łódź\"}"];
    log.drop_archived(state(last, &parts)).unwrap();
    assert_eq!((log.floor(), log.head()), (last, records[9].head()));
    assert_eq!(all(log), records[6..]);
    assert_eq!(log.verify().unwrap().records, 4);
    for after in 0..6 {
        let error = log.read(after, 1).unwrap_err();
        assert!(matches!(error, LogError::Archived { floor: 6 }), "{error}");
        log.scan(after, &mut |_| ControlFlow::Break(()))
            .unwrap_err();
    }
    assert_eq!(log.checkpoint(9).unwrap(), Some((last, b"late".to_vec())));
    assert_eq!(log.checkpoint(5).unwrap(), None);
    assert_eq!(log.with_key("key-0").unwrap(), None);
    assert_eq!(log.with_key("key-6").unwrap().as_ref(), Some(&records[6]));
    assert_eq!(
        floor_state(log),
        Some((last, parts.map(str::to_owned).to_vec()))
    );
    // It goes on, checkpoints come and go, and it goes again: the state is the floor's.
    append(log, &drafts(10..12));
    for _ in 0..=CHECKPOINTS_KEPT {
        log.put_checkpoint(append(log, &[draft(2)])[0].head(), b"new")
            .unwrap();
    }
    assert_eq!(floor_state(log).unwrap().0, last);
    let last = records[7].head();
    log.drop_archived(state(last, &[])).unwrap();
    let rest: Vec<u64> = all(log).iter().map(|record| record.seq).collect();
    assert_eq!(rest, [9, 10, 11, 12, 13, 14, 15, 16]);
    assert_eq!(floor_state(log), Some((last, Vec::new())));
    log.verify().unwrap();
}

fn drops_no_more_than_it_may(log: &dyn Log) {
    let records = append(log, &drafts(0..5));
    let error = log.drop_archived(state(log.head(), &[])).unwrap_err();
    let LogError::NotCompactable { what } = &error else {
        panic!("{error}");
    };
    assert!(what.contains("last record stays"), "{what}");
    let alien = Head {
        hash: Hash([1; 32]),
        ..records[1].head()
    };
    let error = log.drop_archived(state(alien, &[])).unwrap_err();
    assert!(matches!(error, LogError::NoSuchPosition { .. }), "{error}");
    // A state that does not come to its end is none.
    let bad = LogError::Line {
        line: 7,
        what: String::new(),
    };
    let parts = [Ok(payload("{}")), Err(bad)].into_iter();
    let half = FloorState {
        at: records[2].head(),
        parts: Box::new(parts),
    };
    let error = log.drop_archived(half).unwrap_err();
    assert!(matches!(error, LogError::Line { line: 7, .. }), "{error}");
    assert_eq!((log.floor(), floor_state(log)), (Head::START, None));
    assert_eq!(all(log), records);
    log.verify().unwrap();
    log.drop_archived(state(records[2].head(), &[])).unwrap();
    append(log, &drafts(5..6));
}

fn restores_all_or_none(new: New<'_>) {
    let source = new();
    let records = append(&*source, &drafts(0..6));
    let ok = || entries(&records);
    let log = new();
    assert_eq!(log.restore(&mut ok()).unwrap(), source.head());
    assert_eq!(all(&*log), records);
    let error = log.restore(&mut ok()).unwrap_err();
    assert!(matches!(error, LogError::NotEmpty { .. }), "{error}");
    append(&*log, &drafts(6..7));

    let log = new();
    let corrupt = |error: LogError, wanted: u64| {
        assert!(
            matches!(error, LogError::Corrupt { seq, .. } if seq == wanted),
            "{error}"
        );
    };
    corrupt(log.restore(&mut ok().skip(1)).unwrap_err(), 1);
    let mut changed = records.clone();
    changed[3].version += 1;
    corrupt(log.restore(&mut entries(&changed)).unwrap_err(), 4);
    let mut without = records.clone();
    without.remove(2);
    corrupt(log.restore(&mut entries(&without)).unwrap_err(), 3);
    let bad = LogError::Line {
        line: 7,
        what: String::new(),
    };
    let error = log.restore(&mut ok().chain([Err(bad)])).unwrap_err();
    assert!(matches!(error, LogError::Line { line: 7, .. }), "{error}");
    assert_eq!((log.head(), all(&*log)), (Head::START, Vec::new()));
    assert_eq!(
        log.restore(&mut ok()).unwrap(),
        source.head(),
        "it stays usable"
    );
}

/// Entries that begin at the state after a record.
fn from_floor(at: Head, parts: &[&str]) -> Vec<Result<Entry, LogError>> {
    let parts = parts.iter().map(|part| Ok(Entry::State(payload(*part))));
    std::iter::once(Ok(Entry::Floor(at))).chain(parts).collect()
}

fn restores_from_a_floor(new: New<'_>) {
    let source = new();
    let records: Vec<Record> = append(&*source, &drafts(0..6));
    let floor = records[3].head();
    let parts = ["{\"a\":1}", "{\"b\": 2}"];
    let log = new();
    let given = from_floor(floor, &parts).into_iter();
    let head = log
        .restore(&mut given.chain(entries(&records[4..])))
        .unwrap();
    assert_eq!((head, log.floor()), (source.head(), floor));
    assert_eq!(all(&*log), records[4..]);
    assert_eq!(
        floor_state(&*log),
        Some((floor, parts.map(str::to_owned).to_vec()))
    );
    assert_eq!(log.verify().unwrap().records, 2);
    append(&*log, &drafts(6..7));
    log.drop_archived(state(records[4].head(), &[])).unwrap();

    // With the archive before it, the state says nothing new.
    let log = new();
    let given = entries(&records[..4]).chain(from_floor(floor, &parts));
    let head = log
        .restore(&mut given.chain(entries(&records[4..])))
        .unwrap();
    assert_eq!((head, log.floor()), (source.head(), Head::START));
    assert_eq!((all(&*log), floor_state(&*log)), (records.clone(), None));

    let log = new();
    let refused = |given: Vec<Result<Entry, LogError>>, rest: &[Record], wanted: u64| {
        let error = log.restore(&mut given.into_iter().chain(entries(rest)));
        let error = error.unwrap_err();
        assert!(
            matches!(error, LogError::Corrupt { seq, .. } if seq == wanted),
            "{error}"
        );
        assert_eq!((log.head(), log.floor()), (Head::START, Head::START));
        assert_eq!(floor_state(&*log), None);
    };
    refused(from_floor(floor, &parts), &[], 5);
    refused(from_floor(floor, &parts), &records[5..], 5);
    refused(from_floor(records[2].head(), &parts), &records[4..], 4);
    let later = entries(&records[..2]).chain(from_floor(floor, &parts));
    refused(later.collect(), &records[4..], 4);
    log.restore(&mut entries(&records)).unwrap();
}
