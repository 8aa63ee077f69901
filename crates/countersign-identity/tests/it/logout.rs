//! Logout tokens: what ends a session, and every token that must not (OpenID Connect Back-Channel
//! Logout 1.0 §2.6).

use crate::{
    issuer::{Key, NOW, Op, TestClock, merged},
    signin::Stage,
};
use countersign_identity::{LogoutRefused, Use, UseOnce};
use countersign_model::{Timestamp, Whose};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A register in memory.
pub(crate) fn register() -> UseOnce {
    let used = Arc::new(Mutex::new(HashSet::new()));
    UseOnce::new(move |digest, _| {
        let first = used.lock().unwrap().insert(digest);
        async move { Ok(if first { Use::First } else { Use::Again }) }
    })
}

fn token(stage: &Stage, header: &Value, claims: &Value) -> String {
    let base = json!({
        "iss": stage.op.url, "aud": "web", "iat": NOW - 5, "exp": NOW + 115, "jti": "j1",
        "sub": "riley", "sid": "s1", "events": {EVENT: {}},
    });
    let header = merged(json!({"alg": "ES256", "kid": "ec", "typ": "logout+jwt"}), header);
    let claims = merged(base, claims);
    stage.key.token_of(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

fn whose(session: Option<&str>) -> Vec<Whose> {
    let issuer: Arc<str> = "acme".into();
    match session {
        Some(session) => vec![Whose::IssuerSession { issuer, session: session.into() }],
        None => vec![
            Whose::IssuerSubject { issuer, subject: "riley".into() },
            Whose::Subject("riley".into()),
        ],
    }
}

#[tokio::test]
async fn a_logout_ends_a_session_or_all_of_a_subject() {
    let stage = Stage::new(json!({})).await;
    let rows = [
        (json!({}), json!({}), whose(Some("s1"))),
        (json!({"typ": null}), json!({"sub": null}), whose(Some("s1"))),
        (json!({"typ": "JWT"}), json!({"sid": null}), whose(None)),
        (json!({"typ": "application/logout+jwt"}), json!({"aud": ["web", "x"]}), whose(Some("s1"))),
    ];
    for (header, claims, whose) in rows {
        let logout = stage.sign_in.judge_logout(&token(&stage, &header, &claims)).await.unwrap();
        assert_eq!(logout.whose, whose, "{header} {claims}");
        // The whole second in which it was issued is from before.
        assert_eq!(logout.before, Timestamp::from_millis((NOW - 4) * 1000));
        assert_eq!(&*logout.issuer, "acme");
    }
}

/// What makes it none: header and claims beside or instead of a good one's; and the code. The tests'
/// clock stands at 1800000000.
const NO_LOGOUT: &[(&str, &str, &str, &str)] = &[
    ("another issuer", "{}", r#"{"iss": "https://evil.example"}"#, "issuer_unknown"),
    ("issuer with a slash", "{}", r#"{"iss": "{url}/"}"#, "issuer_unknown"),
    ("another client", "{}", r#"{"aud": "other"}"#, "audience_mismatch"),
    ("for the gateway's API", "{}", r#"{"aud": "https://gateway.example"}"#, "audience_mismatch"),
    ("an access token", r#"{"typ": "at+jwt"}"#, "{}", "token_type_not_accepted"),
    ("a security event", r#"{"typ": "secevent+jwt"}"#, "{}", "token_type_not_accepted"),
    (
        "an ID token",
        r#"{"typ": "JWT"}"#,
        r#"{"events": null, "nonce": "n"}"#,
        "logout_event_missing",
    ),
    ("another event", "{}", r#"{"events": {"https://other": {}}}"#, "logout_event_missing"),
    (
        "events are no object",
        "{}",
        r#"{"events": ["http://schemas.openid.net/event/backchannel-logout"]}"#,
        "logout_event_missing",
    ),
    (
        "the event is no object",
        "{}",
        r#"{"events": {"http://schemas.openid.net/event/backchannel-logout": true}}"#,
        "logout_event_missing",
    ),
    ("a nonce", "{}", r#"{"nonce": "n1"}"#, "nonce_not_allowed"),
    ("an empty nonce", "{}", r#"{"nonce": ""}"#, "nonce_not_allowed"),
    ("nobody", "{}", r#"{"sub": null, "sid": null}"#, "sub_and_sid_missing"),
    ("an empty session", "{}", r#"{"sid": ""}"#, "claim_invalid"),
    ("a session that is a number", "{}", r#"{"sid": 7}"#, "claim_invalid"),
    ("no jti", "{}", r#"{"jti": null}"#, "jti_missing"),
    ("no iat", "{}", r#"{"iat": null}"#, "claim_invalid"),
    ("no exp", "{}", r#"{"exp": null}"#, "expiry_missing"),
    ("expired", "{}", r#"{"exp": 1799999939}"#, "token_expired"),
    ("from the future", "{}", r#"{"iat": 1800000090}"#, "token_not_yet_valid"),
    ("stale", "{}", r#"{"iat": 1799999339, "exp": 1800000900}"#, "logout_too_old"),
    ("no algorithm", r#"{"alg": "none"}"#, "{}", "algorithm_not_allowed"),
    ("a shared secret", r#"{"alg": "HS256"}"#, "{}", "algorithm_not_allowed"),
    ("an algorithm that is not listed", r#"{"alg": "RS512"}"#, "{}", "algorithm_not_allowed"),
    ("an unknown key", r#"{"kid": "other"}"#, "{}", "key_unknown"),
];

#[tokio::test]
async fn believes_no_logout_token_that_is_not_one() {
    let stage = Stage::new(json!({})).await;
    for (name, header, claims, expect) in NO_LOGOUT {
        let claims = claims.replace("{url}", &stage.op.url);
        let [header, claims] =
            [*header, claims.as_str()].map(|it| serde_json::from_str(it).unwrap());
        let token = token(&stage, &header, &claims);
        let refused = stage.sign_in.judge_logout(&token).await.unwrap_err();
        assert_eq!(refused.code(), *expect, "{name}");
        assert!(!refused.is_passing(), "{name}");
    }
    let forged = Key::ec("ec");
    let stranger = Stage { key: forged, ..Stage::new(json!({})).await };
    let good = token(&stage, &json!({}), &json!({}));
    let signature = token(&stranger, &json!({}), &json!({})).rsplit('.').next().unwrap().to_owned();
    let (signed, _) = good.rsplit_once('.').unwrap();
    let refused = stage.sign_in.judge_logout(&format!("{signed}.{signature}")).await.unwrap_err();
    assert_eq!(refused.code(), "signature_invalid");
    for nonsense in ["", "x", "a.b.c", &"x".repeat(20_000)] {
        assert!(stage.sign_in.judge_logout(nonsense).await.is_err());
    }
}

#[tokio::test]
async fn a_logout_token_is_used_once_and_after_what_it_says_was_done() {
    let stage = Stage::new(json!({})).await;
    let (once, sent) = (register(), token(&stage, &json!({}), &json!({})));
    let logout = stage.sign_in.judge_logout(&sent).await.unwrap();
    // Judging uses nothing up.
    assert_eq!(stage.sign_in.judge_logout(&sent).await.unwrap(), logout);
    logout.used(&once).await.unwrap();
    let again = stage.sign_in.judge_logout(&sent).await.unwrap().used(&once).await.unwrap_err();
    assert_eq!(again.code(), "token_used");
    // Another one with the same jti is the same; that of another issuer is not.
    let changed = token(&stage, &json!({}), &json!({"sid": "s2"}));
    let refused = stage.sign_in.judge_logout(&changed).await.unwrap().used(&once).await;
    assert!(matches!(refused, Err(LogoutRefused::Used)));
    let other = Stage::new(json!({})).await;
    let logout = other.sign_in.judge_logout(&token(&other, &json!({}), &json!({}))).await.unwrap();
    logout.used(&once).await.unwrap();
}

#[tokio::test]
async fn while_the_issuers_keys_cant_be_had_a_logout_can_be_sent_again() {
    let (key, clock) = (Key::ec("ec"), TestClock::new());
    let op = Op::start(&[&key]).await;
    op.behave(crate::issuer::Keys::Failing);
    let config = json!({"sign_in": {"client_id": "web"}});
    let verifier = op.verifier(&config, &clock);
    let sign_in = countersign_identity::SignIn::new(&verifier, "acme", |_| None).unwrap();
    let stage = Stage { op, key, clock, sign_in };
    let sent = token(&stage, &json!({}), &json!({}));
    let refused = stage.sign_in.judge_logout(&sent).await.unwrap_err();
    assert_eq!(refused.code(), "issuer_unreachable");
    assert!(refused.is_passing());
}
