//! Azure scopes, role assignments and deny assignments.

use aobo::engine::Decision;
use aobo::node::Point;

use super::{changed, partner_may, world};
use crate::support::{self, decide};

const READ: &str = "Microsoft.Compute/virtualMachines/READ";
const WRITE: &str = "Microsoft.Compute/virtualMachines/write";
const MACHINE: &str =
    "/subscriptions/web/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm";

#[track_caller]
fn azure(point: &Point, user: &str, operation: &str, scope: (&str, &str)) -> Decision {
    let context = serde_json::json!({"operation": operation}).to_string();
    let ty = if user == "greta" {
        "CustomerUser"
    } else {
        "PartnerUser"
    };
    decide(
        point,
        support::ask((ty, user), "AzureOperation", scope, &context),
    )
}

#[track_caller]
fn azure_may(point: &Point, user: &str, operation: &str, scope: (&str, &str)) -> bool {
    azure(point, user, operation, scope).allows()
}

#[test]
fn a_scope_need_not_be_stored_and_its_case_does_not_count() {
    let point = world();
    let upper = MACHINE.to_uppercase();
    let extension = format!("{MACHINE}/providers/A.B/locks/L");
    for scope in [
        ("Subscription", "/subscriptions/WEB"),
        ("ResourceGroup", "/SUBSCRIPTIONS/web/RESOURCEGROUPS/any"),
        ("AzureResource", MACHINE),
        ("AzureResource", &upper),
        ("AzureResource", &extension),
    ] {
        assert!(azure_may(&point, "ada", WRITE, scope), "{scope:?}");
        // Reader on the management group two levels up, by the stored edges.
        assert!(azure_may(&point, "bea", READ, scope), "{scope:?}");
        assert!(!azure_may(&point, "bea", WRITE, scope), "{scope:?}");
        assert!(!azure_may(&point, "nils", READ, scope), "{scope:?}");
    }
    // Contributor on a resource group reaches what is below it and no more.
    assert!(azure_may(&point, "hugo", WRITE, ("AzureResource", &upper)));
    assert!(!azure_may(
        &point,
        "hugo",
        WRITE,
        ("Subscription", "/subscriptions/web")
    ));
    let other =
        "/subscriptions/web/resourceGroups/rg2/providers/Microsoft.Compute/virtualMachines/vm";
    assert!(!azure_may(&point, "hugo", WRITE, ("AzureResource", other)));
    let management_group = "/providers/Microsoft.Management/managementGroups/Mid";
    assert!(azure_may(
        &point,
        "bea",
        READ,
        ("ManagementGroup", management_group)
    ));
    assert!(!azure_may(
        &point,
        "ada",
        READ,
        ("ManagementGroup", management_group)
    ));
}

#[test]
fn a_scope_of_nothing_that_is_known_gives_nothing() {
    let point = world();
    for scope in [
        ("Subscription", "/subscriptions/unknown"),
        (
            "AzureResource",
            "/subscriptions/unknown/resourceGroups/rg/providers/A.B/c/d",
        ),
        // Not an id of this kind, or of no kind.
        ("ResourceGroup", MACHINE),
        ("AzureResource", "/subscriptions/web/resourceGroups/rg"),
        ("AzureResource", "/subscriptions/web/"),
        ("AzureResource", "vm"),
        ("Subscription", "web"),
    ] {
        assert!(!azure_may(&point, "ada", READ, scope), "{scope:?}");
    }
    // Another customer's subscription.
    assert!(!azure_may(
        &point,
        "ada",
        READ,
        ("Subscription", "/subscriptions/lab")
    ));
}

#[test]
fn a_scope_that_is_not_stored_belongs_to_the_subscription_s_customer() {
    let point = world();
    for (customer, wanted) in [("contoso", true), ("graphic", false)] {
        let context = format!(r#"{{"operation": "{READ}", "customer": "{customer}"}}"#);
        let ask = support::ask(
            ("PartnerUser", "ada"),
            "AzureOperation",
            ("AzureResource", MACHINE),
            &context,
        );
        let decision = decide(&point, ask);
        assert_eq!(decision.allows(), wanted, "{customer}");
        let forbidden = decision
            .determining
            .iter()
            .any(|p| p.id == "guard-other-customer");
        assert_eq!(forbidden, !wanted, "{customer}");
    }
}

#[test]
fn a_role_assignment_is_a_link_and_outlives_the_relationship() {
    let point = world();
    let decision = azure(&point, "ada", WRITE, ("AzureResource", MACHINE));
    let named: Vec<&str> = decision.determining.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(
        named,
        ["azure-role-owner|fabrikam/AdminAgents|/subscriptions/web"]
    );
    let ended = r#"{"relationships": [{"partner": "fabrikam", "customer": "contoso"}]}"#;
    let ended = changed(&point, "{}", ended);
    assert!(azure_may(&ended, "ada", WRITE, ("AzureResource", MACHINE)));
    assert!(!partner_may(
        &ended,
        "ada",
        "SignInToCustomerTenant",
        "contoso"
    ));
    let taken = r#"{"role_assignments": [
      {"principal": "fabrikam/AdminAgents", "role": "Owner", "scope": "/SUBSCRIPTIONS/web"}]}"#;
    let taken = changed(&ended, "{}", taken);
    assert!(!azure_may(&taken, "ada", READ, ("AzureResource", MACHINE)));
}

/// A deny assignment on the resource group, with what is written beside it.
fn denied(point: &Point, more: &str) -> Point {
    let scope = r#""scope": "/subscriptions/web/resourceGroups/RG""#;
    changed(
        point,
        &format!(r#"{{"deny_assignments": [{{{scope}, {more}}}]}}"#),
        "{}",
    )
}

#[test]
fn a_deny_assignment_is_a_policy_of_its_own() {
    let point = denied(
        &world(),
        r#""principals": ["*"], "exclude": ["hugo"], "actions": ["Microsoft.Compute/*"], "notActions": ["*/Read"]"#,
    );
    let wanted = "deny-assignment|/subscriptions/web/resourcegroups/rg|0";
    let policies: Vec<&str> = point
        .snapshot()
        .facts()
        .policies()
        .map(|p| p.id.as_str())
        .collect();
    assert_eq!(policies, [wanted]);
    let machine = ("AzureResource", MACHINE);
    let decision = azure(&point, "ada", WRITE, machine);
    assert!(!decision.allows());
    let [forbid] = decision.determining.as_slice() else {
        panic!("{:?}", decision.determining);
    };
    assert_eq!((forbid.id.as_str(), forbid.permits), (wanted, false));
    assert!(
        forbid
            .annotation("reason")
            .is_some_and(|reason| !reason.is_empty())
    );
    // What it leaves alone: a not-action, an excluded user, other scopes, and
    // what is not about Azure.
    assert!(azure_may(&point, "ada", READ, machine));
    assert!(azure_may(&point, "hugo", WRITE, machine));
    assert!(azure_may(
        &point,
        "ada",
        WRITE,
        ("Subscription", "/subscriptions/web")
    ));
    assert!(azure_may(&point, "ada", "A.B/c/write", machine));
    assert!(partner_may(&point, "ada", "CreateUser", "contoso"));
    let gone =
        r#"{"deny_assignments": [{"scope": "/subscriptions/WEB/resourceGroups/rg", "number": 0}]}"#;
    let gone = changed(&point, "{}", gone);
    assert!(azure_may(&gone, "ada", WRITE, machine));
    assert_eq!(gone.snapshot().facts().policies().count(), 0);
}

#[test]
fn a_deny_assignment_hits_its_principals_and_may_stop_at_its_scope() {
    let all = r#""principals": ["fabrikam/Outer"], "actions": ["*"]"#;
    let point = denied(&world(), all);
    let machine = ("AzureResource", MACHINE);
    let group = ("ResourceGroup", "/subscriptions/web/resourceGroups/rg");
    assert!(!azure_may(&point, "gus", READ, machine), "nested two deep");
    assert!(azure_may(&point, "ada", READ, machine));
    let here = format!("{all}, \"do_not_apply_to_child_scopes\": true");
    let point = denied(&world(), &here);
    assert!(!azure_may(&point, "gus", READ, group));
    assert!(azure_may(&point, "gus", READ, machine));
}

#[test]
fn a_deny_assignment_leaves_data_actions_alone() {
    // No built-in role gives data actions, so only the forbid's silence shows.
    let point = denied(&world(), r#""principals": ["*"], "actions": ["*"]"#);
    let ask = |data| {
        let context = format!(r#"{{"operation": "{READ}", "data": {data}}}"#);
        let ask = support::ask(
            ("PartnerUser", "ada"),
            "AzureOperation",
            ("AzureResource", MACHINE),
            &context,
        );
        decide(&point, ask).determining.len()
    };
    assert_eq!((ask(false), ask(true)), (1, 0));
}
