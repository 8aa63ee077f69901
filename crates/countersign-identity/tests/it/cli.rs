//! A person signs in at a terminal.

use crate::{
    issuer::{NOW, Op, TestClock},
    signin::entropy,
};
use countersign_identity::{
    Callback, CliLogin, CliSettings, DevicePoll, Http, Limits, LoginFailed, Loopback,
};
use http::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

async fn login(op: &Op, clock: &TestClock) -> CliLogin {
    let settings = CliSettings {
        issuer: op.url.clone(),
        client_id: "cli".into(),
        scopes: vec!["openid".into(), "offline_access".into()],
        resource: Some("https://gateway.example".into()),
    };
    CliLogin::discover(settings, Http::new(), clock.clock()).await.unwrap()
}

fn prepare(op: &Op, status: u16, body: Value) {
    op.state.answers.lock().unwrap().push_back((status, body));
}

fn tokens(refresh: &str) -> Value {
    json!({"access_token": "a", "token_type": "bearer", "expires_in": 60, "refresh_token": refresh})
}

fn device_answer(uri: &str) -> Value {
    json!({
        "device_code": "d3v1ce", "user_code": "ABCD-EFGH", "verification_uri": uri,
        "verification_uri_complete": "javascript:alert(1)", "expires_in": 120, "interval": 2,
    })
}

#[tokio::test]
async fn polls_a_device_code_as_slowly_as_it_is_told() {
    let clock = TestClock::new();
    let op = Op::start(&[]).await;
    let login = login(&op, &clock).await;
    assert!(login.offers_device_codes());
    *op.state.device.lock().unwrap() = device_answer("https://op.example/device");
    let mut code = login.device_start().await.unwrap();
    assert_eq!((code.user_code.as_str(), code.interval_seconds), ("ABCD-EFGH", 2));
    assert_eq!(code.verification_uri_complete, None, "only web addresses are opened");
    assert!(!format!("{code:?}").contains("d3v1ce"));

    prepare(&op, 400, json!({"error": "authorization_pending"}));
    assert!(matches!(login.device_poll(&mut code).await, Ok(DevicePoll::Waiting { seconds: 2 })));
    prepare(&op, 400, json!({"error": "slow_down"}));
    assert!(matches!(login.device_poll(&mut code).await, Ok(DevicePoll::Waiting { seconds: 7 })));
    // No answer at all: tried again, more slowly.
    assert!(matches!(login.device_poll(&mut code).await, Ok(DevicePoll::Waiting { seconds: 14 })));
    prepare(&op, 200, tokens("r1"));
    let Ok(DevicePoll::Done(found)) = login.device_poll(&mut code).await else {
        panic!("not done")
    };
    assert_eq!(found.access_token.reveal(), "a");
    assert_eq!(found.expires_at.seconds(), NOW + 60);
    let form = op.state.forms.lock().unwrap().pop().unwrap();
    assert_eq!(form["resource"], "https://gateway.example");
    assert_eq!(form["client_id"], "cli");
    assert_eq!(form["device_code"], "d3v1ce");

    prepare(&op, 400, json!({"error": "access_denied"}));
    assert!(matches!(login.device_poll(&mut code).await, Err(LoginFailed::Denied)));
    prepare(&op, 400, json!({"error": "invalid_client", "error_description": "\u{1b}[31m"}));
    let failed = login.device_poll(&mut code).await.unwrap_err().to_string();
    assert_eq!(failed, "the identity provider refused: invalid_client");
    clock.advance(120);
    assert!(matches!(login.device_poll(&mut code).await, Err(LoginFailed::Expired)));

    *op.state.device.lock().unwrap() = device_answer("file:///etc/passwd");
    assert!(login.device_start().await.is_err());
}

#[tokio::test]
async fn comes_back_to_this_machine_with_a_code() {
    let clock = TestClock::new();
    let op = Op::start(&[]).await;
    let login = login(&op, &clock).await;
    let loopback = Loopback::bind().await.unwrap();
    let redirect_uri = loopback.redirect_uri().to_owned();
    let (url, pending) = login.authorize(&redirect_uri, &entropy()).unwrap();
    assert!(url.starts_with(&format!("{}/authorize?", op.url)), "{url}");

    let waiting = tokio::spawn(loopback.callback("<p>done", Duration::from_secs(10)));
    let http = Http::new();
    let get = async |url: &str| http.get(url, HeaderMap::new(), Limits::default()).await.unwrap();
    let authority = redirect_uri.split('/').nth(2).unwrap();
    let idle = tokio::net::TcpStream::connect(authority).await;
    let elsewhere = redirect_uri.replace("/callback", "/favicon.ico?code=x");
    assert_eq!(get(&elsewhere).await.status, 404);
    assert_eq!(get(&redirect_uri).await.status, 400);
    let answer = get(&format!("{redirect_uri}?code=c&state={}", pending.state())).await;
    assert_eq!(&answer.body[..], b"<p>done");
    drop(idle);
    let callback = waiting.await.unwrap().unwrap();

    let wrong = Callback::from_query("code=c&state=x").unwrap();
    assert!(login.exchange(pending.clone(), &wrong).await.is_err());
    prepare(&op, 200, tokens("r1"));
    let first = login.exchange(pending, &callback).await.unwrap();

    prepare(&op, 200, tokens("r2"));
    let second = login.refresh(&first).await.unwrap();
    assert_eq!(second.refresh_token.as_ref().unwrap().reveal(), "r2");
    prepare(&op, 200, json!({"access_token": "b", "token_type": "Bearer"}));
    let third = login.refresh(&second).await.unwrap();
    assert_eq!(third.refresh_token.as_ref().unwrap().reveal(), "r2");
    assert_eq!(third.expires_at.seconds(), NOW + 300);
    prepare(&op, 400, json!({"error": "invalid_grant"}));
    assert!(matches!(login.refresh(&third).await, Err(LoginFailed::Ended)));
}
