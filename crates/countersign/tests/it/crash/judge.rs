//! What the ledger and the recordings must say after all kills, from their files alone.

use super::book::{Acknowledged, Book, Kind};
use crate::lab::{EMAIL, MASTER, World};
use countersign_governance::Store;
use countersign_ledger::{MasterKey, SegmentReader, SessionKey, commitment};
use countersign_model::{
    Digest, SessionId,
    exchange::Exchange,
    ids::EntryId,
    record::{CallIntent, CallOutcome, Entry, Event, GatewayState},
};
use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry as MapEntry};

/// What the ledger says of calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    intents: BTreeMap<String, CallIntent>,
    outcomes: BTreeMap<String, CallOutcome>,
}

/// Reads the ledger and judges it against what the target saw and what callers were told.
pub(super) fn entries(world: &World, book: &Book, kills: usize) -> Calls {
    let entries = world.entries();
    only_redelivered_twice(&entries);
    let calls = Calls::read(&entries);

    let arrivals = world.arrivals.all();
    let mut arrived = BTreeSet::new();
    for (call, path) in &arrivals {
        assert!(arrived.insert(call), "{call} reached {path} twice");
        assert!(calls.intents.contains_key(call), "{call} reached {path} without an intent");
    }
    let acknowledged = book.acknowledged();
    for told in &acknowledged {
        let outcome = calls.outcomes.get(&told.call);
        let outcome = outcome.unwrap_or_else(|| unreachable!("{told:?} has no outcome"));
        assert_eq!(outcome.status, 200, "{told:?}");
        assert_eq!(outcome.recording.is_some(), told.kind != Kind::Plain, "{told:?}");
        assert!(arrived.contains(&told.call), "{told:?} never reached the target");
    }
    let of_state = |wanted| {
        let is = |it: &&Entry| matches!(&it.event, Event::Gateway(event) if event.now == wanted);
        entries.iter().filter(is).count()
    };
    assert_eq!(of_state(GatewayState::Started), kills + 1, "every start is there");
    assert_eq!(of_state(GatewayState::Stopped), 1, "one end was in good order");

    // What shows that the kills came in the middle of calls.
    let unknown = calls.intents.len() - calls.outcomes.len();
    let unheard = arrived.len() - acknowledged.len();
    println!(
        "{} entries, {} intents, {unknown} without outcome; {unheard} arrived and were not \
         acknowledged",
        entries.len(),
        calls.intents.len(),
    );
    assert!(acknowledged.len() >= 10 * kills, "too little load: the test shows nothing");
    assert!(unknown >= kills && unheard >= kills, "too few calls were cut: it shows nothing");
    calls
}

/// An entry may stand twice where it came from the outbox, byte by byte the same; no other may.
fn only_redelivered_twice(entries: &[Entry]) {
    let mut seen: HashMap<EntryId, &Entry> = HashMap::new();
    for entry in entries {
        let Some(before) = seen.insert(entry.id, entry) else { continue };
        assert_eq!(before, entry, "two entries have one name");
        match &entry.event {
            Event::ApprovalOpened(_)
            | Event::ApprovalChanged(_)
            | Event::GrantChanged(_)
            | Event::GrantRequested(_)
            | Event::GrantRequestChanged(_)
            | Event::DenialChanged(_)
            | Event::CatalogApplied(_)
            | Event::StopChanged(_)
            | Event::MembershipChanged(_)
            | Event::ApiKeyChanged(_)
            | Event::PasskeyChanged(_)
            | Event::ReviewOpened(_)
            | Event::ReviewDecided(_)
            | Event::ReviewChanged(_)
            | Event::ReviewSignedOff(_)
            | Event::ReviewClosed(_)
            | Event::ReviewEvidence(_)
            | Event::DelegateChanged(_)
            | Event::NoticeSent(_) => {}
            Event::CallIntent(_)
            | Event::CallOutcome(_)
            | Event::CallRefused(_)
            | Event::RecordViewed(_)
            | Event::TokenAsked(_)
            | Event::Gateway(_) => unreachable!("{entry:?} stands twice"),
        }
    }
}

impl Calls {
    /// One intent for a call, and after it at most one outcome.
    fn read(entries: &[Entry]) -> Self {
        let mut calls = Self::default();
        for entry in entries {
            match &entry.event {
                Event::CallIntent(intent) => {
                    let before = calls.intents.insert(intent.call.to_string(), (**intent).clone());
                    assert_eq!(before, None, "{} has two intents", intent.call);
                }
                Event::CallOutcome(outcome) => {
                    let call = outcome.call.to_string();
                    assert!(calls.intents.contains_key(&call), "{call}: outcome before intent");
                    let before = calls.outcomes.insert(call, outcome.clone());
                    assert_eq!(before, None, "{} has two outcomes", outcome.call);
                }
                Event::CallRefused(refused) => {
                    let call = refused.call.to_string();
                    assert!(!calls.intents.contains_key(&call), "{call} left and was refused");
                }
                Event::ApprovalOpened(_)
                | Event::ApprovalChanged(_)
                | Event::GrantChanged(_)
                | Event::GrantRequested(_)
                | Event::GrantRequestChanged(_)
                | Event::DenialChanged(_)
                | Event::CatalogApplied(_)
                | Event::StopChanged(_)
                | Event::MembershipChanged(_)
                | Event::ApiKeyChanged(_)
                | Event::DelegateChanged(_)
                | Event::PasskeyChanged(_)
                | Event::RecordViewed(_)
                | Event::NoticeSent(_)
                | Event::TokenAsked(_)
                | Event::ReviewOpened(_)
                | Event::ReviewDecided(_)
                | Event::ReviewChanged(_)
                | Event::ReviewSignedOff(_)
                | Event::ReviewClosed(_)
                | Event::ReviewEvidence(_)
                | Event::Gateway(_) => {}
            }
        }
        calls
    }

    /// The session that a call belongs to.
    pub(super) fn session(&self, call: &str) -> SessionId {
        self.intents[call].session
    }

    /// Every recording that an acknowledged call's outcome commits to opens with its session's key,
    /// is what was committed to, and is masked.
    pub(super) async fn recordings(&self, world: &World, acknowledged: &[Acknowledged]) {
        let state = world.path().join("state");
        let store = format!("sqlite:{}", state.join("store.sqlite").display());
        let store = Store::open(&store).await.unwrap();
        let master = MasterKey::from_bytes(&MASTER).unwrap();
        let reader = SegmentReader::open(&state.join("recordings"));
        let mut keys: HashMap<[u8; 16], SessionKey> = HashMap::new();
        let mut kept: BTreeMap<String, Exchange> = BTreeMap::new();
        for frame in reader.frames().unwrap() {
            let frame = frame.unwrap();
            let session = frame.session_id;
            let row = store.view().await.unwrap().session(SessionId::from_bytes(session)).await;
            // What a kill kept from being written down was found again at the next start.
            let named = row.unwrap().unwrap().segments;
            assert!(named.contains(&frame.segment), "{named:?} lacks {}", frame.segment);
            let key = match keys.entry(session) {
                MapEntry::Occupied(known) => known.into_mut(),
                MapEntry::Vacant(new) => {
                    let mut view = store.view().await.unwrap();
                    let wrapped = view.wrapped_key(SessionId::from_bytes(session)).await.unwrap();
                    new.insert(master.unwrap_key(&session, &wrapped.unwrap()).unwrap())
                }
            };
            for payload in reader.read(frame.segment, frame.offset, key).unwrap() {
                let exchange = Exchange::from_bytes(&payload.bytes).unwrap();
                let digest = Digest(commitment(&exchange.salt.0, &payload.bytes));
                let call = exchange.call.to_string();
                // A crash between the recording's sync and the entry's leaves one without the other.
                if let Some(outcome) = self.outcomes.get(&call) {
                    assert_eq!(outcome.recording, Some(digest), "{call}: another recording");
                }
                kept.insert(call, exchange);
            }
        }
        store.close().await;
        for told in acknowledged.iter().filter(|it| it.kind != Kind::Plain) {
            let exchange = kept.get(&told.call);
            let exchange = exchange.unwrap_or_else(|| unreachable!("{told:?} has no recording"));
            let response = exchange.response.as_deref().unwrap_or_default();
            let shows = response.contains(EMAIL);
            assert!(!shows || told.kind != Kind::Masked, "{told:?} is not masked");
        }
    }
}
