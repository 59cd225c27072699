//! Policies and entities read again from their files, in process.
//!
//! What happens in the file system is done here step by step; that the watcher and
//! the signal set a reload off is for the tests of the server's process.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aobo::node::{
    DecisionPoint, LedgerError, PolicyFiles, Refusal, Reload, Reloaded, TOLD_MAX, Watching,
};
use tempfile::TempDir;

use crate::support::{self, NOW, ask};

const SCHEMA: &str = "entity User = {\"age\"?: Long}; entity Photo;
action view appliesTo {principal: User, resource: Photo};";

/// How long a swap may take to be seen; only a broken watcher takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a schema, policies and entities, and what follows it.
struct Followed {
    folder: TempDir,
    point: Arc<DecisionPoint>,
    reload: Reload,
}

impl Followed {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("s.cedarschema"), SCHEMA).unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        for n in 0..100 {
            write(folder.path(), n, "ana");
        }
        fs::write(folder.path().join("e.json"), "[]").unwrap();
        let (point, reload) = Reload::generic(files(folder.path()), Arc::new(|| NOW)).unwrap();
        let started = Self {
            folder,
            point,
            reload,
        };
        started.is(0, "ana");
        started
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Ana or Bo may look, at this revision; the other may not.
    #[track_caller]
    fn is(&self, revision: u64, who: &str) {
        let point = self.point.current();
        assert_eq!(point.snapshot().revision().0, revision);
        for name in ["ana", "bo"] {
            let asked = ask(("User", name), "view", ("Photo", "1"), "{}");
            assert_eq!(
                support::decide(&point, asked).allows(),
                name == who,
                "{name}"
            );
        }
    }

    #[track_caller]
    fn takes(&mut self, revision: u64) {
        let taken = self.reload.now().unwrap();
        let hash = self.point.current().snapshot().bundle().hash().to_string();
        assert_eq!(taken, Reloaded::Taken { revision, hash });
        assert_eq!(self.point.warning(), None);
    }

    /// What is in use stays, and somebody is told.
    #[track_caller]
    fn refuses(&mut self) -> Refusal {
        let before = Arc::clone(&self.point.current());
        let error = self.reload.now().unwrap_err();
        assert!(Arc::ptr_eq(&before, &self.point.current()));
        let warning = self.point.warning().expect("a warning");
        assert!(warning.contains("2020-09-01T09:00:00Z"), "{warning}");
        match error {
            LedgerError::Bundle(refusal) => *refusal,
            other => panic!("{other}"),
        }
    }
}

fn files(folder: &Path) -> PolicyFiles {
    PolicyFiles {
        schema: folder.join("s.cedarschema"),
        policies: folder.join("policies"),
        entities: Some(folder.join("e.json")),
    }
}

/// One of a hundred files of policies.
fn write(folder: &Path, n: usize, who: &str) {
    let text = format!("@id(\"p{n}\") permit (principal == User::\"{who}\", action, resource);");
    fs::write(folder.join(format!("policies/p{n:02}.cedar")), text).unwrap();
}

#[test]
fn a_change_is_one_revision_and_no_change_is_none() {
    let mut all = Followed::start();
    assert_eq!(all.reload.now().unwrap(), Reloaded::Unchanged);
    assert_eq!(all.reload.if_changed().unwrap(), Reloaded::Unchanged);
    all.is(0, "ana");
    for n in 0..100 {
        write(all.folder.path(), n, "bo");
    }
    all.takes(1);
    all.is(1, "bo");
    assert_eq!(all.reload.now().unwrap(), Reloaded::Unchanged);
    // Entities count too.
    let entities = r#"[{"uid": {"type": "User", "id": "bo"}, "attrs": {"age": 7}}]"#;
    fs::write(all.file("e.json"), entities).unwrap();
    all.takes(2);
    all.is(2, "bo");
}

#[test]
fn one_bad_file_among_a_hundred_keeps_the_old_bundle() {
    let mut all = Followed::start();
    for n in 0..100 {
        write(all.folder.path(), n, "bo");
    }
    let bad = all.file("policies/p42.cedar");
    let good = fs::read_to_string(&bad).unwrap();
    for text in [
        "permit (principal, acton, resource);",
        "permit (principal, action, resource) when { principal.nonesuch };",
        "permit",
        "@id(\"p41\") permit (principal, action, resource);",
    ] {
        fs::write(&bad, format!("\n{text}")).unwrap();
        let (told, more) = all.refuses().told();
        assert_eq!(more, 0);
        let place = told[0].place.as_deref().unwrap();
        assert!(place.ends_with("p42.cedar:2"), "{place}");
        assert!(told[0].help.is_some(), "{told:?}");
        let warning = all.point.warning().unwrap();
        assert!(warning.contains("p42.cedar:2"), "{warning}");
        all.is(0, "ana");
    }
    fs::write(&bad, [0xFF]).unwrap();
    assert!(matches!(all.refuses(), Refusal::Unreadable(_)));
    fs::remove_dir_all(all.file("policies")).unwrap();
    assert!(matches!(all.refuses(), Refusal::Unreadable(_)));
    fs::create_dir(all.file("policies")).unwrap();
    assert!(
        matches!(all.refuses(), Refusal::Unreadable(_)),
        "no policies"
    );
    all.is(0, "ana");
    // What is as it was in use settles the warning and is no change.
    for n in 0..100 {
        write(all.folder.path(), n, "ana");
    }
    assert_eq!(all.reload.now().unwrap(), Reloaded::Unchanged);
    assert_eq!(all.point.warning(), None);
    for n in 0..100 {
        write(all.folder.path(), n, "bo");
    }
    fs::write(&bad, good.replace("ana", "bo")).unwrap();
    all.takes(1);
    all.is(1, "bo");
}

#[test]
fn entities_that_the_new_schema_refuses_block_it_with_a_list() {
    let mut all = Followed::start();
    let entity =
        |n: usize| format!(r#"{{"uid": {{"type": "User", "id": "u{n}"}}, "attrs": {{"age": 1}}}}"#);
    let count = TOLD_MAX + 3;
    let entities: Vec<String> = (0..count).map(entity).collect();
    fs::write(all.file("e.json"), format!("[{}]", entities.join(","))).unwrap();
    all.takes(1);
    fs::write(all.file("s.cedarschema"), SCHEMA.replace("Long", "String")).unwrap();
    let refusal = all.refuses();
    let (told, more) = refusal.told();
    assert_eq!((told.len(), more), (TOLD_MAX, 3));
    assert!(
        told[0].message.contains("[0]") && told[1].message.contains("[1]"),
        "{told:?}"
    );
    assert!(
        refusal
            .to_string()
            .contains(&format!("{count} facts do not fit"))
    );
    all.is(1, "ana");
}

#[test]
fn a_config_map_is_swapped_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path();
    let generation = |name: &str, who: &str| {
        let inner = mount.join(name);
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("s.cedarschema"), SCHEMA).unwrap();
        let text = format!("permit (principal == User::\"{who}\", action, resource);");
        fs::write(inner.join("p.cedar"), text).unwrap();
    };
    generation("..1", "ana");
    symlink("..1", mount.join("..data")).unwrap();
    for name in ["s.cedarschema", "p.cedar"] {
        symlink(format!("..data/{name}"), mount.join(name)).unwrap();
    }
    let files = PolicyFiles {
        schema: mount.join("s.cedarschema"),
        policies: mount.to_path_buf(),
        entities: None,
    };
    let (point, reload) = Reload::generic(files, Arc::new(|| NOW)).unwrap();
    let _watching = Watching::start(reload).unwrap();
    let allows = |who: &str| {
        let point = point.current();
        support::decide(&point, ask(("User", who), "view", ("Photo", "1"), "{}")).allows()
    };
    assert!(allows("ana") && !allows("bo"));
    generation("..2", "bo");
    symlink("..2", mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    fs::remove_dir_all(mount.join("..1")).unwrap();
    // The watcher tells; nobody asks for it.
    let begun = Instant::now();
    while !allows("bo") {
        assert!(begun.elapsed() < PATIENCE, "the swap was not seen");
        thread::yield_now();
    }
    assert!(!allows("ana"));
    assert_eq!(point.current().snapshot().revision().0, 1);
}

#[test]
fn a_reader_sees_one_bundle_or_the_other() {
    let mut all = Followed::start();
    let done = AtomicBool::new(false);
    let point = Arc::clone(&all.point);
    let read = || {
        let (mut last, mut answers) = (0, 0_u64);
        while !done.load(Ordering::Relaxed) {
            let point = point.current();
            let revision = point.snapshot().revision().0;
            assert!(revision >= last);
            last = revision;
            let may = |who| {
                support::decide(&point, ask(("User", who), "view", ("Photo", "1"), "{}")).allows()
            };
            let even = revision.is_multiple_of(2);
            assert_eq!((may("ana"), may("bo")), (even, !even));
            answers += 1;
        }
        answers
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(read)).collect();
        for revision in 1..=support::scaled(10) as u64 {
            let who = ["ana", "bo"][usize::from(revision % 2 == 1)];
            for n in 0..100 {
                write(all.folder.path(), n, who);
            }
            all.takes(revision);
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
}
