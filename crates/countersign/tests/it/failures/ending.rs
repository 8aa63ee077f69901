//! The gateway is asked to end while calls are in hand.

use super::{ITEM, call, running};
use crate::lab::{AGENT, APPROVER, Answer, Connection, Lost, Process, Say, World, until};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// A call that stays at the target until the gate opens.
const WAIT: &str = "/t/desk/v1/waits/1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_hand_finish_and_new_ones_are_refused() {
    let (world, mut process) = running().await;
    let mut kept = Connection::open(process.address).await.unwrap();
    assert_eq!(kept.say(item(&world)).await.unwrap().status, 200);
    let slow = waits(&world, &process).await;
    let held = held(&world, &process).await;

    process.signal("TERM");
    until("new connections are refused", async || Connection::open(process.address).await.err())
        .await;
    until("new calls on old connections are refused", async || {
        match kept.say(item(&world)).await {
            Ok(answer) => (answer.reason() == "503 draining").then_some(()),
            Err(_) => Some(()),
        }
    })
    .await;
    // Who waits for a human is told to come again.
    let told = held.await.unwrap().unwrap();
    assert_eq!(told.reason(), "403 approval_required", "{told:?}");
    assert!(process.runs(), "a call is in hand: {}", process.said());

    world.gate.open();
    let answer = slow.await.unwrap().unwrap();
    assert_eq!((answer.status, &answer.json()["name"]), (200, &json!("1")), "{answer:?}");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(outcomes(&world, answer.header("countersign-call")), [200]);

    // The next start goes on where this one ended.
    let process = Process::start(&world).await;
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    let approval = told.json()["approval"].as_str().unwrap().to_owned();
    let path = format!("POST /approvals/{approval}/approve");
    world.manage(&process, APPROVER, &path, &json!({})).await;
    let say = payment(&world, "wait=0");
    let paid = Connection::once(process.address, say).await.unwrap();
    assert_eq!(paid.reason(), "200 approved", "{paid:?}");
    assert_eq!(world.arrivals.at("/v1/payments/1"), 1);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_never_ends_does_not_keep_it() {
    let (world, process) = running().await;
    process.stop().await;
    world.configure(&json!({"drain_within": "1s"}));
    let process = Process::start(&world).await;
    let slow = waits(&world, &process).await;
    process.signal("TERM");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("did not end in time"), "{ended:?}");
    slow.await.unwrap().unwrap_err();
    let arrived = world.arrivals.all();
    let (left, _) = arrived.last().unwrap();
    assert!(outcomes(&world, left).is_empty(), "nobody knows how it ended");
    Process::start(&world).await.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let (world, process) = running().await;
    let slow = waits(&world, &process).await;
    process.signal("TERM");
    until("new connections are refused", async || Connection::open(process.address).await.err())
        .await;
    process.signal("INT");
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    slow.await.unwrap().unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_as_soon_as_it_listens_it_ends_in_good_order() {
    let (world, process) = running().await;
    process.stop().await;
    for _ in 0..10 {
        Process::start(&world).await.stop().await;
    }
}

fn item(world: &World) -> Say {
    Say::get(ITEM, &world.token(AGENT))
}

fn payment(world: &World, prefer: &str) -> Say {
    Say::new("POST", "/t/desk/v1/payments/1", &world.token(AGENT)).header("prefer", prefer)
}

type Answers = JoinHandle<Result<Answer, Lost>>;

/// A call that is at the target when this returns.
async fn waits(world: &World, process: &Process) -> Answers {
    let say = Say::get(WAIT, &world.token(AGENT));
    let slow = tokio::spawn(Connection::once(process.address, say));
    until("a call is at the target", async || {
        (world.arrivals.at("/v1/waits/1") == 1).then_some(())
    })
    .await;
    slow
}

/// A call that waits for a human when this returns.
async fn held(world: &World, process: &Process) -> Answers {
    let held = tokio::spawn(Connection::once(process.address, payment(world, "wait=60")));
    until("a call is held", async || {
        let path = "GET /approvals?state=pending";
        let waiting = world.manage(process, APPROVER, path, &Value::Null).await;
        (!waiting["approvals"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    held
}

/// The statuses of a call's outcomes in the ledger.
fn outcomes(world: &World, call: &str) -> Vec<u16> {
    let outcomes = world.outcomes().into_iter().filter(|it| it.call.to_string() == call);
    outcomes.map(|it| it.status).collect()
}
