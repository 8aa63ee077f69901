//! The database is gone. SQLite's is an open file, which goes with its disk (see [`super::disk`]);
//! PostgreSQL's is behind a relay that can be cut.

use super::{ITEM, call, is_clear, readiness};
use crate::lab::{AGENT, Process, Site, World, until};
use countersign_store::testing;
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UnixStream},
    task::JoinSet,
    time::Instant,
};
use url::Url;

/// How old a gateway's knowledge of the policy may be.
const BOUND: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_stops_within_the_bound_and_goes_on_by_itself() {
    #[expect(clippy::disallowed_methods, reason = "which server tests use is said outside")]
    let Ok(server) = std::env::var(testing::POSTGRES_VARIABLE) else { return };
    let name = format!("failures_{}", std::process::id());
    let there = Url::parse(&testing::fresh_schema(&server, &name).await.unwrap()).unwrap();
    let mut relay = Site::reserve().await;
    open(&mut relay, &there).await;
    let world = World::new().await;
    world.configure(&json!({"store": {"url": through(&relay, &there)}}));
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");

    let cut_at = Instant::now();
    relay.close().await;
    let refused = until("the policy is stale", async || {
        let called_at = Instant::now();
        let answer = call(&world, &process, ITEM).await;
        let since = called_at - cut_at;
        // A little more than the bound: the two clocks are read one after the other.
        assert!(answer.status == 503 || since <= BOUND + Duration::from_millis(200), "{since:?}");
        Some(answer).filter(|it| it.status != 200)
    })
    .await;
    assert_eq!(refused.reason(), "503 policy_stale", "{refused:?}");
    is_clear(&refused);
    assert_eq!(readiness(&process).await["policy_current"], false);
    let before = world.arrivals.count();
    assert_eq!(call(&world, &process, ITEM).await.reason(), "503 policy_stale");
    assert_eq!(world.arrivals.count(), before);

    open(&mut relay, &there).await;
    until("the policy is confirmed", async || {
        (call(&world, &process, ITEM).await.status == 200).then_some(())
    })
    .await;
    process.stop().await;
}

/// The database's URL, but by way of the relay.
fn through(relay: &Site, there: &Url) -> String {
    let query = there.query().unwrap_or_default();
    format!("postgres://{}@{}{}?{query}", there.username(), relay.address, there.path())
}

async fn open(relay: &mut Site, there: &Url) {
    let listener = relay.listener().await;
    relay.answers(tokio::spawn(carry(listener, there.clone())));
}

/// Carries bytes both ways, until it is aborted with all its connections.
async fn carry(listener: TcpListener, there: Url) {
    let host = there.host_str().unwrap().replace("%2F", "/");
    let port = there.port().unwrap_or(5432);
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        let host = host.clone();
        connections.spawn(async move {
            if host.starts_with('/') {
                let mut far = UnixStream::connect(format!("{host}/.s.PGSQL.{port}")).await.unwrap();
                drop(copy_bidirectional(&mut near, &mut far).await);
            } else {
                let mut far = TcpStream::connect((host, port)).await.unwrap();
                drop(copy_bidirectional(&mut near, &mut far).await);
            }
        });
    }
}
