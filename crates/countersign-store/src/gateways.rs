//! Which gateways are alive, so that another can take over what a dead one left.

use crate::{StoreError, Transaction, transaction::on};
use countersign_model::{Epoch, Timestamp};

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

    /// Says by which policy a gateway decides from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn serves_epoch(&mut self, name: &str, epoch: Epoch) -> Result<(), StoreError> {
        let epoch = i64::try_from(epoch.0).map_err(|_| StoreError::TooLarge)?;
        on!(self, |connection| {
            sqlx::query("UPDATE gateways SET epoch = $1 WHERE name = $2")
                .bind(epoch)
                .bind(name)
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// The oldest policy that some gateway may still decide by. A gateway that is silent counts until
    /// it is taken over.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn epoch_served_by_all(&mut self) -> Result<Epoch, StoreError> {
        let least: Option<i64> = on!(self, |connection| {
            sqlx::query_scalar("SELECT min(epoch) FROM gateways").fetch_one(connection).await?
        });
        Ok(Epoch(least.unwrap_or(0).unsigned_abs()))
    }

    /// Whether a gateway has said that it is alive since some time.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn gateway_seen_since(
        &mut self,
        name: &str,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let seen: Option<i64> = on!(self, |connection| {
            sqlx::query_scalar("SELECT seen_at FROM gateways WHERE name = $1 AND seen_at >= $2")
                .bind(name)
                .bind(since.millis())
                .fetch_optional(connection)
                .await?
        });
        Ok(seen.map(Timestamp::from_millis))
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
