//! Sessions and the recordings of their calls, for those who may see them. Whoever looks is written
//! into the ledger before anything is shown.

use crate::{
    asker::Asker,
    console::Console,
    problem::Problem,
    sight::{self, SessionSight},
};
use countersign_governance::{SessionFilter, SessionRow};
use countersign_ledger::{SegmentReader, SessionKey};
use countersign_model::{
    SessionId, Subject,
    exchange::Exchange,
    ids::EntryId,
    record::{Entry, Event, RecordViewed},
};
use std::path::PathBuf;

/// A session that somebody looks at.
#[derive(Debug)]
pub(crate) struct Viewed {
    pub(crate) session: SessionRow,
    /// The calls that the asker may see, in the order in which they left.
    pub(crate) calls: Vec<Recorded>,
    /// Recorded calls that they may not see.
    pub(crate) unseen: usize,
    /// Recordings that can't be read.
    pub(crate) unreadable: usize,
    /// Whether there are more calls than one look shows.
    pub(crate) is_cut: bool,
}

/// A call's recording.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) exchange: Exchange,
    /// The bytes that the ledger commits to.
    pub(crate) payload: Vec<u8>,
}

/// Sessions that an asker may see, newest first, and the last one that was looked at, where to go on.
pub(crate) async fn list(
    console: &Console,
    asker: &Asker,
    subject: Option<Subject>,
    before: Option<SessionId>,
    limit: usize,
) -> Result<(Vec<SessionRow>, Option<SessionId>), Problem> {
    let snapshot = console.governance().policy().load();
    let mut found = Vec::new();
    let mut before = before;
    for _ in 0..LIST_PAGES_MAX {
        let filter = SessionFilter { subject: subject.clone(), before, limit: LIST_PAGE };
        let rows = console.governance().sessions(filter).await?;
        let is_last = rows.len() < usize::try_from(LIST_PAGE).unwrap_or(usize::MAX);
        for row in rows {
            before = Some(row.id);
            match sight::session(&asker.actor, &snapshot, &row) {
                SessionSight::Whole => found.push(row),
                SessionSight::OwnFunctions => {}
            }
            if found.len() == limit {
                return Ok((found, before));
            }
        }
        if is_last {
            return Ok((found, None));
        }
    }
    Ok((found, before))
}

/// A session and its recordings. That the asker looked stands in the ledger before this answers.
pub(crate) async fn view(console: &Console, asker: &Asker, id: &str) -> Result<Viewed, Problem> {
    let absent = || Problem::not_found("session");
    let id: SessionId = id.parse().map_err(|_| absent())?;
    let governance = console.governance();
    let session = governance.session(id).await?.ok_or_else(absent)?;
    let snapshot = governance.policy().load();
    let sight = sight::session(&asker.actor, &snapshot, &session);
    let owns_any =
        snapshot.catalog().functions.iter().any(|it| it.owners.contains(asker.actor.subject()));
    if sight == SessionSight::OwnFunctions && !owns_any {
        return Err(absent());
    }
    let (mut calls, unreadable) = match governance.session_key(id).await? {
        None => (Vec::new(), 0),
        Some(key) => read(console.parts.recordings_directory.clone(), id, key).await?,
    };
    let all = calls.len();
    match sight {
        SessionSight::Whole => {}
        SessionSight::OwnFunctions => {
            calls.retain(|it| sight::owns(&asker.actor, &snapshot, it.exchange.function.as_str()))
        }
    }
    if sight == SessionSight::OwnFunctions && calls.is_empty() {
        return Err(absent());
    }
    let unseen = all - calls.len();
    calls.sort_by_key(|it| (it.exchange.at, it.exchange.call));
    let is_cut = all >= CALLS_MAX;
    write_down(console, asker, id).await?;
    Ok(Viewed { session, calls, unseen, unreadable, is_cut })
}

async fn write_down(console: &Console, asker: &Asker, session: SessionId) -> Result<(), Problem> {
    let (now, governance) = (console.now(), console.governance());
    let event = Event::RecordViewed(RecordViewed { by: asker.actor.subject().clone(), session });
    let entry = Entry::new(EntryId::new(now, governance.entropy()), now, event);
    governance.ledger().append(entry.to_bytes()).await.map(drop).map_err(|error| {
        tracing::warn!(%error, "a look at a session can't be written into the ledger");
        Problem::unavailable("The ledger can't be written, and nothing is shown without a record.")
    })
}

async fn read(
    directory: PathBuf,
    id: SessionId,
    key: SessionKey,
) -> Result<(Vec<Recorded>, usize), Problem> {
    let read = tokio::task::spawn_blocking(move || read_now(&directory, id, &key)).await;
    read.map_err(|_| Problem::internal())?.map_err(|error| {
        tracing::warn!(%error, "the recordings can't be read");
        Problem::unavailable("The recordings can't be read.")
    })
}

fn read_now(
    directory: &std::path::Path,
    id: SessionId,
    key: &SessionKey,
) -> Result<(Vec<Recorded>, usize), countersign_ledger::RecordingError> {
    let reader = SegmentReader::open(directory);
    let wanted = id.to_bytes();
    let (mut calls, mut unreadable) = (Vec::new(), 0);
    for frame in reader.frames()? {
        // A damaged frame says no more whose it was.
        let Ok(frame) = frame else { continue };
        if frame.session_id != wanted {
            continue;
        }
        let Ok(payloads) = reader.read(frame.segment, frame.offset, key) else {
            unreadable += frame.items.len();
            continue;
        };
        for payload in payloads {
            if calls.len() >= CALLS_MAX {
                return Ok((calls, unreadable));
            }
            match Exchange::from_bytes(&payload.bytes) {
                Ok(exchange)
                    if exchange.session == id && exchange.call.to_bytes() == payload.call_id =>
                {
                    calls.push(Recorded { exchange, payload: payload.bytes });
                }
                Ok(_) | Err(_) => unreadable += 1,
            }
        }
    }
    Ok((calls, unreadable))
}

/// Calls of a session that one look shows.
pub(crate) const CALLS_MAX: usize = 1_000;
const LIST_PAGE: u32 = 200;
/// Sessions that are looked through for one list: this many pages.
const LIST_PAGES_MAX: usize = 5;
