//! Versions of the catalog. None is ever changed or removed.

use crate::{StoreError, Transaction, transaction::on};
use countersign_model::{Digest, Subject, Timestamp, catalog::raw::RawCatalog, ids::EntryId};

/// Versions that a look at the history brings at most.
const CATALOG_HISTORY_MAX: i64 = 2_000;

/// One version of the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogRow {
    /// SHA-256 of its canonical JSON.
    pub digest: Digest,
    /// As people wrote it.
    pub catalog: RawCatalog,
}

impl Transaction {
    /// The digest of the last version, in force or waiting for its entry.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_catalog_digest(&mut self) -> Result<Option<Digest>, StoreError> {
        let digest: Option<String> = on!(self, |connection| {
            sqlx::query_scalar("SELECT digest FROM catalog_versions ORDER BY sequence DESC LIMIT 1")
                .fetch_optional(connection)
                .await?
        });
        digest.map(|it| read_digest(&it)).transpose()
    }

    /// The digest of the version in force: the last whose entry is in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn catalog_digest(&mut self) -> Result<Option<Digest>, StoreError> {
        let digest: Option<String> = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT digest FROM catalog_versions
                 WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.id = catalog_versions.entry)
                 ORDER BY sequence DESC LIMIT 1",
            )
            .fetch_optional(connection)
            .await?
        });
        digest.map(|it| read_digest(&it)).transpose()
    }

    /// A version by its digest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn catalog(&mut self, digest: &Digest) -> Result<Option<CatalogRow>, StoreError> {
        let wanted = digest.to_string();
        let document: Option<String> = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT document FROM catalog_versions WHERE digest = $1
                 ORDER BY sequence DESC LIMIT 1",
            )
            .bind(&wanted)
            .fetch_optional(connection)
            .await?
        });
        let Some(document) = document else { return Ok(None) };
        let catalog = crate::read_json("catalog", &document)?;
        Ok(Some(CatalogRow { digest: *digest, catalog }))
    }

    /// When versions were applied, newest first, [`CATALOG_HISTORY_MAX`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn catalog_history(&mut self) -> Result<Vec<(Timestamp, Digest)>, StoreError> {
        let rows: Vec<(i64, String)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT applied_at, digest FROM catalog_versions ORDER BY sequence DESC LIMIT $1",
            )
            .bind(CATALOG_HISTORY_MAX)
            .fetch_all(connection)
            .await?
        });
        let read =
            |(at, digest): &(i64, String)| Ok((Timestamp::from_millis(*at), read_digest(digest)?));
        rows.iter().map(read).collect()
    }

    /// Adds a version. It is in force when its entry is in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_catalog(
        &mut self,
        row: &CatalogRow,
        by: &Subject,
        at: Timestamp,
        entry: EntryId,
    ) -> Result<(), StoreError> {
        let document = crate::write_json("catalog", &row.catalog)?;
        let (digest, entry) = (row.digest.to_string(), entry.to_string());
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO catalog_versions (digest, applied_by, applied_at, entry, document)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&digest)
            .bind(by.as_str())
            .bind(at.millis())
            .bind(&entry)
            .bind(&document)
            .execute(connection)
            .await?;
        });
        self.find_named(&row.catalog).await
    }
}

fn read_digest(text: &str) -> Result<Digest, StoreError> {
    text.parse().map_err(|error| StoreError::damaged("digest")(Box::new(error)))
}
