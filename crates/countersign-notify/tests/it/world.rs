//! A governance with its channels, and people to tell.

use countersign_governance::{
    Actor, DeliveryQuery, DeliveryRow, Governance, NewApproval, NoticeRules, Parts, PersonRow,
    Role, RoleMap, Store,
};
use countersign_identity::{Http, PlainHttp};
use countersign_ledger::{
    Closer, Log, LogOptions, MasterKey, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use countersign_model::{
    Approval, Caller, CallerKind, Clock, Digest, Entropy, Issued, Person, Question, Reason,
    Sensitivity, Span, Timestamp,
    approval::{HeldCall, Standing},
    decide::Demand,
    notice::Daily,
};
use countersign_notify::{Senders, Settings};
use serde_json::json;
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::SystemTime,
};

pub(crate) const PUBLIC_URL: &str = "https://gateway.example.com";

pub(crate) struct World {
    pub(crate) governance: Governance,
    pub(crate) senders: Senders,
    pub(crate) time: Arc<AtomicI64>,
    closer: Option<Closer>,
    _directory: tempfile::TempDir,
}

impl World {
    /// It begins at the real time: who verifies a webhook looks at the clock.
    pub(crate) async fn start(settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let real = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let time = Arc::new(AtomicI64::new(i64::try_from(real.as_millis()).unwrap()));
        let now = Arc::clone(&time);
        let clock = Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst)));
        let http = Http::speaking(PlainHttp::LoopbackOnly);
        let senders = Senders::new(settings, PUBLIC_URL, &http, &clock).unwrap();
        let url = format!("sqlite:{}", directory.path().join("facts.db").display());
        let (ledger, closer) = ledger(directory.path());
        let parts = Parts {
            store: Store::open(&url).await.unwrap(),
            ledger,
            master: Arc::new(MasterKey::from_bytes(&[9; 32]).unwrap()),
            clock,
            entropy: entropy(),
            masks: |_| Ok(()),
            roles: RoleMap { administrators: vec!["platform".into()], ..RoleMap::default() },
            directories: vec![],
            notices: NoticeRules { channels: senders.channels(), digest: Daily::default() },
            gateway: "one".to_owned(),
            stale_after: Span::from_seconds(5),
            owner_grace: countersign_governance::OWNER_GRACE,
        };
        let governance = Governance::start(parts).await.unwrap();
        Self { governance, senders, time, closer: Some(closer), _directory: directory }
    }

    /// Somebody with an address.
    pub(crate) async fn sees(&self, subject: &str, name: &str, email: &str) {
        let person = PersonRow {
            subject: subject.into(),
            name: name.to_owned(),
            email: email.to_owned(),
            groups: BTreeSet::new(),
            issuer: "acme".to_owned(),
            seen_at: self.governance.clock().now(),
        };
        self.governance.store().saw_person(&person).await.unwrap();
    }

    pub(crate) async fn test_of(&self, subject: &str) {
        self.governance.test_notice(&ada(), &subject.into()).await.unwrap();
    }

    /// A call by `who` that waits for `owner`.
    pub(crate) async fn held(&self, who: &str, owner: &str) -> Approval {
        let now = self.governance.clock().now();
        let new = NewApproval {
            digest: Digest::of(format!("{who} {now}").as_bytes()),
            call: HeldCall {
                caller: caller(who),
                function: "billing.refunds.create".into(),
                target: "billing".into(),
                contract: Digest::of(b"contract"),
                purpose: "Pay money back".to_owned(),
                sensitivity: Sensitivity::High,
                owners: vec![owner.into()],
                sponsors: BTreeSet::new(),
                grants: vec![],
                certified_at: None,
                shown: json!({"amount": "secret-argument"}),
                hidden: vec![],
                sealed: vec![],
            },
            question: Question {
                reason: Reason::ApprovalRequired,
                sentence: "Refunds above 500 need a yes".to_owned(),
                demands: vec![Demand { from: vec!["owner".parse().unwrap()], people: 1 }],
                within: Span::from_days(3),
                wait: Span::from_seconds(60),
                grants: vec![],
            },
            salt: [7; 16],
        };
        self.governance.open_approval(new).await.unwrap().approval
    }

    pub(crate) async fn send(&self, channel: &str) {
        self.senders.send_due(&self.governance, channel).await.unwrap();
    }

    /// What became of what went over a channel, oldest first.
    pub(crate) async fn deliveries(&self, channel: &str) -> Vec<DeliveryRow> {
        let query = DeliveryQuery { limit: 200, ..DeliveryQuery::default() };
        let mut rows = self.governance.deliveries(&ada(), &query).await.unwrap();
        rows.retain(|it| it.channel == channel);
        rows.reverse();
        rows
    }

    pub(crate) fn pass(&self, span: Span) {
        self.time.fetch_add(span.millis(), Ordering::SeqCst);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(closer) = self.closer.take() {
            drop(closer.close());
        }
    }
}

pub(crate) fn ada() -> Actor {
    let caller = caller("ada");
    Actor {
        roles: BTreeSet::from([Role::Administrator]),
        person: Person {
            subject: caller.subject,
            kind: caller.kind,
            groups: caller.groups,
            told: Arc::default(),
            standing: Standing::Good,
        },
        name: "ada".to_owned(),
    }
}

fn caller(subject: &str) -> Caller {
    Caller {
        subject: subject.into(),
        kind: CallerKind::Person,
        actors: vec![],
        client: None,
        issuer: "acme".into(),
        groups: BTreeSet::new(),
        scopes: BTreeSet::new(),
        name: None,
        email: None,
        expires_at: Timestamp::from_millis(4_102_444_800_000),
        issued: Issued::default(),
    }
}

fn entropy() -> Entropy {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    Entropy::new(|bytes| {
        let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let places = bytes.iter_mut().rev().zip(count.iter().rev());
        places.for_each(|(slot, byte)| *slot = *byte);
    })
}

fn ledger(directory: &Path) -> (Writer, Closer) {
    let key = SigningKey::from_seed(&[3; 32]).unwrap();
    let log = Log::open(&directory.join("log"), "test.example/log", key, LogOptions::default());
    let fill = Box::new(|bytes: &mut [u8]| bytes.fill(5));
    let options = SegmentOptions::default();
    let segments = Segments::open(&directory.join("recordings"), options, fill).unwrap();
    Writer::start(log.unwrap(), segments, WriterOptions::default()).unwrap()
}
