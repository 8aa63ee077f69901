//! What this gateway is at in reviews: nothing here counts after a restart.

use countersign_model::{CampaignId, Epoch, Subject};
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What this gateway is at.
#[derive(Debug, Default)]
pub(crate) struct Working {
    filling: Mutex<BTreeSet<CampaignId>>,
    pub(super) seen: tokio::sync::Mutex<Seen>,
    said_epoch: Mutex<Option<Epoch>>,
}

/// What the clockwork has looked at.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Changes of grants until this policy.
    pub(super) grants: Option<Epoch>,
    /// Who may not answer, or has somebody stand in, as of the last look.
    pub(super) away: Option<BTreeSet<(Subject, Option<Subject>)>>,
    /// Under which policy, and in which minute, people were last looked at.
    pub(super) looked_at: Option<(Epoch, i64)>,
}

impl Working {
    fn filling(&self) -> MutexGuard<'_, BTreeSet<CampaignId>> {
        self.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of the policy that other gateways are told this one decides by; says whether they
    /// have not been told.
    pub(crate) fn is_news(&self, epoch: Epoch) -> bool {
        let mut said = self.said_epoch.lock().unwrap_or_else(PoisonError::into_inner);
        said.replace(epoch) != Some(epoch)
    }
}

/// This gateway makes a campaign's snapshot, until this is dropped.
pub(super) struct Filling<'a> {
    working: &'a Working,
    id: CampaignId,
}

impl<'a> Filling<'a> {
    /// Begins, if this gateway is not at it.
    pub(super) fn begin(working: &'a Working, id: CampaignId) -> Option<Self> {
        // Made only if it is ours: one that is dropped here would wait for the set that this holds.
        working.filling().insert(id).then(|| Self { working, id })
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        self.working.filling().remove(&self.id);
    }
}

#[cfg(test)]
mod tests;
