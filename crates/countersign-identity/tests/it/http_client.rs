//! The small client: what it refuses to do.

use crate::issuer::{Key, Keys, Op};
use countersign_identity::{Http, HttpFailed, Limits, PlainHttp};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn speaks_clear_text_only_to_this_machine() {
    let http = Http::new();
    let get = async |url: &str| http.get(url, HeaderMap::new(), Limits::default()).await;
    let refused = [
        "http://op.example/",
        "http://10.0.0.1/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.example/",
    ];
    for url in refused {
        assert!(matches!(get(url).await, Err(HttpFailed::PlainHttpRefused)), "{url}");
    }
    let bad = ["ftp://localhost/", "file:///etc/passwd", "/keys", "", "http://me:pw@127.0.0.1/"];
    for url in bad {
        assert!(matches!(get(url).await, Err(HttpFailed::BadUrl)), "{url}");
    }
    // Nobody listens on port 1: refused connections, so the host itself was allowed.
    for url in
        ["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/", "http://127.9.9.9:1/"]
    {
        assert!(matches!(get(url).await, Err(HttpFailed::Broken { .. })), "{url}");
    }
    let everywhere = format!("{:?}", Http::speaking(PlainHttp::Everywhere));
    assert!(everywhere.contains("Everywhere"));
}

#[tokio::test]
async fn keeps_its_limits_and_follows_nothing() {
    let op = Op::start(&[&Key::ec("k")]).await;
    let http = Http::new();
    let url = format!("{}/keys", op.url);
    let get = async |limits| http.get(&url, HeaderMap::new(), limits).await;

    op.behave(Keys::Redirecting);
    assert_eq!(get(Limits::default()).await.unwrap().status, StatusCode::FOUND);
    op.behave(Keys::Huge);
    let short = Limits { bytes_max: 1000, ..Limits::default() };
    assert!(matches!(get(short).await, Err(HttpFailed::TooLong { bytes_max: 1000, .. })));
    assert_eq!(get(Limits::default()).await.unwrap().body.len(), 600_018);
    op.behave(Keys::Gated);
    let quick = Limits { time: Duration::from_millis(50), ..Limits::default() };
    assert!(matches!(get(quick).await, Err(HttpFailed::TimedOut { .. })));
    op.behave(Keys::Failing);
    let answer = get(Limits::default()).await.unwrap();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.json::<Value>().is_ok() && answer.json::<Vec<u8>>().is_err());
}

#[tokio::test]
async fn an_answer_is_one_object_and_says_nothing_twice() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Told {
        issuer: String,
    }
    let op = Op::start(&[]).await;
    let url = format!("{}/device", op.url);
    let mut answer = Http::new().get(&url, HeaderMap::new(), Limits::default()).await.unwrap();
    let mut told = |text: &'static str| {
        answer.body = text.into();
        answer.object::<Told>().ok().map(|it| it.issuer)
    };
    assert_eq!(told(r#"{"issuer": "a", "more": [1]}"#).as_deref(), Some("a"));
    for text in
        [r#"["a"]"#, r#"{"issuer": "a", "issuer": "b"}"#, r#"{"issuer": "a"} {}"#, "null", ""]
    {
        assert_eq!(told(text), None, "{text}");
    }
}

#[tokio::test]
async fn sends_forms_and_documents() {
    let op = Op::start(&[]).await;
    let http = Http::new();
    let url = format!("{}/device", op.url);
    let fields = [("a b", "c&d=\u{e9}"), ("e", "")];
    let answer = http.post_form(&url, HeaderMap::new(), &fields, Limits::default()).await.unwrap();
    assert_eq!(answer.json::<Value>().unwrap(), json!({}));
    let form = op.state.forms.lock().unwrap()[0].clone();
    assert_eq!((form["a b"].as_str(), form["e"].as_str()), ("c&d=\u{e9}", ""));

    let document = json!({"x": 1});
    for method in [Method::PUT, Method::DELETE, Method::POST] {
        let sent = http.send_json(method, &url, HeaderMap::new(), &document, Limits::default());
        assert_eq!(sent.await.unwrap().status, StatusCode::OK);
    }
    assert!(op.state.forms.lock().unwrap()[1].contains_key("{\"x\":1}"));
}
