//! The one place that writes a grant's next state: with its ledger entry, in a transaction that the
//! caller commits. Who may and whether the step is right is judged before.

use super::{GrantError, changed};
use crate::{
    Governance, Unavailable,
    approvals::{EndedRequests, Stopped},
};
use countersign_model::{
    Grant, Subject,
    record::{Entry, GrantChange},
};
use countersign_store::{Effect, GrantRow, Transaction, Written};

/// One step of a grant.
#[derive(Debug)]
pub(crate) struct GrantStep<'a> {
    /// The next state, with the revision that it was made from.
    pub next: GrantRow,
    /// What happened to it.
    pub kind: GrantChange,
    /// Who did it.
    pub by: &'a Subject,
    /// What takes rights acts at the commit, what gives them at the delivery of the entry.
    pub effect: Effect,
}

/// A step that was written, to be committed and then handed to [`Governance::after_change`].
#[must_use = "tell who waits, after the commit"]
#[derive(Debug)]
pub(crate) struct GrantWritten {
    grant: Grant,
    by: Subject,
    kind: GrantChange,
    requests: EndedRequests,
}

impl Governance {
    /// Writes a grant's next state with its entry, and ends the requests about calls that it will
    /// not carry any more. The caller commits, then settles the effect, then calls
    /// [`Self::after_change`] for each.
    ///
    /// # Errors
    /// [`GrantError::Changed`] if somebody else wrote meanwhile. [`GrantError::Waits`] if an
    /// earlier change still waits for the ledger, and this one would bring it into force before.
    pub(crate) async fn change_grant(
        &self,
        change: &mut Transaction,
        step: GrantStep<'_>,
    ) -> Result<GrantWritten, GrantError> {
        let GrantStep { next, kind, by, effect } = step;
        let epoch = match effect {
            Effect::AtCommit => change.next_epoch().await?,
            Effect::AtDelivery => change.lock_epoch().await?,
        };
        let about = next.grant.id.to_string();
        // What was written but is not in force is part of the next state.
        let leaves_rights = effect == Effect::AtCommit && !stops(kind);
        if leaves_rights && change.entries_wait_about(&about).await? > 0 {
            return Err(GrantError::Waits);
        }
        let now = self.clock().now();
        let id = self.new_entry(now);
        match change.write_grant(&next, epoch, id, effect).await? {
            Written::Done => {}
            Written::Conflict => return Err(GrantError::Changed),
        }
        let stood = GrantRow { revision: next.revision.saturating_add(1), ..next };
        change.keep_grant_step(&stood, kind, by, now, id).await?;
        let grant = stood.grant;
        let entry = Entry::new(id, now, changed(&grant, kind, by));
        self.keep(change, entry, &about, effect).await?;
        self.tell_changed(change, &grant, kind, by).await?;
        let requests = match stopped(kind, &grant) {
            Some(stopped) => self.end_requests(change, stopped, by, now).await?,
            None => EndedRequests::default(),
        };
        Ok(GrantWritten { grant, by: by.clone(), kind, requests })
    }

    /// Adds a grant with its entry. It is in force when the ledger has that.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) async fn make_grant(
        &self,
        change: &mut Transaction,
        grant: &Grant,
        by: &Subject,
    ) -> Result<(), Unavailable> {
        let epoch = change.lock_epoch().await?;
        let now = self.clock().now();
        let id = self.new_entry(now);
        change.add_grant(grant, epoch, id).await?;
        let row = GrantRow { grant: grant.clone(), revision: 1 };
        change.keep_grant_step(&row, GrantChange::Made, by, now, id).await?;
        let entry = Entry::new(id, now, changed(grant, GrantChange::Made, by));
        Ok(self.keep(change, entry, &grant.id.to_string(), Effect::AtDelivery).await?)
    }

    /// After the commit: wakes who waits, and ends the requests that did not fit into the
    /// transaction.
    ///
    /// # Errors
    /// [`Unavailable`]. What was committed stands.
    pub(crate) async fn after_change(&self, written: GrantWritten) -> Result<Grant, Unavailable> {
        let GrantWritten { grant, by, kind, requests } = written;
        if let Some(stopped) = stopped(kind, &grant) {
            self.after_end(requests, stopped, &by).await?;
        }
        Ok(grant)
    }
}

/// Whether nothing is left that the grant would carry.
fn stops(kind: GrantChange) -> bool {
    match kind {
        GrantChange::Revoked | GrantChange::Transferred | GrantChange::Suspended => true,
        GrantChange::Made
        | GrantChange::Certified
        | GrantChange::Uncertified
        | GrantChange::Narrowed
        | GrantChange::Widened
        | GrantChange::Renewed
        | GrantChange::Resumed
        | GrantChange::Restored => false,
    }
}

/// Which held calls are asked about no more. Those of another version are asked about again when
/// they are approved: their digest names the version.
fn stopped(kind: GrantChange, grant: &Grant) -> Option<Stopped<'static>> {
    match kind {
        GrantChange::Revoked | GrantChange::Transferred => Some(Stopped::Grant(grant.id)),
        GrantChange::Suspended => Some(Stopped::Suspended(grant.id)),
        GrantChange::Made
        | GrantChange::Certified
        | GrantChange::Uncertified
        | GrantChange::Narrowed
        | GrantChange::Widened
        | GrantChange::Renewed
        | GrantChange::Resumed
        | GrantChange::Restored => None,
    }
}
