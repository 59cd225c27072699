//! Texts that are meant to hurt, and policies at the limits.
//!
//! An exhausted stack aborts the process and cannot be caught, so hostile texts
//! are read in a child process: this binary again, running the same test alone.
//! Each text must be taken or refused; the child says how many of each. The
//! number of texts follows `AOBO_TEST_SCALE`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use aobo::directory::{AzureRoles, Profile, world_file};
use aobo::engine::{Effect, Input, parse_entities};
use aobo::node::Point;
use aobo::policy::{Bundle, CHAIN_LENGTH_MAX, NESTING_DEPTH_MAX, Source};

use crate::support::{self, Rng, scaled};

mod texts;

/// Names the file into which a child writes the number of the text at hand.
const CHILD: &str = "AOBO_TEST_HOSTILE_CHILD";
/// What Rust and tokio give a thread unless told otherwise.
const STACK_BYTES: usize = 2 << 20;

/// Gives `count` seeded texts to `take` in a child process. `take` says whether
/// it took the text; some must be taken and some refused.
#[track_caller]
fn in_child(test: &str, count: usize, take: fn(&mut Rng) -> bool) {
    if let Some(mark) = std::env::var_os(CHILD) {
        return as_child(Path::new(&mark), count, take);
    }
    let mark = tempfile::NamedTempFile::new().expect("a temporary file");
    let child = Command::new(std::env::current_exe().expect("this binary"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, mark.path())
        .output()
        .expect("a child process");
    let (out, err) = (
        String::from_utf8_lossy(&child.stdout),
        String::from_utf8_lossy(&child.stderr),
    );
    let seed = std::fs::read_to_string(mark.path()).expect("the mark");
    assert!(
        child.status.success(),
        "{} at the text of seed {seed}\n{out}\n{err}",
        child.status
    );
    let mut said = err.lines().filter_map(|line| line.split_once("hostile: "));
    let (_, said) = said.next().expect("the child says what it did");
    eprintln!("{test}: {said}");
    let mut numbers = said
        .split(' ')
        .filter_map(|word| word.parse::<usize>().ok());
    let (taken, refused) = (numbers.next(), numbers.next());
    let (taken, refused) = (taken.expect("taken"), refused.expect("refused"));
    assert_eq!(taken + refused, count);
    assert!(refused > 0 && (taken > 0 || count < 100), "{said}");
}

fn as_child(mark: &Path, count: usize, take: fn(&mut Rng) -> bool) {
    let mark = mark.to_owned();
    let work = move || {
        let mut taken = 0;
        for seed in 0..count {
            std::fs::write(&mark, seed.to_string()).expect("the mark");
            taken += usize::from(take(&mut Rng::new(seed as u64)));
        }
        taken
    };
    let start = std::time::Instant::now();
    let taken = on_stack(STACK_BYTES, work);
    let refused = count - taken;
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("\nhostile: {taken} taken, {refused} refused, in {seconds:.1} s");
}

/// Runs something on a thread with a stack of this size.
fn on_stack<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(bytes).spawn(work);
    thread.expect("a thread").join().expect("no panic")
}

#[test]
fn ten_thousand_policies_are_taken_or_refused() {
    in_child(
        "hostile::ten_thousand_policies_are_taken_or_refused",
        scaled(10_000),
        |rng| {
            let text = texts::policy(rng);
            let schema = Source::new("schema", texts::SCHEMA);
            Bundle::new(&schema, &[Source::new("policy", text)]).is_ok()
        },
    );
}

#[test]
fn built_in_policies_with_faults_are_taken_or_refused() {
    in_child(
        "hostile::built_in_policies_with_faults_are_taken_or_refused",
        scaled(200),
        |rng| {
            let mut sources = Profile::Seed.sources();
            let at = rng.below(sources.len());
            let source = &mut sources[at];
            *source = Source::new(&*source.name, texts::mutated(rng, &source.text));
            Bundle::new(&Profile::schema(), &sources).is_ok()
        },
    );
}

#[test]
fn hostile_schemas_are_taken_or_refused() {
    in_child(
        "hostile::hostile_schemas_are_taken_or_refused",
        scaled(400),
        |rng| Bundle::new(&Source::new("schema", texts::schema(rng)), &[]).is_ok(),
    );
}

#[test]
fn hostile_json_is_taken_or_refused() {
    in_child(
        "hostile::hostile_json_is_taken_or_refused",
        scaled(3_000),
        |rng| {
            let like = r#"{"customer": "c", "rows": 3, "list": [true, null, "a\u0062"]}"#;
            Input::parse(&texts::json(rng, like)).is_ok()
        },
    );
}

#[test]
fn hostile_entities_are_taken_or_refused() {
    in_child(
        "hostile::hostile_entities_are_taken_or_refused",
        scaled(1_000),
        |rng| {
            let like = r#"[{"uid": {"type": "Customer", "id": "c"}, "attrs": {"country": "FR"}}]"#;
            let bundle = support::bundle(Profile::Seed);
            parse_entities(&texts::json(rng, like), bundle.shape()).is_ok()
        },
    );
}

#[test]
fn hostile_worlds_are_taken_or_refused() {
    in_child(
        "hostile::hostile_worlds_are_taken_or_refused",
        scaled(1_000),
        |rng| {
            let like = support::text("tests/corpus/worlds/fabrikam.json");
            let like = match rng.percent(50) {
                true => like,
                false => String::from("{}"),
            };
            let bundle = support::bundle(Profile::Seed);
            let source = Source::new("world", texts::json(rng, &like));
            world_file::load(&source, AzureRoles::of(&bundle)).is_ok()
        },
    );
}

// ------------------------------------------------------------- at the limits

/// Conditions as deep as they may be. Each holds where `context.b` does; sums and
/// attributes hold always.
fn deepest() -> Vec<(&'static str, String)> {
    // The braces of the clause are a level of their own.
    let depth = NESTING_DEPTH_MAX - 4;
    let long = CHAIN_LENGTH_MAX - 12;
    let nest = |left: &str, inner: &str, right: &str, depth: usize| {
        format!("{}{inner}{}", left.repeat(depth), right.repeat(depth))
    };
    let parens = nest("(", "context.b", ")", depth);
    let or = format!("{parens}{}", " || false".repeat(long - depth));
    let or_right = format!("{}{parens}", "false || ".repeat(long - depth));
    let and = format!("{}{parens}", "true && ".repeat(long - depth));
    let half = (long - 2 * depth) / 2;
    let both = nest(
        "(false || ",
        &format!("context.b{}", " || false".repeat(half)),
        ")",
        depth,
    );
    let sums = format!("context.n{} == context.n", " + 0".repeat(long - 4));
    let ifs = format!("{}context.b", "if false then false else ".repeat(long / 2));
    let attributes = format!("principal{}.b", ".next".repeat(long - 4));
    let not = nest("!(!(", "context.b", "))", depth / 2);
    let record = format!(
        "{}{}",
        nest("{a: ", "context.b", "}", depth),
        ".a".repeat(depth)
    );
    let set = format!(
        "{} == {}",
        nest("[", "context.b", "]", depth),
        nest("[", "context.n == 1", "]", depth)
    );
    vec![
        ("or", or),
        ("or, the deep part last", or_right),
        ("and", and),
        ("or within brackets", both),
        ("sums", sums),
        ("attributes", attributes),
        ("ifs", ifs),
        ("not", not),
        ("record", record),
        ("set", set),
    ]
}

/// A point with one policy and one entity, which refers to itself.
fn limit_point(condition: &str) -> Point {
    let text =
        format!("@id(\"deep\") permit (principal, action, resource) when {{ {condition} }};");
    let schema = Source::new(
        "schema",
        "entity U = { next: U, b: Bool };
         action a appliesTo { principal: U, resource: U, context: { n: Long, b: Bool } };",
    );
    let policy = Source::new("policy", text);
    let bundle = match Bundle::new(&schema, &[policy]) {
        Ok(bundle) => Arc::new(bundle),
        Err(refused) => panic!("{condition}: {:?}", refused.findings),
    };
    let itself = r#"[{"uid": {"type": "U", "id": "a"}, "attrs": {"next": "a", "b": true}}]"#;
    let entities = parse_entities(itself, bundle.shape()).expect("an entity");
    Point::generic(bundle, entities).expect("an entity of the schema")
}

fn answers(point: &Point) -> (Effect, Effect, usize) {
    let ask = |context| {
        let ask = support::ask(("U", "a"), "a", ("U", "b"), context);
        point.decide(ask, support::NOW).decision
    };
    let yes = ask(r#"{"n": 1, "b": true}"#);
    let no = ask(r#"{"n": 1, "b": false}"#);
    assert_eq!((yes.problem, no.problem), (None, None));
    let errors = yes.erroring.len() + no.erroring.len();
    (yes.effect, no.effect, errors)
}

#[test]
fn the_deepest_policies_are_answered_alike_on_every_stack() {
    for (name, condition) in deepest() {
        let point = Arc::new(limit_point(&condition));
        // In small steps, because the room is least just above the size below
        // which the evaluation moves to a stack of its own.
        let small = (256..6_144).step_by(64);
        for kib in small.chain([65_536]) {
            let point = Arc::clone(&point);
            let found = on_stack(kib << 10, move || answers(&point));
            let denied = match name {
                "sums" | "attributes" => Effect::Allow,
                _ => Effect::Deny,
            };
            assert_eq!(found, (Effect::Allow, denied, 0), "{name} on {kib} KiB");
        }
    }
}

#[test]
fn the_deepest_bundles_are_made_and_dropped_on_small_stacks() {
    for (_, condition) in deepest() {
        let found = on_stack(256 << 10, move || {
            let point = limit_point(&condition);
            let snapshot = point.snapshot().clone();
            drop(point);
            drop(snapshot);
            true
        });
        assert!(found);
    }
}

#[test]
fn one_level_or_one_operator_more_is_refused() {
    let schema = Source::new("schema", texts::SCHEMA);
    let taken = |condition: String| {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        Bundle::new(&schema, &[Source::new("policy", text)]).is_ok()
    };
    let nested = |depth: usize| format!("{}context.b{}", "(".repeat(depth), ")".repeat(depth));
    assert!(taken(nested(NESTING_DEPTH_MAX - 1)));
    assert!(!taken(nested(NESTING_DEPTH_MAX)));
    // `when`, the bracket of its clause and the `.` of an operand count as well.
    let chained = |length: usize| format!("{}context.b", "context.b || ".repeat(length));
    let operators = CHAIN_LENGTH_MAX / 2 - 1;
    assert!(taken(chained(operators)));
    assert!(!taken(chained(operators + 1)));
}

/// Hierarchies are walked, too: a long chain of groups must not cost the stack.
#[test]
fn a_long_chain_of_groups_is_decided_on_a_small_stack() {
    let length = 1_000;
    let mut world = String::from(
        r#"{"partners": {"p": {"country": "FR", "market": "Europe", "cloud": "public"}},
            "customers": {"c": {"country": "FR", "market": "Europe", "cloud": "public"}},
            "relationships": [{"partner": "p", "customer": "c", "status": "active", "dap": "active"}],
            "subscriptions": {"s": {"customer": "c"}},
            "role_assignments": [{"principal": "p/AdminAgents", "role": "Reader", "scope": "/subscriptions/s"}],
            "partner_users": {"u": {"partner": "p", "groups": ["p/g0"]}}, "groups": {"#,
    );
    for n in 0..length {
        let outer = match n + 1 {
            last if last == length => "p/AdminAgents".to_owned(),
            next => format!("p/g{next}"),
        };
        let comma = if n == 0 { "" } else { "," };
        world.push_str(&format!(r#"{comma}"p/g{n}": {{"member_of": ["{outer}"]}}"#));
    }
    world.push_str("}}");
    let allowed = on_stack(256 << 10, move || {
        let point = support::point(Profile::Seed, &world);
        let operation = r#"{"operation": "microsoft.compute/virtualmachines/read"}"#;
        let unstored = "/subscriptions/s/resourceGroups/rg/providers/A.B/c/d";
        let asks = [
            support::ask(
                ("PartnerUser", "u"),
                "SignInToCustomerTenant",
                ("Customer", "c"),
                "{}",
            ),
            support::ask(
                ("PartnerUser", "u"),
                "AzureOperation",
                ("AzureResource", unstored),
                operation,
            ),
        ];
        asks.map(|ask| support::decide(&point, ask).allows())
    });
    assert_eq!(allowed, [true, true]);
}
