//! A receiver of OTLP/JSON, and receivers as no operator wants them.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{net::TcpListener, task::JoinHandle};

/// How a collector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Takes,
    /// Nobody is there.
    Away,
    /// It never answers.
    Hangs,
    /// It answers without end.
    Floods,
    /// It wants nothing of it.
    Fails,
}

/// A collector, until it is dropped.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) url: String,
    seen: Seen,
    task: JoinHandle<()>,
}

type Seen = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

/// A span as it was told.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) trace: String,
    pub(super) id: String,
    /// Empty at the root.
    pub(super) parent: String,
    pub(super) name: String,
    pub(super) kind: u64,
    pub(super) status: u64,
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) attributes: Value,
}

impl Span {
    /// An attribute's text; empty when there is none.
    pub(super) fn text(&self, key: &str) -> String {
        self.attributes[key].as_str().unwrap_or_default().to_owned()
    }
}

impl Collector {
    pub(super) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Seen::default();
        let router = Router::new()
            .route(
                "/v1/traces",
                post(move |state, headers, body| take(manner, state, headers, body)),
            )
            .with_state(Arc::clone(&seen));
        let task = tokio::spawn(async move {
            match manner {
                Manner::Away => drop(listener),
                Manner::Takes | Manner::Hangs | Manner::Floods | Manner::Fails => {
                    axum::serve(listener, router).await.unwrap();
                }
            }
        });
        Self { url, seen, task }
    }

    /// All spans, in the order in which they came.
    pub(super) fn spans(&self) -> Vec<Span> {
        let seen = self.seen.lock().unwrap();
        let lists = seen.iter().map(|(_, it)| &it["resourceSpans"][0]["scopeSpans"][0]["spans"]);
        lists.flat_map(|it| it.as_array().unwrap()).map(span).collect()
    }

    /// All that was told, as text.
    pub(super) fn told(&self) -> String {
        self.seen.lock().unwrap().iter().map(|(_, it)| it.to_string()).collect()
    }

    /// A header of the first export.
    pub(super) fn header(&self, name: &str) -> String {
        self.seen.lock().unwrap()[0].0[name].to_str().unwrap().to_owned()
    }

    /// Who told it.
    pub(super) fn resource(&self) -> Value {
        attributes(&self.seen.lock().unwrap()[0].1["resourceSpans"][0]["resource"]["attributes"])
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(
    manner: Manner,
    State(seen): State<Seen>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap();
    seen.lock().unwrap().push((headers, body));
    match manner {
        Manner::Takes => Json(json!({"partialSuccess": {}})).into_response(),
        Manner::Away | Manner::Hangs => std::future::pending().await,
        Manner::Floods => vec![b' '; 64 * 1024 * 1024].into_response(),
        Manner::Fails => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn span(from: &Value) -> Span {
    let text = |key: &str| from[key].as_str().unwrap_or_default().to_owned();
    let nanos = |key: &str| from[key].as_str().unwrap().parse().unwrap();
    Span {
        trace: text("traceId"),
        id: text("spanId"),
        parent: text("parentSpanId"),
        name: text("name"),
        kind: from["kind"].as_u64().unwrap(),
        status: from["status"]["code"].as_u64().unwrap(),
        began: nanos("startTimeUnixNano"),
        ended: nanos("endTimeUnixNano"),
        attributes: attributes(&from["attributes"]),
    }
}

fn attributes(from: &Value) -> Value {
    let mut all = json!({});
    for attribute in from.as_array().unwrap() {
        let (key, value) = (attribute["key"].as_str().unwrap(), &attribute["value"]);
        assert_eq!(all.get(key), None, "{key} is told twice");
        all[key] = match value["intValue"].as_str() {
            Some(number) => json!(number.parse::<i64>().unwrap()),
            None => value["stringValue"].clone(),
        };
    }
    all
}
