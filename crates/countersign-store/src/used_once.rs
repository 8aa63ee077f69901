//! What may be used once, for all gateways of an installation. Only digests of it stand here.

use crate::{Store, StoreError, transaction::on};
use countersign_model::{Digest, Timestamp};

impl Store {
    /// Writes down that the thing with this digest is used; whether nobody used it before. Of two
    /// that ask at once, one is the first. It may be forgotten from `until` on.
    ///
    /// # Errors
    /// [`StoreError`]; then nobody knows, and it must count as used.
    pub async fn use_once(&self, name: &Digest, until: Timestamp) -> Result<bool, StoreError> {
        let name = name.to_string();
        let mut change = self.change().await?;
        let written = on!(change, |connection| {
            sqlx::query(
                "INSERT INTO used_once (name, until) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            )
            .bind(&name)
            .bind(until.millis())
            .execute(connection)
            .await?
            .rows_affected()
        });
        change.commit().await?;
        Ok(written == 1)
    }

    /// Forgets what nobody could use any more; how much it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_used_once(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut change = self.change().await?;
        let removed = on!(change, |connection| {
            sqlx::query("DELETE FROM used_once WHERE until <= $1")
                .bind(now.millis())
                .execute(connection)
                .await?
                .rows_affected()
        });
        change.commit().await?;
        Ok(removed)
    }
}
