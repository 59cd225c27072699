//! Server processes, and what is asked of them besides the load.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load::batch;
use crate::questions::Asked;

/// The facts that every server decides by.
pub(crate) const WORLD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/corpus/worlds/fabrikam.json"
);
/// Writers that share the writes of a second.
const WRITERS: u32 = 4;

/// A server that is gone when it is dropped.
pub(crate) struct Running {
    child: Child,
    base: String,
    admin: Option<Admin>,
}

/// How the admin routes of aobo are reached.
#[derive(Clone)]
struct Admin {
    base: String,
    key: String,
}

impl Running {
    /// `aobo serve` on one core, with an operator's key.
    pub(crate) fn aobo(folder: &Path) -> Self {
        let program = env!("CARGO_BIN_EXE_aobo");
        let data = folder.join("data");
        let made = Command::new(program)
            .args(["keys", "create", "--role", "operator", "--data"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let made = String::from_utf8(made.stdout).unwrap();
        let key = made
            .split_whitespace()
            .find(|word| word.starts_with("aobo_"));
        let key = key.expect("a key").to_owned();
        let mut child = pinned(program)
            .args(["serve", "--world", WORLD, "--data"])
            .arg(&data)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let base = address(&mut lines, "listening on ");
        let admin = address(&mut lines, "administered on ");
        // What it says later is read, so that it never waits for a reader.
        thread::spawn(move || lines.for_each(drop));
        let admin = Some(Admin { base: admin, key });
        Self { child, base, admin }
    }

    /// One of our own servers, in a process made of this program.
    pub(crate) fn own(role: &str, answer: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut child = pinned(program.to_str().unwrap())
            .env("AOBO_HTTP_ROLE", role)
            .env("AOBO_HTTP_ANSWER", answer)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let base = address(&mut lines, "listening on ");
        Self {
            child,
            base,
            admin: None,
        }
    }

    pub(crate) fn evaluation(&self) -> String {
        format!("{}/access/v1/evaluation", self.base)
    }

    pub(crate) fn evaluations(&self) -> String {
        format!("{}/access/v1/evaluations", self.base)
    }

    /// The bytes of an answer's body.
    fn raw_answer(&self, asked: &Asked) -> String {
        let sent = ureq::post(self.evaluation()).send_json(&asked.body);
        sent.unwrap().body_mut().read_to_string().unwrap()
    }

    /// A whole answer, but for what every server says by itself.
    /// Shape: `{"headers": {"content-type": "application/json"}, "body": "…"}`.
    pub(crate) fn whole_answer(&self, asked: &Asked) -> String {
        let sent = ureq::post(self.evaluation()).send_json(&asked.body);
        let mut sent = sent.unwrap();
        let own = ["content-length", "date"];
        let headers = sent.headers().iter();
        let headers = headers.filter(|(name, _)| !own.contains(&name.as_str()));
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
        let headers: serde_json::Map<String, Value> = headers.collect();
        let body = sent.body_mut().read_to_string().unwrap();
        json!({"headers": headers, "body": body}).to_string()
    }

    /// Asks every question once; an answer that is not the known one ends the bench.
    pub(crate) fn check(&self, questions: &[Asked]) {
        for asked in questions {
            let answer: Value = serde_json::from_str(&self.raw_answer(asked)).unwrap();
            assert_eq!(answer["decision"], asked.allowed, "{}", asked.body);
        }
    }

    /// The same of a batch.
    pub(crate) fn check_batch(&self, questions: &[Asked], items: usize) {
        let sent = ureq::post(self.evaluations()).send_json(batch(questions, items));
        let answer: Value = sent.unwrap().body_mut().read_json().unwrap();
        let answers = answer["evaluations"].as_array().unwrap();
        assert_eq!(answers.len(), items);
        for (answer, asked) in answers.iter().zip(questions.iter().cycle()) {
            assert_eq!(answer["decision"], asked.allowed, "{}", asked.body);
        }
    }

    /// Writes facts and takes policies into use until it is told to stop.
    pub(crate) fn change(&self, writes_per_second: u32) -> Changing {
        let admin = self.admin.clone().expect("only aobo is written to");
        let going = Arc::new(AtomicBool::new(true));
        let (writes, reloads) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let mut threads = Vec::new();
        for writer in 0..WRITERS {
            let pause = Duration::from_secs(1) * WRITERS / writes_per_second;
            let (admin, writes) = (admin.clone(), Arc::clone(&writes));
            // One after the other, not all at once.
            let begin = Instant::now() + Duration::from_secs(1) * writer / writes_per_second;
            threads.push(every(begin, pause, Arc::clone(&going), move |n| {
                admin.put_user(&format!("written-{writer}-{n}@contoso.example"));
                writes.fetch_add(1, Ordering::Relaxed);
            }));
        }
        let count = Arc::clone(&reloads);
        threads.push(every(
            Instant::now(),
            Duration::from_secs(1),
            Arc::clone(&going),
            move |n| {
                admin.take_profile(["autopilot-announced", "seed"][n % 2]);
                count.fetch_add(1, Ordering::Relaxed);
            },
        ));
        Changing {
            going,
            threads,
            writes,
            reloads,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Admin {
    fn put_user(&self, id: &str) {
        let user = json!({"customer": "contoso", "directory_roles": [], "state": "active"});
        let user = json!({"customer_users": {id: user}});
        self.send("PUT", "/v1/facts", &json!({"fact": user}));
    }

    fn take_profile(&self, profile: &str) {
        self.send("POST", "/v1/bundle", &json!({"profile": profile}));
    }

    fn send(&self, method: &str, path: &str, body: &Value) {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("Authorization", format!("Bearer {}", self.key))
            .header("Content-Type", "application/json")
            .body(body.to_string())
            .unwrap();
        let sent = ureq::run(request);
        sent.unwrap_or_else(|error| panic!("{method} {path} {body}: {error}"));
    }
}

/// Changes under way.
pub(crate) struct Changing {
    going: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    writes: Arc<AtomicUsize>,
    reloads: Arc<AtomicUsize>,
}

/// How many there were.
pub(crate) struct Changed {
    pub(crate) writes: usize,
    pub(crate) reloads: usize,
}

impl Changing {
    pub(crate) fn stop(self) -> Changed {
        self.going.store(false, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("every change was taken");
        }
        Changed {
            writes: self.writes.load(Ordering::Relaxed),
            reloads: self.reloads.load(Ordering::Relaxed),
        }
    }
}

/// Does something at a steady rate from then on; what took long is caught up with.
fn every(
    begin: Instant,
    pause: Duration,
    going: Arc<AtomicBool>,
    mut change: impl FnMut(usize) + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut next = begin;
        for n in 0.. {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            if !going.load(Ordering::Relaxed) {
                return;
            }
            change(n);
            next += pause;
        }
    })
}

/// Leaves the first core to the servers: this process loads them and writes to them.
pub(crate) fn stay_on_the_second_core() {
    let id = std::process::id().to_string();
    let moved = Command::new("taskset").args(["-cp", "1", &id]).output();
    assert!(moved.unwrap().status.success(), "taskset moves a process");
}

/// A program on the first core.
fn pinned(program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0", program]).env_remove("AOBO_LOG");
    command
}

/// The URL in the line that begins so.
fn address(lines: &mut impl Iterator<Item = std::io::Result<String>>, begin: &str) -> String {
    for line in lines {
        let line = line.unwrap();
        if let Some(rest) = line.strip_prefix(begin) {
            let url = rest.split(": revision").next().unwrap();
            return url.to_owned();
        }
    }
    panic!("it ended before it said `{begin}`");
}
