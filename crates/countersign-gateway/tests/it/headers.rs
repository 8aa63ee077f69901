//! Which headers pass, in either direction, and what the gateway shows a target.

use crate::{
    lab::{Lab, TARGET_SECRET},
    rig::{AGENT, Target, answer, function, lab, outcome, raw, second_gateway, status_line},
};
use countersign_gateway::{Limits, Secrets};
use countersign_model::Reason;
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];

async fn call(lab: &Lab, path: &str, headers: &[(&str, &str)]) -> crate::lab::Answer {
    let mut request = lab.request(Method::GET, path, AGENT);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    lab.send(request.body(Full::default()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_known_request_headers_reach_a_target() {
    let target = Target::start(|_| answer(200, &PLAIN, "done")).await;
    let settings = json!({
        "credential": {"bearer": {"env": "X"}}, "forward_headers": ["x-acme-*", "x-forwarded-*"]
    });
    let lab = lab(target.address, settings, &[function("get", "GET", "/v1/x", json!({}))]).await;
    let sent = [
        ("cookie", "session=1"),
        ("proxy-authorization", "Basic x"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-client-cert", "Hash=00;Subject=\"CN=admin\""),
        ("client-cert", ":AAAA:"),
        ("dpop", "a.b.c"),
        ("forwarded", "for=10.0.0.1"),
        ("via", "1.1 x"),
        ("te", "gzip"),
        ("trailer", "x-t"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("connection", "upgrade, http2-settings, x-request-id"),
        ("x-request-id", "hop"),
        ("x-acme-team", "blue"),
        ("x-other", "1"),
        ("accept-encoding", "gzip"),
        ("accept-language", "de"),
        ("countersign-session", "s"),
        ("countersign-call", "forged"),
        ("content-type", "text/plain"),
        ("user-agent", "test"),
    ];
    let answer = call(&lab, "/t/api/v1/x", &sent).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let got = target.one();
    let mut names: Vec<&str> = got.headers.keys().map(|it| it.as_str()).collect();
    names.sort_unstable();
    let expect = [
        "accept-encoding",
        "accept-language",
        "authorization",
        "countersign-call",
        "host",
        "user-agent",
        "x-acme-team",
    ];
    assert_eq!(names, expect);
    assert_eq!(got.header("authorization"), Some(&*format!("Bearer {TARGET_SECRET}")));
    assert_eq!(got.header("accept-encoding"), Some("identity"));
    assert_eq!(got.header("countersign-call"), answer.headers["countersign-call"].to_str().ok());
    assert_eq!(got.header("host"), Some(&*target.address.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_credential_is_shown() {
    let secret = json!({"env": "X"});
    let rows: [(Value, Option<&str>, &str, &str); 5] = [
        (json!("none"), None, "", "/base/v1/x?q=1"),
        (
            json!({"bearer": secret}),
            Some("authorization"),
            "Bearer target-secret-that-callers-never-see",
            "/base/v1/x?q=1",
        ),
        (
            json!({"basic": {"user": "gate", "password": secret}}),
            Some("authorization"),
            "Basic Z2F0ZTp0YXJnZXQtc2VjcmV0LXRoYXQtY2FsbGVycy1uZXZlci1zZWU=",
            "/base/v1/x?q=1",
        ),
        (
            json!({"header": {"name": "x-api-key", "value": secret}}),
            Some("x-api-key"),
            TARGET_SECRET,
            "/base/v1/x?q=1",
        ),
        (
            json!({"query": {"name": "api key", "value": secret}}),
            None,
            "",
            "/base/v1/x?q=1&api%20key=target%2Dsecret%2Dthat%2Dcallers%2Dnever%2Dsee",
        ),
    ];
    let input = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    let get = function("get", "GET", "/v1/x", json!({"http": {"query": ["q"]}, "input": input}));
    for (credential, header, value, path) in rows {
        let target = Target::start(|_| answer(200, &PLAIN, "done")).await;
        let settings = json!({"credential": credential});
        let lab = lab(target.address, settings, std::slice::from_ref(&get)).await;
        // Whatever the caller sends in its place has no effect.
        let answer = call(&lab, "/t/api/v1/x?q=1", &[("x-api-key", "the caller's")]).await;
        assert_eq!(answer.status, StatusCode::OK, "{credential}: {answer:?}");
        let got = target.one();
        assert_eq!(got.path, path, "{credential}");
        for name in ["authorization", "x-api-key"] {
            let expect = (header == Some(name)).then_some(value);
            assert_eq!(got.header(name), expect, "{credential}: {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_credential_is_read_after_one_refusal() {
    let target = Target::start(|got| match got.header("authorization") {
        Some("Bearer new") => answer(200, &PLAIN, "done"),
        _ => answer(401, &[("www-authenticate", "Bearer realm=\"target\"")], "who are you"),
    })
    .await;
    let get = function("get", "GET", "/v1/x", json!({}));
    let lab = lab(target.address, json!({"credential": {"bearer": {"env": "X"}}}), &[get]).await;
    let secret = Arc::new(Mutex::new("old"));
    let read = Arc::clone(&secret);
    let secrets = Secrets::new(move |_| Ok((*read.lock().unwrap()).to_owned()));
    let (_gateway, address) = second_gateway(&lab, secrets, Limits::default()).await;
    let token = lab.world.token(AGENT);
    let request = format!(
        "GET /t/api/v1/x HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    let refused = raw(address, &request).await;
    assert_eq!(status_line(&refused), StatusCode::BAD_GATEWAY, "{refused}");
    // The target's challenge is for the gateway, and no caller gets a 401 that is not its own.
    assert!(!refused.contains("www-authenticate") && !refused.contains("who are you"), "{refused}");
    assert!(refused.contains("refuses the gateway's own credential"), "{refused}");
    assert_eq!(outcome(&lab, 1).await, (401, Reason::TargetUnreachable));
    *secret.lock().unwrap() = "new";
    // The secret was read at once after the refusal, when the old one was still there.
    assert_eq!(status_line(&raw(address, &request).await), StatusCode::BAD_GATEWAY);
    assert_eq!(status_line(&raw(address, &request).await), StatusCode::OK);
    assert_eq!(target.take().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_is_an_argument_passes_as_that_only() {
    let target = Target::start(|_| answer(200, &PLAIN, "done")).await;
    let text = json!({"type": "string"});
    let send = function(
        "send",
        "POST",
        "/v1/x",
        json!({
            "http": {
                "body": "none",
                "headers": {"version": "x-api-version", "key": "idempotency-key"}
            },
            "input": {
                "type": "object", "additionalProperties": false,
                "properties": {"version": {"type": "integer"}, "key": text}
            }
        }),
    );
    let lab = lab(target.address, json!({"forward_headers": ["x-api-*"]}), &[send]).await;
    let uniform = async |body: &Value, headers: &[(&str, &str)]| {
        let mut request = lab.request(Method::POST, "/call/api.send", AGENT);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json");
        lab.send(request.body(Full::from(body.to_string())).unwrap()).await
    };
    let smuggled = [("x-api-version", "9"), ("idempotency-key", "k9")];
    let rows = [
        (json!({}), None, None),
        (json!({"version": 2}), Some("2"), None),
        (json!({"version": 2, "key": "k 2"}), Some("2"), Some("k 2")),
    ];
    for (body, version, key) in rows {
        assert_eq!(uniform(&body, &smuggled).await.status, StatusCode::OK, "{body}");
        let got = target.one();
        assert_eq!((got.header("x-api-version"), got.header("idempotency-key")), (version, key));
        assert_eq!((got.header("content-length"), got.header("content-type")), (Some("0"), None));
    }
    for body in [
        json!({"key": " k"}),
        json!({"key": "k "}),
        json!({"key": "k\r\nx-evil: 1"}),
        json!({"key": "k\u{0}"}),
        json!({"key": "schlüssel"}),
    ] {
        let answer = uniform(&body, &[]).await;
        assert_eq!(answer.code(), "arguments_invalid", "{body}: {answer:?}");
        assert!(target.take().is_empty(), "{body}");
    }
    let direct = async |headers: &[(&str, &str)]| {
        let mut request = lab.request(Method::POST, "/t/api/v1/x", AGENT);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        lab.send(request.body(Full::default()).unwrap()).await
    };
    assert_eq!(direct(&[("x-api-version", "3")]).await.status, StatusCode::OK);
    assert_eq!(target.one().header("x-api-version"), Some("3"));
    for headers in [
        [("x-api-version", "3"), ("x-api-version", "3")].as_slice(),
        &[("x-api-version", "03")],
        &[("x-api-version", "three")],
    ] {
        let answer = direct(headers).await;
        assert!(!answer.status.is_success(), "{headers:?}");
        assert!(target.take().is_empty(), "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_headers_between_target_and_gateway_stay_there() {
    let target = Target::start(|_| {
        let headers = [
            ("content-type", "text/plain"),
            ("set-cookie", "a=b"),
            ("www-authenticate", "Basic"),
            ("proxy-authenticate", "Basic"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("server", "secret/1.0"),
            ("via", "1.1 inside"),
            ("strict-transport-security", "max-age=1"),
            ("alt-svc", "h3"),
            ("clear-site-data", "\"*\""),
            ("countersign-reason", "forged"),
            ("countersign-call", "forged"),
            ("etag", "\"1\""),
            ("x-fine", "1"),
        ];
        answer(200, &headers, "done")
    })
    .await;
    let lab = lab(target.address, json!({}), &[function("get", "GET", "/v1/x", json!({}))]).await;
    let answer = call(&lab, "/t/api/v1/x", &[]).await;
    let mut names: Vec<&str> = answer.headers.keys().map(|it| it.as_str()).collect();
    names.sort_unstable();
    let expect = [
        "content-length",
        "content-type",
        "countersign-call",
        "countersign-reason",
        "date",
        "etag",
        "x-fine",
    ];
    assert_eq!(names, expect);
    assert_eq!(answer.code(), "granted");
    assert_ne!(answer.headers["countersign-call"], "forged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_to_the_target_leads_through_the_gateway() {
    const PLACES: [(&str, Option<&str>); 8] = [
        ("http://TARGET/base/v1/y?a=b", Some("http://gateway.test/t/api/v1/y?a=b")),
        ("/base/v1/y", Some("http://gateway.test/t/api/v1/y")),
        ("http://TARGET/inside", None),
        ("https://elsewhere.test/z", Some("https://elsewhere.test/z")),
        ("y?a=b", Some("http://gateway.test/t/api/v1/go/y?a=b")),
        ("../y", Some("http://gateway.test/t/api/v1/y")),
        ("../../../inside", None),
        ("#part", Some("#part")),
    ];
    let target = Target::start(|got| {
        let place: usize = got.path.rsplit('/').next().unwrap().parse().unwrap();
        let location = PLACES[place].0.replace("TARGET", got.header("host").unwrap());
        answer(303, &[("location", &location)], "")
    })
    .await;
    let lab =
        lab(target.address, json!({}), &[function("get", "GET", "/v1/go/{n}", json!({}))]).await;
    for (place, (from, expect)) in PLACES.into_iter().enumerate() {
        let answer = call(&lab, &format!("/t/api/v1/go/{place}"), &[]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let location = answer.headers.get("location").map(|it| it.to_str().unwrap());
        assert_eq!(location, expect, "{from}");
        // Whoever calls by name asked for another path, and is led to the same place.
        let body = json!({"n": place.to_string()});
        let uniform = lab.post("/call/api.get", AGENT, &body).await;
        let location = uniform.headers.get("location").map(|it| it.to_str().unwrap());
        assert_eq!(location, expect, "{from}, by name");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_go_through_the_detectors_and_no_field_rule() {
    let target = Target::start(|_| {
        let headers = [
            ("content-type", "application/json"),
            ("x-user", "bob@example.com"),
            ("link", "</u/bob@example.com>; rel=next"),
            ("x-name", "Bob"),
            ("x-count", "5"),
            ("etag", "\"of-unmasked-bytes\""),
        ];
        let mut response = answer(200, &headers, r#"{"name":"Bob","x":"eve@example.com"}"#);
        let latin = http::HeaderValue::from_bytes(b"caf\xe9").unwrap();
        response.headers_mut().insert("x-latin", latin);
        response
    })
    .await;
    let masks = json!({"mask": [
        {"detect": ["email"], "how": "redact"}, {"field": "$.name", "how": "redact"}
    ]});
    let lab = lab(target.address, json!({}), &[function("get", "GET", "/v1/x", masks)]).await;
    let answer = call(&lab, "/t/api/v1/x", &[]).await;
    assert_eq!(answer.json(), json!({"name": "[redacted]", "x": "[redacted]"}));
    let header = |name: &str| answer.headers.get(name).map(|it| it.to_str().unwrap());
    assert_eq!(header("x-user"), Some("[redacted]"));
    assert_eq!(header("link"), Some("</u/[redacted]>; rel=next"));
    assert_eq!((header("x-name"), header("x-count")), (Some("Bob"), Some("5")));
    assert_eq!((header("x-latin"), header("etag")), (None, None));
    let outcomes = crate::rig::outcomes(&lab.world);
    assert_eq!(outcomes[0].masked, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_a_body_keep_their_head() {
    let target = Target::start(|got| {
        let json = ("content-type", "application/json");
        match got.path.rsplit('/').next() {
            Some("head") => answer(200, &[json, ("content-length", "1234")], ""),
            Some("204") => answer(204, &[], ""),
            Some("304") => answer(304, &[("etag", "\"1\"")], ""),
            _ => answer(200, &[json], ""),
        }
    })
    .await;
    let masks = json!({"mask": [{"field": "$.a", "how": "redact"}]});
    let functions = [
        function("head", "HEAD", "/v1/head", json!({})),
        function("masked-head", "HEAD", "/m/head", masks.clone()),
        function("plain", "GET", "/v1/{kind}", json!({})),
        function("masked", "GET", "/m/{kind}", masks),
    ];
    let lab = lab(target.address, json!({}), &functions).await;
    let send = async |line: &str| {
        let token = lab.world.token(AGENT);
        let request = format!(
            "{line} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        raw(lab.address, request).await
    };
    let rows = [
        ("HEAD /t/api/v1/head", 200, Some("1234")),
        // The length of what would be masked is nobody's business.
        ("HEAD /t/api/m/head", 200, None),
        // Nobody waits for bytes that never come.
        ("POST /call/api.head", 200, Some("0")),
        ("GET /t/api/v1/204", 204, None),
        ("GET /t/api/m/204", 204, None),
        ("GET /t/api/v1/304", 304, None),
        ("GET /t/api/m/304", 304, None),
        ("GET /t/api/v1/empty", 200, Some("0")),
        ("GET /t/api/m/empty", 200, Some("0")),
    ];
    for (line, status, length) in rows {
        let answer = send(line).await;
        assert_eq!(status_line(&answer).as_u16(), status, "{line}: {answer}");
        let told = answer.lines().find_map(|it| it.strip_prefix("content-length: "));
        assert_eq!(told, length, "{line}: {answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{line}: {answer}");
    }
}
