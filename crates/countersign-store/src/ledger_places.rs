//! Where entries of the ledger stand, and their proofs: of those that evidence of access reviews is made
//! of. A gateway that has a log writes them here, so that every gateway can hand out the evidence.

use crate::{StoreError, Transaction, transaction::on};
use countersign_model::{CampaignId, Timestamp, ids::EntryId};

/// An entry, its place in a log, and its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceRow {
    /// The entry's name.
    pub id: EntryId,
    /// What it says: `review.decided`, …
    pub kind: String,
    /// When that happened.
    pub at: Timestamp,
    /// The gateway whose log it stands in.
    pub gateway: String,
    /// Its number there.
    pub position: u64,
    /// Its bytes.
    pub entry: Vec<u8>,
    /// The log's verifier key and the C2SP tlog-proof, once a checkpoint covers it.
    pub proven: Option<(String, String)>,
}

type Columns = (String, String, i64, String, i64, Vec<u8>, Option<String>, Option<String>);

/// Places that one look takes at most.
const PLACES_MAX: u32 = 512;
/// Entries of a campaign that one look takes.
const ENTRIES_MAX: u32 = 5_000;

impl Transaction {
    /// Says where an entry stands, and what it is about. One that was written twice after a crash
    /// stands where it was seen first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_place(&mut self, row: &PlaceRow, about: &[String]) -> Result<(), StoreError> {
        let id = row.id.to_string();
        let position = i64::try_from(row.position).map_err(|_| StoreError::TooLarge)?;
        let added = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO ledger_places (id, kind, at, gateway, position, entry)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            )
            .bind(&id)
            .bind(&row.kind)
            .bind(row.at.millis())
            .bind(&row.gateway)
            .bind(position)
            .bind(&row.entry)
            .execute(connection)
            .await?
            .rows_affected()
        });
        if added == 0 {
            return Ok(());
        }
        for about in about {
            on!(self, |connection| {
                sqlx::query(
                    "INSERT INTO ledger_abouts (about, entry) VALUES ($1, $2)
                     ON CONFLICT DO NOTHING",
                )
                .bind(about)
                .bind(&id)
                .execute(connection)
                .await?;
            });
        }
        Ok(())
    }

    /// Entries of a gateway's log that have no proof, in the log's order, after one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unproven_places(
        &mut self,
        gateway: &str,
        after: Option<u64>,
    ) -> Result<Vec<PlaceRow>, StoreError> {
        let after = after.map_or(Ok(-1), i64::try_from).map_err(|_| StoreError::TooLarge)?;
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT id, kind, at, gateway, position, entry, vkey, proof FROM ledger_places
                 WHERE gateway = $1 AND proof IS NULL AND position > $2 ORDER BY position LIMIT $3",
            )
            .bind(gateway)
            .bind(after)
            .bind(i64::from(PLACES_MAX))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Keeps an entry's proof. The first one stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prove_place(
        &mut self,
        id: EntryId,
        vkey: &str,
        proof: &str,
    ) -> Result<(), StoreError> {
        let id = id.to_string();
        on!(self, |connection| {
            sqlx::query(
                "UPDATE ledger_places SET vkey = $1, proof = $2 WHERE id = $3 AND proof IS NULL",
            )
            .bind(vkey)
            .bind(proof)
            .bind(&id)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// What logs say of a campaign in the order of their ids, after one of them: everything about the
    /// campaign itself, that people were told of it too, and what happened to its grants between two
    /// moments.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn places_of_campaign(
        &mut self,
        campaign: CampaignId,
        (from, until): (Timestamp, Timestamp),
        after: Option<EntryId>,
    ) -> Result<Vec<PlaceRow>, StoreError> {
        let campaign = campaign.to_string();
        let after = after.map_or_else(String::new, |it| it.to_string());
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT id, kind, at, gateway, position, entry, vkey, proof FROM ledger_places
                 WHERE id > $2 AND id IN (
                     SELECT entry FROM ledger_abouts WHERE about = $1
                     UNION
                     SELECT ledger_abouts.entry FROM review_items
                         JOIN ledger_abouts ON ledger_abouts.about = review_items.item
                         JOIN ledger_places ON ledger_places.id = ledger_abouts.entry
                         WHERE review_items.campaign = $1 AND ledger_places.kind = 'grant.changed'
                         AND ledger_places.at >= $3 AND ledger_places.at <= $4)
                 ORDER BY id LIMIT $5",
            )
            .bind(&campaign)
            .bind(&after)
            .bind(from.millis())
            .bind(until.millis())
            .bind(i64::from(ENTRIES_MAX))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Entries about something that has few of them, until then and with it, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn places_about(
        &mut self,
        about: &str,
        until: Timestamp,
    ) -> Result<Vec<PlaceRow>, StoreError> {
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT id, kind, at, gateway, position, entry, vkey, proof FROM ledger_places
                 WHERE at <= $2 AND id IN (SELECT entry FROM ledger_abouts WHERE about = $1)
                 ORDER BY id LIMIT $3",
            )
            .bind(about)
            .bind(until.millis())
            .bind(i64::from(ENTRIES_MAX))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }
}

fn read(columns: Columns) -> Result<PlaceRow, StoreError> {
    let (id, kind, at, gateway, position, entry, vkey, proof) = columns;
    let id = id.parse().map_err(|bad| StoreError::damaged("place")(Box::new(bad)))?;
    Ok(PlaceRow {
        id,
        kind,
        at: Timestamp::from_millis(at),
        gateway,
        position: position.unsigned_abs(),
        entry,
        proven: vkey.zip(proof),
    })
}
