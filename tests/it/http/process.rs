//! The binary behind a real socket, spoken to in plain HTTP.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use aobo::api::DRAIN_SECONDS_MAX;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{EVALUATION, explained, question, with};
use crate::support;

const HUGO: (&str, &str) = ("PartnerUser", "hugo@fabrikam.example");
const MIA: (&str, &str) = ("CustomerUser", "mia@contoso.example");

fn aobo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    command
        .arg("serve")
        .args(args)
        .env_remove("AOBO_LOG")
        .current_dir(support::at(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// How long a server may take for anything; only a broken one takes so long.
const PATIENCE: Duration = Duration::from_secs(DRAIN_SECONDS_MAX + 20);

/// A server that is gone with the test.
pub(crate) struct Running {
    _data: TempDir,
    child: Child,
    stderr: Option<BufReader<ChildStderr>>,
    address: String,
    banner: String,
}

impl Running {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::by(aobo, args)
    }

    /// One that may open so many files.
    pub(crate) fn with_descriptors(count: u32, args: &[&str]) -> Self {
        let limited = |args: &[&str]| {
            let plain = aobo(args);
            let mut shell = Command::new("sh");
            let script = format!("ulimit -n {count}; exec \"$0\" \"$@\"");
            shell.args(["-c", &script]).arg(plain.get_program());
            shell.args(plain.get_args()).env_remove("AOBO_LOG");
            shell.current_dir(support::at("")).stdin(Stdio::null());
            shell.stdout(Stdio::piped()).stderr(Stdio::piped());
            shell
        };
        Self::by(limited, args)
    }

    fn by(command: impl Fn(&[&str]) -> Command, args: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().to_str().unwrap();
        let mut all = vec!["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        // Generic mode has no data folder.
        if !args.contains(&"--schema") && !args.contains(&"--data") {
            all.extend(["--data", folder]);
        }
        let mut child = command(&[&all, args].concat()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let banner = loop {
            let start = said.len();
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it ended:\n{said}");
            let line = &said[start..];
            if line.starts_with("listening on ") {
                break line.trim_end().to_owned();
            }
        };
        let address = banner.split(": revision").next().unwrap();
        let address = address.strip_prefix("listening on http://").unwrap();
        Self {
            _data: data,
            child,
            stderr: Some(stderr),
            address: address.to_owned(),
            banner,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Connection(BufReader::new(stream))
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// How it ended, and what else it said.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut stderr = self.stderr.take().unwrap();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut said = String::new();
            let read = stderr.read_to_string(&mut said);
            tell.send(read.map(|_| said))
        });
        let said = told.recv_timeout(PATIENCE).expect("it ends").unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection, kept alive.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    fn post(&mut self, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let length = body.len();
        self.send(&format!(
            "POST {EVALUATION} HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    pub(crate) fn get(&mut self, path: &str) -> (u16, Value) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    fn send(&mut self, request: &str) -> (u16, Value) {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "{head:?}");
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_ascii_lowercase()),
            }
        }
        let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.iter().find_map(|h| h.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }
}

#[test]
fn it_answers_from_a_world_and_stops_when_told_to() {
    let server = Running::start(&["--world", "tests/corpus/worlds/fabrikam.json"]);
    let banner = &server.banner;
    assert!(
        banner.contains(": revision 2, bundle ") && banner.ends_with(" facts"),
        "{banner}"
    );
    let mut connection = server.connect();
    let reset = with(
        question(HUGO, "ResetPassword", MIA),
        json!({"context": {"customer": "contoso"}}),
    );
    let (status, answer) = connection.post(&reset);
    assert_eq!(
        (status, &answer["decision"]),
        (200, &json!(true)),
        "{answer}"
    );
    let by_mia = question(MIA, "ResetPassword", MIA);
    let (status, answer) = connection.post(&explained(by_mia));
    assert_eq!(
        (status, &answer["decision"]),
        (200, &json!(false)),
        "{answer}"
    );
    assert!(answer["context"]["reason"].is_object(), "{answer}");
    let (status, answer) = connection.post(&json!([]));
    assert_eq!(
        (status, &answer["error"]["code"]),
        (400, &json!("invalid-request"))
    );
    assert_eq!(connection.get("/livez").0, 200);
    let (status, ready) = connection.get("/readyz");
    assert_eq!((status, &ready["status"]), (200, &json!("ready")));
    assert!(banner.contains(ready["bundle"].as_str().unwrap()));
    // The connection is still open; an idle one does not hold the server up.
    server.signal("-TERM");
    let (ended, said) = server.end();
    assert_eq!(ended.code(), Some(0), "{said}");
}

#[test]
fn it_serves_a_directory_without_facts() {
    let server = Running::start(&["--profile", "autopilot-announced"]);
    assert!(server.banner.ends_with(" 0 facts"), "{}", server.banner);
    let (status, answer) = server.connect().post(&question(HUGO, "ResetPassword", MIA));
    assert_eq!((status, answer), (200, json!({"decision": false})));
    server.signal("-INT");
    assert_eq!(server.end().0.code(), Some(0));
}

#[test]
fn it_serves_any_schema() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let schema = "entity User, Photo; action view appliesTo {principal: User, resource: Photo};";
    let schema = file("s.cedarschema", schema);
    let policies = file(
        "p.cedar",
        "permit (principal == User::\"ana\", action, resource);",
    );
    let entities = file("e.json", r#"[{"uid": {"type": "User", "id": "ana"}}]"#);
    let server = Running::start(&[
        "--schema",
        &schema,
        "--policies",
        &policies,
        "--entities",
        &entities,
    ]);
    assert!(server.banner.ends_with(" 1 entities"), "{}", server.banner);
    let view = |who| question(("User", who), "view", ("Photo", "1"));
    let mut connection = server.connect();
    assert_eq!(
        connection.post(&view("ana")),
        (200, json!({"decision": true}))
    );
    assert_eq!(
        connection.post(&view("bo")),
        (200, json!({"decision": false}))
    );
    server.signal("-TERM");
    assert_eq!(server.end().0.code(), Some(0));
}

#[test]
fn it_reads_policies_again_when_they_change_and_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
    let schema = "entity User, Photo; action view appliesTo {principal: User, resource: Photo};";
    write("s.cedarschema", schema);
    let for_whom = |who: &str| format!("permit (principal == User::\"{who}\", action, resource);");
    write("p.cedar", &for_whom("ana"));
    let (schema, policies) = (path("s.cedarschema"), path("p.cedar"));
    let server = Running::start(&["--schema", &schema, "--policies", &policies]);
    let mut connection = server.connect();
    let mut allows = |who| {
        let (status, answer) = connection.post(&question(("User", who), "view", ("Photo", "1")));
        assert_eq!(status, 200, "{answer}");
        answer["decision"] == json!(true)
    };
    assert!(allows("ana") && !allows("bo"));
    // As editors do: a new file in the place of the old one. The watcher tells.
    write("p.cedar.new", &for_whom("bo"));
    std::fs::rename(path("p.cedar.new"), path("p.cedar")).unwrap();
    let begun = Instant::now();
    while !allows("bo") {
        assert!(begun.elapsed() < PATIENCE, "the change was not seen");
    }
    assert!(!allows("ana"));

    // A file that is refused is a warning, and the one before stays.
    write("p.cedar", "permit (principal, acton, resource);");
    server.signal("-HUP");
    let mut other = server.connect();
    let warned = loop {
        assert!(begun.elapsed() < PATIENCE * 2, "the refusal was not told");
        let (status, ready) = other.get("/readyz");
        assert_eq!(status, 200, "{ready}");
        if let Some(warning) = ready["warnings"][0].as_str() {
            break warning.to_owned();
        }
    };
    assert!(warned.contains("p.cedar:1"), "{warned}");
    assert!(allows("bo"));
    server.signal("-TERM");
    let (ended, said) = server.end();
    assert_eq!(ended.code(), Some(0), "{said}");
    assert!(said.contains("policies were taken into use"), "{said}");
    assert!(said.contains("policies were not taken into use"), "{said}");
}

#[test]
fn a_data_folder_is_decided_by_policies_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").to_str().unwrap().to_owned();
    let own = &["--schema", "schemas/csp.cedarschema", "--policies"];
    let policies = folder.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    for source in aobo::directory::Profile::Seed.sources() {
        let name = Path::new(&*source.name).file_name().unwrap();
        std::fs::write(policies.join(name), &*source.text).unwrap();
    }
    let policies = policies.to_str().unwrap();
    let server = Running::start(&[&own[..], &[policies, "--data", &data]].concat());
    assert!(
        server.banner.contains(": revision 1, "),
        "{}",
        server.banner
    );
    let more = "@id(\"none\") forbid (principal, action, resource is Device);";
    std::fs::write(folder.path().join("policies/more.cedar"), more).unwrap();
    server.signal("-HUP");
    let (begun, mut connection) = (Instant::now(), server.connect());
    while connection.get("/readyz").1["revision"] != json!(2) {
        assert!(begun.elapsed() < PATIENCE, "the new file was not taken");
    }
    server.signal("-TERM");
    assert_eq!(server.end().0.code(), Some(0));
    let server = Running::start(&["--data", &data]);
    assert!(
        server.banner.contains(": revision 2, "),
        "{}",
        server.banner
    );
}

/// What it says and how it ends, where it does not come to listening.
#[track_caller]
fn refused(args: &[&str], message: &[&str]) {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let more = ["--data", folder, "--admin-listen", "127.0.0.1:0"];
    let output = aobo(&[args, &more].concat()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // The lines are broken to a width.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(3), "{said}");
    for part in message {
        assert!(said.contains(part), "{said}");
    }
    assert!(output.stdout.is_empty() && !said.contains("listening on "));
}

#[test]
fn addresses_that_it_does_not_take() {
    refused(
        &["--listen", "0.0.0.0:0"],
        &["`0.0.0.0:0` is reached from other machines", "--insecure"],
    );
    refused(&["--listen", "[::]:0"], &["--insecure"]);
    refused(&["--listen", "nowhere"], &["--listen"]);
    let server = Running::start(&[]);
    refused(
        &["--listen", &server.address],
        &[
            "something else listens on",
            "choose another address with --listen",
        ],
    );
}

#[test]
fn worlds_that_it_does_not_take() {
    let bad = "tests/corpus/refused/worlds/dangling-partner.json";
    refused(
        &["--world", bad, "--listen", "127.0.0.1:0"],
        &["dangling-partner.json"],
    );
    refused(&["--world", "no-such-file.json"], &["no-such-file.json"]);
    refused(&["--profile", "public"], &["does not exist yet"]);
}
