//! Keys that come, go, and cannot be had; and what strangers can make the gateway fetch.

use crate::issuer::{Key, Keys, Op, TestClock};
use countersign_identity::{Blame, Verifier};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinSet;

async fn code(verifier: &Verifier, token: &str) -> &'static str {
    match verifier.identify(token).await {
        Ok(_) => "accepted",
        Err(refused) => refused.code(),
    }
}

fn token(op: &Op, key: &Key) -> String {
    key.token(&op.url, &json!({}), &json!({"exp": crate::issuer::NOW + 1_000_000}))
}

fn with_kid(op: &Op, key: &Key, kid: &str) -> String {
    key.token(&op.url, &json!({ "kid": kid }), &json!({}))
}

/// Waits until the server has seen so many readings; a background reading has no other sign.
async fn readings(op: &Op, count: usize) {
    for _ in 0..500 {
        if op.key_readings() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} readings, {count} expected", op.key_readings());
}

/// Waits until a background reading has been taken in.
async fn keys_read_at(verifier: &Verifier, seconds: i64) {
    for _ in 0..500 {
        if verifier.status()[0].read_at.is_some_and(|it| it.seconds() >= seconds) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("keys were not read: {:?}", verifier.status());
}

#[tokio::test]
async fn a_new_key_is_found_when_it_is_first_named() {
    let (old, new, clock) = (Key::ec("old"), Key::ec("new"), TestClock::new());
    let op = Op::start(&[&old]).await;
    let verifier = op.verifier(&json!({}), &clock);
    assert_eq!(code(&verifier, &token(&op, &old)).await, "accepted");
    assert_eq!(op.key_readings(), 1);
    op.publish(&[&old, &new]);
    assert_eq!(code(&verifier, &token(&op, &new)).await, "accepted");
    assert_eq!(code(&verifier, &token(&op, &old)).await, "accepted");
    assert_eq!(op.key_readings(), 2);
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_time_and_with_its_key() {
    let (one, two, clock) = (Key::ec("one"), Key::ec("two"), TestClock::new());
    let op = Op::start(&[&one, &two]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let short = one.token(&op.url, &json!({}), &json!({}));
    let (long, other) = (token(&op, &one), token(&op, &two));
    for token in [&short, &long, &other] {
        assert_eq!(code(&verifier, token).await, "accepted");
    }
    clock.advance(359);
    assert_eq!(code(&verifier, &short).await, "accepted");
    clock.advance(1);
    assert_eq!(code(&verifier, &short).await, "token_expired");
    assert_eq!(code(&verifier, &short).await, "token_expired");

    // The key leaves; the schedule notices by use, without any call that waits.
    op.publish(&[&two]);
    clock.advance(240);
    assert_eq!(code(&verifier, &long).await, "accepted");
    readings(&op, 2).await;
    keys_read_at(&verifier, crate::issuer::NOW + 600).await;
    assert_eq!(code(&verifier, &long).await, "key_unknown");
    assert_eq!(code(&verifier, &other).await, "accepted");

    // An empty set is a set: the issuer takes everything back.
    op.publish(&[]);
    clock.advance(600);
    assert_eq!(code(&verifier, &other).await, "accepted");
    keys_read_at(&verifier, crate::issuer::NOW + 1200).await;
    assert_eq!(code(&verifier, &other).await, "key_unknown");
}

#[tokio::test]
async fn a_storm_of_unknown_keys_makes_one_reading_in_ten_seconds() {
    let (key, clock) = (Key::ec("known"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &clock);
    assert_eq!(code(&verifier, &token(&op, &key)).await, "accepted");
    for round in 0..3 {
        let mut storm = JoinSet::new();
        for number in 0..200 {
            let forged = with_kid(&op, &key, &format!("unknown {round} {number}"));
            let verifier = verifier.clone();
            storm.spawn(async move { code(&verifier, &forged).await });
        }
        while let Some(found) = storm.join_next().await {
            assert_eq!(found.unwrap(), "key_unknown");
        }
        assert_eq!(op.key_readings(), 2 + round);
        clock.advance(10);
    }
    assert_eq!(code(&verifier, &token(&op, &key)).await, "accepted");
}

#[tokio::test]
async fn all_who_wait_share_one_reading_and_not_too_many_wait() {
    let (key, clock) = (Key::ec("known"), TestClock::new());
    let op = Op::start(&[&key]).await;
    op.behave(Keys::Gated);
    let verifier = op.verifier(&json!({}), &clock);
    let mut calls = JoinSet::new();
    for number in 0..300 {
        let (verifier, token) =
            (verifier.clone(), key.token(&op.url, &json!({}), &json!({"jti": number})));
        calls.spawn(async move { code(&verifier, &token).await });
    }
    // Places for 256; the others are told at once.
    for _ in 0..44 {
        assert_eq!(calls.join_next().await.unwrap().unwrap(), "issuer_unreachable");
    }
    readings(&op, 1).await;
    op.state.gate.send_replace(true);
    while let Some(found) = calls.join_next().await {
        assert_eq!(found.unwrap(), "accepted");
    }
    assert_eq!(op.key_readings(), 1);
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_spoil_it_for_others() {
    let (key, clock) = (Key::ec("known"), TestClock::new());
    let op = Op::start(&[&key]).await;
    op.behave(Keys::Gated);
    let verifier = op.verifier(&json!({}), &clock);
    let good = token(&op, &key);
    let first = tokio::spawn({
        let (verifier, good) = (verifier.clone(), good.clone());
        async move { code(&verifier, &good).await }
    });
    readings(&op, 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    op.state.gate.send_replace(true);
    assert_eq!(code(&verifier, &good).await, "accepted");
    assert_eq!(op.key_readings(), 1);
}

#[tokio::test]
async fn broken_key_sets_are_no_key_sets() {
    let faults = [
        (Keys::Failing, "503"),
        (Keys::Huge, "longer than 524288 bytes"),
        (Keys::Redirecting, "302"),
        (Keys::Nonsense, "without a list of keys"),
    ];
    for (behaviour, expect) in faults {
        let (key, clock) = (Key::ec("known"), TestClock::new());
        let op = Op::start(&[&key]).await;
        op.behave(behaviour.clone());
        let verifier = op.verifier(&json!({}), &clock);
        let refused = verifier.identify(&token(&op, &key)).await.unwrap_err();
        assert_eq!(refused.code(), "issuer_unreachable", "{behaviour:?}");
        assert_eq!(refused.blame(), Blame::Issuer);
        assert_eq!(refused.challenge_error(), None);
        assert!(refused.detail().contains(expect), "{behaviour:?}: {}", refused.detail());
        // Once it is well again, so is the gateway, without a restart.
        op.behave(Keys::Published);
        clock.advance(10);
        assert_eq!(code(&verifier, &token(&op, &key)).await, "accepted", "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_slow_issuer_is_given_up_in_time() {
    let (key, clock) = (Key::ec("known"), TestClock::new());
    let op = Op::start(&[&key]).await;
    op.behave(Keys::Gated);
    let verifier = op.verifier(&json!({}), &clock);
    let refused = tokio::time::timeout(Duration::from_secs(9), async {
        verifier.identify(&token(&op, &key)).await.unwrap_err()
    });
    let refused = refused.await.unwrap();
    assert_eq!(refused.code(), "issuer_unreachable");
    assert!(refused.detail().contains("did not answer within 5000 ms"), "{}", refused.detail());
}

#[tokio::test]
async fn known_keys_outlive_their_issuer_for_a_day() {
    let (key, other, clock) = (Key::ec("known"), Key::ec("new"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let remembered = token(&op, &key);
    assert_eq!(code(&verifier, &remembered).await, "accepted");
    op.behave(Keys::Failing);
    clock.advance(23 * 3600);
    assert_eq!(code(&verifier, &remembered).await, "accepted");
    let fresh = key.token(&op.url, &json!({}), &json!({"exp": crate::issuer::NOW + 900_000}));
    assert_eq!(code(&verifier, &fresh).await, "accepted");
    assert_eq!(code(&verifier, &token(&op, &other)).await, "issuer_unreachable");
    clock.advance(3600);
    assert_eq!(code(&verifier, &remembered).await, "issuer_unreachable");
    assert_eq!(code(&verifier, &fresh).await, "issuer_unreachable");
    assert!(!verifier.status()[0].usable);

    op.behave(Keys::Published);
    clock.advance(30);
    assert_eq!(code(&verifier, &remembered).await, "accepted");
    assert!(verifier.status()[0].usable);
}

#[tokio::test]
async fn an_issuer_that_is_down_does_not_stop_the_start() {
    let (key, clock) = (Key::ec("known"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let gone = Op::start(&[&key]).await;
    let mut second = gone.config(&json!({"name": "gone"}));
    second.claims.subject_prefix = "gone:".into();
    let stale = token(&gone, &key);
    drop(gone);
    let configs = vec![op.config(&json!({})), second];
    let verifier =
        Verifier::new(configs, countersign_identity::Http::new(), clock.clock()).unwrap();
    verifier.warm_up();
    assert_eq!(code(&verifier, &token(&op, &key)).await, "accepted");
    assert_eq!(code(&verifier, &stale).await, "issuer_unreachable");
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_is_refused() {
    let (key, clock) = (Key::ec("known"), TestClock::new());
    let op = Op::start(&[&key]).await;
    *op.state.discovery.lock().unwrap() = json!({"issuer": "http://evil.example"});
    let verifier = op.verifier(&json!({}), &clock);
    let refused = verifier.identify(&token(&op, &key)).await.unwrap_err();
    assert_eq!(refused.code(), "issuer_unreachable");
    assert!(refused.detail().contains("names another issuer"), "{}", refused.detail());
    assert_eq!(op.key_readings(), 0);

    // Without discovery, the configured place is used and the document is not asked for.
    let direct = json!({"jwks_url": format!("{}/keys", op.url)});
    assert_eq!(code(&op.verifier(&direct, &clock), &token(&op, &key)).await, "accepted");

    // A key set in clear text on another host is not fetched.
    *op.state.discovery.lock().unwrap() = json!({"jwks_uri": "http://keys.example/keys"});
    let refused = op.verifier(&json!({}), &clock).identify(&token(&op, &key)).await.unwrap_err();
    assert!(refused.detail().contains("plain http"), "{}", refused.detail());
}

/// An answer that takes no time: nothing was waited for.
async fn at_once(verifier: &Verifier, token: &str) -> &'static str {
    let answered = tokio::time::timeout(Duration::from_secs(2), code(verifier, token)).await;
    answered.unwrap_or("waited")
}

#[tokio::test]
async fn while_the_keys_are_read_again_calls_with_known_keys_go_on() {
    let (key, other, clock) = (Key::ec("known"), Key::ec("new"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let warm = token(&op, &key);
    assert_eq!(code(&verifier, &warm).await, "accepted");
    op.behave(Keys::Gated);
    clock.advance(600);
    for number in 0..50 {
        assert_eq!(at_once(&verifier, &warm).await, "accepted");
        let exp = crate::issuer::NOW + 1_000_000;
        let cold = key.token(&op.url, &json!({}), &json!({"exp": exp, "jti": number}));
        assert_eq!(at_once(&verifier, &cold).await, "accepted");
    }
    readings(&op, 2).await;
    // Who names an unknown key waits for that one reading, and does not begin another.
    let waits = tokio::spawn({
        let (verifier, unknown) = (verifier.clone(), token(&op, &other));
        async move { code(&verifier, &unknown).await }
    });
    assert_eq!(at_once(&verifier, &warm).await, "accepted");
    op.state.gate.send_replace(true);
    assert_eq!(waits.await.unwrap(), "key_unknown");
    assert_eq!(op.key_readings(), 2);
}

#[tokio::test]
async fn a_clock_that_steps_lets_known_keys_go_on_and_unknown_ones_never_pass() {
    const DAY: i64 = 86_400;
    for step in [-30 * DAY, -DAY, -3_600, -15, 15, 3_600, 20 * 3_600, 2 * DAY, 30 * DAY] {
        let (key, new, never) = (Key::ec("known"), Key::ec("new"), Key::ec("never"));
        let clock = TestClock::new();
        let op = Op::start(&[&key]).await;
        let verifier = op.verifier(&json!({}), &clock);
        // Good from the first second to the last that the clock could come to.
        let long = |key: &Key| {
            let times = json!({"exp": crate::issuer::NOW + 60 * DAY, "nbf": 0, "iat": 0});
            key.token(&op.url, &json!({}), &times)
        };
        assert_eq!(code(&verifier, &long(&key)).await, "accepted");
        clock.advance(step);
        op.publish(&[&key, &new]);
        for _ in 0..20 {
            assert_eq!(code(&verifier, &long(&key)).await, "accepted", "{step}");
        }
        // A new key is found when it is named, whatever the clock says of the last reading.
        assert_eq!(code(&verifier, &long(&new)).await, "accepted", "{step}");
        for _ in 0..50 {
            assert_eq!(code(&verifier, &long(&never)).await, "key_unknown", "{step}");
        }
        assert!(op.key_readings() <= 3, "{step}: {} readings", op.key_readings());
        // And back again.
        clock.advance(-step);
        assert_eq!(code(&verifier, &long(&key)).await, "accepted", "{step}");
        assert_eq!(code(&verifier, &long(&never)).await, "key_unknown", "{step}");
        assert!(op.key_readings() <= 5, "{step}: {} readings", op.key_readings());
    }
}

#[tokio::test]
async fn a_key_set_that_trickles_is_given_up_in_time_and_bytes() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}/keys", listener.local_addr().unwrap());
    let slow = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(stream.read(&mut [0; 1024]).await);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{\"keys\":[";
        stream.write_all(head).await.unwrap();
        let mut sent = 0_usize;
        while stream.write_all(b" ").await.is_ok() && stream.flush().await.is_ok() {
            sent += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        sent
    });
    let (key, clock) = (Key::ec("known"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({ "jwks_url": place }), &clock);
    let began = tokio::time::timeout(Duration::from_secs(9), async {
        verifier.identify(token(&op, &key).as_str()).await.unwrap_err()
    });
    let refused = began.await.unwrap();
    assert_eq!(refused.code(), "issuer_unreachable");
    assert!(refused.detail().contains("within 5000 ms"), "{}", refused.detail());
    let sent = tokio::time::timeout(Duration::from_secs(5), slow).await.unwrap().unwrap();
    assert!(sent < 100, "the connection was cut: {sent} bytes were taken");
}

#[tokio::test]
async fn a_key_that_is_taken_back_ends_its_tokens_and_a_race_revives_none() {
    let (old, new, clock) = (Key::ec("old"), Key::ec("new"), TestClock::new());
    let op = Op::start(&[&old]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let stale = token(&op, &old);
    assert_eq!(code(&verifier, &stale).await, "accepted");
    op.publish(&[&new]);
    // Many at once make the gateway read the keys again, while the old key is still being used.
    let mut race = JoinSet::new();
    for number in 0..200 {
        let verifier = verifier.clone();
        let exp = crate::issuer::NOW + 1_000_000;
        let (key, expected) = if number % 2 == 0 { (&new, "accepted") } else { (&old, "old") };
        let token = key.token(&op.url, &json!({}), &json!({"exp": exp, "jti": number}));
        race.spawn(async move { (code(&verifier, &token).await, expected) });
    }
    while let Some(found) = race.join_next().await {
        let (found, expected) = found.unwrap();
        // Until the new keys are in force the old one is good; afterwards never again.
        let old = expected == "old" && ["accepted", "key_unknown"].contains(&found);
        assert!(old || found == expected, "{found}, {expected}");
    }
    assert_eq!(code(&verifier, &stale).await, "key_unknown");
    assert_eq!(op.key_readings(), 2);
}
