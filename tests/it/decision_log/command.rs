//! `aobo replay` over a data folder whose facts and policies change between rows,
//! and with candidates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use aobo::directory::Profile;
use aobo::directory::command::Ids;
use aobo::log::{Log, Sqlite};
use aobo::node::decision_log::{Audit, DecisionLog, RotatingFile};
use aobo::node::{Actor, Choice, Ledger, Point, Settings, Submission, TenantScope, What, compact};
use aobo::policy::{Bundle, Source};
use serde_json::{Value, json};

use super::{key, row_of, wait};
use crate::support::{self, NOW, ask};

const WORLD: &str = r#"{
  "partners": {"fabrikam": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "customers": {"contoso": {"country": "FR", "market": "Europe", "cloud": "public"}},
  "partner_users": {"ada": {"partner": "fabrikam", "roles": ["AdminAgent"]}, "nora": {"partner": "fabrikam"}},
  "relationships": [{"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "active"}],
  "subscriptions": {"s1": {"customer": "contoso"}},
  "role_assignments": [{"principal": "fabrikam/AdminAgents", "role": "Owner", "scope": "/subscriptions/s1"}]
}"#;

/// Ids that count.
struct Made(u32);

impl Ids for Made {
    fn id(&mut self) -> String {
        self.0 += 1;
        format!("made-{}", self.0)
    }

    fn link(&mut self, _: &str, invitation: &str) -> String {
        invitation.to_owned()
    }
}

/// A data folder with a log, and a decision log beside it.
struct Place {
    folder: tempfile::TempDir,
    decisions: DecisionLog,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.jsonl");
        let file = RotatingFile::open(&path, 1 << 20, 1).unwrap();
        let decisions = DecisionLog::start(Box::new(file), Audit::Counted, key()).unwrap();
        Self { folder, decisions }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, choice: Choice, world: Option<&str>) -> Ledger {
        let log: Arc<dyn Log> = Arc::new(Sqlite::open(&self.path("data")).unwrap());
        let settings = Settings {
            choice,
            world: world.map(|text| Source::new("world", text)),
            clock: Arc::new(|| NOW),
        };
        Ledger::open(log, &settings, Box::new(Made(0))).unwrap()
    }

    /// Asks everything once, at the state of now.
    fn decide(&self, ledger: &Ledger) {
        let point = Arc::clone(&ledger.point().current());
        let (ada, nora) = (("PartnerUser", "ada"), ("PartnerUser", "nora"));
        let contoso = ("Customer", "contoso");
        let operation = r#"{"operation": "Microsoft.Compute/virtualMachines/write", "note": "x"}"#;
        let subscription = ("Subscription", "/subscriptions/S1");
        for asked in [
            ask(ada, "SignInToCustomerTenant", contoso, "{}"),
            ask(nora, "SignInToCustomerTenant", contoso, "{}"),
            ask(ada, "CreateUser", contoso, "{}"),
            ask(ada, "AzureOperation", subscription, operation),
        ] {
            let row = row_of(&self.decisions, &point, &asked, NOW);
            wait(self.decisions.write(&[row])).unwrap();
        }
    }

    /// Facts, policies and facts change, with questions between.
    fn played() -> Self {
        let place = Self::new();
        let ledger = place.open(Choice::Last, Some(WORLD));
        place.decide(&ledger);
        put(
            &ledger,
            json!({"relationships": [{"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "removed"}]}),
        );
        place.decide(&ledger);
        put(
            &ledger,
            json!({"customers": {"other": {"country": "FR", "market": "Europe", "cloud": "public"}}}),
        );
        drop(ledger);
        let ledger = place.open(Choice::Profile(Profile::AutopilotAnnounced), None);
        place.decide(&ledger);
        put(
            &ledger,
            json!({"relationships": [{"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "active"}]}),
        );
        place.decide(&ledger);
        assert!(place.decisions.close());
        place
    }

    /// Output and exit code of a replay.
    fn replay(&self, args: &[&str], code: i32) -> (String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
        command.current_dir(self.folder.path()).env("NO_COLOR", "1");
        let output = command.arg("replay").args(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, args: &[&str], code: i32) -> Value {
        let args = [args, &["--format", "json"]].concat();
        serde_json::from_str(&self.replay(&args, code).0).unwrap()
    }

    /// A copy of the built-in policies with a change to one file.
    fn candidate(&self, file: &str, change: &dyn Fn(&str) -> String) {
        fs::create_dir_all(self.path("candidate")).unwrap();
        for source in Profile::Seed.sources() {
            let name = Path::new(source.name.as_ref()).file_name().unwrap();
            let text = match name == file {
                true => change(&source.text),
                false => source.text.to_string(),
            };
            fs::write(self.path("candidate").join(name), text).unwrap();
        }
    }
}

/// Puts facts, one event each, as an operator.
fn put(ledger: &Ledger, facts: Value) {
    for (member, facts) in facts.as_object().unwrap() {
        let facts: Vec<Value> = match facts {
            Value::Array(items) => items.iter().map(|item| json!({member: [item]})).collect(),
            Value::Object(items) => items
                .iter()
                .map(|(id, item)| json!({member: {id: item}}))
                .collect(),
            other => panic!("{other}"),
        };
        for fact in facts {
            let command = json!({"command": "put", "fact": fact});
            let submission = Submission {
                actor: Actor {
                    name: "the test".to_owned(),
                    principal: None,
                    operator: true,
                    key: None,
                    tenants: TenantScope::All,
                },
                what: What::Command(serde_json::from_value(command).unwrap()),
                idempotency_key: None,
                expected: None,
            };
            ledger.submit_blocking(submission).unwrap();
        }
    }
}

const LOG: &str = "decisions.jsonl";

#[test]
fn rows_are_replayed_at_their_own_revisions() {
    let place = Place::played();
    let text = fs::read_to_string(place.path(LOG)).unwrap();
    assert!(text.contains("\"allow\"") && text.contains("\"deny\""));
    let (out, _) = place.replay(&[LOG, "--data", "data"], 0);
    assert_eq!(out, "16 rows: 16 the same, 0 flipped, 0 not replayed\n");
    // In whatever order they stand.
    let backwards: Vec<&str> = text.lines().rev().collect();
    fs::write(place.path("backwards"), backwards.join("\n")).unwrap();
    let report = place.json(&["backwards", LOG, "--data", "data"], 0);
    assert_eq!((&report["rows"], &report["same"]), (&json!(32), &json!(32)));
    // An answer that was changed afterwards is found.
    let forged = text.replacen("\"decision\":\"deny\"", "\"decision\":\"allow\"", 1);
    fs::write(place.path("forged"), forged).unwrap();
    let report = place.json(&["forged", "--data", "data"], 1);
    assert_eq!(
        report["flips"],
        json!({"allow-to-deny": 1, "deny-to-allow": 0, "policies": 0})
    );
}

/// Rows of archived revisions are counted, and those from the floor on are decided
/// again without any checkpoint.
#[test]
fn rows_of_archived_revisions_are_counted() {
    let place = Place::played();
    let log = Sqlite::open(&place.path("data")).unwrap();
    // The first four rows are of revision 2.
    compact(&log, 3, &place.path("archive")).unwrap();
    drop(log);
    let report = || place.json(&[LOG, "--data", "data"], 0);
    let archived = json!([{"reason": "the log no longer holds its revision", "rows": 4}]);
    let first = report();
    assert_eq!((&first["rows"], &first["same"]), (&json!(16), &json!(12)));
    assert_eq!(first["unreplayable_reasons"], archived);
    fs::remove_dir_all(place.path("data/checkpoints")).unwrap();
    assert_eq!(report(), first);
    // Of a log that was compacted before it kept a state, none can be.
    fs::remove_dir_all(place.path("data/floor")).unwrap();
    let last = report();
    assert_eq!((&last["rows"], &last["same"]), (&json!(16), &json!(0)));
    assert_eq!(last["unreplayable"], 16, "{last:#}");
}

#[test]
fn a_candidate_is_told_by_what_it_flips() {
    let place = Place::played();
    // Nobody signs in any more, and the policy of operations has another name.
    place.candidate("tenant.cedar", &|text| {
        format!("{text}\n@id(\"closed\")\nforbid (principal, action == Action::\"SignInToCustomerTenant\", resource);\n")
    });
    let args = [LOG, "--data", "data", "--candidate", "candidate"];
    let (out, _) = place.replay(&args, 1);
    insta::assert_snapshot!("replay_candidate", out);
    let report = place.json(&args, 1);
    let mut groups = report["groups"].clone();
    for group in groups.as_array_mut().unwrap() {
        for example in group["examples"].as_array_mut().unwrap() {
            let id = example.as_object_mut().unwrap().remove("decision_id");
            assert!(id.is_some_and(|id| id.is_string()));
        }
    }
    insta::assert_snapshot!("replay_candidate_json", format!("{groups:#}"));
    // The same policies flip nothing that they decided.
    place.candidate("tenant.cedar", &str::to_owned);
    let report = place.json(&args, 0);
    assert_eq!(report["same"], 16, "{report:#}");
}

#[test]
fn a_candidate_that_reads_what_is_masked_is_not_guessed_about() {
    let place = Place::played();
    let schema = Profile::schema().text;
    let at = schema.find("action AzureOperation appliesTo {").unwrap();
    let at = at + schema[at..].find("context: {").unwrap() + "context: {".len();
    let schema = format!("{}\"note\"?: String, {}", &schema[..at], &schema[at..]);
    fs::write(place.path("schema"), schema).unwrap();
    place.candidate("tenant.cedar", &|text| {
        format!("{text}\n@id(\"noted\")\nforbid (principal, action == Action::\"AzureOperation\", resource) when {{ context has note && context.note == \"x\" }};\n")
    });
    let args = [
        LOG,
        "--data",
        "data",
        "--candidate",
        "candidate",
        "--schema",
        "schema",
    ];
    let report = place.json(&args, 0);
    assert_eq!(
        report["unreplayable_reasons"],
        json!([{"reason": "`context.note` is masked, and read by policies", "rows": 4}])
    );
    assert_eq!(report["same"], 12);
}

#[test]
fn a_world_or_a_torn_log_are_replayed_too() {
    let place = Place::played();
    fs::write(place.path("world.json"), WORLD).unwrap();
    let text = fs::read_to_string(place.path(LOG)).unwrap();
    // The first four rows were decided on it.
    let end = text.match_indices('\n').nth(3).unwrap().0 + 1;
    fs::write(place.path("first"), &text[..end + 40]).unwrap();
    let (out, _) = place.replay(&["first", "--world", "world.json"], 0);
    assert_eq!(
        out,
        "torn: 1, a last line that was not written whole\n4 rows: 4 the same, 0 flipped, 0 not replayed\n"
    );
    // Of those that the same policies decided, two were denied without privileges.
    let report = place.json(&[LOG, "--world", "world.json"], 1);
    assert_eq!((&report["rows"], &report["same"]), (&json!(16), &json!(6)));
    assert_eq!(report["flips"]["deny-to-allow"], 2, "{report:#}");
    assert_eq!(
        report["unreplayable_reasons"],
        json!([{"reason": "it was decided by other policies", "rows": 8}])
    );
    // A candidate answers for all of them.
    place.candidate("tenant.cedar", &str::to_owned);
    let args = [LOG, "--world", "world.json", "--candidate", "candidate"];
    let report = place.json(&args, 1);
    assert_eq!(report["flips"]["deny-to-allow"], 4, "{report:#}");
}

const SCHEMA: &str = "entity User; entity Doc;
action read appliesTo { principal: User, resource: Doc };";

#[test]
fn rows_from_before_a_reload_are_not_taken_for_flips() {
    let place = Place::new();
    let bundle = |policy: &str| {
        let bundle = Bundle::new(
            &Source::new("schema", SCHEMA),
            &[Source::new("p.cedar", policy)],
        );
        Arc::new(bundle.unwrap())
    };
    let policies = ["permit", "forbid"].map(|effect| {
        let policy = format!("{effect} (principal, action, resource);");
        fs::write(place.path(effect), &policy).unwrap();
        policy
    });
    fs::write(place.path("schema"), SCHEMA).unwrap();
    for policy in &policies {
        let point = Point::generic(bundle(policy), Vec::new()).unwrap();
        let asked = ask(("User", "ana"), "read", ("Doc", "d"), "{}");
        let row = row_of(&place.decisions, &point, &asked, NOW);
        wait(place.decisions.write(&[row])).unwrap();
    }
    assert!(place.decisions.close());
    let source = [LOG, "--schema", "schema"];
    let report = place.json(&[&source[..], &["--policies", "forbid"]].concat(), 0);
    assert_eq!((&report["rows"], &report["same"]), (&json!(2), &json!(1)));
    assert_eq!(
        report["unreplayable_reasons"],
        json!([{"reason": "it was decided by other policies", "rows": 1}])
    );
    // As a candidate, the same policies answer for every row.
    let report = place.json(&[&source[..], &["--candidate", "forbid"]].concat(), 1);
    assert_eq!(report["flips"]["allow-to-deny"], 1, "{report:#}");
    assert_eq!(report["same"], 1);
}

#[test]
fn what_is_no_replay_is_said() {
    let place = Place::played();
    let said = |args: &[&str], what: &str| {
        let (_, err) = place.replay(args, 3);
        let err = err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(err.contains(what), "{args:?}: {err}");
    };
    said(&[LOG], "nothing to replay on");
    said(&[LOG, "--schema", "schema"], "a schema alone");
    said(&["nowhere", "--data", "data"], "cannot read `nowhere`");
    said(
        &[LOG, "--data", "data", "--candidate", "nowhere"],
        "nowhere",
    );
    said(&["--data", "data"], "LOG");
    let text = fs::read_to_string(place.path(LOG)).unwrap();
    fs::write(place.path("bad"), format!("{text}no row\n")).unwrap();
    said(&["bad", "--data", "data"], "bad:17");
    let first = text.lines().next().unwrap();
    let beyond = first.replace("\"revision\":2", "\"revision\":99");
    fs::write(place.path("beyond"), format!("{beyond}\n")).unwrap();
    said(
        &["beyond", "--data", "data"],
        "revision 99 is beyond the log",
    );
    let other = first.replace("\"bundle\":\"", "\"bundle\":\"0");
    fs::write(place.path("other"), format!("{other}\n")).unwrap();
    said(
        &["other", "--data", "data"],
        "revision 2 has other policies",
    );
    assert!(support::at("README.md").is_file());
}
