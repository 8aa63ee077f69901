//! What people are told, through the real program: a held call to a program and a room, a test of every
//! channel at the command line, and nothing secret in the log.

use crate::lab::{
    ADMINISTRATOR, APPROVER, AUDITOR, Connection, Process, Say, Site, World, desk, ran, until,
};
use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, Uri},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

type Sent = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

/// Takes everything but what `/workflows` is sent.
fn channels(sent: &Sent) -> Router {
    let sent = Arc::clone(sent);
    Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let document: Value = serde_json::from_slice(&body).unwrap();
        let path = uri.path().to_owned();
        let refused = path.starts_with("/workflows");
        sent.lock().unwrap().push((path, headers, document));
        async move { if refused { StatusCode::FORBIDDEN } else { StatusCode::OK } }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_call_is_told_and_a_test_says_what_each_channel_did() {
    let world = World::new().await;
    let (mut site, sent) = (Site::reserve().await, Sent::default());
    site.open(channels(&sent)).await;
    world.write("slack.url", &format!("http://{}/services/secret-of-slack", site.address));
    world.write("teams.url", &format!("http://{}/workflows/secret-of-teams", site.address));
    world.write("siem.secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    world.configure(&json!({"notices": {
        "slack": {"webhook": {"file": "slack.url"}},
        "teams": {"webhook": {"file": "teams.url"}},
        "webhooks": [{
            "name": "siem", "url": format!("http://{}/hooks", site.address),
            "secrets": [{"file": "siem.secret"}],
        }],
    }}));
    // The command line's people never signed in at the console, so no group of theirs is known.
    let mut catalog = desk(&world.target_site);
    let functions = catalog["functions"].as_array_mut().unwrap();
    let held = functions.iter_mut().find(|it| it["name"] == "desk.payments.make").unwrap();
    held["approval"] = json!([{"from": [format!("person:{APPROVER}")], "within": "1h"}]);
    world.write("catalog/desk.yaml", &catalog.to_string());
    let process = Process::start(&world).await;
    world.grant_desk(&process, "riley@acme.example").await;
    let token = world.token("riley@acme.example");
    let say = Say::new("POST", "/t/desk/v1/payments/7", &token).header("prefer", "wait=0");
    let held = Connection::once(process.address, say).await.unwrap();
    let approval = held.json()["approval"].as_str().unwrap().to_owned();
    let told = |path: &str| {
        let sent = sent.lock().unwrap().clone();
        sent.into_iter().find(|(it, _, document)| {
            it == path && document.to_string().contains(&format!("/console/approvals/{approval}"))
        })
    };
    let (_, headers, hook) = until("the webhook", async || told("/hooks")).await;
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    assert_eq!(hook["type"], "notice.approval_waits");
    assert!(hook["data"]["text"].as_str().unwrap().contains("desk.payments.make"), "{hook}");
    until("slack", async || told("/services/secret-of-slack")).await;

    let server = format!("http://{}", process.address);
    let line = async |words: &[&str], who: &str| {
        let token = world.token(who);
        ran(world.path(), &[words, &["--server", &server, "--token", &token]].concat()).await
    };
    let test = line(&["notices", "test", "--to", APPROVER], ADMINISTRATOR).await;
    assert_eq!(test.code, Some(1), "{test:?}");
    for part in ["slack: sent 200 OK", "webhook:siem: sent 200 OK", "teams: given_up 403 Forbidden"]
    {
        assert!(test.stdout.contains(part), "{part}: {}", test.stdout);
    }
    assert!(test.stderr.contains("1 of 3 channels did not take it"), "{}", test.stderr);
    let deliveries = line(&["notices", "deliveries", "--state", "given_up"], AUDITOR).await;
    assert!(deliveries.stdout.contains("403 Forbidden"), "{}", deliveries.stdout);
    let refused = line(&["notices", "deliveries"], "riley@acme.example").await;
    assert_ne!(refused.code, Some(0), "{refused:?}");

    let list = line(&["notices", "list", "--unread"], APPROVER).await;
    assert!(list.stdout.contains("wants to call desk.payments.make"), "{}", list.stdout);
    let id = list.stdout.split_whitespace().find(|it| it.starts_with("ntc_")).unwrap().to_owned();
    let read = line(&["notices", "read", &id], APPROVER).await;
    assert_eq!(read.code, Some(0), "{read:?}");
    let all = line(&["notices", "read"], APPROVER).await;
    assert!(all.stdout.contains("marked as read"), "{}", all.stdout);
    let list = line(&["notices", "list", "--unread"], APPROVER).await;
    assert_eq!(list.stdout, "Nobody has told you anything.\n");

    let log = process.said();
    process.stop().await;
    for secret in ["secret-of-slack", "secret-of-teams", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    let entries = world.entries();
    let sent = entries.iter().filter(|it| {
        let text = serde_json::to_string(it).unwrap();
        text.contains("notice.sent") && text.contains(&approval)
    });
    assert!(sent.count() >= 2);
}
