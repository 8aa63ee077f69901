//! Which function a request reaches. What the target got is all that proves it: every row says it.

use crate::{
    lab::{Lab, World},
    rig::{AGENT, Got, Target, answer, catalog, function, raw, status_line},
};
use countersign_gateway::Limits;
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The target got this method, path and query, and nothing else.
    Ran(&'static str),
    /// The target got nothing.
    Refused(u16, &'static str),
}

use End::{Ran, Refused};

const AMBIGUOUS: End = Refused(400, "request_ambiguous");
const NOT_FOUND: End = Refused(404, "not_catalogued");
const INVALID: End = Refused(422, "arguments_invalid");

fn functions() -> Vec<Value> {
    let object = |properties: Value| json!({"type": "object", "additionalProperties": false, "properties": properties});
    let text = || json!({"type": "string"});
    vec![
        function("customers.get", "GET", "/v1/customers/{customer}", json!({})),
        function(
            "customers.search",
            "GET",
            "/v1/customers/search",
            json!({
                "http": {"query": ["q", "tags", "limit", "on"]},
                "input": object(json!({
                    "q": text(), "limit": {"type": "integer"}, "on": {"type": "boolean"},
                    "tags": {"type": "array", "items": {"type": "string"}}
                }))
            }),
        ),
        function(
            "customers.archive",
            "POST",
            "/v1/customers/{customer}:archive",
            json!({"http": {"body": "none"}}),
        ),
        function("files.get", "GET", "/v1/files/{path*}", json!({})),
        function("admin.keys", "GET", "/v1/admin/keys", json!({})),
        function(
            "form.send",
            "POST",
            "/v1/form",
            json!({
                "http": {"body": "form"},
                "input": object(json!({"a": text(), "b": {"type": "array", "items": {"type": "string"}}}))
            }),
        ),
        function(
            "notes.create",
            "POST",
            "/v1/notes",
            json!({"input": object(json!({"title": text(), "pages": {"type": "number"}}))}),
        ),
    ]
}

async fn start() -> (Lab, Target) {
    let target = Target::start(|_| answer(200, &[("content-type", "text/plain")], "done")).await;
    let lab = World::new().await.start(Limits::default()).await;
    let hosts = json!({"hosts": ["api.test"]});
    lab.apply(catalog(target.address, hosts, &functions())).await;
    let granted = [
        "api.customers.get",
        "api.customers.search",
        "api.customers.archive",
        "api.files.get",
        "api.form.send",
        "api.notes.create",
    ];
    lab.grant(AGENT, &granted).await;
    (lab, target)
}

fn check(what: &str, status: StatusCode, reason: Option<&str>, got: &[Got], expect: &End) {
    let told = format!("{what}: {status} {reason:?} {got:?}");
    match expect {
        Ran(line) => {
            let [got] = got else { panic!("ran {} times: {told}", got.len()) };
            assert_eq!(format!("{} {}", got.method, got.path), *line, "{told}");
            assert_eq!(status, StatusCode::OK, "{told}");
        }
        Refused(code, expect) => {
            assert!(got.is_empty(), "reached the target: {told}");
            assert_eq!((status.as_u16(), reason), (*code, Some(*expect)), "{told}");
        }
    }
}

async fn send_raw(lab: &Lab, target: &Target, line: &str, headers: &str, expect: &End) {
    let token = lab.world.token(AGENT);
    let request = format!(
        "{line} HTTP/1.1\r\nauthorization: Bearer {token}\r\nconnection: close\r\n{headers}\r\n"
    );
    let answer = raw(lab.address, request).await;
    let reason = answer.lines().find_map(|it| it.strip_prefix("countersign-reason: "));
    let what = format!("{line} {headers:?}");
    check(&what, status_line(&answer), reason, &target.take(), expect);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_runs_the_function_that_was_decided_on_or_nothing() {
    let (lab, target) = start().await;
    let rows: &[(&str, End)] = &[
        ("GET /t/api/v1/customers/c_81", Ran("GET /base/v1/customers/c_81")),
        ("GET /t/api/v1/customers/search", Ran("GET /base/v1/customers/search")),
        ("GET /t/api/v1/customers/%73earch", Ran("GET /base/v1/customers/search")),
        ("GET /t/api/v1/customers/Search", Ran("GET /base/v1/customers/Search")),
        ("GET /t/api/v1/%63ustomers/a%20b%3Fc", Ran("GET /base/v1/customers/a%20b%3Fc")),
        ("GET /t/api/v1/customers/..", AMBIGUOUS),
        ("GET /t/api/v1/customers/../admin/keys", AMBIGUOUS),
        ("GET /t/api/v1/customers/%2e%2e/admin/keys", AMBIGUOUS),
        ("GET /t/api/v1/customers/.%2E/admin/keys", AMBIGUOUS),
        ("GET /t/api/v1/customers/..%2fadmin%2fkeys", AMBIGUOUS),
        ("GET /t/api/v1/customers/..%5Cadmin", AMBIGUOUS),
        ("GET /t/api/v1/customers/a\\b", AMBIGUOUS),
        ("GET /t/api//v1/customers/c", AMBIGUOUS),
        ("GET /t/api/v1/customers//c", AMBIGUOUS),
        ("GET /t/api/v1/customers/c;admin=1", AMBIGUOUS),
        ("GET /t/api/v1/customers/c%3bx", AMBIGUOUS),
        ("GET /t/api/v1/customers/%252e%252e", AMBIGUOUS),
        ("GET /t/api/v1/customers/%2573earch", AMBIGUOUS),
        ("GET /t/api/v1/customers/%c0%ae", AMBIGUOUS),
        ("GET /t/api/v1/customers/c%00", AMBIGUOUS),
        ("GET /t/api/v1/customers/c%0d%0ax", AMBIGUOUS),
        ("GET /t/api/v1/customers/%", AMBIGUOUS),
        ("GET /t/api/v1/customers/%zz", AMBIGUOUS),
        ("GET /t/api/v1/customers/c/", NOT_FOUND),
        ("GET /t/api/v1/customers", NOT_FOUND),
        ("GET /t/api", NOT_FOUND),
        ("GET /t/api/", NOT_FOUND),
        ("GET /t/", NOT_FOUND),
        ("GET /t", NOT_FOUND),
        ("GET /T/api/v1/customers/c", NOT_FOUND),
        ("GET /t/API/v1/customers/c", NOT_FOUND),
        ("GET /t/%61pi/v1/customers/c", NOT_FOUND),
        ("GET /t/api%2fv1/customers/c", NOT_FOUND),
        ("GET //t/api/v1/customers/c", NOT_FOUND),
        ("GET /x/../t/api/v1/customers/c", NOT_FOUND),
        ("GET /v1/customers/c", NOT_FOUND),
        ("OPTIONS *", NOT_FOUND),
        ("GET /t/api/v1/admin/keys", Refused(403, "no_grant")),
        ("GET /t/api/v1/admin/%6beys", Refused(403, "no_grant")),
        ("POST /t/api/v1/customers/c", NOT_FOUND),
        ("HEAD /t/api/v1/customers/c", NOT_FOUND),
        ("get /t/api/v1/customers/c", NOT_FOUND),
        ("DELETE /t/api/v1/customers/c", NOT_FOUND),
        ("POST /t/api/v1/customers/c:archive", Ran("POST /base/v1/customers/c:archive")),
        ("GET /t/api/v1/customers/c:archive", NOT_FOUND),
        ("POST /t/api/v1/customers/c%3aarchive", Ran("POST /base/v1/customers/c:archive")),
        ("GET /t/api/v1/files/a/b%20c/d", Ran("GET /base/v1/files/a/b%20c/d")),
        ("GET /t/api/v1/files/a/../../admin/keys", AMBIGUOUS),
        ("GET /t/api/v1/files", NOT_FOUND),
    ];
    for (line, expect) in rows {
        send_raw(&lab, &target, line, "host: gateway.test\r\n", expect).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_says_one_thing() {
    let (lab, target) = start().await;
    let search = |query: &str| format!("GET /t/api/v1/customers/search{query}");
    let rows: &[(&str, End)] = &[
        ("?q=a", Ran("GET /base/v1/customers/search?q=a")),
        ("?q", Ran("GET /base/v1/customers/search?q=")),
        ("?", Ran("GET /base/v1/customers/search")),
        ("?q=a+b%2b%26limit=9", Ran("GET /base/v1/customers/search?q=a%20b%2B%26limit%3D9")),
        ("?q=a&q=b", INVALID),
        ("?q=a&%71=b", INVALID),
        ("?tags=a&tags=b", Ran("GET /base/v1/customers/search?tags=a&tags=b")),
        ("?tags[]=a", INVALID),
        ("?limit=5&on=true", Ran("GET /base/v1/customers/search?limit=5&on=true")),
        ("?limit=05", INVALID),
        ("?limit=5.0", INVALID),
        ("?limit=five", INVALID),
        ("?limit=", INVALID),
        ("?on=1", INVALID),
        ("?on=TRUE", INVALID),
        ("?Q=a", INVALID),
        ("?unknown=1", INVALID),
        ("?_method=DELETE", INVALID),
        ("?q=a;limit=5", AMBIGUOUS),
        ("?q=a&&limit=5", AMBIGUOUS),
        ("?&q=a", AMBIGUOUS),
        ("?=a", AMBIGUOUS),
        ("?q=%00", AMBIGUOUS),
        ("?q=%ff", AMBIGUOUS),
        ("?q=%f", AMBIGUOUS),
    ];
    for (query, expect) in rows {
        send_raw(&lab, &target, &search(query), "host: gateway.test\r\n", expect).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_host_leads_one_way() {
    let (lab, target) = start().await;
    let rows: &[(&str, &str, End)] = &[
        ("GET /v1/customers/c", "host: api.test\r\n", Ran("GET /base/v1/customers/c")),
        ("GET /v1/customers/c", "host: API.test:8443\r\n", Ran("GET /base/v1/customers/c")),
        (
            "GET http://api.test/v1/customers/c",
            "host: api.test\r\n",
            Ran("GET /base/v1/customers/c"),
        ),
        ("GET http://api.test/v1/customers/c", "host: other.test\r\n", AMBIGUOUS),
        ("GET http://gateway.test/v1/customers/c", "host: api.test\r\n", AMBIGUOUS),
        ("GET http://a@api.test/v1/customers/c", "host: api.test\r\n", AMBIGUOUS),
        ("GET /v1/customers/c", "host: api.test\r\nhost: api.test\r\n", AMBIGUOUS),
        ("GET /v1/customers/c", "host: gateway.test\r\nhost: api.test\r\n", AMBIGUOUS),
        ("GET /v1/customers/c", "host: api.test.\r\n", NOT_FOUND),
        ("GET /v1/customers/c", "host: api.test@x\r\n", NOT_FOUND),
        ("GET /v1/customers/c", "host: [::1]:80\r\n", NOT_FOUND),
        ("GET /v1/customers/c", "", NOT_FOUND),
        // The path is the target's own, also where the gateway has one like it.
        ("GET /t/api/v1/customers/c", "host: api.test\r\n", NOT_FOUND),
        ("GET /tools", "host: api.test\r\n", NOT_FOUND),
        ("GET /tools", "host: api.test\r\nhost: gateway.test\r\n", AMBIGUOUS),
    ];
    for (line, headers, expect) in rows {
        send_raw(&lab, &target, line, headers, expect).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_header_makes_it_another_request() {
    let (lab, target) = start().await;
    let line = "GET /t/api/v1/customers/c";
    for header in [
        "x-http-method-override: DELETE",
        "X-HTTP-Method: DELETE",
        "x-method-override: DELETE",
        "x-original-url: /v1/admin/keys",
        "x-rewrite-url: /v1/admin/keys",
        "content-encoding: gzip",
        "content-type: a/b\r\ncontent-type: c/d",
    ] {
        let headers = format!("host: gateway.test\r\n{header}\r\n");
        send_raw(&lab, &target, line, &headers, &AMBIGUOUS).await;
    }
    let harmless = "host: gateway.test\r\nx-forwarded-host: api.test\r\nforwarded: host=api.test\r\n\
                    x-forwarded-uri: /v1/admin/keys\r\nmax-forwards: 0\r\n";
    send_raw(&lab, &target, line, harmless, &Ran("GET /base/v1/customers/c")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_uniform_call_reaches_its_own_function() {
    let (lab, target) = start().await;
    let get = "/call/api.customers.get";
    let rows: &[(&str, &str, End)] = &[
        (get, r#"{"customer":"c_81"}"#, Ran("GET /base/v1/customers/c_81")),
        ("/call/api__customers__get", r#"{"customer":"c"}"#, Ran("GET /base/v1/customers/c")),
        // Each of these would spell the path of another function, or of none.
        (get, r#"{"customer":"search"}"#, INVALID),
        (get, r#"{"customer":"c:archive"}"#, INVALID),
        (get, r#"{"customer":"a/b"}"#, INVALID),
        (get, r#"{"customer":".."}"#, INVALID),
        (get, r#"{"customer":""}"#, INVALID),
        (get, r#"{"customer":"%2e%2e"}"#, INVALID),
        (get, r#"{"customer":"a?b#c"}"#, Ran("GET /base/v1/customers/a%3Fb%23c")),
        (get, r#"{"customer":7}"#, INVALID),
        (get, r#"{"customer":null}"#, INVALID),
        (get, r#"{"customer":["c"]}"#, INVALID),
        (get, "{}", INVALID),
        (get, r#"{"customer":"c","x":1}"#, INVALID),
        (get, r#"{"customer":"a","customer":"b"}"#, AMBIGUOUS),
        (get, r#"{"customer":"a","cust\u006fmer":"b"}"#, AMBIGUOUS),
        (get, r#"["c"]"#, AMBIGUOUS),
        (get, r#"{"customer":"c"} {}"#, AMBIGUOUS),
        (get, "\u{feff}{\"customer\":\"c\"}", AMBIGUOUS),
        (get, r#"{"customer":"\ud800"}"#, AMBIGUOUS),
        ("/call/api.customers.get?customer=x", r#"{"customer":"c"}"#, AMBIGUOUS),
        ("/call/api.customers.get/", r#"{"customer":"c"}"#, NOT_FOUND),
        ("/call/api.customers", "{}", NOT_FOUND),
        ("/call/API.customers.get", "{}", NOT_FOUND),
        ("/call/", "{}", NOT_FOUND),
        ("/call/api.admin.keys", "{}", Refused(403, "no_grant")),
        ("/call/api.files.get", r#"{"path":"a/b"}"#, Ran("GET /base/v1/files/a/b")),
        ("/call/api.files.get", r#"{"path":"a/../../admin/keys"}"#, INVALID),
        ("/call/api.files.get", r#"{"path":"a//b"}"#, INVALID),
        (
            "/call/api.customers.search",
            r#"{"tags":["a","b&c"],"limit":5,"on":false}"#,
            Ran("GET /base/v1/customers/search?limit=5&on=false&tags=a&tags=b%26c"),
        ),
        ("/call/api.customers.search", r#"{"q":{"a":1}}"#, INVALID),
        (
            "/call/api.customers.archive",
            r#"{"customer":"search"}"#,
            Ran("POST /base/v1/customers/search:archive"),
        ),
    ];
    for (path, body, expect) in rows {
        let request =
            lab.request(Method::POST, path, AGENT).header("content-type", "application/json");
        let answer = lab.send(request.body(Full::from(*body)).unwrap()).await;
        check(
            &format!("{path} {body}"),
            answer.status,
            Some(&answer.code()),
            &target.take(),
            expect,
        );
    }
    let answer = lab.get(get, AGENT).await;
    check("GET", answer.status, Some(&answer.code()), &target.take(), &NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_sent_as_they_were_decided_on() {
    let (lab, target) = start().await;
    let send = async |path: &str, kind: &str, body: &'static str| {
        let request = lab.request(Method::POST, path, AGENT).header("content-type", kind);
        lab.send(request.body(Full::from(body)).unwrap()).await
    };
    // Unchanged, so that a signature over it holds.
    let text = "{ \"title\" : \"a\\u0062\" , \"pages\":1.50 }";
    let answer = send("/t/api/v1/notes", "application/json; charset=UTF-8", text).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let got = target.one();
    assert_eq!(
        (got.body.as_ref(), got.header("content-type")),
        (text.as_bytes(), Some("application/json; charset=UTF-8"))
    );
    // Made from the arguments.
    let answer = send("/call/api.notes.create", "application/json", text).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(target.one().body, r#"{"pages":1.5,"title":"ab"}"#);
    for path in ["/t/api/v1/form", "/call/api.form.send"] {
        let uniform = path.starts_with("/call");
        let (kind, body) = if uniform {
            ("application/json", r#"{"a":"1 &2","b":["x","y"]}"#)
        } else {
            ("application/x-www-form-urlencoded", "a=1+%262&b=x&b=y")
        };
        assert_eq!(send(path, kind, body).await.status, StatusCode::OK);
        let got = target.one();
        assert_eq!(got.body, "a=1%20%262&b=x&b=y");
        assert_eq!(got.header("content-type"), Some("application/x-www-form-urlencoded"));
    }
    let refused: &[(&str, &str, &str)] = &[
        ("/t/api/v1/notes", "text/plain", "{}"),
        ("/t/api/v1/notes", "application/json; charset=utf-16", "{}"),
        ("/t/api/v1/notes", "application/jsonx", "{}"),
        ("/t/api/v1/notes", "application/json", "[1]"),
        ("/t/api/v1/notes", "application/json", "{\"title\":\"a\",\"title\":\"b\"}"),
        ("/t/api/v1/notes", "application/json", "{\"pages\":1e999}"),
        ("/t/api/v1/form", "application/json", "{\"a\":\"b\"}"),
        ("/t/api/v1/form", "application/x-www-form-urlencoded", "a=1;b=2"),
        ("/t/api/v1/customers/c:archive", "application/json", "{}"),
        ("/call/api.form.send", "application/x-www-form-urlencoded", "a=1"),
    ];
    for (path, kind, body) in refused {
        let answer = send(path, kind, body).await;
        check(
            &format!("{path} {body}"),
            answer.status,
            Some(&answer.code()),
            &target.take(),
            &AMBIGUOUS,
        );
    }
    let answer = send("/t/api/v1/form", "application/x-www-form-urlencoded", "a=1&a=2").await;
    check("form twice", answer.status, Some(&answer.code()), &target.take(), &INVALID);
}
