//! Which directory role may do what, to whom.

use std::collections::{BTreeMap, BTreeSet};

use aobo::directory::{Profile, directory_roles};
use serde_json::json;

use super::tenant;
use crate::support::{self, Table, decide, timed};

const NO_ROLE: &str = "(no admin role)";
const GROUP: &str = "(no admin role, member or owner of a role-assignable group)";
const ANY_OTHER: &str = "(any other built-in or custom role)";

/// What the three tables of the directory say.
struct Roles {
    /// Role and permission.
    permissions: BTreeSet<(String, String)>,
    /// By action: who reaches whom. A role that acts, then a kind of target.
    reach: BTreeMap<&'static str, BTreeMap<String, BTreeSet<String>>>,
}

impl Roles {
    fn read() -> Self {
        let permissions = Table::read("entra-role-permissions.csv");
        let permissions = permissions.rows.into_iter();
        let resets = reach("password-reset-matrix.csv");
        let sensitive = reach("sensitive-actions-matrix.csv");
        Self {
            permissions: permissions
                .map(|row| (row[0].clone(), row[1].clone()))
                .collect(),
            reach: BTreeMap::from([
                ("ResetPassword", resets),
                ("DeleteUser", sensitive.clone()),
                ("RestoreUser", sensitive),
            ]),
        }
    }

    fn permits(&self, role: &str, permission: &str) -> bool {
        let row = (role.to_owned(), permission.to_owned());
        self.permissions.contains(&row)
    }

    /// Whether somebody with these roles may do this to that target: some one
    /// role must hold the permission and reach everything that the target is.
    fn expect(&self, action: &str, roles: &[&str], target: &Target) -> bool {
        let permission = match action {
            "ResetPassword" => "users/password/update",
            "DeleteUser" => "users/delete",
            _ => "users/restore",
        };
        let none = BTreeSet::new();
        roles.iter().any(|role| {
            let reached = self.reach[action].get(*role).unwrap_or(&none);
            let rows: BTreeSet<&String> = self.reach[action].values().flatten().collect();
            let kinds = target.kinds();
            let mut kinds = kinds.iter().map(|kind| match rows.contains(kind) {
                true => kind.as_str(),
                false => ANY_OTHER,
            });
            self.permits(role, permission) && kinds.all(|kind| reached.contains(kind))
        })
    }

    /// Roles that some table names as acting.
    fn acting(&self) -> BTreeSet<&str> {
        let permitted = self.permissions.iter().map(|(role, _)| role.as_str());
        let reaching = self.reach.values().flat_map(BTreeMap::keys);
        permitted.chain(reaching.map(String::as_str)).collect()
    }
}

/// Who acts, and the kinds of targets that have a `yes`. All rows are in the
/// column of Global Administrator, so a kind that nobody reaches is none.
fn reach(table: &str) -> BTreeMap<String, BTreeSet<String>> {
    let table = Table::read(table);
    let mut reach: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in &table.rows {
        for acting in table.columns(1) {
            let reached = reach.entry(acting.clone()).or_default();
            match table.cell(row, acting) {
                "yes" => drop(reached.insert(row[0].clone())),
                "no" => {}
                other => panic!("{other:?} is neither yes nor no"),
            }
        }
    }
    reach
}

/// A user that something is done to.
#[derive(Clone, Debug)]
struct Target {
    roles: Vec<String>,
    in_group: bool,
}

impl Target {
    fn of(roles: &[&str]) -> Self {
        let roles = roles.iter().map(|role| (*role).to_owned());
        Self {
            roles: roles.collect(),
            in_group: false,
        }
    }

    /// The rows of the tables that say something of it.
    fn kinds(&self) -> Vec<String> {
        let mut kinds = self.roles.clone();
        if self.in_group {
            kinds.push(GROUP.to_owned());
        }
        if kinds.is_empty() {
            kinds.push(NO_ROLE.to_owned());
        }
        kinds
    }

    fn json(&self, deleted: bool) -> serde_json::Value {
        let mut user = json!({
            "customer": "c",
            "directory_roles": self.roles,
            "role_assignable_group": self.in_group,
        });
        if deleted {
            user["state"] = json!("deleted");
            user["deleted_at"] = json!("2020-08-20T00:00:00Z");
        }
        user
    }
}

/// Every actor does all three things to every target.
#[track_caller]
fn check_reach(tables: &Roles, actors: &[Vec<&str>], targets: &[Target]) {
    let mut world = tenant();
    for (n, roles) in actors.iter().enumerate() {
        world["customer_users"][format!("actor {n}")] = Target::of(roles).json(false);
    }
    for (n, target) in targets.iter().enumerate() {
        world["customer_users"][format!("target {n}")] = target.json(false);
        world["customer_users"][format!("deleted {n}")] = target.json(true);
    }
    let point = support::point(Profile::Seed, &world.to_string());
    let mut wrong = Vec::new();
    let mut allowed = 0;
    for (a, roles) in actors.iter().enumerate() {
        for (t, target) in targets.iter().enumerate() {
            for action in ["ResetPassword", "DeleteUser", "RestoreUser"] {
                let whom = if action == "RestoreUser" {
                    "deleted"
                } else {
                    "target"
                };
                let (actor, user) = (format!("actor {a}"), format!("{whom} {t}"));
                let ask = support::ask(
                    ("CustomerUser", &actor),
                    action,
                    ("CustomerUser", &user),
                    "{}",
                );
                let got = decide(&point, ask).allows();
                allowed += usize::from(got);
                if got != tables.expect(action, roles, target) {
                    wrong.push(format!("{action} by {roles:?} on {target:?}: {got}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(allowed > 0, "the tables allow something");
}

/// Targets with no role, in a group, with one role each.
fn plain_targets(roles: &[&str]) -> Vec<Target> {
    let group = Target {
        roles: Vec::new(),
        in_group: true,
    };
    let mut targets = vec![Target::of(&[]), group];
    targets.extend(roles.iter().map(|role| Target::of(&[role])));
    targets
}

#[test]
fn every_acting_role_reaches_what_the_tables_say() {
    let tables = Roles::read();
    let all: Vec<&str> = directory_roles().keys().copied().collect();
    let actors: Vec<Vec<&str>> = tables.acting().into_iter().map(|role| vec![role]).collect();
    timed("acting roles by all roles", || {
        check_reach(&tables, &actors, &plain_targets(&all));
    });
}

#[test]
fn no_other_role_acts() {
    let tables = Roles::read();
    let acting = tables.acting();
    let mut actors = vec![Vec::new(), vec!["Global Administrator"]];
    let others = directory_roles().keys().copied();
    actors.extend(
        others
            .filter(|role| !acting.contains(role))
            .map(|role| vec![role]),
    );
    assert!(actors.len() > 100);
    let targets = plain_targets(&[
        "Directory Readers",
        "Guest Inviter",
        "Cloud Device Administrator",
    ]);
    check_reach(&tables, &actors, &targets);
}

#[test]
fn every_role_of_the_target_must_be_in_reach() {
    let tables = Roles::read();
    let resets = Table::read("password-reset-matrix.csv");
    let named: Vec<&str> = resets
        .rows
        .iter()
        .map(|row| row[0].as_str())
        .filter(|name| !name.starts_with('('))
        .chain(["Cloud Device Administrator"])
        .collect();
    let mut targets = Vec::new();
    for (n, one) in named.iter().enumerate() {
        targets.extend(named[n + 1..].iter().map(|other| Target::of(&[one, other])));
        targets.push(Target {
            roles: vec![(*one).to_owned()],
            in_group: true,
        });
    }
    let actors: Vec<Vec<&str>> = resets
        .columns(1)
        .iter()
        .map(|role| vec![role.as_str()])
        .collect();
    timed("pairs of the target's roles", || {
        check_reach(&tables, &actors, &targets)
    });
}

/// The permission and the reach must come from the same role: two roles of which
/// each holds one of them do nothing together.
#[test]
fn two_roles_do_not_add_up() {
    let tables = Roles::read();
    let acting: Vec<&str> = tables.acting().into_iter().collect();
    let mut actors = Vec::new();
    for (n, one) in acting.iter().enumerate() {
        actors.extend(acting[n + 1..].iter().map(|other| vec![*one, *other]));
    }
    let apart = ["Authentication Administrator", "Groups Administrator"];
    let mut targets = plain_targets(&["Guest Inviter", "Global Administrator", apart[0], apart[1]]);
    targets.push(Target::of(&apart));
    timed("pairs of acting roles", || {
        check_reach(&tables, &actors, &targets)
    });
}

#[test]
fn permissions_without_a_target_follow_the_table() {
    let tables = Roles::read();
    let mut world = tenant();
    world["customer_users"]["target"] = Target::of(&[]).json(false);
    for role in directory_roles().keys() {
        world["customer_users"][*role] = Target::of(&[role]).json(false);
    }
    let point = support::point(Profile::Seed, &world.to_string());
    let customer = ("Customer", "c");
    let user = ("CustomerUser", "target");
    let asks = [
        ("CreateUser", customer, "{}", "users/create"),
        (
            "ImportUsers",
            customer,
            r#"{"format": "csv", "rows": 2}"#,
            "users/create",
        ),
        ("ListDeletedUsers", customer, "{}", "users/restore"),
        (
            "AssignLicense",
            user,
            r#"{"product": "office"}"#,
            "users/assignLicense",
        ),
        (
            "RemoveLicense",
            user,
            r#"{"product": "office"}"#,
            "users/assignLicense",
        ),
        (
            "AssignDirectoryRole",
            user,
            r#"{"role": "Guest Inviter"}"#,
            "roleAssignments/allProperties/allTasks",
        ),
    ];
    let mut allowed = 0;
    for role in directory_roles().keys() {
        for (action, resource, context, permission) in asks {
            let ask = support::ask(("CustomerUser", role), action, resource, context);
            let got = decide(&point, ask).allows();
            assert_eq!(got, tables.permits(role, permission), "{action} by {role}");
            allowed += usize::from(got);
        }
    }
    assert!(allowed > 20, "{allowed}");
}

/// What delegation carries: Admin agents are Global Administrators, Helpdesk
/// agents Helpdesk Administrators, with the reach of those roles and no more.
#[test]
fn delegated_roles_reach_what_their_names_say() {
    let tables = Roles::read();
    let all: Vec<&str> = directory_roles().keys().copied().collect();
    let targets = plain_targets(&all);
    let mut world = tenant();
    world["partner_users"] = json!({
        "admin": {"partner": "p", "roles": ["AdminAgent"]},
        "helpdesk": {"partner": "p", "roles": ["HelpdeskAgent"]},
    });
    world["relationships"] =
        json!([{"partner": "p", "customer": "c", "status": "active", "dap": "active"}]);
    for (n, target) in targets.iter().enumerate() {
        world["customer_users"][format!("target {n}")] = target.json(false);
        world["customer_users"][format!("deleted {n}")] = target.json(true);
    }
    let point = support::point(Profile::Seed, &world.to_string());
    for (agent, role) in [
        ("admin", "Global Administrator"),
        ("helpdesk", "Helpdesk Administrator"),
    ] {
        for (n, target) in targets.iter().enumerate() {
            for action in ["ResetPassword", "DeleteUser", "RestoreUser"] {
                let whom = if action == "RestoreUser" {
                    "deleted"
                } else {
                    "target"
                };
                let user = format!("{whom} {n}");
                let ask = support::ask(
                    ("PartnerUser", agent),
                    action,
                    ("CustomerUser", &user),
                    "{}",
                );
                let wanted = tables.expect(action, &[role], target);
                assert_eq!(
                    decide(&point, ask).allows(),
                    wanted,
                    "{action} by {agent} on {target:?}"
                );
            }
        }
    }
}
