//! Functions that nobody answers for any more (R7): each of their owners is suspended or deactivated. They
//! take no new grants, and after a time of grace their calls stop, until somebody answers for them again.
//! Owners who never signed in live: a catalog may name people before they come.

use crate::{Governance, Unavailable, approvals::Stopped};
use countersign_model::{
    FunctionName, Snapshot, Span, Subject, Timestamp,
    record::{Entry, Event, StopChanged, StopState},
    snapshot::Unowned,
};
use countersign_store::{Effect, Written};
use serde::Serialize;
use std::collections::BTreeSet;

/// How long a function may be without anybody who answers for it, unless the configuration says another.
pub const OWNER_GRACE: Span = Span::from_days(14);

/// A function that nobody answers for any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnownedFunction {
    /// Which.
    pub function: FunctionName,
    /// Its owners, none of whom may do anything here.
    pub owners: Vec<Subject>,
    /// When that was first seen; absent in its first moments.
    pub seen_at: Option<Timestamp>,
    /// When its calls stop, or stopped.
    pub stops_at: Option<Timestamp>,
    /// Whether its calls are stopped.
    pub is_stopped: bool,
}

impl Governance {
    /// Functions that nobody answers for any more, by name.
    pub fn unowned(&self) -> Vec<UnownedFunction> {
        let snapshot = self.policy().load();
        let mut unowned: Vec<UnownedFunction> =
            snapshot.unowned().map(|(name, noted)| self.finding(&snapshot, name, noted)).collect();
        unowned.sort_by(|one, other| one.function.cmp(&other.function));
        unowned
    }

    fn finding(
        &self,
        snapshot: &Snapshot,
        name: &FunctionName,
        noted: Option<&Unowned>,
    ) -> UnownedFunction {
        let function = snapshot.catalog().by_name(name.as_str());
        let stopped_at = noted.and_then(|it| it.stopped_at);
        UnownedFunction {
            function: name.clone(),
            owners: function.map(|(_, it)| it.owners.clone()).unwrap_or_default(),
            seen_at: noted.map(|it| it.seen_at),
            stops_at: stopped_at.or_else(|| Some(noted?.seen_at.plus(self.0.owner_grace))),
            is_stopped: stopped_at.is_some(),
        }
    }

    /// Notes which functions nobody answers for, stops those for which that has been so for too long, and
    /// forgets those that somebody answers for again. Every gateway looks; each thing happens once.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn watch_owners(&self) -> Result<(), Unavailable> {
        let snapshot = self.policy().load();
        let noted = self.store().view().await?.unowned().await?;
        let known: BTreeSet<&FunctionName> = noted.iter().map(|it| &it.function).collect();
        let new: Vec<FunctionName> = (snapshot.unowned())
            .map(|(name, _)| name)
            .filter(|it| !known.contains(it))
            .cloned()
            .collect();
        if !new.is_empty() {
            self.note_unowned(&new).await?;
        }
        let now = self.clock().now();
        for noted in noted {
            let is_unowned = snapshot.is_unowned(&noted.function);
            match (is_unowned, noted.stopped_at) {
                (false, _) => self.forget_unowned(&noted, now).await?,
                (true, None) if now >= noted.seen_at.plus(self.0.owner_grace) => {
                    self.stop_unowned(&noted, now).await?;
                }
                (true, None | Some(_)) => {}
            }
        }
        Ok(())
    }

    async fn note_unowned(&self, new: &[FunctionName]) -> Result<(), Unavailable> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.next_epoch().await?;
        for function in new {
            match change.saw_unowned(function, now).await? {
                Written::Done => {
                    tracing::warn!(%function, "nobody answers for a function any more")
                }
                // Another gateway was first.
                Written::Conflict => {}
            }
        }
        change.commit().await?;
        self.refresh().await
    }

    async fn stop_unowned(&self, noted: &Unowned, now: Timestamp) -> Result<(), Unavailable> {
        let mut change = self.store().change().await?;
        change.next_epoch().await?;
        match change.stop_unowned(noted, now).await? {
            Written::Done => {}
            Written::Conflict => return Ok(()),
        }
        let by = itself();
        let why = format!("nobody answers for it since {}", noted.seen_at.date());
        let event = event(&by, &noted.function, StopState::Stopped, why);
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, noted.function.as_str(), Effect::AtCommit).await?;
        let stopped = Stopped::Unowned(&noted.function);
        let ended = self.end_requests(&mut change, stopped, &by, now).await?;
        change.commit().await?;
        let settled = self.settle(Effect::AtCommit).await;
        self.after_end(ended, stopped, &by).await?;
        settled
    }

    /// What lets calls go on is that somebody answers for it again, which has an entry of its own; here
    /// only the note goes, so that it ends nothing later.
    async fn forget_unowned(&self, noted: &Unowned, now: Timestamp) -> Result<(), Unavailable> {
        let mut change = self.store().change().await?;
        change.next_epoch().await?;
        match change.forget_unowned(noted).await? {
            Written::Done => {}
            Written::Conflict => return Ok(()),
        }
        if noted.stopped_at.is_some() {
            let why = "somebody answers for it, or it is not in the catalog any more".to_owned();
            let event = event(&itself(), &noted.function, StopState::Resumed, why);
            let entry = Entry::new(self.new_entry(now), now, event);
            self.keep(&mut change, entry, noted.function.as_str(), Effect::AtCommit).await?;
        }
        change.commit().await?;
        self.settle(Effect::AtCommit).await
    }
}

/// Of these functions, the first that nobody answers for: it takes no new grants (R7).
pub(crate) fn unowned_among<'f>(
    snapshot: &Snapshot,
    functions: impl IntoIterator<Item = &'f FunctionName>,
) -> Option<&'f FunctionName> {
    functions.into_iter().find(|it| snapshot.is_unowned(it))
}

/// Who stops what nobody answers for, as the ledger names it.
fn itself() -> Subject {
    Subject::from("countersign:owners")
}

fn event(by: &Subject, function: &FunctionName, now: StopState, why: String) -> Event {
    Event::StopChanged(StopChanged {
        by: by.clone(),
        what: format!("function:{function}"),
        now,
        why,
    })
}
