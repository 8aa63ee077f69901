//! Sessions as the command line shows them: what ran, and what did not.

use crate::lab::{AGENT, AUDITOR, Connection, Process, Say, World, ran, until};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_did_not_run_are_counted_in_their_session() {
    let world = World::new().await;
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    let token = world.token(AGENT);
    let note =
        |text: Value| Say::new("POST", "/t/desk/v1/notes", &token).with(&json!({ "text": text }));
    let says = [
        // Before anything ran there is no session that it could be counted in.
        (note(json!(5)), "422 arguments_invalid"),
        (note(json!("one")), "200 granted"),
        (note(json!(5)), "422 arguments_invalid"),
        (Say::get("/t/desk/v1/nothing", &token), "404 not_catalogued"),
        (note(json!("two")), "200 granted"),
    ];
    for (say, expect) in says {
        let say = say.header("countersign-session", "a run");
        let answer = Connection::once(process.address, say).await.unwrap();
        assert_eq!(answer.reason(), expect);
    }
    let (server, auditor) = (format!("http://{}", process.address), world.token(AUDITOR));
    let command = async |line: &[&str]| {
        let more = ["--server", &server, "--token", &auditor];
        let told = ran(world.path(), &[line, &more].concat()).await;
        assert_eq!(told.code, Some(0), "{told:?}");
        told.stdout
    };
    // Counters are written each second.
    let session = until("the session with all its calls", async || {
        let list: Value =
            serde_json::from_str(&command(&["sessions", "list", "--json"]).await).unwrap();
        list["sessions"].as_array()?.iter().find(|it| it["calls"] == 4).cloned()
    })
    .await;
    assert_eq!((&session["refused"], &session["title"]), (&json!(2), &json!("a run")));
    let list = command(&["sessions", "list"]).await;
    let line = list.lines().find(|it| it.contains(session["id"].as_str().unwrap())).unwrap();
    assert_eq!(line.split_whitespace().rev().take(2).collect::<Vec<_>>(), ["2", "4"], "{list}");
    let shown = command(&["sessions", "show", session["id"].as_str().unwrap()]).await;
    assert_eq!(shown.matches("desk.notes.add").count(), 2, "{shown}");
    assert!(shown.contains("2 calls did not run, and have no recording"), "{shown}");

    let one = command(&["sessions", "show", session["id"].as_str().unwrap(), "--limit", "1"]).await;
    assert_eq!(one.matches("desk.notes.add").count(), 1, "{one}");
    let after = one.split("--after ").nth(1).unwrap().trim();
    let line = ["sessions", "show", session["id"].as_str().unwrap(), "--after", after];
    let rest = command(&line).await;
    assert_eq!(rest.matches("desk.notes.add").count(), 1, "{rest}");
    assert!(!rest.contains("--after"), "{rest}");
    process.stop().await;
}
