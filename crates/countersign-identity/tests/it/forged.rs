//! Forged tokens, many of them: what they cost, and whom they must not hurt.

use crate::issuer::{Key, NOW, Op, TestClock};
use countersign_identity::{ForgedCounts, Peer, Presented, ShownAs, Verifier};
use serde_json::json;
use std::net::IpAddr;

fn peer(last: u8) -> Option<Peer> {
    Some(Peer::of(IpAddr::from([192, 0, 2, last])))
}

async fn code(verifier: &Verifier, token: &str, from: Option<Peer>) -> &'static str {
    match verifier.identify(Presented::bearer(token).sent_by(from)).await {
        Ok(_) => "accepted",
        Err(refused) => refused.code(),
    }
}

fn token(op: &Op, key: &Key, number: usize) -> String {
    key.token(&op.url, &json!({}), &json!({"jti": number, "exp": NOW + 100_000}))
}

#[tokio::test]
async fn a_forged_token_is_checked_once_until_the_keys_change() {
    let (old, new, clock) = (Key::ec("one"), Key::ec("one"), TestClock::new());
    let op = Op::start(&[&old]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let (early, forged) = (token(&op, &new, 1), token(&op, &Key::ec("one"), 1));
    for token in [&early, &forged] {
        assert_eq!(code(&verifier, token, peer(1)).await, "signature_invalid");
        for last in 1..100 {
            assert_eq!(code(&verifier, token, peer(last)).await, "signature_invalid");
        }
    }
    assert_eq!(verifier.forged(), ForgedCounts { checked: 2, remembered: 198, ..<_>::default() });
    // Also where tokens are asked for.
    let refused = verifier.prove_party(&forged, ShownAs::AccessToken).await.unwrap_err();
    assert_eq!(refused.code(), "signature_invalid");
    assert_eq!(verifier.forged().remembered, 199);

    // The issuer changes its key under the same name: what was forged may be good now.
    op.publish(&[&new]);
    clock.advance(700);
    for _ in 0..500 {
        drop(verifier.identify(&token(&op, &old, 2)).await);
        if op.key_readings() >= 2 && code(&verifier, &early, peer(1)).await == "accepted" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(code(&verifier, &early, peer(1)).await, "accepted");
    let before = verifier.forged().checked;
    assert_eq!(code(&verifier, &forged, peer(2)).await, "signature_invalid");
    assert_eq!(verifier.forged().checked, before + 1, "judged anew by the new keys");
}

#[tokio::test]
async fn a_flood_stops_at_its_address_and_hurts_no_other() {
    let (key, evil, clock) = (Key::ec("one"), Key::ec("one"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let (warm, cold) = (token(&op, &key, 0), token(&op, &key, 1));
    assert_eq!(code(&verifier, &warm, peer(1)).await, "accepted");
    // What is wrong in another way is nobody's forgery.
    let ended = key.token(&op.url, &json!({}), &json!({"exp": NOW - 1000}));
    for _ in 0..1000 {
        assert_eq!(code(&verifier, &ended, peer(1)).await, "token_expired");
    }
    for number in 0..200 {
        let code = code(&verifier, &token(&op, &evil, number), peer(1)).await;
        assert_eq!(code, "signature_invalid", "{number}");
    }
    let one_more = Presented::bearer(&cold).sent_by(peer(1));
    let refused = verifier.identify(one_more).await.unwrap_err();
    assert_eq!(refused.code(), "too_many_forged");
    assert_eq!(refused.retry_after().map(|it| it.millis()), Some(50));
    assert_eq!(refused.challenge_error(), None, "nothing says that the token is bad");
    assert_eq!(verifier.forged().checked, 200);
    // Nothing that is signed is even read then; what says nothing by itself is another matter.
    assert_eq!(code(&verifier, "a.b.c", peer(1)).await, "too_many_forged");
    assert_eq!(code(&verifier, "a.b.c", peer(2)).await, "token_malformed");
    assert_eq!(code(&verifier, "no token", peer(1)).await, "token_malformed");
    assert_eq!(code(&verifier, &"x.".repeat(20_000), peer(1)).await, "token_too_large");

    assert_eq!(code(&verifier, &warm, peer(1)).await, "accepted");
    assert_eq!(code(&verifier, &cold, peer(2)).await, "accepted");
    // It is warm now, wherever it comes from.
    assert_eq!(code(&verifier, &cold, peer(1)).await, "accepted");
    clock.advance(1);
    assert_eq!(code(&verifier, &token(&op, &key, 2), peer(1)).await, "accepted");
}

#[tokio::test]
async fn many_addresses_together_leave_a_share_to_who_has_not_failed() {
    let (key, evil, clock) = (Key::ed("one"), Key::ed("one"), TestClock::new());
    let op = Op::start(&[&key]).await;
    let verifier = op.verifier(&json!({}), &clock);
    let mut number = 0;
    let mut checked = 0;
    for last in (0..20).cycle().take(4000) {
        number += 1;
        if code(&verifier, &token(&op, &evil, number), peer(last)).await == "signature_invalid" {
            checked += 1;
        }
    }
    assert_eq!(checked, 2000, "half of what all may together, at once");
    assert_eq!(code(&verifier, &token(&op, &key, 1), peer(1)).await, "too_many_forged");
    assert_eq!(code(&verifier, &token(&op, &key, 2), peer(99)).await, "accepted");
    let counts = verifier.forged();
    assert_eq!((counts.checked, counts.over_address + counts.over_all), (2000, 2001));
}
