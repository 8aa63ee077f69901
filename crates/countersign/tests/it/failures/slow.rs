//! Callers that are slow on purpose: heads and bodies that trickle or never end, and answers that
//! nobody takes. Each is ended, and others are served meanwhile.

use super::*;
use crate::lab::until;
use bytes::Bytes;
use countersign_model::{Reason, record::Event};
use http::Request;
use http_body_util::BodyExt as _;
use hyper::{
    body::{Body, Frame},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, Interval, interval, timeout},
};

/// What the process is told that it may wait for anybody.
const WITHIN: Duration = Duration::from_secs(1);
/// Nothing here may take longer, on a machine that has other work.
const SOON: Duration = Duration::from_secs(20);

async fn start() -> (World, Process) {
    let world = World::new().await;
    world.configure(&json!({"limits": {
        "head_within": "1s", "body_within": "1s", "answer_taken_within": "1s"
    }}));
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    (world, process)
}

async fn connect(address: SocketAddr) -> (OwnedReadHalf, OwnedWriteHalf) {
    TcpStream::connect(address).await.unwrap().into_split()
}

fn head(token: &str, more: &str) -> String {
    format!(
        "POST /t/desk/v1/notes HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\n{more}\r\n"
    )
}

/// Sends a beginning, then a piece again and again, until the gateway hangs up; what it said, and
/// how long it listened.
async fn trickle(address: SocketAddr, begin: &str, piece: &'static str) -> (String, Duration) {
    let (mut from, mut to) = connect(address).await;
    to.write_all(begin.as_bytes()).await.unwrap();
    let began = Instant::now();
    let drip = tokio::spawn(async move {
        while to.write_all(piece.as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut said = Vec::new();
    // It ends with a reset where something was sent that nobody reads.
    let read = timeout(SOON, from.read_to_end(&mut said)).await;
    drop(read.unwrap());
    drip.abort();
    (String::from_utf8_lossy(&said).into_owned(), began.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_trickles_or_never_ends_is_refused_in_time() {
    let (world, process) = start().await;
    let token = world.token(AGENT);
    let chunked = head(&token, "transfer-encoding: chunked\r\n");
    let long = head(&token, "content-length: 1000000\r\n");
    let rows = [
        ("a body that trickles", format!("{long}{{\"text\":\""), "x"),
        ("a body that never ends", format!("{chunked}9\r\n{{\"text\":\"\r\n"), "1\r\nx\r\n"),
        ("a body that stands still", long.clone(), ""),
    ];
    for (what, begin, piece) in &rows {
        let (said, lasted) = trickle(process.address, begin, piece).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{what}: {said}");
        assert!(said.contains("its body did not arrive whole within 1s"), "{what}: {said}");
        assert!(said.contains("countersign-reason: request_ambiguous"), "{what}: {said}");
        assert!(lasted >= WITHIN - Duration::from_millis(100), "{what}: after {lasted:?}");
    }
    let heads = ["GET /t/desk/v1/items/1 HTTP/1.1\r\nx-a: ", "", "PRI * HTTP/2.0\r\n"];
    for begin in heads {
        let (said, _) = trickle(process.address, begin, "x").await;
        assert!(!said.contains(" 200 "), "{begin}: {said}");
    }
    assert_eq!(world.arrivals.count(), 0, "nothing of it ran");
    only_refusals(&world, rows.len(), Reason::RequestAmbiguous);
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_trickles_or_never_ends_is_refused_in_http2_too() {
    let (world, process) = start().await;
    let token = world.token(AGENT);
    let rows = [
        (Some(Duration::from_millis(100)), None, "a body that never ends"),
        (Some(Duration::from_millis(100)), Some(1_000_000), "a body that trickles"),
        (None, Some(1_000_000), "a body that stands still"),
        (None, None, "a body without any end"),
    ];
    let stream = TcpStream::connect(process.address).await.unwrap();
    let (executor, io) = (TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = http2::handshake(executor, io).await.unwrap();
    let connection = tokio::spawn(connection);
    for (every, length, what) in rows {
        let mut request = Request::builder()
            .method("POST")
            .uri("http://gateway.test/t/desk/v1/notes")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        if let Some(length) = length {
            request = request.header("content-length", length.to_string());
        }
        let request = request.body(Drip::new(every, b"{\"text\":\"", b"x")).unwrap();
        let began = Instant::now();
        let mut sender = sender.clone();
        let answer = timeout(SOON, sender.send_request(request)).await.unwrap().unwrap();
        let lasted = began.elapsed();
        assert_eq!(answer.status(), 400, "{what}");
        assert_eq!(answer.headers()["countersign-reason"], "request_ambiguous", "{what}");
        let said = answer.into_body().collect().await.unwrap().to_bytes();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("its body did not arrive whole within 1s"), "{what}: {said}");
        assert!(lasted >= WITHIN - Duration::from_millis(100), "{what}: after {lasted:?}");
    }
    assert_eq!(world.arrivals.count(), 0, "nothing of it ran");
    only_refusals(&world, rows.len(), Reason::RequestAmbiguous);
    // The connection goes on, and so does the gateway.
    let request = Request::builder()
        .uri(format!("http://gateway.test{ITEM}"))
        .header("authorization", format!("Bearer {token}"));
    let request = request.body(Drip::empty()).unwrap();
    let answer = timeout(SOON, sender.clone().send_request(request)).await.unwrap().unwrap();
    assert_eq!(answer.headers()["countersign-reason"], "granted");
    drop(sender);
    connection.abort();
    process.stop().await;
}

/// No permit was written: the ledger has refusals of this reason, and no intent.
fn only_refusals(world: &World, count: usize, reason: Reason) {
    let entries = world.entries().into_iter();
    let refused: Vec<Reason> = entries
        .filter_map(|entry| {
            if let Event::CallRefused(refused) = entry.event { Some(refused.reason) } else { None }
        })
        .collect();
    assert_eq!(refused, vec![reason; count]);
    assert_eq!(world.intents().len(), 0, "a permit was written");
}

/// A body whose pieces come one at a time, or not at all after the first, and that never ends.
struct Drip {
    first: Option<Bytes>,
    piece: Option<Bytes>,
    every: Option<Interval>,
}

impl Drip {
    fn new(every: Option<Duration>, first: &'static [u8], piece: &'static [u8]) -> Self {
        let (first, piece) = (Bytes::from_static(first), Bytes::from_static(piece));
        Self { first: Some(first), piece: Some(piece), every: every.map(interval) }
    }

    fn empty() -> Self {
        Self { first: None, piece: None, every: None }
    }
}

impl Body for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let Some(piece) = self.piece.clone() else { return Poll::Ready(None) };
        match &mut self.every {
            Some(every) => every.poll_tick(context).map(|_| Some(Ok(Frame::data(piece)))),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_none()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_never_reads_its_answer_loses_its_connection() {
    let (world, process) = start().await;
    let token = world.token(AGENT);
    // More than the buffers of both ends hold.
    let body = json!({"text": "x".repeat(9_000_000)}).to_string();
    let (mut from, mut to) = connect(process.address).await;
    let length = format!("content-length: {}\r\n", body.len());
    to.write_all(head(&token, &length).as_bytes()).await.unwrap();
    to.write_all(body.as_bytes()).await.unwrap();
    until("the end of the connection", async || {
        let say = Say::get("/metrics", "");
        let text = Connection::once(process.address, say).await.unwrap().text();
        // The one that asks is open too.
        text.contains("\ncountersign_connections 1\n").then_some(())
    })
    .await;
    let outcome = until("the outcome", async || world.outcomes().pop()).await;
    assert_eq!(outcome.reason.code(), "caller_gone", "{outcome:?}");
    let mut said = Vec::new();
    let cut = timeout(SOON, from.read_to_end(&mut said)).await.unwrap();
    assert!(cut.is_err() || said.len() < body.len(), "{cut:?} after {} bytes", said.len());
    assert!(!said.ends_with(b"0\r\n\r\n"), "it must not look whole");
    assert_eq!(call(&world, &process, ITEM).await.reason(), "200 granted");
    process.stop().await;
}
