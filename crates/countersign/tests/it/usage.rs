//! What a grant was used for, from real calls to the API, the page's command and the metrics, over a kill.

use crate::lab::{
    ADMINISTRATOR, AGENT, AUDITOR, Connection, OWNER, Process, Say, World, ran, until,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_is_counted_from_calls_and_survives_a_kill() {
    let world = World::new().await;
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    let grants = world.manage(&process, ADMINISTRATOR, "GET /grants", &Value::Null).await;
    let id = grants["grants"][0]["grant"]["id"].as_str().unwrap().to_owned();
    let path = format!("GET /grants/{id}");
    let token = world.token(AGENT);
    let note =
        |text: Value| Say::new("POST", "/t/desk/v1/notes", &token).with(&json!({ "text": text }));
    let says = [
        note(json!("one")),
        note(json!("one")),
        note(json!(5)),
        Say::get("/t/desk/v1/items/7", &token),
    ];
    for say in says {
        Connection::once(process.address, say).await.unwrap();
    }
    let used = async |process: &Process, calls: u64| {
        until("use that is counted", async || {
            let shown = world.manage(process, OWNER, &path, &Value::Null).await;
            (shown["usage"]["used"] == calls).then_some(shown)
        })
        .await
    };
    let shown = used(&process, 3).await;
    let notes = &shown["usage"]["functions"]["desk.notes.add"];
    assert_eq!((&notes["used"], &notes["arguments_seen"]), (&json!(2), &json!(2)), "{shown}");
    assert_eq!(notes["arguments"]["text"]["values"], json!([["one", 2]]));
    // What records nothing keeps no argument either.
    let items = &shown["usage"]["functions"]["desk.items.get"];
    assert_eq!((&items["used"], &items["arguments_seen"]), (&json!(1), &json!(0)));
    assert_eq!(shown["usage"]["denied"], json!({"arguments_invalid": 1}));
    assert_eq!(shown["recommendation"]["advice"], "certify");

    let metrics = Connection::once(process.address, Say::get("/metrics", "")).await.unwrap();
    assert!(metrics.text().contains("countersign_usage_lag_entries"), "{}", metrics.text());

    // The last call is not counted when the gateway is killed.
    Connection::once(process.address, note(json!("two"))).await.unwrap();
    process.signal("KILL");
    process.ended().await;
    let process = Process::start(&world).await;
    let shown = used(&process, 4).await;
    let notes = &shown["usage"]["functions"]["desk.notes.add"];
    assert_eq!((&notes["arguments_of"], &notes["arguments_seen"]), (&json!(3), &json!(2)));

    let (server, auditor) = (format!("http://{}", process.address), world.token(AUDITOR));
    let line = ["grants", "show", &id, "--server", &server, "--token", &auditor];
    let told = ran(world.path(), &line).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in
        ["Recommendation: keep", "Used 4 times", "desk.notes.add 3 calls", "text: \"one\" (2)"]
    {
        assert!(told.stdout.contains(part), "no {part:?} in {}", told.stdout);
    }
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_judges_calls_that_were_made() {
    let world = World::new().await;
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    let token = world.token(AGENT);
    let note =
        |text: &str| Say::new("POST", "/t/desk/v1/notes", &token).with(&json!({ "text": text }));
    for say in [note("one"), note("one"), note("two")] {
        Connection::once(process.address, say).await.unwrap();
    }
    let wanted = json!({
        "holder": {"subject": AGENT}, "functions": ["desk.notes.add"],
        "constraints": ["args.text == 'one'"],
    });
    let shown = until("calls that are counted and recorded", async || {
        let shown = world.manage(&process, OWNER, "POST /grants/preview", &wanted).await;
        (shown["read"] == 3).then_some(shown)
    })
    .await;
    assert_eq!(
        (&shown["ran"]["pass"], &shown["ran"]["refused"]),
        (&json!(2), &json!(1)),
        "{shown}"
    );
    assert_eq!(shown["ran_why"][0]["code"], "outside_constraints");
    assert_eq!(shown["ran_why"][0]["rule"], "args.text == 'one'");

    let (server, owner) = (format!("http://{}", process.address), world.token(OWNER));
    let line = [
        "grants",
        "preview",
        "desk.notes.add",
        "--subject",
        AGENT,
        "--constraint",
        "args.text == 'one'",
        "--look-back",
        "30d",
        "--server",
        &server,
        "--token",
        &owner,
    ];
    let told = ran(world.path(), &line).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    let parts = [
        "Of the calls that ran in 30d: 2 would pass, 1 would be refused.",
        "arguments, which are recorded of 3 of 3 calls",
        "1 would be refused of the calls that ran",
        "2 + 0",
    ];
    for part in parts {
        assert!(told.stdout.contains(part), "no {part:?} in {}", told.stdout);
    }
    process.stop().await;
}
