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

/// Reads until there is a whole answer of HTTP/1, or the connection ends, which one
/// that is cut does as well.
fn answer(stream: &mut TcpStream) -> Option<(u16, Vec<u8>)> {
    let (mut got, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&got[..end]).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.map_or(0, |rest| rest.split('\r').next().unwrap().parse().unwrap());
            if got.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return Some((status, got.split_off(end + 4)));
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(bytes) => got.extend_from_slice(&piece[..bytes]),
        }
    }
}

/// Sends a malformed request; what is wrong with how it ended.
fn wrong(server: &Running, way: usize, bytes: &[u8]) -> Option<String> {
    let (mut stream, end) = (connect(server), End::of(way, bytes));
    // Who is refused early is not read to the end.
    let _ = stream.write_all(bytes);
    if End::is_told_by_leaving(way) {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let status = match end {
        End::Status(_) => answer(&mut stream).map(|(status, _)| status),
        End::Closed => None,
    };
    let _ = stream.shutdown(Shutdown::Write);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    let sent = String::from_utf8_lossy(bytes);
    let wrong = !end.is(status, &rest);
    wrong.then(|| format!("{status:?}, not {end:?}\nto {sent:.400}"))
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
    let mut asked = 0;
    while !done.load(Ordering::Relaxed) {
        stream.write_all(request.as_bytes()).unwrap();
        let (status, body) = answer(&mut stream).expect("an answer");
        assert_eq!(
            (status, body.as_slice()),
            (200, &br#"{"decision":false}"#[..])
        );
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
    let (asked, found) = thread::scope(|scope| {
        let asking = scope.spawn(|| honest(&server, &done));
        let found = (0..count + warm).find_map(|n| {
            if n == warm {
                before = resident(server.pid());
            }
            let bytes = malformed(&mut rng, n % WAYS);
            let wrong = wrong(&server, n % WAYS, &bytes)?;
            Some(format!("{n}: {wrong}"))
        });
        done.store(true, Ordering::Relaxed);
        (asking.join().unwrap(), found)
    });
    assert_eq!(found, None);
    assert!(asked > 0);
    let after = resident(server.pid());
    let grown = after.saturating_sub(before);
    eprintln!("{count} malformed requests, {asked} others: {before} bytes, {grown} more");
    assert!(grown < GROWTH_BYTES_MAX, "{before} bytes grew by {grown}");
    let mut stream = connect(&server);
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
        .unwrap();
    let (status, metrics) = answer(&mut stream).expect("an answer");
    assert_eq!(status, 200);
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("status=\"4xx\""), "{metrics}");
    let failed = metrics
        .lines()
        .filter(|line| line.contains("status=\"5xx\""));
    let failed: Vec<&str> = failed.filter(|line| !line.ends_with(" 0")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    drop(stream);
    server.signal("-TERM");
    let (status, said) = server.end();
    assert!(status.success(), "{said}");
    assert!(!said.contains("panic"), "{said}");
}
