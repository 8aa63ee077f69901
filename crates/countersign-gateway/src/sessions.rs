//! Which session a call belongs to: the one that the caller names, its trace, or all that it
//! called without a longer pause. A session has a key of its own, and its row is in the store
//! before anything is recorded under it.

use crate::{Inner, forward::chain, headers, resolve::Resolved};
use countersign_governance::{Governance, NewSession, SessionTouch};
use countersign_ledger::SessionKey;
use countersign_model::{Caller, SessionId, Span, Subject, Timestamp};
use http::HeaderMap;
use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How often counters are written to the store.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Sessions that are kept in memory at most; the ones that rested longest are forgotten first.
const SESSIONS_MAX: usize = 100_000;
/// The longest name that a caller may give a session, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// One session of this gateway.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) key: Arc<SessionKey>,
    counted: Mutex<Counted>,
    unwritten: Arc<Unwritten>,
}

/// Sessions with counters that are not written yet, also of sessions that are over or forgotten.
#[derive(Debug, Default)]
struct Unwritten(Mutex<Vec<Arc<Session>>>);

impl Unwritten {
    fn push(&self, session: Arc<Session>) {
        self.sessions().push(session);
    }

    fn take(&self) -> Vec<Arc<Session>> {
        mem::take(&mut *self.sessions())
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happened since the counters were last written.
#[derive(Debug, Default)]
struct Counted {
    last_at: Timestamp,
    /// Refused ones too.
    calls: u64,
    refused: u64,
    segments: BTreeSet<u64>,
}

/// By what a session is found again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    subject: Subject,
    actors: Vec<Subject>,
    name: Name,
}

impl Key {
    pub(crate) fn of(caller: &Caller, headers: &HeaderMap) -> Self {
        let (subject, actors) = (caller.subject.clone(), caller.actors.clone());
        Self { subject, actors, name: name(headers) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    /// The caller's own.
    Own(Box<str>),
    /// A W3C trace id.
    Trace(Box<str>),
    /// Neither: calls without a longer pause.
    Pause,
}

/// The sessions that this gateway knows.
#[derive(Debug)]
pub(crate) struct Sessions {
    governance: Governance,
    idle: Span,
    known: Mutex<HashMap<Key, Arc<Session>>>,
    /// One at a time opens a session, so that two calls of one run do not open two.
    opening: tokio::sync::Mutex<()>,
    unwritten: Arc<Unwritten>,
}

/// A session can't be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionRefused {
    #[error("the store can't take it")]
    Store(#[from] countersign_store::StoreError),
    #[error("its key can't be made")]
    Key(#[from] countersign_ledger::KeyError),
}

impl Sessions {
    pub(crate) fn new(governance: Governance, idle: Span) -> Self {
        Self {
            governance,
            idle,
            known: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            unwritten: Arc::default(),
        }
    }

    /// The session of a call.
    pub(crate) async fn of(
        &self,
        resolved: &Resolved,
        inner: &Inner,
    ) -> Result<Arc<Session>, SessionRefused> {
        let caller = resolved.caller();
        let key = Key::of(caller, &resolved.headers);
        let now = inner.now();
        match self.find(&key, now) {
            Some(session) => Ok(session),
            // Few calls open a session, and every call would carry the room for it.
            None => Box::pin(self.opened(key, resolved, now)).await,
        }
    }

    async fn opened(
        &self,
        key: Key,
        resolved: &Resolved,
        now: Timestamp,
    ) -> Result<Arc<Session>, SessionRefused> {
        let _one_at_a_time = self.opening.lock().await;
        if let Some(session) = self.find(&key, now) {
            return Ok(session);
        }
        let session = Arc::new(self.open(&key, resolved, now).await?);
        let mut known = self.known();
        if known.len() >= SESSIONS_MAX {
            forget(&mut known, SESSIONS_MAX, |session| session.counted().last_at);
        }
        known.insert(key, Arc::clone(&session));
        Ok(session)
    }

    /// Counts a call that did not run in its session, if there is one: refusals alone open none.
    pub(crate) fn refused(&self, key: &Key, now: Timestamp) {
        if let Some(session) = self.find(key, now) {
            session.count_refused(now);
        }
    }

    fn find(&self, key: &Key, now: Timestamp) -> Option<Arc<Session>> {
        let session = Arc::clone(self.known().get(key)?);
        (session.rested(now) < self.idle).then_some(session)
    }

    async fn open(
        &self,
        key: &Key,
        resolved: &Resolved,
        now: Timestamp,
    ) -> Result<Session, SessionRefused> {
        let entropy = self.governance.entropy();
        let id = SessionId::new(now, entropy);
        let mut fill = |bytes: &mut [u8]| entropy.fill(bytes);
        let session_key = SessionKey::generate(&mut fill)?;
        let wrapped = self.governance.master().wrap(&id.to_bytes(), &session_key, &mut fill)?;
        let title = match &key.name {
            Name::Own(name) => name.to_string(),
            Name::Trace(trace) => format!("trace {trace}"),
            Name::Pause => {
                // To the minute, as people read it.
                let now: String = now.to_string().replace('T', " ").chars().take(16).collect();
                format!("{} from {now} UTC", resolved.function().name.target())
            }
        };
        let row = NewSession {
            id,
            subject: key.subject.clone(),
            actors: key.actors.clone(),
            title,
            started_at: now,
            wrapped_key: wrapped,
        };
        let store = self.governance.store();
        store.open_sessions(&[row]).await?;
        let counted = Mutex::new(Counted { last_at: now, ..Counted::default() });
        let unwritten = Arc::clone(&self.unwritten);
        Ok(Session { id, key: Arc::new(session_key), counted, unwritten })
    }

    /// Writes the counters every second, forever.
    pub(crate) async fn keep(&self) {
        let mut tick = tokio::time::interval(FLUSH_EVERY);
        loop {
            tick.tick().await;
            self.flush().await;
        }
    }

    /// Writes what was counted since the last time. What can't be written is kept for the next.
    pub(crate) async fn flush(&self) {
        let touched: Vec<(Arc<Session>, Vec<SessionTouch>)> = self
            .unwritten
            .take()
            .into_iter()
            .map(|session| {
                let touches = session.touches();
                (session, touches)
            })
            .filter(|(_, touches)| !touches.is_empty())
            .collect();
        if touched.is_empty() {
            return;
        }
        let all: Vec<SessionTouch> =
            touched.iter().flat_map(|(_, touches)| touches).cloned().collect();
        if let Err(error) = self.governance.store().touch_sessions(&all).await {
            tracing::warn!(error = chain(&error), "sessions' counters can't be written");
            for (session, touches) in touched {
                session.give_back(touches);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Key, Arc<Session>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Counts a call that has ended.
    pub(crate) fn count(self: &Arc<Self>, now: Timestamp, segment: Option<u64>) {
        let mut counted = self.counted();
        counted.last_at = counted.last_at.max(now);
        counted.calls += 1;
        counted.segments.extend(segment);
        if counted.calls == 1 {
            self.unwritten.push(Arc::clone(self));
        }
    }

    fn count_refused(self: &Arc<Self>, now: Timestamp) {
        let mut counted = self.counted();
        counted.refused += 1;
        drop(counted);
        self.count(now, None);
    }

    fn rested(&self, now: Timestamp) -> Span {
        now.since(self.counted().last_at)
    }

    /// What was counted, one row for each segment; the calls stand in the first.
    fn touches(&self) -> Vec<SessionTouch> {
        let mut counted = self.counted();
        let mut calls = mem::take(&mut counted.calls);
        if calls == 0 {
            return Vec::new();
        }
        let mut refused = mem::take(&mut counted.refused);
        let segments = mem::take(&mut counted.segments);
        let none = segments.is_empty().then_some(None);
        let last_at = counted.last_at;
        none.into_iter()
            .chain(segments.into_iter().map(Some))
            .map(|segment| SessionTouch {
                id: self.id,
                last_at,
                calls: mem::take(&mut calls),
                refused: mem::take(&mut refused),
                segment,
            })
            .collect()
    }

    fn give_back(self: &Arc<Self>, touches: Vec<SessionTouch>) {
        let mut counted = self.counted();
        for touch in touches {
            counted.calls += touch.calls;
            counted.refused += touch.refused;
            counted.segments.extend(touch.segment);
        }
        self.unwritten.push(Arc::clone(self));
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room: forgets the quarter that rested longest. Whoever calls in one of those again begins
/// a new session.
fn forget<K, V>(known: &mut HashMap<K, V>, max: usize, last_at: impl Fn(&V) -> Timestamp) {
    let mut last: Vec<Timestamp> = known.values().map(&last_at).collect();
    let quarter = (max / 4).min(last.len().saturating_sub(1));
    if last.is_empty() {
        return;
    }
    let (_, cut, _) = last.select_nth_unstable(quarter);
    let cut = *cut;
    known.retain(|_, value| last_at(value) > cut);
}

fn name(from: &HeaderMap) -> Name {
    let own = from.get(&headers::SESSION).and_then(|it| it.to_str().ok());
    if let Some(own) = own.filter(|it| !it.is_empty() && it.len() <= NAME_BYTES_MAX) {
        return Name::Own(own.into());
    }
    // W3C Trace Context §3.2: version, trace id, parent id, flags.
    let trace = from.get(&headers::TRACE).and_then(|it| it.to_str().ok());
    let trace = trace.and_then(|it| it.split('-').nth(1));
    let named = |it: &&str| {
        // All zeros name no trace (§3.2.2.3).
        it.len() == 32
            && it.bytes().all(|it| it.is_ascii_hexdigit())
            && it.bytes().any(|it| it != b'0')
    };
    match trace.filter(named) {
        Some(trace) => Name::Trace(trace.into()),
        None => Name::Pause,
    }
}

#[cfg(test)]
mod tests;
