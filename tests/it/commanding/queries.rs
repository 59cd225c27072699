//! What there is to see: the questions about state.

use aobo::directory::Scope;
use aobo::directory::query::{Holding, Principal};
use serde_json::json;

use super::Stage;
use crate::support::NOW;

#[test]
fn customers_of_a_partner_are_those_that_accepted() {
    let stage = Stage::fabrikam();
    let customers: Vec<&str> = stage
        .world()
        .customers_of("fabrikam")
        .map(|pair| pair.customer.as_str())
        .collect();
    assert_eq!(customers, ["adatum", "contoso", "relecloud", "tailspin"]);
    assert_eq!(stage.world().customers_of("nobody").count(), 0);
}

#[test]
fn the_partner_relationships_page() {
    let stage = Stage::fabrikam();
    let page = |customer: &str| -> Vec<(String, bool, bool)> {
        let rows = stage.world().partners_of(customer);
        rows.map(|row| (row.partner.to_owned(), row.delegates, row.supports))
            .collect()
    };
    let row = |partner: &str, delegates, supports| (partner.to_owned(), delegates, supports);
    assert_eq!(
        page("tailspin"),
        [row("fabrikam", false, true), row("northwind", true, true)]
    );
    assert_eq!(page("relecloud"), [row("fabrikam", false, false)]);
    assert_eq!(page("graphicdesign"), []);
    assert_eq!(page("wingtip"), []);
}

#[test]
fn invitations_that_wait() {
    let stage = Stage::fabrikam();
    let ids = |of: Vec<&aobo::directory::Invitation>| -> Vec<String> {
        of.into_iter()
            .map(|invitation| invitation.id.clone())
            .collect()
    };
    let sent = [
        "wingtip-2018-10-15",
        "wingtip-2020",
        "wingtip-2020-without-dap",
        "wingtip-first-second",
        "wingtip-last-second",
    ];
    assert_eq!(
        ids(stage.world().pending_invitations_of("fabrikam").collect()),
        sent
    );
    assert_eq!(
        ids(stage.world().pending_invitations_to("wingtip").collect()),
        sent
    );
    assert_eq!(stage.world().pending_invitations_to("contoso").count(), 0);
}

#[test]
fn deleted_users_with_what_would_come_back() {
    let stage = Stage::fabrikam();
    let tab: Vec<_> = stage.world().deleted_users("contoso", NOW).collect();
    let days: Vec<(&str, i64)> = tab
        .iter()
        .map(|deleted| {
            (
                deleted.user.id.split('@').next().expect("a name"),
                deleted.days_left,
            )
        })
        .collect();
    let expected = [
        ("dan", 0),
        ("dave", 25),
        ("delia", 25),
        ("diego", 25),
        ("doris", 25),
        ("drew", 0),
        ("dylan", 25),
        ("gale", 25),
    ];
    assert_eq!(days, expected, "dina is one second too late");
    let dave = tab
        .iter()
        .find(|deleted| deleted.user.id.starts_with("dave"));
    let dave = dave.expect("on the tab");
    assert_eq!(
        (dave.licenses.as_slice(), dave.missing.as_slice()),
        (&["office-e3"][..], &["visio"][..])
    );
}

#[test]
fn users_and_those_without_a_licence() {
    let mut stage = Stage::fabrikam();
    let all = stage.world().users_of("adatum").count();
    assert_eq!(
        (all, stage.world().users_without_license("adatum").count()),
        (2, 2)
    );
    stage.done(serde_json::json!({"command": "put", "fact": {"customer_users": {"amy@adatum.example": {"customer": "adatum", "licenses": ["visio"]}}}}));
    let bare: Vec<&str> = stage
        .world()
        .users_without_license("adatum")
        .map(|user| user.id.as_str())
        .collect();
    assert_eq!(bare, ["anna@adatum.example"]);
}

/// The roles of a principal in words, with how they are held.
fn roles(stage: &Stage, customer: &str, of: Principal<'_>) -> Vec<String> {
    let roles = stage.world().effective_roles(customer, of);
    roles
        .into_iter()
        .map(|role| match role.holding {
            Holding::Explicit => role.role,
            Holding::Delegated { group } => format!("{} by {group}", role.role),
            Holding::Included { by } => format!("{} in {by}", role.role),
        })
        .collect()
}

#[test]
fn delegated_roles_are_told_apart() {
    let stage = Stage::fabrikam();
    let admin = [
        "Directory Readers in Global Administrator",
        "Global Administrator by fabrikam/AdminAgents",
    ];
    let of = |customer: &str, user: &str| {
        let id = format!("{user}@fabrikam.example");
        roles(&stage, customer, Principal::PartnerUser(&id))
    };
    assert_eq!(of("contoso", "ada"), admin);
    assert_eq!(of("contoso", "noel"), admin, "through nested groups");
    let group = Principal::Group("fabrikam/AzureNightShift");
    assert_eq!(roles(&stage, "contoso", group), admin);
    assert_eq!(of("tailspin", "ada"), [""; 0], "they were taken away");
    assert_eq!(
        of("graphicdesign", "ada"),
        [""; 0],
        "without a relationship"
    );
    assert_eq!(
        of("contoso", "guido"),
        [
            "Directory Readers in Helpdesk Administrator",
            "Helpdesk Administrator by fabrikam/HelpdeskAgents"
        ]
    );
    // The list of a role's members does not show the partner (A-DAP-06).
    let members = stage
        .world()
        .role_members("contoso", "Global Administrator");
    let members: Vec<&str> = members.collect();
    assert_eq!(
        members,
        [
            "gale@contoso.example",
            "gloria@contoso.example",
            "greta@contoso.example"
        ]
    );
}

#[test]
fn own_roles_count_in_the_own_tenant() {
    let stage = Stage::fabrikam();
    let ursula = Principal::CustomerUser("ursula@contoso.example");
    assert_eq!(
        roles(&stage, "contoso", ursula),
        [
            "Directory Readers in User Administrator",
            "User Administrator"
        ]
    );
    assert_eq!(roles(&stage, "tailspin", ursula), [""; 0]);
}

#[test]
fn assignments_at_a_scope_and_above() {
    let stage = Stage::fabrikam();
    let at = |scope: &str| -> Vec<String> {
        let scope = Scope::parse(scope).expect("a scope");
        let assignments = stage.world().assignments_reaching(&scope);
        assignments
            .map(|a| {
                format!(
                    "{} {}",
                    a.role,
                    a.principal.split('@').next().expect("a name")
                )
            })
            .collect()
    };
    assert_eq!(
        at("/subscriptions/contoso-HUB/resourceGroups/rg-shared/providers/A.B/c/d"),
        [
            "Reader rita",
            "User Access Administrator una",
            "Owner orla",
            "Contributor fabrikam/AzureManagers",
            "Contributor fabrikam/AdminAgents",
        ]
    );
    assert_eq!(
        at("/providers/Microsoft.Management/managementGroups/contoso-platform"),
        ["Reader rita", "User Access Administrator una", "Owner orla"]
    );
    assert_eq!(at("/subscriptions/litware-archive"), [""; 0]);
    let partner = stage.world().partner_assignments("fabrikam", "contoso");
    let scopes: Vec<&str> = partner.map(|a| a.scope.as_str()).collect();
    assert_eq!(
        scopes,
        [
            "/subscriptions/contoso-data/resourcegroups/rg-import",
            "/subscriptions/contoso-hub/resourcegroups/rg-shared",
            "/subscriptions/contoso-lab/resourcegroups/rg-backup",
            "/subscriptions/contoso-lab",
            "/subscriptions/contoso-web",
            "/subscriptions/contoso-web/resourcegroups/rg-front",
            "/providers/microsoft.management/managementgroups/contoso-network",
        ]
    );
}

/// Whom privileges or the relationship are taken from is told of every role that
/// reaches the customer's subscriptions, from above too (A-AZ-07).
#[test]
fn roles_that_stay_are_counted_wherever_they_are_assigned() {
    let mut stage = Stage::fabrikam();
    let told = |stage: &Stage| {
        let command = json!({"command": "remove-delegated-admin", "partner": "northwind", "customer": "contoso"});
        let planned = super::read(command).plan(stage.world(), NOW, &mut super::Made::default());
        let duties = planned.expect("it is legal").duties;
        let advice = duties.into_iter().find(|advice| advice.rule == "A-AZ-07");
        advice.map(|advice| advice.text)
    };
    let words = |left: &str| {
        Some(format!(
            "`northwind` keeps {left} on subscriptions of `contoso` and on management groups \
             above them; its access there ends when the last is removed."
        ))
    };
    assert_eq!(told(&stage), words("1 Azure role assignment"));
    let shop = json!({"principal": "northwind/AdminAgents", "role": "Owner", "scope": "/subscriptions/contoso-shop"});
    stage.done(json!({"command": "remove", "key": {"role_assignments": [shop]}}));
    assert_eq!(told(&stage), None);
    for (principal, group) in [
        ("northwind/AdminAgents", "contoso-root"),
        ("nico@northwind.example", "contoso-network"),
        ("nico@northwind.example", "contoso-platform"),
        ("sofia@fabrikam.example", "contoso-root"),
    ] {
        let scope = format!("/providers/Microsoft.Management/managementGroups/{group}");
        stage.done(json!({"command": "assign-azure-role", "principal": principal, "role": "Reader", "scope": scope}));
    }
    assert_eq!(told(&stage), words("3 Azure role assignments"));
}
