//! Grants: a document with the columns that queries need. A grant is never removed, only ended.

use crate::{Effect, StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{Epoch, Grant, GrantId, ids::EntryId};

/// A grant and the revision for its compare-and-set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// The grant, with changes whose entry still waits.
    pub grant: Grant,
    /// Grows with every write.
    pub revision: i64,
}

impl Transaction {
    /// A grant as it was last written, in force or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grant(&mut self, id: GrantId) -> Result<Option<GrantRow>, StoreError> {
        let id = id.to_string();
        let row: Option<(String, i64)> = on!(self, |connection| {
            sqlx::query_as("SELECT document, revision FROM grants WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        });
        let Some((document, revision)) = row else { return Ok(None) };
        Ok(Some(GrantRow { grant: crate::read_json("grant", &document)?, revision }))
    }

    /// Grants in force that changed after an epoch; all of them when there is none. A change that
    /// waits for its entry is left out: what stood before it stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grants_since(&mut self, known: Option<Epoch>) -> Result<Vec<Grant>, StoreError> {
        let known = match known {
            None => -1,
            Some(Epoch(number)) => i64::try_from(number).map_err(|_| StoreError::TooLarge)?,
        };
        let documents: Vec<Option<String>> = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT CASE WHEN outbox.id IS NULL THEN grants.document ELSE grants.previous END
                 FROM grants
                 LEFT JOIN outbox ON outbox.id = grants.entry AND outbox.effect <> 'at_commit'
                 WHERE grants.epoch > $1 ORDER BY grants.id",
            )
            .bind(known)
            .fetch_all(connection)
            .await?
        });
        documents.iter().flatten().map(|document| crate::read_json("grant", document)).collect()
    }

    /// Adds a grant. It is in force when its entry is in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_grant(
        &mut self,
        grant: &Grant,
        epoch: Epoch,
        entry: EntryId,
    ) -> Result<(), StoreError> {
        let document = crate::write_json("grant", grant)?;
        let (id, entry) = (grant.id.to_string(), entry.to_string());
        let epoch = i64::try_from(epoch.0).map_err(|_| StoreError::TooLarge)?;
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO grants (id, version, revision, epoch, entry, document)
                 VALUES ($1, $2, 1, $3, $4, $5)",
            )
            .bind(&id)
            .bind(i64::from(grant.version))
            .bind(epoch)
            .bind(&entry)
            .bind(&document)
            .execute(connection)
            .await?;
        });
        self.find_holder(grant).await
    }

    /// Writes a grant's next state, if nobody else has written since it was read. With
    /// [`Effect::AtDelivery`] what is in force now stays so until the entry is in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_grant(
        &mut self,
        next: &GrantRow,
        epoch: Epoch,
        entry: EntryId,
        effect: Effect,
    ) -> Result<Written, StoreError> {
        let document = crate::write_json("grant", &next.grant)?;
        let (id, entry) = (next.grant.id.to_string(), entry.to_string());
        let epoch = i64::try_from(epoch.0).map_err(|_| StoreError::TooLarge)?;
        // Two changes that wait keep what was in force before the first.
        let keeps = i64::from(effect == Effect::AtDelivery);
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE grants SET previous = CASE
                     WHEN $1 = 0 THEN NULL
                     WHEN EXISTS (SELECT 1 FROM outbox
                         WHERE outbox.id = grants.entry AND outbox.effect <> 'at_commit')
                     THEN previous ELSE document END,
                 version = $2, revision = revision + 1, entry = $3, document = $4,
                 epoch = CASE WHEN $1 = 0 THEN $5 ELSE epoch END
                 WHERE id = $6 AND revision = $7",
            )
            .bind(keeps)
            .bind(i64::from(next.grant.version))
            .bind(&entry)
            .bind(&document)
            .bind(epoch)
            .bind(&id)
            .bind(next.revision)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }
}
