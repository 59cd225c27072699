//! Who gets past the door: every route, without a key, with a bad one, with one
//! for something else, and with one for another tenant.

use aobo::api::{COMMANDS, reads};
use aobo::node::Role;
use serde_json::json;

use super::{ADA, Call, Desk};

/// Every route, with its method, and a path that names Fabrikam and Contoso where
/// it names a partner or a customer.
fn routes() -> Vec<(&'static str, String)> {
    let writes = COMMANDS.iter().map(|route| (route.method, route.path));
    let reads = reads().map(|path| ("GET", path));
    let others = [
        ("POST", "/v1/keys"),
        ("DELETE", "/v1/keys/{id}"),
        ("POST", "/v1/bundle"),
    ];
    let all = writes.chain(reads).chain(others);
    all.map(|(method, path)| (method, filled(path))).collect()
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

/// Every route refuses the request, and nothing is written.
#[track_caller]
fn refused(desk: &Desk, status: u16, code: &str, show: impl Fn(Call) -> Call) {
    let before = desk.head();
    for (method, path) in routes() {
        // What the body says is not looked at before the key is.
        for body in ["{}", "no JSON"] {
            let reply = show(desk.call(method, &path)).text(body).send();
            let got = (reply.status, reply.json["error"]["code"].as_str());
            assert_eq!(got, (status, Some(code)), "{method} {path}: {}", reply.json);
            let asked = reply.header("www-authenticate") == "Bearer realm=\"aobo\"";
            assert_eq!(asked, status == 401, "{method} {path}");
        }
    }
    desk.wrote_nothing_since(before);
}

#[test]
fn the_matrix_is_about_every_route() {
    let routes = routes();
    assert_eq!(routes.len(), COMMANDS.len() + reads().count() + 3);
    assert!(routes.iter().all(|(_, path)| !path.contains(['{', '}'])));
    let desk = Desk::start();
    let before = desk.head();
    for (method, path) in &routes {
        // With a good key nobody is turned away at the door: whatever is wrong then
        // is wrong with the request.
        let call = match *method {
            // What a principal may read is the policies' to say.
            "GET" => desk.operator(method, path),
            _ => desk.by(ADA, method, path),
        };
        let reply = call.text("no JSON").send();
        assert_ne!(reply.status, 401, "{method} {path}");
        assert_ne!(reply.status, 405, "{method} {path}");
        assert_ne!(reply.status, 403, "{method} {path}: {}", reply.json);
    }
    desk.wrote_nothing_since(before);
}

#[test]
fn nobody_without_a_good_key_gets_in() {
    let desk = Desk::start();
    let refused = |show: &dyn Fn(Call) -> Call| refused(&desk, 401, "unauthorized", show);
    let good = desk.master.clone();
    refused(&|call| call);
    refused(&|call| call.key(""));
    refused(&|call| call.key("aobo_0000"));
    refused(&|call| call.key(&good.to_uppercase()));
    refused(&|call| call.key(&good[..good.len() - 1]));
    refused(&|call| call.header("Authorization", &good));
    refused(&|call| call.header("Authorization", &format!("Basic {good}")));
    // Two keys are none.
    refused(&|call| call.key(&good).key(&good));
}

#[test]
fn a_key_for_something_else_does_not_do() {
    let desk = Desk::start();
    let others = [Role::Decide, Role::Search, Role::Metrics];
    let key = desk.key(&others, &[]);
    refused(&desk, 403, "forbidden", |call| call.key(&key));
    refused(&desk, 403, "forbidden", |call| {
        call.key(&key).header("Aobo-Principal", ADA)
    });
    let (reader, writer) = (
        desk.key(&[Role::AdminRead], &[]),
        desk.key(&[Role::AdminWrite], &[]),
    );
    let before = desk.head();
    for (method, path) in routes() {
        let wrong = if method == "GET" { &writer } else { &reader };
        let reply = desk.call(method, &path).key(wrong).text("{}").send();
        reply.refused(403, "forbidden");
    }
    desk.wrote_nothing_since(before);
}

#[test]
fn a_key_for_another_tenant_does_not_do() {
    let desk = Desk::start();
    let key = desk.key(&[Role::AdminRead, Role::AdminWrite], &["tailspin"]);
    refused(&desk, 403, "forbidden", |call| {
        call.key(&key).header("Aobo-Principal", ADA)
    });
    // At its own tenant it reads, and writes as somebody there.
    let own = desk
        .call("GET", "/v1/customers/tailspin/partners")
        .key(&key);
    assert_eq!(own.send().status, 200);
    let fabrikam = desk.key(&[Role::AdminRead, Role::AdminWrite], &["fabrikam"]);
    let user = json!({"user": "u1", "display_name": "U"});
    let as_ada = |key: &str| {
        let call = desk.call("POST", super::USERS).key(key).json(&user);
        call.header("Aobo-Principal", ADA).send()
    };
    as_ada(&key).refused(403, "forbidden");
    as_ada(&fabrikam).written();
}

#[test]
fn a_principal_is_one_that_reads_as_such() {
    let desk = Desk::start();
    let before = desk.head();
    for bad in ["ada", "PartnerUser::ada", "PartnerUser::\"ada", ""] {
        let call = desk.operator("POST", super::USERS).text("{}");
        let reply = call.header("Aobo-Principal", bad).send();
        reply.refused(400, "invalid-header");
    }
    // A stranger is nobody: the policies say no.
    let user = json!({"user": "u1", "display_name": "U"});
    let stranger = r#"PartnerUser::"nobody""#;
    let reply = desk.by(stranger, "POST", super::USERS).json(&user).send();
    reply.refused(403, "forbidden");
    desk.wrote_nothing_since(before);
}
