//! `aobo decide --url` and `aobo search --url`: the binary asks a server, its own or
//! one that the test plays.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rcgen::generate_simple_self_signed;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::support;

const WORLD: &str = "tests/corpus/worlds/fabrikam.json";
const HUGO: &str = r#"PartnerUser::"hugo@fabrikam.example""#;
const MIA: &str = r#"CustomerUser::"mia@contoso.example""#;

fn aobo(args: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    command
        .args(args)
        .current_dir(support::at(""))
        .env("NO_COLOR", "1")
        .env_remove("AOBO_KEY")
        .env_remove("AOBO_LOG")
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    command
}

/// Runs it to its end: exit code, stdout, stderr without line breaks.
pub(super) fn run(args: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let output = aobo(args, environment).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    let err: Vec<&str> = err.split_whitespace().filter(|word| *word != "│").collect();
    (output.status.code().unwrap(), out, err.join(" "))
}

/// A server over [`WORLD`] that is gone with the test.
pub(super) struct Running {
    data: Option<TempDir>,
    child: Child,
    pub(super) url: String,
}

impl Running {
    pub(super) fn start(more: &[&str], data: TempDir) -> Self {
        let folder = data.path().to_str().unwrap();
        let kept = [
            "--admin-listen",
            "127.0.0.1:0",
            "--data",
            folder,
            "--world",
            WORLD,
        ];
        let mut server = Self::generic(&[&kept, more].concat());
        server.data = Some(data);
        server
    }

    /// The same without a data folder.
    pub(super) fn generic(more: &[&str]) -> Self {
        let mut args = vec!["serve"];
        if !more.contains(&"--listen") {
            args.extend(["--listen", "127.0.0.1:0"]);
        }
        args.extend(more);
        let mut command = aobo(&args, &[]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let url = loop {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended");
            if let Some(rest) = line.strip_prefix("listening on ") {
                break rest.split(": revision").next().unwrap().to_owned();
            }
        };
        // It goes on writing, and nobody is in its way.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let data = None;
        Self { data, child, url }
    }

    /// Ends it, and leaves its folder.
    fn gone(mut self) -> TempDir {
        self.data.take().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn decide<'a>(from: [&'a str; 2], action: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let question = ["--principal", HUGO, "--action", action, "--resource", MIA];
    [&["decide"][..], &from, &question, more].concat()
}

#[test]
fn a_server_is_asked_as_one_decides_here() {
    let server = Running::start(&[], tempfile::tempdir().unwrap());
    for (action, code) in [("ResetPassword", 0), ("DeleteUser", 2), ("Fly", 2)] {
        let here = run(&decide(["--world", WORLD], action, &["--explain"]), &[]);
        let there = run(&decide(["--url", &server.url], action, &["--explain"]), &[]);
        assert_eq!((here.0, there.0), (code, code), "{} {}", here.2, there.2);
        assert_eq!(there.1, here.1, "{action}");
        let json = |from| {
            let args = decide(from, action, &["--explain", "--format", "json"]);
            serde_json::from_str::<Value>(&run(&args, &[]).1).unwrap()
        };
        let (here, there) = (json(["--world", WORLD]), json(["--url", &server.url]));
        assert_eq!(there["decision"], here["decision"]);
        assert_eq!(there["problem"], here["problem"]);
        if code == 0 {
            assert_eq!(there["reason"], here["reason"]);
            assert_eq!(there["determining"], here["determining"]);
        }
        assert_eq!(there["revision"], 2);
    }
    // Before the world was there, and after.
    let at = |revision| decide(["--url", &server.url], "ResetPassword", revision);
    assert_eq!(run(&at(&["--as-of", "1"]), &[]).0, 2);
    assert_eq!(run(&at(&["--as-of", "2"]), &[]).0, 0);
    let (code, out, said) = run(&at(&["--as-of", "9"]), &[]);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(said.contains("answered 400"), "{said}");
    let (code, _, said) = run(&at(&["--now", "2020-09-01T09:00:00Z"]), &[]);
    assert!(
        code == 3 && said.contains("the clock of the server decides"),
        "{said}"
    );
}

#[test]
fn a_server_that_asks_for_keys_gets_one_from_the_environment() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap().to_owned();
    // A folder is seeded before it has keys.
    let data = Running::start(&[], data).gone();
    let create = |role| {
        let args = ["keys", "create", "--data", &folder, "--role", role];
        run(&args, &[]).1.trim().to_owned()
    };
    let (good, reader) = (create("decide"), create("admin-read"));
    let server = Running::start(&["--require-key"], data);
    let args = decide(["--url", &server.url], "ResetPassword", &[]);
    let with = |key: &str| run(&args, &[("AOBO_KEY", key), ("AOBO_LOG", "trace")]);
    let (code, out, said) = with(&good);
    assert_eq!(code, 0, "{said}");
    assert!(out.starts_with("allow "), "{out}");
    // What others might read has no key in it.
    let shown = format!("{out}{said}");
    assert!(
        !shown.contains(&good) && !shown.contains(&good[5..]),
        "{shown}"
    );
    let (code, out, said) = run(&args, &[]);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(
        said.contains("answered 401") && said.contains("AOBO_KEY"),
        "{said}"
    );
    for bad in ["aobo_0000", "x", "two words", "é"] {
        let (code, out, said) = with(bad);
        assert_eq!((code, out.as_str()), (3, ""), "{said}");
    }
    let (code, _, said) = with(&reader);
    assert!(code == 3 && said.contains("answered 403"), "{said}");
    assert!(!said.contains(&reader[5..]), "{said}");
}

/// A server that the test plays: each request is answered with the next text, and
/// kept.
struct Played {
    url: String,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Played {
    fn start(answers: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            for (status, answer) in answers {
                let (stream, _) = listener.accept().unwrap();
                let mut stream = BufReader::new(stream);
                kept.lock().unwrap().push(read(&mut stream));
                let _ = stream
                    .get_mut()
                    .write_all(reply(status, &answer).as_bytes());
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<(String, Value)> {
        self.requests.lock().unwrap().clone()
    }
}

/// The head of a request, and its body.
fn read(stream: &mut impl BufRead) -> (String, Value) {
    let mut head = String::new();
    loop {
        let start = head.len();
        stream.read_line(&mut head).unwrap();
        if head[start..].trim().is_empty() {
            break;
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

fn reply(status: u16, text: &str) -> String {
    let length = text.len();
    format!(
        "HTTP/1.1 {status} Answer\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}

#[test]
fn what_is_no_decision_exits_3() {
    // An address that is taken, and on which nobody listens.
    let closed = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    closed.bind(&any.into()).unwrap();
    let url = closed.local_addr().unwrap().as_socket().unwrap();
    let url = format!("http://{url}");
    let check = |url: &str, message: &str| {
        let (code, out, said) = run(&decide(["--url", url], "ResetPassword", &[]), &[]);
        assert_eq!((code, out.as_str()), (3, ""), "{said}");
        assert!(said.contains(message), "{said} has no {message}");
    };
    check(&url, "does not answer");
    for url in ["nowhere", "ftp://127.0.0.1", "http://", ""] {
        check(url, "no address of a server");
    }
    for (status, answer, message) in [
        (200, "<html>", "not JSON"),
        (200, "{}", "does not answer as a decision point"),
        (
            200,
            r#"{"decision": "true"}"#,
            "does not answer as a decision point",
        ),
        (
            200,
            r#"{"decision": 1}"#,
            "does not answer as a decision point",
        ),
        (200, "[true]", "does not answer as a decision point"),
        (302, r#"{"decision": true}"#, "answered 302"),
        (401, "<html>", "answered 401"),
        (
            403,
            r#"{"error": {"message": "not you"}}"#,
            "answered 403: not you",
        ),
        (500, r#"{"decision": true}"#, "answered 500"),
        (
            503,
            r#"{"error": {"message": "later"}}"#,
            "answered 503: later",
        ),
    ] {
        let server = Played::start(vec![(status, answer.to_owned())]);
        check(&server.url, message);
    }
    // Neither of two sources, and no two of them.
    let both = decide(["--url", &url], "ResetPassword", &["--world", WORLD]);
    assert_eq!(run(&both, &[]).0, 3);
    let both = decide(["--url", &url], "ResetPassword", &["--data", "nowhere"]);
    assert_eq!(run(&both, &[]).0, 3);
}

#[test]
fn a_question_goes_over_the_wire_as_it_was_asked() {
    let server = Played::start(vec![(200, r#"{"decision": true, "new": 1}"#.to_owned())]);
    let more = ["--context", r#"{"customer": "contoso"}"#, "--as-of", "17"];
    let args = decide(["--url", &server.url], r#"Action::"ResetPassword""#, &more);
    let (code, out, said) = run(&args, &[("AOBO_KEY", "aobo_12")]);
    assert_eq!(code, 0, "{said}");
    assert!(out.starts_with("allow "), "{out}");
    let (head, body) = server.requests().remove(0);
    let head = head.to_ascii_lowercase();
    assert!(
        head.starts_with("post /access/v1/evaluation http/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("\r\nauthorization: bearer aobo_12\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\naobo-as-of: 17\r\n"), "{head}");
    let wanted = json!({
        "subject": {"type": "PartnerUser", "id": "hugo@fabrikam.example"},
        "action": {"name": "ResetPassword"},
        "resource": {"type": "CustomerUser", "id": "mia@contoso.example"},
        "context": {"customer": "contoso"},
        "options": {"explain": false},
    });
    assert_eq!(body, wanted);
}

#[test]
fn a_search_reads_page_after_page() {
    let page = |ids: &[&str], next: &str| {
        let results: Vec<Value> = ids
            .iter()
            .map(|id| json!({"type": "Customer", "id": id}))
            .collect();
        (
            200,
            json!({"results": results, "page": {"next_token": next}}).to_string(),
        )
    };
    let pages = || vec![page(&["a", "b"], "t1"), page(&["c"], "")];
    let search = |server: &Played, more: &[&str]| {
        let args = [
            "search",
            "resources",
            "--url",
            &server.url,
            "--principal",
            HUGO,
        ];
        let args = [&args[..], &["--action", "ReadDirectory"], more].concat();
        run(&args, &[])
    };
    let server = Played::start(pages());
    let (code, out, said) = search(&server, &["--type", "Customer"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(out, "Customer::\"a\"\nCustomer::\"b\"\nCustomer::\"c\"\n");
    let requests = server.requests();
    assert!(
        requests[0]
            .0
            .starts_with("POST /access/v1/search/resource ")
    );
    let body = &requests[0].1;
    assert_eq!(body["resource"], json!({"type": "Customer"}));
    assert_eq!(body["page"], json!({"limit": 1_000}));
    assert_eq!(
        requests[1].1["page"],
        json!({"limit": 1_000, "token": "t1"})
    );
    let server = Played::start(pages());
    let more = ["--type", "Customer", "--limit", "2", "--format", "json"];
    let (code, out, _) = search(&server, &more);
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, out["results"].as_array().unwrap().len()), (0, 2));
    assert_eq!(out["more_after"], json!({"type": "Customer", "id": "b"}));
    assert_eq!(server.requests()[0].1["page"], json!({"limit": 2}));
    // No type, a page that repeats itself, and what is no answer.
    let server = Played::start(pages());
    assert_eq!(search(&server, &[]).0, 3);
    let server = Played::start(vec![page(&["a"], "t"), page(&["a"], "t")]);
    assert_eq!(search(&server, &["--type", "Customer"]).0, 3);
    let server = Played::start(vec![(200, r#"{"results": [{"id": "a"}]}"#.to_owned())]);
    assert_eq!(search(&server, &["--type", "Customer"]).0, 3);
}

#[test]
fn actions_and_principals_are_searched_too() {
    let server = Played::start(vec![(200, r#"{"results": [{"name": "Fly"}]}"#.to_owned())]);
    let args = [
        "search",
        "actions",
        "--url",
        &server.url,
        "--principal",
        HUGO,
    ];
    let (code, out, said) = run(&[&args[..], &["--resource", MIA]].concat(), &[]);
    assert_eq!((code, out.as_str()), (0, "Fly\n"), "{said}");
    assert!(
        server.requests()[0]
            .0
            .starts_with("POST /access/v1/search/action ")
    );
    let answer = json!({"results": [{"type": "PartnerUser", "id": "a"}]}).to_string();
    let server = Played::start(vec![(200, answer)]);
    let args = [
        "search",
        "principals",
        "--url",
        &server.url,
        "--type",
        "PartnerUser",
    ];
    let args = [&args[..], &["--action", "ResetPassword", "--resource", MIA]].concat();
    let (code, out, said) = run(&args, &[]);
    assert_eq!((code, out.as_str()), (0, "PartnerUser::\"a\"\n"), "{said}");
    let (head, body) = server.requests().remove(0);
    assert!(
        head.starts_with("POST /access/v1/search/subject "),
        "{head}"
    );
    assert_eq!(body["subject"], json!({"type": "PartnerUser"}));
}

/// A server with a certificate of a private authority answers only those who name it.
#[test]
fn a_private_authority_is_named() {
    let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ca = file("ca.pem", &made.cert.pem());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth();
    let config = config
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            // Whoever does not know the authority goes away.
            let mut first = [0; 1];
            if stream.read_exact(&mut first).is_ok() {
                let mut rest = BufReader::new(stream);
                read(&mut rest);
                let _ = rest
                    .get_mut()
                    .write_all(reply(200, r#"{"decision": true}"#).as_bytes());
            }
        }
    });
    let (code, out, said) = run(&decide(["--url", &url], "X", &["--ca", &ca]), &[]);
    assert_eq!(code, 0, "{said}");
    assert!(out.starts_with("allow "), "{out}");
    let (code, out, said) = run(&decide(["--url", &url], "X", &[]), &[]);
    assert_eq!((code, out.as_str()), (3, ""), "{said}");
    for bad in [
        file("empty.pem", ""),
        file("key.pem", &made.signing_key.serialize_pem()),
        "no/such/file".to_owned(),
    ] {
        let (code, out, said) = run(&decide(["--url", &url], "X", &["--ca", &bad]), &[]);
        assert_eq!((code, out.as_str()), (3, ""), "{said}");
    }
}
