//! A server that is told to stop, and one that is killed: what was answered is in the
//! decision log.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support;

/// A server that is gone with the test.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ]);
        command.args([
            "--world",
            support::at("tests/corpus/worlds/fabrikam.json")
                .to_str()
                .unwrap(),
        ]);
        command.args(["--data", "data"]).args(more);
        command.env_remove("AOBO_LOG").current_dir(folder);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        command.stdout(fs::File::create(folder.join("stdout")).unwrap());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let banner = lines.by_ref().map(Result::unwrap);
        let banner = { banner }
            .find(|line| line.starts_with("listening on "))
            .unwrap();
        // Whoever writes more must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let address = banner.split(": revision").next().unwrap();
        let address = address
            .strip_prefix("listening on http://")
            .unwrap()
            .to_owned();
        Self { child, address }
    }

    fn connect(&self) -> BufReader<TcpStream> {
        BufReader::new(TcpStream::connect(&self.address).unwrap())
    }

    fn signal(&mut self, name: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks one question, with a secret in it; the answer must come.
fn ask(connection: &mut BufReader<TcpStream>, number: usize) -> bool {
    let body = json!({
        "subject": {"type": "PartnerUser", "id": "hugo@fabrikam.example"},
        "action": {"name": if number.is_multiple_of(2) { "ResetPassword" } else { "DeleteUser" }},
        "resource": {"type": "CustomerUser", "id": "mia@contoso.example"},
        "context": {"password": "c4nary", "number": number},
    });
    let body = body.to_string();
    let head = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: q{number}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.get_mut().write_all(head.as_bytes()).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        assert_ne!(connection.read_line(&mut line).unwrap(), 0);
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length: ") {
            length = bytes.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    answer["decision"].as_bool().expect("a decision")
}

fn ask_many(server: &Running, count: usize) {
    let mut connection = server.connect();
    for number in 0..count {
        assert_eq!(ask(&mut connection, number), number.is_multiple_of(2));
    }
}

/// Rows of a log, by the ids of their requests.
fn request_ids(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    assert!(!text.contains("c4nary"));
    let rows = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    rows.map(|row| row["request_id"].as_str().unwrap().to_owned())
        .collect()
}

#[track_caller]
fn replays(folder: &Path, log: &str, rows: usize) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    command
        .current_dir(folder)
        .args(["replay", log, "--data", "data", "--format", "json"]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["rows"], &report["same"]),
        (&json!(rows), &json!(rows)),
        "{report:#}"
    );
}

const COUNT: usize = 100;

fn wanted() -> Vec<String> {
    (0..COUNT).map(|number| format!("q{number}")).collect()
}

#[test]
fn nothing_that_was_answered_is_lost_when_it_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(folder.path(), &["--decision-log", "log"]);
    ask_many(&server, COUNT);
    assert_eq!(server.signal("-TERM"), Some(0));
    assert_eq!(request_ids(&folder.path().join("log")), wanted());
    replays(folder.path(), "log", COUNT);
    // It goes on where it was, under the same key.
    let mut server = Running::start(folder.path(), &["--decision-log", "log"]);
    ask_many(&server, 1);
    assert_eq!(server.signal("-TERM"), Some(0));
    replays(folder.path(), "log", COUNT + 1);
    let text = fs::read_to_string(folder.path().join("log")).unwrap();
    let masks = text.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        row["masked"]["context"]["password"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    let masks: std::collections::BTreeSet<String> = masks.collect();
    assert_eq!(masks.len(), 1, "equal values, one mask");
}

#[test]
fn nothing_that_was_answered_is_lost_when_it_is_killed_under_strict_audit() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(
        folder.path(),
        &["--decision-log", "log", "--audit", "strict"],
    );
    ask_many(&server, COUNT);
    assert_eq!(server.signal("-KILL"), None);
    assert_eq!(request_ids(&folder.path().join("log")), wanted());
    replays(folder.path(), "log", COUNT);
}

#[test]
fn rows_go_to_stdout_and_full_files_give_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(folder.path(), &["--decision-log", "-"]);
    ask_many(&server, COUNT);
    assert_eq!(server.signal("-TERM"), Some(0));
    assert_eq!(request_ids(&folder.path().join("stdout")), wanted());
    let bytes = fs::metadata(folder.path().join("stdout")).unwrap().len();
    let half = (bytes / 2).to_string();
    let small = [
        "--decision-log",
        "log",
        "--decision-log-bytes",
        &half,
        "--decision-log-kept",
        "3",
    ];
    let mut server = Running::start(folder.path(), &small);
    ask_many(&server, COUNT);
    assert_eq!(server.signal("-TERM"), Some(0));
    let names = ["log.2", "log.1", "log"].map(|name| folder.path().join(name));
    let there: Vec<_> = names.iter().filter(|path| path.is_file()).collect();
    assert!(there.len() >= 2, "{there:?}");
    let ids: Vec<String> = there.iter().flat_map(|path| request_ids(path)).collect();
    assert_eq!(ids, wanted());
    for path in there {
        assert!(fs::metadata(path).unwrap().len() <= bytes / 2);
    }
}
