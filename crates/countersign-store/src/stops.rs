//! Suspensions and kill switches. What ends one takes effect when its entry is in the ledger; until
//! then it stands.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{
    Subject,
    ids::EntryId,
    snapshot::{Kill, KillScope, Suspension},
};

impl Transaction {
    /// Suspensions in force.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn suspensions(&mut self) -> Result<Vec<Suspension>, StoreError> {
        let documents: Vec<String> = on!(self, |connection| {
            sqlx::query_scalar("SELECT document FROM suspensions ORDER BY subject")
                .fetch_all(connection)
                .await?
        });
        documents.iter().map(|document| crate::read_json("suspension", document)).collect()
    }

    /// Kill switches in force.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kills(&mut self) -> Result<Vec<Kill>, StoreError> {
        let documents: Vec<String> = on!(self, |connection| {
            sqlx::query_scalar("SELECT document FROM kills ORDER BY scope")
                .fetch_all(connection)
                .await?
        });
        documents.iter().map(|document| crate::read_json("kill switch", document)).collect()
    }

    /// Suspends a subject, at the commit. One that is suspended stays so, for the new reason.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn suspend(&mut self, suspension: &Suspension) -> Result<(), StoreError> {
        let document = crate::write_json("suspension", suspension)?;
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO suspensions (subject, document) VALUES ($1, $2)
                 ON CONFLICT (subject)
                 DO UPDATE SET document = excluded.document, lifted_by = NULL",
            )
            .bind(suspension.subject.as_str())
            .bind(&document)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Ends a suspension once its entry is in the ledger. [`Written::Conflict`] if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lift_suspension(
        &mut self,
        subject: &Subject,
        entry: EntryId,
    ) -> Result<Written, StoreError> {
        let entry = entry.to_string();
        let written = on!(self, |connection| {
            sqlx::query("UPDATE suspensions SET lifted_by = $1 WHERE subject = $2")
                .bind(&entry)
                .bind(subject.as_str())
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Turns a kill switch on, at the commit. One that is on stays so, for the new reason.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kill(&mut self, kill: &Kill) -> Result<(), StoreError> {
        let document = crate::write_json("kill switch", kill)?;
        let scope = crate::write_json("kill switch", &kill.scope)?;
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO kills (scope, document) VALUES ($1, $2)
                 ON CONFLICT (scope)
                 DO UPDATE SET document = excluded.document, lifted_by = NULL",
            )
            .bind(&scope)
            .bind(&document)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Turns a kill switch off once its entry is in the ledger. [`Written::Conflict`] if it is not
    /// on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lift_kill(
        &mut self,
        scope: &KillScope,
        entry: EntryId,
    ) -> Result<Written, StoreError> {
        let (scope, entry) = (crate::write_json("kill switch", scope)?, entry.to_string());
        let written = on!(self, |connection| {
            sqlx::query("UPDATE kills SET lifted_by = $1 WHERE scope = $2")
                .bind(&entry)
                .bind(&scope)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(Written::of(written))
    }
}
