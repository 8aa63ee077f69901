//! A gateway that ends answers who waits; it does not wait for people.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_ends_sends_held_callers_away_and_their_repeats_join() {
    let lab = Arc::new(lab().await);
    let calls: Vec<Call> = (0..5).map(|it| Call::refund(&alice(&lab), 250 + it / 2)).collect();
    let callers: Vec<_> = calls.iter().map(|it| it.spawn(&lab)).collect();
    waiting(&lab, 5).await;
    let began = Instant::now();
    soon("the end of the gateway", lab.gateway.drain()).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "the drain took {took:?}");
    let mut ids = Vec::new();
    for caller in callers {
        let answer = soon("the answer", caller).await.unwrap();
        assert!(answer.headers.contains_key("retry-after"));
        ids.push(held(&answer));
    }
    let late = calls[0].send(&lab).await;
    assert_eq!((late.status, late.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "draining"));
    let lab = Arc::into_inner(lab).unwrap().stop().await.start(Limits::default()).await;
    for (call, id) in calls.iter().zip(&ids) {
        assert_eq!(call.held(&lab).await, *id);
    }
    approve(&lab, AMIR, ids[0]).await;
    ran_as(&calls[0].at_once().send(&lab).await, "approved");
    assert_eq!(paid(&lab), 1);
}

/// A caller that went away in the middle of its call is not there any more, but its call is: the
/// gateway ends after its record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_ends_waits_for_calls_whose_callers_have_gone() {
    let lab = Arc::new(lab().await);
    let call = Call::new(&alice(&lab), Method::GET, "/t/slow/v1/sleep?ms=600");
    let id = call.held(&lab).await;
    approve(&lab, AMIR, id).await;
    let caller = call.spawn(&lab);
    until("the call at its target", async || lab.world.slow.counters().calls_total() == 1).await;
    caller.abort();
    until("the caller's end", async || gauge(&lab, "countersign_calls_in_hand") == 0).await;
    assert_eq!(state(&lab, id).await, "redeeming");
    soon("the end of the gateway", lab.gateway.drain()).await;
    assert_eq!(state(&lab, id).await, "executed");
    assert_eq!(lab.world.slow.counters().calls_total(), 1);
}
