//! The slow API behind a real server where the wire matters, and in process where it does not.

use super::Slow;
use crate::{
    Secret,
    testing::{Answer, request, send},
};
use axum::Router;
use flate2::read::GzDecoder;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use serde_json::{Value, json};
use std::io::Read;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

fn router() -> Router {
    Router::new().nest("/demo/slow", Slow::new(Secret::new("own")).router())
}

async fn call(method: &str, path: &str, body: &str) -> Answer {
    let headers = [("authorization", "Bearer own"), ("x-trace", "t1")];
    let path = format!("/demo/slow{path}");
    send(&router(), request(method, &path, &headers, body.to_owned())).await
}

/// The bytes of one answer as they come over a real connection, until it ends.
async fn over_the_wire(path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(router());
        let connection = auto::Builder::new(TokioExecutor::new());
        connection.serve_connection(TokioIo::new(stream), service).await.is_err()
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /demo/slow{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer own\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A connection that was cut may end in an error; what came before it counts.
    let ended = stream.read_to_end(&mut bytes).await;
    assert!(ended.is_ok() || !bytes.is_empty());
    let broken = server.await.unwrap();
    format!("{}{}", if broken { "BROKEN " } else { "" }, String::from_utf8(bytes).unwrap())
}

#[tokio::test]
async fn limits_hold() {
    for bad in [
        "/v1/sleep",
        "/v1/sleep?ms=60001",
        "/v1/sleep?ms=-1",
        "/v1/large",
        "/v1/large?bytes=1",
        "/v1/large?bytes=1073741825",
        "/v1/events?count=10001",
        "/v1/events?every_ms=60001",
        "/v1/fail",
        "/v1/fail?how=nicely",
    ] {
        assert_eq!(call("GET", bad, "").await.status, 400, "{bad}");
    }
    let nobody = request("GET", "/demo/slow/v1/sleep?ms=0", &[], "");
    assert_eq!(send(&router(), nobody).await.status, 401);
    assert_eq!(call("GET", "/nowhere", "").await.status, 404);
}

#[tokio::test]
async fn it_sleeps_as_long_as_it_says() {
    let before = tokio::time::Instant::now();
    let answer = call("GET", "/v1/sleep?ms=30", "").await;
    assert!(before.elapsed().as_millis() >= 30);
    assert_eq!(answer.json()["slept_ms"], 30);
}

#[tokio::test]
async fn large_answers_are_json_of_exactly_that_length() {
    for bytes in [2, 3, 300, 65_535, 65_536, 65_537, 131_072, 131_400, 1_000_003] {
        let answer = call("GET", &format!("/v1/large?bytes={bytes}"), "").await;
        assert_eq!(answer.bytes.len(), bytes);
        let rows = answer.json();
        for (index, row) in rows.as_array().unwrap().iter().enumerate() {
            assert_eq!(row["row"], index);
            assert!(row["email"].as_str().unwrap().ends_with(".example"));
        }
        assert!(bytes < 1_000 || rows[0]["payment"]["card_number"].is_string());
    }
}

#[tokio::test]
async fn events_come_one_by_one() {
    let before = tokio::time::Instant::now();
    let answer = call("GET", "/v1/events?count=4&every_ms=10", "").await;
    assert!(before.elapsed().as_millis() >= 30, "not before the first");
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let events: Vec<&str> = answer.text().split_terminator("\n\n").collect();
    assert_eq!(events.len(), 4);
    for (index, event) in events.iter().enumerate() {
        let lines: Vec<&str> = event.lines().collect();
        assert_eq!(lines[0], format!("id: {}", index + 1));
        assert_eq!(lines[1], "event: customer.updated");
        let data: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
        assert!(data["email"].as_str().unwrap().ends_with(".example"));
    }
    assert_eq!(call("GET", "/v1/events?count=0", "").await.text(), "");
}

#[tokio::test]
async fn failures_fail_as_asked() {
    let error = call("GET", "/v1/fail?how=500", "").await;
    assert_eq!(error.status, 500);
    assert!(error.text().contains(".example"), "an error that tells too much");
    let away = call("GET", "/v1/fail?how=503", "").await;
    assert_eq!((away.status.as_u16(), away.header("retry-after")), (503, "2"));
    let garbage = call("GET", "/v1/fail?how=garbage", "").await;
    assert_eq!(garbage.header("content-type"), "application/json");
    assert!(serde_json::from_slice::<Value>(&garbage.bytes).is_err());
    assert!(garbage.text().contains(".example"));
}

#[tokio::test]
async fn a_reset_cuts_the_body_in_the_middle() {
    let answer = over_the_wire("/v1/fail?how=reset").await;
    assert!(answer.starts_with("BROKEN HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("{\"customer\":\"c_81\""), "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "the last chunk never comes: {answer}");
}

#[tokio::test]
async fn a_short_answer_sends_less_than_it_announces() {
    let answer = over_the_wire("/v1/fail?how=short").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(serde_json::from_str::<Value>(body).is_ok(), "{answer}");
    assert_eq!(announced.parse::<usize>().unwrap(), body.len() + 100);
}

#[tokio::test]
async fn echo_tells_what_came_but_not_the_credential() {
    let answer = call("POST", "/v1/echo?a=1&a=2", "{\"x\": [1, null]}").await.json();
    assert_eq!(
        answer,
        json!({
            "method": "POST", "path": "/v1/echo", "query": "a=1&a=2",
            "headers": { "host": ["127.0.0.1:7070"], "x-trace": ["t1"] },
            "body": { "x": [1, null] },
        })
    );
    assert_eq!(call("POST", "/v1/echo", "").await.json()["body"], Value::Null);
    assert_eq!(call("POST", "/v1/echo", "{").await.status, 400);
    assert_eq!(call("POST", "/v1/echo", &"1".repeat((1 << 20) + 1)).await.status, 413);
}

#[tokio::test]
async fn compressed_answers_are_gzip_of_json() {
    let answer = call("GET", "/v1/compressed", "").await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut text = String::new();
    GzDecoder::new(answer.bytes.as_slice()).read_to_string(&mut text).unwrap();
    let unzipped: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(unzipped["customers"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn counters_count_routes() {
    let slow = Slow::new(Secret::new("own"));
    let headers = [("authorization", "Bearer own")];
    for _ in 0..2 {
        send(&slow.router(), request("GET", "/v1/sleep?ms=0", &headers, "")).await;
    }
    assert_eq!(slow.counters().calls.get("GET /v1/sleep"), Some(&2));
    let counters = send(&slow.router(), request("GET", "/counters", &headers, "")).await.json();
    assert_eq!(counters["calls"]["GET /v1/sleep"], 2);
}
