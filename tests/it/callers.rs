//! Who gets past the door, with what, and to ask about whom.
//!
//! A [`House`] has both routers over one ledger, keys, and an issuer whose tokens the
//! test signs; its clock stands at [`support::NOW`] until the test moves it.

mod canary;
mod door;
mod issuer;
mod matrix;
mod remote;
mod scope;
mod serve;
mod tokens;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use aobo::api::{
    AppState, Callers, Issuer, IssuerSettings, KeyPlace, Strangers, admin_router, router,
};
use aobo::directory::command::Ids;
use aobo::log::Memory;
use aobo::node::{
    Actor, Choice, Clock, Ledger, NewKey, Role, Secret, Settings, Submission, TenantScope, What,
};
use aobo::policy::Source;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::support;

/// Fabrikam administers Contoso; Northwind and Tailspin have nothing to do with
/// either.
const WORLD: &str = r#"{
  "partners": {
    "fabrikam": {"country": "FR", "market": "Europe", "cloud": "public"},
    "northwind": {"country": "FR", "market": "Europe", "cloud": "public"}
  },
  "customers": {
    "contoso": {"country": "FR", "market": "Europe", "cloud": "public"},
    "tailspin": {"country": "FR", "market": "Europe", "cloud": "public"}
  },
  "partner_users": {
    "ada": {"partner": "fabrikam", "roles": ["AdminAgent"]},
    "nils": {"partner": "northwind"}
  },
  "customer_users": {
    "mia": {"customer": "contoso"},
    "tom": {"customer": "tailspin"}
  },
  "relationships": [
    {"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "active"}
  ],
  "invitations": {
    "i1": {"partner": "northwind", "customer": "contoso", "sent_at": "2020-08-31T00:00:00Z", "include_dap": true, "status": "sent"}
  },
  "management_groups": {"mg": null},
  "subscriptions": {"s1": {"customer": "contoso", "management_group": "mg"}},
  "devices": {"d1": {"customer": "tailspin", "added_by": "customer", "channel": "intune-portal"}},
  "autopilot_profiles": {"p1": {"customer": "contoso", "owner": "fabrikam", "name": "P"}},
  "products": {"office": {"kind": "microsoft"}}
}"#;

const EVALUATION: &str = "/access/v1/evaluation";
const ISSUER: &str = "https://login.example/";
const AUDIENCE: &str = "aobo";

struct NoIds;

impl Ids for NoIds {
    fn id(&mut self) -> String {
        "made".to_owned()
    }

    fn link(&mut self, partner: &str, _: &str) -> String {
        format!("https://{partner}.example/join")
    }
}

/// A key pair of an issuer.
struct Signer {
    kid: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    /// The one that most tests sign with, made once.
    fn ed() -> &'static Self {
        static SIGNER: OnceLock<Signer> = OnceLock::new();
        SIGNER.get_or_init(|| Self::new_ed("ed"))
    }

    fn new_ed(kid: &'static str) -> Self {
        Self {
            kid,
            algorithm: Algorithm::EdDSA,
            key: EncodingKey::from_ed_der(&support::ed_key()),
        }
    }

    fn ec() -> &'static Self {
        static SIGNER: OnceLock<Signer> = OnceLock::new();
        SIGNER.get_or_init(|| {
            let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
            Self {
                kid: "ec",
                algorithm: Algorithm::ES256,
                key: EncodingKey::from_ec_der(&pair.serialize_der()),
            }
        })
    }

    /// A key that is in the tree, because making one takes long.
    fn rsa() -> &'static Self {
        static SIGNER: OnceLock<Signer> = OnceLock::new();
        SIGNER.get_or_init(|| Self {
            kid: "rsa",
            algorithm: Algorithm::RS256,
            key: EncodingKey::from_rsa_pem(include_bytes!("callers/rsa.pem")).unwrap(),
        })
    }

    /// Its public key, as its issuer publishes it; for any algorithm of its type.
    fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        jwk.common.key_algorithm = None;
        json!(jwk)
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_as(self.algorithm, claims)
    }

    fn sign_as(&self, algorithm: Algorithm, claims: &Value) -> String {
        let mut header = Header::new(algorithm);
        header.kid = Some(self.kid.to_owned());
        encode(&header, claims, &self.key).unwrap()
    }
}

/// Claims of a token that is good at [`support::NOW`].
fn claims(roles: &[&str], tenants: &[&str]) -> Value {
    let now = support::NOW.as_second();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "svc-portal",
        "nbf": now - 10, "exp": now + 600,
        "aobo_roles": roles, "aobo_tenants": tenants,
    })
}

/// The same with another claim, or without one if it is null.
fn but(mut claims: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(name),
        value => claims
            .as_object_mut()
            .unwrap()
            .insert(name.to_owned(), value),
    };
    claims
}

fn jwks(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// Two listeners over one ledger.
struct House {
    ledger: Arc<Ledger>,
    decisions: Router,
    admin: Router,
    passed: Arc<AtomicI64>,
    keys: PathBuf,
    _folder: TempDir,
}

impl House {
    /// As beyond loopback: strangers may nothing.
    fn closed() -> Self {
        Self::letting_in(Strangers::Nothing)
    }

    fn letting_in(strangers: Strangers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys.json");
        std::fs::write(&keys, jwks(&[Signer::ed(), Signer::ec(), Signer::rsa()])).unwrap();
        Self::with(KeyPlace::File(keys.clone()), keys, folder, strangers)
    }

    fn with(place: KeyPlace, keys: PathBuf, folder: TempDir, strangers: Strangers) -> Self {
        let passed = Arc::new(AtomicI64::new(0));
        let read = Arc::clone(&passed);
        let clock: Clock = Arc::new(move || {
            let second = support::NOW.as_second() + read.load(Ordering::SeqCst);
            Timestamp::from_second(second).unwrap()
        });
        let settings = Settings {
            choice: Choice::Last,
            world: Some(Source::new("world", WORLD)),
            clock,
        };
        let log = Arc::new(Memory::new());
        let ledger = Arc::new(Ledger::open(log, &settings, Box::new(NoIds)).unwrap());
        let issuer = IssuerSettings {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            keys: place,
        };
        let issuer = Issuer::open(issuer, support::NOW).unwrap();
        let callers = Callers::new(Some(issuer), strangers, strangers);
        let state = AppState::with_ledger(Arc::clone(&ledger)).admitting(callers);
        let state = state.requesting_at(support::access_requests());
        state.publish("https://pdp.example".parse().unwrap());
        let state = Arc::new(state);
        Self {
            ledger,
            decisions: router(Arc::clone(&state)),
            admin: admin_router(state),
            passed,
            keys,
            _folder: folder,
        }
    }

    /// A new key, for these tenants or for all: its id and its secret.
    fn key(&self, roles: &[Role], tenants: &[&str]) -> (String, String) {
        let secret = Secret::draw().unwrap();
        let tenants: BTreeSet<String> = tenants.iter().map(|&tenant| tenant.into()).collect();
        let key = NewKey {
            roles: roles.iter().copied().collect(),
            tenants: match tenants.is_empty() {
                true => TenantScope::All,
                false => TenantScope::Of(tenants),
            },
            principal: None,
        };
        let (id, sha256) = (secret.id(), secret.sha256());
        self.write(What::CreateKey { key, id, sha256 });
        (secret.id(), secret.reveal().to_owned())
    }

    fn revoke(&self, id: &str) {
        self.write(What::RevokeKey { id: id.to_owned() });
    }

    fn write(&self, what: What) {
        let actor = Actor {
            name: "the test".to_owned(),
            principal: None,
            operator: true,
            key: None,
            tenants: TenantScope::All,
        };
        let submission = Submission {
            actor,
            what,
            idempotency_key: None,
            expected: None,
        };
        self.ledger.submit_blocking(submission).unwrap();
    }

    /// Asks a question with these headers.
    fn ask(&self, question: &Value, headers: &[(&str, &str)]) -> Reply {
        send(
            &self.decisions,
            "POST",
            EVALUATION,
            headers,
            &question.to_string(),
        )
    }

    /// The status of a good question with this as its credential.
    fn status(&self, shown: &str) -> u16 {
        let authorization = format!("Bearer {shown}");
        self.ask(&sign_in(), &[("Authorization", &authorization)])
            .status
    }

    fn pass(&self, seconds: i64) {
        self.passed.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// A response, with everything that left.
struct Reply {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Reply {
    #[track_caller]
    fn is_refused(&self, status: u16, what: &str) {
        let code = match status {
            401 => "unauthorized",
            _ => "forbidden",
        };
        let got = (self.status, self.json["error"]["code"].as_str());
        assert_eq!(got, (status, Some(code)), "{what}: {}", self.json);
        let asks = self.headers.get("www-authenticate");
        assert_eq!(
            asks.is_some_and(|asks| asks == "Bearer realm=\"aobo\""),
            status == 401,
            "{what}"
        );
    }
}

fn send(router: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async {
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            // Metrics are text.
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    })
}

fn question(subject: (&str, &str), action: &str, resource: (&str, &str)) -> Value {
    json!({
        "subject": {"type": subject.0, "id": subject.1},
        "action": {"name": action},
        "resource": {"type": resource.0, "id": resource.1},
    })
}

/// Whether Ada may sign in at Contoso. She may.
fn sign_in() -> Value {
    question(
        ("PartnerUser", "ada"),
        "SignInToCustomerTenant",
        ("Customer", "contoso"),
    )
}
