//! What an issuer may answer when a device code is asked for.

use super::DeviceCode;
use countersign_model::Timestamp;
use serde_json::{Value, json};

fn check(change: &Value, expect: Option<(&str, Option<&str>)>) {
    let mut answer = json!({
        "device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": "https://id.example/d",
        "verification_uri_complete": "https://id.example/d?c=1", "expires_in": 600,
    });
    for (key, value) in change.as_object().unwrap() {
        answer[key] = value.clone();
    }
    let read = DeviceCode::read(answer.to_string().as_bytes(), Timestamp::from_millis(0));
    let read = read.map(|it| (it.user_code, it.verification_uri_complete));
    let expect = expect.map(|(code, complete)| (code.to_owned(), complete.map(str::to_owned)));
    assert_eq!(read, expect, "{change}");
}

#[test]
fn what_people_are_shown_and_open_hides_nothing() {
    let whole = Some(("ABCD-EFGH", Some("https://id.example/d?c=1")));
    check(&json!({}), whole);
    check(&json!({"user_code": "12 34"}), Some(("12 34", Some("https://id.example/d?c=1"))));
    for bad in ["", "  ", "\u{1b}[2J", "A\nB", "\u{202e}AB", &"A".repeat(65)] {
        check(&json!({ "user_code": bad }), None);
    }
    // A reader of URLs overlooks tabs and line ends, and leading blanks.
    for bad in
        ["", "id.example", "javascript:1", "\thttps://x", "https://x\n/", "https://\u{1b}[31m"]
    {
        check(&json!({ "verification_uri": bad }), None);
        check(&json!({ "verification_uri_complete": bad }), Some(("ABCD-EFGH", None)));
    }
    for bad in [json!(-1), json!("600"), json!(null)] {
        check(&json!({ "expires_in": bad }), None);
    }
}
