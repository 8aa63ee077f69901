use super::*;
use http::StatusCode;
use serde_json::Value;

const OURS: &str = "https://gateway.example";
const GOOD: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=s\
    &subject_token_type=urn:ietf:params:oauth:token-type:access_token&actor_token=a\
    &actor_token_type=urn:ietf:params:oauth:token-type:jwt";

fn code(text: &str) -> &'static str {
    form(text, OURS).map_or_else(|refused| refused.code(), |_| "read")
}

#[test]
fn a_form_is_read_in_one_way() {
    let with = |more: &str| format!("{GOOD}&{more}");
    for (text, expect) in [
        (GOOD.to_owned(), "read"),
        (with("scope=read+write&client_id=x"), "read"),
        (with("unknown=1"), "read"),
        (with("scope="), "read"),
        (with("resource=https://gateway.example&resource=https://gateway.example/"), "read"),
        (
            with("resource=https://gateway.example&resource=https://other.example"),
            "resource_not_ours",
        ),
        (with("audience=https://gateway.example//"), "resource_not_ours"),
        (with("audience=https://gateway.example.evil.example"), "resource_not_ours"),
        (with("subject_token=t"), "form_malformed"),
        (with("subject%5Ftoken=t"), "form_malformed"),
        (with("scope=a&scope=b"), "form_malformed"),
        (with("x=%zz"), "form_malformed"),
        (with("x=a b"), "form_malformed"),
        (with("x=a;subject_token=b"), "form_malformed"),
        (with("x=%0D%0Ay"), "form_malformed"),
        (with("x=%ff"), "form_malformed"),
        (with("client_secret=x"), "client_secret_not_taken"),
        (
            with("requested_token_type=urn:ietf:params:oauth:token-type:refresh_token"),
            "token_type_not_offered",
        ),
        (with("requested_token_type=urn:ietf:params:oauth:token-type:jwt"), "read"),
        (GOOD.replace("actor_token=a", "x=y"), "parameter_missing"),
        (GOOD.replace("subject_token=s", "subject_token="), "parameter_missing"),
        (GOOD.replace("type:jwt", "type:saml2"), "token_type_not_offered"),
        (GOOD.replace("type:access_token", "type:saml2"), "read"),
        (GOOD.replace("type:access_token", "type:saml1"), "token_type_not_offered"),
        (GOOD.replace("token-exchange", "device_code"), "grant_type_not_offered"),
        ("grant_type=authorization_code&code=x".to_owned(), "grant_type_not_offered"),
        (String::new(), "parameter_missing"),
    ] {
        assert_eq!(code(&text), expect, "{text}");
    }
}

#[test]
fn an_assertion_needs_a_client() {
    let form = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a";
    let kind = "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    for (more, expect) in [
        (String::new(), "client_missing"),
        ("&client_id=x".to_owned(), "client_missing"),
        ("&client_assertion=c".to_owned(), "parameter_missing"),
        (format!("&client_assertion=c&{kind}"), "read"),
        ("&client_assertion=c&client_assertion_type=x".to_owned(), "token_type_not_offered"),
    ] {
        assert_eq!(code(&format!("{form}{more}")), expect, "{more}");
    }
}

#[test]
fn what_is_read_is_not_printed() {
    let text = GOOD.replace("subject_token=s", "subject_token=s3cret-subject");
    let text = text.replace("actor_token=a", "actor_token=s3cret-actor");
    let printed = format!("{:?}", form(&text, OURS).unwrap());
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[tokio::test]
async fn a_refusal_is_an_oauth_error() {
    use http_body_util::BodyExt as _;
    let refused = form("grant_type=x&resource=caf%C3%A9\"", OURS).unwrap_err();
    let response = refused.into_response();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&document["error"], &document["code"]),
        (&"invalid_target".into(), &"resource_not_ours".into())
    );
    let described = document["error_description"].as_str().unwrap();
    assert!(described.bytes().all(|it| matches!(it, b' '..=b'~') && it != b'"' && it != b'\\'));
}
