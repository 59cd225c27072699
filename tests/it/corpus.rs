//! The corpus: every suite passes, every policy is needed, every rule of the
//! table is carried, and the access matrix is what it was.

mod direct;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use aobo::directory::{AzureRoles, Profile, Scope, world_file};
use aobo::engine::{EntityUid, Input, Member};
use aobo::node::{Point, files};
use aobo::policy::{Bundle, PolicyInfo, Source};
use aobo::suite::{Base, Bundles, Report, Suite, find, matrix, run};
use serde::Deserialize;

use crate::support::{NOW, at, text, timed};

/// Actions that the schema declares for rules of part B, and that no profile of
/// today permits to anybody.
const LATER: [&str; 7] = [
    "ApproveGdap",
    "AssignGdapRole",
    "CancelAzureSubscription",
    "ChangeSaasQuantity",
    "EnableGdapAutoExtend",
    "RequestGdap",
    "TerminateGdap",
];

fn suites() -> Vec<Suite> {
    let folders: Vec<PathBuf> = vec![at("tests/corpus/suites")];
    find(&folders, None).unwrap().suites
}

fn failures(report: &Report) -> String {
    let lines = report
        .failures
        .iter()
        .map(|f| format!("{} {}: {}\n", f.file, f.id, f.message));
    lines.collect()
}

#[test]
fn every_case_of_the_corpus_passes() {
    let report = run(&suites(), &mut Bundles::default()).unwrap();
    assert!(report.failures.is_empty(), "{}", failures(&report));
    assert!(
        report.skipped.is_empty() && report.passed > 800,
        "{report:?}"
    );
}

#[test]
fn delegation_cases_pass_and_those_of_later_profiles_are_skipped_by_name() {
    let path = at("tests/corpus/cases/delegation.jsonl");
    let found = find(&[path], None).unwrap();
    let report = run(&found.suites, &mut Bundles::default()).unwrap();
    assert!(report.failures.is_empty(), "{}", failures(&report));
    assert_eq!((report.passed, report.skipped.len()), (70, 31));
    assert!(
        report
            .skipped
            .iter()
            .all(|skip| skip.why.contains("`public`"))
    );
    assert!(report.skipped.iter().any(|skip| skip.id == "D-016"));
}

#[test]
fn every_case_stands_beside_its_nearest_opposite() {
    let mut wrong = Vec::new();
    for suite in suites() {
        let by_id: BTreeMap<&str, _> = suite.cases().map(|c| (c.id.as_str(), c)).collect();
        for case in suite.cases() {
            let twin = case.twin.as_deref().and_then(|id| by_id.get(id));
            match twin {
                None => wrong.push(format!("{}: `{}` has no twin", suite.file, case.id)),
                Some(twin) if twin.expected.effect == case.expected.effect => {
                    wrong.push(format!("{}: `{}` and its twin agree", suite.file, case.id));
                }
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn built_in_policies_have_no_warnings() {
    for profile in Profile::ALL {
        let bundle = profile.bundle().unwrap();
        assert!(
            bundle.warnings().is_empty(),
            "{profile}: {:?}",
            bundle.warnings()
        );
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Rule {
    id: String,
    says: String,
    policies: Option<BTreeSet<String>>,
    default_deny: Option<String>,
    no_action: Option<String>,
}

fn rules() -> Vec<Rule> {
    #[derive(Deserialize)]
    struct Table {
        rule: Vec<Rule>,
    }
    toml::from_str::<Table>(&text("tests/corpus/rules.toml"))
        .unwrap()
        .rule
}

/// The policies of all profiles, by id.
fn policies() -> BTreeMap<String, PolicyInfo> {
    let bundles = Profile::ALL.map(|profile| profile.bundle().unwrap());
    let infos = bundles.iter().flat_map(Bundle::infos);
    infos.map(|info| (info.id.clone(), info.clone())).collect()
}

fn rules_of(info: &PolicyInfo) -> BTreeSet<String> {
    let rules = info
        .annotations
        .get("rule")
        .map(String::as_str)
        .unwrap_or_default();
    rules.split(' ').map(str::to_owned).collect()
}

/// Who does the same owes the same and is advised alike, whichever policy lets them.
#[test]
fn what_is_owed_and_advised_comes_with_every_way() {
    let password = ["temporary password", "send them to the user"];
    let set = [
        "each user name",
        "send them to the user",
        "until the set is complete",
    ];
    let restore = ["licences come back as far as seats are free"];
    let both = ["restored within 30 days", "as far as seats are free"];
    let exists = ["no subscription that already exists"];
    let owed = [
        "support the customer",
        "Cloud Reseller Agreement",
        "until the contract",
    ];
    let wanted: [(&str, &str, &[&str]); 21] = [
        ("users-create", "advice", &password),
        ("users-own-create", "advice", &password),
        ("users-import", "advice", &set),
        ("users-own-import", "advice", &set),
        ("users-delete", "advice", &both[..1]),
        ("users-own-delete-any", "advice", &both[..1]),
        ("users-restore", "advice", &restore),
        ("users-own-restore-any", "advice", &restore),
        (
            "users-own-delete-restore-user-administrator",
            "advice",
            &both,
        ),
        (
            "users-own-delete-restore-authentication-administrator",
            "advice",
            &both,
        ),
        ("relationship-accept-public-before-store", "advice", &exists),
        ("relationship-accept-public-store", "advice", &exists),
        ("relationship-accept-germany", "advice", &exists),
        ("relationship-accept-us-government", "advice", &exists),
        ("privileges-remove-delegated-admin", "duty", &owed),
        ("tenant-reassign-service-permissions", "duty", &owed),
        ("relationship-remove", "duty", &owed[1..]),
        ("support-with-privileges", "duty", &owed[1..]),
        ("support-through-microsoft", "duty", &owed[1..]),
        ("relationship-remove", "advice", &["Azure roles outlive"]),
        (
            "privileges-remove-delegated-admin",
            "advice",
            &["Azure role assignment"],
        ),
    ];
    let policies = policies();
    for (id, kind, parts) in wanted {
        let text = policies[id].annotations.get(kind);
        for part in parts {
            assert!(
                text.is_some_and(|text| text.contains(part)),
                "{id}: {text:?}"
            );
        }
    }
}

#[test]
fn the_table_of_rules_and_the_annotations_agree() {
    let (rules, policies) = (rules(), policies());
    assert_eq!(rules.len(), 77, "every rule of kind D has its entry");
    for rule in &rules {
        let carried: BTreeSet<String> = policies
            .values()
            .filter(|info| rules_of(info).contains(&rule.id))
            .map(|info| info.id.clone())
            .collect();
        let named = rule.policies.clone().unwrap_or_default();
        assert_eq!(
            named, carried,
            "{}: the table against the annotations",
            rule.id
        );
        let reasons = [&rule.default_deny, &rule.no_action];
        let reasons = reasons
            .into_iter()
            .flatten()
            .filter(|reason| reason.len() > 20);
        assert_eq!(reasons.count() == 1, named.is_empty(), "{}", rule.id);
        assert!(!rule.says.is_empty(), "{}", rule.id);
    }
}

#[test]
fn every_rule_has_cases_of_its_own() {
    let suites = suites();
    let shown: BTreeSet<&String> = suites
        .iter()
        .flat_map(Suite::cases)
        .flat_map(|case| &case.rules)
        .collect();
    let rules = rules();
    let silent: Vec<&str> = rules
        .iter()
        .filter(|r| !shown.contains(&r.id))
        .map(|r| r.id.as_str())
        .collect();
    assert!(silent.is_empty(), "no case shows {silent:?}");
}

/// The bundle of a profile in which one policy never applies.
fn without(profile: Profile, info: &PolicyInfo) -> Bundle {
    let sources = profile.sources().into_iter().map(|source| {
        if source.name != info.file {
            return source;
        }
        let mut text = source.text.to_string();
        text.insert_str(info.span.end - 1, " when { false }");
        Source::new(source.name, text)
    });
    Bundle::new(&Profile::schema(), &sources.collect::<Vec<_>>()).unwrap()
}

/// What fails without a policy: a case for the policy, and for each rule of the
/// table that it carries a case that is labelled with the rule.
fn unneeded(profile: Profile) -> Vec<String> {
    let all = suites();
    let of_profile =
        |suite: &Suite| matches!(suite.base, Base::World { profile: p, .. } if p == profile);
    let suites: Vec<Suite> = all.into_iter().filter(of_profile).collect();
    let own = |info: &&PolicyInfo| match profile {
        Profile::Seed => true,
        Profile::AutopilotAnnounced => info.file.contains("announced"),
    };
    let bundle = profile.bundle().unwrap();
    let table: BTreeSet<String> = rules().into_iter().map(|rule| rule.id).collect();
    let mut unneeded = Vec::new();
    for info in bundle.infos().filter(own) {
        let mutant = Arc::new(without(profile, info));
        let mut bundles = Bundles::default().with(profile, mutant);
        let report = run(&suites, &mut bundles).unwrap();
        let failed: BTreeSet<&str> = report.failures.iter().map(|f| f.id.as_str()).collect();
        if failed.is_empty() {
            unneeded.push(format!("{profile}: no case fails without `{}`", info.id));
        }
        let cases = suites.iter().flat_map(Suite::cases);
        let failing = cases.filter(|case| failed.contains(case.id.as_str()));
        let shown: BTreeSet<&String> = failing.flat_map(|case| &case.rules).collect();
        for rule in rules_of(info).intersection(&table) {
            if !shown.contains(rule) {
                unneeded.push(format!(
                    "{profile}: no case of {rule} fails without `{}`",
                    info.id
                ));
            }
        }
    }
    unneeded
}

#[test]
fn every_policy_of_the_seed_profile_is_needed_for_each_of_its_rules() {
    let unneeded = timed("mutants of seed", || unneeded(Profile::Seed));
    assert!(unneeded.is_empty(), "{}", unneeded.join("\n"));
}

#[test]
fn every_policy_of_the_announced_profile_is_needed_for_each_of_its_rules() {
    let unneeded = timed("mutants of autopilot-announced", || {
        unneeded(Profile::AutopilotAnnounced)
    });
    assert!(unneeded.is_empty(), "{}", unneeded.join("\n"));
}

fn fabrikam(profile: Profile) -> Point {
    let bundle = Arc::new(profile.bundle().unwrap());
    let source = files::read_world(&at("tests/corpus/worlds/fabrikam.json")).unwrap();
    let (world, changes) = world_file::load(&source, AzureRoles::of(&bundle)).unwrap();
    Point::directory(bundle, world, changes).unwrap()
}

/// A plain context of each action. A new action without one here is reported by
/// the guard.
fn context(action: &str, resource: &EntityUid) -> Option<Vec<Member<'static>>> {
    let member = |name: &'static str, value| Member {
        name: name.into(),
        value,
    };
    let string = |text: &'static str| Input::String(text.into());
    let kiosk = match resource.id().unescaped().split('-').next() {
        Some("tailspin") => "tailspin-kiosk",
        Some("litware") => "litware-kiosk",
        Some("wingtip") => "wingtip-kiosk",
        _ => "contoso-kiosk",
    };
    Some(match action {
        "SendInvitation" => vec![
            member("include_dap", Input::Bool(true)),
            member("link_included", Input::Bool(true)),
        ],
        "AcceptInvitation" => vec![member("portal", string("microsoft-store-for-business"))],
        "RemoveDelegatedAdmin" => vec![member("customer", string("contoso"))],
        "ImportUsers" => vec![
            member("format", string("csv")),
            member("rows", Input::Long(10)),
        ],
        "AssignDirectoryRole" => vec![member("role", string("Directory Readers"))],
        "AssignLicense" | "RemoveLicense" => vec![member("product", string("office-e3"))],
        "AzureOperation" => vec![member(
            "operation",
            string("Microsoft.Compute/virtualMachines/write"),
        )],
        "ApplyAutopilotProfile" | "RemoveAutopilotProfile" => {
            vec![member("profile", string(kiosk))]
        }
        "OpenServiceRequestOnBehalf" => vec![member("channel", string("microsoft-support"))],
        "RequestGdap" => vec![member("duration_days", Input::Long(365))],
        _ => Vec::new(),
    })
}

/// The whole of fabrikam.json as a table. A cell that changes is a decision that
/// changes: read the diff, then accept it (`cargo insta review`, or
/// `INSTA_UPDATE=always cargo test corpus`).
#[test]
fn the_access_matrix_is_what_it_was() {
    let point = fabrikam(Profile::Seed);
    let scopes = [
        "/subscriptions/contoso-web/resourceGroups/rg-front",
        "/subscriptions/contoso-web/resourceGroups/rg-front/providers/Microsoft.Compute/virtualMachines/vm-front",
        "/subscriptions/unknown/resourceGroups/rg",
    ];
    let scopes = scopes.map(|id| Scope::parse(id).unwrap().uid());
    let matrix = timed("access matrix", || matrix(&point, NOW, &scopes, &context));
    assert_eq!(
        matrix.unasked(&point),
        Vec::<String>::new(),
        "no cell asks about these"
    );
    assert_eq!(
        matrix.troubled,
        Vec::<String>::new(),
        "these cells fail instead of deciding"
    );
    assert_eq!(matrix.never_allowed(), LATER.into_iter().collect());
    insta::with_settings!({
        snapshot_path => "../corpus/matrix",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("fabrikam-seed", matrix.table());
    });
}
