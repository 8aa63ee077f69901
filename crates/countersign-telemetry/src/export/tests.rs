use super::*;
use crate::{Kind, SpanEnd};
use axum::{Router, extract::State, response::IntoResponse, routing::post};
use serde_json::Value;
use std::sync::Mutex;

/// What a collector was sent: the bodies, in their order.
type Seen = Arc<Mutex<Vec<Value>>>;

/// A collector that answers what `answers` says of the n-th export.
async fn collector<F>(answers: F) -> (String, Seen)
where
    F: Fn(usize) -> axum::response::Response + Clone + Send + Sync + 'static,
{
    let seen = Seen::default();
    let taken = seen.clone();
    let take = move |State(seen): State<Seen>, headers: HeaderMap, body: Bytes| async move {
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["x-key"], "hunter2");
        let many = {
            let mut seen = seen.lock().unwrap();
            seen.push(serde_json::from_slice(&body).unwrap());
            seen.len()
        };
        answers(many)
    };
    let router = Router::new().route("/v1/traces", post(take)).with_state(seen);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, taken)
}

fn fine(_: usize) -> axum::response::Response {
    "{\"partialSuccess\":{}}".into_response()
}

fn start(url: &str) -> (Tracer, Exporting) {
    countersign_identity::install_crypto();
    let mut headers = HeaderMap::new();
    headers.insert("x-key", HeaderValue::from_static("hunter2"));
    Tracer::start(Settings {
        url: url.to_owned(),
        headers,
        sample: Sample::new(1.0).unwrap(),
        service_name: "countersign".to_owned(),
        instance: "test".to_owned(),
        now_nanos: || 7,
        entropy: Entropy::new(|bytes| bytes.fill(0x1d)),
    })
}

/// A call of so many spans.
fn call(tracer: &Tracer, spans: usize) -> Vec<Span> {
    let span = Span {
        context: tracer.begin(&HeaderMap::new()).context,
        parent: None,
        name: "call".to_owned(),
        kind: Kind::Server,
        began_nanos: 1,
        ended_nanos: 2,
        attributes: vec![],
        end: SpanEnd::Unset,
    };
    vec![span; spans]
}

/// Exported, then dropped because the queue was full, the collector away, and it refused.
fn counted(tracer: &Tracer) -> [u64; 4] {
    let mut text = String::new();
    tracer.metrics(&mut text);
    let values: Vec<u64> = text
        .lines()
        .filter(|it| !it.starts_with('#'))
        .map(|it| it.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    values.try_into().unwrap()
}

fn spans(seen: &Seen) -> Vec<usize> {
    let seen = seen.lock().unwrap();
    let spans = |body: &Value| body["resourceSpans"][0]["scopeSpans"][0]["spans"].clone();
    seen.iter().map(|body| spans(body).as_array().unwrap().len()).collect()
}

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_waits_goes_out_in_batches_and_the_end_takes_the_rest_along() {
    let (url, seen) = collector(fine).await;
    let (tracer, exporting) = start(&url);
    for _ in 0..600 {
        tracer.export(call(&tracer, 2));
    }
    exporting.end(SOON).await;
    assert_eq!(spans(&seen), [512, 512, 176]);
    assert_eq!(counted(&tracer), [1200, 0, 0, 0]);
    // After the end nothing is kept.
    tracer.export(call(&tracer, 3));
    assert_eq!(counted(&tracer), [1200, 3, 0, 0]);
}

#[tokio::test]
async fn what_may_go_better_later_is_sent_again_and_what_may_not_is_dropped() {
    let answer = |many: usize| match many {
        1 => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")]).into_response(),
        2 => "{\"partialSuccess\":{\"rejectedSpans\":\"2\"}}".into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    };
    let (url, seen) = collector(answer).await;
    let (tracer, exporting) = start(&url);
    tracer.export(call(&tracer, 512));
    while counted(&tracer)[0] == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(counted(&tracer), [510, 0, 0, 2]);
    tracer.export(call(&tracer, 3));
    exporting.end(SOON).await;
    assert_eq!(counted(&tracer), [510, 0, 0, 5]);
    assert_eq!(spans(&seen), [512, 512, 3]);
}

#[tokio::test]
async fn a_huge_answer_is_not_read_and_the_spans_are_not_sent_twice() {
    let huge = |_| vec![b' '; 4 * 1024 * 1024].into_response();
    let (url, seen) = collector(huge).await;
    let (tracer, exporting) = start(&url);
    tracer.export(call(&tracer, 1));
    exporting.end(SOON).await;
    assert_eq!(counted(&tracer), [0, 0, 0, 1]);
    assert_eq!(spans(&seen), [1]);
}

#[tokio::test]
async fn nobody_waits_for_a_collector_that_is_away() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    drop(listener);
    let (tracer, exporting) = start(&url);
    tracer.export(call(&tracer, 2));
    let began = Instant::now();
    exporting.end(SOON).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(counted(&tracer), [0, 0, 2, 0]);
}

#[tokio::test]
async fn a_collector_that_never_answers_fills_the_queue_and_nothing_else() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (tracer, exporting) = start(&url);
    let began = Instant::now();
    for _ in 0..WAITING_MAX * 2 {
        tracer.export(call(&tracer, 1));
    }
    // Nobody was let run in between, so the queue took what it has room for.
    let room = u64::try_from(WAITING_MAX).unwrap();
    assert_eq!(counted(&tracer), [0, room, 0, 0]);
    let (mut taken, _) = listener.accept().await.unwrap();
    // The task has made room by a batch, which hangs.
    for _ in 0..WAITING_MAX {
        tracer.export(call(&tracer, 1));
    }
    let batch = u64::try_from(BATCH_SPANS).unwrap();
    assert_eq!(counted(&tracer), [0, room * 2 - batch, 0, 0]);
    exporting.end(Duration::from_millis(50)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // The export was begun, and was given up.
    let mut text = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut taken, &mut text).await.unwrap();
    assert!(text.starts_with(b"POST /v1/traces"));
}

#[tokio::test]
async fn the_task_ends_with_the_last_who_could_end_a_span() {
    let (url, seen) = collector(fine).await;
    let (tracer, mut exporting) = start(&url);
    let clone = tracer.clone();
    drop(tracer);
    clone.export(call(&clone, 2));
    drop(clone);
    let ended = tokio::time::timeout(BATCH_WITHIN * 5, &mut exporting.task).await;
    ended.expect("it does not go on for nobody").unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1, "what waited was sent before");
}
