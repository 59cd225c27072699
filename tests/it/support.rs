//! What several modules need: the tree's files, small worlds, questions, and
//! numbers that look random and are the same on every run.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use aobo::api::AccessRequests;
use aobo::directory::{AzureRoles, Profile, world_file};
use aobo::engine::intake::{Ask, Party};
use aobo::engine::{Decision, Input, Member};
use aobo::node::Point;
use aobo::policy::{Bundle, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// The clock of every small world here: 2020-09-01T09:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_598_950_800, 0);

/// A path of the source tree.
pub(crate) fn at(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A text file of the source tree.
#[track_caller]
pub(crate) fn text(path: &str) -> String {
    match std::fs::read_to_string(at(path)) {
        Ok(text) => text,
        Err(error) => panic!("{path}: {error}"),
    }
}

/// A new private key on Ed25519: PKCS #8 in DER, in which everything before the key is
/// always the same.
pub(crate) fn ed_key() -> Vec<u8> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).unwrap();
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend(seed);
    der
}

/// Where denials of tests can be taken, and a new key that vouches for them.
pub(crate) fn access_requests() -> AccessRequests {
    AccessRequests::new("https://requests.example/access", ed_pem().as_bytes()).unwrap()
}

/// [`ed_key`] in PEM.
pub(crate) fn ed_pem() -> String {
    let text = STANDARD.encode(ed_key());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

/// So many of `count` as `AOBO_TEST_SCALE` (percent, 100 if unset) asks for; at
/// least one.
pub(crate) fn scaled(count: usize) -> usize {
    let percent = match std::env::var("AOBO_TEST_SCALE") {
        Ok(text) => text.parse().expect("AOBO_TEST_SCALE is a percentage"),
        Err(_) => 100,
    };
    (count * percent / 100).max(1)
}

/// The first world of a run of many (`AOBO_TEST_FROM`, 0 if unset), so that one which was
/// cut short goes on where it was.
pub(crate) fn first_world() -> usize {
    let from = std::env::var("AOBO_TEST_FROM").ok();
    from.map_or(0, |text| text.parse().expect("AOBO_TEST_FROM is a number"))
}

/// Does something long, on a stack that has room for evaluations, and says on
/// stderr how long it took; nothing is asserted about it.
pub(crate) fn timed<T: Send>(what: &str, work: impl FnOnce() -> T + Send) -> T {
    let start = Instant::now();
    let done = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(16 << 20);
        let thread = thread.spawn_scoped(scope, work).expect("a thread");
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    });
    eprintln!("{what}: {:.1} s", start.elapsed().as_secs_f64());
    done
}

/// SplitMix64: a seed gives the same numbers on every machine.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("below a usize")
    }

    /// True so many times of a hundred.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// From 1 to about `max`, small numbers as often as large ones.
    pub(crate) fn size(&mut self, max: usize) -> usize {
        let bits = self.below(max.ilog2() as usize + 1);
        1 + self.below(1 << bits) + ((1 << bits) - 1)
    }
}

/// The built-in bundle of a profile, made once.
pub(crate) fn bundle(profile: Profile) -> Arc<Bundle> {
    static SEED: OnceLock<Arc<Bundle>> = OnceLock::new();
    static ANNOUNCED: OnceLock<Arc<Bundle>> = OnceLock::new();
    let cell = match profile {
        Profile::Seed => &SEED,
        Profile::AutopilotAnnounced => &ANNOUNCED,
    };
    Arc::clone(cell.get_or_init(|| Arc::new(profile.bundle().expect("the built-in policies"))))
}

/// A decision point over a world written as JSON.
#[track_caller]
pub(crate) fn point(profile: Profile, world: &str) -> Point {
    let bundle = bundle(profile);
    match world_file::load(&Source::new("world", world), AzureRoles::of(&bundle)) {
        Ok((world, changes)) => Point::directory(bundle, world, changes).expect("a sound world"),
        Err(finding) => panic!("{:?}: {finding}", finding.place()),
    }
}

/// A question. `context` is a JSON object.
#[track_caller]
pub(crate) fn ask<'a>(
    principal: (&'a str, &'a str),
    action: &'a str,
    resource: (&'a str, &'a str),
    context: &'a str,
) -> Ask<'a> {
    let party = |(ty, id): (&'a str, &'a str)| Party {
        ty: ty.into(),
        id: id.into(),
        properties: Vec::new(),
    };
    Ask {
        principal: party(principal),
        action: action.into(),
        resource: party(resource),
        context: members(context),
        ..Ask::default()
    }
}

/// The members of a JSON object.
#[track_caller]
pub(crate) fn members(object: &str) -> Vec<Member<'_>> {
    match Input::parse(object) {
        Ok(Input::Map(members)) => members,
        other => panic!("{object}: {other:?}"),
    }
}

/// What a point answers at [`NOW`]; a question that cannot be evaluated fails.
#[track_caller]
pub(crate) fn decide(point: &Point, ask: Ask<'_>) -> Decision {
    let decision = point.decide(ask, NOW).decision;
    assert_eq!(decision.problem, None, "the question is a proper one");
    decision
}

/// A CSV file of `tests/corpus/tables`: its header and its rows, cell by cell.
pub(crate) struct Table {
    header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    #[track_caller]
    pub(crate) fn read(name: &str) -> Self {
        let text = text(&format!("tests/corpus/tables/{name}"));
        let mut rows = text.lines().map(cells);
        let header = rows.next().expect("a header");
        let rows: Vec<Vec<String>> = rows.collect();
        assert!(rows.iter().all(|row| row.len() == header.len()), "{name}");
        Self { header, rows }
    }

    #[track_caller]
    pub(crate) fn cell<'a>(&self, row: &'a [String], column: &str) -> &'a str {
        let at = self.header.iter().position(|name| name == column);
        &row[at.unwrap_or_else(|| panic!("no column {column}"))]
    }

    /// The names of the columns from `first` on.
    pub(crate) fn columns(&self, first: usize) -> &[String] {
        &self.header[first..]
    }
}

/// The cells of a line; quoted cells may hold commas.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().expect("one at least").push(c),
        }
    }
    cells
}
