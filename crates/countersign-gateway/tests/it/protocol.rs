//! Requests that two servers could cut apart at two places. The gateway reads each once and writes
//! its own; a request that it takes reaches the target as exactly one, framed in one way.

use crate::{
    lab::Lab,
    rig::{AGENT, Target, answer, function, lab, raw, soon},
};
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::json;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What becomes of a request with a body.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The target got one request with this body.
    One(&'static str),
    /// The target got nothing.
    Nothing,
}

use End::{Nothing, One};

async fn start() -> (Lab, Target) {
    let target = Target::start(|_| answer(200, &[("content-type", "text/plain")], "done")).await;
    let functions = [
        function("up", "POST", "/v1/up", json!({"http": {"body": "stream"}})),
        function("get", "GET", "/v1/smuggled", json!({})),
    ];
    let lab = lab(target.address, json!({}), &functions).await;
    (lab, target)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_cut_at_one_place_or_refused() {
    let (lab, target) = start().await;
    let token = lab.world.token(AGENT);
    let smuggled = format!(
        "GET /t/api/v1/smuggled HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    let rows: &[(&str, &str, End)] = &[
        ("content-length: 5\r\n", "hello", One("hello")),
        ("transfer-encoding: chunked\r\n", chunked, One("hello")),
        ("transfer-encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n", One("hello")),
        ("transfer-encoding: CHUNKED\r\n", chunked, One("hello")),
        // RFC 9110 §8.6 lets a recipient take equal lengths for one; the target gets one.
        ("content-length: 5\r\ncontent-length: 5\r\n", "hello", One("hello")),
        ("content-length: 5\r\ncontent-length: 6\r\n", "hello!", Nothing),
        ("content-length: 5, 5\r\n", "hello", Nothing),
        ("content-length: +5\r\n", "hello", Nothing),
        ("content-length: -1\r\n", "hello", Nothing),
        ("content-length: 0x5\r\n", "hello", Nothing),
        ("content-length: 5 5\r\n", "hello", Nothing),
        ("content-length: 99999999999999999999\r\n", "hello", Nothing),
        ("content-length : 5\r\n", "hello", Nothing),
        // RFC 9112 §2.2 lets a recipient take a bare LF for a line's end. It is one for all that follows.
        ("x-a: b\ncontent-length: 5\r\n", "hello", One("hello")),
        ("transfer-encoding : chunked\r\n", chunked, Nothing),
        ("transfer-encoding: xchunked\r\n", chunked, Nothing),
        ("transfer-encoding: identity\r\n", chunked, Nothing),
        ("transfer-encoding: chunked, identity\r\n", chunked, Nothing),
        ("transfer-encoding: gzip, chunked\r\n", chunked, Nothing),
        ("transfer-encoding: \x0bchunked\r\n", chunked, Nothing),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", chunked, Nothing),
        ("transfer-encoding: chunked\r\n", "5\nhello\n0\n\n", Nothing),
        ("transfer-encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n", Nothing),
        ("transfer-encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n", Nothing),
        ("transfer-encoding: chunked\r\n", "5 5\r\nhello\r\n0\r\n\r\n", Nothing),
        ("transfer-encoding: chunked\r\n", "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n", Nothing),
        ("transfer-encoding: chunked\r\n", "5\r\nhelloXX0\r\n\r\n", Nothing),
        ("x-a: b\r\n folded: c\r\ncontent-length: 5\r\n", "hello", Nothing),
        ("x-a: b\0\r\ncontent-length: 5\r\n", "hello", Nothing),
        ("x-a\r\ncontent-length: 5\r\n", "hello", Nothing),
        (": b\r\ncontent-length: 5\r\n", "hello", Nothing),
    ];
    for (headers, body, expect) in rows {
        let text = format!(
            "POST /t/api/v1/up HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\nconnection: close\r\n{headers}\r\n{body}"
        );
        let answer = raw(lab.address, text).await;
        let got = target.take();
        let told = format!("{headers:?} {body:?}: {answer} {got:?}");
        match expect {
            Nothing => {
                // What broke off in its body may have begun: the target did not take it for whole.
                assert!(got.iter().all(|it| it.body.is_empty() || it.body == "hello"), "{told}");
                assert!(!answer.starts_with("HTTP/1.1 2"), "{told}");
            }
            One(body) => {
                assert!(answer.starts_with("HTTP/1.1 200"), "{told}");
                assert_eq!(got.len(), 1, "{told}");
                assert_eq!(got[0].body, *body, "{told}");
            }
        }
        assert!(!got.iter().any(|it| it.path.contains("smuggled")), "{told}");
    }
    // Both framings: whoever looks at the length sees a request in the body.
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    ] {
        let text = format!(
            "POST /t/api/v1/up HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n{headers}\r\n0\r\n\r\n{smuggled}"
        );
        let answer = raw(lab.address, text).await;
        let got = target.take();
        assert!(got.len() <= 1, "{headers:?}: {answer} {got:?}");
        assert!(
            !got.iter().any(|it| it.path.contains("smuggled")),
            "{headers:?}: {answer} {got:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_line_is_read_in_one_way() {
    let (lab, target) = start().await;
    let token = lab.world.token(AGENT);
    for line in [
        "GET /t/api/v1/smuggled HTTP/1.2",
        "GET /t/api/v1/smuggled HTTP/2.0",
        "GET /t/api/v1/smuggled HTTP/1.1 x",
        "GET /t/api/v1/smuggled",
        "GET\t/t/api/v1/smuggled HTTP/1.1",
        "GET  /t/api/v1/smuggled HTTP/1.1",
        "G<T /t/api/v1/smuggled HTTP/1.1",
        " GET /t/api/v1/smuggled HTTP/1.1",
        "GET /t/api/v1/smuggled\0 HTTP/1.1",
        "GET /t/api/v1/smuggled\x0b HTTP/1.1",
        "GET t/api/v1/smuggled HTTP/1.1",
        "GET /t/api/v1/smugg led HTTP/1.1",
    ] {
        let text = format!(
            "{line}\r\nhost: g\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        let answer = raw(lab.address, text).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{line:?}: {answer}");
        assert!(target.take().is_empty(), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_says_who_calls() {
    let (lab, target) = start().await;
    let token = lab.world.token(AGENT);
    let rows = [
        (format!("authorization: Bearer {token}"), 200),
        (format!("authorization: bearer {token}"), 200),
        (String::new(), 401),
        ("authorization: Bearer".to_owned(), 401),
        (format!("authorization: Bearer {token}x"), 401),
        (format!("authorization: Bearer {token}, Bearer {token}"), 401),
        (format!("authorization: Bearer {token}\r\nauthorization: Bearer {token}"), 401),
        (format!("authorization: Basic {token}"), 401),
        (format!("x-authorization: Bearer {token}"), 401),
        (format!("cookie: access_token={token}"), 401),
    ];
    for (header, status) in rows {
        let header = if header.is_empty() { header } else { header + "\r\n" };
        let text = format!(
            "GET /t/api/v1/smuggled HTTP/1.1\r\nhost: g\r\n{header}connection: close\r\n\r\n"
        );
        let answer = raw(lab.address, text).await;
        let got = target.take();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{header}: {answer}");
        assert_eq!(got.len(), usize::from(status == 200), "{header}");
        if status == 401 {
            assert!(answer.contains("www-authenticate: Bearer "), "{header}: {answer}");
        }
    }
    let query =
        lab.request(Method::GET, &format!("/t/api/v1/smuggled?access_token={token}"), AGENT);
    let answer = lab.send(query.body(Full::default()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(target.take().is_empty());
    assert!(!String::from_utf8_lossy(&answer.body).contains(&token), "a token comes back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_on_one_connection_are_apart() {
    let (lab, target) = start().await;
    let token = lab.world.token(AGENT);
    let call = |path: &str, more: &str| {
        format!("{path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n{more}\r\n")
    };
    let text = call("POST /t/api/v1/up", "content-length: 2\r\n")
        + "ab"
        + &call("GET /t/api/v1/none", "")
        + "GET /t/api/v1/smuggled HTTP/1.1\r\nhost: g\r\n\r\n"
        + &call("GET /t/api/v1/smuggled", "connection: close\r\n");
    let answer = raw(lab.address, text).await;
    let statuses: Vec<&str> =
        answer.split("HTTP/1.1 ").skip(1).map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(statuses, ["200", "404", "401", "200"], "{answer}");
    let got: Vec<String> = target.take().iter().map(|it| it.path.clone()).collect();
    assert_eq!(got, ["/base/v1/up", "/base/v1/smuggled"]);
}

/// An HTTP/2 request as frames, written by hand so that nothing makes it well-formed: HEADERS of
/// literal fields (RFC 7541 §6.2.2), then DATA.
fn frames(fields: &[(&str, &str)], body: Option<&str>) -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            // Lengths from 127 on take a second byte or more (§5.1).
            let mut rest = text.len();
            if rest < 127 {
                block.push(u8::try_from(rest).unwrap());
            } else {
                block.push(127);
                rest -= 127;
                while rest >= 128 {
                    block.push(u8::try_from(rest % 128).unwrap() | 128);
                    rest /= 128;
                }
                block.push(u8::try_from(rest).unwrap());
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    let end = if body.is_none() { 5 } else { 4 };
    let mut all = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    all.extend(frame(4, 0, 0, &[]));
    all.extend(frame(1, end, 1, &block));
    all.extend(body.map(|it| frame(0, 1, 1, it.as_bytes())).unwrap_or_default());
    all
}

/// Sends frames, and waits until stream 1 or the connection has ended.
async fn finish(address: SocketAddr, frames: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(frames).await.unwrap();
    let ended = async {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            let read = stream.read_exact(&mut payload).await;
            let (kind, flags, of_stream) = (head[3], head[4], head[8] == 1);
            // RST_STREAM, GOAWAY, or HEADERS or DATA that end the stream (RFC 9113 §6).
            if kind == 7 || of_stream && (kind == 3 || kind < 2 && flags & 1 == 1) || read.is_err()
            {
                break;
            }
        }
    };
    soon(ended).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_says_nothing_that_http1_could_read_otherwise() {
    let (lab, target) = start().await;
    let bearer = format!("Bearer {}", lab.world.token(AGENT));
    let evil = "GET /t/api/v1/smuggled HTTP/1.1\r\nhost: g\r\n\r\n";
    type Fields<'a> = Vec<(&'a str, &'a str)>;
    let base: Fields<'_> = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/t/api/v1/up"),
        (":authority", "g"),
        ("authorization", &bearer),
    ];
    let with = |more: &[(&'static str, &'static str)]| [base.as_slice(), more].concat();
    let instead = |name: &'static str, value: &'static str| -> Fields<'_> {
        base.iter().map(|it| if it.0 == name { (name, value) } else { *it }).collect()
    };
    let fine = [
        with(&[]),
        with(&[("content-length", "5")]),
        with(&[("cookie", "a=1"), ("cookie", "b=2")]),
    ];
    for fields in fine {
        finish(lab.address, &frames(&fields, Some("hello"))).await;
        let got = target.one();
        assert_eq!(
            (got.body.as_ref(), got.header("cookie")),
            (b"hello".as_slice(), None),
            "{fields:?}"
        );
    }
    let refused = [
        with(&[("content-length", "5"), ("content-length", "0")]),
        with(&[("content-length", "+5")]),
        with(&[("content-length", "5, 5")]),
        with(&[("content-length", "100")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("connection", "keep-alive")]),
        with(&[("proxy-connection", "x")]),
        with(&[("upgrade", "h2c")]),
        with(&[("x-a", "b\r\nx-evil: 1")]),
        with(&[("x-a", "b\nx-evil: 1")]),
        with(&[("x-a", "b\0")]),
        with(&[("x-a\r\nx-evil", "1")]),
        with(&[("x a", "1")]),
        with(&[("X-Upper", "1")]),
        with(&[("", "1")]),
        with(&[("host", "other.test")]),
        with(&[("host", "g"), ("host", "g")]),
        with(&[(":path", "/t/api/v1/smuggled")]),
        with(&[(":evil", "1")]),
        with(&[(":status", "200")]),
        with(&[("x-http-method-override", "GET")]),
        instead(":path", "/t/api/v1/up HTTP/1.1\r\nx-evil: 1"),
        instead(":path", "/t/api/v1/smug gled"),
        instead(":path", "t/api/v1/up"),
        instead(":path", ""),
        instead(":path", "http://evil.test/"),
        instead(":method", "GET /t/api/v1/smuggled HTTP/1.1\r\nx:"),
        instead(":method", "GET /x"),
        instead(":authority", "g\r\nx-evil: 1"),
    ];
    for fields in refused {
        for body in [evil, "hello"] {
            finish(lab.address, &frames(&fields, Some(body))).await;
            let got = target.take();
            assert!(got.is_empty(), "{fields:?}: {got:?}");
        }
    }
}
