//! Who may read `/metrics` of the real process.

use crate::lab::{AGENT, AUDIENCE, Connection, Process, Say, World};
use serde_json::{Value, json};

const TOKEN: &str = "a-token-of-the-scraper";

async fn status(process: &Process, say: Say) -> u16 {
    Connection::once(process.address, say).await.unwrap().status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_for_this_machine_or_for_who_has_the_token() {
    let world = World::new().await;
    let process = Process::start(&world).await;
    let plain = Say::get("/metrics", "");
    assert_eq!(status(&process, plain.clone()).await, 200);
    assert_eq!(status(&process, plain.clone().header("x-forwarded-for", "203.0.113.7")).await, 403);
    process.stop().await;

    world.write("metrics.token", TOKEN);
    world.configure(&json!({"metrics": {"token": {"file": "metrics.token"}}}));
    let process = Process::start(&world).await;
    let answer = Connection::once(process.address, plain).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, "Bearer realm=\"metrics\"")
    );
    assert_eq!(status(&process, Say::get("/metrics", &world.token(AGENT))).await, 401);
    let answer = Connection::once(process.address, Say::get("/metrics", TOKEN)).await.unwrap();
    assert!(answer.status == 200 && answer.text().contains("countersign_epoch"), "{answer:?}");
    process.stop().await;

    world.write("metrics.token", "short");
    let ended = Process::fails(&world, "").await;
    assert!(ended.told().join("\n").contains("the token of metrics"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_events_is_watched() {
    let world = World::new().await;
    let issuers = json!([{
        "name": "demo", "url": format!("http://{}/idp", world.idp_site.address),
        "audiences": [AUDIENCE]
    }]);
    let transmitter = |expect_every: &str| {
        json!({
            "name": "signals", "url": "https://signals.example", "audience": "x",
            "issuers": ["demo"], "expect_every": expect_every
        })
    };
    world.configure(&json!({"issuers": issuers, "event_transmitters": [transmitter("5s")]}));
    let ended = Process::fails(&world, "").await;
    assert!(ended.told().join("\n").contains("event_transmitters[0].expect_every"), "{ended:?}");
    world.configure(&json!({"issuers": issuers, "event_transmitters": [transmitter("1h")]}));
    let process = Process::start(&world).await;
    let answer = Connection::once(process.address, Say::get("/metrics", "")).await.unwrap();
    let series = "countersign_event_transmitter_silent{transmitter=\"signals\"} 0";
    assert!(answer.text().contains(series), "{}", answer.text());
    let answer = Connection::once(process.address, Say::get("/readyz", "")).await.unwrap();
    let stream = &answer.json()["event_transmitters"][0];
    assert_eq!((&stream["name"], &stream["silent"]), (&json!("signals"), &json!(false)));
    assert!((0..60).contains(&stream["silent_seconds"].as_i64().unwrap()), "{stream}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_call_is_a_line_of_the_log_and_at_debug_every_call_is() {
    for (level, ran) in [("info", 0), ("debug", 1)] {
        let world = World::new().await;
        world.configure(&json!({"logging": {"format": "json", "level": level}}));
        let process = Process::start(&world).await;
        world.grant_desk(&process, AGENT).await;
        let say = |method, path| Say::new(method, path, &world.token(AGENT));
        for (call, why) in [
            (say("GET", "/t/desk/v1/items/secret-item"), "200 granted"),
            (say("GET", "/t/desk/v1/nothing/secret-item"), "404 not_catalogued"),
            (Say::get("/t/desk/v1/items/secret-item", ""), "401 unidentified"),
        ] {
            let answer = Connection::once(process.address, call).await.unwrap();
            assert_eq!(answer.reason(), why);
        }
        process.signal("TERM");
        let log = process.ended().await.stderr;
        let lines: Vec<Value> =
            log.lines().filter_map(|it| serde_json::from_str(it).ok()).collect();
        let told = |message| lines.iter().filter(move |it| it["message"] == message);
        let refused: Vec<&Value> = told("call refused").collect();
        assert_eq!(refused.len(), 1, "{log}");
        assert_eq!(refused[0]["reason"], "not_catalogued");
        assert!(refused[0]["call"].as_str().unwrap().starts_with("call_"), "{log}");
        assert_eq!(told("token refused").count(), 1, "{log}");
        assert_eq!(told("call ran").count(), ran, "{log}");
        for line in told("call ran") {
            assert_eq!(
                (&line["function"], &line["status"]),
                (&json!("desk.items.get"), &json!(200))
            );
        }
        assert!(!log.contains("secret-item") && !log.contains(AGENT), "{log}");
    }
}
