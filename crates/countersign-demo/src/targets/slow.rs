//! An API that behaves badly in every way that a gateway must live with.
//!
//! | route | what it does |
//! |---|---|
//! | `GET /v1/sleep?ms=` | answers after that long, at most 60 s |
//! | `GET /v1/large?bytes=` | a JSON array of exactly that many bytes, at most 1 GiB, streamed |
//! | `GET /v1/events?count=&every_ms=` | server-sent events with e-mail addresses in them |
//! | `GET /v1/fail?how=` | `500`, `503`, `reset`, `short` or `garbage` |
//! | `POST /v1/echo` | what arrived, without the credential |
//! | `GET /v1/compressed` | gzip, whatever the caller accepts |
//! | `GET /counters` | what this API saw |
//!
//! Every route takes the API's own credential and no other. It never holds a large answer in memory.

use super::{
    credential::{Counters, Door, Tally, check},
    made_up::{Customer, customer},
    problem::{not_allowed, not_found, problem},
};
use crate::Secret;
use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Query, Request, State, rejection::QueryRejection},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::{StreamExt, stream};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, convert::Infallible, io, io::Write, sync::Arc, time::Duration};

const SLEEP_MS_MAX: u64 = 60_000;
const LARGE_BYTES_MAX: u64 = 1 << 30;
const EVENTS_MAX: u32 = 10_000;
const EVERY_MS_MAX: u64 = 60_000;
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long an answer that is cut short goes on before it is cut.
const CUT_AFTER_MS: u64 = 50;
/// How much of a large answer is made at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// How many different customers the rows of a large answer are made from.
const ROWS_DIFFERENT: u32 = 64;

/// The slow API. Clones share their counters.
#[derive(Debug, Clone)]
pub struct Slow(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    door: Door,
    /// The rows of a large answer, each without the opening brace.
    rows: Arc<Vec<String>>,
}

impl Slow {
    /// The API, behind this credential.
    pub fn new(credential: Secret) -> Self {
        let rows = (1..=ROWS_DIFFERENT).map(|number| row(&customer(number))).collect();
        let door = Door { credential, tally: Tally::default() };
        Self(Arc::new(Inner { door, rows: Arc::new(rows) }))
    }

    /// The routes, to be nested anywhere.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/sleep", get(sleep))
            .route("/v1/large", get(large))
            .route("/v1/events", get(events))
            .route("/v1/fail", get(fail))
            .route("/v1/echo", post(echo))
            .route("/v1/compressed", get(compressed))
            .route("/counters", get(show_counters))
            .fallback(not_found)
            .method_not_allowed_fallback(not_allowed)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(from_fn_with_state(self.0.door.clone(), check))
            .with_state(self.clone())
    }

    /// What this API saw since it began.
    pub fn counters(&self) -> Counters {
        self.0.door.tally.read()
    }
}

#[derive(Debug, Deserialize)]
struct Sleep {
    ms: u64,
}

async fn sleep(asked: Result<Query<Sleep>, QueryRejection>) -> Response {
    let Some(Sleep { ms }) = asked.ok().map(|it| it.0).filter(|it| it.ms <= SLEEP_MS_MAX) else {
        return problem(StatusCode::BAD_REQUEST, "ms is a number, at most 60000");
    };
    tokio::time::sleep(Duration::from_millis(ms)).await;
    let Customer { name, email, .. } = customer(81);
    let message = format!("{name} <{email}> waited {ms} ms for this.");
    Json(json!({ "slept_ms": ms, "message": message })).into_response()
}

#[derive(Debug, Deserialize)]
struct Large {
    bytes: u64,
}

async fn large(State(slow): State<Slow>, asked: Result<Query<Large>, QueryRejection>) -> Response {
    let fits = |it: &Large| (2..=LARGE_BYTES_MAX).contains(&it.bytes);
    let Some(Large { bytes }) = asked.ok().map(|it| it.0).filter(fits) else {
        return problem(StatusCode::BAD_REQUEST, "bytes is a number from 2 to 1073741824");
    };
    let array = Array { rows: Arc::clone(&slow.0.rows), next: 0, bytes_left: bytes };
    let chunks = stream::unfold(array, |mut array| async move {
        let chunk = array.chunk()?;
        Some((Ok::<_, Infallible>(chunk), array))
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(chunks)).into_response()
}

/// A JSON array on its way: what is still to come of it.
struct Array {
    rows: Arc<Vec<String>>,
    next: u64,
    bytes_left: u64,
}

impl Array {
    /// The next piece, or nothing after the last. Blanks before the closing bracket make the length
    /// exact.
    fn chunk(&mut self) -> Option<Bytes> {
        if self.bytes_left == 0 {
            return None;
        }
        let mut chunk = Vec::with_capacity(CHUNK_BYTES + 1024);
        if self.next == 0 {
            chunk.push(b'[');
        }
        while chunk.len() < CHUNK_BYTES {
            let comma = if self.next == 0 { "" } else { ",\n" };
            let index = usize::try_from(self.next % u64::from(ROWS_DIFFERENT)).unwrap_or(0);
            let rest = self.rows.get(index).map_or("\"\"}", String::as_str);
            let row = format!("{comma}{{\"row\":{},{rest}", self.next);
            let length = u64::try_from(chunk.len() + row.len() + 1).unwrap_or(u64::MAX);
            if length > self.bytes_left {
                let blanks = usize::try_from(self.bytes_left).unwrap_or(0).saturating_sub(1);
                chunk.resize(blanks, b' ');
                chunk.push(b']');
                self.bytes_left = 0;
                return Some(chunk.into());
            }
            chunk.extend_from_slice(row.as_bytes());
            self.next += 1;
        }
        self.bytes_left -= u64::try_from(chunk.len()).unwrap_or(u64::MAX).min(self.bytes_left);
        Some(chunk.into())
    }
}

/// A customer as a row of a large answer, without the opening brace.
fn row(customer: &Customer) -> String {
    let Customer { id, name, email, phone, address, payment, .. } = customer;
    let row = json!({
        "customer": id,
        "name": name,
        "email": email,
        "phone": phone,
        "address": address,
        "payment": payment,
    });
    row.to_string().trim_start_matches('{').to_owned()
}

#[derive(Debug, Deserialize)]
struct Events {
    #[serde(default = "three")]
    count: u32,
    #[serde(default)]
    every_ms: u64,
}

const fn three() -> u32 {
    3
}

async fn events(asked: Result<Query<Events>, QueryRejection>) -> Response {
    let fits = |it: &Events| it.count <= EVENTS_MAX && it.every_ms <= EVERY_MS_MAX;
    let Some(Events { count, every_ms }) = asked.ok().map(|it| it.0).filter(fits) else {
        return problem(StatusCode::BAD_REQUEST, "count is at most 10000, every_ms at most 60000");
    };
    let events = stream::unfold(1, move |number| async move {
        if number > count {
            return None;
        }
        if number > 1 && every_ms > 0 {
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
        }
        Some((Ok::<_, Infallible>(event(number)), number + 1))
    });
    let headers = [("content-type", "text/event-stream"), ("cache-control", "no-store")];
    (headers, Body::from_stream(events)).into_response()
}

fn event(number: u32) -> Bytes {
    let Customer { id, name, email, last_sign_in, .. } = customer(number % 240 + 1);
    let data = json!({
        "customer": id,
        "email": email,
        "text": format!("{name} changed their address to {email}"),
        "from": last_sign_in,
    });
    format!("id: {number}\nevent: customer.updated\ndata: {data}\n\n").into()
}

#[derive(Debug, Deserialize)]
struct Fail {
    how: How,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    #[serde(rename = "500")]
    InternalError,
    #[serde(rename = "503")]
    Unavailable,
    Reset,
    Short,
    Garbage,
}

async fn fail(asked: Result<Query<Fail>, QueryRejection>) -> Response {
    let Ok(Query(Fail { how })) = asked else {
        return problem(StatusCode::BAD_REQUEST, "how is 500, 503, reset, short or garbage");
    };
    let Customer { id, name, email, .. } = customer(81);
    let whole = format!("{{\"customer\":\"{id}\",\"email\":\"{email}\",\"name\":\"{name}\"}}");
    let json = (CONTENT_TYPE, "application/json");
    match how {
        How::InternalError => problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("panicked while writing to {name} <{email}> in billing/mailer.rs:214"),
        ),
        How::Unavailable => {
            let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "out for lunch");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
            response
        }
        How::Reset => {
            // A body that errors makes the server cut the connection.
            let half: String = whole.chars().take(whole.len() / 2).collect();
            ([json], cut(half, Some(io::Error::other("cut off on purpose")))).into_response()
        }
        How::Short => {
            let length = [(CONTENT_LENGTH, (whole.len() + 100).to_string())];
            ([json], length, cut(whole, None)).into_response()
        }
        How::Garbage => {
            let text = whole.replace(':', " => ");
            ([json], format!("{text}, and {email} once more, [unclosed")).into_response()
        }
    }
}

/// A body that stops after its first piece. The pause lets that piece, and the head before it, leave:
/// a server that meets both at once sends neither.
fn cut(piece: String, error: Option<io::Error>) -> Body {
    let first = stream::once(async move { Some(Ok(Bytes::from(piece))) });
    let end = stream::once(async move {
        tokio::time::sleep(Duration::from_millis(CUT_AFTER_MS)).await;
        error.map(Err)
    });
    Body::from_stream(first.chain(end).filter_map(std::future::ready))
}

async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let Ok(bytes) = bytes else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB, or broken");
    };
    echoed(&parts.method, &parts.uri, &parts.headers, &bytes)
}

fn echoed(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
    let body: Value = match body.as_ref() {
        [] => Value::Null,
        bytes => match serde_json::from_slice(bytes) {
            Ok(body) => body,
            Err(_) => return problem(StatusCode::BAD_REQUEST, "the body is no JSON"),
        },
    };
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != AUTHORIZATION) {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        names.entry(name.as_str()).or_default().push(value);
    }
    Json(json!({
        "method": method.as_str(),
        "path": uri.path(),
        "query": uri.query(),
        "headers": names,
        "body": body,
    }))
    .into_response()
}

async fn compressed() -> Response {
    let customers: Vec<Customer> = (1..=50).map(customer).collect();
    let text = json!({ "customers": customers }).to_string();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let zipped = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    match zipped {
        Ok(bytes) => {
            let headers = [(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")];
            (headers, bytes).into_response()
        }
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer can't be compressed"),
    }
}

async fn show_counters(State(slow): State<Slow>) -> Json<Counters> {
    Json(slow.counters())
}

#[cfg(test)]
mod tests;
