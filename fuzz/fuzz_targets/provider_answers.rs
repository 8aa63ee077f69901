//! Attacks the readers of what identity providers answer: tokens, errors and device codes. What is shown
//! to people or opened has nothing in it that hides or steers, what goes into headers fits there, and
//! secrets are not printed.

#![no_main]

use countersign_identity::{Hidden, Scheme, TokenSet};
use countersign_model::{Span, Timestamp};
use device::DeviceCode;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use url::Url;

#[path = "../../crates/countersign-identity/src/token_endpoint/answer.rs"]
mod answer;
#[path = "../../crates/countersign-identity/src/cli_login/device.rs"]
mod device;
#[path = "../../crates/countersign-identity/src/shown.rs"]
mod shown;
#[path = "../../crates/countersign-identity/src/strict_json.rs"]
mod strict_json;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fuzz_target!(|document: &[u8]| {
    if let Some(tokens) = answer::tokens(document, NOW) {
        judge_tokens(document, &tokens);
    }
    if let Some((error, description)) = answer::refusal(document) {
        assert!(!error.is_empty() && error.len() <= 1_000 && description.len() <= 1_000);
        assert!(!error.chars().chain(description.chars()).any(char::is_control));
        let said = whole(document);
        assert!(said["error"].is_string());
    }
    if let Some(code) = DeviceCode::read(document, NOW) {
        judge_code(document, &code);
    }
});

fn judge_tokens(document: &[u8], tokens: &TokenSet) {
    let said = whole(document);
    let access = tokens.access_token.reveal();
    assert_eq!(said["access_token"], access);
    let scheme = match tokens.scheme {
        Scheme::Bearer => "bearer",
        Scheme::Dpop => "dpop",
    };
    assert!(said["token_type"].as_str().is_some_and(|it| it.eq_ignore_ascii_case(scheme)));
    for token in [Some(&tokens.access_token), tokens.refresh_token.as_ref()].into_iter().flatten() {
        let header = format!("Bearer {}", token.reveal());
        let header = http::HeaderValue::from_str(&header).expect("it fits into a header");
        assert!(header.to_str().is_ok() && !token.reveal().is_empty());
    }
    let ends = said["expires_in"].as_i64().unwrap_or(300);
    assert_eq!(tokens.expires_at, NOW.plus(Span::from_seconds(ends)));
    if access.len() > 20 {
        assert!(!format!("{tokens:?}").contains(access), "tokens are never printed");
    }
}

fn judge_code(document: &[u8], code: &DeviceCode) {
    let said = whole(document);
    assert_eq!(said["user_code"], code.user_code.as_str());
    assert_eq!(said["device_code"], code.secret());
    let complete = code.verification_uri_complete.as_deref();
    for shown in [Some(&*code.verification_uri), complete].into_iter().flatten() {
        let url = Url::parse(shown).expect("an address");
        assert!(["http", "https"].contains(&url.scheme()));
        assert!(!shown.contains(char::is_whitespace));
    }
    let shown = [&*code.user_code, &*code.verification_uri, complete.unwrap_or_default()];
    assert!(shown.iter().all(|it| it.is_ascii() && !it.contains(|it: char| it.is_control())));
    assert!((1..=60).contains(&code.interval_seconds));
    assert!(code.expires_at >= NOW);
    let secret = Hidden::new(code.secret());
    assert_eq!(format!("{secret}"), "…");
    if code.secret().len() > 20 && !shown.iter().any(|it| it.contains(code.secret())) {
        assert!(!format!("{code:?}").contains(code.secret()), "device codes are never printed");
    }
}

/// The document by another reading. What names a thing twice was not taken.
fn whole(document: &[u8]) -> Value {
    serde_json::from_slice(document).expect("what was taken is JSON")
}
