//! What counting use costs: folding the ledger's entries into rows, and reading the use of 100,000
//! grants that carried 10 million calls. On SQLite, in a temporary directory.
//!
//! `cargo run --release --bin usage [calls to fold]`

use countersign_governance::{Actor, Governance, LOOK_BACK_DEFAULT, Parts, RoleMap, Store};
use countersign_ledger::{
    Closer, Log, LogOptions, MasterKey, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use countersign_model::{
    ApprovalId, CallId, CallerKind, Clock, Digest, Entropy, Epoch, Grant, GrantId, GrantRef,
    GrantState, Holder, Person, Reason, SessionId, Span, Timestamp,
    approval::Standing,
    catalog::raw::{RawCatalog, RawFile},
    ids::EntryId,
    record::{CallIntent, CallOutcome, Entry, Event, Who},
    review::peers,
};
use countersign_store::UsageKey;
use serde_json::json;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const START: i64 = 1_800_000_000_000;
const GRANTS: usize = 100_000;
const CALLS_OF_A_GRANT: usize = 100;
const FUNCTIONS: usize = 500;

struct Bench {
    governance: Governance,
    time: Arc<AtomicI64>,
    log: std::path::PathBuf,
    grants: Vec<Grant>,
    _closer: Closer,
}

fn main() {
    let calls = std::env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(300_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(calls));
}

async fn run(calls: usize) {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::open(directory.path()).await;
    for (name, grants) in [("2,000 grants", 2_000), ("100,000 grants", GRANTS)] {
        bench.write_calls(calls, grants).await;
        let mut counter = bench.governance.usage_counter(&bench.log);
        let began = Instant::now();
        let entries = counter.count_all().await.unwrap();
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "folding {calls} calls over {name}: {seconds:.2} s, {:.0} calls/s, {entries} entries",
            calls as f64 / seconds
        );
    }
    bench.fill().await;
    let ids: Vec<GrantId> = bench.grants.iter().map(|it| it.id).collect();
    let began = Instant::now();
    let usage = bench.governance.grant_usage(&ids, LOOK_BACK_DEFAULT).await.unwrap();
    let calls: u64 = usage.values().map(|it| it.used).sum();
    println!(
        "usage of {} grants, {calls} calls: {:.2} s",
        usage.len(),
        began.elapsed().as_secs_f64()
    );
    let some: Vec<GrantId> = ids.iter().copied().step_by(100).collect();
    let began = Instant::now();
    bench.governance.grant_usage(&some, LOOK_BACK_DEFAULT).await.unwrap();
    println!("usage of {} grants: {:.3} s", some.len(), began.elapsed().as_secs_f64());
    let snapshot = bench.governance.policy().load();
    let began = Instant::now();
    let found =
        peers(snapshot.grants(), snapshot.catalog(), &usage, bench.governance.clock().now());
    println!("peers of {} grants: {:.2} s", found.len(), began.elapsed().as_secs_f64());
    let began = Instant::now();
    let reduced = bench
        .grants
        .iter()
        .filter(|grant| bench.governance.reduce_to_used(grant, &usage[&grant.id]).is_some());
    let reduced = reduced.count();
    println!("{reduced} of them reduced: {:.2} s", began.elapsed().as_secs_f64());
    let megabytes = std::fs::metadata(directory.path().join("facts.db")).unwrap().len() >> 20;
    println!("the store has {megabytes} MiB");
}

fn entropy() -> Entropy {
    Entropy::new(|bytes| aws_lc_rs::rand::fill(bytes).expect("randomness")).in_batches()
}

fn function(number: usize) -> String {
    format!("billing.f{number}")
}

impl Bench {
    async fn open(directory: &Path) -> Self {
        let time = Arc::new(AtomicI64::new(START));
        let store = Store::open(&format!("sqlite:{}", directory.join("facts.db").display())).await;
        let store = store.unwrap();
        let entropy = entropy();
        let grants: Vec<Grant> = (0..GRANTS).map(|it| grant(it, &entropy)).collect();
        let mut change = store.change().await.unwrap();
        for grant in &grants {
            let entry = EntryId::new(Timestamp::from_millis(START), &entropy);
            change.add_grant(grant, Epoch(1), entry).await.unwrap();
        }
        change.commit().await.unwrap();
        let log = directory.join("log");
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let opened = Log::open(&log, "bench.example/log", key, LogOptions::default()).unwrap();
        let random = entropy.clone();
        let fill = Box::new(move |bytes: &mut [u8]| random.fill(bytes));
        let segments =
            Segments::open(&directory.join("recordings"), SegmentOptions::default(), fill).unwrap();
        let (ledger, closer) = Writer::start(opened, segments, WriterOptions::default()).unwrap();
        let now = Arc::clone(&time);
        let governance = Governance::start(Parts {
            store,
            ledger,
            master: Arc::new(MasterKey::from_bytes(&[9; 32]).unwrap()),
            clock: Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst))),
            entropy,
            masks: |_| Ok(()),
            roles: RoleMap { administrators: vec!["admins".into()], ..RoleMap::default() },
            notices: countersign_governance::NoticeRules::default(),
            directories: vec![],
            gateway: "one".to_owned(),
            stale_after: Span::from_seconds(5),
            owner_grace: countersign_governance::OWNER_GRACE,
        })
        .await
        .unwrap();
        governance.apply_catalog(&administrator(), catalog(), None).await.unwrap();
        Self { governance, time, log, grants, _closer: closer }
    }

    /// Writes calls into the ledger, spread over so many grants and ninety days.
    async fn write_calls(&self, calls: usize, grants: usize) {
        let mut waiting = tokio::task::JoinSet::new();
        for part in 0..16 {
            let governance = self.governance.clone();
            let own: Vec<(GrantId, String, String)> = self.grants[..grants]
                .iter()
                .enumerate()
                .map(|(place, it)| (it.id, it.holder.to_string(), function(place % FUNCTIONS)))
                .collect();
            waiting.spawn(async move {
                for place in (part..calls).step_by(16) {
                    // Numbers that are far apart, so that neighbours are of other grants.
                    let (id, holder, function) = &own[place.wrapping_mul(7_919) % own.len()];
                    let day = place % 90;
                    call(&governance, *id, holder, function, day).await;
                }
            });
        }
        while waiting.join_next().await.is_some() {}
        loop {
            let head = self.governance.ledger().try_head();
            if head.size == head.checkpoint_size {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Gives every grant a row of a hundred calls: one is counted, and written for all.
    async fn fill(&self) {
        let first = self.grants.len() - 1;
        let Grant { id, holder, .. } = &self.grants[first];
        let name = function(first % FUNCTIONS);
        let mut counter = self.governance.usage_counter(&self.log);
        let before = self.rows(*id).await;
        for place in 0..CALLS_OF_A_GRANT {
            let made = call(&self.governance, *id, &holder.to_string(), &name, place % 90).await;
            let arguments = json!({"customer": format!("c_{}", place % 4), "amount": place});
            self.governance.saw_arguments(made, arguments, vec![]);
        }
        loop {
            counter.count_all().await.unwrap();
            if self.rows(*id).await.iter().map(|it| it.used).sum::<u64>()
                >= before.iter().map(|it| it.used).sum::<u64>() + CALLS_OF_A_GRANT as u64
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let row = self.rows(*id).await.into_iter().next().unwrap();
        let rows: Vec<_> = self
            .grants
            .iter()
            .enumerate()
            .map(|(place, grant)| {
                let mut row = row.clone();
                row.key = UsageKey {
                    grant: grant.id,
                    function: function(place % FUNCTIONS).as_str().into(),
                    subject: grant.holder.to_string().as_str().into(),
                };
                row
            })
            .collect();
        let mut change = self.governance.store().change().await.unwrap();
        change.write_usage("one", &rows).await.unwrap();
        change.commit().await.unwrap();
        self.time.fetch_add(Span::from_seconds(60).millis(), Ordering::SeqCst);
    }

    async fn rows(&self, id: GrantId) -> Vec<countersign_store::UsageRow> {
        self.governance.store().view().await.unwrap().usage_of(&[id]).await.unwrap()
    }
}

async fn call(
    governance: &Governance,
    grant: GrantId,
    holder: &str,
    function: &str,
    day: usize,
) -> CallId {
    let at = Timestamp::from_millis(START).minus(Span::from_days(day as i64));
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
        approval: None::<ApprovalId>,
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

fn grant(place: usize, entropy: &Entropy) -> Grant {
    let made_at = Timestamp::from_millis(START).minus(Span::from_days(200));
    Grant {
        id: GrantId::new(made_at, entropy),
        version: 1,
        holder: Holder::Subject(format!("person{}@acme.example", place / 3).as_str().into()),
        functions: vec![
            function(place % FUNCTIONS).as_str().into(),
            function((place * 7 + 1) % FUNCTIONS).as_str().into(),
        ],
        tags: vec![],
        reason: "work".to_owned(),
        constraints: vec![],
        rate: None,
        made_by: "olivia".into(),
        made_at,
        expires_at: None,
        certified: None,
        origin: countersign_model::GrantOrigin::Direct,
        successor_of: None,
        state: GrantState::Active,
    }
}

fn administrator() -> Actor {
    let roles = RoleMap { administrators: vec!["admins".into()], ..RoleMap::default() };
    let groups = [countersign_model::Group::from("admins")].into();
    Actor {
        roles: roles.roles(&groups),
        person: Person {
            subject: "ada".into(),
            kind: CallerKind::Person,
            groups,
            told: Arc::default(),
            standing: Standing::Good,
        },
        name: "ada".to_owned(),
    }
}

fn catalog() -> RawCatalog {
    let functions: Vec<_> = (0..FUNCTIONS)
        .map(|it| {
            json!({
                "name": function(it), "purpose": "A call", "sensitivity": "medium",
                "http": {"method": "POST", "path": format!("/v1/f{it}")},
                "input": {"type": "object", "additionalProperties": false, "properties": {
                    "amount": {"type": "number"}, "customer": {"type": "string"}}},
            })
        })
        .collect();
    let file = json!({
        "target": {"name": "billing", "kind": "http", "url": "http://billing.internal",
            "purpose": "Bills", "owners": ["olivia"]},
        "functions": functions,
    });
    RawCatalog::join([serde_json::from_value::<RawFile>(file).unwrap()]).unwrap()
}
