//! What the function hides is hidden from everybody, and runs as it was sent.

use super::*;
use crate::lab::TARGET_SECRET;
use countersign_governance::SessionFilter;
use countersign_ledger::SegmentReader;
use countersign_model::exchange::Exchange;
use std::path::Path;

const PLANTED: &str = "planted.needle@hay.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a08_hidden_arguments_run_unmasked_and_are_seen_nowhere() {
    let lab = lab().await;
    let mut body = refund(250);
    body["reason"] = json!(format!("sent to {PLANTED} by mistake"));
    let call = Call::post(&alice(&lab), REFUNDS, &body);
    let id = call.held(&lab).await;
    let seen = approve(&lab, AMIR, id).await;
    assert_eq!(seen.call.hidden, ["/reason"]);
    assert_eq!(seen.call.shown["reason"], "sent to [redacted] by mistake");
    assert_eq!(seen.call.shown["amount"], 250);
    assert!(!seen.call.sealed.windows(8).any(|it| PLANTED.as_bytes().starts_with(it)));
    let before = planted(lab.world.directory.path());
    assert_eq!(before, Vec::<String>::new());

    ran_as(&call.at_once().send(&lab).await, "approved");
    assert_eq!(paid(&lab), 1);
    assert_eq!(at_the_target(&lab).await["reason"], body["reason"]);
    let filter = SessionFilter { limit: 1, ..Default::default() };
    let sessions = lab.governance.sessions(filter).await.unwrap();
    let key = lab.governance.session_key(sessions[0].id).await.unwrap().unwrap();
    let world = lab.stop().await;
    assert_eq!(planted(world.directory.path()), Vec::<String>::new());
    let reader = SegmentReader::open(&world.directory.path().join("recordings"));
    let frame = reader.frames().unwrap().next().unwrap().unwrap();
    let payload = reader.read(frame.segment, frame.offset, &key).unwrap().remove(0);
    assert!(!String::from_utf8_lossy(&payload.bytes).contains(PLANTED));
    let exchange = Exchange::from_bytes(&payload.bytes).unwrap();
    assert_eq!((exchange.approval, exchange.hidden), (Some(id), vec!["/reason".to_owned()]));
    assert_eq!(exchange.arguments["reason"], "sent to [redacted] by mistake");
}

/// The refund as the target got it.
async fn at_the_target(lab: &Lab) -> Value {
    let request = Request::builder()
        .uri(format!("http://{}/billing/v1/refunds/r_1", lab.world.targets))
        .header("authorization", format!("Bearer {TARGET_SECRET}"))
        .body(Full::default())
        .unwrap();
    lab.send(request).await.json()
}

/// Files that hold the planted address in clear.
fn planted(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(planted(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let needle = PLANTED.as_bytes();
            if bytes.windows(needle.len()).any(|it| it == needle) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
