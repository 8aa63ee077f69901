//! The two numbers that grow with changes, and the channel that tells of it.

use crate::{Store, StoreError, Transaction, transaction::News, transaction::on};
use countersign_model::Epoch;
use sqlx::postgres::PgListener;

/// The PostgreSQL channel on which a commit says that there is something new.
pub const NOTIFY_CHANNEL: &str = "countersign_changed";

/// Where both numbers stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Grows with each change of policy that is in force.
    pub epoch: Epoch,
    /// Grows with each change of any approval.
    pub approvals: u64,
}

impl Transaction {
    /// Where both numbers stand.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn counters(&mut self) -> Result<Counters, StoreError> {
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as("SELECT name, number FROM counters").fetch_all(connection).await?
        });
        let number = |wanted: &str| {
            let found = rows.iter().find(|(name, _)| name == wanted);
            found.map_or(0, |(_, number)| number.unsigned_abs())
        };
        Ok(Counters { epoch: Epoch(number("epoch")), approvals: number("approvals") })
    }

    /// The epoch as it stands, with all other changes of policy kept out until this one ends.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lock_epoch(&mut self) -> Result<Epoch, StoreError> {
        self.add("epoch", 0).await.map(Epoch)
    }

    /// The next epoch, with all other changes of policy kept out until this one ends.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn next_epoch(&mut self) -> Result<Epoch, StoreError> {
        self.news = News::Some;
        self.add("epoch", 1).await.map(Epoch)
    }

    /// The next number of the approvals, with all other changes of approvals kept out until this
    /// one ends.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn next_tick(&mut self) -> Result<u64, StoreError> {
        self.news = News::Some;
        self.add("approvals", 1).await
    }

    async fn add(&mut self, name: &str, number: i64) -> Result<u64, StoreError> {
        let number: i64 = on!(self, |connection| {
            sqlx::query_scalar(
                "UPDATE counters SET number = number + $1 WHERE name = $2 RETURNING number",
            )
            .bind(number)
            .bind(name)
            .fetch_one(connection)
            .await?
        });
        Ok(number.unsigned_abs())
    }
}

/// Hears of changes that other gateways made.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Store {
    /// A listener for changes; `None` where the database has none and polling is all.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        let Some(pool) = self.postgres() else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(NOTIFY_CHANNEL).await?;
        Ok(Some(Listener(listener)))
    }
}

impl Listener {
    /// Waits until there may be something new. What came while the connection was lost is not
    /// repeated: polling finds it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        self.0.recv().await?;
        Ok(())
    }
}
