//! From the outbox into the ledger. A fact and its entry are committed together; the entry is then
//! appended, and forgotten here. A crash between the last two writes the entry twice: readers know
//! it by its id.
//!
//! What takes rights away is in force with its commit, whatever the ledger does. What gives rights
//! is in force, on every gateway, only when its entry is durable: the store keeps what stood before
//! beside it until then.

use crate::{Governance, Unavailable};
use countersign_model::{
    Timestamp,
    ids::EntryId,
    record::{Entry, Event},
};
use countersign_store::{Effect, NewEntry, StoreError, Transaction, Waiting};
use futures_util::future::join_all;

impl Governance {
    pub(crate) fn new_entry(&self, now: Timestamp) -> EntryId {
        EntryId::new(now, self.entropy())
    }

    /// Keeps an entry in the transaction of its fact.
    pub(crate) async fn keep(
        &self,
        change: &mut Transaction,
        entry: Entry,
        about: &str,
        effect: Effect,
    ) -> Result<(), StoreError> {
        let bytes = entry.to_bytes();
        let gateway = self.gateway();
        let new = NewEntry { id: entry.id, gateway, about, effect, entry: &bytes };
        change.keep_entry(&new).await
    }

    /// An entry that is beside no other fact.
    pub(crate) async fn record(&self, about: &str, event: Event) -> Result<(), Unavailable> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        let entry = Entry::new(self.new_entry(now), now, event);
        self.keep(&mut change, entry, about, Effect::AtCommit).await?;
        change.commit().await?;
        self.deliver().await
    }

    /// Brings a committed change into force and its entry into the ledger.
    pub(crate) async fn settle(&self, effect: Effect) -> Result<(), Unavailable> {
        match effect {
            Effect::AtCommit => {
                // The next call must see it even when the ledger does not take the entry.
                let published = self.refresh().await;
                self.deliver().await?;
                published
            }
            Effect::AtDelivery => {
                self.deliver().await?;
                self.refresh().await
            }
        }
    }

    /// Appends all of this gateway's entries that wait, oldest first, and forgets those that the
    /// ledger has. One at a time, so that no entry is written twice by two calls.
    pub(crate) async fn deliver(&self) -> Result<(), Unavailable> {
        let one = self.0.delivery.lock().await;
        loop {
            let waiting = self.store().view().await?.waiting_entries(self.gateway()).await?;
            if waiting.is_empty() {
                drop(one);
                return Ok(());
            }
            // Polled in order, so they enter the ledger's queue in order and share its sync.
            let appends = waiting.iter().map(|it| self.ledger().append(it.entry.clone()));
            let results = join_all(appends).await;
            let mut written: Vec<Waiting> = Vec::with_capacity(waiting.len());
            let mut places = Vec::new();
            let mut failed = None;
            for (entry, result) in waiting.into_iter().zip(results) {
                match result {
                    Ok(receipt) => {
                        places.extend(self.place_of(&entry, receipt.index));
                        written.push(entry);
                    }
                    Err(error) => {
                        failed.get_or_insert(error);
                    }
                }
            }
            if !written.is_empty() {
                let mut change = self.store().change().await?;
                change.delivered(&written).await?;
                for (place, about) in &places {
                    change.add_place(place, about).await?;
                }
                change.commit().await?;
            }
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
    }
}
