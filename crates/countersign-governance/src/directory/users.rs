//! People of a directory: whoever is not active is barred, and so is a name that nobody has any more.

use super::{Directory, DirectoryError};
use crate::{
    Governance, Unavailable,
    approvals::{EndedRequests, Stopped},
    grants::{GrantError, GrantStep, GrantWritten},
};
use countersign_model::{
    GrantId, GrantState, Holder, Subject, Timestamp, Whose,
    record::{Entry, Event, GrantChange, StopChanged, StopState},
    snapshot::Deactivation,
};
use countersign_store::{
    DirectoryKey, DirectoryKind, DirectoryRow, Effect, GrantRow, Transaction, Written,
};

/// Users of one directory at most.
const USERS_MAX: u64 = 200_000;

/// What a directory says of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFacts {
    /// `userName` in lower case.
    pub name: String,
    /// The directory's own name for them.
    pub external_id: Option<String>,
    /// Who they are here.
    pub subject: Subject,
    /// Whether they may work.
    pub active: Active,
    /// The resource as JSON.
    pub document: String,
}

/// Whether somebody may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Active {
    /// They may.
    Yes,
    /// They left, or are stopped.
    No,
}

/// What follows from a change of a user.
#[derive(Debug, Default)]
struct Follows {
    /// Names that are barred from now on.
    bars: Vec<Subject>,
    /// Names that are barred no longer.
    lifts: Vec<Subject>,
    /// Names that pass from somebody who is gone.
    passes: Vec<Subject>,
}

impl Governance {
    /// Takes up a person.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn add_user(
        &self,
        directory: &Directory,
        user: UserFacts,
    ) -> Result<DirectoryRow, DirectoryError> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let row = row(self.resource_id(), &user, 1, now, now);
        directory.add(&mut change, DirectoryKind::User, &row, USERS_MAX).await?;
        let mut follows = Follows::default();
        follows.has_name(&mut change, directory, &row.id, &user).await?;
        self.follow(change, directory, follows, &row.id, now).await?;
        Ok(row)
    }

    /// Writes what a directory says of a person now. `before` is as it was read.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn write_user(
        &self,
        directory: &Directory,
        before: &DirectoryRow,
        user: UserFacts,
    ) -> Result<DirectoryRow, DirectoryError> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let key = DirectoryKey::Id(&before.id);
        let stored = change.directory_row(&directory.name, DirectoryKind::User, key).await?;
        let stored = stored.ok_or(DirectoryError::NotFound)?;
        let mut next = row(before.id.clone(), &user, before.revision, stored.made_at, now);
        directory.write(&mut change, DirectoryKind::User, &mut next).await?;
        let mut follows = Follows::default();
        if stored.here != next.here {
            // Nobody has this name any more, whatever tokens say.
            follows.bars.push(Subject::new(stored.here));
        }
        follows.has_name(&mut change, directory, &next.id, &user).await?;
        self.follow(change, directory, follows, &next.id, now).await?;
        Ok(next)
    }

    /// Forgets a person. Their name stays barred until somebody has it.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn remove_user(
        &self,
        directory: &Directory,
        before: &DirectoryRow,
    ) -> Result<(), DirectoryError> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let kind = DirectoryKind::User;
        let stored = directory.unchanged(&mut change, kind, before).await?;
        directory.forget(&mut change, kind, &stored.id).await?;
        let bars = vec![Subject::new(stored.here)];
        let follows = Follows { bars, ..Follows::default() };
        self.follow(change, directory, follows, &before.id, now).await
    }

    /// Writes what follows beside the change, commits, and brings it into force.
    async fn follow(
        &self,
        mut change: Transaction,
        directory: &Directory,
        follows: Follows,
        user: &str,
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let by = directory.as_subject();
        let regrouped = self.regroup(&mut change, directory, [user.to_owned()].into(), now).await?;
        if follows.bars.is_empty() && follows.lifts.is_empty() && follows.passes.is_empty() {
            return Ok(self.settle_regrouped(change, &regrouped).await?);
        }
        let mut ended = Vec::new();
        let mut written = Vec::new();
        if !follows.bars.is_empty() || !follows.passes.is_empty() {
            change.next_epoch().await?;
        }
        for subject in &follows.passes {
            written.extend(self.end_grants(&mut change, subject, &by, now).await?);
        }
        let name = &directory.name;
        for subject in follows.bars {
            let deactivation = Deactivation {
                subject,
                directory: name.clone(),
                at: now,
                letters: directory.letters,
            };
            let requests = self.bar(&mut change, &deactivation, &by).await?;
            ended.push((deactivation, requests));
        }
        let lifted = !follows.lifts.is_empty();
        for subject in &follows.lifts {
            let id = self.new_entry(now);
            match change.lift_deactivation(name, subject, id).await? {
                Written::Done | Written::Conflict => {}
            }
            let why = format!("active in the directory {name}");
            let entry = Entry::new(id, now, event(&by, subject, StopState::Resumed, why));
            self.keep(&mut change, entry, subject.as_str(), Effect::AtDelivery).await?;
        }
        change.commit().await?;
        let mut settled = self.settle(Effect::AtCommit).await;
        if lifted || regrouped.gives() == Some(Effect::AtDelivery) {
            // What gives rights is in force when the ledger has it, which has been delivered now.
            settled = settled.and(self.settle(Effect::AtDelivery).await);
        }
        for (deactivation, requests) in ended {
            self.after_end(requests, Stopped::Deactivated(&deactivation), &by).await?;
        }
        for step in written {
            self.after_change(step).await?;
        }
        Ok(settled?)
    }

    /// Bars a subject: it is signed out, and nobody is asked about its calls any more.
    async fn bar(
        &self,
        change: &mut Transaction,
        deactivation: &Deactivation,
        by: &Subject,
    ) -> Result<EndedRequests, Unavailable> {
        let Deactivation { subject, directory, at, .. } = deactivation;
        change.deactivate(deactivation).await?;
        let why = format!("not active in the directory {directory}");
        // What was issued before is worth nothing either when they come back.
        let whose = [Whose::Subject(subject.clone())];
        self.cut_off(change, by, &whose, *at, &why).await?;
        change.end_web_sessions_of(subject).await?;
        let entry =
            Entry::new(self.new_entry(*at), *at, event(by, subject, StopState::Stopped, why));
        self.keep(change, entry, subject.as_str(), Effect::AtCommit).await?;
        self.end_requests(change, Stopped::Deactivated(deactivation), by, *at).await
    }

    /// Ends the grants of somebody whose name passes to another person.
    async fn end_grants(
        &self,
        change: &mut Transaction,
        subject: &Subject,
        by: &Subject,
        now: Timestamp,
    ) -> Result<Vec<GrantWritten>, Unavailable> {
        // Changes of policy are locked out: what is read now stands until the commit.
        self.refresh().await?;
        let holder = Holder::Subject(subject.clone());
        let held: Vec<GrantId> = (self.policy().load().grants())
            .filter(|it| it.holder == holder && !matches!(it.state, GrantState::Revoked { .. }))
            .map(|it| it.id)
            .collect();
        let mut written = Vec::new();
        for id in held {
            let Some(row) = change.grant(id).await? else { continue };
            let grant = row.grant.revoke(by, now, "its holder's name passed to another person");
            let next = GrantRow { grant, revision: row.revision };
            let (kind, effect) = (GrantChange::Revoked, Effect::AtCommit);
            match self.change_grant(change, GrantStep { next, kind, by, effect }).await {
                Ok(step) => written.push(step),
                // Within the lock of the epoch nobody else writes.
                Err(GrantError::Unavailable(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(written)
    }
}

impl Follows {
    /// A user has a name, and may work or not.
    async fn has_name(
        &mut self,
        change: &mut Transaction,
        directory: &Directory,
        id: &str,
        user: &UserFacts,
    ) -> Result<(), DirectoryError> {
        let before = change.directory_name(&directory.name, &user.subject).await?;
        let (is_own, is_barred) = match &before {
            None => (true, false),
            Some(name) => (name.holder == id, name.deactivation.is_some()),
        };
        if before.is_none() || !is_own {
            change.hold_directory_name(&directory.name, &user.subject, id).await?;
        }
        if !is_own {
            self.passes.push(user.subject.clone());
        }
        match (user.active, is_barred) {
            (Active::Yes, true) => self.lifts.push(user.subject.clone()),
            // Also where it is barred already: an end of that may be on its way.
            (Active::No, _) => self.bars.push(user.subject.clone()),
            (Active::Yes, false) => {}
        }
        Ok(())
    }
}

fn row(
    id: String,
    user: &UserFacts,
    revision: i64,
    made_at: Timestamp,
    changed_at: Timestamp,
) -> DirectoryRow {
    DirectoryRow {
        id,
        name: user.name.clone(),
        external_id: user.external_id.clone(),
        here: user.subject.as_str().to_owned(),
        revision,
        made_at,
        changed_at,
        document: user.document.clone(),
    }
}

fn event(by: &Subject, subject: &Subject, now: StopState, why: String) -> Event {
    Event::StopChanged(StopChanged { by: by.clone(), what: format!("subject:{subject}"), now, why })
}
