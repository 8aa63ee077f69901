//! A proxy that does a little more on each rung: `ladder RUNG PORT UPSTREAM-PORT DIRECTORY`.
//!
//! - `bare`: a hyper server and a hyper client
//! - `token`: and a verified bearer token
//! - `decision`: and the model's decision under a snapshot with 100 other grants
//! - `mask`: and the answer masked
//! - `all`: Countersign's gateway, with ledger and recording, as `countersign serve` runs it
//! - `traced`: and every span of every call sent to a collector, which the target stands in for
//!
//! The rungs below `all` exist only here: the gateway itself can't leave a stage out. A token is
//! written to DIRECTORY/token.

use bytes::Bytes;
use countersign_demo::{
    idp::{Idp, IdpConfig, SigningSeed},
    people,
};
use countersign_gateway::{Gateway, GatewayParts, Limits, Secrets, check_mask};
use countersign_governance::{Governance, NewGrant, Parts, RoleMap, Store};
use countersign_identity::{Http, IssuerConfig, Use, UseOnce, Verifier};
use countersign_ledger::{
    Log, LogOptions, MasterKey, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use countersign_mask::{Detector, Format, HashKey, How, Plan, Rule, mask_all};
use countersign_model::{
    Caller, CallerKind, Clock, Decision, Entropy, Group, Holder, Snapshot, Span, Subject,
    Timestamp,
    catalog::{
        FunctionIx, Rate,
        raw::{RawCatalog, RawFile},
    },
    decide::{Call, Meter, Taken, decide},
};
use countersign_telemetry::{Sample, Settings, Tracer};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use serde_json::json;
use std::{
    convert::Infallible,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const AGENT: &str = "agent:dunning";
const RESOURCE: &str = "http://gateway.bench";
const OTHER_GRANTS: usize = 100;

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Rung {
    Bare,
    Token,
    Decision,
    Mask,
    All,
    Traced,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rung, port, upstream, directory] = arguments.as_slice() else {
        panic!("ladder RUNG PORT UPSTREAM-PORT DIRECTORY")
    };
    let rung = match rung.as_str() {
        "bare" => Rung::Bare,
        "token" => Rung::Token,
        "decision" => Rung::Decision,
        "mask" => Rung::Mask,
        "all" => Rung::All,
        "traced" => Rung::Traced,
        other => panic!("no rung is called {other}"),
    };
    countersign_identity::install_crypto();
    let world = World::new(rung, Path::new(directory), upstream).await;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("listen");
    std::fs::write(Path::new(directory).join("token"), &world.token).expect("token");
    let world = Arc::new(world);
    loop {
        let (stream, _) = listener.accept().await.expect("accept");
        stream.set_nodelay(true).expect("nodelay");
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new());
            if rung >= Rung::All {
                let service = service_fn(move |request| {
                    let gateway = world.gateway.clone();
                    async move { Ok::<_, Infallible>(gateway.handle(request).await) }
                });
                builder.serve_connection(TokioIo::new(stream), service).await.ok();
            } else {
                let service = service_fn(move |request| {
                    let world = Arc::clone(&world);
                    async move { Ok::<_, Infallible>(world.climb(rung, request).await) }
                });
                builder.serve_connection(TokioIo::new(stream), service).await.ok();
            }
        });
    }
}

struct World {
    gateway: Gateway,
    governance: Governance,
    verifier: Verifier,
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: String,
    plan: Arc<Plan>,
    key: Arc<HashKey>,
    function: FunctionIx,
    token: String,
}

struct Unmetered;

impl Meter for Unmetered {
    fn take(&self, _: &Subject, _: FunctionIx, _: Rate) -> Taken {
        Taken::Within
    }
}

impl World {
    async fn climb(&self, rung: Rung, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let refuse = |status: u16| {
            Response::builder().status(status).body(Full::default()).expect("a response")
        };
        let (mut parts, body) = request.into_parts();
        if rung >= Rung::Token {
            let token = countersign_identity::bearer_token(&parts.headers);
            let Ok(token) = token else { return refuse(401) };
            let Ok(proved) = self.verifier.identify(token).await else { return refuse(401) };
            if rung >= Rung::Decision {
                let snapshot: Arc<Snapshot> = self.governance.policy().load();
                let arguments = json!({"customer": "c_81"});
                let call = Call {
                    caller: proved.caller(),
                    function: self.function,
                    arguments: &arguments,
                };
                match decide(&call, &snapshot, now(), &Unmetered) {
                    Decision::Forward(_) => {}
                    Decision::Hold(_) | Decision::Block(_) => return refuse(403),
                }
            }
        }
        let body = body.collect().await.expect("a body").to_bytes();
        parts.headers.remove("authorization");
        parts.headers.remove("host");
        let path = parts.uri.path().trim_start_matches("/t/bench");
        parts.uri = Uri::try_from(format!("{}{path}", self.upstream)).expect("an address");
        let answer = self.client.request(Request::from_parts(parts, Full::new(body))).await;
        let (mut parts, body) = answer.expect("an answer").into_parts();
        let mut body = body.collect().await.expect("a body").to_bytes();
        if rung >= Rung::Mask {
            let limits = countersign_mask::Limits::default();
            let masked = mask_all(&self.plan, &self.key, Format::Json, limits, &body);
            body = masked.expect("masked").0.into();
            parts.headers.insert("content-length", HeaderValue::from(body.len()));
        }
        Response::from_parts(parts, Full::new(body))
    }

    async fn new(rung: Rung, directory: &Path, upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let issuer = format!("http://{}/idp", listener.local_addr().expect("address"));
        let idp = Idp::new(IdpConfig {
            issuer: issuer.clone(),
            audience: RESOURCE.to_owned(),
            clients: vec![],
            people: people::people(),
            agents: people::agents(),
            clock: clock(),
            entropy: entropy(),
            signing_seed: SigningSeed::new([7; 32]),
        })
        .expect("an issuer");
        let token = idp.mint(AGENT, RESOURCE, Span::from_seconds(3600)).expect("a token");
        let router = axum::Router::new().nest("/idp", idp.router());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let issuer: IssuerConfig = serde_json::from_value(json!({
            "name": "bench", "url": issuer, "audiences": [RESOURCE]
        }))
        .expect("an issuer");
        let verifier = Verifier::new(vec![issuer], Http::new(), clock()).expect("a verifier");
        let random: countersign_ledger::Entropy = Box::new(fill);
        let key = SigningKey::from_seed(&[9; 32]).expect("a key");
        let log = Log::open(&directory.join("ledger"), "bench", key, LogOptions::default());
        let segments =
            Segments::open(&directory.join("recordings"), SegmentOptions::default(), random);
        let (ledger, closer) = Writer::start(
            log.expect("a log"),
            segments.expect("segments"),
            WriterOptions::default(),
        )
        .expect("a writer");
        // The process ends by a signal; what it wrote is thrown away.
        std::mem::forget(closer);
        let store = format!("sqlite:{}", directory.join("facts.db").display());
        let governance = Governance::start(Parts {
            store: Store::open(&store).await.expect("a store"),
            ledger: ledger.clone(),
            master: Arc::new(MasterKey::from_bytes(&[3; 32]).expect("a key")),
            clock: clock(),
            entropy: entropy(),
            masks: check_mask,
            roles: RoleMap {
                administrators: vec![Group::from("admins")],
                reviewers: vec![],
                auditors: vec![],
            },
            notices: countersign_governance::NoticeRules::default(),
            directories: vec![],
            gateway: "bench".to_owned(),
            stale_after: Span::from_seconds(5),
            owner_grace: countersign_governance::OWNER_GRACE,
        })
        .await
        .expect("governance");
        tokio::spawn(governance.clone().keep_current());
        seed(&governance, upstream).await;
        let gateway = Gateway::new(GatewayParts {
            governance: governance.clone(),
            verifier: verifier.clone(),
            // Nothing here is good for one use: no caller shows a proof.
            once: UseOnce::new(|_, _| async { Ok(Use::Again) }),
            saml: vec![],
            ledger,
            mask_key: HashKey::new(&[5; 32]),
            resource: RESOURCE.to_owned(),
            secrets: Secrets::new(|_| Err("none".to_owned())),
            limits: Limits::default(),
            tracer: (rung == Rung::Traced).then(|| tracer(upstream)),
        });
        tokio::spawn(gateway.clone().keep_sessions());
        let rule = Rule {
            field: None,
            detect: vec![Detector::Email, Detector::Iban, Detector::Card],
            how: How::Redact,
        };
        let snapshot = governance.policy().load();
        let (function, _) = snapshot.catalog().by_name("bench.get").expect("the function");
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
        Self {
            gateway,
            governance,
            verifier,
            client,
            upstream: format!("http://127.0.0.1:{upstream}"),
            plan: Arc::new(Plan::compile(&[rule]).expect("a plan")),
            key: Arc::new(HashKey::new(&[5; 32])),
            function,
            token,
        }
    }
}

/// Keeps all that begins here.
fn tracer(upstream: &str) -> Tracer {
    let (tracer, exporting) = Tracer::start(Settings {
        url: format!("http://127.0.0.1:{upstream}/v1/traces"),
        headers: http::HeaderMap::new(),
        sample: Sample::new(1.0).expect("a part"),
        service_name: "countersign".to_owned(),
        instance: "bench".to_owned(),
        now_nanos: || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
            u64::try_from(now.as_nanos()).expect("before the end of time")
        },
        entropy: entropy(),
    });
    // The process ends by a signal.
    std::mem::forget(exporting);
    tracer
}

async fn seed(governance: &Governance, upstream: &str) {
    let file: RawFile = serde_json::from_value(json!({
        "target": {
            "name": "bench", "kind": "http", "url": format!("http://127.0.0.1:{upstream}"),
            "purpose": "The measurement's target", "owners": ["owner"]
        },
        "functions": [{
            "name": "bench.get", "purpose": "Get 1 KiB", "sensitivity": "medium",
            "http": {"method": "GET", "path": "/v1/customers/{customer}"},
            "mask": [{"detect": ["email", "iban", "card"], "how": "redact"}]
        }]
    }))
    .expect("a catalog");
    let person = |subject: &str, group: &str| {
        governance.actor(&Caller {
            subject: Subject::from(subject),
            kind: CallerKind::Person,
            actors: vec![],
            client: None,
            issuer: "bench".into(),
            groups: [Group::from(group)].into(),
            scopes: [].into(),
            name: None,
            email: None,
            expires_at: Timestamp::from_millis(i64::MAX),
            issued: countersign_model::Issued::default(),
        })
    };
    let (admin, owner) = (person("admin", "admins"), person("owner", "owners"));
    let raw = RawCatalog::join([file]).expect("a catalog");
    governance.apply_catalog(&admin, raw, None).await.expect("applied");
    let grant = |holder: String| NewGrant {
        holder: Holder::Subject(Subject::from(holder.as_str())),
        functions: vec!["bench.get".into()],
        tags: vec![],
        reason: "measuring".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: None,
    };
    governance.add_grant(&owner, grant(AGENT.to_owned())).await.expect("a grant");
    for place in 0..OTHER_GRANTS {
        governance.add_grant(&owner, grant(format!("other-{place}"))).await.expect("a grant");
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp::from_millis(i64::try_from(now.as_millis()).expect("before the end of time"))
}

fn clock() -> Clock {
    Clock::new(now)
}

fn entropy() -> Entropy {
    Entropy::new(fill).in_batches()
}

fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("randomness");
}
