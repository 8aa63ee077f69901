//! The disk is full: no file of the process may grow any more.

use super::{ITEM, call, is_clear, readiness, running};
use crate::lab::{AGENT, Connection, Process, Say, World, ran, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_lets_no_call_run_and_needs_no_restart() {
    let (world, mut process) = running().await;
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    let (address, token) = (process.address, world.token(AGENT));
    let in_flight = tokio::spawn(async move {
        Connection::once(address, Say::get("/t/desk/v1/waits/1", &token)).await.unwrap()
    });
    until("a call is at the target", async || {
        (world.arrivals.at("/v1/waits/1") == 1).then_some(())
    })
    .await;

    process.limit_files("20");
    let before = world.arrivals.count();
    for _ in 0..3 {
        let refused = call(&world, &process, ITEM).await;
        assert_eq!(refused.reason(), "503 ledger_unavailable", "{refused:?}");
        is_clear(&refused);
    }
    for say in elsewhere(&world) {
        let refused = Connection::once(process.address, say).await.unwrap();
        assert_eq!(refused.status, 503, "{refused:?}");
        is_clear(&refused);
    }
    assert_eq!(world.arrivals.count(), before, "a call ran without a record");
    let ready = readiness(&process).await;
    assert_eq!((&ready["ready"], &ready["ledger_writable"]), (&false.into(), &false.into()));

    // The call that had left is not said to have worked, nor that it may be repeated blindly.
    world.gate.open();
    let cut = in_flight.await.unwrap();
    assert_eq!(cut.reason(), "502 outcome_unknown", "{cut:?}");
    is_clear(&cut);

    // Who runs it is told by the log what the system said.
    for (what, cause) in LOGGED {
        // Its words come through a pipe, and may be later than its answers.
        let line = until(what, async || {
            process.said().lines().find(|it| it.contains(what)).map(str::to_owned)
        })
        .await;
        assert!(line.contains(cause), "{line}");
    }

    process.limit_files("unlimited");
    until("it is ready again", async || (readiness(&process).await["ready"] == true).then_some(()))
        .await;
    assert!(process.runs());
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    for say in elsewhere(&world) {
        let answer = Connection::once(process.address, say).await.unwrap();
        assert!(matches!(answer.status, 200 | 403), "{answer:?}");
    }
    process.stop().await;
    every_arrival_has_an_intent(&world).await;
}

/// What stands in the log, and the cause that stands beside it.
const LOGGED: [(&str, &str); 3] = [
    ("ledger can't be written", "os error 27"),
    ("outcome can't be recorded", "os error 27"),
    ("session can't be opened", "disk"),
];

/// Calls that need more than one entry: a session of their own, and a human.
fn elsewhere(world: &World) -> [Say; 2] {
    let token = world.token(AGENT);
    [
        Say::get(ITEM, &token).header("countersign-session", "another"),
        Say::new("POST", "/t/desk/v1/payments/1", &token).header("prefer", "wait=0"),
    ]
}

async fn every_arrival_has_an_intent(world: &World) {
    let ran = ran(world.path(), &["ledger", "verify", "state/ledger"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let intents = world.intents();
    let mut intents: Vec<String> = intents.iter().map(|it| it.call.to_string()).collect();
    let mut arrived: Vec<String> = world.arrivals.all().into_iter().map(|(call, _)| call).collect();
    intents.sort();
    arrived.sort();
    assert_eq!(intents, arrived, "what was refused has no intent, and what ran has one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_again_and_again_loses_nothing() {
    let (world, process) = running().await;
    let mut acknowledged = 0;
    for _ in 0..5 {
        process.limit_files("20");
        until("the ledger is full", async || {
            let answer = call(&world, &process, ITEM).await;
            acknowledged += usize::from(answer.status == 200);
            (answer.status == 503).then_some(())
        })
        .await;
        process.limit_files("unlimited");
        until("the ledger takes entries", async || {
            let answer = call(&world, &process, ITEM).await;
            acknowledged += usize::from(answer.status == 200);
            (answer.status == 200).then_some(())
        })
        .await;
    }
    process.stop().await;
    assert_eq!(world.arrivals.count(), acknowledged);
    every_arrival_has_an_intent(&world).await;
    let process = Process::start(&world).await;
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    process.stop().await;
}
