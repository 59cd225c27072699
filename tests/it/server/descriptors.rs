//! The binary: too few file descriptors, and the options of TLS.
#![cfg(unix)]

use std::process::Command;

use crate::http::process::Running;

#[test]
fn options_of_tls_belong_together() {
    let refused = |args: &[&str], said: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_aobo"))
            .arg("serve")
            .args(args)
            .output();
        let output = output.unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains(said), "{text}");
    };
    refused(&["--tls-cert", "a.pem"], "--tls-key");
    refused(&["--tls-key", "a.pem"], "--tls-cert");
    refused(&["--tls-client-ca", "a.pem"], "--tls-cert");
    refused(
        &["--admin-tls-cert", "a.pem", "--admin-tls-key", "a.pem"],
        "--tls-cert",
    );
    refused(
        &["--tls-cert", "no-such.pem", "--tls-key", "no-such.pem"],
        "cannot read `no-such.pem`",
    );
    refused(&["--threads", "0"], "--threads");
    refused(&["--threads", "1025"], "--threads");
    refused(&["--drain-delay-seconds", "301"], "--drain-delay-seconds");
}

#[test]
fn too_few_descriptors_are_survived() {
    let server = Running::with_descriptors(40, &["--threads", "2", "--drain-delay-seconds", "0"]);
    // More than it can open; those that wait are in the kernel's queue.
    let waiting: Vec<_> = (0..100).map(|_| server.connect()).collect();
    drop(waiting);
    assert_eq!(server.connect().get("/livez").0, 200);
    server.signal("-TERM");
    let (ended, said) = server.end();
    assert_eq!(ended.code(), Some(0), "{said}");
    assert!(said.contains("no connection can be accepted"), "{said}");
}
