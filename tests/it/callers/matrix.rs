//! The matrix of refusals: every row of both tables, with every credential that does
//! not do.

use aobo::api::{COMMANDS, DECISION_ROUTES, RouteSpec, admin_routes};
use aobo::node::Role;
use axum::Router;

use super::{House, Signer, claims, send, sign_in};

/// Every route of both listeners, with its router and a path that names Fabrikam and
/// Contoso.
fn routes(house: &House) -> Vec<(RouteSpec, &Router, String)> {
    let decisions = DECISION_ROUTES.iter().map(|row| (*row, &house.decisions));
    let all = decisions.chain(admin_routes().map(|row| (row, &house.admin)));
    // Metadata of another URL than the public one is not there.
    let all = all.filter(|(row, _)| !row.path.contains("{*"));
    all.map(|(row, router)| (row, router, filled(row.path)))
        .collect()
}

fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{partner}" => "fabrikam",
        "{customer}" => "contoso",
        "{from}" | "{to}" => "1",
        part if part.starts_with('{') => "x",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Every route that needs a role refuses these headers, whatever the body says, and
/// nothing is written.
#[track_caller]
fn refused(house: &House, status: u16, headers: impl Fn(Role) -> Vec<(&'static str, String)>) {
    let before = house.ledger.log().head();
    let mut rows = 0;
    for (row, router, path) in routes(house) {
        let Some(role) = row.needs else { continue };
        rows += 1;
        let headers = headers(role);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        for body in ["{}", "no JSON", &sign_in().to_string()] {
            let reply = send(router, row.method, &path, &headers, body);
            reply.is_refused(status, &format!("{} {path} {body}", row.method));
        }
    }
    assert!(rows > COMMANDS.len(), "{rows} routes");
    assert_eq!(house.ledger.log().head(), before, "nothing was written");
}

fn bearer(shown: impl Into<String>) -> Vec<(&'static str, String)> {
    vec![("Authorization", format!("Bearer {}", shown.into()))]
}

/// All roles but one, and those that would do in its place.
fn others(role: Role) -> Vec<(&'static str, Role)> {
    let instead = |other: Role| role == Role::AdminWrite && other == Role::Operator;
    let all = Role::ALL.into_iter();
    all.filter(|(_, other)| *other != role && !instead(*other))
        .collect()
}

#[test]
fn without_a_credential() {
    let house = House::closed();
    refused(&house, 401, |_| Vec::new());
}

#[test]
fn with_a_bad_one() {
    let house = House::closed();
    let every: Vec<Role> = Role::ALL.iter().map(|(_, role)| *role).collect();
    let names: Vec<&str> = Role::ALL.iter().map(|(name, _)| *name).collect();
    let (id, key) = house.key(&every, &[]);
    let token = Signer::ed().sign(&claims(&names, &["*"]));
    let check = |headers: &dyn Fn() -> Vec<(&'static str, String)>| {
        refused(&house, 401, |_| headers());
    };
    check(&|| bearer(""));
    check(&|| bearer("aobo_0000"));
    check(&|| bearer(key.to_uppercase()));
    check(&|| bearer(&key[..key.len() - 1]));
    check(&|| bearer(id.clone()));
    check(&|| vec![("Authorization", key.clone())]);
    check(&|| vec![("Authorization", format!("Basic {key}"))]);
    check(&|| [bearer(key.clone()), bearer(key.clone())].concat());
    check(&|| bearer(&token[..token.len() - 1]));
    check(&|| [bearer(token.clone()), bearer(token.clone())].concat());
    check(&|| bearer(format!("{key} {token}")));
    check(&|| vec![("Cookie", format!("Authorization=Bearer {key}"))]);
}

#[test]
fn with_one_that_was_revoked_or_has_expired() {
    let house = House::closed();
    let every: Vec<Role> = Role::ALL.iter().map(|(_, role)| *role).collect();
    let names: Vec<&str> = Role::ALL.iter().map(|(name, _)| *name).collect();
    let (id, key) = house.key(&every, &[]);
    let token = Signer::ed().sign(&claims(&names, &["*"]));
    assert_eq!((house.status(&key), house.status(&token)), (200, 200));
    house.revoke(&id);
    house.pass(3_600);
    refused(&house, 401, |_| bearer(key.clone()));
    refused(&house, 401, |_| bearer(token.clone()));
}

#[test]
fn with_the_wrong_role() {
    let house = House::closed();
    let keys: Vec<(Role, String)> = Role::ALL
        .iter()
        .map(|(_, role)| {
            let roles: Vec<Role> = others(*role).iter().map(|(_, role)| *role).collect();
            (*role, house.key(&roles, &[]).1)
        })
        .collect();
    refused(&house, 403, |needed| {
        let key = keys.iter().find(|(role, _)| *role == needed);
        bearer(key.expect("a key").1.clone())
    });
    refused(&house, 403, |needed| {
        let names: Vec<&str> = others(needed).iter().map(|(name, _)| *name).collect();
        bearer(Signer::ed().sign(&claims(&names, &["*"])))
    });
    // An operator for some tenants is none.
    refused(&house, 403, |_| {
        bearer(Signer::ed().sign(&claims(&["operator"], &["fabrikam", "contoso"])))
    });
}

/// With the right role, and nothing to say about Fabrikam, Contoso or everything.
#[test]
fn with_the_wrong_tenant() {
    let house = House::closed();
    let (_, key) = house.key(
        &[
            Role::Decide,
            Role::Search,
            Role::AdminRead,
            Role::AdminWrite,
        ],
        &["tailspin"],
    );
    let names = ["decide", "search", "admin-read", "admin-write"];
    let token = Signer::ed().sign(&claims(&names, &["tailspin"]));
    for shown in [key, token] {
        for (row, router, path) in routes(&house) {
            let body = match row.needs {
                Some(Role::Decide | Role::AdminRead | Role::AdminWrite) => sign_in().to_string(),
                // Searches have their own questions, metrics no tenants, and operators
                // every one.
                _ => continue,
            };
            let authorization = format!("Bearer {shown}");
            let mut headers = vec![("Authorization", authorization.as_str())];
            if row.needs == Some(Role::AdminWrite) {
                headers.push(("Aobo-Principal", r#"PartnerUser::"ada""#));
            }
            let reply = send(router, row.method, &path, &headers, &body);
            let several = path.ends_with("/evaluations");
            match several {
                // Each of many questions is answered for itself.
                true => assert!(!reply.json.to_string().contains("true"), "{}", reply.json),
                false => reply.is_refused(403, &format!("{} {path}", row.method)),
            }
        }
    }
}

/// Whoever may, comes to the handler: what is wrong then is wrong with the request.
/// So the rows are those of the routes, and the refusals above are those of the door.
#[test]
fn every_row_has_its_route() {
    let house = House::closed();
    let every: Vec<Role> = Role::ALL.iter().map(|(_, role)| *role).collect();
    let names: Vec<&str> = Role::ALL.iter().map(|(name, _)| *name).collect();
    let (_, key) = house.key(&every, &[]);
    let token = Signer::ed().sign(&claims(&names, &["*"]));
    for shown in [key, token] {
        let authorization = format!("Bearer {shown}");
        for (row, router, path) in routes(&house) {
            let mut headers = vec![("Authorization", authorization.as_str())];
            let mut body = "";
            if row.method != "GET" {
                headers.push(("Aobo-Principal", r#"PartnerUser::"ada""#));
                body = "no JSON";
            }
            let reply = send(router, row.method, &path, &headers, body);
            let door = [401, 403, 405];
            let error = &reply.json["error"]["code"];
            assert!(
                !door.contains(&reply.status),
                "{} {path}: {}",
                row.method,
                reply.json
            );
            assert!(
                error != "not-found" || path.contains("/x"),
                "{} {path}",
                row.method
            );
        }
    }
}

#[test]
fn rows_that_need_nothing_are_few_and_named() {
    let free = |rows: Vec<RouteSpec>| {
        let free = rows.into_iter().filter(|row| row.needs.is_none());
        free.map(|row| row.path).collect::<Vec<_>>()
    };
    let known = [
        "/livez",
        "/readyz",
        "/openapi.json",
        "/.well-known/authzen-configuration",
        "/.well-known/authzen-configuration/{*path}",
        "/access/v1/jwks",
    ];
    let decisions = free(DECISION_ROUTES.to_vec());
    assert!(
        decisions.iter().all(|path| known.contains(path)),
        "{decisions:?}"
    );
    let admin = free(admin_routes().collect());
    assert!(admin.iter().all(|path| known.contains(path)), "{admin:?}");
    // No row stands twice.
    let house = House::closed();
    let mut seen = std::collections::BTreeSet::new();
    for row in admin_routes() {
        assert!(seen.insert((row.method, row.path)), "{row:?}");
    }
    // They answer whoever asks, whatever is shown.
    for (row, router, path) in routes(&house) {
        if row.needs.is_none() {
            let shown = [("Authorization", "Bearer aobo_0000")];
            assert_eq!(
                send(router, row.method, &path, &shown, "").status,
                200,
                "{path}"
            );
        }
    }
}
