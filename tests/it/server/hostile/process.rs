//! The same bytes against the binary behind a socket: no panic, no memory that stays,
//! and others answered meanwhile.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{End, WAYS, malformed};
use crate::http::process::Running;
use crate::server::slow::question;
use crate::support::{Rng, scaled};

/// What may stay of memory after all of them: far less than 2 KiB for each of 10,000.
const GROWTH_BYTES_MAX: usize = 16 << 20;

/// Longer than any timer of the server that is at work here.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends bytes and returns everything until the connection ends.
fn sent(server: &Running, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(server);
    // Who is refused early is not read to the end, and a connection that is cut ends
    // as well.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// Bytes that a process has in memory.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse::<usize>().unwrap() * 1024
}

/// Asks one thing after the other on one connection until it is told to end; how often.
fn honest(server: &Running, done: &AtomicBool) -> usize {
    let (mut stream, request) = (connect(server), question());
    let (mut asked, mut piece) = (0, [0; 4096]);
    while !done.load(Ordering::Relaxed) {
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(br#"{"decision":false}"#) {
            let bytes = stream.read(&mut piece).unwrap();
            assert_ne!(bytes, 0, "cut off after {asked} answers");
            answer.extend_from_slice(&piece[..bytes]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "the {asked}th");
        asked += 1;
        thread::yield_now();
    }
    asked
}

#[test]
fn malformed_requests_leave_a_process_as_it_was() {
    let server = Running::start(&["--world", "tests/corpus/worlds/fabrikam.json"]);
    let (mut rng, count) = (Rng::new(21), scaled(10_000));
    // What is only made once is made by then.
    let warm = count.div_ceil(5);
    let (done, mut before) = (AtomicBool::new(false), 0);
    let asked = thread::scope(|scope| {
        let asking = scope.spawn(|| honest(&server, &done));
        for n in 0..count + warm {
            if n == warm {
                before = resident(server.pid());
            }
            let bytes = malformed(&mut rng, n % WAYS);
            let answer = sent(&server, &bytes);
            let end = End::of(n % WAYS, &bytes);
            let (text, to) = (
                String::from_utf8_lossy(&answer),
                String::from_utf8_lossy(&bytes),
            );
            assert!(end.is(&answer), "{n}: {text}, not {end:?}\nto {to:.400}");
        }
        done.store(true, Ordering::Relaxed);
        asking.join().unwrap()
    });
    assert!(asked > 0);
    let after = resident(server.pid());
    let grown = after.saturating_sub(before);
    eprintln!("{count} malformed requests, {asked} others: {before} bytes, {grown} more");
    assert!(grown < GROWTH_BYTES_MAX, "{before} bytes grew by {grown}");
    let metrics = sent(
        &server,
        b"GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n",
    );
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("status=\"4xx\""), "{metrics}");
    let failed = metrics
        .lines()
        .filter(|line| line.contains("status=\"5xx\""));
    let failed: Vec<&str> = failed.filter(|line| !line.ends_with(" 0")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    server.signal("-TERM");
    let (status, said) = server.end();
    assert!(status.success(), "{said}");
    assert!(!said.contains("panic"), "{said}");
}
