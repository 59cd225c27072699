//! Lines about a request: whose trace it is, and nothing that is secret.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aobo::api::Spans;
use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use crate::metrics::Server;

/// Lines that were written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The lines of an evaluation with these headers, as JSON.
fn lines(headers: &[(&str, &str)], path: &str) -> Vec<Value> {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .json()
        .with_span_list(false)
        .with_writer(lines.clone())
        .finish();
    let server = Server::start();
    tracing::subscriber::with_default(subscriber, || {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        server.send(request.body(Body::from("{\"canary-body\": 1}")).unwrap());
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("canary"), "{text}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn a_request_leaves_one_line_in_the_trace_that_it_is_of() {
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = [
        ("traceparent", parent.as_str()),
        ("X-Request-ID", "r-1"),
        ("Authorization", "Bearer canary-key"),
        ("Aobo-Principal", "canary-principal"),
    ];
    let lines = lines(&headers, "/access/v1/evaluation?key=canary-query");
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (fields, span) = (&lines[0]["fields"], &lines[0]["span"]);
    assert_eq!(lines[0]["target"], "aobo::access");
    assert_eq!(fields["route"], "/access/v1/evaluation");
    assert_eq!(fields["path"], "/access/v1/evaluation");
    assert_eq!(fields["status"], 401);
    assert!(fields["micros"].is_u64());
    assert_eq!(span["request_id"], "r-1");
    assert_eq!(span["trace_id"], TRACE);
    let own = span["span_id"].as_str().unwrap();
    assert!(own.len() == 16 && own != "00f067aa0ba902b7", "{own}");
}

#[test]
fn a_bad_trace_is_replaced() {
    let bad = format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase());
    let lines = lines(&[("traceparent", &bad)], "/access/v1/evaluation");
    let made = lines[0]["span"]["trace_id"].as_str().unwrap();
    assert!(
        made.len() == 32 && !made.eq_ignore_ascii_case(TRACE),
        "{made}"
    );
}

/// Takes one request as a collector would, and gives back its head and its body.
fn collect(listener: &TcpListener) -> (String, Vec<u8>) {
    let (stream, _) = listener.accept().unwrap();
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length = name.eq_ignore_ascii_case("content-length");
        length.then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.expect("a length")];
    stream.read_exact(&mut body).unwrap();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.into_inner().write_all(answer.as_bytes()).unwrap();
    (head, body)
}

#[test]
fn spans_are_sent_if_the_caller_records_its_trace() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}");
    let collector = std::thread::spawn(move || collect(&listener));
    // Of the traces that begin here, none.
    let spans = Arc::new(Spans::to(&url, 0.0).unwrap());
    let server = Server::exporting(Arc::clone(&spans));
    let ask = |traceparent: Option<String>, id: &str| {
        let mut request = Request::post("/access/v1/evaluation?canary")
            .header("X-Request-ID", id)
            .header("Authorization", "Bearer canary");
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        server.send(request.body(Body::from("canary")).unwrap());
    };
    ask(None, "begun-here");
    ask(
        Some(format!("00-{TRACE}-00f067aa0ba902b7-00")),
        "not-recorded",
    );
    ask(Some(format!("00-{TRACE}-00f067aa0ba902b7-01")), "recorded");
    spans.close();
    // If nothing came, the collector waits still: an empty call ends that.
    let _ = TcpStream::connect(address);
    let (head, body) = collector.join().unwrap();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let holds = |part: &[u8]| body.windows(part.len()).any(|window| window == part);
    for part in [
        "POST /access/v1/evaluation",
        "aobo",
        "recorded",
        "http.route",
    ] {
        assert!(holds(part.as_bytes()), "no {part}");
    }
    let trace = u128::from_str_radix(TRACE, 16).unwrap().to_be_bytes();
    assert!(holds(&trace));
    for part in ["begun-here", "not-recorded", "canary"] {
        assert!(!holds(part.as_bytes()), "{part} was sent");
    }
}
