//! Sessions and the recordings of their calls, for those who may see them. Whoever looks is written
//! into the ledger before anything is shown.

mod bookmark;
mod search;

pub(crate) use bookmark::Bookmark;
pub(crate) use search::{Looked, Read, Recorded};

use crate::{
    asker::Asker,
    console::Console,
    problem::Problem,
    sight::{self, SessionSight},
};
use countersign_governance::{SessionFilter, SessionRow};
use countersign_model::{
    CallId, FunctionName, SessionId, Subject,
    ids::EntryId,
    record::{Entry, Event, RecordViewed},
};
use search::Search;
use std::{collections::BTreeSet, path::PathBuf};

/// A session that somebody looks at.
#[derive(Debug)]
pub(crate) struct Viewed {
    pub(crate) session: SessionRow,
    /// What was read of its recordings.
    pub(crate) read: Read,
}

/// Which recordings of a session somebody wants to see.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// Calls from a place on, or from the first, so many at most.
    Calls(Option<Bookmark>, usize),
    /// One call, at this place if that is known.
    Call(CallId, Option<Bookmark>),
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

/// A session and some of its recordings. That the asker looked stands in the ledger before this
/// answers.
pub(crate) async fn view(
    console: &Console,
    asker: &Asker,
    id: &str,
    wanted: Wanted,
) -> Result<Viewed, Problem> {
    let absent = || Problem::not_found("session");
    let id: SessionId = id.parse().map_err(|_| absent())?;
    let governance = console.governance();
    let session = governance.session(id).await?.ok_or_else(absent)?;
    let snapshot = governance.policy().load();
    let sight = sight::session(&asker.actor, &snapshot, &session);
    let owned: Option<BTreeSet<FunctionName>> = match sight {
        SessionSight::Whole => None,
        SessionSight::OwnFunctions => Some(sight::owned(&asker.actor, &snapshot)),
    };
    if owned.as_ref().is_some_and(BTreeSet::is_empty) {
        return Err(absent());
    }
    let read = match governance.session_key(id).await? {
        None => Read::default(),
        Some(key) => {
            let index = governance.recordings_index();
            let search = Search { session: session.clone(), key, owned, wanted, index };
            read(console.parts.recordings_directory.clone(), search).await?
        }
    };
    if sight == SessionSight::OwnFunctions && read.calls.is_empty() {
        return Err(absent());
    }
    write_down(console, asker, id).await?;
    Ok(Viewed { session, read })
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

async fn read(directory: PathBuf, search: Search) -> Result<Read, Problem> {
    let read = tokio::task::spawn_blocking(move || search.run(&directory)).await;
    read.map_err(|_| Problem::internal())?.map_err(|error| {
        tracing::warn!(%error, "the recordings can't be read");
        Problem::unavailable("The recordings can't be read.")
    })
}

const LIST_PAGE: u32 = 200;
/// Sessions that are looked through for one list: this many pages.
const LIST_PAGES_MAX: usize = 5;
