//! The identity provider is away.

use super::{ITEM, call, is_clear, readiness, running};
use crate::lab::{
    AGENT, AUDIENCE, Answer, Connection, Process, Say, World, identity_provider, idp_routes, until,
};
use countersign_model::Span;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_down_does_not_stop_the_start() {
    let mut world = World::without_idp().await;
    let process = Process::start(&world).await;
    let refused = call(&world, &process, ITEM).await;
    assert_eq!(refused.reason(), "503 unidentified", "{refused:?}");
    assert_eq!(refused.json()["code"], "issuer_unreachable", "{refused:?}");
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    is_clear(&refused);
    let ready = readiness(&process).await;
    assert_eq!((&ready["ready"], &ready["issuers"][0]["usable"]), (&true.into(), &false.into()));

    world.idp_site.open(idp_routes(&world.idp)).await;
    until("who calls is known", async || {
        (call(&world, &process, ITEM).await.status == 403).then_some(())
    })
    .await;
    world.grant_desk(&process, AGENT).await;
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    assert_eq!(world.arrivals.count(), 1);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_goes_away_stops_only_tokens_of_keys_that_nobody_knows() {
    let (mut world, process) = running().await;
    let used = world.token(AGENT);
    assert_eq!(with(&process, &used).await.reason(), "200 granted");

    world.idp_site.close().await;
    let after = identity_provider(&world.idp_site, [8; 32]);
    let unknown = after.mint(AGENT, AUDIENCE, Span::from_seconds(600)).unwrap();
    assert_eq!(with(&process, &used).await.reason(), "200 granted", "it was proved before");
    assert_eq!(
        with(&process, &world.token(AGENT)).await.reason(),
        "200 granted",
        "its key is known"
    );
    let refused = with(&process, &unknown).await;
    assert_eq!(refused.reason(), "503 unidentified", "{refused:?}");
    assert_eq!(refused.json()["code"], "issuer_unreachable", "{refused:?}");
    is_clear(&refused);

    // It comes back as it was: whoever signed that token, it was not this one.
    world.idp_site.open(idp_routes(&world.idp)).await;
    let refused = until("the key is looked for", async || {
        Some(with(&process, &unknown).await).filter(|it| it.status == 401)
    })
    .await;
    assert_eq!(refused.json()["code"], "key_unknown", "{refused:?}");
    assert!(refused.header("www-authenticate").starts_with("Bearer "), "{refused:?}");

    // It signs with another key from now on.
    world.idp_site.open(idp_routes(&after)).await;
    until("the new key is known", async || {
        (with(&process, &unknown).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(with(&process, &used).await.reason(), "401 unidentified", "its key is gone");
    assert_eq!(world.arrivals.count(), 4);
    process.stop().await;
}

async fn with(process: &Process, token: &str) -> Answer {
    Connection::once(process.address, Say::get(ITEM, token)).await.unwrap()
}
