//! How long a caller waits, how long an approval does, and what each is told.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_waits_as_long_as_it_asks_for_within_the_rules_time() {
    let lab = Arc::new(lab().await);
    let mut catalog = held_catalog(lab.world.targets);
    catalog.functions.get_mut(REFUND).unwrap().approval[0].wait = Some(Span::from_seconds(9));
    lab.apply(catalog).await;
    let call = Call::refund(&alice(&lab), 250);
    // A slow machine makes each a little longer, never shorter.
    let (none, some, all) = (0..3, 3..9, 9..60);
    let rows = [
        (Some("wait=0"), none.clone()),
        (Some("respond-async, Wait=3"), some.clone()),
        (Some("wait=3; x=y, wait=0"), some.clone()),
        (Some("return=minimal; wait=0, wait=\"3\""), some),
        (Some("wait=600"), all.clone()),
        (Some("wait=-1"), all.clone()),
        (None, all),
    ];
    // The first is alone: it opens the request that the others join, all at once.
    let mut ids = vec![held(&Call { prefer: rows[0].0, ..call.clone() }.send(&lab).await)];
    let began = Instant::now();
    let callers = rows.map(|(prefer, seconds)| {
        let (lab, call) = (Arc::clone(&lab), Call { prefer, ..call.clone() });
        let caller = tokio::spawn(async move { (call.send(&lab).await, began.elapsed()) });
        (prefer, seconds, caller)
    });
    for (prefer, seconds, caller) in callers {
        let (answer, took) = caller.await.unwrap();
        ids.push(held(&answer));
        assert!(seconds.contains(&took.as_secs()), "{prefer:?} took {took:?}");
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "each repeat joins the same request");
    assert_eq!(paid(&lab), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_caller_is_told_where_when_and_what() {
    let lab = lab().await;
    let answer = Call::refund(&alice(&lab), 250).at_once().send(&lab).await;
    let id = held(&answer);
    let problem = answer.json();
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["retry-after"], "5");
    assert_eq!(problem["type"], "https://countersign.dev/problems/approval-required");
    assert_eq!(problem["status"], 403);
    assert_eq!(problem["approval"], id.to_string());
    assert_eq!(problem["approval_url"], format!("http://gateway.test/console/approvals/{id}"));
    assert_eq!(problem["function"], REFUND);
    let answer_by = lab.governance.approval(id).await.unwrap().unwrap().answer_by;
    assert_eq!(problem["answer_by"], answer_by.to_string());
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.ends_with("It waits for the group finance-approvers."), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_after_the_caller_hung_up_waits_for_its_repeat() {
    let lab = Arc::new(lab().await);
    let call = Call::refund(&alice(&lab), 250);
    let caller = call.spawn(&lab);
    waiting(&lab, 1).await;
    let id = pending(&lab).await.id;
    caller.abort();
    waiting(&lab, 0).await;
    approve(&lab, AMIR, id).await;
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "approved"));
    ran_as(&call.at_once().send(&lab).await, "approved");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "executed"));
    assert_ne!(call.held(&lab).await, id);
    assert_eq!(paid(&lab), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hoop_r06_no_answer_in_time_is_a_no() {
    let lab = Arc::new(lab().await);
    let call = Call::refund(&alice(&lab), 250);
    let caller = call.spawn(&lab);
    waiting(&lab, 1).await;
    let id = pending(&lab).await.id;
    lab.world.pass(WITHIN);
    let answer = soon("the answer", caller).await.unwrap();
    refused(&answer, StatusCode::FORBIDDEN, "approval_expired");
    assert!(answer.json()["detail"].as_str().unwrap().contains("Nobody approved"));
    let amir = lab.actor(AMIR);
    lab.governance.vote(&amir, id, Verdict::Approve, "").await.unwrap_err();
    assert_ne!(Call::refund(&alice(&lab), 250).held(&lab).await, id);
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "expired"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hoop_r05_r06_an_approval_ends_and_no_repeat_extends_it() {
    let lab = lab().await;
    let id = Call::refund(&alice(&lab), 250).held(&lab).await;
    lab.world.pass(Span::from_seconds(14 * 60));
    approve(&lab, AMIR, id).await;
    // Its time to be used counts from the approval.
    lab.world.pass(Span::from_seconds(14 * 60));
    assert_eq!(state(&lab, id).await, "approved");
    // Another caller's call changes nothing about it.
    let bob = token(&lab.world, BOB, json!({}));
    Call::refund(&bob, 250).held(&lab).await;
    lab.world.pass(Span::from_seconds(60));
    let again = Call::refund(&alice(&lab), 250).held(&lab).await;
    assert_ne!(again, id);
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "expired"));
}

/// The caller may withdraw what it asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_withdrawn_tells_who_waits() {
    let lab = Arc::new(lab().await);
    let caller = Call::refund(&alice(&lab), 250).spawn(&lab);
    waiting(&lab, 1).await;
    let id = pending(&lab).await.id;
    lab.governance.cancel_approval(id, &Subject::from(ALICE)).await.unwrap();
    let answer = soon("the answer", caller).await.unwrap();
    refused(&answer, StatusCode::FORBIDDEN, "approval_cancelled");
    assert_eq!(paid(&lab), 0);
}
