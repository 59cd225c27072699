//! The data folder: who may have it, and what it must hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aobo::log::{Hash, Head, Log, LogError, Sqlite};
use rusqlite::Connection;

use super::{all, append, drafts, state};

#[test]
fn a_folder_is_made_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let log = Sqlite::open(&dir).unwrap();
    append(&log, &drafts(0..2));
    let expected = all(&log);
    drop(log);
    assert_eq!(all(&Sqlite::open(&dir).unwrap()), expected);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&dir).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    let error = Sqlite::open(&folder.path().join("not/there")).unwrap_err();
    assert!(matches!(error, LogError::Backend { .. }), "{error}");
}

/// Names the folder that a child tries to open.
const CHILD: &str = "AOBO_TEST_LOG_SECOND";

#[test]
fn a_second_writer_is_refused() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let error = Sqlite::open(dir.as_ref()).expect_err("it is in use");
        assert!(matches!(error, LogError::InUse { .. }), "{error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = Sqlite::open(folder.path()).unwrap();
    let error = Sqlite::open(folder.path()).unwrap_err();
    assert!(matches!(error, LogError::InUse { .. }), "{error}");
    let second = Command::new(std::env::current_exe().unwrap())
        .args(["log::folder::a_second_writer_is_refused", "--exact"])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stdout);
    assert!(
        second.status.success() && said.contains("1 passed"),
        "{said}"
    );
    append(&log, &drafts(0..1));
    drop(log);
    append(&Sqlite::open(folder.path()).unwrap(), &drafts(1..2));
}

#[test]
fn readers_stand_beside_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let error = Sqlite::open_beside(folder.path()).unwrap_err();
    assert!(matches!(error, LogError::Missing { .. }), "{error}");
    let log = Sqlite::open(folder.path()).unwrap();
    append(&log, &drafts(0..10));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 10..60 {
                append(&log, &drafts(number..number + 1));
            }
        });
        let mut seen = 10;
        while !writer.is_finished() || seen < 60 {
            let reader = Sqlite::open_beside(folder.path()).unwrap();
            let verified = reader.verify().unwrap();
            assert!(verified.records >= reader.head().seq && reader.head().seq >= seen);
            seen = reader.head().seq;
            assert_eq!(all(&reader).len() as u64, seen);
            let error = reader.append(reader.head(), &[]).unwrap_err();
            assert!(matches!(error, LogError::ReadOnly { .. }), "{error}");
        }
    });
    drop(log);
    let reader = Sqlite::open_beside(folder.path()).unwrap();
    assert_eq!(reader.verify().unwrap().records, 60);
    // A reader does not keep a writer out.
    append(&Sqlite::open(folder.path()).unwrap(), &drafts(60..61));
    assert_eq!(all(&reader).len(), 60, "it holds what there was");
}

/// Changes the database behind the log's back.
fn behind(dir: &std::path::Path, statement: &str) {
    let connection = Connection::open(dir.join("events.db")).unwrap();
    connection.execute_batch(statement).unwrap();
}

#[test]
fn what_is_not_this_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    append(&Sqlite::open(dir).unwrap(), &drafts(0..5));
    let refused = |statement: &str, undo: &str| {
        behind(dir, statement);
        let error = Sqlite::open(dir).expect_err(statement);
        behind(dir, undo);
        Sqlite::open(dir).expect(undo);
        error
    };
    let newer = refused("UPDATE meta SET format = 2", "UPDATE meta SET format = 1");
    assert!(
        matches!(newer, LogError::Newer { found: 2, known: 1 }),
        "{newer}"
    );
    let no_format = refused("UPDATE meta SET format = 0", "UPDATE meta SET format = 1");
    assert!(matches!(no_format, LogError::Damaged { .. }), "{no_format}");
    let more = refused("CREATE TABLE more(a)", "DROP TABLE more");
    assert!(matches!(more, LogError::Damaged { .. }), "{more}");
    let floor = refused(
        "UPDATE meta SET floor_seq = 5",
        "UPDATE meta SET floor_seq = 0",
    );
    assert!(matches!(floor, LogError::Damaged { .. }), "{floor}");
    let changed = refused(
        "UPDATE events SET version = version + 4 WHERE seq = 4",
        "UPDATE events SET version = version - 4 WHERE seq = 4",
    );
    assert!(
        matches!(changed, LogError::Corrupt { seq: 4, .. }),
        "{changed}"
    );
}

#[test]
fn the_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    behind(folder.path(), "CREATE TABLE notes(text)");
    let error = Sqlite::open(folder.path()).unwrap_err();
    assert!(matches!(error, LogError::Alien { .. }), "{error}");
    fs::write(folder.path().join("events.db"), "notes\n".repeat(1_000)).unwrap();
    let error = Sqlite::open(folder.path()).unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
}

fn checkpoint_file(dir: &Path, seq: u64) -> PathBuf {
    dir.join("checkpoints").join(format!("{seq:020}"))
}

/// Each byte of a checkpoint is needed: with any of them changed, or the end cut
/// off anywhere, none is given out.
#[test]
fn a_damaged_checkpoint_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let log = Sqlite::open(folder.path()).unwrap();
    let at = append(&log, &drafts(0..3))[2].head();
    let parts = || [b"first".to_vec(), Vec::new(), b"third".to_vec()].into_iter();
    log.keep_checkpoint(at, &mut parts()).unwrap();
    let file = checkpoint_file(folder.path(), 3);
    let whole = fs::read(&file).unwrap();
    let kept = log.read_checkpoint(9).unwrap().unwrap();
    assert_eq!(kept.at, at);
    let given: Vec<Vec<u8>> = kept.parts.map(Result::unwrap).collect();
    assert_eq!(given, parts().collect::<Vec<_>>());
    assert_eq!(log.sound_checkpoint(9).unwrap(), Some(at));
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        for bad in [&changed[..], &whole[..place]] {
            fs::write(&file, bad).unwrap();
            assert_eq!(log.checkpoint(9).unwrap(), None, "byte {place}");
            assert_eq!(log.sound_checkpoint(9).unwrap(), None, "byte {place}");
        }
    }
    fs::write(&file, &whole).unwrap();
    assert_eq!(
        log.checkpoint(9).unwrap(),
        Some((at, b"firstthird".to_vec()))
    );
}

/// A checkpoint that cannot be written is no failure of the log.
#[test]
fn a_checkpoint_that_fails_leaves_the_log_going() {
    let folder = tempfile::tempdir().unwrap();
    let log = Sqlite::open(folder.path()).unwrap();
    let at = append(&log, &drafts(0..3))[2].head();
    fs::write(folder.path().join("checkpoints"), "in the way").unwrap();
    let error = log.put_checkpoint(at, b"state").unwrap_err();
    assert!(matches!(error, LogError::Backend { .. }), "{error}");
    append(&log, &drafts(3..5));
    log.writable().unwrap();
}

/// One that is damaged, or of another history, is passed over for an older one.
#[test]
fn a_bad_checkpoint_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let log = Sqlite::open(folder.path()).unwrap();
    let records = append(&log, &drafts(0..5));
    for seq in [1, 2, 3] {
        log.put_checkpoint(records[seq].head(), format!("after {seq}").as_bytes())
            .unwrap();
    }
    drop(log);
    let newest = checkpoint_file(folder.path(), 4);
    let mut bytes = fs::read(&newest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&newest, bytes).unwrap();
    let log = Sqlite::open(folder.path()).unwrap();
    let second = Some((records[2].head(), b"after 2".to_vec()));
    assert_eq!(log.checkpoint(9).unwrap(), second);
    drop(log);
    // The checkpoint of another log, whole in itself, at a record this one has.
    let other = tempfile::tempdir().unwrap();
    let alien = Sqlite::open(other.path()).unwrap();
    append(&alien, &drafts(50..55));
    alien.put_checkpoint(alien.head(), b"alien").unwrap();
    drop(alien);
    let (from, to) = (other.path(), folder.path());
    fs::copy(checkpoint_file(from, 5), checkpoint_file(to, 5)).unwrap();
    let log = Sqlite::open(folder.path()).unwrap();
    assert_eq!(log.head().seq, 5);
    assert_eq!(log.checkpoint(9).unwrap(), second);
}

/// Each byte of the state at the floor is needed, and it is looked for where it is
/// needed: at the start, and by whoever verifies.
#[test]
fn a_damaged_state_at_the_floor_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let log = Sqlite::open(folder.path()).unwrap();
    let records = append(&log, &drafts(0..4));
    log.drop_archived(state(records[1].head(), &["{\"a\":1}", "{}"]))
        .unwrap();
    drop(log);
    let file = folder.path().join("floor").join(format!("{:020}.jsonl", 2));
    let whole = fs::read(&file).unwrap();
    let noticed = || {
        let error = Sqlite::open(folder.path()).expect_err("it is not as it was");
        assert!(
            matches!(error, LogError::Damaged { file: "floor", .. }),
            "{error}"
        );
        Sqlite::open_beside(folder.path()).unwrap_err();
        let reader = Sqlite::open_as_it_is(folder.path()).unwrap();
        reader.verify().unwrap_err();
    };
    for place in 0..whole.len() - 1 {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        for bad in [&changed[..], &whole[..place]] {
            fs::write(&file, bad).unwrap();
            noticed();
        }
    }
    fs::write(&file, [&whole[..], &whole[..]].concat()).unwrap();
    noticed();
    fs::remove_file(&file).unwrap();
    noticed();
    // A log that was compacted before there were states opens; it is told of when
    // somebody asks.
    fs::remove_dir(folder.path().join("floor")).unwrap();
    let log = Sqlite::open(folder.path()).unwrap();
    assert!(log.floor_state().unwrap().is_none());
    log.verify().unwrap_err();
    append(&log, &drafts(4..5));
}

#[test]
fn hashes_read_back_from_text() {
    let hash = Hash::of(&[b"a", b"bc"]);
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(
        (hash.to_string().as_str(), Hash::from_hex(text)),
        (text, Some(hash))
    );
    for bad in [
        "",
        &text[1..],
        &text.to_uppercase(),
        &text.replace('b', "g"),
    ] {
        assert_eq!(Hash::from_hex(bad), None);
    }
    assert_eq!(Head::START.hash, Hash::ZERO);
}
