//! The newest recorded calls of some subjects, judged one by one. Bounded in sessions, bytes and calls.

use super::{Tally, judge::Judge};
use crate::{Actor, Governance, GrantError, SessionFilter, SessionRow, Unavailable};
use countersign_ledger::{FrameIndex, SegmentReader, SessionKey};
use countersign_model::{
    FunctionName, SessionId, Subject, Timestamp,
    exchange::Exchange,
    ids::EntryId,
    record::{Entry, Event, RecordViewed},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Sessions whose recordings are read at most, of all subjects together.
const SESSIONS_MAX: usize = 64;
/// Subjects whose sessions are looked for.
const SUBJECTS_MAX: usize = 16;
/// Calls that are judged at most.
const CALLS_MAX: u64 = 2_000;
/// Bytes of segments that are read at most, about.
const BYTES_MAX: u64 = 128 * 1024 * 1024;
/// The first status of calls that failed (RFC 9110 §15.5).
const FAILED_FROM: u16 = 400;

/// What is looked through, away from the threads that calls run on.
struct Look {
    directory: PathBuf,
    judge: Arc<Judge>,
    holders: BTreeSet<Subject>,
    since: Timestamp,
    keys: BTreeMap<SessionId, SessionKey>,
    /// The newest last.
    segments: BTreeSet<u64>,
}

impl Governance {
    /// What would become of the newest recorded calls, by function.
    pub(super) async fn read_calls(
        &self,
        actor: &Actor,
        judge: &Arc<Judge>,
        holders: BTreeSet<Subject>,
        since: Timestamp,
        recordings: &Path,
    ) -> Result<BTreeMap<FunctionName, Tally>, GrantError> {
        let sessions = self.newest_sessions(&holders, since).await?;
        let mut look = Look {
            directory: recordings.to_path_buf(),
            judge: Arc::clone(judge),
            holders,
            since,
            keys: BTreeMap::new(),
            segments: BTreeSet::new(),
        };
        for session in sessions {
            let mut view = self.store().view().await.map_err(Unavailable::from)?;
            let wrapped = view.wrapped_key(session.id).await.map_err(Unavailable::from)?;
            // Of an erased session, and of one under another master key, nothing is known.
            let key =
                wrapped.and_then(|it| self.master().unwrap_key(&session.id.to_bytes(), &it).ok());
            if let Some(key) = key {
                look.keys.insert(session.id, key);
                look.segments.extend(session.segments);
            }
        }
        let read: Vec<SessionId> = look.keys.keys().copied().collect();
        self.say_viewed(actor, &read).await?;
        // If reading fails, nothing is known of these calls, which is what the answer then says.
        Ok(tokio::task::spawn_blocking(move || look.run()).await.unwrap_or_default())
    }

    async fn newest_sessions(
        &self,
        holders: &BTreeSet<Subject>,
        since: Timestamp,
    ) -> Result<Vec<SessionRow>, Unavailable> {
        let mut found = Vec::new();
        let mut view = self.store().view().await?;
        for subject in holders.iter().take(SUBJECTS_MAX) {
            let limit = u32::try_from(SESSIONS_MAX).unwrap_or(u32::MAX);
            let filter = SessionFilter { subject: Some(subject.clone()), before: None, limit };
            found.extend(view.sessions(&filter).await?);
        }
        found.retain(|it| it.last_at >= since);
        found.sort_by_key(|it| std::cmp::Reverse(it.last_at));
        found.dedup_by_key(|it| it.id);
        found.truncate(SESSIONS_MAX);
        Ok(found)
    }

    /// Whoever looks at recordings is in the ledger before anything is told.
    async fn say_viewed(&self, actor: &Actor, sessions: &[SessionId]) -> Result<(), Unavailable> {
        let now = self.clock().now();
        let entries = sessions.iter().map(|session| {
            let by = actor.person.subject.clone();
            let event = Event::RecordViewed(RecordViewed { by, session: *session });
            let entry = Entry::new(EntryId::new(now, self.entropy()), now, event);
            self.ledger().append(entry.to_bytes())
        });
        for written in futures_util::future::join_all(entries).await {
            written?;
        }
        Ok(())
    }
}

impl Look {
    fn run(&self) -> BTreeMap<FunctionName, Tally> {
        let reader = SegmentReader::open(&self.directory);
        let (mut found, mut calls, mut bytes) = (BTreeMap::new(), 0, 0);
        for segment in self.segments.iter().rev() {
            if bytes >= BYTES_MAX || calls >= CALLS_MAX {
                break;
            }
            // A segment that is on another gateway, or gone, says nothing.
            let Ok((frames, read)) = reader.frames_in(*segment, 0) else { continue };
            bytes += read;
            let frames: Vec<FrameIndex> = frames.flatten().collect();
            for frame in frames.iter().rev() {
                if calls >= CALLS_MAX {
                    break;
                }
                self.frame(&reader, frame, &mut found, &mut calls);
            }
        }
        found
    }

    fn frame(
        &self,
        reader: &SegmentReader,
        frame: &FrameIndex,
        found: &mut BTreeMap<FunctionName, Tally>,
        calls: &mut u64,
    ) {
        let session = SessionId::from_bytes(frame.session_id);
        let Some(key) = self.keys.get(&session) else { return };
        let Ok(payloads) = reader.read(frame.segment, frame.offset, key) else { return };
        for payload in payloads.iter().rev() {
            let Ok(call) = Exchange::from_bytes(&payload.bytes) else { continue };
            let is_right = call.session == session && call.call.to_bytes() == payload.call_id;
            if is_right && self.counts(&call) && *calls < CALLS_MAX {
                found.entry(call.function.clone()).or_default().add(self.judge.judge(&call), 1);
                *calls += 1;
            }
        }
    }

    /// Whether a call is one of those that are asked about.
    fn counts(&self, call: &Exchange) -> bool {
        let mut chain = std::iter::once(&call.who.subject).chain(&call.who.actors);
        call.at >= self.since
            && (1..FAILED_FROM).contains(&call.status)
            && self.judge.reaches(&call.function)
            && chain.any(|it| self.holders.contains(it))
    }
}
