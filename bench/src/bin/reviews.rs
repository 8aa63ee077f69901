//! What a campaign of 100,000 items over 10 million recorded calls costs: opening it, its pages as a
//! browser gets them, and answers. On SQLite, in a temporary directory.
//!
//! `cargo run --release --bin reviews [grants]`

use axum::{Router, body::Body};
use countersign_console::{ConsoleParts, router};
use countersign_demo::{
    Secret,
    idp::{Client, ClientKind, Idp, IdpConfig, SigningSeed},
    people::{self, Person},
};
use countersign_governance::{Actor, Governance, NewCampaign, NoticeRules, Parts, RoleMap, Store};
use countersign_identity::{Http, IssuerConfig, Limits, SignIn, Use, UseOnce, Verifier};
use countersign_ledger::{
    Closer, Log, LogOptions, MasterKey, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use countersign_model::{
    CallId, CallerKind, CampaignId, Clock, Digest, Entropy, Epoch, Grant, GrantId, GrantOrigin,
    GrantRef, GrantState, Holder, Reason, SessionId, Span, Timestamp,
    approval::Standing,
    catalog::raw::{RawCatalog, RawFile},
    grant::Certification,
    ids::EntryId,
    record::{CallIntent, CallOutcome, Entry, Event, GrantChange, Who},
    review::{
        CampaignRules, ReviewerRule, Scope,
        schedule::{ReasonNeeded, Stage, StageMode},
    },
};
use countersign_store::{GrantRow, UsageKey, UsageRow};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::json;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORIGIN: &str = "http://127.0.0.1:7070";
const ADMINISTRATOR: &str = "sam@acme.example";
const FUNCTIONS: usize = 500;
/// Who own five functions each, and review what reaches them.
const OWNERS: usize = 100;
const CALLS_OF_A_GRANT: usize = 100;
/// How often each page is asked for.
const TIMES: usize = 20;

struct Bench {
    governance: Governance,
    console: Router,
    http: Http,
    grants: Vec<Grant>,
    log: std::path::PathBuf,
    _closer: Closer,
}

/// Somebody's browser.
struct Browser<'b> {
    bench: &'b Bench,
    cookies: Vec<(String, String)>,
}

fn main() {
    let grants = std::env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(grants));
}

async fn run(grants: usize) {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path(), grants).await;
    bench.fill().await;
    println!("| | |");
    println!("|---|--:|");
    let (begun, cpu) = (Instant::now(), cpu());
    let campaign = bench.governance.open_campaign(&administrator(), new_campaign()).await.unwrap();
    let items = campaign.opening.unwrap().items;
    println!(
        "| opening, {items} items, {} calls | {:.1} s, {:.1} s of CPU |",
        items * CALLS_OF_A_GRANT as u64,
        begun.elapsed().as_secs_f64(),
        (self::cpu() - cpu).as_secs_f64()
    );
    bench.pages(campaign.id).await;
    let megabytes = std::fs::metadata(directory.path().join("facts.db")).unwrap().len() >> 20;
    println!("\nThe store has {megabytes} MiB.");
}

/// What this process has used of processors.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let rest: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = rest[11].parse::<u64>().unwrap() + rest[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

impl Bench {
    async fn pages(&self, id: CampaignId) {
        let at = format!("/console/reviews/{id}");
        let middle = self.grants[self.grants.len() / 2].id;
        let item = format!("{at}/items/{middle}");
        let mut owner = self.signed_in(&owner(0)).await;
        let mut administrator = self.signed_in(ADMINISTRATOR).await;
        println!("\n| page | p50 ms | most ms | CPU ms | KiB |");
        println!("|---|--:|--:|--:|--:|");
        administrator.time("campaigns", "/console/reviews").await;
        administrator.time("the campaign, for who sees all", &at).await;
        owner.time("the campaign, for a reviewer", &at).await;
        administrator.time("items, the first page", &format!("{at}/items")).await;
        administrator.time("items, a middle page", &format!("{at}/items?after={middle}")).await;
        administrator.time("items, a kind that is rare", &format!("{at}/items?state=moot")).await;
        administrator.time("an item", &item).await;
        owner.time("what waits for a reviewer", &format!("{at}/work")).await;
        owner.time("a reviewer's start page", "/console").await;
        administrator.time("numbers of reviews", "/console/reviews/numbers").await;
        self.answers(id, &mut owner).await;
        administrator.time("the campaign, after those", &at).await;
    }

    /// Answers of one reviewer, as the list sends them.
    async fn answers(&self, id: CampaignId, owner: &mut Browser<'_>) {
        let work = format!("/console/reviews/{id}/work");
        let (status, page) = owner.get(&work).await;
        assert_eq!(status, StatusCode::OK);
        let csrf = after(&page, "name=\"csrf\" value=\"").unwrap().to_owned();
        let mine = self.grants.iter().enumerate().filter(|(place, _)| place % OWNERS == 0);
        let mine: Vec<GrantId> = mine.map(|(_, it)| it.id).collect();
        let (mut took, before) = (Vec::new(), cpu());
        for grant in mine.iter().take(TIMES) {
            let fields = [
                ("csrf", csrf.as_str()),
                ("grant", &grant.to_string()),
                ("version", "1"),
                ("verdict", "certify"),
                ("reason", "still needed"),
                ("back", "work"),
            ];
            let begun = Instant::now();
            let (status, page) =
                owner.post(&format!("/console/reviews/{id}/answer"), &fields).await;
            took.push(begun.elapsed());
            assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        }
        said("an answer", took, cpu() - before, 0);
        let (mut took, before) = (Vec::new(), cpu());
        for some in mine[TIMES..].chunks(50).take(TIMES / 2) {
            let grants: Vec<String> = some.iter().map(|it| format!("{it}:1")).collect();
            let fields = [
                ("csrf", csrf.as_str()),
                ("grants", &grants.join(" ")),
                ("reason", "still needed"),
            ];
            let begun = Instant::now();
            let to = format!("/console/reviews/{id}/keep-together");
            let (status, page) = owner.post(&to, &fields).await;
            took.push(begun.elapsed());
            // What is against a recommendation is kept one by one; saying so costs the same.
            assert!(status.is_redirection() || status.is_client_error(), "{page}");
        }
        said("50 answers in one act", took, cpu() - before, 0);
    }
}

fn after<'p>(page: &'p str, mark: &str) -> Option<&'p str> {
    page.split_once(mark)?.1.split('"').next()
}

fn said(what: &str, mut took: Vec<Duration>, cpu: Duration, bytes: usize) {
    took.sort_unstable();
    let ms = |it: Duration| it.as_secs_f64() * 1_000.0;
    let cpu = ms(cpu) / took.len() as f64;
    let (half, most) = (ms(took[took.len() / 2]), ms(took[took.len() - 1]));
    println!("| {what} | {half:.1} | {most:.1} | {cpu:.0} | {} |", bytes >> 10);
}

impl Browser<'_> {
    async fn time(&mut self, what: &str, path: &str) {
        let (mut took, mut bytes, before) = (Vec::new(), 0, cpu());
        for _ in 0..TIMES {
            let begun = Instant::now();
            let (status, page) = self.get(path).await;
            took.push(begun.elapsed());
            assert_eq!(status, StatusCode::OK, "{path}: {page}");
            bytes = page.len();
        }
        said(what, took, cpu() - before, bytes);
    }

    async fn get(&mut self, path: &str) -> (StatusCode, String) {
        let (status, _, page) = self.send(Request::get(path), String::new()).await;
        (status, page)
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", ORIGIN)
            .header("sec-fetch-site", "same-origin");
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(fields).finish();
        let (status, _, page) = self.send(request, body).await;
        (status, page)
    }

    async fn send(
        &mut self,
        request: http::request::Builder,
        body: String,
    ) -> (StatusCode, HeaderMap, String) {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("cookie", cookies.join("; ")).body(Body::from(body)).unwrap();
        let answer = self.bench.console.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        for set in parts.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }
}

impl Bench {
    async fn open(directory: &Path, grants: usize) -> Self {
        countersign_identity::install_crypto();
        let clock = Clock::new(now);
        let entropy = entropy();
        let store = Store::open(&format!("sqlite:{}", directory.join("facts.db").display())).await;
        let store = store.unwrap();
        let grants: Vec<Grant> = (0..grants).map(|it| grant(it, &entropy)).collect();
        let mut change = store.change().await.unwrap();
        for grant in &grants {
            let entry = EntryId::new(grant.made_at, &entropy);
            change.add_grant(grant, Epoch(1), entry).await.unwrap();
            let row = GrantRow { grant: grant.clone(), revision: 1 };
            let by = &grant.made_by;
            let kind = GrantChange::Made;
            change.keep_grant_step(&row, kind, by, grant.made_at, entry).await.unwrap();
        }
        change.commit().await.unwrap();
        let log = directory.join("log");
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let opened = Log::open(&log, "bench.example/log", key, LogOptions::default()).unwrap();
        let random = entropy.clone();
        let fill = Box::new(move |bytes: &mut [u8]| random.fill(bytes));
        let recordings = directory.join("recordings");
        let segments = Segments::open(&recordings, SegmentOptions::default(), fill).unwrap();
        let (ledger, closer) = Writer::start(opened, segments, WriterOptions::default()).unwrap();
        let governance = Governance::start(Parts {
            store,
            ledger,
            master: Arc::new(MasterKey::from_bytes(&[9; 32]).unwrap()),
            clock: clock.clone(),
            entropy,
            masks: |_| Ok(()),
            roles: roles(),
            notices: NoticeRules::default(),
            directories: vec![],
            gateway: "one".to_owned(),
            stale_after: Span::from_days(1),
            owner_grace: countersign_governance::OWNER_GRACE,
        })
        .await
        .unwrap();
        governance.apply_catalog(&administrator(), catalog(), None).await.unwrap();
        let http = Http::new();
        let console = console(&governance, &http, clock, &log, &recordings).await;
        Self { governance, console, http, grants, log, _closer: closer }
    }

    async fn signed_in(&self, subject: &str) -> Browser<'_> {
        let mut browser = Browser { bench: self, cookies: Vec::new() };
        let begin = Request::get("/console/sign-in/0?return_to=/console");
        let (_, headers, _) = browser.send(begin, String::new()).await;
        let location = headers[header::LOCATION].to_str().unwrap();
        let url = url::Url::parse(location).unwrap();
        let mut fields: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        fields.push(("chosen".to_owned(), subject.to_owned()));
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let mut endpoint = url.clone();
        endpoint.set_query(None);
        let none = HeaderMap::new();
        let chosen = self.http.post_form(endpoint.as_str(), none, &fields, Limits::default());
        let chosen = chosen.await.unwrap();
        let back = chosen.headers[header::LOCATION].to_str().unwrap();
        let back = Request::get(back.strip_prefix(ORIGIN).unwrap());
        let (status, _, page) = browser.send(back, String::new()).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        browser
    }

    /// Gives every grant a row of a hundred calls of one of its functions: those of one grant are counted,
    /// and written for all.
    async fn fill(&self) {
        let Grant { id, holder, functions, .. } = &self.grants[0];
        let mut counter = self.governance.usage_counter(&self.log);
        let holder = holder.to_string();
        for place in 0..CALLS_OF_A_GRANT {
            let made = call(&self.governance, *id, &holder, functions[0].as_str(), place % 90);
            let arguments = json!({"customer": format!("c_{}", place % 4), "amount": place});
            self.governance.saw_arguments(made.await, arguments, vec![]);
        }
        let row = loop {
            counter.count_all().await.unwrap();
            let rows = self.rows(*id).await;
            match rows.into_iter().next() {
                Some(row) if row.used == CALLS_OF_A_GRANT as u64 => break row,
                Some(_) | None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let key = |grant: &Grant| UsageKey {
            grant: grant.id,
            function: grant.functions[0].clone(),
            subject: grant.holder.to_string().as_str().into(),
        };
        let rows: Vec<UsageRow> =
            self.grants.iter().map(|it| UsageRow { key: key(it), ..row.clone() }).collect();
        let mut change = self.governance.store().change().await.unwrap();
        change.write_usage("one", &rows).await.unwrap();
        change.commit().await.unwrap();
    }

    async fn rows(&self, id: GrantId) -> Vec<UsageRow> {
        self.governance.store().view().await.unwrap().usage_of(&[id]).await.unwrap()
    }
}

/// The console, behind an identity provider of the demo at which every owner can sign in.
async fn console(
    governance: &Governance,
    http: &Http,
    clock: Clock,
    log: &Path,
    recordings: &Path,
) -> Router {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let one = people::people().into_iter().next().unwrap();
    let owners = (0..OWNERS).map(|it| Person { subject: owner(it), ..one.clone() });
    let idp = Idp::new(IdpConfig {
        issuer: issuer.clone(),
        audience: ORIGIN.to_owned(),
        clients: vec![Client {
            id: "console".to_owned(),
            name: "the console".to_owned(),
            kind: ClientKind::Web {
                secret: Secret::new("console-secret"),
                redirect_uris: vec![format!("{ORIGIN}/console/sign-in/callback")],
                post_logout_redirect_uris: vec![],
            },
        }],
        people: people::people().into_iter().chain(owners).collect(),
        agents: vec![],
        clock: clock.clone(),
        entropy: entropy(),
        signing_seed: SigningSeed::new([7; 32]),
    })
    .unwrap();
    let served = idp.router();
    tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
    let config: IssuerConfig = serde_json::from_value(json!({
        "name": "demo", "url": issuer, "audiences": [ORIGIN],
        "sign_in": {"client_id": "console", "client_secret": {"env": "SECRET"}},
    }))
    .unwrap();
    let verifier = Verifier::new(vec![config], http.clone(), clock).unwrap();
    let secret = |_: &str| Some("console-secret".to_owned());
    let sign_in = SignIn::new(&verifier, "demo", secret).unwrap();
    let store = governance.store().clone();
    let once = UseOnce::new(move |digest, until| {
        let store = store.clone();
        async move {
            let first = store.use_once(&digest, until).await.unwrap();
            Ok(if first { Use::First } else { Use::Again })
        }
    });
    router(ConsoleParts {
        governance: governance.clone(),
        verifier,
        sign_ins: vec![("demo".to_owned(), sign_in)],
        saml: vec![],
        once,
        cli: vec![],
        events: None,
        public_url: ORIGIN.to_owned(),
        resource: ORIGIN.to_owned(),
        api_keys: None,
        ledger_directory: log.to_path_buf(),
        recordings_directory: recordings.to_path_buf(),
    })
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(i64::try_from(now).unwrap())
}

fn entropy() -> Entropy {
    Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).expect("randomness")).in_batches()
}

fn roles() -> RoleMap {
    RoleMap { administrators: vec!["countersign-admins".into()], ..RoleMap::default() }
}

fn administrator() -> Actor {
    let groups = [countersign_model::Group::from("countersign-admins")].into();
    Actor {
        roles: roles().roles(&groups),
        person: countersign_model::Person {
            subject: ADMINISTRATOR.into(),
            kind: CallerKind::Person,
            groups,
            told: Arc::default(),
            standing: Standing::Good,
        },
        name: ADMINISTRATOR.to_owned(),
    }
}

fn new_campaign() -> NewCampaign {
    NewCampaign {
        title: "All grants".to_owned(),
        scope: Scope::default(),
        rules: CampaignRules {
            owner: ADMINISTRATOR.into(),
            stages: vec![Stage { reviewers: vec![ReviewerRule::Owner], mode: StageMode::AnyOne }],
            fallback: vec![],
            duration: Span::from_days(14),
            grace: Span::from_days(7),
            reminders: vec![],
            look_back: Span::from_days(90),
            breaker_percent: 20,
            bulk_max: 100,
            reason: ReasonNeeded::AgainstRecommendation,
        },
    }
}

fn owner(number: usize) -> String {
    format!("owner{number}@acme.example")
}

fn function(number: usize) -> String {
    format!("billing.f{number}")
}

/// Grants of two functions of one owner, a year old and certified half a year ago.
fn grant(place: usize, entropy: &Entropy) -> Grant {
    let made_at = now().minus(Span::from_days(365));
    let (first, second) = (place % FUNCTIONS, (place + OWNERS) % FUNCTIONS);
    let certified = Certification {
        by: owner(place % OWNERS).as_str().into(),
        at: now().minus(Span::from_days(180)),
        version: 1,
    };
    Grant {
        id: GrantId::new(made_at, entropy),
        version: 1,
        holder: Holder::Subject(format!("person{}@acme.example", place / 3).as_str().into()),
        functions: vec![function(first).as_str().into(), function(second).as_str().into()],
        tags: vec![],
        reason: "Invoices of the north".to_owned(),
        constraints: vec!["args.amount <= 500.0".to_owned()],
        rate: None,
        made_by: owner(place % OWNERS).as_str().into(),
        made_at,
        expires_at: None,
        certified: Some(certified),
        origin: GrantOrigin::Direct,
        successor_of: None,
        state: GrantState::Active,
    }
}

fn catalog() -> RawCatalog {
    let functions: Vec<_> = (0..FUNCTIONS)
        .map(|it| {
            json!({
                "name": function(it), "purpose": "A call", "sensitivity": "medium",
                "owners": [owner(it % OWNERS)],
                "http": {"method": "POST", "path": format!("/v1/f{it}")},
                "input": {"type": "object", "additionalProperties": false, "properties": {
                    "amount": {"type": "number"}, "customer": {"type": "string"}}},
            })
        })
        .collect();
    let file = json!({
        "target": {"name": "billing", "kind": "http", "url": "http://billing.internal",
            "purpose": "Bills", "owners": [owner(0)]},
        "functions": functions,
    });
    RawCatalog::join([serde_json::from_value::<RawFile>(file).unwrap()]).unwrap()
}

/// A call so many days ago, in the ledger.
async fn call(
    governance: &Governance,
    grant: GrantId,
    holder: &str,
    function: &str,
    day: usize,
) -> CallId {
    let at = now().minus(Span::from_days(day as i64));
    let entropy = governance.entropy();
    let call = CallId::new(at, entropy);
    let who = Who { subject: holder.into(), actors: vec![], client: None, issuer: "acme".into() };
    let intent = CallIntent {
        call,
        session: SessionId::from_bytes([1; 16]),
        epoch: Epoch(12),
        who,
        function: function.into(),
        contract: Digest([7; 32]),
        target: "billing".into(),
        grants: vec![GrantRef { id: grant, version: 1 }],
        reason: Reason::Granted,
        approval: None,
        arguments: Digest([9; 32]),
    };
    let outcome = CallOutcome {
        call,
        status: 200,
        reason: Reason::Granted,
        took_ms: 3,
        bytes: 1024,
        masked: 2,
        recording: Some(Digest([8; 32])),
    };
    for event in [Event::CallIntent(Box::new(intent)), Event::CallOutcome(outcome)] {
        let entry = Entry::new(EntryId::new(at, entropy), at, event).to_bytes();
        governance.ledger().append(entry).await.unwrap();
    }
    call
}
