//! What a collector is told of calls: by a receiver in the test's process, which reads OTLP/JSON, and
//! by rotel, a collector of others', if `COUNTERSIGN_TEST_ROTEL` names it.

mod collector;
mod rotel;

use crate::lab::{
    AGENT, APPROVER, Answer, Connection, EMAIL, PATIENCE, Process, Say, World, until,
};
use collector::{Collector, Manner, Span};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const ITEM: &str = "/t/desk/v1/items/secret-item";
const PAYMENT: &str = "/t/desk/v1/payments/secret-payment";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const KEY: &str = "collectors-secret-key";

/// A world whose gateway tells a collector, and a grant for the agent. What was told until then is
/// told of nobody's call.
async fn traced(url: &str, otlp: &Value) -> (World, Process) {
    let world = World::new().await;
    world.write("collector.key", KEY);
    let mut all = json!({
        "endpoint": url, "headers": {"x-key": {"file": "collector.key"}}, "service_name": "gate",
    });
    for (key, value) in otlp.as_object().unwrap() {
        all[key] = value.clone();
    }
    world.configure(&json!({"telemetry": {"otlp": all}}));
    let process = Process::start(&world).await;
    world.grant_desk(&process, AGENT).await;
    (world, process)
}

fn say(world: &World, method: &str, path: &str) -> Say {
    Say::new(method, path, &world.token(AGENT)).header("countersign-session", "secret-session")
}

async fn ask(process: &Process, say: Say) -> Answer {
    Connection::once(process.address, say).await.unwrap()
}

/// In a trace of the caller's: sampled or not.
fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// Pays, with the approver's yes while the call waits.
async fn pay(world: &World, process: &Process) -> Answer {
    let payment = say(world, "POST", PAYMENT).header("prefer", "wait=60");
    let held = tokio::spawn(Connection::once(process.address, payment));
    let approval = asked(world, process).await;
    let path = format!("POST /approvals/{approval}/approve");
    world.manage(process, APPROVER, &path, &json!({})).await;
    held.await.unwrap().unwrap()
}

/// The approval that a held call waits for.
async fn asked(world: &World, process: &Process) -> String {
    until("a call is held", async || {
        let pending = "GET /approvals?state=pending";
        let waiting = world.manage(process, APPROVER, pending, &Value::Null).await;
        waiting["approvals"][0]["id"].as_str().map(str::to_owned)
    })
    .await
}

/// Nothing that a caller or a target said is told, but for ids.
fn is_discreet(told: &str, world: &World) {
    let token = world.token(AGENT);
    let never =
        ["secret-", "Bearer", &token, AGENT, APPROVER, EMAIL, KEY, "dunning", "acme.example"];
    for text in never {
        assert!(!told.contains(text), "{text} is told: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_traced_from_its_caller_to_its_target() {
    let collector = Collector::start(Manner::Takes).await;
    let (world, process) = traced(&collector.url, &json!({})).await;
    let state = ("tracestate", "vendor=1");
    let call = say(&world, "GET", ITEM).header("traceparent", &parent("01"));
    let answer = ask(&process, call.header(state.0, state.1)).await;
    assert_eq!(answer.reason(), "200 granted");
    process.stop().await;

    let spans = collector.spans();
    assert_eq!(spans.len(), 4, "{spans:#?}");
    let server = spans.iter().find(|it| it.name == "desk.items.get").unwrap();
    assert_eq!((server.trace.as_str(), server.parent.as_str()), (TRACE, PARENT));
    assert_eq!((server.kind, server.status), (2, 0));
    let (intent, session) = (&world.intents()[0], server.text("countersign.session"));
    assert_eq!(session, intent.session.to_string());
    let expect = json!({
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/t/desk/v1/items/{item}",
        "network.protocol.version": "1.1",
        "server.address": "gateway.test",
        "server.port": 80,
        "url.scheme": "http",
        "countersign.call": answer.header("countersign-call"),
        "countersign.decision": "forward",
        "countersign.function": "desk.items.get",
        "countersign.reason": "granted",
        "countersign.session": session,
        "countersign.target": "desk",
    });
    assert_eq!(server.attributes, expect);

    // All parts are the call's, and lie within it.
    for part in spans.iter().filter(|it| it.name != "desk.items.get") {
        assert_eq!((part.trace.as_str(), &part.parent), (TRACE, &server.id), "{part:#?}");
        assert!(server.began <= part.began && part.ended <= server.ended, "{spans:#?}");
    }
    let parts: Vec<_> = spans.iter().map(|it| it.name.as_str()).collect();
    let client = "GET /v1/items/{item}";
    assert_eq!(parts, ["desk.items.get", "ledger.intent", client, "ledger.outcome"]);
    assert_eq!(spans[2].kind, 3);
    let expect = json!({
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": world.target_site.address.ip().to_string(),
        "server.port": world.target_site.address.port(),
        "url.template": "/v1/items/{item}",
    });
    assert_eq!(spans[2].attributes, expect);

    // The target's work is a part of ours, and keeps what the caller's trace brought along.
    let told = world.arrivals.headers_of(answer.header("countersign-call"));
    assert_eq!(told["traceparent"], format!("00-{TRACE}-{}-01", spans[2].id));
    assert_eq!(told[state.0], state.1);

    assert_eq!(collector.header("x-key"), KEY);
    let resource = collector.resource();
    let (name, instance) = (&resource["service.name"], &resource["service.instance.id"]);
    assert_eq!((name, instance), (&json!("gate"), &json!("main")));
    is_discreet(&collector.told(), &world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_held_blocked_or_unknown_is_traced_too() {
    let collector = Collector::start(Manner::Takes).await;
    let (world, process) = traced(&collector.url, &json!({})).await;
    let paid = pay(&world, &process).await;
    assert_eq!(paid.reason(), "200 approved");
    let pending = ask(&process, say(&world, "POST", PAYMENT).header("prefer", "wait=0")).await;
    assert_eq!(pending.reason(), "403 approval_required");
    let nobody = Say::new("GET", ITEM, &world.token(APPROVER));
    assert_eq!(ask(&process, nobody).await.reason(), "403 no_grant");
    let stranger = Say::new("SECRET-METHOD", "/t/desk/v1/secret-path", "secret-token");
    assert_eq!(ask(&process, stranger).await.status, 401);
    let uniform = say(&world, "POST", "/call/desk.customers.get");
    let uniform = uniform.with(&json!({"customer": "secret-customer"}));
    assert_eq!(ask(&process, uniform).await.reason(), "200 granted");
    process.stop().await;

    let spans = collector.spans();
    let servers: Vec<&Span> = spans.iter().filter(|it| it.kind == 2).collect();
    let told: Vec<_> = servers
        .iter()
        .map(|it| {
            let text = |key| it.text(&format!("countersign.{key}"));
            let route = it.text("http.route");
            (it.name.as_str(), text("decision"), text("reason"), route, it.status)
        })
        .collect();
    let row = |name, decision: &str, reason: &str, route: &str| {
        (name, decision.to_owned(), reason.to_owned(), route.to_owned(), 0)
    };
    let payment = "/t/desk/v1/payments/{number}";
    let expect = [
        row("desk.payments.make", "hold", "approved", payment),
        row("desk.payments.make", "hold", "approval_required", payment),
        row("desk.items.get", "block", "no_grant", "/t/desk/v1/items/{item}"),
        row("call", "block", "unidentified", ""),
        row("desk.customers.get", "forward", "granted", "/call/{function}"),
    ];
    assert_eq!(told, expect);
    assert_eq!(servers[3].text("http.request.method"), "_OTHER");
    // Each of these calls came without a trace, and began one.
    let mut traces: Vec<_> = servers.iter().map(|it| &it.trace).collect();
    traces.sort();
    traces.dedup();
    assert_eq!(traces.len(), 5);
    assert!(servers.iter().all(|it| it.parent.is_empty()));

    let parts = |of: &Span| {
        let parts = spans.iter().filter(|it| it.parent == of.id && it.trace == of.trace);
        parts.map(|it| it.name.clone()).collect::<Vec<_>>()
    };
    let client = "POST /v1/payments/{number}";
    assert_eq!(parts(servers[0]), ["hold", "ledger.intent", client, "ledger.outcome"]);
    assert_eq!(parts(servers[1]), ["hold"]);
    assert!(parts(servers[2]).is_empty() && parts(servers[3]).is_empty());
    let approval = servers[0].text("countersign.approval");
    let intents = world.intents();
    let intent = intents.iter().find(|it| it.approval.is_some()).unwrap();
    assert_eq!(approval, intent.approval.unwrap().to_string());
    let hold = spans.iter().find(|it| it.name == "hold").unwrap();
    assert_eq!(hold.text("countersign.approval"), approval);
    is_discreet(&collector.told(), &world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_decide_about_their_traces_and_the_rest_is_sampled() {
    let collector = Collector::start(Manner::Takes).await;
    let (world, process) = traced(&collector.url, &json!({"sample": 0})).await;
    let traceparent = async |flags: Option<&str>| {
        let call = say(&world, "GET", ITEM);
        let call = match flags {
            Some(flags) => call.header("traceparent", &parent(flags)),
            None => call,
        };
        let answer = ask(&process, call).await;
        let told = world.arrivals.headers_of(answer.header("countersign-call"));
        told["traceparent"].to_str().unwrap().to_owned()
    };
    assert!(traceparent(None).await.ends_with("-00"), "the target keeps none of it either");
    let unsampled = traceparent(Some("00")).await;
    assert!(unsampled.starts_with(&format!("00-{TRACE}-")) && unsampled.ends_with("-00"));
    assert!(!unsampled.contains(PARENT), "{unsampled}");
    assert!(traceparent(Some("01")).await.ends_with("-01"));
    process.stop().await;
    let names: Vec<_> = collector.spans().into_iter().filter(|it| it.kind == 2).collect();
    assert_eq!(names.len(), 1, "{names:?}");

    // Without a collector, what the caller says goes on as it is.
    world.configure(&json!({}));
    let process = Process::start(&world).await;
    let call = say(&world, "GET", ITEM).header("traceparent", &parent("01"));
    let answer = ask(&process, call).await;
    let told = world.arrivals.headers_of(answer.header("countersign-call"));
    assert_eq!(told["traceparent"], parent("01"));
    let answer = ask(&process, say(&world, "GET", ITEM)).await;
    let told = world.arrivals.headers_of(answer.header("countersign-call"));
    assert_eq!(told.get("traceparent"), None);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_targets_are_errors_of_their_spans() {
    let collector = Collector::start(Manner::Takes).await;
    let (mut world, process) = traced(&collector.url, &json!({})).await;
    world.target_site.close().await;
    assert_eq!(ask(&process, say(&world, "GET", ITEM)).await.reason(), "502 target_unreachable");
    process.stop().await;
    let spans = collector.spans();
    for span in spans.iter().filter(|it| it.kind != 1) {
        assert_eq!((span.status, span.text("error.type")), (2, "target_unreachable".to_owned()));
    }
    assert_eq!(spans.len(), 4, "{spans:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_collector_slows_a_call_or_the_end() {
    for manner in [Manner::Away, Manner::Hangs, Manner::Floods, Manner::Fails] {
        let collector = Collector::start(manner).await;
        let (world, process) = traced(&collector.url, &json!({})).await;
        let began = Instant::now();
        let mut connection = Connection::open(process.address).await.unwrap();
        for _ in 0..50 {
            let answer = connection.say(say(&world, "GET", ITEM)).await.unwrap();
            assert_eq!(answer.reason(), "200 granted", "{manner:?}");
        }
        assert!(began.elapsed() < PATIENCE / 3, "{manner:?}: {:?}", began.elapsed());
        if manner != Manner::Hangs && manner != Manner::Away {
            until("a span was lost, and it is counted", async || {
                let text = ask(&process, Say::get("/metrics", "")).await.text();
                let lost = "countersign_spans_dropped_total{why=\"collector_refused\"} ";
                let lost = text.lines().find_map(|it| it.strip_prefix(lost)).unwrap();
                (lost != "0").then_some(())
            })
            .await;
        }
        let began = Instant::now();
        process.stop().await;
        assert!(began.elapsed() < Duration::from_secs(15), "{manner:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_ends_while_the_gateway_ends_is_told() {
    let collector = Collector::start(Manner::Takes).await;
    let (world, process) = traced(&collector.url, &json!({})).await;
    let waits = say(&world, "GET", "/t/desk/v1/waits/1");
    let slow = tokio::spawn(Connection::once(process.address, waits));
    until("a call is at the target", async || {
        (world.arrivals.at("/v1/waits/1") == 1).then_some(())
    })
    .await;
    process.signal("TERM");
    until("new connections are refused", async || Connection::open(process.address).await.err())
        .await;
    world.gate.open();
    assert_eq!(slow.await.unwrap().unwrap().status, 200);
    assert_eq!(process.ended().await.code, Some(0));
    assert!(collector.spans().iter().any(|it| it.name == "desk.waits.get"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_hangs_up_leaves_a_trace() {
    let collector = Collector::start(Manner::Takes).await;
    let (world, process) = traced(&collector.url, &json!({})).await;
    let payment = say(&world, "POST", PAYMENT).header("prefer", "wait=60");
    let held = tokio::spawn(Connection::once(process.address, payment));
    let approval = asked(&world, &process).await;
    // Others see the approval a moment before the call knows of it.
    until("the call waits", async || {
        let text = ask(&process, Say::get("/metrics", "")).await.text();
        text.contains("\ncountersign_calls_held 1\n").then_some(())
    })
    .await;
    held.abort();
    let server = until("the call is told", async || {
        collector.spans().into_iter().find(|it| it.name == "desk.payments.make")
    })
    .await;
    assert_eq!((server.status, server.text("error.type")), (2, "caller_gone".to_owned()));
    assert_eq!(server.text("countersign.decision"), "hold");
    assert_eq!(server.text("countersign.approval"), approval);
    assert!(!server.text("countersign.call").is_empty());
    assert_eq!(server.attributes.get("http.response.status_code"), None);
    process.stop().await;
}
