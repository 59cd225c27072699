//! About whom a caller may ask.

use std::sync::Arc;

use aobo::api::{AppState, router};
use aobo::node::{DecisionPoint, Role};
use serde_json::json;

use super::{House, Signer, claims, question};

const ADA: (&str, &str) = ("PartnerUser", "ada");
const NILS: (&str, &str) = ("PartnerUser", "nils");
const MIA: (&str, &str) = ("CustomerUser", "mia");
const TOM: (&str, &str) = ("CustomerUser", "tom");
const CONTOSO: (&str, &str) = ("Customer", "contoso");
const TAILSPIN: (&str, &str) = ("Customer", "tailspin");

/// For which of the four tenants a caller may ask a question.
#[track_caller]
fn check(house: &House, subject: (&str, &str), resource: (&str, &str), tenants: &[&str]) {
    let question = question(subject, "SignInToCustomerTenant", resource);
    for tenant in ["fabrikam", "northwind", "contoso", "tailspin", "nobody"] {
        let token = Signer::ed().sign(&claims(&["decide"], &[tenant]));
        let authorization = format!("Bearer {token}");
        let reply = house.ask(&question, &[("Authorization", &authorization)]);
        let what = format!("{tenant} asks about {subject:?} and {resource:?}");
        match tenants.contains(&tenant) {
            true => assert_eq!(reply.status, 200, "{what}: {}", reply.json),
            false => reply.is_refused(403, &what),
        }
    }
    let all = Signer::ed().sign(&claims(&["decide"], &["*"]));
    let authorization = format!("Bearer {all}");
    let reply = house.ask(&question, &[("Authorization", &authorization)]);
    assert_eq!(reply.status, 200, "{}", reply.json);
    // No tenants are not all of them.
    let none = Signer::ed().sign(&claims(&["decide"], &[]));
    let authorization = format!("Bearer {none}");
    house
        .ask(&question, &[("Authorization", &authorization)])
        .is_refused(403, "no tenants");
}

#[test]
fn the_subject_or_the_resource_is_in_scope() {
    let house = House::closed();
    check(&house, ADA, CONTOSO, &["fabrikam", "contoso"]);
    check(&house, ADA, TAILSPIN, &["fabrikam", "tailspin"]);
    check(&house, NILS, MIA, &["northwind", "contoso"]);
    check(&house, MIA, CONTOSO, &["contoso"]);
    check(&house, MIA, TOM, &["contoso", "tailspin"]);
    check(&house, ADA, ("Invitation", "i1"), &["fabrikam", "contoso"]);
    check(&house, ADA, ("Device", "d1"), &["fabrikam", "tailspin"]);
    check(
        &house,
        ADA,
        ("AutopilotProfile", "p1"),
        &["fabrikam", "contoso"],
    );
    check(&house, ADA, ("LicenseProduct", "office"), &["fabrikam"]);
}

/// Azure's ids without letter case, and what lies below a subscription with it.
#[test]
fn scopes_are_the_customers_of_their_subscription() {
    let house = House::closed();
    let of_contoso = &["northwind", "contoso"];
    check(
        &house,
        NILS,
        ("Subscription", "/subscriptions/s1"),
        of_contoso,
    );
    check(
        &house,
        NILS,
        ("Subscription", "/SUBSCRIPTIONS/S1"),
        of_contoso,
    );
    check(
        &house,
        NILS,
        ("ResourceGroup", "/subscriptions/S1/resourceGroups/G"),
        of_contoso,
    );
    let machine =
        "/subscriptions/s1/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v";
    check(&house, NILS, ("AzureResource", machine), of_contoso);
    // Under another type, or another subscription, nothing is known of it.
    check(&house, NILS, ("Subscription", machine), &["northwind"]);
    check(
        &house,
        NILS,
        ("Subscription", "/subscriptions/s2"),
        &["northwind"],
    );
    let group = "/providers/Microsoft.Management/managementGroups/mg";
    check(&house, NILS, ("ManagementGroup", group), &["northwind"]);
}

/// Who is not known is in no tenant, and a refusal does not tell.
#[test]
fn strangers_and_foreigners_look_the_same() {
    let house = House::closed();
    check(
        &house,
        ("PartnerUser", "nobody"),
        ("Customer", "nowhere"),
        &[],
    );
    check(&house, ("PartnerUser", "nobody"), CONTOSO, &["contoso"]);
    check(&house, ADA, ("Customer", "nowhere"), &["fabrikam"]);
    check(&house, ("PartnerUser", ""), ("Customer", ""), &[]);
    check(&house, ("Spaceship", "ada"), ("Planet", "contoso"), &[]);
    check(&house, ("PartnerUser", "Ada"), ("Customer", "Contoso"), &[]);
    let token = Signer::ed().sign(&claims(&["decide"], &["northwind"]));
    let authorization = format!("Bearer {token}");
    let shown = [("Authorization", authorization.as_str())];
    let said = |subject, resource| {
        let question = question(subject, "SignInToCustomerTenant", resource);
        house.ask(&question, &shown).json
    };
    let unknown = said(("PartnerUser", "nobody"), ("Customer", "nowhere"));
    assert_eq!(said(ADA, CONTOSO), unknown);
}

/// Properties of the question move nobody into another tenant.
#[test]
fn what_the_question_says_of_itself_does_not_count() {
    let house = House::closed();
    let (_, key) = house.key(&[Role::Decide], &["tailspin"]);
    let authorization = format!("Bearer {key}");
    let mut question = question(ADA, "SignInToCustomerTenant", CONTOSO);
    question["subject"]["properties"] = json!({"partner": "tailspin", "customer": "tailspin"});
    question["resource"]["properties"] = json!({"customer": "tailspin"});
    question["context"] = json!({"customer": "tailspin"});
    house
        .ask(&question, &[("Authorization", &authorization)])
        .is_refused(403, "properties");
}

/// In generic mode nobody has a tenant: a caller is for all of it, or for nothing.
#[test]
fn generic_mode_has_no_tenants() {
    use aobo::policy::{Bundle, Source};
    let schema =
        "entity User; entity Photo; action view appliesTo {principal: User, resource: Photo};";
    let policies = Source::new("p", "permit (principal, action, resource);");
    let bundle = Bundle::new(&Source::new("s", schema), &[policies]).unwrap();
    let point = aobo::node::Point::generic(Arc::new(bundle), Vec::new()).unwrap();
    let point = DecisionPoint::new(point, Arc::new(|| crate::support::NOW));
    let house = House::closed();
    let place = aobo::api::KeyPlace::File(house.keys.clone());
    let settings = aobo::api::IssuerSettings {
        issuer: super::ISSUER.to_owned(),
        audience: super::AUDIENCE.to_owned(),
        keys: place,
    };
    let issuer = aobo::api::Issuer::open(settings, crate::support::NOW).unwrap();
    let nothing = aobo::api::Strangers::Nothing;
    let callers = aobo::api::Callers::new(Some(issuer), nothing, nothing);
    let router = router(Arc::new(AppState::new(point).admitting(callers)));
    let body = question(("User", "ana"), "view", ("Photo", "1")).to_string();
    let status = |shown: &str| {
        let authorization = format!("Bearer {shown}");
        let shown = [("Authorization", authorization.as_str())];
        super::send(&router, "POST", super::EVALUATION, &shown, &body).status
    };
    assert_eq!(
        status(&Signer::ed().sign(&claims(&["decide"], &["*"]))),
        200
    );
    assert_eq!(
        status(&Signer::ed().sign(&claims(&["decide"], &["User"]))),
        403
    );
    // Keys are those of a data folder, and there is none.
    assert_eq!(status(&house.key(&[Role::Decide], &[]).1), 401);
}
