//! The load generator: `wrk` on a core of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::questions::Asked;

/// What `wrk` is told to do.
pub(crate) struct Load {
    script: PathBuf,
    connections: usize,
    seconds: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Measured {
    pub(crate) fn better(self, other: Self) -> Self {
        match other.per_second > self.per_second {
            true => other,
            false => self,
        }
    }
}

/// What this machine lacks to run it.
pub(crate) fn missing() -> Option<String> {
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if !there("wrk") {
        return Some("wrk, the load generator (apt-get install wrk)".to_owned());
    }
    if !there("taskset") {
        return Some("taskset, which gives a process a core (util-linux)".to_owned());
    }
    (cores < 2).then(|| "a second core, for the load generator".to_owned())
}

impl Load {
    pub(crate) fn single(
        folder: &Path,
        questions: &[Asked],
        connections: usize,
        seconds: u64,
    ) -> Self {
        let bodies = questions.iter().map(|asked| asked.body.clone());
        Self::new(folder, "single.lua", bodies, connections, seconds)
    }

    pub(crate) fn batch(
        folder: &Path,
        questions: &[Asked],
        items: usize,
        connections: usize,
        seconds: u64,
    ) -> Self {
        let body = batch(questions, items);
        let bodies = std::iter::once(body);
        Self::new(folder, "batch.lua", bodies, connections, seconds)
    }

    fn new(
        folder: &Path,
        name: &str,
        bodies: impl Iterator<Item = Value>,
        connections: usize,
        seconds: u64,
    ) -> Self {
        let mut script = String::from("local bodies = {\n");
        for body in bodies {
            writeln!(script, "  [==[{body}]==],").unwrap();
        }
        script.push_str(
            "}\nlocal requests, at = {}, 0\n\
             function init(args)\n\
             \x20 wrk.headers[\"Content-Type\"] = \"application/json\"\n\
             \x20 for i, body in ipairs(bodies) do requests[i] = wrk.format(\"POST\", nil, nil, body) end\n\
             end\n\
             function request()\n\
             \x20 at = at % #requests + 1\n\
             \x20 return requests[at]\n\
             end\n",
        );
        let path = folder.join(name);
        fs::write(&path, script).unwrap();
        Self {
            script: path,
            connections,
            seconds,
        }
    }

    /// Few connections, so that queueing for a core does not hide what is looked
    /// for.
    pub(crate) fn at_half_load(&self) -> Self {
        Self {
            script: self.script.clone(),
            connections: self.connections / 8,
            seconds: self.seconds,
        }
    }

    /// Loads a server and reads what `wrk` prints; an answer that is not 2xx is a
    /// failure of the bench.
    pub(crate) fn run(&self, url: &str) -> Measured {
        let output = Command::new("taskset")
            .args(["-c", "1", "wrk", "-t1", "--latency"])
            .arg(format!("-c{}", self.connections))
            .arg(format!("-d{}s", self.seconds))
            .arg("-s")
            .arg(&self.script)
            .arg(url)
            .output()
            .expect("wrk runs");
        let text = String::from_utf8(output.stdout).unwrap();
        let failed = text.contains("Non-2xx") || text.contains("Socket errors");
        assert!(output.status.success() && !failed, "{text}");
        let after = |label: &str| {
            let line = text.lines().find(|line| line.trim().starts_with(label));
            let line = line.unwrap_or_else(|| panic!("no `{label}` in:\n{text}"));
            line.trim()[label.len()..].trim().to_owned()
        };
        Measured {
            per_second: after("Requests/sec:").parse().unwrap(),
            p50_ms: milliseconds(&after("50%")),
            p99_ms: milliseconds(&after("99%")),
        }
    }
}

/// Shape: `1.25ms`, `250.00us`, `1.02s`.
fn milliseconds(text: &str) -> f64 {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1_000.0)];
    let found = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = found.expect("a time with its unit");
    number.parse::<f64>().unwrap() * factor
}

/// A batch of questions, over and over.
pub(crate) fn batch(questions: &[Asked], items: usize) -> Value {
    let all = questions.iter().cycle().take(items);
    let all: Vec<&Value> = all.map(|asked| &asked.body).collect();
    json!({"evaluations": all})
}
