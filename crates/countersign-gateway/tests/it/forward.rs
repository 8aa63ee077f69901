//! Bytes on their way to a target and back: streams, versions of HTTP, and targets that lie.

use crate::{
    lab::Lab,
    rig::{
        AGENT, Target, TargetBody, answer, eventually, flow, flowing, flowing_client, function,
        head, lab, outcome, outcomes, raw, raw_target, soon, status_line,
    },
};
use bytes::Bytes;
use countersign_model::Reason;
use http::{Method, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const BYTES: [(&str, &str); 1] = [("content-type", "application/octet-stream")];

/// Gives back what comes as it comes.
async fn echo() -> Target {
    Target::streaming(|request, _| async move {
        let body: TargetBody = request.into_body().map_err(std::io::Error::other).boxed_unsync();
        Response::builder().header("content-type", "application/octet-stream").body(body).unwrap()
    })
    .await
}

fn get(mask: Value) -> Value {
    function("get", "GET", "/v1/x", mask)
}

fn request_text(lab: &Lab, line: &str) -> String {
    let token = lab.world.token(AGENT);
    format!("{line} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n")
}

async fn next(body: &mut Incoming) -> Bytes {
    let frame = soon(body.frame()).await.unwrap().unwrap();
    frame.into_data().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_stream_both_ways_at_once() {
    let up = function("up", "POST", "/v1/up", json!({"http": {"body": "stream"}}));
    for (inside, outside) in [
        ("1.1", Version::HTTP_11),
        ("2", Version::HTTP_11),
        ("1.1", Version::HTTP_2),
        ("2", Version::HTTP_2),
    ] {
        let target = echo().await;
        let lab =
            lab(target.address, json!({"http_version": inside}), std::slice::from_ref(&up)).await;
        let (source, body) = flow();
        let request = lab.request(Method::POST, "/t/api/v1/up", AGENT).body(body).unwrap();
        let answered = tokio::spawn(flowing_client(outside).request(request));
        assert!(source.send("one").await);
        let mut answer = soon(answered).await.unwrap().unwrap();
        assert_eq!((answer.status(), answer.version()), (StatusCode::OK, outside));
        // Each piece is back before the next is made: nobody gathers them.
        assert_eq!(next(answer.body_mut()).await, "one");
        for piece in ["two", "three"] {
            assert!(source.send(piece).await);
            assert_eq!(next(answer.body_mut()).await, piece, "{inside} {outside:?}");
        }
        drop(source);
        assert_eq!(soon(answer.into_body().collect()).await.unwrap().to_bytes(), "");
        assert_eq!(outcome(&lab, 1).await, (200, Reason::Granted));
        assert_eq!(outcomes(&lab.world)[0].bytes, 11);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_and_trailers_pass_and_are_masked() {
    let target = Target::streaming(|request, got| async move {
        let (parts, _) = request.into_parts();
        got.lock().unwrap().push(crate::rig::Got {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            version: parts.version,
            headers: parts.headers,
            body: Bytes::new(),
        });
        let (source, body) = flow();
        tokio::spawn(async move {
            source.send("{\"a\":1}").await;
            source.trailers("x-by", "bob@example.com").await;
        });
        let headers = [("content-type", "application/json"), ("trailer", "x-by, x-sum")];
        flowing(200, &headers, body)
    })
    .await;
    let mask = json!({"mask": [{"detect": ["email"], "how": "redact"}]});
    let lab = lab(target.address, json!({"http_version": "2"}), &[get(mask)]).await;
    let client: Client<_, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = lab.request(Method::GET, "/t/api/v1/x", AGENT).header("te", "trailers");
    let answer = client.request(request.body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
    let whole = soon(answer.into_body().collect()).await.unwrap();
    assert_eq!(whole.trailers().unwrap()["x-by"], "[redacted]");
    assert_eq!(whole.to_bytes(), "{\"a\":1}");
    let got = target.one();
    assert_eq!((got.version, got.header("te")), (Version::HTTP_2, Some("trailers")));
    let text =
        request_text(&lab, "GET /t/api/v1/x") + "te: trailers\r\nconnection: te, close\r\n\r\n";
    let answer = raw(lab.address, text).await;
    assert!(answer.ends_with("0\r\nx-by: [redacted]\r\n\r\n"), "{answer}");
    eventually("both outcomes", async || outcomes(&lab.world).len() == 2).await;
    assert!(outcomes(&lab.world).iter().all(|it| it.masked == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_asked_for_only_when_it_is_wanted() {
    let target = Target::start(|_| answer(200, &BYTES, "done")).await;
    let send = function("send", "POST", "/v1/x", json!({"input": {"type": "object"}}));
    let lab = lab(target.address, json!({}), &[send]).await;
    let expect = "content-type: application/json\r\ncontent-length: 7\r\nexpect: 100-continue\r\n\
                  connection: close\r\n\r\n";
    let mut stream = TcpStream::connect(lab.address).await.unwrap();
    let text = request_text(&lab, "POST /t/api/v1/x") + expect;
    stream.write_all(text.as_bytes()).await.unwrap();
    assert_eq!(soon(head(&mut stream)).await, "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(target.take().is_empty());
    stream.write_all(b"{\"a\":1}").await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(status_line(&answer), StatusCode::OK);
    let got = target.one();
    assert_eq!((got.body.as_ref(), got.header("expect")), (b"{\"a\":1}".as_slice(), None));
    for (line, token, status) in
        [("POST /t/api/v1/none", AGENT, 404), ("POST /t/api/v1/x", "nobody", 401)]
    {
        let mut text = request_text(&lab, line) + expect;
        if token == "nobody" {
            text = text.replace("Bearer ", "Bearer x");
        }
        let answer = raw(lab.address, text).await;
        assert_eq!(status_line(&answer).as_u16(), status, "{answer}");
        assert!(!answer.contains("100 Continue"), "{answer}");
    }
}

/// What a broken target does with a connection, what the caller gets, and what the ledger says.
struct Row {
    what: &'static str,
    says: &'static str,
    status: u16,
    code: &'static str,
    outcome: (u16, Reason),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_breaks_off_is_asked_once() {
    let many: String = (0..200).map(|it| format!("x-{it}: 1\r\n")).collect();
    let many: &'static str = format!("HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n").leak();
    let large: &'static str =
        format!("HTTP/1.1 200 OK\r\nx-a: {}\r\ncontent-length: 0\r\n\r\n", "a".repeat(600_000))
            .leak();
    let broken = |what, says, outcome| Row {
        what,
        says,
        status: 502,
        code: "target_broken",
        outcome: (outcome, Reason::TargetBroken),
    };
    let rows = [
        broken("closes", "", 0),
        broken("garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0),
        broken("half a head", "HTTP/1.1 200 OK\r\ncontent-", 0),
        broken("too many headers", many, 0),
        broken("too large a head", large, 0),
        broken(
            "length twice",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            0,
        ),
        broken(
            "switches",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            101,
        ),
        broken(
            "short",
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"a\":1}",
            200,
        ),
        Row {
            what: "short error",
            says: "HTTP/1.1 503 Oops\r\ncontent-length: 100\r\n\r\nab",
            status: 503,
            code: "target_broken",
            outcome: (503, Reason::TargetBroken),
        },
    ];
    let say = Arc::new(Mutex::new(""));
    let says = Arc::clone(&say);
    let (address, count) = raw_target(move |mut stream| {
        let says = *says.lock().unwrap();
        async move {
            head(&mut stream).await;
            stream.write_all(says.as_bytes()).await.unwrap();
        }
    })
    .await;
    let lab = lab(address, json!({}), &[get(json!({}))]).await;
    for (calls, row) in (1..).zip(rows) {
        *say.lock().unwrap() = row.says;
        let answer = soon(lab.get("/t/api/v1/x", AGENT)).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.code()),
            (row.status, row.code),
            "{}",
            row.what
        );
        assert_eq!(count.load(Ordering::SeqCst), calls, "{}: asked again", row.what);
        assert_eq!(outcome(&lab, calls).await, row.outcome, "{}", row.what);
        let step = answer.json()["next_step"].as_str().unwrap().to_owned();
        assert!(step.contains("may have run"), "{}: {step}", row.what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_in_the_middle_is_not_whole_for_the_caller() {
    let heads =
        [("transfer-encoding: chunked", "5\r\nhello\r\n"), ("content-length: 100000", "hello")];
    let masks = [json!({}), json!({"mask": [{"detect": ["email"], "how": "redact"}]})];
    for (framing, body) in heads {
        for mask in &masks {
            let says =
                format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n{framing}\r\n\r\n{body}");
            let (address, _) = raw_target(move |mut stream| {
                let says = says.clone();
                async move {
                    head(&mut stream).await;
                    stream.write_all(says.as_bytes()).await.unwrap();
                }
            })
            .await;
            let lab = lab(address, json!({}), &[get(mask.clone())]).await;
            let request =
                lab.request(Method::GET, "/t/api/v1/x", AGENT).body(Full::default()).unwrap();
            let answer = lab.client.request(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let body = soon(answer.into_body().collect()).await;
            assert!(body.is_err(), "{framing}: {body:?}");
            assert_eq!(outcome(&lab, 1).await, (200, Reason::TargetBroken));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_down_or_late_is_said_to_be() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let within = json!({"answer_within": "300ms", "idle_within": "300ms"});
    let lab_down = lab(nobody, json!({}), &[get(json!({}))]).await;
    let answer = lab_down.get("/t/api/v1/x", AGENT).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (502, "target_unreachable"));
    assert!(answer.json()["next_step"].as_str().unwrap().contains("did not run"));
    assert_eq!(outcome(&lab_down, 1).await, (0, Reason::TargetUnreachable));

    for (says, outcome_is) in [
        ("", (0, Reason::TargetTimeout)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", (200, Reason::TargetTimeout)),
    ] {
        let (address, count) = raw_target(move |mut stream| async move {
            head(&mut stream).await;
            stream.write_all(says.as_bytes()).await.unwrap();
            // Until the gateway gives up.
            drop(stream.read_u8().await);
        })
        .await;
        let lab = lab(address, within.clone(), &[get(json!({}))]).await;
        let answer = soon(lab.get("/t/api/v1/x", AGENT)).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (504, "target_timeout"), "{says}");
        assert_eq!(outcome(&lab, 1).await, outcome_is, "{says}");
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_moves_is_not_late() {
    let target = Target::start(|got| answer(200, &BYTES, got.body.clone())).await;
    let up = function("up", "POST", "/v1/up", json!({"http": {"body": "stream"}}));
    let lab = lab(target.address, json!({"answer_within": "1s"}), &[up]).await;
    let (source, body) = flow();
    let request = lab.request(Method::POST, "/t/api/v1/up", AGENT).body(body).unwrap();
    let answered = tokio::spawn(flowing_client(Version::HTTP_11).request(request));
    for _ in 0..15 {
        assert!(source.send("x").await, "given up");
        // The pace of a slow caller: in all far longer than the target may be silent.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(source);
    let answer = soon(answered).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "x".repeat(15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_closes_under_a_call_never_runs_it_twice() {
    let read = Arc::<AtomicUsize>::default();
    let reads = Arc::clone(&read);
    // Answers the first request of a connection, reads the second whole, and closes.
    let (address, _) = raw_target(move |mut stream| {
        let reads = Arc::clone(&reads);
        async move {
            head(&mut stream).await;
            reads.fetch_add(1, Ordering::SeqCst);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            if !head(&mut stream).await.is_empty() {
                reads.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let delete = function("delete", "DELETE", "/v1/x", json!({}));
    let lab = lab(address, json!({}), &[delete]).await;
    let send = async || {
        let request = lab.request(Method::DELETE, "/t/api/v1/x", AGENT);
        lab.send(request.body(Full::default()).unwrap()).await
    };
    for calls in 1..=6 {
        let answer = soon(send()).await;
        let expect = if calls % 2 == 1 { "granted" } else { "target_broken" };
        assert_eq!(answer.code(), expect, "call {calls}");
        assert_eq!(read.load(Ordering::SeqCst), calls, "call {calls} reached the target again");
    }
}
