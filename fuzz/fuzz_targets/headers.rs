//! Attacks the readers of small texts that a browser or a caller sends: the bearer header, the
//! console's cookies, the answer that comes back from an identity provider, and where to go after
//! signing in. Two of a thing are never read as one of them, and nothing leads to another host.

#![no_main]

use console::Scheme;
use cookie::Cookie;
use countersign_identity::{Callback, bearer_token};
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use url::Url;

mod console {
    #[derive(Clone, Copy)]
    pub(crate) enum Scheme {
        Http,
        Https,
    }
}

#[expect(unused, reason = "the parts that write aren't attacked")]
#[path = "../../crates/countersign-console/src/cookie.rs"]
mod cookie;

#[path = "../../crates/countersign-console/src/return_to.rs"]
mod return_to;

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|it| *it == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { continue };
        headers.append(header::AUTHORIZATION, value.clone());
        headers.append(header::COOKIE, value);
    }
    if let Ok(token) = bearer_token(&headers) {
        let line = headers[header::AUTHORIZATION].as_bytes();
        assert_eq!(headers.get_all(header::AUTHORIZATION).iter().count(), 1);
        assert!(line[..6].eq_ignore_ascii_case(b"bearer") && line.ends_with(token.as_bytes()));
        assert!(!token.is_empty() && !token.contains([' ', ',', ';', '"']));
    }
    for (scheme, prefix) in [(Scheme::Http, ""), (Scheme::Https, "__Host-")] {
        for (cookie, name) in [(Cookie::Session, ""), (Cookie::SignIn, "-sign-in")] {
            let name = format!("{prefix}countersign{name}");
            let found = crumbs(&headers, &name);
            let only = (found.len() == 1).then(|| found[0].clone());
            assert_eq!(cookie.read(&headers, scheme), only, "{name}");
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(callback) = Callback::from_query(text) {
        let states = url::form_urlencoded::parse(bytes).filter(|(name, _)| name == "state");
        let states: Vec<_> = states.map(|(_, value)| value).collect();
        assert_eq!(states.len(), usize::from(callback.state().is_some()));
        assert_eq!(callback.state(), states.first().map(|it| &**it));
        assert!(!format!("{callback:?}").contains("secret-"), "codes are never printed");
    }
    let place = return_to::safe(Some(text));
    let base = Url::parse("https://gateway.example/console/sign-in").expect("a URL");
    let there = base.join(place).expect("a place");
    assert_eq!(there.origin(), base.origin(), "{place}");
    assert!(there.path() == "/console" || there.path().starts_with("/console/"), "{place}");
});

/// Values of a cookie, read byte by byte (RFC 6265 §5.4). A line that is not ASCII says nothing.
fn crumbs(headers: &HeaderMap, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in headers.get_all(header::COOKIE) {
        let Ok(line) = line.to_str() else { continue };
        for pair in line.split(';') {
            let pair = pair.trim();
            let Some(equals) = pair.find('=') else { continue };
            if &pair[..equals] == name {
                found.push(pair[equals + 1..].to_owned());
            }
        }
    }
    found
}
