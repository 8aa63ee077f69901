//! Requests that two servers could cut apart at two places. The gateway reads each once and writes
//! its own; a request that it takes reaches the target as exactly one, framed in one way.

use crate::{
    lab::Lab,
    rig::{AGENT, Target, answer, function, lab, raw},
};
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::json;

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
            "POST /t/api/v1/up HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n{headers}\r\n{body}"
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
        answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404", "401", "200"], "{answer}");
    let got: Vec<String> = target.take().iter().map(|it| it.path.clone()).collect();
    assert_eq!(got, ["/base/v1/up", "/base/v1/smuggled"]);
}
