//! A small company: the demo's five people and one agent, two functions, and the console.

use axum::{
    Router,
    body::Body,
    extract::State,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use countersign_console::{CliDoor, ConsoleParts, router};
use countersign_demo::{
    Secret,
    idp::{Client, ClientKind, Idp, IdpConfig, SigningSeed},
    people,
};
use countersign_governance::{
    Actor, ApiKeyRules, Channel, Directory, Governance, GroupRules, NewApproval, NoticeRules,
    Parts, Reach, RoleMap, Store,
};
use countersign_identity::{
    Http, IssuerConfig, Limits, Receiver, SamlSignIn, SignIn, TransmitterConfig, Use, UseOnce,
    Verifier,
};
use countersign_ledger::{
    Closer, Log, LogOptions, MasterKey, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use countersign_model::{
    Approval, Caller, CallerKind, Clock, Digest, Entropy, Grant, Group, Holder, Question, Reason,
    Sensitivity, Span, Subject, Timestamp, ToldFor,
    approval::HeldCall,
    catalog::raw::{RawCatalog, RawFile},
    decide::Demand,
    record::Entry,
    snapshot::Letters,
};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU8, AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tower::ServiceExt as _;

pub(crate) const RILEY: &str = "riley@acme.example";
pub(crate) const OLIVIA: &str = "olivia@acme.example";
pub(crate) const AMIR: &str = "amir@acme.example";
pub(crate) const ADA: &str = "ada@acme.example";
pub(crate) const SAM: &str = "sam@acme.example";
pub(crate) const AGENT: &str = "agent:dunning";
pub(crate) const REFUND: &str = "billing.refunds.create";
pub(crate) const STATUS: &str = "ops.status";
/// Where browsers find the console.
pub(crate) const ORIGIN: &str = "http://127.0.0.1:7070";

pub(crate) struct World {
    pub(crate) console: Router,
    pub(crate) governance: Governance,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) idp: Idp,
    /// The identity provider's URL, how it answers, and how often its tokens were asked for.
    pub(crate) issuer_url: String,
    pub(crate) answers: Arc<Answers>,
    parts: ConsoleParts,
    http: Http,
    moved: Arc<AtomicI64>,
    issuer: JoinHandle<()>,
    closer: Option<Closer>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A browser: it keeps cookies and says where its requests come from.
pub(crate) struct Browser<'w> {
    pub(crate) world: &'w World,
    pub(crate) cookies: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn location(&self) -> String {
        self.headers[header::LOCATION].to_str().unwrap().to_owned()
    }

    /// The token in the page's forms.
    pub(crate) fn csrf(&self) -> String {
        let text = self.text();
        let after = text.split("name=\"csrf\" value=\"").nth(1).expect("a form");
        after.split('"').next().unwrap().to_owned()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::made(json!({"identity_max_age": "12h"}), |_, _| Vec::new()).await
    }

    /// With SAML providers, which are given a directory for their files, and the clock.
    pub(crate) async fn with(saml: impl FnOnce(&Path, Clock) -> Vec<SamlSignIn>) -> Self {
        Self::made(json!({"identity_max_age": "12h"}), saml).await
    }

    /// A world whose console signs people in with these settings.
    pub(crate) async fn signing_in(sign_in: Value) -> Self {
        Self::made(sign_in, |_, _| Vec::new()).await
    }

    async fn made(sign_in: Value, saml: impl FnOnce(&Path, Clock) -> Vec<SamlSignIn>) -> Self {
        countersign_identity::install_crypto();
        let moved = Arc::new(AtomicI64::new(0));
        let clock = clock(&moved);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer_url = format!("http://{}", listener.local_addr().unwrap());
        let idp = idp(&issuer_url, clock.clone());
        let answers = Arc::new(Answers::default());
        let served = idp.router().layer(from_fn_with_state(Arc::clone(&answers), answer));
        let issuer = tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        let directory = tempfile::tempdir().unwrap();
        let (ledger, closer) = ledger(directory.path());
        let store = format!("sqlite:{}", directory.path().join("facts.db").display());
        let governance = start(&store, ledger, clock.clone()).await;
        let mut all = json!({"client_id": "console", "client_secret": {"env": "SECRET"}});
        all.as_object_mut().unwrap().extend(sign_in.as_object().unwrap().clone());
        let config: IssuerConfig = serde_json::from_value(json!({
            "name": "demo", "url": issuer_url, "audiences": [ORIGIN], "sign_in": all,
        }))
        .unwrap();
        let (http, saml) = (Http::new(), saml(directory.path(), clock.clone()));
        let verifier = Verifier::new(vec![config], http.clone(), clock).unwrap();
        let ending = verifier.clone();
        governance.follow_cut_offs(move |cut_offs| ending.end_sessions(cut_offs));
        let store = governance.store().clone();
        let once = UseOnce::new(move |digest, until| {
            let store = store.clone();
            async move {
                let first = store.use_once(&digest, until).await.unwrap();
                Ok(if first { Use::First } else { Use::Again })
            }
        });
        let secret = |_: &str| Some("console-secret".to_owned());
        let sign_in = SignIn::new(&verifier, "demo", secret).unwrap();
        let events = receiver(&issuer_url, &verifier);
        let parts = ConsoleParts {
            governance: governance.clone(),
            verifier,
            sign_ins: vec![("demo".to_owned(), sign_in)],
            saml,
            once,
            cli: vec![CliDoor {
                name: "demo".to_owned(),
                issuer: issuer_url.clone(),
                client_id: "cli".to_owned(),
                scopes: vec!["openid".to_owned()],
            }],
            events: Some(events),
            public_url: ORIGIN.to_owned(),
            resource: ORIGIN.to_owned(),
            api_keys: Some(ApiKeyRules { lifetime_max: Span::from_days(90) }),
            ledger_directory: directory.path().join("ledger"),
            recordings_directory: directory.path().join("recordings"),
        };
        let console = router(parts.clone());
        let closer = Some(closer);
        let world = Self {
            console,
            governance,
            directory,
            idp,
            issuer_url,
            answers,
            parts,
            http,
            moved,
            issuer,
            closer,
        };
        world.governance.apply_catalog(&world.actor(SAM), catalog(), None).await.unwrap();
        world
    }

    /// From here on browsers find the console there.
    pub(crate) fn move_to(&mut self, public_url: &str) {
        let public_url = public_url.to_owned();
        self.console = router(ConsoleParts { public_url, ..self.parts.clone() });
    }

    pub(crate) fn pass(&self, span: Span) {
        self.moved.fetch_add(span.millis(), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.governance.clock().now()
    }

    pub(crate) fn ledger_directory(&self) -> PathBuf {
        self.directory.path().join("ledger")
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        countersign_ledger::entries(&self.ledger_directory())
            .unwrap()
            .map(|entry| serde_json::from_slice(&entry.unwrap().1).unwrap())
            .collect()
    }

    pub(crate) fn actor(&self, subject: &str) -> Actor {
        self.governance.actor(&caller(subject))
    }

    pub(crate) fn token(&self, subject: &str) -> String {
        self.idp.mint(subject, ORIGIN, Span::from_seconds(900)).unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response = self.console.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Calls the API with a bearer token of this subject, or with none.
    pub(crate) async fn api(&self, method: &str, path: &str, who: &str, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !who.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token(who)));
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Asks who the bearer of this token is.
    pub(crate) async fn bearer(&self, token: &str) -> Answer {
        let request = Request::get("/api/v1/me").header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { world: self, cookies: Vec::new() }
    }

    /// A browser in which this person has signed in.
    pub(crate) async fn signed_in(&self, subject: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let landed = browser.sign_in(subject, "/console").await;
        assert_eq!(landed.status, StatusCode::SEE_OTHER, "{}", landed.text());
        browser
    }

    /// A grant of the owner's.
    pub(crate) async fn grant(&self, holder: &str, function: &str) -> Grant {
        let new = serde_json::from_value(json!({
            "holder": Holder::Subject(holder.into()), "functions": [function], "reason": "a test",
        }));
        self.governance.add_grant(&self.actor(OLIVIA), new.unwrap()).await.unwrap()
    }

    /// A held call of riley's through the agent.
    pub(crate) async fn held(&self, shown: Value, from: &[&str]) -> Approval {
        let call = HeldCall {
            caller: Caller { actors: vec![AGENT.into()], ..caller(RILEY) },
            function: REFUND.into(),
            target: "billing".into(),
            contract: Digest::of(b"contract"),
            purpose: "Pays money back".to_owned(),
            sensitivity: Sensitivity::High,
            owners: vec![OLIVIA.into()],
            sponsors: [RILEY.into()].into(),
            grants: vec![],
            certified_at: None,
            hidden: vec!["/iban".to_owned()],
            sealed: shown.to_string().into_bytes(),
            shown,
        };
        let from = from.iter().map(|it| it.parse().unwrap()).collect();
        let question = Question {
            reason: Reason::ApprovalRequired,
            sentence: "Refunds above 500 need a yes".to_owned(),
            demands: vec![Demand { from, people: 1 }],
            within: Span::from_seconds(900),
            wait: Span::from_seconds(60),
            grants: vec![],
        };
        let digest = Digest::of(&call.sealed);
        let new = NewApproval { digest, call, question, salt: [7; 16] };
        self.governance.open_approval(new).await.unwrap().approval
    }
}

/// How the identity provider answers.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// 0 as it should, 1 not at all, 2 that no grant holds any more.
    pub(crate) how: AtomicU8,
    pub(crate) tokens_asked: AtomicUsize,
}

/// Who judges the events that the identity provider pushes.
fn receiver(issuer_url: &str, verifier: &Verifier) -> Receiver {
    let transmitter: TransmitterConfig = serde_json::from_value(json!({
        "name": "feed", "url": issuer_url, "audience": format!("{ORIGIN}/ssf"),
        "issuers": ["demo"], "jwks_url": format!("{issuer_url}/jwks"),
    }))
    .unwrap();
    Receiver::new(vec![transmitter], verifier, |_| None).unwrap()
}

async fn start(store: &str, ledger: Writer, clock: Clock) -> Governance {
    Governance::start(Parts {
        store: Store::open(store).await.unwrap(),
        ledger,
        master: Arc::new(MasterKey::from_bytes(&[3; 32]).unwrap()),
        clock,
        entropy: entropy(),
        masks: |_| Ok(()),
        roles: RoleMap {
            administrators: vec!["countersign-admins".into()],
            auditors: vec!["countersign-auditors".into()],
            reviewers: vec!["countersign-reviewers".into()],
        },
        directories: vec![told_of()],
        notices: channels(),
        gateway: "test".to_owned(),
        stale_after: Span::from_days(1),
        owner_grace: countersign_governance::OWNER_GRACE,
    })
    .await
    .unwrap()
}

async fn answer(
    State(answers): State<Arc<Answers>>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    let is_token = request.uri().path() == "/token";
    answers.tokens_asked.fetch_add(usize::from(is_token), Ordering::SeqCst);
    match answers.how.load(Ordering::SeqCst) {
        1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        2 if is_token => {
            let refusal = json!({"error": "invalid_grant"}).to_string();
            (StatusCode::BAD_REQUEST, refusal).into_response()
        }
        _ => next.run(request).await,
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.issuer.abort();
        drop(self.closer.take());
    }
}

impl Browser<'_> {
    fn cookie(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        pairs.join("; ")
    }

    pub(crate) async fn send(&mut self, request: http::request::Builder, body: String) -> Answer {
        let request = request.header("cookie", self.cookie()).body(Body::from(body)).unwrap();
        let answer = self.world.send(request).await;
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), String::new()).await
    }

    /// Sends a form as a page of the console would.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", ORIGIN)
            .header("sec-fetch-site", "same-origin");
        self.send(request, form(fields)).await
    }

    /// Walks through the identity provider, up to the answer of the callback.
    pub(crate) async fn sign_in(&mut self, subject: &str, return_to: &str) -> Answer {
        let begun = self.get(&format!("/console/sign-in/0?return_to={return_to}")).await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text());
        let back = self.choose(&begun.location(), subject).await;
        self.get(back.strip_prefix(ORIGIN).unwrap()).await
    }

    /// What the identity provider's page does: where the browser is sent to after it.
    pub(crate) async fn choose(&self, authorize: &str, subject: &str) -> String {
        let url = url::Url::parse(authorize).unwrap();
        let mut fields: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        fields.push(("chosen".to_owned(), subject.to_owned()));
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let mut endpoint = url.clone();
        endpoint.set_query(None);
        let answer = self
            .world
            .http
            .post_form(endpoint.as_str(), HeaderMap::new(), &fields, Limits::default())
            .await
            .unwrap();
        answer.headers[header::LOCATION].to_str().unwrap().to_owned()
    }
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn idp(issuer: &str, clock: Clock) -> Idp {
    Idp::new(IdpConfig {
        issuer: issuer.to_owned(),
        audience: ORIGIN.to_owned(),
        clients: vec![Client {
            id: "console".to_owned(),
            name: "the console".to_owned(),
            kind: ClientKind::Web {
                secret: Secret::new("console-secret"),
                redirect_uris: vec![format!("{ORIGIN}/console/sign-in/callback")],
                post_logout_redirect_uris: vec![format!("{ORIGIN}/console/sign-in/signed-out")],
            },
        }],
        people: people::people(),
        agents: people::agents(),
        clock,
        entropy: entropy(),
        signing_seed: SigningSeed::new([7; 32]),
    })
    .unwrap()
}

fn ledger(directory: &Path) -> (Writer, Closer) {
    let key = SigningKey::from_seed(&[9; 32]).unwrap();
    let log = directory.join("ledger");
    let log = Log::open(&log, "countersign.test/console", key, LogOptions::default()).unwrap();
    let recordings = directory.join("recordings");
    let segments = Segments::open(&recordings, SegmentOptions::default(), Box::new(fill)).unwrap();
    let options = WriterOptions { checkpoint_interval_ms: 10, ..WriterOptions::default() };
    Writer::start(log, segments, options).unwrap()
}

fn clock(moved: &Arc<AtomicI64>) -> Clock {
    let moved = Arc::clone(moved);
    #[expect(clippy::disallowed_methods, reason = "tokens are of now")]
    Clock::new(move || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Timestamp::from_millis(i64::try_from(now).unwrap() + moved.load(Ordering::SeqCst))
    })
}

fn entropy() -> Entropy {
    Entropy::new(fill)
}

pub(crate) fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}

pub(crate) fn caller(subject: &str) -> Caller {
    let person = people::people().into_iter().find(|it| it.subject == subject);
    let groups = person.map(|it| it.groups).unwrap_or_default();
    Caller {
        subject: Subject::from(subject),
        kind: CallerKind::Person,
        actors: vec![],
        client: None,
        issuer: "demo".into(),
        groups: groups.iter().map(|it| Group::from(it.as_str())).collect(),
        scopes: [].into(),
        name: None,
        email: None,
        expires_at: Timestamp::from_millis(4_000_000_000_000),
        issued: countersign_model::Issued::default(),
    }
}

pub(crate) fn catalog() -> RawCatalog {
    let billing = json!({
        "target": {"name": "billing", "kind": "http", "url": "http://billing.internal:8443",
            "purpose": "Invoices <b>and</b> refunds", "owners": [OLIVIA]},
        "functions": [{"name": REFUND, "purpose": "Pays money back", "sensitivity": "high",
            "tags": ["money"], "http": {"method": "POST", "path": "/v1/refunds"},
            "input": {"type": "object", "properties": {"amount": {"type": "number"},
                "iban": {"type": "string"}, "note": {"type": "string"}}, "additionalProperties": false},
            "approval": [{"when": "args.amount > 500.0", "from": ["group:finance-approvers"]}]}],
        "agents": [{"subject": AGENT, "sponsor": RILEY, "purpose": "Reminds"}],
    });
    let ops = json!({
        "target": {"name": "ops", "kind": "http", "url": "http://ops.internal",
            "purpose": "Status", "owners": [OLIVIA]},
        "functions": [{"name": STATUS, "purpose": "Is it up", "sensitivity": "low",
            "http": {"method": "GET", "path": "/status"}}],
    });
    let files = [billing, ops].map(|file| serde_json::from_value::<RawFile>(file).unwrap());
    RawCatalog::join(files).unwrap()
}

/// A directory that can make administrators.
pub(crate) fn told_of() -> Directory {
    let groups = GroupRules {
        counts: ToldFor::AccessAndRoles,
        prefix: String::new(),
        foreign: vec!["entra:".to_owned()],
    };
    Directory { name: "told".into(), letters: Letters::Folded, groups: Some(Arc::new(groups)) }
}

/// A channel that people choose, and one of a room.
fn channels() -> NoticeRules {
    let channel = |name: &str, reach| Channel { name: name.to_owned(), reach };
    let channels = vec![channel("email", Reach::Person), channel("teams", Reach::Room)];
    NoticeRules { channels, ..NoticeRules::default() }
}
