//! TLS: handshakes, certificates that change, callers known by theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aobo::api::{ClientCertificate, Limits, Server, Tls, TlsFiles};
use axum::routing::get;
use axum::{Extension, Router};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{DuplexStream, duplex};
use tokio::time::{Instant, advance};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::http2::Http2;
use super::{Caller, GET, PIPE_BYTES, plain, settle};

/// An authority, and what it signs.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

struct Pair {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    fn sign(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Fabrikam");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair { certificate, key }
    }
}

/// Files of a server, in a folder of their own.
struct Folder {
    folder: TempDir,
    authority: Authority,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("the authority");
        let made = Self { folder, authority };
        made.put(&made.authority.sign("first"));
        let clients = made.authority.certificate.pem();
        fs::write(made.path("clients.pem"), clients).unwrap();
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, pair: &Pair) {
        fs::write(self.path("cert.pem"), pair.certificate.pem()).unwrap();
        fs::write(self.path("key.pem"), pair.key.serialize_pem()).unwrap();
    }

    fn files(&self, clients: bool) -> TlsFiles {
        TlsFiles {
            certificate: self.path("cert.pem"),
            key: self.path("key.pem"),
            client_authorities: clients.then(|| self.path("clients.pem")),
        }
    }

    fn connector(&self, own: Option<&Pair>, alpn: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let key = PrivateKeyDer::try_from(pair.key.serialize_der()).unwrap();
                let chain = vec![pair.certificate.der().clone()];
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    async fn connect(
        &self,
        server: &Server,
        own: Option<&Pair>,
    ) -> Caller<TlsStream<DuplexStream>> {
        let (here, there) = duplex(PIPE_BYTES);
        server.attend(there);
        Caller::on(self.shake(here, own, &[]).await)
    }

    async fn shake(
        &self,
        io: DuplexStream,
        own: Option<&Pair>,
        alpn: &[&str],
    ) -> TlsStream<DuplexStream> {
        let name = ServerName::try_from("localhost").unwrap();
        self.connector(own, alpn).connect(name, io).await.unwrap()
    }
}

fn server(tls: &Arc<Tls>, limits: Limits) -> Server {
    let who = async |caller: Option<Extension<ClientCertificate>>| match caller {
        None => "nobody".to_owned(),
        Some(Extension(caller)) => {
            assert_ne!(caller.fingerprint(), &[0; 32]);
            caller.subject().to_owned()
        }
    };
    let router: Router = plain().route("/who", get(who));
    Server::new(router, limits, Some(Arc::clone(tls)))
}

fn shown(caller: &Caller<TlsStream<DuplexStream>>) -> CertificateDer<'static> {
    let (_, session) = caller.io.get_ref();
    session.peer_certificates().unwrap()[0].clone()
}

#[tokio::test(start_paused = true)]
async fn both_versions_of_http_are_spoken() {
    let folder = Folder::new();
    let tls = Arc::new(Tls::load(folder.files(false)).unwrap());
    assert!(!tls.asks_clients());
    let server = server(&tls, Limits::default());
    let mut caller = folder.connect(&server, None).await;
    caller.is_fine().await;
    caller.is_fine().await;
    let reply = caller.ask("GET /who HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert_eq!(reply.body, "nobody");
    let (here, there) = duplex(PIPE_BYTES);
    server.attend(there);
    let io = folder.shake(here, None, &["h2", "http/1.1"]).await;
    assert_eq!(io.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let answer = Http2::on(io).await.get("/ok").await.unwrap();
    assert_eq!(answer.body(), b"fine");
    drop(caller);
    settle().await;
    assert_eq!(
        (server.counts().open, server.counts().handshakes_failed),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn plain_http_is_not_answered() {
    let folder = Folder::new();
    let tls = Arc::new(Tls::load(folder.files(false)).unwrap());
    let server = server(&tls, Limits::default());
    let mut caller = super::call(&server);
    caller.send(GET).await;
    let rest = caller.rest().await;
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    assert_eq!(server.counts().handshakes_failed, 1);
}

#[tokio::test(start_paused = true)]
async fn handshakes_are_bounded_in_time_and_number() {
    let folder = Folder::new();
    let tls = Arc::new(Tls::load(folder.files(false)).unwrap());
    let limits = Limits {
        handshakes: 2,
        ..Limits::default()
    };
    let server = server(&tls, limits.clone());
    let start = Instant::now();
    let mut stuck = [super::call(&server), super::call(&server)];
    settle().await;
    advance(Duration::from_secs(1)).await;
    // Both turns are taken until their time is over; then it is the third's.
    let mut third = folder.connect(&server, None).await;
    let took = start.elapsed();
    assert!(took >= limits.handshake && took < limits.handshake + Duration::from_millis(3));
    third.is_fine().await;
    for caller in &mut stuck {
        assert!(caller.rest().await.is_empty());
    }
    assert_eq!(server.counts().handshakes_failed, 2);
}

#[tokio::test(start_paused = true)]
async fn no_room_is_told_by_closing() {
    let folder = Folder::new();
    let tls = Arc::new(Tls::load(folder.files(false)).unwrap());
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let server = server(&tls, limits);
    let mut first = folder.connect(&server, None).await;
    first.is_fine().await;
    let start = Instant::now();
    assert!(super::call(&server).rest().await.is_empty());
    assert_eq!((start.elapsed(), server.counts().shed), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn certificates_follow_their_files() {
    let folder = Folder::new();
    let tls = Arc::new(Tls::load(folder.files(false)).unwrap());
    let server = server(&tls, Limits::default());
    let mut old = folder.connect(&server, None).await;
    let first = shown(&old);
    assert!(!tls.refresh().unwrap(), "nothing changed");
    let second = folder.authority.sign("second");
    folder.put(&second);
    assert_eq!(
        shown(&folder.connect(&server, None).await),
        first,
        "not yet looked at"
    );
    assert!(tls.refresh().unwrap());
    assert_eq!(
        &shown(&folder.connect(&server, None).await),
        second.certificate.der()
    );
    old.is_fine().await;
    // Whatever is wrong with the files, the last good ones stay in use.
    let other = folder.authority.sign("other");
    let bad: [(&str, String); 4] = [
        ("key.pem", other.key.serialize_pem()),
        ("key.pem", "nothing".to_owned()),
        ("cert.pem", second.key.serialize_pem()),
        (
            "cert.pem",
            "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n".to_owned(),
        ),
    ];
    for (name, text) in bad {
        folder.put(&second);
        fs::write(folder.path(name), text).unwrap();
        tls.refresh().unwrap_err();
        assert!(!tls.refresh().unwrap(), "told once");
        assert_eq!(
            &shown(&folder.connect(&server, None).await),
            second.certificate.der()
        );
    }
    fs::remove_file(folder.path("key.pem")).unwrap();
    tls.refresh().unwrap_err();
    folder.put(&other);
    assert!(tls.refresh().unwrap());
    assert_eq!(
        &shown(&folder.connect(&server, None).await),
        other.certificate.der()
    );
}

#[tokio::test(start_paused = true)]
async fn callers_are_known_by_their_certificates() {
    let folder = Folder::new();
    let tls = Arc::new(Tls::load(folder.files(true)).unwrap());
    assert!(tls.asks_clients());
    let server = server(&tls, Limits::default());
    let known = folder.authority.sign("gateway");
    let mut caller = folder.connect(&server, Some(&known)).await;
    let reply = caller.ask("GET /who HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, "CN=gateway,O=Fabrikam")
    );
    let stranger = Authority::new("another authority").sign("gateway");
    for own in [None, Some(&stranger)] {
        // By TLS 1.3 the caller learns of the refusal with its first answer.
        let mut refused = folder.connect(&server, own).await;
        let _ = tokio::io::AsyncWriteExt::write_all(&mut refused.io, GET.as_bytes()).await;
        assert!(refused.rest().await.is_empty());
    }
    assert_eq!(server.counts().handshakes_failed, 2);
    // Another authority from now on: the one that was known no longer is.
    let other = Authority::new("new");
    fs::write(folder.path("clients.pem"), other.certificate.pem()).unwrap();
    assert!(tls.refresh().unwrap());
    let mut refused = folder.connect(&server, Some(&known)).await;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut refused.io, GET.as_bytes()).await;
    assert!(refused.rest().await.is_empty());
    folder
        .connect(&server, Some(&other.sign("new")))
        .await
        .is_fine()
        .await;
}

/// What a load says of a folder whose file was replaced.
#[track_caller]
fn check(name: &str, text: Option<&str>, said: &[&str]) {
    let folder = Folder::new();
    let path: &Path = &folder.path(name);
    match text {
        Some(text) => fs::write(path, text).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
    let error = Tls::load(folder.files(true)).unwrap_err().to_string();
    assert!(error.contains(name), "{error}");
    for part in said {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn files_that_are_not_taken_are_told_clearly() {
    for name in ["cert.pem", "key.pem", "clients.pem"] {
        check(name, None, &["cannot read"]);
    }
    for name in ["cert.pem", "clients.pem"] {
        check(name, Some(""), &["has no certificate in it"]);
        check(name, Some("hello"), &["has no certificate in it"]);
    }
    check("key.pem", Some(""), &["has no private key in it"]);
    let other = KeyPair::generate().unwrap().serialize_pem();
    check(
        "key.pem",
        Some(&other),
        &["does not fit the certificate", "cert.pem"],
    );
    let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    check("cert.pem", Some(cut), &["is not PEM", "does not end"]);
    let wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    check("cert.pem", Some(wrong), &["cannot be used for TLS"]);
    check("clients.pem", Some(wrong), &["cannot be used for TLS"]);
    let wrong = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    check("key.pem", Some(wrong), &["cannot be used for TLS"]);
    let long = "x".repeat((1 << 20) + 1);
    check("key.pem", Some(&long), &["more than 1048576 bytes"]);
    check("key.pem", Some(&long[1..]), &["has no private key in it"]);
}
