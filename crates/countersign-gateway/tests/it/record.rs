//! What is kept of a call: the masked exchange under its session's key, the commitment in the
//! ledger, and what must not be seen in no file at all.

use crate::{
    lab::{Lab, TARGET_SECRET},
    rig::{AGENT, Target, answer, eventually, function, lab, lab_with, outcomes},
};
use countersign_gateway::Limits;
use countersign_ledger::{SegmentReader, commitment};
use countersign_model::{
    Digest, Span,
    exchange::Exchange,
    json::canonical,
    record::{CallIntent, Event},
};
use http::Method;
use http_body_util::Full;
use serde_json::json;
use std::{collections::BTreeMap, fs, path::Path};

/// Every recording of a lab, opened with the keys in its store.
async fn recorded(lab: &Lab) -> Vec<(Exchange, Vec<u8>)> {
    let reader = SegmentReader::open(&lab.world.directory.path().join("recordings"));
    let mut all = Vec::new();
    for frame in reader.frames().unwrap() {
        let frame = frame.unwrap();
        let session = countersign_model::SessionId::from_bytes(frame.session_id);
        let key = lab.governance.session_key(session).await.unwrap().unwrap();
        for payload in reader.read(frame.segment, frame.offset, &key).unwrap() {
            all.push((Exchange::from_bytes(&payload.bytes).unwrap(), payload.bytes));
        }
    }
    all
}

fn intents(lab: &Lab) -> Vec<CallIntent> {
    let events = lab.world.entries().into_iter().map(|it| it.event);
    let intent = |it| match it {
        Event::CallIntent(intent) => Some(*intent),
        _ => None,
    };
    events.filter_map(intent).collect()
}

/// Files below a directory that hold these bytes.
fn holding(directory: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else {
            // SQLite's companions vanish when its last connection closes.
            let read = fs::read(&path).unwrap_or_default();
            if read.windows(bytes.len()).any(|it| it == bytes) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_caller_got_is_what_is_kept_and_no_more() {
    let target = Target::start(|_| {
        let headers = [("content-type", "application/json"), ("x-by", "planted@example.com")];
        let body = r#"{"mail":"planted@example.com","name":"Planted Name","id":7}"#;
        answer(200, &headers, body)
    })
    .await;
    let send = function(
        "send",
        "POST",
        "/v1/{id}",
        json!({
            "http": {"query": ["q"]},
            "input": {"type": "object", "properties": {
                "id": {"type": "string"}, "q": {"type": "string"}, "to": {"type": "string"},
                "secret": {"type": "string"}
            }},
            "mask": [
                {"detect": ["email"], "how": "redact"}, {"field": "$.name", "how": "partial"}
            ],
            "mask_arguments": [
                {"detect": ["email"], "how": "redact"}, {"field": "$.secret", "how": "redact"}
            ]
        }),
    );
    let lab = lab(target.address, json!({"credential": {"bearer": {"env": "X"}}}), &[send]).await;
    let arguments = json!({"to": "argument@example.com", "secret": "planted-secret"});
    let token = lab.world.token(AGENT);
    let request = lab
        .request(Method::POST, "/t/api/v1/7?q=query%40example.com", AGENT)
        .header("authorization", format!("Bearer {token}"))
        .header("cookie", "planted-cookie")
        .header("content-type", "application/json");
    // Two tokens are refused; one is sent below.
    let refused = lab.send(request.body(Full::from(arguments.to_string())).unwrap()).await;
    assert_eq!(refused.status, 401);
    let request =
        http::Request::post(format!("http://{}/t/api/v1/7?q=query%40example.com", lab.address))
            .header("authorization", format!("Bearer {token}"))
            .header("cookie", "planted-cookie")
            .header("content-type", "application/json");
    let answer = lab.send(request.body(Full::from(arguments.to_string())).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(!text.contains("planted@") && !text.contains("Planted Name"), "{text}");

    let [(exchange, payload)] = recorded(&lab).await.try_into().unwrap();
    assert_eq!(exchange.response.as_deref(), Some(&*text));
    assert_eq!((exchange.status, exchange.masked, exchange.cut), (200, 3, false));
    let expect = json!({"id": "7", "q": "[redacted]", "to": "[redacted]", "secret": "[redacted]"});
    assert_eq!(exchange.arguments, expect);
    assert_eq!(exchange.hidden, ["/q", "/secret", "/to"]);
    let [intent] = intents(&lab).try_into().unwrap();
    let [outcome] = outcomes(&lab.world).try_into().unwrap();
    assert_eq!((exchange.call, exchange.session), (intent.call, intent.session));
    assert_eq!(outcome.recording, Some(Digest(commitment(&exchange.salt.0, &payload))));
    assert_eq!((outcome.bytes, exchange.bytes), (59, u64::try_from(text.len()).unwrap()));
    let mut whole = arguments;
    whole["id"] = json!("7");
    whole["q"] = json!("query@example.com");
    let committed = Digest(commitment(&exchange.salt.0, canonical(&whole).as_bytes()));
    assert_eq!(intent.arguments, committed);

    let signature = token.rsplit('.').next().unwrap().to_owned();
    let secrets = [
        "planted@example.com",
        "Planted Name",
        "argument@example.com",
        "query@example.com",
        "query%40example.com",
        "planted-secret",
        "planted-cookie",
        TARGET_SECRET,
        &signature,
        "[redacted]",
    ];
    // While it runs, with SQLite's log and the ledger's journal, and after its end.
    let search = |directory: &Path| {
        assert!(!holding(directory, AGENT.as_bytes()).is_empty(), "the search finds nothing");
        for secret in secrets {
            assert_eq!(holding(directory, secret.as_bytes()), [""; 0], "{secret}");
        }
    };
    search(lab.world.directory.path());
    let world = lab.stop().await;
    search(world.directory.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_says_how_much_is_kept() {
    let target = Target::start(|got| {
        let kind =
            if got.path.ends_with("binary") { "application/octet-stream" } else { "text/plain" };
        answer(200, &[("content-type", kind)], "eleven text".repeat(3))
    })
    .await;
    let of = |name: &str, record: &str| {
        function(name, "GET", &format!("/v1/{name}"), json!({"record": record}))
    };
    let functions = [
        of("full", "full"),
        of("binary", "full"),
        of("arguments", "arguments"),
        of("none", "none"),
    ];
    let limits = Limits { recorded_bytes_max: 20, ..Limits::default() };
    let lab = lab_with(limits, target.address, json!({}), &functions).await;
    for name in ["full", "binary", "arguments", "none"] {
        let answer = lab.get(&format!("/t/api/v1/{name}"), AGENT).await;
        assert_eq!(answer.body, "eleven text".repeat(3), "{name}");
        // Compressed answers are asked for only where nobody here reads them.
        let coding = target.one().header("accept-encoding").map(str::to_owned);
        let expect = matches!(name, "full" | "binary").then(|| "identity".to_owned());
        assert_eq!(coding, expect, "{name}");
    }
    let kept: BTreeMap<String, (Option<String>, bool)> = recorded(&lab)
        .await
        .into_iter()
        .map(|(it, _)| (it.function.to_string(), (it.response, it.cut)))
        .collect();
    assert_eq!(kept.len(), 3);
    assert_eq!(kept["api.full"], (Some("eleven texteleven te".to_owned()), true));
    assert_eq!(kept["api.binary"], (None, false));
    assert_eq!(kept["api.arguments"], (None, false));
    let recordings: Vec<bool> =
        outcomes(&lab.world).iter().map(|it| it.recording.is_some()).collect();
    assert_eq!(recordings, [true, true, true, false]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_belong_together_are_one_session() {
    let target = Target::start(|_| answer(200, &[("content-type", "text/plain")], "done")).await;
    let lab = lab(target.address, json!({}), &[function("get", "GET", "/v1/x", json!({}))]).await;
    lab.grant("riley@acme.example", &["api.get"]).await;
    let trace = |id: &str| format!("00-{id}-00f067aa0ba902b7-01");
    let (one, zeros) = ("4bf92f3577b34da6a3ce929d0e0e4736", "0".repeat(32));
    let own = "countersign-session";
    let long = "x".repeat(129);
    type Headers = Vec<(&'static str, String)>;
    let rows: [(&str, Headers, &str); 13] = [
        (AGENT, vec![], "pause"),
        (AGENT, vec![], "pause"),
        (AGENT, vec![(own, "run 1".to_owned())], "run"),
        (AGENT, vec![(own, "run 1".to_owned()), ("traceparent", trace(one))], "run"),
        (AGENT, vec![(own, "run 2".to_owned())], "another run"),
        (AGENT, vec![("traceparent", trace(one))], "trace"),
        (AGENT, vec![("traceparent", format!("00-{one}-aaaaaaaaaaaaaaaa-00"))], "trace"),
        (AGENT, vec![("traceparent", trace(&zeros))], "pause"),
        (AGENT, vec![("traceparent", trace("short"))], "pause"),
        (AGENT, vec![(own, String::new())], "pause"),
        (AGENT, vec![(own, long)], "pause"),
        ("riley@acme.example", vec![], "hers"),
        ("riley@acme.example", vec![(own, "run 1".to_owned())], "her run"),
    ];
    let call = async |who: &str, headers: &[(&str, String)]| {
        let mut request = lab.request(Method::GET, "/t/api/v1/x", who);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        assert_eq!(lab.send(request.body(Full::default()).unwrap()).await.status, 200);
        intents(&lab).last().unwrap().session
    };
    let mut sessions = BTreeMap::new();
    for (who, headers, expect) in rows {
        let session = call(who, &headers).await;
        assert_eq!(*sessions.entry(expect).or_insert(session), session, "{headers:?}");
    }
    let distinct: std::collections::BTreeSet<_> = sessions.values().collect();
    assert_eq!(distinct.len(), sessions.len(), "{sessions:?}");
    // What did not run counts in a session that is there, and opens none.
    for (who, name) in [(AGENT, "run 1"), (AGENT, "never heard of"), ("sam@acme.example", "run 1")]
    {
        let request = lab.request(Method::GET, "/t/api/v1/unknown", who).header(own, name);
        let answer = lab.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.code(), "not_catalogued");
    }
    // A longer pause ends a session, and none of the others.
    lab.world.pass(Span::from_seconds(29 * 60));
    assert_eq!(call(AGENT, &[]).await, sessions["pause"]);
    lab.world.pass(Span::from_seconds(31 * 60));
    eventually("the policy is confirmed", async || {
        lab.governance.policy().is_current(lab.world.now())
    })
    .await;
    assert_ne!(call(AGENT, &[]).await, sessions["pause"]);
    let count = intents(&lab).len();
    let world = lab.stop().await;
    // What was counted is in the store before the gateway ends.
    let lab = world.start(Limits::default()).await;
    let filter = countersign_governance::SessionFilter { limit: 100, ..Default::default() };
    let rows = lab.governance.sessions(filter).await.unwrap();
    assert_eq!(rows.len(), sessions.len() + 1);
    let calls: u64 = rows.iter().map(|it| it.calls).sum();
    assert_eq!(calls, u64::try_from(count).unwrap() + 1);
    let run = rows.iter().find(|it| it.id == sessions["run"]).unwrap();
    assert_eq!((run.calls, run.refused), (3, 1), "two ran");
    assert_eq!(rows.iter().map(|it| it.refused).sum::<u64>(), 1);
    assert!(rows.iter().all(|it| it.segments == [0]), "{rows:?}");
}
