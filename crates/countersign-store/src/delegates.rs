//! Who stands in for whom in reviews. Standing in gives rights, so that it counts once the ledger has the
//! entry; its end counts at the commit.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{Subject, Timestamp, ids::EntryId, review::Delegation};

impl Transaction {
    /// Sets who stands in for somebody, from when the entry is in the ledger. Whoever did before stands in
    /// no more, at the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_delegation(
        &mut self,
        delegation: &Delegation,
        entry: EntryId,
    ) -> Result<(), StoreError> {
        let (document, entry) = (crate::write_json("delegation", delegation)?, entry.to_string());
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO delegates (subject, until_at, entry, document) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (subject) DO UPDATE SET until_at = excluded.until_at,
                     entry = excluded.entry, document = excluded.document",
            )
            .bind(delegation.of.as_str())
            .bind(delegation.until.millis())
            .bind(&entry)
            .bind(&document)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Delegations that are in force and not over, those that begin later too; of all, or of one person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delegations(
        &mut self,
        of: Option<&Subject>,
        now: Timestamp,
    ) -> Result<Vec<Delegation>, StoreError> {
        let documents: Vec<String> = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT document FROM delegates WHERE until_at > $1
                     AND ($2 = '' OR subject = $2)
                     AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.id = delegates.entry)
                 ORDER BY subject",
            )
            .bind(now.millis())
            .bind(of.map_or("", Subject::as_str))
            .fetch_all(connection)
            .await?
        });
        documents.iter().map(|document| crate::read_json("delegation", document)).collect()
    }

    /// Ends a delegation, at the commit. [`Written::Conflict`] if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_delegation(
        &mut self,
        of: &Subject,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let ended = on!(self, |connection| {
            sqlx::query("DELETE FROM delegates WHERE subject = $1 AND until_at > $2")
                .bind(of.as_str())
                .bind(now.millis())
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(Written::of(ended))
    }

    /// Forgets delegations that are over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_delegations(&mut self, now: Timestamp) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query("DELETE FROM delegates WHERE until_at <= $1")
                .bind(now.millis())
                .execute(connection)
                .await?;
        });
        Ok(())
    }
}
