//! Sessions that end before their tokens do.

use crate::issuer::{Key, NOW, Op, TestClock};
use countersign_model::{CutOffs, Timestamp, Whose};
use serde_json::{Value, json};
use std::sync::Arc;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn session(sid: &str) -> Whose {
    Whose::IssuerSession { issuer: "acme".into(), session: sid.into() }
}

fn subject(sub: &str) -> Whose {
    Whose::IssuerSubject { issuer: "acme".into(), subject: sub.into() }
}

#[tokio::test]
async fn a_token_of_a_session_that_ended_is_refused_warm_and_cold() {
    let (key, clock) = (Key::ec("ec"), TestClock::new());
    let op = Op::start(&[&key]).await;
    // The claim that names the subject is another one than `sub`, as with many providers.
    let mapped = json!({"claims": {"subject": "upn", "subject_prefix": "acme:"}});
    let token = |claims: &Value| {
        let mut all = json!({"sub": "00u1", "upn": "riley", "sid": "s1", "iat": NOW - 60});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        key.token(&op.url, &json!({}), &all)
    };
    let old = token(&json!({}));
    let newer = token(&json!({"iat": NOW - 10}));
    let undated = token(&json!({"iat": null}));
    let by_agent = token(&json!({"act": {"sub": "dunning"}}));
    let rows = [
        ("by sid", session("s1"), &old, true),
        ("by another sid", session("s2"), &old, false),
        ("by sub", subject("00u1"), &old, true),
        ("by what sub is mapped to", subject("riley"), &old, false),
        ("by the mapped subject", Whose::Subject("acme:riley".into()), &old, true),
        ("by an actor", Whose::Subject("acme:dunning".into()), &by_agent, true),
        ("issued later", session("s1"), &newer, false),
        ("issued nobody knows when", session("s1"), &undated, true),
    ];
    for (name, whose, token, ends) in rows {
        let warm = op.verifier(&mapped, &clock);
        let proved = warm.identify(token).await.unwrap();
        assert_eq!(warm.still_holds(&proved), Ok(()), "{name}");
        let cut_offs = Arc::new(CutOffs::default().with([(whose, at(NOW - 30))]));
        warm.end_sessions(Arc::clone(&cut_offs));
        let cold = op.verifier(&mapped, &clock);
        cold.end_sessions(cut_offs);
        let expected = if ends { "session_ended" } else { "accepted" };
        for (verifier, temperature) in [(&warm, "warm"), (&cold, "cold"), (&cold, "again")] {
            let said = verifier.identify(token).await.map_or_else(|it| it.code(), |_| "accepted");
            assert_eq!(said, expected, "{name}, {temperature}");
        }
        let held = warm.still_holds(&proved).map_or_else(|it| it.code(), |()| "accepted");
        assert_eq!(held, expected, "{name}, a call that was held");
        let explained = cold.explain(token).await.outcome;
        assert_eq!(explained.map_or_else(|it| it.code(), |_| "accepted"), expected, "{name}");
        // Cut-offs that are gone are gone.
        warm.end_sessions(Arc::default());
        assert!(warm.identify(token).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn subjects_are_found_by_sub_or_address_only_where_those_name_them() {
    let (key, clock) = (Key::ec("ec"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let check = |changes: Value, sub: Option<&str>, email: Option<&str>| {
        let verifier = op.verifier(&changes, &clock);
        let text = |found: Option<countersign_model::Subject>| found.map(|it| it.to_string());
        assert_eq!(text(verifier.subject_of("acme", "riley")).as_deref(), sub, "{changes}");
        let found = text(verifier.subject_of_email("acme", "riley@acme.example"));
        assert_eq!(found.as_deref(), email, "{changes}");
        assert_eq!(verifier.subject_of("other", "riley"), None);
        assert_eq!(verifier.subject_of("acme", " riley"), None);
    };
    check(json!({}), Some("riley"), None);
    check(json!({"claims": {"subject_prefix": "acme:"}}), Some("acme:riley"), None);
    check(json!({"claims": {"subject": "email"}}), None, Some("riley@acme.example"));
    check(json!({"claims": {"subject": "oid"}}), None, None);
}
