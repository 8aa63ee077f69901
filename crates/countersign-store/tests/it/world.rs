//! A store of its own for each test.

use countersign_model::{
    ApprovalId, CallerKind, Digest, Entropy, Grant, GrantId, GrantState, Holder, Reason,
    Sensitivity, Span, Subject, Timestamp,
    approval::{Approval, ApprovalState, HeldCall},
    caller::Caller,
    ids::EntryId,
};
use countersign_store::{Effect, NewEntry, Store, Transaction, testing};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A store, and the directory that goes when the test is over.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) directory: tempfile::TempDir,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("facts.db").display());
        Self { store: Store::open(&url).await.unwrap(), url, directory }
    }

    pub(crate) async fn postgres() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "which server tests use is said outside")]
        let server = std::env::var(testing::POSTGRES_VARIABLE).ok()?;
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("store_{}_{count}", std::process::id());
        let url = testing::fresh_schema(&server, &name).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        Some(Self { store: Store::open(&url).await.unwrap(), url, directory })
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

/// Bytes that never come twice.
pub(crate) fn entropy() -> Entropy {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    Entropy::new(|bytes| {
        let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let places = bytes.iter_mut().rev().zip(count.iter().rev());
        places.for_each(|(slot, byte)| *slot = *byte);
    })
}

pub(crate) fn entry() -> EntryId {
    EntryId::new(NOW, &entropy())
}

/// Keeps an entry of some bytes in a transaction.
pub(crate) async fn keep(change: &mut Transaction, id: EntryId, about: &str, effect: Effect) {
    let entry = id.to_string().into_bytes();
    let new = NewEntry { id, gateway: "one", about, effect, entry: &entry };
    change.keep_entry(&new).await.unwrap();
}

/// Says that the ledger has all entries of gateway `one`.
pub(crate) async fn deliver(store: &Store) {
    let mut change = store.change().await.unwrap();
    let waiting = change.waiting_entries("one").await.unwrap();
    change.delivered(&waiting).await.unwrap();
    change.commit().await.unwrap();
}

pub(crate) fn grant(holder: &str) -> Grant {
    Grant {
        id: GrantId::new(NOW, &entropy()),
        version: 1,
        holder: Holder::Subject(holder.into()),
        functions: vec!["billing.refunds.create".into()],
        tags: vec![],
        reason: "support".to_owned(),
        constraints: vec![],
        rate: None,
        made_by: "olivia".into(),
        made_at: NOW,
        origin: countersign_model::GrantOrigin::Direct,
        successor_of: None,
        expires_at: None,
        certified: None,
        state: GrantState::Active,
    }
}

pub(crate) fn approval(subject: &str, digest: &str) -> Approval {
    let caller = Caller {
        subject: subject.into(),
        kind: CallerKind::Person,
        actors: vec![],
        client: None,
        issuer: "acme".into(),
        groups: BTreeSet::new(),
        scopes: BTreeSet::new(),
        name: None,
        email: None,
        expires_at: NOW.plus(Span::from_days(1)),
        issued: countersign_model::Issued::default(),
    };
    let call = HeldCall {
        caller,
        function: "billing.refunds.create".into(),
        target: "billing".into(),
        contract: Digest::of(b"contract"),
        purpose: "Pay back".to_owned(),
        sensitivity: Sensitivity::High,
        owners: vec![Subject::from("olivia")],
        sponsors: BTreeSet::new(),
        grants: vec![],
        certified_at: None,
        shown: serde_json::json!({"amount": 40}),
        hidden: vec![],
        sealed: vec![1, 2, 3],
    };
    Approval {
        id: ApprovalId::new(NOW, &entropy()),
        digest: Digest::of(digest.as_bytes()),
        call,
        reason: Reason::ApprovalRequired,
        sentence: "Refunds need a yes".to_owned(),
        demands: vec![],
        opened_at: NOW,
        answer_by: NOW.plus(Span::from_seconds(900)),
        within: Span::from_seconds(900),
        votes: vec![],
        state: ApprovalState::Pending,
    }
}
