//! The admin routes and the ledger behind them, in process.
//!
//! A [`Desk`] is a ledger over a log that the test holds, with both routers over
//! it and a clock that the test moves. Its master key may do everything; what the
//! routes refuse is told by other keys.

mod auth;
mod bounds;
mod bundle;
mod checkpoints;
mod compaction;
mod described;
mod disk;
mod groups;
mod history;
mod keys;
mod measured;
mod moments;
mod opening;
mod reads;
mod writers;
mod writes;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aobo::api::{AppState, admin_router, router};
use aobo::directory::command::Ids;
use aobo::log::{Head, Log, Memory};
use aobo::node::{
    Actor, Choice, Clock, Ledger, LedgerError, NewKey, Role, Secret, Settings, Submission,
    TenantScope, What,
};
use aobo::policy::Source;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, request};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{openapi, support};

/// Ada of Fabrikam administers Contoso, and only resells to Tailspin; Gina is
/// Contoso's own administrator.
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
    "nora": {"partner": "fabrikam"}
  },
  "customer_users": {
    "gina": {"customer": "contoso", "directory_roles": ["Global Administrator"]},
    "mia": {"customer": "contoso", "licenses": ["office"]},
    "rex": {"customer": "contoso", "state": "deleted", "deleted_at": "2020-08-31T09:00:00Z", "previous_licenses": ["office"]}
  },
  "relationships": [
    {"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "active"},
    {"partner": "fabrikam", "customer": "tailspin", "status": "active", "dap": "none"}
  ],
  "invitations": {
    "i1": {"partner": "northwind", "customer": "contoso", "sent_at": "2020-08-31T00:00:00Z", "include_dap": true, "status": "sent"}
  },
  "subscriptions": {"s1": {"customer": "contoso"}},
  "role_assignments": [{"principal": "fabrikam/AdminAgents", "role": "Owner", "scope": "/subscriptions/s1"}],
  "products": {"office": {"kind": "microsoft"}},
  "seats": {"contoso": {"office": {"free": 5}}}
}"#;

const ADA: &str = r#"PartnerUser::"ada""#;
const NORA: &str = r#"PartnerUser::"nora""#;
const GINA: &str = r#"CustomerUser::"gina""#;
const EVALUATION: &str = "/access/v1/evaluation";
const USERS: &str = "/v1/customers/contoso/users";
const PRIVILEGES: &str = "/v1/customers/contoso/partners/fabrikam/delegatedAdmin";

/// Revisions of a new desk: the policies, the world, and the master key.
const BUNDLE: u64 = 1;
const SEEDED: u64 = 2;
const FIRST: u64 = 3;

/// Ids that count, from a number that no earlier opening of the log came to.
struct Made(u64);

impl Ids for Made {
    fn id(&mut self) -> String {
        self.0 += 1;
        format!("made-{}", self.0)
    }

    fn link(&mut self, partner: &str, invitation: &str) -> String {
        format!("https://{partner}.example/join/{invitation}")
    }
}

/// Opens a log. With it comes what moves the clock: seconds after
/// [`support::NOW`].
fn open(
    log: Arc<dyn Log>,
    choice: Choice,
    world: Option<&str>,
) -> Result<(Ledger, Arc<AtomicI64>), LedgerError> {
    let passed = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&passed);
    let clock: Clock = Arc::new(move || {
        let second = support::NOW.as_second() + read.load(Ordering::SeqCst);
        Timestamp::from_second(second).unwrap()
    });
    let ids = Box::new(Made(log.head().seq * 1_000));
    let settings = Settings {
        choice,
        world: world.map(|text| Source::new("world", text)),
        clock,
    };
    Ok((Ledger::open(log, &settings, ids)?, passed))
}

/// A ledger, its routers, its clock, and a key that may do everything.
struct Desk {
    ledger: Arc<Ledger>,
    admin: Router,
    decisions: Router,
    passed: Arc<AtomicI64>,
    master: String,
}

impl Desk {
    fn start() -> Self {
        Self::on(Arc::new(Memory::new()))
    }

    /// Over an empty log, seeded with [`WORLD`].
    #[track_caller]
    fn on(log: Arc<dyn Log>) -> Self {
        let mut desk = Self::over(open(log, Choice::Last, Some(WORLD)).unwrap(), String::new());
        desk.master = desk.key(&[Role::Operator, Role::AdminWrite, Role::AdminRead], &[]);
        desk
    }

    fn over((ledger, passed): (Ledger, Arc<AtomicI64>), master: String) -> Self {
        let ledger = Arc::new(ledger);
        let state = Arc::new(AppState::with_ledger(Arc::clone(&ledger)));
        Self {
            ledger,
            admin: admin_router(Arc::clone(&state)),
            decisions: router(state),
            passed,
            master,
        }
    }

    /// A new key, for these tenants or for all; returns its secret.
    #[track_caller]
    fn key(&self, roles: &[Role], tenants: &[&str]) -> String {
        let secret = Secret::draw().unwrap();
        let tenants = match tenants {
            [] => TenantScope::All,
            some => TenantScope::Of(some.iter().map(|&tenant| tenant.to_owned()).collect()),
        };
        let what = What::CreateKey {
            key: NewKey {
                roles: roles.iter().copied().collect(),
                tenants,
                principal: None,
            },
            id: secret.id(),
            sha256: secret.sha256(),
        };
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
        secret.reveal().to_owned()
    }

    /// A request to the admin routes without a key.
    fn call(&self, method: &str, path: &str) -> Call {
        Call::new(&self.admin, method, path)
    }

    /// The same with the master key.
    fn operator(&self, method: &str, path: &str) -> Call {
        self.call(method, path).key(&self.master)
    }

    /// The same, acting as a principal.
    fn by(&self, principal: &str, method: &str, path: &str) -> Call {
        self.operator(method, path)
            .header("Aobo-Principal", principal)
    }

    /// Ada creates a user of Contoso.
    fn creates(&self, user: &str) -> Call {
        let body = json!({"user": user, "display_name": user});
        self.by(ADA, "POST", USERS).json(&body)
    }

    /// What a read answers.
    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let reply = self.operator("GET", path).send();
        assert_eq!(reply.status, 200, "{path}: {}", reply.json);
        reply.json
    }

    /// Asks for a decision.
    fn ask(&self, question: &Value) -> Call {
        Call::new(&self.decisions, "POST", EVALUATION).json(question)
    }

    #[track_caller]
    fn allows(&self, question: &Value) -> bool {
        self.ask(question).send().decision()
    }

    fn head(&self) -> Head {
        self.ledger.log().head()
    }

    /// The log holds no more than before.
    #[track_caller]
    fn wrote_nothing_since(&self, before: Head) {
        assert_eq!(self.head(), before, "no event was written");
    }
}

/// A request in the making.
struct Call {
    router: Router,
    request: request::Builder,
    body: Body,
}

impl Call {
    fn new(router: &Router, method: &str, path: &str) -> Self {
        Self {
            router: router.clone(),
            request: Request::builder().method(method).uri(path),
            body: Body::empty(),
        }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    fn key(self, key: &str) -> Self {
        self.header("Authorization", &format!("Bearer {key}"))
    }

    fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    fn text(self, body: impl Into<Body>) -> Self {
        let mut call = self.header("Content-Type", "application/json");
        call.body = body.into();
        call
    }

    #[track_caller]
    fn send(self) -> Reply {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        let reply = runtime.block_on(self.exchange());
        assert_eq!(reply.header("content-type"), "application/json");
        assert_ne!(reply.header("x-request-id"), "");
        reply
    }

    async fn exchange(self) -> Reply {
        let request = self.request.body(self.body).unwrap();
        let asked = (request.method().to_string(), request.uri().to_string());
        let response = self.router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let reply = Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_slice(&bytes).expect("a JSON body"),
        };
        let (status, headers) = (reply.status, &reply.headers);
        openapi::holds(&asked.0, &asked.1, status, headers, &reply.json);
        reply
    }
}

/// A response.
struct Reply {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Reply {
    /// A header's value; nothing if it is not there.
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The revision of a write that was done now.
    #[track_caller]
    fn written(&self) -> u64 {
        assert_eq!(self.status, 200, "{}", self.json);
        assert_eq!(self.json["repeated"], false, "{}", self.json);
        let revision = self.json["revision"].as_u64().expect("a revision");
        assert_eq!(self.header("aobo-revision"), revision.to_string());
        revision
    }

    /// The error of a request that was refused so.
    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> &Value {
        let error = &self.json["error"];
        let got = (self.status, error["code"].as_str());
        assert_eq!(got, (status, Some(code)), "{}", self.json);
        assert_eq!(error["status"], status);
        assert_ne!(error["message"], "");
        error
    }

    #[track_caller]
    fn decision(&self) -> bool {
        assert_eq!(self.status, 200, "{}", self.json);
        self.json["decision"].as_bool().expect("a decision")
    }
}

/// A question of Ada.
fn question(action: &str, resource: (&str, &str), context: Value) -> Value {
    json!({
        "subject": {"type": "PartnerUser", "id": "ada"},
        "action": {"name": action},
        "resource": {"type": resource.0, "id": resource.1},
        "context": context,
    })
}

/// Whether Ada may sign in at Contoso: while it delegates.
fn sign_in() -> Value {
    question("SignInToCustomerTenant", ("Customer", "contoso"), json!({}))
}

/// Whether Ada may write in Contoso's subscription: while her group owns it.
fn operate() -> Value {
    let operation = json!({"operation": "Microsoft.Compute/virtualMachines/write"});
    question(
        "AzureOperation",
        ("Subscription", "/subscriptions/s1"),
        operation,
    )
}

/// The facts of a ledger.
fn facts(ledger: &Ledger) -> aobo::directory::World {
    ledger.folded().world.clone()
}
