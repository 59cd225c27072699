//! A disk that fails, as the system says it: nothing is acknowledged after it, the
//! server decides on and says that it takes no writes, and what was acknowledged is
//! there.
//!
//! The failures are those of system calls and no hook of ours: a limit on the size
//! of files stands for a disk without room, and strace puts errors in the place of
//! syncs. The child is this binary again, running the same test alone.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use aobo::log::{Log, Sqlite};
use aobo::node::{Choice, Folded};
use serde_json::json;

use super::{Call, Desk, open, sign_in};

/// Names the data folder to a child.
const CHILD: &str = "AOBO_TEST_DISK_CHILD";
/// Blocks of 512 bytes, or of 1,024 by some shells, that a file may have: less than
/// the WAL comes to.
const BLOCKS: u32 = 2_048;
/// The sync from which on all of a thread fail.
const FAILING_SYNC: u32 = 30;

#[test]
fn a_disk_without_room_ends_writing_only() {
    let script = format!("trap '' XFSZ; ulimit -f {BLOCKS}; exec \"$0\" \"$@\"");
    check(
        "a_disk_without_room_ends_writing_only",
        &["sh", "-c", &script],
    );
}

#[test]
fn a_failed_sync_ends_writing_only() {
    let inject = format!("inject=fsync,fdatasync:error=EIO:when={FAILING_SYNC}+");
    let strace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync,fdatasync",
    ];
    if std::env::var_os(CHILD).is_none() && !runs(&strace) {
        let required = std::env::var("AOBO_REQUIRE").is_ok_and(|which| which == "all");
        assert!(!required, "strace is needed, and AOBO_REQUIRE=all");
        eprintln!("skipped: strace");
        return;
    }
    check(
        "a_failed_sync_ends_writing_only",
        &[&strace[..], &["-e", &inject]].concat(),
    );
}

/// Whether a program runs another one.
fn runs(command: &[&str]) -> bool {
    let mut tried = Command::new(command[0]);
    tried.args(&command[1..]).arg("true");
    let tried = tried.stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// Lets a child write under a command that makes its disk fail.
#[track_caller]
fn check(test: &str, under: &[&str]) {
    if let Ok(dir) = std::env::var(CHILD) {
        return write_until_refused(Path::new(&dir));
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(under[0])
        .args(&under[1..])
        .arg(std::env::current_exe().unwrap())
        .arg(format!("admin::disk::{test}"))
        .args(["--exact", "--nocapture"])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success() && said.contains("\ndone\n"),
        "{said}\n{errors}"
    );
    let acknowledged: BTreeMap<u64, &str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("ack ")?.split_once(' '))
        .map(|(seq, user)| (seq.parse().unwrap(), user))
        .collect();
    assert!(acknowledged.len() > 10, "{said}");

    let log: Arc<dyn Log> = Arc::new(Sqlite::open(folder.path()).expect("it opens again"));
    log.verify().unwrap();
    for (seq, user) in &acknowledged {
        let record = &log.read(seq - 1, 1).unwrap()[0];
        assert!(
            record.payload.contains(&format!("\"{user}\"")),
            "{record:?}"
        );
    }
    // What was not acknowledged may be there, as the last.
    let last = acknowledged.last_key_value().unwrap().0;
    assert!((*last..=last + 1).contains(&log.head().seq));
    let folded = Folded::replay_all(log.as_ref(), u64::MAX).unwrap();
    let (ledger, _) = open(log, Choice::Last, None).unwrap();
    assert_eq!(super::facts(&ledger), folded.world);
}

fn write_until_refused(dir: &Path) {
    let desk = Desk::on(Arc::new(Sqlite::open(dir).unwrap()));
    say("");
    let refused = (0..10_000).find(|number| {
        let user = format!("user-{number}");
        let reply = desk.creates(&user).send();
        if reply.status == 200 {
            say(&format!("ack {} {user}", reply.written()));
            return false;
        }
        reply.refused(503, "not-written");
        true
    });
    assert!(refused.is_some(), "the disk never failed");
    let before = desk.head();
    desk.creates("after").send().refused(503, "not-written");
    desk.wrote_nothing_since(before);
    assert!(desk.allows(&sign_in()));
    let reasons = json!(["the log takes no writes; decisions go on"]);
    for router in [&desk.admin, &desk.decisions] {
        let ready = Call::new(router, "GET", "/readyz").send();
        assert_eq!((ready.status, &ready.json["reasons"]), (503, &reasons));
    }
    say("done");
}

/// Tells the parent a line.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .expect("the parent reads");
}
