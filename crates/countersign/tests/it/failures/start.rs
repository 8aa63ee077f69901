//! What keeps a gateway from starting: one line that says what, one that says what to do, and nothing
//! is begun.

use super::{ITEM, call};
use crate::lab::{AGENT, Process, World};
use serde_json::json;
use std::net::TcpListener;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_said_with_the_next_step() {
    let world = World::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    world.configure(&json!({"listen": address}));
    let ended = Process::fails(&world, "").await;
    let lines = ended.told();
    let expect = format!("error: can't listen on {address}: the port is taken");
    assert_eq!((ended.code, lines[0]), (Some(1), expect.as_str()), "{ended:?}");
    assert!(lines.len() == 2 && lines[1].contains("listen: 127.0.0.1:"), "{ended:?}");
    assert!(!world.path().join("state").exists(), "nothing was begun");

    drop(taken);
    Process::start(&world).await.stop().await;
}

/// What is wrong before the start, and a part of what is said.
const WRONGS: [(&str, &str); 5] = [
    ("mkdir state && touch state/ledger", "the ledger can't be opened"),
    ("mkdir state && touch state/recordings", "the recordings can't be opened"),
    ("mkdir -p state/store.sqlite", "the store can't be opened"),
    (
        "mkdir state && yes not a database | head -c 9000 > state/store.sqlite",
        "the store can't be opened",
    ),
    ("ulimit -f 0", "can't be"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_can_not_be_used_is_said_in_two_lines() {
    for (wrong, said) in WRONGS {
        let world = World::new().await;
        let ended = Process::fails(&world, wrong).await;
        assert_eq!(ended.code, Some(1), "{wrong}: {ended:?}");
        let lines = ended.told();
        assert!(lines[0].starts_with("error: ") && lines[0].contains(said), "{wrong}: {ended:?}");
        assert!(lines.len() == 2 && lines[1].contains("next: "), "{wrong}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_do_not_share_a_ledger() {
    let world = World::new().await;
    let first = Process::start(&world).await;
    world.grant_desk(&first, AGENT).await;
    let ended = Process::fails(&world, "").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("end the other gateway"), "{ended:?}");
    assert_eq!(call(&world, &first, ITEM).await.reason(), "200 granted");
    first.stop().await;
}
