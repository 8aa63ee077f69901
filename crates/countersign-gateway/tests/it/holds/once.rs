//! A2: an approval is used once, whoever comes at the same moment.

use super::*;
use countersign_governance::ApprovalError;
use countersign_model::CallId;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a02_of_two_that_wait_one_runs() {
    let lab = Arc::new(lab().await);
    let call = Call::refund(&alice(&lab), 250);
    let callers = [call.spawn(&lab), call.spawn(&lab)];
    waiting(&lab, 2).await;
    let id = pending(&lab).await.id;
    approve(&lab, AMIR, id).await;
    let mut codes = Vec::new();
    for caller in callers {
        let answer = soon("the answer", caller).await.unwrap();
        if answer.status != StatusCode::CREATED {
            refused(&answer, StatusCode::FORBIDDEN, "approval_used");
        }
        codes.push(answer.code());
    }
    codes.sort();
    assert_eq!(codes, ["approval_used", "approved"]);
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "executed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a02_hoop_r08_of_many_repeats_at_once_one_runs() {
    let lab = Arc::new(lab().await);
    let call = Call::refund(&alice(&lab), 250).at_once();
    let id = call.held(&lab).await;
    approve(&lab, AMIR, id).await;
    let callers: Vec<_> = (0..20).map(|_| call.spawn(&lab)).collect();
    let mut ran = 0;
    for caller in callers {
        let answer = soon("the answer", caller).await.unwrap();
        match answer.code().as_str() {
            "approved" => ran += 1,
            "approval_used" => {}
            // It came after the use, and asks anew.
            "approval_required" => assert_ne!(held(&answer), id),
            other => panic!("{other}: {answer:?}"),
        }
    }
    assert_eq!((ran, paid(&lab), state(&lab, id).await), (1, 1, "executed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a02_two_approvers_at_once_let_it_run_once() {
    let lab = Arc::new(lab().await);
    let caller = Call::refund(&alice(&lab), 250).spawn(&lab);
    let id = pending(&lab).await.id;
    let votes = ["amir@acme.example", "finn@acme.example"].map(|name| {
        let lab = Arc::clone(&lab);
        tokio::spawn(async move {
            let person = person(&lab, name, &["finance-approvers"]);
            lab.governance.vote(&person, id, Verdict::Approve, "").await.map(drop)
        })
    });
    let mut taken = 0;
    for vote in votes {
        match vote.await.unwrap() {
            Ok(()) => taken += 1,
            Err(ApprovalError::Refused(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(taken, 1, "one yes was enough");
    ran_as(&soon("the answer", caller).await.unwrap(), "approved");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "executed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a02_a_second_redemption_is_refused() {
    let lab = lab().await;
    let call = Call::refund(&alice(&lab), 250);
    let id = call.held(&lab).await;
    let other = || CallId::new(lab.world.now(), lab.governance.entropy());
    let early = lab.governance.redeem(id, other()).await.unwrap_err();
    assert!(matches!(early, ApprovalError::State("pending")), "{early:?}");
    approve(&lab, AMIR, id).await;
    ran_as(&call.at_once().send(&lab).await, "approved");
    let late = lab.governance.redeem(id, other()).await.unwrap_err();
    assert!(matches!(late, ApprovalError::Used), "{late:?}");
    assert_eq!(paid(&lab), 1);
}

/// Wherever the caller hangs up, the call has run or can still run, and no approval is left in use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a02_a_caller_that_hangs_up_loses_no_approval() {
    let lab = Arc::new(lab().await);
    let token = alice(&lab);
    let mut ran = 0;
    for number in 0..24_u32 {
        let call = Call::refund(&token, 200 + number);
        let caller = call.spawn(&lab);
        let id = pending(&lab).await.id;
        waiting(&lab, 1).await;
        approve(&lab, AMIR, id).await;
        // From before the caller is woken until after the target has answered.
        tokio::time::sleep(Duration::from_micros(u64::from(number) * 700)).await;
        caller.abort();
        drop(caller.await);
        until("the end of the call", async || {
            gauge(&lab, "countersign_calls_in_hand") == 0
                && gauge(&lab, "countersign_calls_leaving") == 0
        })
        .await;
        match state(&lab, id).await {
            "executed" => {}
            "approved" => ran_as(&call.at_once().send(&lab).await, "approved"),
            other => panic!("left {other}"),
        }
        ran += 1;
        assert_eq!((paid(&lab), state(&lab, id).await), (ran, "executed"));
    }
}
