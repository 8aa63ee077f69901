//! API keys: a document with the columns that queries need. The key itself is nowhere, only its
//! digest. A key is never removed, only revoked.

use crate::{Store, StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{ApiKeyId, Digest, Subject, Timestamp, ids::EntryId};
use serde::{Deserialize, Serialize};

/// An API key, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRow {
    /// Its name.
    pub id: ApiKeyId,
    /// For whom it speaks.
    pub subject: Subject,
    /// What it is for.
    pub purpose: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// Who made it.
    pub made_by: Subject,
    /// When.
    pub made_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// How it was ended before, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<KeyRevoked>,
    /// When it was last used, to the minute; kept beside the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// How a key was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevoked {
    /// Who did it.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

type Columns = (String, Option<i64>);

impl Transaction {
    /// Adds a key. It is in force when its entry is in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_api_key(
        &mut self,
        key: &ApiKeyRow,
        digest: &Digest,
        entry: EntryId,
    ) -> Result<(), StoreError> {
        let document = crate::write_json("API key", key)?;
        let (id, digest, entry) = (key.id.to_string(), digest.to_string(), entry.to_string());
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO api_keys (id, digest, subject, entry, document)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&id)
            .bind(&digest)
            .bind(key.subject.as_str())
            .bind(&entry)
            .bind(&document)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Writes what became of a key; when it was last used stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_api_key(&mut self, key: &ApiKeyRow) -> Result<Written, StoreError> {
        let document =
            crate::write_json("API key", &ApiKeyRow { last_used_at: None, ..key.clone() })?;
        let id = key.id.to_string();
        let written = on!(self, |connection| {
            sqlx::query("UPDATE api_keys SET document = $1 WHERE id = $2")
                .bind(&document)
                .bind(&id)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// A key by its name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key(&mut self, id: ApiKeyId) -> Result<Option<ApiKeyRow>, StoreError> {
        let id = id.to_string();
        let row: Option<Columns> = on!(self, |connection| {
            sqlx::query_as("SELECT document, last_used_at FROM api_keys WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        });
        row.map(read).transpose()
    }

    /// The key with this digest, if the ledger has the entry of its making.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_in_force(
        &mut self,
        digest: &Digest,
    ) -> Result<Option<ApiKeyRow>, StoreError> {
        let digest = digest.to_string();
        let row: Option<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, last_used_at FROM api_keys WHERE digest = $1 AND NOT EXISTS
                     (SELECT 1 FROM outbox WHERE outbox.id = api_keys.entry)",
            )
            .bind(&digest)
            .fetch_optional(connection)
            .await?
        });
        row.map(read).transpose()
    }

    /// Keys, newest first, some hundreds at most; of one subject if one is named.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_keys(
        &mut self,
        subject: Option<&Subject>,
        limit: u32,
    ) -> Result<Vec<ApiKeyRow>, StoreError> {
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, last_used_at FROM api_keys
                 WHERE $1 = '' OR subject = $1 ORDER BY id DESC LIMIT $2",
            )
            .bind(subject.map_or("", Subject::as_str))
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }
}

impl Store {
    /// Says that a key was used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn saw_api_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        let id = id.to_string();
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query("UPDATE api_keys SET last_used_at = $1 WHERE id = $2")
                .bind(at.millis())
                .bind(&id)
                .execute(connection)
                .await?;
        });
        change.commit().await
    }
}

fn read((document, last_used_at): Columns) -> Result<ApiKeyRow, StoreError> {
    let key: ApiKeyRow = crate::read_json("API key", &document)?;
    Ok(ApiKeyRow { last_used_at: last_used_at.map(Timestamp::from_millis), ..key })
}
