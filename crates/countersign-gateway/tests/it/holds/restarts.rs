//! Holds outlive the gateway, and what it was doing when it died is not done again.

use super::*;
use countersign_model::CallId;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_survives_a_restart() {
    let lab = lab().await;
    let call = Call::refund(&alice(&lab), 250);
    let id = call.held(&lab).await;
    let lab = lab.stop().await.start(Limits::default()).await;
    assert_eq!(call.held(&lab).await, id, "a repeat joins what was asked before");
    approve(&lab, AMIR, id).await;
    ran_as(&call.at_once().send(&lab).await, "approved");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "executed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_survives_a_restart() {
    let lab = lab().await;
    let call = Call::refund(&alice(&lab), 250);
    let id = call.held(&lab).await;
    approve(&lab, AMIR, id).await;
    let lab = lab.stop().await.start(Limits::default()).await;
    ran_as(&call.at_once().send(&lab).await, "approved");
    let lab = lab.stop().await.start(Limits::default()).await;
    assert_ne!(call.held(&lab).await, id, "used is used");
    assert_eq!((paid(&lab), state(&lab, id).await), (1, "executed"));
}

/// The gateway dies after it took the approval and before it knows how the call ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a02_a_death_in_the_middle_is_unknown_and_never_runs_again() {
    let lab = Arc::new(lab().await);
    let call = Call::refund(&alice(&lab), 250);
    let id = call.held(&lab).await;
    approve(&lab, AMIR, id).await;
    let dying = CallId::new(lab.world.now(), lab.governance.entropy());
    lab.governance.redeem(id, dying).await.unwrap();
    // Nobody says how it ended. Until the restart it is in use.
    assert_eq!(state(&lab, id).await, "redeeming");
    let lab = Arc::into_inner(lab).unwrap();
    let lab = lab.stop().await.start(Limits::default()).await;
    assert_eq!(state(&lab, id).await, "outcome_unknown");
    assert_ne!(call.held(&lab).await, id);
    assert_eq!(paid(&lab), 0);
}

/// Another call took the approval, and nobody learned how that ended: a repeat asks people anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a02_what_may_have_run_is_asked_about_anew() {
    let lab = lab().await;
    let id = Call::refund(&alice(&lab), 250).held(&lab).await;
    approve(&lab, AMIR, id).await;
    let other = CallId::new(lab.world.now(), lab.governance.entropy());
    lab.governance.redeem(id, other).await.unwrap();
    let finish = countersign_governance::Finish::OutcomeUnknown;
    lab.governance.finish(id, other, finish).await.unwrap();
    assert_eq!((paid(&lab), state(&lab, id).await), (0, "outcome_unknown"));
    assert_ne!(Call::refund(&alice(&lab), 250).held(&lab).await, id);
}
