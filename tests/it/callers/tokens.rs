//! Good tokens, and the matrix of bad ones, which are all the same to their bearer.

use aobo::api::{LEEWAY_SECONDS, SUBJECT_BYTES_MAX, TOKEN_BYTES_MAX};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{House, ISSUER, Signer, but, claims, sign_in};
use crate::support::NOW;

fn good() -> Value {
    claims(&["decide"], &["fabrikam"])
}

/// A token by hand: header, claims, and what stands where the signature does.
fn raw(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[track_caller]
fn taken(house: &House, token: &str) {
    assert_eq!(house.status(token), 200, "{token}");
}

#[track_caller]
fn refused(house: &House, what: &str, token: &str) {
    let authorization = format!("Bearer {token}");
    let reply = house.ask(&sign_in(), &[("Authorization", &authorization)]);
    reply.is_refused(401, what);
}

#[test]
fn each_algorithm_of_the_list_is_taken_under_its_key() {
    let house = House::closed();
    taken(&house, &Signer::ed().sign(&good()));
    taken(&house, &Signer::ec().sign(&good()));
    taken(&house, &Signer::rsa().sign(&good()));
    taken(&house, &Signer::rsa().sign_as(Algorithm::PS256, &good()));
    // An audience among others, and a time with a fraction.
    let with = |name, value| Signer::ed().sign(&but(good(), name, value));
    taken(&house, &with("aud", json!(["others", "aobo"])));
    taken(&house, &with("exp", json!(NOW.as_second() as f64 + 0.5)));
    // Roles that are not known do not count, and take nothing away.
    taken(&house, &with("aobo_roles", json!(["decide", "root"])));
}

#[test]
fn algorithms_that_are_not_on_the_list() {
    let house = House::closed();
    let good = good();
    let header = |alg: &str, kid: &str| json!({"alg": alg, "typ": "JWT", "kid": kid});
    refused(&house, "none", &raw(&header("none", "ed"), &good, ""));
    refused(&house, "None", &raw(&header("None", "ed"), &good, ""));
    let signature = Signer::ed().sign(&good);
    let signature = signature.rsplit('.').next().unwrap().to_owned();
    refused(
        &house,
        "none, signed",
        &raw(&header("none", "ed"), &good, &signature),
    );
    refused(
        &house,
        "no alg",
        &raw(&json!({"kid": "ed"}), &good, &signature),
    );
    // What is public as a secret.
    let rsa = Signer::rsa().jwk();
    let public = [
        rsa.to_string(),
        rsa["n"].as_str().unwrap().to_owned(),
        Signer::ed().jwk()["x"].as_str().unwrap().to_owned(),
    ];
    let mut secrets: Vec<Vec<u8>> = public
        .iter()
        .map(|text| text.clone().into_bytes())
        .collect();
    secrets.extend(
        public[1..]
            .iter()
            .map(|text| URL_SAFE_NO_PAD.decode(text).unwrap()),
    );
    for secret in secrets {
        for kid in ["rsa", "ed", "ec"] {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some(kid.to_owned());
            let token = encode(&header, &good, &EncodingKey::from_secret(&secret)).unwrap();
            refused(&house, "HS256 with what is public", &token);
        }
    }
    refused(
        &house,
        "RS512",
        &Signer::rsa().sign_as(Algorithm::RS512, &good),
    );
}

/// A key is for its own algorithms, whatever the header says of it.
#[test]
fn algorithms_of_another_key() {
    let house = House::closed();
    for (signer, kid) in [
        (Signer::ed(), "rsa"),
        (Signer::ed(), "ec"),
        (Signer::ec(), "ed"),
        (Signer::rsa(), "ed"),
    ] {
        let mut header = Header::new(signer.algorithm);
        header.kid = Some(kid.to_owned());
        let token = encode(&header, &good(), &signer.key).unwrap();
        refused(&house, kid, &token);
    }
    // Another key pair under the same name.
    refused(&house, "a forged key", &Signer::new_ed("ed").sign(&good()));
}

#[test]
fn headers_that_do_not_do() {
    let house = House::closed();
    let with = |change: &dyn Fn(&mut Header)| {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("ed".to_owned());
        change(&mut header);
        encode(&header, &good(), &Signer::ed().key).unwrap()
    };
    taken(&house, &with(&|_| {}));
    taken(&house, &with(&|header| header.typ = None));
    taken(
        &house,
        &with(&|header| header.typ = Some("at+JWT".to_owned())),
    );
    let check = |what: &str, change: &dyn Fn(&mut Header)| refused(&house, what, &with(change));
    check("no kid", &|header| header.kid = None);
    check("unknown kid", &|header| {
        header.kid = Some("other".to_owned())
    });
    check("empty kid", &|header| header.kid = Some(String::new()));
    check("an id token of another kind", &|header| {
        header.typ = Some("logout+jwt".to_owned())
    });
    check("crit", &|header| header.crit = Some(vec!["b64".to_owned()]));
    // A key that the token brings with it is nobody's.
    let forged = Signer::new_ed("own");
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some("own".to_owned());
    header.jwk = serde_json::from_value(forged.jwk()).unwrap();
    refused(
        &house,
        "its own jwk",
        &encode(&header, &good(), &forged.key).unwrap(),
    );
}

#[test]
fn claims_that_do_not_do() {
    let house = House::closed();
    let check = |name: &str, value: Value| {
        let what = format!("{name}: {value}");
        refused(&house, &what, &Signer::ed().sign(&but(good(), name, value)));
    };
    for required in ["iss", "aud", "exp", "nbf", "sub"] {
        check(required, Value::Null);
        check(required, json!({}));
        check(required, json!(true));
    }
    check("iss", json!("https://login.example"));
    check("iss", json!([ISSUER]));
    check("iss", json!(""));
    check("aud", json!("AOBO"));
    check("aud", json!([]));
    check("aud", json!(["others"]));
    check("exp", json!("2099-01-01"));
    check("nbf", json!(NOW.as_second().to_string()));
    check("aobo_roles", json!("decide"));
    check("aobo_roles", json!([1]));
    check("aobo_tenants", json!("*"));
    check("aobo_principal", json!("ada"));
    check("aobo_principal", json!(1));
    check("sub", json!(""));
    check("sub", json!("a\nb"));
    check("sub", json!("x".repeat(SUBJECT_BYTES_MAX + 1)));
    let longest = json!("x".repeat(SUBJECT_BYTES_MAX));
    taken(&house, &Signer::ed().sign(&but(good(), "sub", longest)));
    refused(&house, "no claims", &Signer::ed().sign(&json!([])));
    // A claim twice: whoever reads the first and whoever reads the last disagree.
    let twice = good().to_string().replacen('{', r#"{"sub":"root","#, 1);
    let header = json!({"alg": "EdDSA", "kid": "ed"}).to_string();
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(&header), part(&twice));
    let key = &Signer::ed().key;
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, Algorithm::EdDSA);
    refused(
        &house,
        "a claim twice",
        &format!("{message}.{}", signature.unwrap()),
    );
}

#[test]
fn absent_roles_and_tenants_are_none() {
    let house = House::closed();
    let status = |name: &str| house.status(&Signer::ed().sign(&but(good(), name, Value::Null)));
    assert_eq!(status("aobo_roles"), 403);
    assert_eq!(status("aobo_tenants"), 403);
    assert_eq!(
        house.status(&Signer::ed().sign(&claims(&["root"], &["*"]))),
        403
    );
    assert_eq!(
        house.status(&Signer::ed().sign(&claims(&["admin-read"], &["*"]))),
        403
    );
}

/// To the second, at both ends, with the leeway, by the clock that decides.
#[test]
fn a_token_lives_from_its_beginning_to_its_end() {
    let house = House::closed();
    let now = NOW.as_second();
    let leeway = i64::from(LEEWAY_SECONDS);
    let status = |nbf: i64, exp: i64| {
        let claims = but(but(good(), "nbf", json!(nbf)), "exp", json!(exp));
        house.status(&Signer::ed().sign(&claims))
    };
    assert_eq!(status(now, now + 1), 200);
    assert_eq!(status(now + leeway, now + 600), 200);
    assert_eq!(status(now + leeway + 1, now + 600), 401);
    assert_eq!(status(now - 600, now - leeway + 1), 200);
    assert_eq!(status(now - 600, now - leeway), 401);
    assert_eq!(
        status(i64::MIN, i64::MAX),
        401,
        "a negative time is none to the library"
    );
    assert_eq!(status(0, i64::MAX), 200);
    assert_eq!(status(now, 0), 401);
    // The same token, as time goes by.
    let token = Signer::ed().sign(&good());
    assert_eq!(house.status(&token), 200);
    house.pass(600 + leeway - 1);
    assert_eq!(house.status(&token), 200);
    house.pass(1);
    assert_eq!(house.status(&token), 401);
}

/// Every character of a token, and shorter ones.
#[test]
fn no_token_differs_from_what_was_signed() {
    let house = House::closed();
    let token = Signer::ed().sign(&good());
    taken(&house, &token);
    let bytes = token.as_bytes();
    for at in 0..bytes.len() {
        // The next character, and the same in the other letter case.
        for bit in [0, 5] {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            let text = String::from_utf8(flipped).unwrap();
            // What is no character of a header never comes in.
            if text.bytes().all(|byte| byte.is_ascii_graphic()) {
                refused(&house, &format!("byte {at}, bit {bit}"), &text);
            }
        }
    }
    for end in (0..bytes.len()).step_by(7) {
        refused(&house, &format!("{end} bytes"), &token[..end]);
    }
    let parts: Vec<&str> = token.split('.').collect();
    for text in [
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}..{}", parts[0], parts[2]),
        format!(".{}.{}", parts[1], parts[2]),
        format!("{token}."),
        format!("{token}={}", ""),
        format!("{token}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}", parts[1], parts[0], parts[2]),
    ] {
        refused(&house, "other parts", &text);
    }
}

#[test]
fn two_headers_are_none() {
    let house = House::closed();
    let token = format!("Bearer {}", Signer::ed().sign(&good()));
    let two = [
        ("Authorization", token.as_str()),
        ("Authorization", token.as_str()),
    ];
    house.ask(&sign_in(), &two).is_refused(401, "two headers");
    let other = [
        ("Authorization", token.as_str()),
        ("Authorization", "Bearer x"),
    ];
    house.ask(&sign_in(), &other).is_refused(401, "two headers");
    assert_eq!(
        house.ask(&sign_in(), &[("Authorization", &token)]).status,
        200
    );
    assert_eq!(
        house.ask(&sign_in(), &[("authorization", &token)]).status,
        200
    );
    let lower = token.replacen("Bearer", "bearer", 1);
    assert_eq!(
        house.ask(&sign_in(), &[("Authorization", &lower)]).status,
        200
    );
}

#[test]
fn a_token_is_as_long_as_it_may_be() {
    let house = House::closed();
    let of_length = |wanted: usize| {
        let sized = |n: usize| Signer::ed().sign(&but(good(), "more", json!("x".repeat(n))));
        let mut n = (wanted - sized(0).len()) / 4 * 3;
        while sized(n).len() < wanted {
            n += 1;
        }
        sized(n)
    };
    let longest = of_length(TOKEN_BYTES_MAX);
    let over = of_length(TOKEN_BYTES_MAX + 1);
    assert!(over.len() > TOKEN_BYTES_MAX && longest.len() <= TOKEN_BYTES_MAX + 1);
    if longest.len() <= TOKEN_BYTES_MAX {
        taken(&house, &longest);
    }
    refused(&house, "one byte too long", &over);
}
