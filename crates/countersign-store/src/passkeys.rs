//! Passkeys of people: a document with the columns that queries need. Only what is public is here. One
//! that is removed is gone: the ledger knows that it was there.

use crate::{Store, StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{Digest, PasskeyId, Subject, Timestamp, ids::EntryId};
use serde::{Deserialize, Serialize};

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyRow {
    /// Its name here.
    pub id: PasskeyId,
    /// Its credential id (base64url).
    pub credential: String,
    /// Whose it is.
    pub subject: Subject,
    /// What the person calls it.
    pub name: String,
    /// Its public key, as a `COSE_Key` (base64url).
    pub public_key: String,
    /// SHA-256 of the public key's bytes.
    pub public_key_digest: Digest,
    /// What it signs with: `EdDSA`, `ES256` or `RS256`.
    pub algorithm: String,
    /// The host that it is for.
    pub party: String,
    /// Whether it can be copied to other devices.
    pub can_back_up: bool,
    /// How browsers reach it, as they said.
    #[serde(default)]
    pub transports: Vec<String>,
    /// When it was registered.
    pub made_at: Timestamp,
    /// The last counter that it showed; kept beside the document.
    #[serde(default)]
    pub counter: u32,
    /// When it last signed; kept beside the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

type Columns = (String, i64, Option<i64>);

impl Transaction {
    /// Adds a passkey. It is in force when its entry is in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_passkey(
        &mut self,
        passkey: &PasskeyRow,
        entry: EntryId,
    ) -> Result<Written, StoreError> {
        let document = crate::write_json("passkey", passkey)?;
        let (id, entry) = (passkey.id.to_string(), entry.to_string());
        let written = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO passkeys (id, credential, subject, entry, counter, document)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (credential) DO NOTHING",
            )
            .bind(&id)
            .bind(&passkey.credential)
            .bind(passkey.subject.as_str())
            .bind(&entry)
            .bind(i64::from(passkey.counter))
            .bind(&document)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Calls a passkey otherwise; when it was last used, and its counter, stay as they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_passkey(&mut self, passkey: &PasskeyRow) -> Result<Written, StoreError> {
        let document = crate::write_json("passkey", passkey)?;
        let id = passkey.id.to_string();
        let written = on!(self, |connection| {
            sqlx::query("UPDATE passkeys SET document = $1 WHERE id = $2")
                .bind(&document)
                .bind(&id)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Writes down that a passkey signed. A conflict: its counter did not go up, or it is gone. Of two
    /// that show the same counter at once, one is the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn use_passkey(
        &mut self,
        id: PasskeyId,
        counter: u32,
        at: Timestamp,
    ) -> Result<Written, StoreError> {
        let id = id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE passkeys SET counter = $1, last_used_at = $2
                 WHERE id = $3 AND (counter < $1 OR (counter = 0 AND $1 = 0))",
            )
            .bind(i64::from(counter))
            .bind(at.millis())
            .bind(&id)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Removes a passkey.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_passkey(&mut self, id: PasskeyId) -> Result<Written, StoreError> {
        let id = id.to_string();
        let written = on!(self, |connection| {
            sqlx::query("DELETE FROM passkeys WHERE id = $1")
                .bind(&id)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// The passkeys of somebody, oldest first, also those whose entry waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn passkeys_of(&mut self, subject: &Subject) -> Result<Vec<PasskeyRow>, StoreError> {
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, counter, last_used_at FROM passkeys
                 WHERE subject = $1 ORDER BY id LIMIT 100",
            )
            .bind(subject.as_str())
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// The passkeys of somebody that are in force: the ledger has the entry of their making.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn passkeys_in_force(
        &mut self,
        subject: &Subject,
    ) -> Result<Vec<PasskeyRow>, StoreError> {
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, counter, last_used_at FROM passkeys
                 WHERE subject = $1 AND NOT EXISTS
                     (SELECT 1 FROM outbox WHERE outbox.id = passkeys.entry)
                 ORDER BY id LIMIT 100",
            )
            .bind(subject.as_str())
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }
}

impl Store {
    /// What passkeys call somebody: what they were called first, else what is proposed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn passkey_user(
        &self,
        subject: &Subject,
        proposed: &Digest,
    ) -> Result<Digest, StoreError> {
        let mut change = self.change().await?;
        let text = proposed.to_string();
        let handle: String = on!(change, |connection| {
            sqlx::query(
                "INSERT INTO passkey_users (subject, handle) VALUES ($1, $2)
                 ON CONFLICT (subject) DO NOTHING",
            )
            .bind(subject.as_str())
            .bind(&text)
            .execute(&mut *connection)
            .await?;
            sqlx::query_scalar("SELECT handle FROM passkey_users WHERE subject = $1")
                .bind(subject.as_str())
                .fetch_one(connection)
                .await?
        });
        change.commit().await?;
        handle.parse().map_err(|error| StoreError::damaged("passkey user")(Box::new(error)))
    }
}

fn read((document, counter, last_used_at): Columns) -> Result<PasskeyRow, StoreError> {
    let passkey: PasskeyRow = crate::read_json("passkey", &document)?;
    let counter = u32::try_from(counter);
    let counter = counter.map_err(|error| StoreError::damaged("passkey")(Box::new(error)))?;
    Ok(PasskeyRow { counter, last_used_at: last_used_at.map(Timestamp::from_millis), ..passkey })
}
