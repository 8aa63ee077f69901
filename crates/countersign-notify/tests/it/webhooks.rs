//! Signed webhooks, verified by an implementation that is not ours.

use crate::{
    receiver::{Receiver, Sent},
    world::{PUBLIC_URL, World},
};
use countersign_governance::DeliveryState;
use countersign_model::Span;
use countersign_notify::{Settings, SigningSecret, WebhookSettings};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD9Aqz8oDXr3E=";
const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn settings(url: &str, secrets: &[&str]) -> Settings {
    let secrets = secrets.iter().map(|it| SigningSecret::read(it).unwrap()).collect();
    let webhook = WebhookSettings { name: "siem".to_owned(), url: url.to_owned(), secrets };
    Settings { webhooks: vec![webhook], ..Settings::default() }
}

/// What the reference implementation makes of a request, if it is here.
fn verified(secret: &str, sent: &Sent) -> Option<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/standardwebhooks");
    if !directory.join("node_modules/standardwebhooks").exists() {
        return None;
    }
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: Value =
        headers.iter().map(|it| ((*it).to_owned(), json!(sent.header(it)))).collect();
    let question = json!({"secret": secret, "headers": headers, "body": sent.body}).to_string();
    let mut node = Command::new("node")
        .arg("verify.mjs")
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    node.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
async fn the_reference_implementation_verifies_what_is_sent_while_a_secret_changes() {
    let receiver = Receiver::start(vec![]).await;
    let world = World::start(settings(&receiver.url, &[NEW, OLD])).await;
    let approval = world.held("riley", "olivia").await;
    world.send("webhook:siem").await;
    let sent = &receiver.sent()[0];
    let row = &world.deliveries("webhook:siem").await[0];
    assert_eq!((row.state, row.answer.as_str()), (DeliveryState::Sent, "200 OK"));
    assert_eq!(sent.header("webhook-id"), row.id.to_string());
    assert_eq!(sent.header("content-type"), "application/json");
    let body = sent.json();
    assert_eq!(body["type"], "notice.approval_waits");
    assert_eq!(body["data"]["to"], "olivia");
    assert_eq!(body["data"]["about"], json!([approval.id]));
    assert_eq!(body["data"]["link"], format!("{PUBLIC_URL}/console/approvals/{}", approval.id));
    assert!(!sent.body.contains("secret-argument"));

    if verified(OLD, sent).is_none() {
        eprintln!("skipped: node or the npm package standardwebhooks is missing");
        return;
    }
    for secret in [OLD, NEW] {
        let judged = verified(secret, sent).unwrap();
        assert_eq!(judged["verified"], true, "{judged}");
        assert_eq!(judged["payload"], body);
    }
    assert_eq!(verified(OTHER, sent).unwrap()["verified"], false);
    let changed = Sent { body: sent.body.replace("olivia", "mallory"), ..sent.clone() };
    assert_eq!(verified(OLD, &changed).unwrap()["verified"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_again_has_the_same_id() {
    let answers = vec![(503, vec![("retry-after", "900")], ""), (200, vec![], "")];
    let receiver = Receiver::start(answers).await;
    let world = World::start(settings(&receiver.url, &[OLD])).await;
    world.test_of("olivia").await;
    world.send("webhook:siem").await;
    let row = world.deliveries("webhook:siem").await.remove(0);
    assert_eq!(
        (row.state, row.answer.as_str()),
        (DeliveryState::Failed, "503 Service Unavailable")
    );
    world.pass(Span::from_seconds(899));
    world.send("webhook:siem").await;
    assert_eq!(receiver.sent().len(), 1, "it asked for fifteen minutes");
    world.pass(Span::from_seconds(2));
    world.send("webhook:siem").await;
    let sent = receiver.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].header("webhook-id"), sent[1].header("webhook-id"));
    assert_ne!(sent[0].header("webhook-timestamp"), sent[1].header("webhook-timestamp"));
    assert_eq!(sent[0].body, sent[1].body);
    assert_eq!(world.deliveries("webhook:siem").await[0].state, DeliveryState::Sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_or_redirected_is_given_up() {
    let other = Receiver::start(vec![]).await;
    let to: &'static str = Box::leak(other.url.clone().into_boxed_str());
    let receiver =
        Receiver::start(vec![(410, vec![], ""), (307, vec![("location", to)], "")]).await;
    let world = World::start(settings(&receiver.url, &[OLD])).await;
    for _ in 0..2 {
        world.test_of("olivia").await;
        world.send("webhook:siem").await;
    }
    let rows = world.deliveries("webhook:siem").await;
    assert!(rows.iter().all(|it| it.state == DeliveryState::GivenUp), "{rows:?}");
    assert!(rows[1].error.contains("redirects"), "{}", rows[1].error);
    assert!(other.sent().is_empty(), "nobody is followed");
}

#[test]
fn a_secret_is_as_the_specification_writes_it_and_is_not_printed() {
    for bad in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%"] {
        assert!(SigningSecret::read(bad).is_err(), "{bad}");
    }
    let secret = SigningSecret::read(OLD).unwrap();
    assert_eq!(format!("{secret:?}"), "…");
}
