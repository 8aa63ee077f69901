//! A1: an approval is for one call as it was shown, and what was shown is what runs.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_whatever_differs_asks_anew() {
    let lab = lab().await;
    let token = |subject, claims| token(&lab.world, subject, claims);
    let base = Call::refund(&alice(&lab), 250);
    let approved = base.held(&lab).await;
    approve(&lab, AMIR, approved).await;
    let user = token(ALICE, json!({"act": {"sub": AGENT}}));
    let others = [
        ("arguments", Call::refund(&base.token, 251)),
        ("caller", Call::refund(&token(BOB, json!({})), 250)),
        ("actors", Call::refund(&user, 250)),
        ("client", Call::refund(&token(ALICE, json!({"client_id": "other"})), 250)),
        ("target", Call::post(&base.token, "/t/twin/v1/refunds", &refund(250))),
    ];
    let mut seen = vec![approved];
    for (what, call) in others {
        let id = call.held(&lab).await;
        assert!(!seen.contains(&id), "another {what} shares an approval");
        seen.push(id);
    }
    assert_eq!(paid(&lab), 0);
    ran_as(&base.at_once().send(&lab).await, "approved");
    assert_eq!(paid(&lab), 1);
    assert!(!seen.contains(&base.held(&lab).await), "a used approval was joined");
    assert_eq!(paid(&lab), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hoop_r01_what_was_not_shown_does_not_run() {
    let lab = lab().await;
    let shown = Call::refund(&alice(&lab), 101);
    let id = shown.held(&lab).await;
    assert_eq!(approve(&lab, AMIR, id).await.call.shown["amount"], 101);
    for amount in [102, 1010, 5000] {
        assert_ne!(Call::refund(&shown.token, amount).held(&lab).await, id);
    }
    // Blocked by a rule, whatever was approved.
    let blocked = Call::refund(&shown.token, 5001).at_once().send(&lab).await;
    refused(&blocked, StatusCode::FORBIDDEN, "blocked_by_rule");
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "approved"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_the_stored_arguments_run_however_the_repeat_is_written() {
    let lab = lab().await;
    let token = alice(&lab);
    let written = |body: &str| Call {
        body: Some(body.to_owned()),
        ..Call::new(&token, Method::POST, "/t/slow/v1/echo")
    };
    let id = written(r#"{"b":{"y":1,"x":"é"},"a":[1.0,20]}"#).held(&lab).await;
    let again = written(" {\"a\" : [1, 2e1],\r\n \"b\" : {\"x\":\"\\u00e9\", \"y\":1.00} } ");
    assert_eq!(again.held(&lab).await, id, "the same arguments");
    assert_ne!(written(r#"{"b":{"y":1,"x":"é"},"a":[20,1]}"#).held(&lab).await, id);
    approve(&lab, AMIR, id).await;
    let answer = again.at_once().send(&lab).await;
    ran_as(&answer, "approved");
    let arrived = answer.json();
    let canonical = r#"{"a":[1,20],"b":{"x":"é","y":1}}"#;
    assert_eq!(arrived["body"].to_string(), canonical);
    assert_eq!(arrived["headers"]["content-length"][0], canonical.len().to_string());
    assert_eq!(lab.world.slow.counters().calls["POST /v1/echo"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_hoop_r07_both_ways_in_are_one_call() {
    let lab = lab().await;
    let token = alice(&lab);
    let own = Call::refund(&token, 250);
    let uniform = Call::post(&token, "/call/billing.refunds.create", &refund(250));
    let id = own.held(&lab).await;
    assert_eq!(uniform.held(&lab).await, id);
    approve(&lab, AMIR, id).await;
    ran_as(&uniform.at_once().send(&lab).await, "approved");
    assert_ne!(own.held(&lab).await, id);
    assert_eq!(paid(&lab), 1);
    // With the arguments in the path.
    let own = Call::new(&token, Method::DELETE, "/t/billing/v1/customers/c_7");
    let uniform = json!({"customer": "c_7"});
    let uniform = Call::post(&token, "/call/billing.customers.delete", &uniform);
    let id = uniform.held(&lab).await;
    assert_eq!(own.held(&lab).await, id);
    // A number in the query is the number of a uniform call.
    let own = Call::new(&token, Method::GET, "/t/slow/v1/sleep?ms=5");
    let uniform = Call::post(&token, "/call/slow.sleep", &json!({"ms": 5}));
    assert_eq!(own.held(&lab).await, uniform.held(&lab).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_another_contract_is_another_call() {
    let lab = Arc::new(lab().await);
    let call = Call::refund(&alice(&lab), 250);
    let caller = call.spawn(&lab);
    waiting(&lab, 1).await;
    let id = pending(&lab).await.id;
    let mut catalog = held_catalog(lab.world.targets);
    catalog.functions.get_mut(REFUND).unwrap().purpose = "Pay money back, twice".to_owned();
    lab.apply(catalog).await;
    approve(&lab, AMIR, id).await;
    let answer = soon("the answer", caller).await.unwrap();
    refused(&answer, StatusCode::FORBIDDEN, "approval_required");
    assert!(answer.json()["detail"].as_str().unwrap().contains("something else"));
    let other = call.held(&lab).await;
    assert_ne!(other, id);
    assert_eq!(paid(&lab), 0);
    approve(&lab, AMIR, other).await;
    ran_as(&call.at_once().send(&lab).await, "approved");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "approved"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_another_grant_is_another_call() {
    let lab = Arc::new(lab().await);
    let grant = lab.grant("u:carol", &[REFUND]).await;
    let call = Call::refund(&token(&lab.world, "u:carol", json!({})), 250);
    let caller = call.spawn(&lab);
    waiting(&lab, 1).await;
    let id = pending(&lab).await.id;
    lab.governance.revoke_grant(&lab.actor(SAM), grant.id, "replaced").await.unwrap();
    let answer = soon("the answer", caller).await.unwrap();
    refused(&answer, StatusCode::FORBIDDEN, "grant_revoked");
    lab.grant("u:carol", &[REFUND]).await;
    assert_ne!(call.held(&lab).await, id);
    assert_eq!(paid(&lab), 0);
}
