//! When transmitters of security events were last heard, by whichever gateway they reached: so that
//! one that falls silent is noticed, and a restart does not forget how long it is silent.

use crate::{Store, StoreError, transaction::on};
use countersign_model::Timestamp;

impl Store {
    /// Writes down that a transmitter was heard. An earlier moment than the known one changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hear(&self, transmitter: &str, at: Timestamp) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query(
                "INSERT INTO heard (transmitter, heard_at) VALUES ($1, $2)
                 ON CONFLICT (transmitter) DO UPDATE SET heard_at = excluded.heard_at
                 WHERE heard.heard_at < excluded.heard_at",
            )
            .bind(transmitter)
            .bind(at.millis())
            .execute(connection)
            .await?;
        });
        change.commit().await
    }

    /// When each transmitter was last heard, as far as it ever was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_heard(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let mut view = self.view().await?;
        let rows: Vec<(String, i64)> = on!(view, |connection| {
            sqlx::query_as(
                "SELECT transmitter, heard_at FROM heard ORDER BY transmitter LIMIT 1000",
            )
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(|(name, at)| (name, Timestamp::from_millis(at))).collect())
    }
}
