//! Searches find exactly what decisions allow: on the reference world, for every
//! action, from both sides, page by page; and as a person types them.

use std::collections::BTreeMap;
use std::process::Command;

use aobo::directory::Profile;
use aobo::engine::intake::{Ask, Party};
use aobo::engine::{EntityUid, Member, Page, Searched};
use aobo::node::Point;

use crate::support::{self, NOW, at, members, text, timed};

/// Stored entities by type.
fn by_type(point: &Point) -> BTreeMap<String, Vec<EntityUid>> {
    let mut found: BTreeMap<String, Vec<EntityUid>> = BTreeMap::new();
    for entity in point.snapshot().facts().entities() {
        let ty = entity.uid.type_name().to_string();
        found.entry(ty).or_default().push(entity.uid);
    }
    found
}

/// A context for every action that needs one.
fn context(action: &str) -> Vec<Member<'static>> {
    members(match action {
        "AzureOperation" => r#"{"operation": "microsoft.compute/virtualmachines/write"}"#,
        "SendInvitation" => r#"{"include_dap": true, "link_included": true}"#,
        "AcceptInvitation" => r#"{"portal": "office-admin-portal"}"#,
        "RemoveDelegatedAdmin" => r#"{"customer": "contoso"}"#,
        "ImportUsers" => r#"{"format": "csv", "rows": 3}"#,
        "AssignDirectoryRole" => r#"{"role": "Guest Inviter"}"#,
        "AssignLicense" | "RemoveLicense" => r#"{"product": "office-e3"}"#,
        "ApplyAutopilotProfile" | "RemoveAutopilotProfile" => r#"{"profile": "contoso-kiosk"}"#,
        "OpenServiceRequestOnBehalf" => r#"{"channel": "partner-center"}"#,
        "RequestGdap" => r#"{"duration_days": 30}"#,
        _ => "{}",
    })
}

fn ask(action: &str, principal: Party<'static>, resource: Party<'static>) -> Ask<'static> {
    Ask {
        principal,
        action: action.to_owned().into(),
        resource,
        context: context(action),
        ..Ask::default()
    }
}

/// A party of which only the type counts.
fn any(ty: &str) -> Party<'static> {
    Party {
        ty: ty.to_owned().into(),
        ..Party::default()
    }
}

/// Fails unless a search, whole and in pages of two, is what decisions allow.
#[track_caller]
fn check(
    point: &Point,
    searched: Searched,
    candidates: &[EntityUid],
    question: &dyn Fn(Party<'static>) -> Ask<'static>,
) -> usize {
    let Some(first) = candidates.first() else {
        return 0;
    };
    let ty = first.type_name().to_string();
    let allowed = |uid: &&EntityUid| {
        let decision = point.decide(question(Party::from(*uid)), NOW).decision;
        assert_eq!(decision.problem, None, "the question is a proper one");
        decision.allows()
    };
    let wanted: Vec<&EntityUid> = candidates.iter().filter(allowed).collect();
    let search = |page: Page<'_>| {
        point
            .search(question(any(&ty)), searched, page, NOW)
            .expect("a search")
    };
    let whole = search(Page::ALL);
    assert_eq!(whole.entities.iter().collect::<Vec<_>>(), wanted);
    assert_eq!(whole.more_after, None);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = Page {
            after: after.as_ref(),
            limit: 2,
        };
        let found = search(page);
        assert!(found.entities.len() <= 2);
        paged.extend(found.entities);
        after = found.more_after;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, whole.entities);
    wanted.len()
}

#[test]
fn a_search_finds_what_decisions_allow() {
    let world = text("tests/corpus/worlds/fabrikam.json");
    let point = support::point(Profile::Seed, &world);
    let known = by_type(&point);
    let of = |ty: &String| known.get(ty).cloned().unwrap_or_default();
    let (mut found, mut searches) = (0, 0);
    timed("searches against decisions", || {
        let shape = point.snapshot().bundle().shape();
        for ((_, action), declared) in &shape.actions {
            for (principals, resources) in declared
                .principals
                .iter()
                .flat_map(|p| declared.resources.iter().map(move |r| (of(p), of(r))))
            {
                for principal in principals.iter().step_by(7) {
                    let question = |resource| ask(action, Party::from(principal), resource);
                    found += check(&point, Searched::Resources, &resources, &question);
                    searches += 1;
                }
                for resource in resources.iter().step_by(5) {
                    let question = |principal| ask(action, principal, Party::from(resource));
                    found += check(&point, Searched::Principals, &principals, &question);
                    searches += 1;
                }
            }
        }
    });
    assert!(searches > 500 && found > 500, "{found} of {searches}");
}

fn aobo(args: &[&str], code: i32) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aobo"));
    let world = ["--world", "tests/corpus/worlds/fabrikam.json"];
    let now = ["--now", "2020-09-01T09:00:00Z"];
    command
        .current_dir(at("."))
        .args(args)
        .args(world)
        .args(now);
    let output = command.output().expect("the command runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    (out, err)
}

const ADA: &str = r#"PartnerUser::"ada@fabrikam.example""#;
const AZURE: [&str; 4] = [
    "--action",
    "AzureOperation",
    "--context",
    r#"{"operation": "Microsoft.Compute/virtualMachines/write"}"#,
];

#[test]
fn resources_are_listed_and_a_page_says_where_the_next_begins() {
    let mut args = vec![
        "search",
        "resources",
        "--principal",
        ADA,
        "--type",
        "Subscription",
    ];
    args.extend(AZURE);
    let (all, _) = aobo(&args, 0);
    let all: Vec<&str> = all.lines().collect();
    assert!(
        all.contains(&r#"Subscription::"/subscriptions/tailspin-erp""#),
        "{all:?}"
    );
    args.extend(["--limit", "1"]);
    let (first, more) = aobo(&args, 0);
    assert_eq!(first.trim_end(), all[0]);
    assert!(more.contains(&format!("--after '{}'", all[0])), "{more}");
    args.extend(["--after", all[0]]);
    assert_eq!(aobo(&args, 0).0.trim_end(), all[1]);
}

#[test]
fn principals_and_actions_come_as_json() {
    let resource = r#"CustomerUser::"mia@contoso.example""#;
    let who = ["search", "principals", "--action", "ResetPassword"];
    let rest = [
        "--resource",
        resource,
        "--type",
        "PartnerUser",
        "--format",
        "json",
    ];
    let (out, _) = aobo(&[who.as_slice(), &rest].concat(), 0);
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let hugo = serde_json::json!({"type": "PartnerUser", "id": "hugo@fabrikam.example"});
    let results = json["results"].as_array().expect("results");
    assert!(results.contains(&hugo), "{out}");
    let what = [
        "search",
        "actions",
        "--principal",
        r#"PartnerUser::"hugo@fabrikam.example""#,
    ];
    let (out, _) = aobo(&[what.as_slice(), &["--resource", resource]].concat(), 0);
    assert!(out.lines().any(|line| line == "ResetPassword"), "{out}");
    assert!(!out.lines().any(|line| line == "DeleteUser"), "{out}");
}

#[test]
fn what_cannot_be_searched_exits_3_and_says_why() {
    let mut args = vec![
        "search",
        "resources",
        "--principal",
        ADA,
        "--type",
        "Planet",
    ];
    args.extend(AZURE);
    assert!(aobo(&args, 3).1.contains("no entity type `Planet`"));
    let mut args = vec!["search", "resources", "--principal", ADA];
    args.extend(AZURE);
    args.extend(["--after", r#"Subscription::"nobody""#]);
    assert!(aobo(&args, 3).1.contains("begin the search again"));
}
