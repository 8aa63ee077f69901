//! Targets that write down what they get, raw sockets on both sides, and a catalog for them.

mod flow;

pub use flow::{Flow, Source, flow};

use crate::lab::{Lab, World, once, own};
use bytes::Bytes;
use countersign_gateway::{Gateway, GatewayParts, Limits, Secrets};
use countersign_identity::{Http, SamlSignIn, UseOnce, Verifier, VerifierOptions};
use countersign_mask::HashKey;
use countersign_model::{
    Reason, Span,
    catalog::raw::{RawCatalog, RawFile},
    record::{CallOutcome, Event},
};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

pub const AGENT: &str = "agent:dunning";
/// Longer than anything here takes: whoever waits for so long has found a bug.
const LATE: Duration = Duration::from_secs(20);
/// A connection that is silent for so long says no more.
const SILENT: Duration = Duration::from_millis(300);

/// What a target got.
#[derive(Clone, Debug)]
pub struct Got {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|it| it.to_str().unwrap())
    }
}

pub type TargetBody = UnsyncBoxBody<Bytes, io::Error>;

/// A target that writes down what it gets.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    pub connections: Arc<AtomicUsize>,
}

impl Target {
    /// Answers each request, once it is whole.
    pub async fn start(
        answer: impl Fn(&Got) -> Response<TargetBody> + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        Self::streaming(move |request, got| {
            let answer = Arc::clone(&answer);
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.map(|it| it.to_bytes()).unwrap_or_default();
                let it = Got {
                    method: parts.method.to_string(),
                    path: parts.uri.path_and_query().unwrap().to_string(),
                    version: parts.version,
                    headers: parts.headers,
                    body,
                };
                got.lock().unwrap().push(it.clone());
                answer(&it)
            }
        })
        .await
    }

    /// Answers each request as it comes. HTTP/1.1 and HTTP/2 with prior knowledge.
    pub async fn streaming<F, R>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>, Arc<Mutex<Vec<Got>>>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<TargetBody>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (got, connections) = (Arc::<Mutex<Vec<Got>>>::default(), Arc::<AtomicUsize>::default());
        let target = Self { address, got: Arc::clone(&got), connections: Arc::clone(&connections) };
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (answer, got) = (Arc::clone(&answer), Arc::clone(&got));
                let open = Open(Arc::clone(&connections));
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let answer = answer(request, Arc::clone(&got));
                        async move { Ok::<_, Infallible>(answer.await) }
                    });
                    let builder = auto::Builder::new(TokioExecutor::new());
                    drop(builder.serve_connection(TokioIo::new(stream), service).await);
                    drop(open);
                });
            }
        });
        target
    }

    /// What came since the last time.
    pub fn take(&self) -> Vec<Got> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }

    /// The one request that came since the last time.
    pub fn one(&self) -> Got {
        let [got] = self.take().try_into().unwrap_or_else(|it| panic!("not one: {it:?}"));
        got
    }
}

/// A connection, until this is dropped.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An answer in one piece.
pub fn answer(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<TargetBody> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    built(status, headers, body)
}

/// An answer whose pieces come when the test sends them.
pub fn flowing(status: u16, headers: &[(&str, &str)], flow: Flow) -> Response<TargetBody> {
    built(status, headers, flow.boxed_unsync())
}

fn built(status: u16, headers: &[(&str, &str)], body: TargetBody) -> Response<TargetBody> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body).unwrap()
}

/// A target that does with each connection what a test says. The count is of connections.
pub async fn raw_target<F, R>(each: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(each(stream));
        }
    });
    (address, count)
}

/// Reads up to the end of a head.
pub async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends bytes, and gives all that comes until the other side closes or says no more.
pub async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let silent = if answer.is_empty() { LATE } else { SILENT };
        match tokio::time::timeout(silent, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) | Err(_) => break,
            Ok(Ok(read)) => answer.extend_from_slice(&buffer[..read]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Waits for something that comes without the test's doing.
pub async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(LATE, wait).await;
    assert!(waited.is_ok(), "never happened: {what}");
}

/// Ends a test that hangs.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LATE, future).await.expect("in time")
}

/// A catalog of one target, `api`, below `/base`, with what the test adds to it.
pub fn catalog(address: SocketAddr, target: Value, functions: &[Value]) -> RawCatalog {
    let base = json!({
        "name": "api", "kind": "http", "url": format!("http://{address}/base"),
        "purpose": "Test", "owners": ["olivia@acme.example"],
    });
    let agents = json!([{
        "subject": AGENT, "name": "Dunning agent", "sponsor": "riley@acme.example",
        "purpose": "Remind customers"
    }]);
    let file = json!({"target": joined(base, target), "functions": functions, "agents": agents});
    RawCatalog::join([serde_json::from_value::<RawFile>(file).unwrap()]).unwrap()
}

/// A function of target `api`: `("get", "GET", "/v1/x")` and what the test adds. It is called
/// `api.get`.
pub fn function(name: &str, method: &str, path: &str, more: Value) -> Value {
    let base = json!({
        "name": format!("api.{name}"), "purpose": "Test", "sensitivity": "low",
        "http": {"method": method, "path": path},
    });
    joined(base, more)
}

/// The members of both, those of `more` where both have one; `http` is joined itself.
fn joined(mut base: Value, more: Value) -> Value {
    let Value::Object(more) = more else { return base };
    for (name, value) in more {
        match base.get_mut(&name) {
            Some(inside @ Value::Object(_)) => *inside = joined(inside.take(), value),
            Some(_) | None => base[&name] = value,
        }
    }
    base
}

/// A gateway before this target, with the agent granted all its functions.
pub async fn lab(address: SocketAddr, target: Value, functions: &[Value]) -> Lab {
    lab_with(Limits::default(), address, target, functions).await
}

pub async fn lab_with(
    limits: Limits,
    address: SocketAddr,
    target: Value,
    functions: &[Value],
) -> Lab {
    let lab = World::new().await.start(limits).await;
    lab.apply(catalog(address, target, functions)).await;
    let names: Vec<&str> = functions.iter().map(|it| it["name"].as_str().unwrap()).collect();
    lab.grant(AGENT, &names).await;
    lab
}

/// A client for bodies that flow.
pub fn flowing_client(version: Version) -> Client<HttpConnector, Flow> {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).http2_only(version == Version::HTTP_2).build_http()
}

/// How the calls ended, as the ledger says it.
pub fn outcomes(world: &World) -> Vec<CallOutcome> {
    let events = world.entries().into_iter().map(|it| it.event);
    let outcome = |it| match it {
        Event::CallOutcome(outcome) => Some(outcome),
        _ => None,
    };
    events.filter_map(outcome).collect()
}

/// Waits until the ledger says how the last of so many calls ended.
pub async fn outcome(lab: &Lab, calls: usize) -> (u16, Reason) {
    eventually("an outcome", async || outcomes(&lab.world).len() >= calls).await;
    let outcomes = outcomes(&lab.world);
    assert_eq!(outcomes.len(), calls, "{outcomes:?}");
    let last = outcomes.last().unwrap();
    (last.status, last.reason)
}

/// Calls that were refused before they left, as the ledger says it.
pub fn refusals(world: &World) -> Vec<Reason> {
    let events = world.entries().into_iter().map(|it| it.event);
    let reason = |it| match it {
        Event::CallRefused(refused) => Some(refused.reason),
        _ => None,
    };
    events.filter_map(reason).collect()
}

pub fn status_line(answer: &str) -> StatusCode {
    let code = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}"));
    code.parse().unwrap()
}

/// A time that moves the clock beyond every limit of a policy's age.
pub const LONG: Span = Span::from_seconds(2 * 3600);

/// Another gateway on what a lab holds, with secrets and limits of its own.
pub async fn second_gateway(lab: &Lab, secrets: Secrets, limits: Limits) -> (Gateway, SocketAddr) {
    gateway_with(lab, demo(lab), secrets, limits).await
}

/// Another gateway on what a lab holds, with an issuer of its own.
pub async fn gateway_with(
    lab: &Lab,
    issuer: Value,
    secrets: Secrets,
    limits: Limits,
) -> (Gateway, SocketAddr) {
    serving(lab, issuer, Around::of(lab), secrets, limits).await
}

/// Another gateway on what a lab holds, which judges callers in a way of its own.
pub async fn gateway_as(lab: &Lab, options: VerifierOptions) -> (Gateway, SocketAddr) {
    let around = Around { options, ..Around::of(lab) };
    serving(lab, demo(lab), around, Secrets::new(|_| Ok("s".to_owned())), Limits::default()).await
}

/// Another gateway on what a lab holds, which takes assertions of these providers.
pub async fn gateway_with_saml(
    lab: &Lab,
    saml: Vec<SamlSignIn>,
    once: UseOnce,
) -> (Gateway, SocketAddr) {
    let around = Around { saml, once, ..Around::of(lab) };
    let secrets = Secrets::new(|_| Ok(crate::lab::TARGET_SECRET.to_owned()));
    serving(lab, demo(lab), around, secrets, Limits::default()).await
}

/// The lab's own issuer.
fn demo(lab: &Lab) -> Value {
    json!({
        "name": "demo", "url": format!("http://{}/idp", lab.world.targets),
        "audiences": [lab.world.resource], "claims": {}, "exchange": {"id_jag": "accept"}
    })
}

/// How a gateway judges callers, beside its issuers.
struct Around {
    options: VerifierOptions,
    saml: Vec<SamlSignIn>,
    once: UseOnce,
}

impl Around {
    fn of(lab: &Lab) -> Self {
        Self { options: own(&lab.world.resource), saml: vec![], once: once(&lab.governance) }
    }
}

async fn serving(
    lab: &Lab,
    issuer: Value,
    around: Around,
    secrets: Secrets,
    limits: Limits,
) -> (Gateway, SocketAddr) {
    let Around { options, saml, once } = around;
    let world = &lab.world;
    let issuer = serde_json::from_value(issuer).unwrap();
    let clock = lab.governance.clock().clone();
    let gateway = Gateway::new(GatewayParts {
        governance: lab.governance.clone(),
        verifier: Verifier::with(vec![issuer], Http::new(), clock, options).unwrap(),
        once,
        saml,
        ledger: lab.governance.ledger().clone(),
        mask_key: HashKey::new(&[5; 32]),
        resource: world.resource.clone(),
        secrets,
        limits,
        tracer: None,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = gateway.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let gateway = served.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let gateway = gateway.clone();
                    async move { Ok::<_, Infallible>(gateway.handle(request).await) }
                });
                let builder = auto::Builder::new(TokioExecutor::new());
                drop(builder.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    (gateway, address)
}
