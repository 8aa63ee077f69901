//! The target fails after the approval was used: what the approval says of it, and the caller is told.

use super::*;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
};

async fn approved(lab: &Lab, path: &str) -> (ApprovalId, Answer) {
    let call = Call::new(&alice(lab), Method::GET, path);
    let id = call.held(lab).await;
    approve(lab, AMIR, id).await;
    let answer = call.at_once().send(lab).await;
    assert_ne!(call.held(lab).await, id, "an approval is good for one call, however that ends");
    (id, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_takes_no_connection_ran_nothing() {
    let lab = lab().await;
    let (id, answer) = approved(&lab, "/t/gone/ping").await;
    refused(&answer, StatusCode::BAD_GATEWAY, "target_unreachable");
    assert!(answer.json()["next_step"].as_str().unwrap().contains("did not run"));
    assert_eq!(state(&lab, id).await, "failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_too_slow_may_have_run_it() {
    let lab = lab().await;
    let (id, answer) = approved(&lab, "/t/slow/v1/sleep?ms=4000").await;
    refused(&answer, StatusCode::GATEWAY_TIMEOUT, "target_timeout");
    assert!(answer.json()["next_step"].as_str().unwrap().contains("may have run"));
    assert_eq!(state(&lab, id).await, "outcome_unknown");
    assert_eq!(lab.world.slow.counters().calls_total(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_hangs_up_may_have_run_it() {
    let lab = lab().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let came = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&came);
    let target = tokio::spawn(async move {
        loop {
            let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
            drop(stream.read(&mut [0; 4096]).await);
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut catalog = held_catalog(lab.world.targets);
    catalog.targets.get_mut("gone").unwrap().url = format!("http://{address}");
    lab.apply(catalog).await;
    let (id, answer) = approved(&lab, "/t/gone/ping").await;
    refused(&answer, StatusCode::BAD_GATEWAY, "target_broken");
    assert!(answer.json()["next_step"].as_str().unwrap().contains("may have run"));
    assert_eq!((came.load(Ordering::SeqCst), state(&lab, id).await), (1, "outcome_unknown"));
    target.abort();
}

/// The target's own refusal is an answer: the call ran, as far as the approval goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_says_no_has_answered() {
    let lab = lab().await;
    let (id, answer) = approved(&lab, "/t/slow/v1/fail?how=500").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{answer:?}");
    assert_eq!(state(&lab, id).await, "executed");
    assert_eq!(lab.world.slow.counters().calls_total(), 1);
}
