//! Attacks the readers of `Host` and `Prefer`: of a request that names two hosts none is believed, and a
//! caller waits only for what stands there first, outside of quotes.
//!
//! The first line is the address, the next ones are values of both headers.

#![no_main]

use http::{HeaderMap, HeaderValue, Uri, header};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/countersign-gateway/src/accept/host.rs"]
mod host;
#[path = "../../crates/countersign-gateway/src/hold/prefer.rs"]
mod prefer;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|it| *it == b'\n');
    let uri = lines.next().and_then(|it| Uri::try_from(it).ok()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for value in lines.filter_map(|it| HeaderValue::from_bytes(it).ok()) {
        headers.append(header::HOST, value.clone());
        headers.append("prefer", value);
    }
    let hosts: Vec<_> = headers.get_all(header::HOST).iter().collect();
    let authority = uri.authority().map(|it| it.as_str().to_ascii_lowercase());
    match host::host(&uri, &headers) {
        Err(_) => assert!(hosts.len() > 1 || !hosts.is_empty()),
        Ok(None) => assert!(hosts.is_empty() && authority.is_none()),
        Ok(Some(host)) => {
            assert!(hosts.len() <= 1, "two hosts were read as one");
            let named = hosts.first().map(|it| it.to_str().expect("text").to_ascii_lowercase());
            let both = [named.clone(), authority.clone()];
            for said in both.iter().flatten() {
                let rest = said.strip_prefix(&host).expect("the host stands at the beginning");
                assert!(rest.is_empty() || rest.starts_with(':'), "{said:?} {host:?}");
            }
            assert!(named.is_none() || authority.is_none() || named == authority);
            assert_eq!(host, host.to_ascii_lowercase());
            assert!(!host.contains(':') || host.contains(']'), "no port: {host:?}");
        }
    }
    assert_eq!(prefer::wait_seconds(&headers), wait(&headers), "{headers:?}");
});

/// Another reading of `Prefer`, character by character.
fn wait(headers: &HeaderMap) -> Option<u32> {
    for line in headers.get_all("prefer") {
        let Ok(line) = line.to_str() else { continue };
        let mut rest = line;
        while !rest.is_empty() {
            let (preference, after) = until(rest, b",");
            rest = after;
            let (named, _) = until(preference, b";");
            let mut parts = named.splitn(2, '=');
            let name = parts.next().unwrap_or_default().trim();
            if !name.eq_ignore_ascii_case("wait") {
                continue;
            }
            let value = parts.next().unwrap_or_default().trim();
            let quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
            let digits = if quoted { &value[1..value.len() - 1] } else { value };
            if digits.is_empty() || digits.chars().any(|it| !it.is_ascii_digit()) {
                return None;
            }
            return digits.parse::<u64>().ok().and_then(|it| u32::try_from(it).ok());
        }
    }
    None
}

/// The text until one of these bytes, and what follows it. Quotes and what they escape are passed over.
fn until<'a>(text: &'a str, ends: &[u8]) -> (&'a str, &'a str) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'"' {
            at += 1;
            while at < bytes.len() && bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
        } else if ends.contains(&bytes[at]) {
            return (&text[..at], &text[at + 1..]);
        }
        at += 1;
    }
    (text, "")
}
