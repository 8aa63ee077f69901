//! An answer that is far larger than what may be in memory, masked as it flows through the real process.

#![expect(clippy::print_stdout, reason = "what was measured is seen with --nocapture")]

use crate::lab::{AGENT, Connection, EMAIL, Process, World, desk};
use http_body_util::BodyExt as _;
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

const MIB: usize = 1024 * 1024;
/// How many MiB the target sends; a debug build masks few of them in a second.
const SIZE: &str = "COUNTERSIGN_TEST_STREAM_MIB";
const SIZE_DEFAULT: usize = 128;
/// What the process may need beyond what it had, whatever the size.
const MEMORY_BYTES_MAX: usize = 32 * MIB;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_answer_is_masked_in_bounded_memory() {
    #[expect(clippy::disallowed_methods, reason = "how much a test sends is said outside")]
    let size = std::env::var(SIZE).ok().map_or(SIZE_DEFAULT, |it| it.parse().unwrap());
    let mut world = World::new().await;
    let mut catalog = desk(&world.target_site);
    catalog["functions"].as_array_mut().unwrap().push(json!({
        "name": "desk.everything.list", "purpose": "A test", "sensitivity": "medium",
        "tags": ["desk"], "http": {"method": "GET", "path": "/v1/everything"},
        "mask": [{"detect": ["email"], "how": "redact"}],
    }));
    world.write("catalog/desk.yaml", &catalog.to_string());
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    let listener = world.target_site.listener().await;
    world.target_site.answers(tokio::spawn(send_everything(listener, size * MIB)));

    let mut connection = Connection::open(process.address).await.unwrap();
    let before = process.memory_peak();
    let began = Instant::now();
    let mut body = connection.begin("/t/desk/v1/everything", &world.token(AGENT)).await.unwrap();
    let (mut got, mut masked, mut kept) = (0, 0, String::new());
    while let Some(frame) = timeout(Duration::from_secs(30), body.frame()).await.unwrap() {
        let Ok(data) = frame.unwrap().into_data() else { continue };
        got += data.len();
        // What stood at the end of the last piece may go on in this one.
        kept.push_str(&String::from_utf8_lossy(&data));
        assert!(!kept.contains(EMAIL), "an address came through after {got} bytes");
        masked += kept.matches("\"mail\":\"").count();
        let mut cut = kept.len().saturating_sub(EMAIL.len());
        while !kept.is_char_boundary(cut) {
            cut -= 1;
        }
        let rest = kept.split_off(cut);
        masked -= rest.matches("\"mail\":\"").count();
        kept = rest;
    }
    assert_eq!(kept.chars().last(), Some(']'), "it ends as it should");
    let grown = process.memory_peak().saturating_sub(before);
    println!("{size} MiB in {:?}, {} KiB more memory", began.elapsed(), grown / 1024);
    assert!(got > size * MIB / 2 && masked > size * 10_000, "{got} bytes, {masked} rows");
    assert!(grown < MEMORY_BYTES_MAX, "{grown} bytes more");
    process.stop().await;
    let outcome = world.outcomes().pop().unwrap();
    assert_eq!(outcome.reason.code(), "granted");
    assert!(outcome.bytes >= u64::try_from(size * MIB).unwrap(), "{outcome:?}");
    assert!(outcome.masked > u64::try_from(size * 10_000).unwrap(), "{outcome:?}");
}

/// A target that answers every call with a JSON array of at least so many bytes.
async fn send_everything(listener: TcpListener, bytes: usize) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(send(stream, bytes));
    }
}

async fn send(mut stream: TcpStream, bytes: usize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let row = format!("{{\"name\":\"somebody or other\",\"mail\":\"{EMAIL}\",\"n\":12345}},\n");
    // A chunk ends in the middle of a row, and so of an address, now and then.
    let rows = row.repeat(2 * 64 * 1024 / row.len());
    let mut sent = 0;
    let begin = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                 transfer-encoding: chunked\r\nconnection: close\r\n\r\n1\r\n[\r\n";
    if stream.write_all(begin.as_bytes()).await.is_err() {
        return;
    }
    while sent < bytes || !sent.is_multiple_of(row.len()) {
        let from = sent % row.len();
        let length = if sent < bytes { 64 * 1024 } else { row.len() - from };
        let piece = rows.get(from..from + length).unwrap();
        let framed = format!("{:x}\r\n{piece}\r\n", piece.len());
        if stream.write_all(framed.as_bytes()).await.is_err() {
            return;
        }
        sent += length;
    }
    drop(stream.write_all(b"2\r\n0]\r\n0\r\n\r\n").await);
}
