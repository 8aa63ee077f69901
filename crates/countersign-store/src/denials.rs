//! Denials. What lifts one takes effect when its entry is in the ledger; until then it stands.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{Denial, DenialId, ids::EntryId};

impl Transaction {
    /// Denials in force, also those that have ended by themselves.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn denials(&mut self) -> Result<Vec<Denial>, StoreError> {
        let documents: Vec<String> = on!(self, |connection| {
            sqlx::query_scalar("SELECT document FROM denials ORDER BY id")
                .fetch_all(connection)
                .await?
        });
        documents.iter().map(|document| crate::read_json("denial", document)).collect()
    }

    /// Adds a denial, at the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deny(&mut self, denial: &Denial) -> Result<(), StoreError> {
        let document = crate::write_json("denial", denial)?;
        let id = denial.id.to_string();
        on!(self, |connection| {
            sqlx::query("INSERT INTO denials (id, document) VALUES ($1, $2)")
                .bind(&id)
                .bind(&document)
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// Ends a denial once its entry is in the ledger. [`Written::Conflict`] if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lift_denial(
        &mut self,
        id: DenialId,
        entry: EntryId,
    ) -> Result<Written, StoreError> {
        let (id, entry) = (id.to_string(), entry.to_string());
        let written = on!(self, |connection| {
            sqlx::query("UPDATE denials SET lifted_by = $1 WHERE id = $2")
                .bind(&entry)
                .bind(&id)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Forgets a denial that has ended by itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_denial(&mut self, id: DenialId) -> Result<(), StoreError> {
        let id = id.to_string();
        on!(self, |connection| {
            sqlx::query("DELETE FROM denials WHERE id = $1").bind(&id).execute(connection).await?;
        });
        Ok(())
    }
}
