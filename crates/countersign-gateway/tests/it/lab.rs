//! A gateway in a temporary directory, made of the real things: the demo's identity provider and
//! targets behind real sockets, SQLite, a ledger on disk. Time is the system's plus what a test adds.

use bytes::Bytes;
use countersign_demo::{
    Secret,
    idp::{Idp, IdpConfig, SigningSeed},
    people,
    targets::{billing::Billing, slow::Slow},
};
use countersign_gateway::{Gateway, GatewayParts, Limits, Secrets, check_mask};
use countersign_governance::{Actor, Directory, Governance, GroupRules, NewGrant, Parts, RoleMap};
use countersign_identity::{
    Http, IssuerConfig, OwnIssuer, OwnSettings, Use, UseOnce, Verifier, VerifierOptions,
};
use countersign_ledger::{
    Closer, Log, LogOptions, MasterKey, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use countersign_mask::HashKey;
use countersign_model::{
    Clock, Entropy, Grant, Group, Holder, Span, Subject, Timestamp, ToldFor,
    catalog::raw::{RawCatalog, RawFile},
    record::Entry,
    snapshot::Letters,
};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// The target's own credential; no caller ever has it.
pub const TARGET_SECRET: &str = "target-secret-that-callers-never-see";
const ORIGIN: &str = "countersign.test/lab";

/// What outlives a gateway: its directory, and the world around it.
pub struct World {
    pub directory: TempDir,
    pub idp: Idp,
    pub billing: Billing,
    pub slow: Slow,
    pub targets: SocketAddr,
    pub resource: String,
    issuer: String,
    moved: Arc<AtomicI64>,
    tasks: Vec<JoinHandle<()>>,
}

/// One run of a gateway.
pub struct Lab {
    pub world: World,
    pub gateway: Gateway,
    pub governance: Governance,
    pub address: SocketAddr,
    pub client: Client<HttpConnector, Full<Bytes>>,
    closer: Option<Closer>,
    tasks: Vec<JoinHandle<()>>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn code(&self) -> String {
        self.headers["countersign-reason"].to_str().unwrap().to_owned()
    }
}

impl World {
    pub async fn new() -> Self {
        countersign_identity::install_crypto();
        let moved = Arc::new(AtomicI64::new(0));
        let clock = clock(&moved);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let targets = listener.local_addr().unwrap();
        let issuer = format!("http://{targets}/idp");
        let resource = "http://gateway.test".to_owned();
        let idp = Idp::new(IdpConfig {
            issuer: issuer.clone(),
            audience: resource.clone(),
            clients: vec![],
            people: people::people(),
            agents: people::agents(),
            clock,
            entropy: entropy(),
            signing_seed: SigningSeed::new([7; 32]),
        })
        .unwrap();
        let billing = Billing::new(Secret::new(TARGET_SECRET));
        let slow = Slow::new(Secret::new(TARGET_SECRET));
        let router = axum::Router::new()
            .nest("/idp", idp.router())
            .nest("/billing", billing.router())
            .nest("/slow", slow.router());
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let directory = tempfile::tempdir().unwrap();
        Self {
            directory,
            idp,
            billing,
            slow,
            targets,
            resource,
            issuer,
            moved,
            tasks: vec![served],
        }
    }

    /// A token of a demo person or agent.
    pub fn token(&self, subject: &str) -> String {
        self.idp.mint(subject, &self.resource, Span::from_seconds(900)).unwrap()
    }

    /// Moves time for everything in this world.
    pub fn pass(&self, span: Span) {
        self.moved.fetch_add(span.millis(), Ordering::SeqCst);
    }

    pub fn now(&self) -> Timestamp {
        clock(&self.moved).now()
    }

    pub fn ledger_directory(&self) -> PathBuf {
        self.directory.path().join("ledger")
    }

    pub fn store_url(&self) -> String {
        format!("sqlite:{}", self.directory.path().join("facts.db").display())
    }

    /// Every entry of the ledger.
    pub fn entries(&self) -> Vec<Entry> {
        countersign_ledger::entries(&self.ledger_directory())
            .unwrap()
            .map(|entry| serde_json::from_slice(&entry.unwrap().1).unwrap())
            .collect()
    }

    /// Starts a gateway on what this world's directory holds.
    pub async fn start(self, limits: Limits) -> Lab {
        let clock = clock(&self.moved);
        let (ledger, closer) = ledger(self.directory.path());
        let parts = parts(&self.store_url(), ledger.clone(), "lab", clock.clone()).await;
        let governance = Governance::start(parts).await.unwrap();
        let issuer: IssuerConfig = serde_json::from_value(json!({
            "name": "demo", "url": self.issuer, "audiences": [self.resource],
            "claims": {},
            "exchange": {
                "id_tokens": {"clients": ["webapp"], "scopes": ["billing.read"]},
                "id_jag": "accept"
            }
        }))
        .unwrap();
        let options = own(&self.resource);
        let verifier = Verifier::with(vec![issuer], Http::new(), clock, options).unwrap();
        let ending = verifier.clone();
        governance.follow_cut_offs(move |cut_offs| ending.end_sessions(cut_offs));
        let gateway = Gateway::new(GatewayParts {
            governance: governance.clone(),
            verifier,
            once: once(&governance),
            saml: vec![],
            ledger,
            mask_key: HashKey::new(&[5; 32]),
            resource: self.resource.clone(),
            secrets: Secrets::new(|_| Ok(TARGET_SECRET.to_owned())),
            limits,
            tracer: None,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = vec![
            tokio::spawn(serve(listener, gateway.clone())),
            tokio::spawn(governance.clone().keep_current()),
            tokio::spawn(gateway.clone().keep_sessions()),
        ];
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
        Lab { world: self, gateway, governance, address, client, closer: Some(closer), tasks }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Lab {
    /// A world with a catalog of the demo's targets and grants for its agent.
    pub async fn new() -> Self {
        let lab = World::new().await.start(Limits::default()).await;
        lab.apply(catalog(lab.world.targets)).await;
        lab
    }

    pub fn actor(&self, name: &str) -> Actor {
        let token = self.world.token(name);
        let caller = countersign_model::Caller {
            subject: Subject::from(name),
            kind: countersign_model::CallerKind::Person,
            actors: vec![],
            client: None,
            issuer: "demo".into(),
            groups: groups(name),
            scopes: [].into(),
            name: None,
            email: None,
            expires_at: self.world.now().plus(Span::from_days(1)),
            issued: countersign_model::Issued::default(),
        };
        assert!(!token.is_empty());
        self.governance.actor(&caller)
    }

    pub async fn apply(&self, catalog: RawCatalog) {
        self.governance
            .apply_catalog(&self.actor("sam@acme.example"), catalog, None)
            .await
            .unwrap();
    }

    /// A grant that its owner made, and certified if that was not the same.
    pub async fn grant(&self, holder: &str, functions: &[&str]) -> Grant {
        let grant = self.uncertified(holder, functions, &[]).await;
        let owner = self.actor("sam@acme.example");
        self.governance.certify_grant(&owner, grant.id, grant.version).await.unwrap()
    }

    /// A grant that nobody certified.
    pub async fn uncertified(
        &self,
        holder: &str,
        functions: &[&str],
        constraints: &[&str],
    ) -> Grant {
        let new = NewGrant {
            holder: Holder::Subject(Subject::from(holder)),
            functions: functions.iter().map(|it| (*it).into()).collect(),
            tags: vec![],
            reason: "a test".to_owned(),
            constraints: constraints.iter().map(|it| (*it).to_owned()).collect(),
            rate: None,
            expires_at: None,
        };
        self.governance.add_grant(&self.actor("olivia@acme.example"), new).await.unwrap()
    }

    pub fn request(&self, method: Method, path: &str, who: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", format!("Bearer {}", self.world.token(who)))
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.client.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str, who: &str) -> Answer {
        self.send(self.request(Method::GET, path, who).body(Full::default()).unwrap()).await
    }

    pub async fn post(&self, path: &str, who: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, path, who)
            .header("content-type", "application/json")
            .body(Full::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    /// Ends this run as a restart would, in good order, and gives back the world.
    pub async fn stop(mut self) -> World {
        self.gateway.drain().await;
        self.tasks.iter().for_each(JoinHandle::abort);
        for task in self.tasks.drain(..) {
            drop(task.await);
        }
        let closer = self.closer.take().unwrap();
        tokio::task::spawn_blocking(move || closer.close()).await.unwrap().unwrap();
        self.world
    }
}

/// The register that all gateways of an installation share.
pub fn once(governance: &Governance) -> UseOnce {
    let store = governance.store().clone();
    UseOnce::new(move |digest, until| {
        let store = store.clone();
        async move {
            let first = store.use_once(&digest, until).await.unwrap();
            Ok(if first { Use::First } else { Use::Again })
        }
    })
}

/// The gateways of one installation as an issuer of tokens.
pub fn own(resource: &str) -> VerifierOptions {
    let own = OwnIssuer::new(resource, OwnSettings::default(), |_| [11; 32]).unwrap();
    VerifierOptions { own: Some(own), ..VerifierOptions::default() }
}

/// The groups of a demo person.
fn groups(subject: &str) -> std::collections::BTreeSet<Group> {
    let person = people::people().into_iter().find(|it| it.subject == subject).unwrap();
    person.groups.iter().map(|it| Group::from(it.as_str())).collect()
}

async fn serve(listener: TcpListener, gateway: Gateway) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let gateway = gateway.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let gateway = gateway.clone();
                async move { Ok::<_, std::convert::Infallible>(gateway.handle(request).await) }
            });
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new());
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

/// What the governance of one gateway is made of.
pub async fn parts(store: &str, ledger: Writer, gateway: &str, clock: Clock) -> Parts {
    Parts {
        store: countersign_governance::Store::open(store).await.unwrap(),
        ledger,
        master: Arc::new(MasterKey::from_bytes(&[3; 32]).unwrap()),
        clock,
        entropy: entropy(),
        masks: check_mask,
        roles: RoleMap {
            administrators: vec![Group::from("countersign-admins")],
            auditors: vec![Group::from("countersign-auditors")],
            ..RoleMap::default()
        },
        directories: vec![directory()],
        notices: countersign_governance::NoticeRules::default(),
        gateway: gateway.to_owned(),
        stale_after: Span::from_seconds(3600),
        owner_grace: countersign_governance::OWNER_GRACE,
    }
}

pub fn ledger(directory: &Path) -> (Writer, Closer) {
    let key = SigningKey::from_seed(&[9; 32]).unwrap();
    let log = Log::open(&directory.join("ledger"), ORIGIN, key, LogOptions::default()).unwrap();
    let random: countersign_ledger::Entropy = Box::new(|bytes: &mut [u8]| fill(bytes));
    let recordings = directory.join("recordings");
    let segments = Segments::open(&recordings, SegmentOptions::default(), random).unwrap();
    Writer::start(log, segments, WriterOptions::default()).unwrap()
}

fn clock(moved: &Arc<AtomicI64>) -> Clock {
    let moved = Arc::clone(moved);
    Clock::new(move || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Timestamp::from_millis(i64::try_from(now).unwrap() + moved.load(Ordering::SeqCst))
    })
}

fn entropy() -> Entropy {
    Entropy::new(fill)
}

fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}

/// The demo's two targets with functions enough to test every answer.
pub fn catalog(targets: SocketAddr) -> RawCatalog {
    let billing = json!({
        "target": {
            "name": "billing", "kind": "http", "url": format!("http://{targets}/billing"),
            "purpose": "Customers and bills", "owners": ["olivia@acme.example"],
            "hosts": ["billing.test"], "credential": {"bearer": {"env": "BILLING"}}
        },
        "functions": [
            {
                "name": "billing.customers.get", "purpose": "Look a customer up",
                "sensitivity": "medium", "scopes": ["billing.read"],
                "http": {"method": "GET", "path": "/v1/customers/{customer}"},
                "mask": [
                    {"detect": ["email", "card", "iban", "phone", "ip"], "how": "redact"},
                    {"field": "$.name", "how": "partial"}
                ]
            },
            {
                "name": "billing.customers.list", "purpose": "List customers",
                "sensitivity": "medium",
                "http": {"method": "GET", "path": "/v1/customers", "query": ["limit", "after"]},
                "input": {
                    "type": "object", "additionalProperties": false,
                    "properties": {"limit": {"type": "integer", "minimum": 1}, "after": {"type": "string"}}
                },
                "mask": [{"detect": ["email", "card", "iban", "phone", "ip"], "how": "hash"}]
            },
            {
                "name": "billing.customers.delete", "purpose": "Forget a customer",
                "sensitivity": "high",
                "http": {"method": "DELETE", "path": "/v1/customers/{customer}"},
                "approval": [{"from": ["group:finance-approvers", "owner"], "people": 2, "wait": "20s"}]
            },
            {
                "name": "billing.refunds.create", "purpose": "Pay money back", "sensitivity": "high",
                "http": {"method": "POST", "path": "/v1/refunds"},
                "input": {
                    "type": "object", "additionalProperties": false,
                    "required": ["customer", "amount", "currency", "reason"],
                    "properties": {
                        "customer": {"type": "string"}, "amount": {"type": "number", "exclusiveMinimum": 0},
                        "currency": {"type": "string"}, "reason": {"type": "string"}
                    }
                },
                "approval": [{"when": "args.amount > 100", "from": ["group:finance-approvers"], "wait": "20s"}],
                "constraints": [{"block": "args.amount > 5000", "because": "pay such sums by hand"}],
                "mask_arguments": [{"detect": ["email", "iban"], "how": "redact"}],
                "mask": [{"detect": ["email", "iban"], "how": "redact"}]
            },
            {
                "name": "billing.exports.customers", "purpose": "Export customers",
                "sensitivity": "high",
                "http": {"method": "GET", "path": "/v1/exports/customers"},
                "mask": [{"detect": ["email", "card", "iban", "phone", "ip"], "how": "redact"}]
            }
        ],
        "agents": [{
            "subject": "agent:dunning", "name": "Dunning agent", "sponsor": "riley@acme.example",
            "purpose": "Remind customers"
        }]
    });
    let plain = |name: &str, path: &str, query: Value, mask: Value| {
        let properties: serde_json::Map<String, Value> = query
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it.as_str().unwrap().to_owned(), json!({"type": ["integer", "string"]})))
            .collect();
        json!({
            "name": format!("slow.{name}"), "purpose": "Test", "sensitivity": "low",
            "http": {"method": "GET", "path": path, "query": query},
            "input": {"type": "object", "properties": properties, "additionalProperties": false},
            "mask": mask
        })
    };
    let emails = json!([{"detect": ["email"], "how": "redact"}]);
    let fields = json!([{"field": "$.email", "how": "redact"}]);
    let fail = json!({
        "name": "slow.fail", "purpose": "Test", "sensitivity": "low",
        "http": {"method": "GET", "path": "/v1/fail", "query": ["how"]},
        "input": {"type": "object", "properties": {"how": {"type": "string"}}},
        "mask": fields
    });
    let echo = json!({
        "name": "slow.echo", "purpose": "Test", "sensitivity": "low",
        "http": {"method": "POST", "path": "/v1/echo", "headers": {"version": "x-api-version"}},
        "input": {"type": "object", "properties": {"version": {"type": "string"}}},
    });
    let slow = json!({
        "target": {
            "name": "slow", "kind": "http", "url": format!("http://{targets}/slow"),
            "purpose": "Slow and broken answers", "owners": ["olivia@acme.example"],
            "credential": {"bearer": {"env": "SLOW"}}, "answer_within": "2s", "idle_within": "2s"
        },
        "functions": [
            plain("sleep", "/v1/sleep", json!(["ms"]), json!([])),
            plain("large", "/v1/large", json!(["bytes"]), emails.clone()),
            plain("events", "/v1/events", json!(["count", "every_ms"]), emails.clone()),
            plain("compressed", "/v1/compressed", json!([]), emails),
            fail,
            echo
        ]
    });
    let files = [billing, slow].map(|it| serde_json::from_value::<RawFile>(it).unwrap());
    RawCatalog::join(files).unwrap()
}

/// A directory whose groups count for access.
pub fn directory() -> Directory {
    let groups =
        GroupRules { counts: ToldFor::Access, prefix: "okta:".to_owned(), foreign: vec![] };
    Directory { name: "okta".into(), letters: Letters::Folded, groups: Some(Arc::new(groups)) }
}
