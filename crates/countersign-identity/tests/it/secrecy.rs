//! No token, code or secret is ever printed.

use crate::issuer::{Key, Keys, Op, TestClock};
use countersign_identity::{Hidden, Http, Limits, TokenSet};
use countersign_model::Timestamp;
use http::HeaderMap;
use serde_json::json;
use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_prints_a_token() {
    let log = Log::default();
    let sink = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || sink.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let (key, evil, clock) = (Key::ec("k"), Key::ec("k"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let good = key.token(&op.url, &json!({}), &json!({}));
    let proved = verifier.identify(&good).await.unwrap();
    let mut printed = format!("{proved:?} {verifier:?} {:?}", verifier.status());

    op.behave(Keys::Failing);
    let mut tokens = vec![good];
    for (header, claims) in [
        (json!({"alg": "none"}), json!({})),
        (json!({"kid": "unknown"}), json!({})),
        (json!({"crit": ["x"]}), json!({})),
        (json!({"typ": "JWT"}), json!({})),
        (json!({}), json!({"iss": "https://other.example"})),
        (json!({}), json!({"aud": "other"})),
        (json!({}), json!({"exp": 1})),
        (json!({}), json!({"sub": 7})),
        (json!({}), json!({})),
    ] {
        let token = evil.token(&op.url, &header, &claims);
        let refused = verifier.identify(&token).await.unwrap_err();
        printed += &format!("{refused} {refused:?} {} {}", refused.sentence(), refused.detail());
        tokens.push(token);
    }
    let set = TokenSet {
        scheme: Default::default(),
        access_token: Hidden::new(tokens[0].clone()),
        refresh_token: Some(Hidden::new("r3fresh")),
        id_token: Some(Hidden::new(tokens[1].clone())),
        scope: None,
        expires_at: Timestamp::from_millis(0),
    };
    let (http, url) = (Http::new(), format!("{}/keys-elsewhere", op.url));
    let answer = http.get(&url, HeaderMap::new(), Limits::default()).await.unwrap();
    printed += &format!("{set:?} {:?} {answer:?}", Hidden::new("r3fresh"));
    drop(guard);
    printed += &String::from_utf8(log.0.lock().unwrap().clone()).unwrap();

    assert!(printed.contains("issuer keys not read"), "the log was captured");
    assert!(!printed.contains("r3fresh"), "{printed}");
    for token in &tokens {
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!printed.contains(part), "{printed}");
        }
    }
}
