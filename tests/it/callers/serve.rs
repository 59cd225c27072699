//! `aobo serve`: who is let in as its flags say, through the binary.
#![cfg(unix)]

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use super::remote::{Running, decide, run};
use super::{AUDIENCE, ISSUER, Signer, but, claims, jwks};

/// A token that is good by the machine's clock.
fn token(roles: &[&str], tenants: &[&str]) -> String {
    let now = Timestamp::now().as_second();
    let claims = but(claims(roles, tenants), "nbf", json!(now - 10));
    Signer::ed().sign(&but(claims, "exp", json!(now + 600)))
}

fn folder() -> (TempDir, impl Fn(&str, &str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let file = move |name: &str, text: &str| {
        let path = path.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    (folder, file)
}

/// In generic mode there are no keys: tokens authenticate, and nothing else.
#[test]
fn generic_mode_takes_tokens() {
    let (_folder, file) = folder();
    let schema = "entity User, Photo; action view appliesTo {principal: User, resource: Photo};";
    let schema = file("s.cedarschema", schema);
    let policies = file(
        "p.cedar",
        "permit (principal == User::\"ana\", action, resource);",
    );
    let keys = file("keys.json", &jwks(&[Signer::ed()]));
    let generic = [
        "--schema",
        &schema,
        "--policies",
        &policies,
        "--require-key",
    ];
    let jwt = [
        "--jwt-issuer",
        ISSUER,
        "--jwt-audience",
        AUDIENCE,
        "--jwt-keys",
        &keys,
    ];
    let server = Running::generic(&[&generic[..], &jwt].concat());
    let ask = |token: Option<&str>| {
        let question = ["decide", "--url", &server.url, "--action", "view"];
        let parties = ["--principal", "User::\"ana\"", "--resource", "Photo::\"1\""];
        let key = token.map(|token| ("AOBO_KEY", token));
        let environment: Vec<(&str, &str)> = key.into_iter().collect();
        run(&[&question[..], &parties].concat(), &environment).0
    };
    assert_eq!(ask(Some(&token(&["decide"], &["*"]))), 0);
    assert_eq!(ask(Some(&token(&["decide"], &["User"]))), 3);
    assert_eq!(ask(Some(&token(&["search"], &["*"]))), 3);
    assert_eq!(ask(Some("aobo_0000")), 3);
    assert_eq!(ask(None), 3);
}

/// Beyond loopback a credential is asked for although nobody said so.
#[test]
fn whoever_comes_from_afar_says_who_it_is() {
    let server = Running::start(
        &["--listen", "0.0.0.0:0", "--insecure"],
        tempfile::tempdir().unwrap(),
    );
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let url = format!("http://127.0.0.1:{port}");
    let (code, _, said) = run(&decide(["--url", &url], "ResetPassword", &[]), &[]);
    assert!(code == 3 && said.contains("answered 401"), "{said}");
}

#[track_caller]
fn refused(args: &[&str], message: &str) {
    let data = tempfile::tempdir().unwrap();
    let mut all = vec!["serve"];
    for listen in ["--listen", "--admin-listen"] {
        if !args.contains(&listen) {
            all.extend([listen, "127.0.0.1:0"]);
        }
    }
    if !args.contains(&"--schema") {
        all.extend(["--data", data.path().to_str().unwrap()]);
    }
    let (code, _, said) = run(&[&all[..], args].concat(), &[]);
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains(message) && !said.contains("listening on"),
        "{said}"
    );
}

#[test]
fn flags_that_let_nobody_in() {
    let (_folder, file) = folder();
    let schema = file(
        "s.cedarschema",
        "entity User; action view appliesTo {principal: User, resource: User};",
    );
    let policies = file("p.cedar", "permit (principal, action, resource);");
    let generic = ["--schema", &schema, "--policies", &policies];
    refused(
        &[&generic[..], &["--require-key"]].concat(),
        "there are no keys without a data folder",
    );
    let keys = file("keys.json", &jwks(&[Signer::ed()]));
    let jwt = |keys: &str, message: &str| {
        refused(
            &[
                "--jwt-issuer",
                ISSUER,
                "--jwt-audience",
                AUDIENCE,
                "--jwt-keys",
                keys,
            ],
            message,
        );
    };
    jwt("no/such/file.json", "cannot be read");
    jwt("http://login.example/keys", "is not asked over TLS");
    jwt(
        &file(
            "secret.json",
            r#"{"keys": [{"kty": "oct", "kid": "s", "k": "c2VjcmV0"}]}"#,
        ),
        "no key with a `kid`",
    );
    refused(
        &[
            "--jwt-issuer",
            "",
            "--jwt-audience",
            "a",
            "--jwt-keys",
            &keys,
        ],
        "have names",
    );
    refused(
        &["--jwt-issuer", ISSUER, "--jwt-audience", AUDIENCE],
        "--jwt-keys",
    );
    refused(
        &["--jwt-issuer", ISSUER, "--jwt-keys", &keys],
        "--jwt-audience",
    );
    refused(&["--jwt-keys", &keys], "--jwt-issuer");
}

#[test]
fn addresses_beyond_this_machine_want_tls_and_authentication() {
    refused(&["--listen", "0.0.0.0:0"], "and there is no TLS");
    refused(&["--admin-listen", "[::]:0"], "and there is no TLS");
    let (_folder, file) = folder();
    let schema = file(
        "s.cedarschema",
        "entity User; action view appliesTo {principal: User, resource: User};",
    );
    let policies = file("p.cedar", "permit (principal, action, resource);");
    let generic = [
        "--schema",
        &schema,
        "--policies",
        &policies,
        "--listen",
        "0.0.0.0:0",
    ];
    refused(
        &generic,
        "there is no TLS, and callers are not asked who they are",
    );
}
