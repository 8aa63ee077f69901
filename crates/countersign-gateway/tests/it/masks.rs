//! Answers on their way to the caller: nothing that must be masked gets through, whatever its form.

use crate::{
    lab::{Answer, Lab},
    rig::{AGENT, Source, Target, answer, flow, flowing, function, lab, outcome, raw_target, soon},
};
use bytes::Bytes;
use countersign_model::Reason;
use http::Method;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::{
    io::Write as _,
    sync::{Arc, Mutex},
};
use tokio::io::AsyncWriteExt as _;

const TEXT: &str = r#"{"name":"Bob","mail":"bob@example.com","more":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#;
/// The same, as Node's zlib writes it.
const BROTLI: [u8; 60] = [
    27, 98, 0, 128, 156, 7, 118, 236, 196, 26, 195, 240, 242, 195, 69, 86, 189, 237, 165, 152, 16,
    94, 178, 232, 244, 181, 8, 80, 153, 92, 15, 184, 21, 43, 46, 121, 227, 210, 4, 240, 144, 133,
    244, 77, 53, 1, 45, 191, 18, 152, 74, 64, 186, 218, 229, 108, 208, 247, 93, 53,
];

type Said = Arc<Mutex<(u16, Headers, Bytes)>>;

/// A target that says what a test tells it to, before functions that mask, and one that does not.
async fn start() -> (Lab, Target, Said) {
    let said: Said = Arc::new(Mutex::new((200, vec![], Bytes::new())));
    let says = Arc::clone(&said);
    let target = Target::start(move |_| {
        let (status, headers, body) = &*says.lock().unwrap();
        answer(*status, headers, body.clone())
    })
    .await;
    let rules = [
        ("emails", json!([{"detect": ["email"], "how": "redact"}])),
        ("fields", json!([{"field": "$.mail", "how": "redact"}])),
        ("plain", json!([])),
    ];
    let functions = rules
        .map(|(name, mask)| function(name, "GET", &format!("/v1/{name}"), json!({"mask": mask})));
    let lab = lab(target.address, json!({}), &functions).await;
    (lab, target, said)
}

fn say(said: &Said, status: u16, headers: &[(&'static str, &'static str)], body: impl Into<Bytes>) {
    *said.lock().unwrap() = (status, headers.to_vec(), body.into());
}

async fn call(lab: &Lab, name: &str) -> Answer {
    soon(lab.get(&format!("/t/api/v1/{name}"), AGENT)).await
}

/// Whether the answer came, and if it did not, why.
async fn fate(lab: &Lab, name: &str) -> (u16, String) {
    let answer = call(lab, name).await;
    let text = String::from_utf8_lossy(&answer.body);
    assert!(!text.contains("bob@"), "{name}: {text}");
    (answer.status.as_u16(), answer.code())
}

type Headers = Vec<(&'static str, &'static str)>;
/// Status and reason.
type Told = (u16, &'static str);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_can_be_read_is_delivered() {
    let (lab, _target, said) = start().await;
    let kind = |it: &'static str| ("content-type", it);
    let encoded = |it: &'static str| [kind("application/json"), ("content-encoding", it)];
    let fine = (200, "granted");
    let withheld = (502, "unmaskable_response");
    let rows: Vec<(&str, Headers, Told, Told)> = vec![
        // What it is, how `emails` fares, how `fields` fares.
        ("json", vec![kind("application/json")], fine, fine),
        ("problem", vec![kind("application/problem+json; charset=utf-8")], fine, fine),
        ("text", vec![kind("text/plain")], fine, withheld),
        ("html", vec![kind("text/html; charset=ISO-8859-1")], fine, withheld),
        ("utf-16", vec![kind("text/plain; charset=utf-16")], withheld, withheld),
        ("utf-7", vec![kind("text/plain; charset=\"utf-7\"")], withheld, withheld),
        ("two types", vec![kind("text/plain"), kind("application/json")], withheld, withheld),
        ("no type", vec![], withheld, withheld),
        ("binary", vec![kind("application/octet-stream")], withheld, withheld),
        ("image", vec![kind("image/png")], withheld, withheld),
        ("form", vec![kind("application/x-www-form-urlencoded")], withheld, withheld),
        ("parts", vec![kind("multipart/mixed; boundary=x")], withheld, withheld),
        ("identity", encoded("identity").to_vec(), fine, fine),
        ("gzip that is none", encoded("gzip").to_vec(), (200, ""), (200, "")),
        ("unknown coding", encoded("compress").to_vec(), withheld, withheld),
        ("two codings", encoded("gzip, br").to_vec(), withheld, withheld),
        (
            "two headers",
            [encoded("gzip").as_slice(), &[("content-encoding", "br")]].concat(),
            withheld,
            withheld,
        ),
    ];
    for (what, headers, emails, fields) in rows {
        say(&said, 200, &headers, TEXT);
        for (name, expect) in [("emails", emails), ("fields", fields)] {
            if expect.1.is_empty() {
                broken_off(&lab, name).await;
                continue;
            }
            let (status, code) = fate(&lab, name).await;
            assert_eq!((status, &*code), expect, "{what}: {name}");
        }
        let plain = call(&lab, "plain").await;
        assert_eq!((plain.status.as_u16(), plain.body.as_ref()), (200, TEXT.as_bytes()), "{what}");
    }
    say(&said, 206, &[kind("application/json"), ("content-range", "bytes 0-9/99")], TEXT);
    let (status, code) = fate(&lab, "emails").await;
    assert_eq!((status, &*code), withheld, "a part");
}

async fn open(lab: &Lab, name: &str) -> Incoming {
    let path = format!("/t/api/v1/{name}");
    let request = lab.request(Method::GET, &path, AGENT).body(Full::default()).unwrap();
    let answer = soon(lab.client.request(request)).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body()
}

/// The head came before anybody could know, so the answer is cut.
async fn broken_off(lab: &Lab, name: &str) {
    let body = soon(open(lab, name).await.collect()).await;
    assert!(body.is_err(), "{name}: {body:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_answers_are_decoded_and_cut_ones_are_cut() {
    let (lab, target, said) = start().await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(TEXT.as_bytes()).unwrap();
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    deflate.write_all(TEXT.as_bytes()).unwrap();
    let codings = [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", deflate.finish().unwrap()),
        ("zstd", zstd::encode_all(TEXT.as_bytes(), 3).unwrap()),
        ("br", BROTLI.to_vec()),
    ];
    let mut calls = 0;
    for (coding, bytes) in codings {
        // As text nothing but the coding says that an answer is not whole.
        for kind in ["application/json", "text/plain"] {
            let headers = [("content-type", kind), ("content-encoding", coding)];
            say(&said, 200, &headers, bytes.clone());
            let answer = call(&lab, "emails").await;
            let expect = TEXT.replace("bob@example.com", "[redacted]");
            assert_eq!(answer.body, expect, "{coding} {kind}");
            assert!(!answer.headers.contains_key("content-encoding"), "{coding}");
            assert_eq!(target.one().header("accept-encoding"), Some("identity"));
            for cut in [bytes.len() - 1, bytes.len() / 2, 3] {
                say(&said, 200, &headers, bytes[..cut].to_vec());
                broken_off(&lab, "emails").await;
                calls += 1;
                assert_eq!(outcome(&lab, calls + 1).await, (200, Reason::UnmaskableResponse));
            }
            calls += 1;
            target.take();
        }
        let headers = [("content-type", "application/json"), ("content-encoding", coding)];
        say(&said, 200, &headers, bytes.clone());
        let plain = call(&lab, "plain").await;
        calls += 1;
        assert_eq!(
            (plain.body.as_ref(), &plain.headers["content-encoding"]),
            (&*bytes, &coding.parse().unwrap())
        );
        target.take();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zeros_without_end_are_no_answer() {
    let (lab, _target, said) = start().await;
    let zeros = vec![b' '; 64 * 1024 * 1024];
    let bomb = zstd::encode_all(zeros.as_slice(), 3).unwrap();
    drop(zeros);
    assert!(bomb.len() < 16 * 1024);
    say(&said, 200, &[("content-type", "text/plain"), ("content-encoding", "zstd")], bomb);
    let mut body = open(&lab, "emails").await;
    let mut bytes = 0;
    // Decoded piece by piece, as the caller takes it; never the whole at once.
    while let Some(frame) = soon(body.frame()).await {
        let Ok(frame) = frame else { break };
        let length = frame.data_ref().map_or(0, Bytes::len);
        assert!(length <= 17 * 1024 * 1024, "{length} bytes at once");
        bytes += length;
        if bytes > 8 * 1024 * 1024 {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_masked_and_keep_their_status() {
    let (lab, _target, said) = start().await;
    let json = [("content-type", "application/json")];
    for status in [400, 404, 409, 500, 503] {
        say(&said, status, &json, TEXT);
        assert_eq!(fate(&lab, "emails").await, (status, "granted".to_owned()));
        say(&said, status, &[("content-type", "application/octet-stream")], TEXT);
        assert_eq!(fate(&lab, "emails").await, (status, "unmaskable_response".to_owned()));
        say(&said, status, &[("content-type", "text/html")], TEXT);
        assert_eq!(fate(&lab, "fields").await, (status, "unmaskable_response".to_owned()));
    }
}

/// A target whose answer a test makes piece by piece.
async fn start_flowing(kind: &'static str, mask: Value) -> (Lab, Incoming, Source) {
    let source = Arc::<Mutex<Option<Source>>>::default();
    let keep = Arc::clone(&source);
    let target = Target::streaming(move |_, _| {
        let (source, body) = flow();
        *keep.lock().unwrap() = Some(source);
        async move { flowing(200, &[("content-type", kind)], body) }
    })
    .await;
    let get = function("get", "GET", "/v1/get", json!({"mask": mask}));
    let lab = lab(target.address, json!({}), &[get]).await;
    let body = open(&lab, "get").await;
    let source = source.lock().unwrap().take().unwrap();
    (lab, body, source)
}

/// Reads until there are so many bytes.
async fn read(body: &mut Incoming, bytes: usize) -> String {
    let mut text = Vec::new();
    while text.len() < bytes {
        let frame = soon(body.frame()).await.expect("more").unwrap();
        text.extend_from_slice(&frame.into_data().unwrap());
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_lines_arrive_before_the_next_is_made() {
    let emails = || json!([{"detect": ["email"], "how": "redact"}]);
    let rows = [
        ("text/event-stream", "id: 1\ndata: {\"m\":\"bob@example.com\"}\n\n"),
        ("application/x-ndjson", "{\"m\":\"bob@example.com\"}\n"),
    ];
    for (kind, piece) in rows {
        let (lab, mut body, source) = start_flowing(kind, emails()).await;
        let expect = piece.replace("bob@example.com", "[redacted]");
        for _ in 0..3 {
            assert!(source.send(piece).await);
            assert_eq!(read(&mut body, expect.len()).await, expect, "{kind}");
        }
        drop(source);
        assert_eq!(soon(body.collect()).await.unwrap().to_bytes(), "");
        assert_eq!(outcome(&lab, 1).await, (200, Reason::Granted));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_apart_by_frames_is_found() {
    let emails = || json!([{"detect": ["email"], "how": "redact"}]);
    let rows = [
        ("text/plain", "write to bob@example.com or call"),
        ("application/json", r#"{"a":["bob@example.com"],"b":1}"#),
        ("application/json", r#"{"a":["bob\u0040example.com"],"b":1}"#),
        ("text/event-stream", "data: to bob@example.com\n\n"),
    ];
    for (kind, text) in rows {
        let (_lab, body, source) = start_flowing(kind, emails()).await;
        let sends = tokio::spawn(async move {
            for byte in text.bytes() {
                assert!(source.send(vec![byte]).await);
            }
        });
        let whole = soon(body.collect()).await.unwrap().to_bytes();
        sends.await.unwrap();
        let expect = text
            .replace("bob@example.com", "[redacted]")
            .replace("bob\\u0040example.com", "[redacted]");
        assert_eq!(whole, expect, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_any_size_are_masked_alike() {
    let (lab, _target, said) = start().await;
    for bytes in [2, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 300_000] {
        let mail = ",\"bob@example.com\"";
        let fill = "1,".repeat(bytes / 2);
        let text = format!("[{fill}2{mail}]");
        say(&said, 200, &[("content-type", "application/json")], text.clone());
        let answer = call(&lab, "emails").await;
        assert_eq!(answer.body, text.replace("bob@example.com", "[redacted]"), "{bytes}");
        let plain = call(&lab, "plain").await;
        assert_eq!(plain.body, text);
        assert_eq!(plain.headers["content-length"], text.len().to_string().as_str());
    }
    // Chunked, of unknown length, and nothing at all.
    for (text, fine) in [("", true), ("{", false), ("{\"a\":1", false), ("{\"a\":1}", true)] {
        let chunks =
            if text.is_empty() { String::new() } else { format!("{:x}\r\n{text}\r\n", text.len()) };
        let (address, _) = raw_target(move |mut stream| {
            let chunks = chunks.clone();
            async move {
                crate::rig::head(&mut stream).await;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
                stream.write_all(format!("{head}{chunks}0\r\n\r\n").as_bytes()).await.unwrap();
            }
        })
        .await;
        let mask = json!({"mask": [{"field": "$.b", "how": "redact"}]});
        let lab =
            crate::rig::lab(address, json!({}), &[function("get", "GET", "/v1/get", mask)]).await;
        let body = soon(open(&lab, "get").await.collect()).await;
        assert_eq!(body.is_ok(), fine, "{text:?}: {body:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_asked_for_only_where_nothing_is_masked() {
    let (lab, target, said) = start().await;
    say(&said, 200, &[("content-type", "application/json")], TEXT);
    for (name, expect) in [("emails", None), ("plain", Some("bytes=0-4"))] {
        let request = lab.request(Method::GET, &format!("/t/api/v1/{name}"), AGENT);
        let request = request.header("range", "bytes=0-4").header("if-range", "\"1\"");
        assert_eq!(lab.send(request.body(Full::default()).unwrap()).await.status, 200);
        let got = target.one();
        assert_eq!(got.header("range"), expect, "{name}");
        assert_eq!(got.header("if-range").is_some(), expect.is_some(), "{name}");
    }
}
