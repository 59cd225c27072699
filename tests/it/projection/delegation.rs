//! Relationships, privileges, groups and the rows of a tenant's roles.

use aobo::engine::{EdgeKind, EntityUid, Value, uid};
use aobo::node::Point;

use super::{changed, facts, partner_may, world};
use crate::support::{self, decide};

#[track_caller]
fn id(ty: &str, id: &str) -> EntityUid {
    uid(ty, id).expect("an id")
}

#[test]
fn delegation_is_an_implicit_edge_that_no_listing_shows() {
    let point = world();
    let state = point.snapshot().facts();
    for (group, role) in [
        ("fabrikam/AdminAgents", "Global Administrator"),
        ("fabrikam/HelpdeskAgents", "Helpdesk Administrator"),
    ] {
        let group = id("SecurityGroup", group);
        let role = id("TenantRole", &format!("contoso/{role}"));
        let edges: Vec<_> = state.parents(&group).collect();
        assert_eq!(edges, [(role.clone(), EdgeKind::Implicit)]);
        assert!(state.explicit_members(&role).all(|member| member != group));
    }
    let global = id("TenantRole", "contoso/Global Administrator");
    let listed: Vec<_> = state.explicit_members(&global).collect();
    assert_eq!(listed, [id("CustomerUser", "greta")]);
    let world = facts(&point);
    let members: Vec<&str> = world
        .role_members("contoso", "Global Administrator")
        .collect();
    assert_eq!(members, ["greta"]);
    assert_eq!(
        world
            .role_members("contoso", "Helpdesk Administrator")
            .count(),
        0
    );
    // Deciding uses the edge.
    assert!(partner_may(
        &point,
        "ada",
        "SignInToCustomerTenant",
        "contoso"
    ));
}

#[test]
fn privileges_count_only_in_an_active_relationship() {
    let point = world();
    let state = point.snapshot().facts();
    for customer in ["graphic", "litware"] {
        let global = id("TenantRole", &format!("{customer}/Global Administrator"));
        assert!(!state.knows(&global), "{customer}");
        for action in ["SignInToCustomerTenant", "CreateUser", "ViewCustomerRecord"] {
            assert!(
                !partner_may(&point, "ada", action, customer),
                "{action} {customer}"
            );
        }
    }
    let active = r#"{"relationships": [{"partner": "fabrikam", "customer": "graphic", "status": "active", "dap": "active"}]}"#;
    let point = changed(&point, active, "{}");
    assert!(partner_may(
        &point,
        "ada",
        "SignInToCustomerTenant",
        "graphic"
    ));
}

#[test]
fn a_customer_says_who_resells_delegates_and_supports() {
    let of = |point: &Point, customer: &str, attribute: &str| -> Vec<String> {
        let entity = point.snapshot().facts().entity(&id("Customer", customer));
        let entity = entity.expect("a customer");
        let Some(Value::Set(partners)) = entity.attrs.get(attribute) else {
            panic!("{attribute} is a set");
        };
        let name = |value: &Value| match value {
            Value::Entity(uid) => uid.id().unescaped().to_owned(),
            other => panic!("{other:?}"),
        };
        partners.iter().map(name).collect()
    };
    let point = world();
    assert_eq!(of(&point, "contoso", "resellers"), ["fabrikam"]);
    assert_eq!(of(&point, "contoso", "delegatedTo"), ["fabrikam"]);
    assert_eq!(of(&point, "graphic", "resellers"), [""; 0]);
    assert_eq!(of(&point, "graphic", "delegatedTo"), [""; 0]);
    let second = r#"{"relationships": [
      {"partner": "northwind", "customer": "contoso", "status": "active", "contract": "renegotiated"}]}"#;
    let point = changed(&point, second, "{}");
    assert_eq!(
        of(&point, "contoso", "resellers"),
        ["fabrikam", "northwind"]
    );
    assert_eq!(of(&point, "contoso", "delegatedTo"), ["fabrikam"]);
    assert_eq!(of(&point, "contoso", "supportedBy"), ["fabrikam"]);
    let gone = r#"{"relationships": [{"partner": "fabrikam", "customer": "contoso"}]}"#;
    let point = changed(&point, "{}", gone);
    assert_eq!(of(&point, "contoso", "resellers"), ["northwind"]);
    assert_eq!(of(&point, "contoso", "delegatedTo"), [""; 0]);
}

#[test]
fn nesting_gives_the_directory_role_and_not_the_page_role() {
    let point = world();
    let sign_in = "SignInToCustomerTenant";
    for (user, signs_in, creates) in [
        ("ada", true, true),
        // Direct membership is the partner role, however it is written.
        ("agnes", true, true),
        // Nested two deep: the directory role; the page takes a role of its own.
        ("gus", true, true),
        ("noel", true, false),
        ("bea", false, false),
        ("hugo", true, false),
        ("nils", false, false),
    ] {
        assert_eq!(
            partner_may(&point, user, sign_in, "contoso"),
            signs_in,
            "{user}"
        );
        assert_eq!(
            partner_may(&point, user, "CreateUser", "contoso"),
            creates,
            "{user}"
        );
    }
    let unnested = changed(&point, r#"{"groups": {"fabrikam/Outer": {}}}"#, "{}");
    assert!(!partner_may(&unnested, "gus", sign_in, "contoso"));
    assert!(partner_may(&unnested, "agnes", sign_in, "contoso"));
}

/// The two built-in groups are there with their partner; a fact may nest them,
/// and when it goes they stay.
#[test]
fn a_built_in_group_outlives_a_fact_about_it() {
    let point = world();
    let nested =
        r#"{"groups": {"fabrikam/HelpdeskAgents": {"member_of": ["fabrikam/AdminAgents"]}}}"#;
    let nested = changed(&point, nested, "{}");
    assert!(partner_may(&nested, "hugo", "CreateUser", "contoso"));
    let plain = changed(&nested, "{}", r#"{"groups": ["fabrikam/HelpdeskAgents"]}"#);
    assert_eq!(plain.snapshot().facts(), point.snapshot().facts());
    assert!(!partner_may(&plain, "hugo", "CreateUser", "contoso"));
}

#[test]
fn a_tenant_role_is_there_while_somebody_holds_it() {
    let point = world();
    let knows = |point: &Point, role: &str| {
        let role = id("TenantRole", &format!("contoso/{role}"));
        point.snapshot().facts().knows(&role)
    };
    // Held by delegation, by delegation and a user, by a user, by nobody.
    assert!(knows(&point, "Helpdesk Administrator"));
    assert!(knows(&point, "Global Administrator"));
    assert!(knows(&point, "Guest Inviter"));
    assert!(!knows(&point, "User Administrator"));

    let gone = changed(&point, "{}", r#"{"customer_users": ["greta", "gwen"]}"#);
    assert!(!knows(&gone, "Guest Inviter"));
    assert!(
        knows(&gone, "Global Administrator"),
        "the delegation holds it"
    );
    let removed = r#"{"relationships": [{"partner": "fabrikam", "customer": "contoso", "status": "active", "dap": "removed"}]}"#;
    let gone = changed(&gone, removed, "{}");
    assert!(!knows(&gone, "Global Administrator"));
    assert!(!knows(&gone, "Helpdesk Administrator"));

    let back = r#"{"customer_users": {"mia": {"customer": "contoso", "directory_roles": ["User Administrator"]}}}"#;
    let back = changed(&gone, back, "{}");
    assert!(knows(&back, "User Administrator"));
    // The role reads the directory, by an edge that nobody put there.
    let role = id("TenantRole", "contoso/User Administrator");
    let readers = id("TenantRole", "contoso/Directory Readers");
    let edges: Vec<_> = back.snapshot().facts().parents(&role).collect();
    assert_eq!(edges, [(readers, EdgeKind::Implicit)]);
    let ask = || {
        support::ask(
            ("CustomerUser", "mia"),
            "ReadDirectory",
            ("Customer", "contoso"),
            "{}",
        )
    };
    assert!(decide(&back, ask()).allows());
    assert!(!decide(&gone, ask()).allows());
}
