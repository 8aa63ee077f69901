//! What the tests of this crate share: a clock that a test moves, entropy that repeats, and one
//! request through a router nested where the binary nests it.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{Router, body::Body};
use countersign_model::{Clock, Entropy, Timestamp};
use http::{HeaderMap, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
use tower::ServiceExt;

/// 2026-11-22T09:30:00Z.
pub(crate) const START_MILLIS: i64 = 1_795_339_800_000;

/// A clock, and the hand that moves it.
#[derive(Debug, Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_MILLIS)))
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst)))
    }

    pub(crate) fn move_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

/// Bytes that look random and are the same in every run.
pub(crate) fn entropy() -> Entropy {
    let drawn = AtomicU64::new(0);
    Entropy::new(move |buffer| {
        for chunk in buffer.chunks_mut(32) {
            let number = drawn.fetch_add(1, Ordering::SeqCst).to_be_bytes();
            for (to, from) in chunk.iter_mut().zip(digest(&SHA256, &number).as_ref()) {
                *to = *from;
            }
        }
    })
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, bytes }
}

/// A request to `127.0.0.1:7070` with these further headers.
pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        builder = builder.header("host", "127.0.0.1:7070");
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

/// A form as browsers send it.
pub(crate) fn form(path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Request<Body> {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let mut request = request("POST", path, headers, pairs.join("&"));
    request
        .headers_mut()
        .insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
    request
}
