//! What the gateway depends on fails, and the real process says so clearly, lets no call run without
//! a record, and recovers without a restart.

mod database;
mod disk;
mod ending;
mod issuer;
mod slow;
mod start;
mod target;

use crate::lab::{AGENT, Answer, Connection, Process, Say, World};
use serde_json::Value;

/// A call that its grant carries.
const ITEM: &str = "/t/desk/v1/items/1";

/// A world with a gateway that runs, and a grant for the agent.
async fn running() -> (World, Process) {
    let world = World::new().await;
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    (world, process)
}

/// Calls as the agent.
async fn call(world: &World, process: &Process, path: &str) -> Answer {
    let say = Say::get(path, &world.token(AGENT));
    Connection::once(process.address, say).await.unwrap()
}

/// A refusal that a person can do something with: a code, a sentence, a next step.
fn is_clear(answer: &Answer) {
    let problem = answer.json();
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    for member in ["code", "detail", "next_step"] {
        assert!(problem[member].as_str().is_some_and(|it| !it.is_empty()), "{member}: {problem}");
    }
}

/// What `/readyz` says.
async fn readiness(process: &Process) -> Value {
    Connection::once(process.address, Say::get("/readyz", "")).await.unwrap().json()
}
