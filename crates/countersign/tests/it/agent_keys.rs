//! An agent with a key of its own, from the command line to a call of the real process: the key is made,
//! its public half stands in the catalog, and the agent acts for a user.

use crate::lab::{AGENT, Connection, Process, Say, World, desk, ran};
use serde_json::{Value, json};
use std::fs;

const ITEM: &str = "/t/desk/v1/items/7";
const USER: &str = "amir@acme.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_asks_with_the_key_that_the_catalog_has_of_it() {
    let world = World::new().await;
    let made = ran(world.path(), &["token", "key", "agent.pem", "--json"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let public: Value = serde_json::from_str(&made.stdout).unwrap();
    let pem = fs::read_to_string(world.path().join("agent.pem")).unwrap();
    let inside = pem.lines().nth(1).unwrap();
    assert!(!format!("{made:?}").contains(inside));
    let again = ran(world.path(), &["token", "key", "agent.pem"]).await;
    assert!(again.stderr.contains("is there already"), "{again:?}");

    // A private key in the catalog is refused, and says so.
    let mut catalog = desk(&world.target_site);
    catalog["agents"][0]["keys"] = json!([public]);
    catalog["agents"][0]["keys"][0]["d"] = json!("AAAA");
    world.write("catalog/desk.yaml", &catalog.to_string());
    let checked = ran(world.path(), &["catalog", "check", "catalog"]).await;
    assert!(format!("{checked:?}").contains("a private key stands here"), "{checked:?}");
    catalog["agents"][0]["keys"] = json!([public]);
    world.write("catalog/desk.yaml", &catalog.to_string());

    // The gateway answers for its name by another address here, as behind a proxy.
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    world.grant_desk(&process, USER).await;
    let server = format!("http://{}", process.address);
    let user = world.token(USER);
    let line = [
        "token",
        "exchange",
        "--server",
        &server,
        "--token",
        &user,
        "--agent",
        AGENT,
        "--agent-key",
        "agent.pem",
    ];
    let exchanged = ran(world.path(), &line).await;
    assert_eq!(exchanged.code, Some(0), "{exchanged:?}");
    let token = exchanged.stdout.trim();
    let answer = Connection::once(process.address, Say::get(ITEM, token)).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let who = world.intents().pop().unwrap().who;
    assert_eq!((who.subject.as_str(), who.actors[0].as_str()), (USER, AGENT));

    // Another key is nobody's.
    let other = ran(world.path(), &["token", "key", "other.pem"]).await;
    assert_eq!(other.code, Some(0), "{other:?}");
    let mut line = line.to_vec();
    *line.last_mut().unwrap() = "other.pem";
    let refused = ran(world.path(), &line).await;
    assert!(refused.stderr.contains("key_unknown"), "{refused:?}");
    let line = ["token", "exchange", "--server", &server, "--token", &user];
    let refused = ran(world.path(), &line).await;
    assert_eq!(refused.code, Some(2), "nothing says who acts: {refused:?}");
    process.stop().await;
}
