//! Whose page asks, where a browser says so.
//!
//! A server on loopback that asks nobody who they are is open to every page that a
//! browser on the same machine shows: a page may have its own host name resolve to
//! 127.0.0.1 (DNS rebinding) and read what it is answered. Browsers name the page in
//! `Origin` (Fetch, "HTTP extensions") with every `POST`, and programs that are no
//! browsers send none.

use axum::http::{HeaderMap, Uri, header};

use super::key_place::is_loopback_host;
use crate::api::given::all;

/// Whether a page asks that is neither of this machine nor of the public URL's host.
pub(super) fn is_foreign_page(headers: &HeaderMap, public_host: Option<&str>) -> bool {
    let mut pages = all(headers, &header::ORIGIN);
    pages.any(|page| {
        let page = page.to_str().ok().and_then(|page| page.parse::<Uri>().ok());
        let host = page.as_ref().filter(|page| page.scheme().is_some());
        let host = host.and_then(Uri::host);
        host.is_none_or(|host| !is_loopback_host(host) && public_host != Some(host))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pages: &[&str], public_host: Option<&str>, foreign: bool) {
        let mut headers = HeaderMap::new();
        for page in pages {
            headers.append(header::ORIGIN, page.parse().unwrap());
        }
        let got = is_foreign_page(&headers, public_host);
        assert_eq!(got, foreign, "{pages:?} {public_host:?}");
    }

    #[test]
    fn pages_of_this_machine_and_of_the_public_url_are_not_foreign() {
        check(&[], None, false);
        check(&["http://localhost:3000"], None, false);
        check(&["http://127.0.0.1:8180"], None, false);
        check(&["http://[::1]:8180"], None, false);
        check(&["https://pdp.example"], Some("pdp.example"), false);
        check(&["https://pdp.example"], None, true);
        check(&["https://evil.pdp.example"], Some("pdp.example"), true);
        check(&["http://evil.example:8180"], None, true);
        check(&["http://localhost.evil.example"], None, true);
        check(&["http://localhost", "http://evil.example"], None, true);
        for text in ["null", "", "localhost", "file://", "http://"] {
            check(&[text], None, true);
        }
    }
}
