//! The five answers, from token to ledger.

use crate::lab::Lab;
use countersign_model::{Reason, Verdict, record::Event};
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;

const AGENT: &str = "agent:dunning";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_granted_call_is_forwarded_masked_and_recorded() {
    let lab = Lab::new().await;
    let grant = lab.grant(AGENT, &["billing.customers.get"]).await;
    let answer = lab.get("/t/billing/v1/customers/c_81", AGENT).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.code(), "granted");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.contains("c_81") && text.contains("[redacted]"), "{text}");
    assert!(!text.contains('@'), "an address came through: {text}");
    assert_eq!(lab.world.billing.counters().calls_total(), 1);

    let world = lab.stop().await;
    let events: Vec<Event> = world.entries().into_iter().map(|it| it.event).collect();
    let intent = events.iter().find_map(|it| match it {
        Event::CallIntent(intent) => Some(intent),
        _ => None,
    });
    let intent = intent.unwrap();
    assert_eq!(intent.who.subject.as_str(), AGENT);
    assert_eq!(intent.grants, [grant.reference()]);
    let outcome = events.iter().find_map(|it| match it {
        Event::CallOutcome(outcome) => Some(outcome),
        _ => None,
    });
    let outcome = outcome.unwrap();
    assert_eq!((outcome.call, outcome.status, outcome.reason), (intent.call, 200, Reason::Granted));
    assert!(outcome.masked > 0 && outcome.recording.is_some());
    let verified = countersign_ledger::verify(&world.ledger_directory(), &Default::default());
    assert!(verified.is_ok(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_granted_does_not_run() {
    let lab = Lab::new().await;
    let answer = lab.get("/t/billing/v1/customers/c_81", AGENT).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "no_grant"));
    let problem = answer.json();
    assert!(problem["detail"].as_str().unwrap().contains("no grant"));
    assert!(problem["next_step"].as_str().unwrap().contains("olivia@acme.example"));
    assert_eq!(lab.world.billing.counters().calls_total(), 0);
    let world = lab.stop().await;
    let refused = world.entries().into_iter().any(
        |it| matches!(it.event, Event::CallRefused(refused) if refused.reason == Reason::NoGrant),
    );
    assert!(refused, "the refusal is not in the ledger");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_call_runs_once_a_human_says_yes() {
    let lab = Arc::new(Lab::new().await);
    lab.grant(AGENT, &["billing.refunds.create"]).await;
    let refund = json!({"customer": "c_81", "amount": 250, "currency": "EUR", "reason": "broken"});
    let caller = {
        let (lab, refund) = (Arc::clone(&lab), refund.clone());
        tokio::spawn(async move { lab.post("/t/billing/v1/refunds", AGENT, &refund).await })
    };
    let approval = loop {
        let waiting = lab.governance.approvals(&Default::default()).await.unwrap();
        if let Some(approval) = waiting.into_iter().next() {
            break approval;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert_eq!(lab.world.billing.counters().refunds_executed, 0);
    let amir = lab.actor("amir@acme.example");
    lab.governance.vote(&amir, approval.id, Verdict::Approve, "fine").await.unwrap();
    let answer = caller.await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(answer.code(), "approved");
    assert_eq!(lab.world.billing.counters().refunds_executed, 1);
    let after = lab.governance.approval(approval.id).await.unwrap().unwrap();
    assert_eq!(after.state.name(), "executed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_does_not_wait_is_told_where_to_ask() {
    let lab = Lab::new().await;
    lab.grant(AGENT, &["billing.refunds.create"]).await;
    let refund = json!({"customer": "c_81", "amount": 250, "currency": "EUR", "reason": "broken"});
    let request = lab
        .request(http::Method::POST, "/t/billing/v1/refunds", AGENT)
        .header("content-type", "application/json")
        .header("prefer", "wait=0")
        .body(refund.to_string().into())
        .unwrap();
    let answer = lab.send(request).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::FORBIDDEN, "approval_required")
    );
    let problem = answer.json();
    assert!(problem["type"].as_str().unwrap().ends_with("/approval-required"));
    let url = problem["approval_url"].as_str().unwrap();
    assert!(url.starts_with("http://gateway.test/console/approvals/apr_"), "{url}");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(lab.world.billing.counters().calls_total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overdue_grant_holds_and_bad_arguments_are_refused() {
    let lab = Lab::new().await;
    lab.uncertified(AGENT, &["billing.refunds.create"], &[]).await;
    let request = |body: serde_json::Value| {
        lab.request(http::Method::POST, "/t/billing/v1/refunds", AGENT)
            .header("content-type", "application/json")
            .header("prefer", "wait=0")
            .body(body.to_string().into())
            .unwrap()
    };
    let refund = json!({"customer": "c_81", "amount": 2, "currency": "EUR", "reason": "broken"});
    let answer = lab.send(request(refund)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "grant_overdue"));
    let answer = lab.send(request(json!({"customer": "c_81", "amount": "a lot"}))).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "arguments_invalid")
    );
}
