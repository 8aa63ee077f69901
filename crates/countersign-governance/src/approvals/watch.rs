//! Wakes callers that wait for an approval: one channel for each approval that anybody waits for,
//! whatever their number, and no query.

use countersign_model::ApprovalId;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use tokio::sync::watch;

/// Who waits for which approval.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<HashMap<ApprovalId, watch::Sender<u64>>>);

impl Watchers {
    /// A channel that changes whenever the approval does.
    pub(crate) fn watch(&self, id: ApprovalId) -> watch::Receiver<u64> {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        senders.entry(id).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Tells who waits that the approval changed. An older number tells nothing new.
    pub(crate) fn tell(&self, id: ApprovalId, tick: u64) {
        let senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders.get(&id) {
            sender.send_if_modified(|known| {
                let newer = *known < tick;
                *known = tick.max(*known);
                newer
            });
        }
    }

    /// Forgets approvals that nobody waits for.
    pub(crate) fn sweep(&self) {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        senders.retain(|_, sender| sender.receiver_count() > 0);
        senders.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests;
