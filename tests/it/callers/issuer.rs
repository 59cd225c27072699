//! The keys of an issuer: in a file that changes, and at an address that does not
//! always answer.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aobo::api::{
    Issuer, IssuerSettings, KEYS_FRESH_SECONDS, KEYS_REFETCH_SECONDS, KEYS_SECONDS_MAX, KeyPlace,
    Strangers,
};
use serde_json::json;

use super::{AUDIENCE, House, ISSUER, Signer, but, claims, jwks};
use crate::support::NOW;

/// A token that lives as long as the test's clock runs.
fn token(signer: &Signer) -> String {
    let far = json!(NOW.as_second() + 10 * KEYS_SECONDS_MAX);
    signer.sign(&but(claims(&["decide"], &["*"]), "exp", far))
}

/// Writes the file with a time of change that no earlier one had.
fn publish(house: &House, text: &str, second: u64) {
    std::fs::write(&house.keys, text).unwrap();
    let file = std::fs::File::options()
        .write(true)
        .open(&house.keys)
        .unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000 + second);
    file.set_modified(at).unwrap();
}

#[test]
fn a_file_that_changed_is_read_when_an_unknown_key_is_named() {
    let house = House::closed();
    let new = Signer::new_ed("new");
    assert_eq!(house.status(&token(&new)), 401);
    publish(&house, &jwks(&[Signer::ed(), &new]), 1);
    assert_eq!(house.status(&token(&new)), 200);
    // What cannot be right leaves the keys that there are.
    let third = Signer::new_ed("third");
    for (second, bad) in [(2, "{}"), (3, r#"{"keys": []}"#), (4, "no JSON")] {
        publish(&house, bad, second);
        assert_eq!(house.status(&token(&third)), 401, "{bad}");
        assert_eq!(house.status(&token(&new)), 200, "{bad}");
    }
    std::fs::remove_file(&house.keys).unwrap();
    assert_eq!(house.status(&token(&third)), 401);
    assert_eq!(house.status(&token(&new)), 200);
    publish(&house, &jwks(&[&third]), 5);
    assert_eq!(house.status(&token(&third)), 200);
    assert_eq!(house.status(&token(&new)), 401);
}

#[test]
fn a_file_must_be_right_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        let settings = IssuerSettings {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            keys: KeyPlace::File(folder.path().join(name)),
        };
        Issuer::open(settings, NOW).map(|_| ())
    };
    assert!(open("none.json").unwrap_err().contains("cannot be read"));
    std::fs::write(folder.path().join("bad.json"), "{}").unwrap();
    assert!(open("bad.json").unwrap_err().contains("no JWK set"));
    std::fs::write(folder.path().join("good.json"), jwks(&[Signer::ed()])).unwrap();
    assert_eq!(open("good.json"), Ok(()));
}

/// An issuer on this machine: what it answers, and how often it was asked.
struct Published {
    address: String,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
}

impl Published {
    fn start(keys: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/keys", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new((200, keys)));
        let asked = Arc::new(AtomicUsize::new(0));
        let (said, counted) = (Arc::clone(&answer), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut line = String::new();
                while stream.read_line(&mut line).unwrap_or(0) > 2 {
                    line.clear();
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let (status, text) = said.lock().unwrap().clone();
                let head = format!(
                    "HTTP/1.1 {status} Answer\r\nLocation: /other\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n",
                    text.len()
                );
                let _ = stream
                    .get_mut()
                    .write_all(format!("{head}{text}").as_bytes());
            }
        });
        Self {
            address,
            answer,
            asked,
        }
    }

    fn says(&self, status: u16, text: &str) {
        *self.answer.lock().unwrap() = (status, text.to_owned());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn house(&self) -> House {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys.json");
        let place = KeyPlace::Url(self.address.clone());
        House::with(place, keys, folder, Strangers::Nothing)
    }
}

#[test]
fn an_address_is_asked_at_most_once_a_minute() {
    let published = Published::start(jwks(&[Signer::ed()]));
    let house = published.house();
    assert_eq!(published.asked(), 1);
    assert_eq!(house.status(&token(Signer::ed())), 200);
    let new = Signer::new_ed("new");
    published.says(200, &jwks(&[Signer::ed(), &new]));
    house.pass(KEYS_REFETCH_SECONDS - 1);
    assert_eq!((house.status(&token(&new)), published.asked()), (401, 1));
    house.pass(1);
    assert_eq!((house.status(&token(&new)), published.asked()), (200, 2));
    // Whatever callers name: until the next minute nobody is asked.
    for n in 0..20 {
        let unknown: &'static str = Box::leak(format!("k{n}").into_boxed_str());
        assert_eq!(house.status(&token(&Signer::new_ed(unknown))), 401);
    }
    assert_eq!(published.asked(), 2);
}

/// What goes wrong at the issuer leaves the keys that there are, for a day.
#[test]
fn keys_that_cannot_be_read_again_grow_old() {
    let published = Published::start(jwks(&[Signer::ed()]));
    let house = published.house();
    let good = token(Signer::ed());
    house.pass(KEYS_FRESH_SECONDS - 1);
    assert_eq!((house.status(&good), published.asked()), (200, 1));
    for (n, (status, text)) in [
        (500, String::new()),
        (302, jwks(&[Signer::ed()])),
        (200, "no JSON".to_owned()),
        (200, " ".repeat(300 * 1024)),
    ]
    .into_iter()
    .enumerate()
    {
        published.says(status, &text);
        house.pass(KEYS_REFETCH_SECONDS);
        assert_eq!(
            (house.status(&good), published.asked()),
            (200, 2 + n),
            "{status}"
        );
        // Asked just now.
        assert_eq!(
            (house.status(&good), published.asked()),
            (200, 2 + n),
            "{status}"
        );
    }
    house.pass(KEYS_SECONDS_MAX);
    assert_eq!(house.status(&good), 401);
    published.says(200, &jwks(&[Signer::ed()]));
    house.pass(KEYS_REFETCH_SECONDS);
    assert_eq!(house.status(&good), 200);
}

/// A key that its issuer took back is out of force within the hour.
#[test]
fn keys_are_read_again_although_they_are_known() {
    let published = Published::start(jwks(&[Signer::ed(), Signer::ec()]));
    let house = published.house();
    published.says(200, &jwks(&[Signer::ed()]));
    house.pass(KEYS_FRESH_SECONDS - 1);
    assert_eq!(house.status(&token(Signer::ec())), 200);
    house.pass(1);
    assert_eq!(house.status(&token(Signer::ec())), 401);
    assert_eq!(house.status(&token(Signer::ed())), 200);
}

/// An issuer that is down does not keep the server from starting.
#[test]
fn an_address_that_does_not_answer_yet() {
    let published = Published::start(String::new());
    published.says(503, "");
    let house = published.house();
    assert_eq!(house.status(&token(Signer::ed())), 401);
    published.says(200, &jwks(&[Signer::ed()]));
    house.pass(KEYS_REFETCH_SECONDS);
    assert_eq!(house.status(&token(Signer::ed())), 200);
}
