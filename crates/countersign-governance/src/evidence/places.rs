//! Where entries about reviews stand in the log, and their proofs. A proof is made once, by the gateway
//! that has the log, when a checkpoint covers the entry: every pack carries the same one, and whichever
//! gateway hands it out needs no file of another's.

use crate::{Governance, Unavailable};
use countersign_ledger::{Fault, Prover, verify_proof};
use countersign_model::record::{Entry, Event};
use countersign_store::{PlaceRow, Waiting};
use std::{path::Path, time::Duration};

impl Governance {
    /// The place of an entry that was just appended, and what it is about; nothing for entries that
    /// no evidence is made of.
    pub(crate) fn place_of(
        &self,
        waiting: &Waiting,
        position: u64,
    ) -> Option<(PlaceRow, Vec<String>)> {
        let entry: Entry = serde_json::from_slice(&waiting.entry).ok()?;
        let (kind, about) = about(&entry.event)?;
        let place = PlaceRow {
            id: entry.id,
            kind: kind.to_owned(),
            at: entry.at,
            gateway: self.gateway().to_owned(),
            position,
            entry: waiting.entry.clone(),
            proven: None,
        };
        Some((place, about))
    }

    /// Proves entries about reviews as checkpoints come, for as long as the gateway runs.
    pub async fn keep_proofs(self, ledger: &Path) {
        loop {
            if let Err(error) = self.prove_places(ledger).await {
                tracing::warn!(
                    cause = crate::policy::chain(&error),
                    "entries about access reviews can't be proved yet"
                );
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// The same once, and waits for a checkpoint some moments if one is due: so that what was done just
    /// now is proved in the evidence that is asked for.
    ///
    /// # Errors
    /// [`ProveError`].
    pub async fn prove_soon(&self, ledger: &Path) -> Result<(), ProveError> {
        for _ in 0..SOON_TRIES {
            self.prove_places(ledger).await?;
            let mut view = self.store().view().await.map_err(Unavailable::from)?;
            let waiting = view.unproven_places(self.gateway(), None).await;
            if waiting.map_err(Unavailable::from)?.is_empty() {
                break;
            }
            drop(view);
            tokio::time::sleep(SOON).await;
        }
        Ok(())
    }

    /// Proves this gateway's entries about reviews that have no proof, as far as its checkpoint goes,
    /// and says how many that were.
    ///
    /// # Errors
    /// [`ProveError`]; what was proved before stays.
    pub async fn prove_places(&self, ledger: &Path) -> Result<u64, ProveError> {
        let (mut after, mut proved) = (None, 0);
        loop {
            let mut view = self.store().view().await.map_err(Unavailable::from)?;
            let rows = view.unproven_places(self.gateway(), after).await;
            let rows = rows.map_err(Unavailable::from)?;
            drop(view);
            let Some(last) = rows.last() else { return Ok(proved) };
            after = Some(last.position);
            let directory = ledger.to_path_buf();
            let proofs = tokio::task::spawn_blocking(move || prove(&directory, rows)).await;
            let proofs = proofs.map_err(|_| ProveError::Failed)??;
            if proofs.is_empty() {
                return Ok(proved);
            }
            let mut change = self.store().change().await.map_err(Unavailable::from)?;
            for (row, vkey, proof) in &proofs {
                let kept = change.prove_place(row.id, vkey, proof).await;
                kept.map_err(Unavailable::from)?;
                proved += 1;
            }
            change.commit().await.map_err(Unavailable::from)?;
        }
    }
}

/// Why entries can't be proved.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The log can't be read.
    #[error("the log can't be read")]
    Ledger(#[from] Fault),
    /// The store can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The thread that reads has failed.
    #[error("reading the log has failed")]
    Failed,
}

/// The proofs of those rows that the checkpoint covers. One whose number is another entry's, because the
/// log is another one than that of the row, has none.
fn prove(directory: &Path, rows: Vec<PlaceRow>) -> Result<Vec<(PlaceRow, String, String)>, Fault> {
    let mut prover = Prover::open(directory)?;
    let (vkey, size) = (prover.vkey(), prover.size());
    let mut proofs = Vec::with_capacity(rows.len());
    for row in rows.into_iter().filter(|it| it.position < size) {
        let proof = prover.prove(row.position)?;
        if verify_proof(&proof, &row.entry, &vkey).is_ok() {
            proofs.push((row, vkey.clone(), proof));
        }
    }
    Ok(proofs)
}

/// What kind of entry it is, and the ids that it is found by.
fn about(event: &Event) -> Option<(&'static str, Vec<String>)> {
    let of = |campaign: &countersign_model::CampaignId| vec![campaign.to_string()];
    Some(match event {
        Event::ReviewOpened(it) => ("review.opened", of(&it.campaign)),
        Event::ReviewDecided(it) => ("review.decided", of(&it.campaign)),
        Event::ReviewChanged(it) => ("review.changed", of(&it.campaign)),
        Event::ReviewSignedOff(it) => ("review.signed_off", of(&it.campaign)),
        Event::ReviewClosed(it) => ("review.closed", of(&it.campaign)),
        Event::GrantChanged(it) => ("grant.changed", vec![it.grant.to_string()]),
        // Whose a passkey is that signs for a review.
        Event::PasskeyChanged(it) => ("passkey.changed", vec![it.passkey.to_string()]),
        // A digest is about all that it brings.
        Event::NoticeSent(it) => {
            ("notice.sent", it.about.iter().map(ToString::to_string).collect())
        }
        // Who took evidence changes no evidence.
        Event::ReviewEvidence(_)
        | Event::GrantRequested(_)
        | Event::GrantRequestChanged(_)
        | Event::DenialChanged(_)
        | Event::CallIntent(_)
        | Event::CallOutcome(_)
        | Event::CallRefused(_)
        | Event::ApprovalOpened(_)
        | Event::ApprovalChanged(_)
        | Event::CatalogApplied(_)
        | Event::StopChanged(_)
        | Event::MembershipChanged(_)
        | Event::ApiKeyChanged(_)
        | Event::DelegateChanged(_)
        | Event::RecordViewed(_)
        | Event::TokenAsked(_)
        | Event::Gateway(_) => return None,
    })
}

/// A checkpoint follows an entry within a second.
const SOON: Duration = Duration::from_millis(250);
const SOON_TRIES: usize = 8;
const AGAIN_AFTER: Duration = Duration::from_secs(2);
