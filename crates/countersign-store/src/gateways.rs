//! Which gateways are alive, so that another can take over what a dead one left.

use crate::{StoreError, Transaction, transaction::on};
use countersign_model::Timestamp;

impl Transaction {
    /// Says that a gateway is alive.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn saw_gateway(&mut self, name: &str, now: Timestamp) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO gateways (name, seen_at) VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at",
            )
            .bind(name)
            .bind(now.millis())
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Gateways that were last alive before some time.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn gateways_silent_since(
        &mut self,
        before: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        Ok(on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT name FROM gateways WHERE seen_at < $1 ORDER BY name LIMIT 100",
            )
            .bind(before.millis())
            .fetch_all(connection)
            .await?
        }))
    }

    /// Forgets a gateway that has nothing left.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_gateway(&mut self, name: &str) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query("DELETE FROM gateways WHERE name = $1")
                .bind(name)
                .execute(connection)
                .await?;
        });
        Ok(())
    }
}
