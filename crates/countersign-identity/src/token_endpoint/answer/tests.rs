//! What a token endpoint may say.

use super::{refusal, tokens};
use countersign_model::{Span, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn check(document: &[u8], expect: Option<(&str, i64)>) {
    let read = tokens(document, NOW);
    let read = read.map(|it| (it.access_token.reveal().to_owned(), it.expires_at));
    let expect =
        expect.map(|(token, seconds)| (token.to_owned(), NOW.plus(Span::from_seconds(seconds))));
    assert_eq!(read, expect, "{}", String::from_utf8_lossy(document));
}

#[test]
fn tokens_are_taken_as_the_rfc_writes_them() {
    check(br#"{"access_token":"a.b","token_type":"Bearer","expires_in":60}"#, Some(("a.b", 60)));
    check(br#"{"access_token":"a b~","token_type":"bearer"}"#, Some(("a b~", 300)));
    check(br#"{"access_token":"","token_type":"Bearer"}"#, None);
    check(br#"{"access_token":"a","token_type":"MAC"}"#, None);
    let bound = tokens(br#"{"access_token":"a","token_type":"dpop"}"#, NOW).unwrap();
    assert_eq!(bound.scheme, crate::Scheme::Dpop);
    check(br#"{"access_token":"a"}"#, None);
    check(br#"["a","Bearer",null,null,null,60]"#, None);
    check(br#"{"access_token":"a\nb","token_type":"Bearer"}"#, None);
    check("{\"access_token\":\"\u{e9}\",\"token_type\":\"Bearer\"}".as_bytes(), None);
    check(br#"{"access_token":"a","token_type":"Bearer","refresh_token":"r\u0000"}"#, None);
    check(br#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#, None);
    check(br#"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#, None);
    check(b"{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"x\":\"\xff\"}", None);
}

#[test]
fn errors_are_shown_without_what_steers_a_terminal() {
    let read = |document: &str| refusal(document.as_bytes());
    let said = |error: &str, description: &str| Some((error.to_owned(), description.to_owned()));
    assert_eq!(read(r#"{"error":"invalid_grant"}"#), said("invalid_grant", ""));
    assert_eq!(
        read(r#"{"error":"\u001b[31m","error_description":"a\u0007b"}"#),
        said("\"\\u{1b}[31m\"", "\"a\\u{7}b\""),
    );
    assert_eq!(read(r#"{"error":""}"#), said("\"\"", ""));
    assert_eq!(read(r#"{"error_description":"a"}"#), None);
    assert_eq!(read("no"), None);
    assert_eq!(read(r#"["invalid_grant","a"]"#), None);
}
