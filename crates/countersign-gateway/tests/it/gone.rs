//! Callers that hang up: what they began is finished or ended, and its outcome is in the ledger.

use crate::{
    lab::Lab,
    rig::{AGENT, Target, answer, eventually, flow, flowing, function, lab, outcome, soon},
};
use countersign_model::Reason;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::json;
use std::sync::{Arc, Mutex, atomic::Ordering};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::Notify};

const TEXT: [(&str, &str); 1] = [("content-type", "text/plain")];

fn request_text(lab: &Lab, line: &str) -> String {
    let token = lab.world.token(AGENT);
    format!("{line} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_hangs_up_while_the_target_works_leaves_a_finished_call() {
    let (began, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, goes_on) = (Arc::clone(&began), Arc::clone(&go_on));
    let target = Target::streaming(move |_, _| {
        let (begins, goes_on) = (Arc::clone(&begins), Arc::clone(&goes_on));
        async move {
            begins.notify_one();
            goes_on.notified().await;
            answer(200, &TEXT, "done")
        }
    })
    .await;
    let lab = lab(target.address, json!({}), &[function("get", "GET", "/v1/x", json!({}))]).await;
    let mut stream = TcpStream::connect(lab.address).await.unwrap();
    let text = request_text(&lab, "GET /t/api/v1/x") + "\r\n";
    stream.write_all(text.as_bytes()).await.unwrap();
    soon(began.notified()).await;
    drop(stream);
    go_on.notify_one();
    assert_eq!(outcome(&lab, 1).await, (200, Reason::Granted));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_hangs_up_in_a_stream_ends_it_at_the_target() {
    let source = Arc::<Mutex<Option<crate::rig::Source>>>::default();
    let keep = Arc::clone(&source);
    let target = Target::streaming(move |_: Request<Incoming>, _| {
        let (source, body) = flow();
        *keep.lock().unwrap() = Some(source);
        async move { flowing(200, &[("content-type", "text/event-stream")], body) }
    })
    .await;
    let lab = lab(target.address, json!({}), &[function("get", "GET", "/v1/x", json!({}))]).await;
    let request = lab.request(Method::GET, "/t/api/v1/x", AGENT).body(Full::default()).unwrap();
    let mut answer = lab.client.request(request).await.unwrap();
    let source = source.lock().unwrap().take().unwrap();
    assert!(source.send("data: 1\n\n").await);
    let first = soon(answer.body_mut().frame()).await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "data: 1\n\n");
    drop(answer);
    soon(source.closed()).await;
    assert_eq!(outcome(&lab, 1).await, (200, Reason::CallerGone));
    eventually("the connection ends", async || target.connections.load(Ordering::SeqCst) == 0)
        .await;
    let mut metrics = String::new();
    lab.gateway.metrics(&mut metrics);
    let broken = "countersign_answers_broken_off_total{reason=\"caller_gone\"} 1";
    assert!(metrics.contains(broken), "{metrics}");
    assert!(metrics.contains("countersign_calls_in_hand 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_breaks_off_is_the_callers_end() {
    let target = Target::start(|_| answer(200, &TEXT, "done")).await;
    let up = function("up", "POST", "/v1/up", json!({"http": {"body": "stream"}}));
    let lab = lab(target.address, json!({}), &[up]).await;
    let mut stream = TcpStream::connect(lab.address).await.unwrap();
    let text = request_text(&lab, "POST /t/api/v1/up") + "content-length: 10\r\n\r\nhello";
    stream.write_all(text.as_bytes()).await.unwrap();
    eventually("the call is on its way", async || target.connections.load(Ordering::SeqCst) == 1)
        .await;
    drop(stream);
    assert_eq!(outcome(&lab, 1).await, (0, Reason::CallerGone));
}
