//! Limits and stops: what is too much, too often, stopped, or unsure is refused, and says so.

use crate::{
    lab::Lab,
    rig::{
        AGENT, LONG, Target, answer, eventually, flow, flowing, function, lab, lab_with, outcome,
        raw, refusals, soon, status_line,
    },
};
use countersign_gateway::Limits;
use countersign_model::{FunctionName, Reason, Span, Subject, snapshot::KillScope};
use http::Method;
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

const TEXT: [(&str, &str); 1] = [("content-type", "text/plain")];

async fn start() -> (Lab, Target) {
    let target = Target::start(|_| answer(200, &TEXT, "done")).await;
    let get = function("get", "GET", "/v1/x", json!({"rate": {"calls": 1000, "per": "1m"}}));
    let lab = lab(target.address, json!({}), &[get]).await;
    (lab, target)
}

async fn code(lab: &Lab) -> (u16, String) {
    let answer = soon(lab.get("/t/api/v1/x", AGENT)).await;
    (answer.status.as_u16(), answer.code())
}

fn told(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_too_large_does_not_run() {
    let target = Target::start(|_| answer(200, &TEXT, "done")).await;
    let functions = [
        function("send", "POST", "/v1/send", json!({"input": {"type": "object"}})),
        function("up", "POST", "/v1/up", json!({"http": {"body": "stream"}})),
    ];
    let lab = lab(target.address, json!({"request_bytes_max": 1000}), &functions).await;
    let token = lab.world.token(AGENT);
    let body = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\nconnection: close\r\n"
        )
    };
    for path in ["/t/api/v1/send", "/call/api.send", "/t/api/v1/up"] {
        let (fits, large) = (body(1000), body(1001));
        let length =
            |body: &str| format!("{}content-length: {}\r\n\r\n{body}", head(path), body.len());
        let chunked = |body: &str| {
            let head = head(path);
            format!(
                "{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            )
        };
        for text in [length(&fits), chunked(&fits)] {
            assert_eq!(status_line(&raw(lab.address, text).await), 200, "{path}");
            assert_eq!(target.one().body.len(), 1000, "{path}");
        }
        for text in [length(&large), chunked(&large)] {
            let answer = raw(lab.address, text).await;
            assert_eq!(status_line(&answer), 413, "{path}: {answer}");
            assert!(answer.contains("countersign-reason: request_too_large"), "{answer}");
            // A streamed body may have begun to leave; it was never whole.
            assert!(target.take().iter().all(|it| it.body.len() < 1000), "{path}");
        }
        // Nobody reads what is announced to be too large.
        let announced = format!("{}content-length: 99999999\r\n\r\n", head(path));
        assert_eq!(status_line(&raw(lab.address, announced).await), 413, "{path}");
    }
    assert_eq!(refusals(&lab.world), [Reason::RequestTooLarge; 8]);
    eventually("the outcome", async || {
        crate::rig::outcomes(&lab.world).iter().any(|it| it.reason == Reason::RequestTooLarge)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_too_large_is_withheld_or_cut() {
    let target = Target::streaming(|request, _| async move {
        let kind = request.uri().path().rsplit('/').next().unwrap().to_owned();
        match &*kind {
            "known" => answer(200, &TEXT, "x".repeat(1001)),
            "fits" => answer(200, &TEXT, "x".repeat(1000)),
            _ => {
                let (source, body) = flow();
                tokio::spawn(async move { while source.send("x".repeat(400)).await {} });
                flowing(200, &TEXT, body)
            }
        }
    })
    .await;
    let get = function("get", "GET", "/v1/{kind}", json!({}));
    let lab = lab(target.address, json!({"response_bytes_max": 1000}), &[get]).await;
    assert_eq!(lab.get("/t/api/v1/fits", AGENT).await.body.len(), 1000);
    let answer = lab.get("/t/api/v1/known", AGENT).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (502, "response_too_large"));
    assert_eq!(outcome(&lab, 2).await, (200, Reason::ResponseTooLarge));
    let request =
        lab.request(Method::GET, "/t/api/v1/endless", AGENT).body(Full::default()).unwrap();
    let mut body = lab.client.request(request).await.unwrap().into_body();
    let mut bytes = 0;
    let cut = loop {
        match soon(body.frame()).await {
            Some(Ok(frame)) => bytes += frame.data_ref().unwrap().len(),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(cut && bytes <= 1000, "{cut} after {bytes}");
    assert_eq!(outcome(&lab, 3).await, (200, Reason::ResponseTooLarge));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_counts_until_its_answer_has_ended() {
    let source = Arc::<Mutex<Option<crate::rig::Source>>>::default();
    let keep = Arc::clone(&source);
    let target = Target::streaming(move |_, _| {
        let (source, body) = flow();
        *keep.lock().unwrap() = Some(source);
        async move { flowing(200, &TEXT, body) }
    })
    .await;
    let limits = Limits { calls_max: 1, ..Limits::default() };
    let get = function("get", "GET", "/v1/x", json!({}));
    let lab = lab_with(limits, target.address, json!({}), &[get]).await;
    let request = || lab.request(Method::GET, "/t/api/v1/x", AGENT).body(Full::default()).unwrap();
    let answer = soon(lab.client.request(request())).await.unwrap();
    assert_eq!(code(&lab).await, told(503, "overloaded"));
    let source = source.lock().unwrap().take().unwrap();
    // Whoever drains waits for it too.
    let drained = Arc::<AtomicUsize>::default();
    let (gateway, done) = (lab.gateway.clone(), Arc::clone(&drained));
    let draining = tokio::spawn(async move {
        gateway.drain().await;
        done.fetch_add(1, Ordering::SeqCst);
    });
    eventually("draining", async || code(&lab).await == told(503, "draining")).await;
    assert!(source.send("last").await);
    assert_eq!(drained.load(Ordering::SeqCst), 0);
    drop(source);
    assert_eq!(soon(answer.into_body().collect()).await.unwrap().to_bytes(), "last");
    soon(draining).await.unwrap();
    assert_eq!(outcome(&lab, 1).await, (200, Reason::Granted));
    let mut metrics = String::new();
    lab.gateway.metrics(&mut metrics);
    for line in [
        "countersign_calls_total{reason=\"overloaded\"} 1",
        "countersign_calls_total{reason=\"granted\"} 1",
        "countersign_calls_in_hand 0",
        "countersign_calls_leaving 0",
        "countersign_call_seconds_bucket{le=\"+Inf\"}",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_too_often_is_told_when() {
    let target = Target::start(|_| answer(200, &TEXT, "done")).await;
    let get = function("get", "GET", "/v1/x", json!({"rate": {"calls": 2, "per": "1h"}}));
    let lab = lab(target.address, json!({}), &[get]).await;
    for expect in [told(200, "granted"), told(200, "granted"), told(429, "rate_limited")] {
        assert_eq!(code(&lab).await, expect);
    }
    let answer = lab.get("/t/api/v1/x", AGENT).await;
    let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1790..=1800).contains(&seconds), "{seconds}");
    assert_eq!(target.take().len(), 2);
    lab.world.pass(Span::from_seconds(1800));
    for expect in [told(200, "granted"), told(429, "rate_limited")] {
        assert_eq!(code(&lab).await, expect);
    }
    assert_eq!(refusals(&lab.world), [Reason::RateLimited; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_in_force_on_the_next_call() {
    let (lab, target) = start().await;
    let sam = lab.actor("sam@acme.example");
    let scopes = [
        KillScope::Everything,
        KillScope::Target("api".into()),
        KillScope::Function(FunctionName::from("api.get")),
    ];
    for scope in scopes {
        lab.governance.kill(&sam, scope.clone(), "a test").await.unwrap();
        assert_eq!(code(&lab).await, told(403, "kill_switch"), "{scope:?}");
        lab.governance.unkill(&sam, scope.clone(), "a test").await.unwrap();
        assert_eq!(code(&lab).await, told(200, "granted"), "{scope:?}");
    }
    let agent = Subject::from(AGENT);
    lab.governance.suspend(&sam, &agent, "a test").await.unwrap();
    assert_eq!(code(&lab).await, told(403, "subject_suspended"));
    assert_eq!(lab.get("/tools", AGENT).await.json()["functions"], json!([]));
    lab.governance.resume(&sam, &agent, "a test").await.unwrap();
    assert_eq!(code(&lab).await, told(200, "granted"));
    let grant = lab.governance.policy().load().grants().next().unwrap().id;
    lab.governance.revoke_grant(&sam, grant, "a test").await.unwrap();
    assert_eq!(code(&lab).await, told(403, "grant_revoked"));
    assert_eq!(target.take().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_store_known_sessions_go_on_until_the_policy_is_stale() {
    let (lab, target) = start().await;
    assert_eq!(code(&lab).await, told(200, "granted"));
    lab.governance.store().close().await;
    // The decision needs no store, and the session's key is here.
    assert_eq!(code(&lab).await, told(200, "granted"));
    assert_eq!(target.take().len(), 2);
    // A recording without a key in the store could never be read: no new session.
    let request =
        lab.request(Method::GET, "/t/api/v1/x", AGENT).header("countersign-session", "new");
    let answer = soon(lab.send(request.body(Full::default()).unwrap())).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (503, "store_unavailable"));
    assert!(answer.headers.contains_key("retry-after"));
    // Nobody can say any more that nothing was revoked.
    lab.world.pass(LONG);
    assert_eq!(code(&lab).await, told(503, "policy_stale"));
    assert!(target.take().is_empty());
    assert_eq!(refusals(&lab.world), [Reason::StoreUnavailable, Reason::PolicyStale]);
}
