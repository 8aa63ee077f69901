//! A small world: a catalog with three functions, some people, a real store and a real ledger.

use countersign_governance::{
    Actor, Channel, Directory, Governance, GroupRules, NewApproval, NewGrant, NoticeRules, Parts,
    Reach, RoleMap, Store,
};
use countersign_ledger::{
    Closer, Log, LogOptions, MasterKey, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use countersign_model::{
    ApprovalId, CallId, Caller, CallerKind, Clock, Digest, Entropy, GrantId, Group, Holder,
    Question, Reason, Sensitivity, Span, Timestamp, ToldFor,
    approval::HeldCall,
    catalog::raw::{RawCatalog, RawFile},
    decide::Demand,
    notice::Daily,
    record::Entry,
    snapshot::Letters,
};
use countersign_store::testing;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

pub(crate) const START: i64 = 1_800_000_000_000;
pub(crate) const REFUND: &str = "billing.refunds.create";
pub(crate) const CUSTOMER: &str = "billing.customers.get";
pub(crate) const STATUS: &str = "ops.status";

/// One gateway, and what it stands on.
pub(crate) struct World {
    pub(crate) governance: Governance,
    pub(crate) time: Arc<AtomicI64>,
    url: String,
    name: String,
    ledger: Option<Closer>,
    directory: Arc<tempfile::TempDir>,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let url = format!("sqlite:{}", directory.path().join("facts.db").display());
        Self::begin(url, directory).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "which server tests use is said outside")]
        let server = std::env::var(testing::POSTGRES_VARIABLE).ok()?;
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("governance_{}_{count}", std::process::id());
        let url = testing::fresh_schema(&server, &name).await.unwrap();
        Some(Self::begin(url, Arc::new(tempfile::tempdir().unwrap())).await)
    }

    async fn begin(url: String, directory: Arc<tempfile::TempDir>) -> Self {
        let time = Arc::new(AtomicI64::new(START));
        let world = Self::open(url, "one", directory, time).await;
        world.governance.apply_catalog(&ada(), catalog(), None).await.unwrap();
        world
    }

    async fn open(
        url: String,
        name: &str,
        directory: Arc<tempfile::TempDir>,
        time: Arc<AtomicI64>,
    ) -> Self {
        let store = Store::open(&url).await.unwrap();
        let (ledger, closer) = ledger(&directory.path().join(name));
        let now = Arc::clone(&time);
        let parts = Parts {
            store,
            ledger,
            master: Arc::new(MasterKey::from_bytes(&[9; 32]).unwrap()),
            clock: Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst))),
            entropy: entropy(),
            masks: |_| Ok(()),
            roles: RoleMap {
                administrators: vec!["platform".into()],
                auditors: vec!["audit".into()],
                ..RoleMap::default()
            },
            directories: vec![okta(), boss()],
            notices: NoticeRules { channels: channels(), digest: Daily::default() },
            gateway: name.to_owned(),
            stale_after: Span::from_seconds(5),
            owner_grace: countersign_governance::OWNER_GRACE,
        };
        let governance = Governance::start(parts).await.unwrap();
        Self { governance, time, url, name: name.to_owned(), ledger: Some(closer), directory }
    }

    /// Another gateway on the same facts, with a ledger of its own.
    pub(crate) async fn beside(&self, name: &str) -> Self {
        let (directory, time) = (Arc::clone(&self.directory), Arc::clone(&self.time));
        Self::open(self.url.clone(), name, directory, time).await
    }

    /// Ends this gateway and starts it again on what it left.
    pub(crate) async fn restart(mut self) -> Self {
        self.break_ledger();
        self.governance.store().close().await;
        Self::open(self.url, &self.name, self.directory, self.time).await
    }

    /// From here on the ledger takes nothing.
    pub(crate) fn break_ledger(&mut self) {
        if let Some(closer) = self.ledger.take() {
            closer.close().unwrap();
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.governance.clock().now()
    }

    pub(crate) fn pass(&self, span: Span) {
        self.time.fetch_add(span.millis(), Ordering::SeqCst);
    }

    /// Where the ledger of this gateway is.
    pub(crate) fn log(&self) -> std::path::PathBuf {
        self.directory.path().join(&self.name).join("log")
    }

    /// What the ledger says about one kind of thing, oldest first.
    pub(crate) fn entries(&self, kind: &str) -> Vec<Value> {
        countersign_ledger::entries(&self.log())
            .unwrap()
            .map(|entry| serde_json::from_slice::<Value>(&entry.unwrap().1).unwrap())
            .filter(|entry| entry["type"] == kind)
            .collect()
    }

    /// Every entry of the ledger, as its own type reads it.
    pub(crate) fn read_back(&self) -> Vec<Result<Entry, String>> {
        let entries = countersign_ledger::entries(&self.log()).unwrap();
        entries
            .map(|entry| {
                let bytes = entry.unwrap().1;
                // The strict reader refuses a member that stands twice.
                let text = String::from_utf8_lossy(&bytes).into_owned();
                countersign_model::json::parse(&bytes, countersign_model::json::Limits::default())
                    .map_err(|it| format!("{it}: {text}"))?;
                serde_json::from_slice(&bytes).map_err(|it| format!("{it}: {text}"))
            })
            .collect()
    }

    /// A grant that the actor makes and that is in force.
    pub(crate) async fn grant(&self, maker: &Actor, holder: Holder, function: &str) -> GrantId {
        self.governance.add_grant(maker, new_grant(holder, &[function])).await.unwrap().id
    }

    /// A held call of riley's, answered by those whom the demands name.
    pub(crate) async fn held(&self, call: &str, demands: Vec<Demand>) -> ApprovalId {
        let new = held(self.now(), call, demands);
        self.governance.open_approval(new).await.unwrap().approval.id
    }

    pub(crate) fn call(&self) -> CallId {
        CallId::new(self.now(), self.governance.entropy())
    }
}

/// Runs each case on both databases.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        $(mod $case {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$case($crate::world::World::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(world) = $crate::world::World::postgres().await {
                    super::$case(world).await;
                }
            }
        })*
    };
}
pub(crate) use on_both;

fn ledger(directory: &Path) -> (Writer, Closer) {
    let key = SigningKey::from_seed(&[3; 32]).unwrap();
    let options = LogOptions::default();
    let log = Log::open(&directory.join("log"), "test.example/log", key, options).unwrap();
    let random = entropy();
    let fill = Box::new(move |bytes: &mut [u8]| {
        let random: [u8; 32] = random.bytes();
        bytes.iter_mut().zip(random).for_each(|(slot, byte)| *slot = byte);
    });
    let options = SegmentOptions::default();
    let segments = Segments::open(&directory.join("recordings"), options, fill).unwrap();
    Writer::start(log, segments, WriterOptions::default()).unwrap()
}

/// One channel of each kind.
fn channels() -> Vec<Channel> {
    let channel = |name: &str, reach| Channel { name: name.to_owned(), reach };
    vec![
        channel("email", Reach::Person),
        channel("slack", Reach::Room),
        channel("webhook:siem", Reach::Program),
    ]
}

/// Bytes that never come twice.
fn entropy() -> Entropy {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    Entropy::new(|bytes| {
        let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let places = bytes.iter_mut().rev().zip(count.iter().rev());
        places.for_each(|(slot, byte)| *slot = *byte);
    })
}

pub(crate) fn catalog() -> RawCatalog {
    RawCatalog::join(files().into_iter().map(|file| serde_json::from_value(file).unwrap())).unwrap()
}

/// The catalog with one value replaced or, with null, removed.
pub(crate) fn catalog_with(pointer: &str, value: Value) -> RawCatalog {
    let mut whole = serde_json::to_value(catalog()).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let members = whole.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        members.remove(key);
    } else {
        members.insert(key.to_owned(), value);
    }
    serde_json::from_value(whole).unwrap()
}

fn files() -> Vec<Value> {
    let billing = json!({
        "target": {"name": "billing", "kind": "http", "url": "http://billing.internal",
            "purpose": "Invoices", "owners": ["olivia"]},
        "functions": [
            {"name": REFUND, "purpose": "Pay money back", "sensitivity": "high",
             "tags": ["money"],
             "http": {"method": "POST", "path": "/v1/refunds"},
             "input": {"type": "object", "properties": {"amount": {"type": "number"},
                "customer": {"type": "string"}}, "additionalProperties": false},
             "approval": [{"when": "args.amount > 500.0", "from": ["owner"]}]},
            {"name": CUSTOMER, "purpose": "Read a customer", "sensitivity": "medium",
             "tags": ["read"], "http": {"method": "GET", "path": "/v1/customers/{customer}"}},
        ],
        "agents": [{"subject": "agent:dunning", "sponsor": "sam", "purpose": "Reminds"}],
    });
    let ops = json!({
        "target": {"name": "ops", "kind": "http", "url": "http://ops.internal",
            "purpose": "Status", "owners": ["otto"]},
        "functions": [{"name": STATUS, "purpose": "Is it up", "sensitivity": "low",
            "tags": ["read"], "http": {"method": "GET", "path": "/status"}}],
    });
    // A typing error here is found by the same type that reads files.
    for file in [&billing, &ops] {
        serde_json::from_value::<RawFile>(file.clone()).unwrap();
    }
    vec![billing, ops]
}

pub(crate) fn caller(subject: &str, groups: &[&str]) -> Caller {
    Caller {
        subject: subject.into(),
        kind: if subject.starts_with("svc:") { CallerKind::Service } else { CallerKind::Person },
        actors: vec![],
        client: None,
        issuer: "acme".into(),
        groups: groups.iter().map(|group| Group::from(*group)).collect(),
        scopes: BTreeSet::new(),
        name: None,
        email: None,
        expires_at: Timestamp::from_millis(START).plus(Span::from_days(3650)),
        issued: countersign_model::Issued::default(),
    }
}

/// Somebody as an actor, without a snapshot: a person in good standing.
pub(crate) fn actor(subject: &str, groups: &[&str]) -> Actor {
    let caller = caller(subject, groups);
    let roles = RoleMap {
        administrators: vec!["platform".into()],
        auditors: vec!["audit".into()],
        ..RoleMap::default()
    };
    Actor {
        roles: roles.roles(&caller.groups),
        person: countersign_model::Person {
            subject: caller.subject,
            kind: caller.kind,
            groups: caller.groups,
            told: Arc::default(),
            standing: countersign_model::approval::Standing::Good,
        },
        name: subject.to_owned(),
    }
}

/// A directory whose groups count for access.
pub(crate) fn okta() -> Directory {
    directory("okta", ToldFor::Access, "okta:", &["okta:boss:"])
}

/// A directory that can make administrators.
pub(crate) fn boss() -> Directory {
    directory("boss", ToldFor::AccessAndRoles, "", &["okta:"])
}

fn directory(name: &str, counts: ToldFor, prefix: &str, foreign: &[&str]) -> Directory {
    let foreign = foreign.iter().map(|it| (*it).to_owned()).collect();
    let groups = Some(Arc::new(GroupRules { counts, prefix: prefix.to_owned(), foreign }));
    Directory { name: name.into(), letters: Letters::Folded, groups }
}

/// The administrator.
pub(crate) fn ada() -> Actor {
    actor("ada", &["platform"])
}

/// The owner of billing.
pub(crate) fn olivia() -> Actor {
    actor("olivia", &["finance"])
}

pub(crate) fn subject(name: &str) -> Holder {
    Holder::Subject(name.into())
}

pub(crate) fn group(name: &str) -> Holder {
    Holder::Group(name.into())
}

pub(crate) fn new_grant(holder: Holder, functions: &[&str]) -> NewGrant {
    NewGrant {
        holder,
        functions: functions.iter().map(|name| (*name).into()).collect(),
        tags: vec![],
        reason: "support".to_owned(),
        constraints: vec![],
        rate: None,
        expires_at: None,
    }
}

pub(crate) fn demand(from: &[&str], people: u32) -> Demand {
    Demand { from: from.iter().map(|it| it.parse().unwrap()).collect(), people }
}

pub(crate) fn held(now: Timestamp, call: &str, demands: Vec<Demand>) -> NewApproval {
    let within = Span::from_seconds(900);
    NewApproval {
        digest: Digest::of(call.as_bytes()),
        call: HeldCall {
            caller: caller("riley", &["support"]),
            function: REFUND.into(),
            target: "billing".into(),
            contract: Digest::of(b"contract"),
            purpose: "Pay money back".to_owned(),
            sensitivity: Sensitivity::High,
            owners: vec!["olivia".into()],
            sponsors: BTreeSet::new(),
            grants: vec![],
            certified_at: Some(now),
            shown: json!({"amount": 900}),
            hidden: vec![],
            sealed: call.as_bytes().to_vec(),
        },
        question: Question {
            reason: Reason::ApprovalRequired,
            sentence: "Refunds above 500 need a yes".to_owned(),
            demands,
            within,
            wait: Span::from_seconds(60),
            grants: vec![],
        },
        salt: [7; 16],
    }
}
