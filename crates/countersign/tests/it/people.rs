//! `countersign people`, against a gateway.

use crate::lab::{ADMINISTRATOR, AGENT, AUDITOR, OWNER, Process, World, ran};
use serde_json::Value;

const CALLER: &str = "riley@acme.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_listed_and_shown_to_whom_they_may_be() {
    let world = World::new().await;
    let process = Process::start(&world).await;
    for holder in [CALLER, AGENT] {
        world.grant_desk(&process, holder).await;
    }
    let server = format!("http://{}", process.address);
    let line = async |words: &[&str], who: &str| {
        let token = world.token(who);
        ran(world.path(), &[words, &["--server", &server, "--token", &token]].concat()).await
    };
    let all = line(&["people", "list"], AUDITOR).await;
    assert_eq!(all.code, Some(0), "{all:?}");
    assert!(all.stdout.contains(CALLER) && all.stdout.contains("grant"), "{}", all.stdout);
    assert!(!all.stdout.contains(AGENT), "an agent is no person: {}", all.stdout);
    let first = line(&["people", "list", "--limit", "1"], ADMINISTRATOR).await;
    let next = first.stdout.lines().find_map(|it| it.split_once("more: --after ")).unwrap().1;
    let rest = line(&["people", "list", "--after", next, "--json"], ADMINISTRATOR).await;
    let rest: Value = serde_json::from_str(&rest.stdout).unwrap();
    let shown = first.stdout.lines().nth(1).unwrap().split("  ").next().unwrap();
    let subjects =
        rest["people"].as_array().unwrap().iter().map(|it| it["subject"].as_str().unwrap());
    assert!(subjects.clone().count() > 0 && subjects.clone().all(|it| it > shown), "{rest}");
    let found = line(&["people", "list", "--find", "zzz"], ADMINISTRATOR).await;
    assert_eq!(found.stdout, "Nobody is found.\n");

    let person = line(&["people", "show", CALLER], ADMINISTRATOR).await;
    assert_eq!(person.code, Some(0), "{person:?}");
    for part in
        ["riley@acme.example active", "caller: 1 grant reaches them", "desk.items.get", "themself"]
    {
        assert!(person.stdout.contains(part), "{part}: {}", person.stdout);
    }
    let seen = line(&["people", "show", CALLER, "--json"], OWNER).await;
    let seen: Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!((&seen["shown"], &seen["person"]["standing"]), (&"grants".into(), &"active".into()));

    for (words, who, part) in [
        (["people", "list"].as_slice(), CALLER, "for an administrator or auditor only"),
        (&["people", "show", "a/../b?"], ADMINISTRATOR, "no such person"),
        (&["people", "show", ".."], ADMINISTRATOR, "nobody can be asked for"),
        (&["people", "list", "--after", "x"], ADMINISTRATOR, "Begin again with the first page"),
    ] {
        let refused = line(words, who).await;
        assert_ne!(refused.code, Some(0), "{refused:?}");
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    process.stop().await;
}
