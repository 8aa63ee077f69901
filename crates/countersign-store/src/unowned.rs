//! Functions that nobody answers for any more (R7): since when that is known, and since when their calls
//! are stopped. Whether it is still so, the policy says.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{FunctionName, Timestamp, snapshot::Unowned};

impl Transaction {
    /// All of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unowned(&mut self) -> Result<Vec<Unowned>, StoreError> {
        let rows: Vec<(String, i64, Option<i64>)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT function, seen_at, stopped_at FROM unowned_functions ORDER BY function",
            )
            .fetch_all(connection)
            .await?
        });
        let row = |(function, seen_at, stopped_at): (String, i64, Option<i64>)| Unowned {
            function: FunctionName::new(function),
            seen_at: Timestamp::from_millis(seen_at),
            stopped_at: stopped_at.map(Timestamp::from_millis),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Notes that nobody answers for a function. Who noted it first, noted it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn saw_unowned(
        &mut self,
        function: &FunctionName,
        at: Timestamp,
    ) -> Result<Written, StoreError> {
        let written = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO unowned_functions (function, seen_at) VALUES ($1, $2)
                 ON CONFLICT DO NOTHING",
            )
            .bind(function.as_str())
            .bind(at.millis())
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Stops calls to a function that nobody has answered for since then, at the commit.
    /// [`Written::Conflict`] if that was done already, or is not so any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stop_unowned(
        &mut self,
        before: &Unowned,
        at: Timestamp,
    ) -> Result<Written, StoreError> {
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE unowned_functions SET stopped_at = $1
                 WHERE function = $2 AND seen_at = $3 AND stopped_at IS NULL",
            )
            .bind(at.millis())
            .bind(before.function.as_str())
            .bind(before.seen_at.millis())
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Forgets a function that somebody answers for again. [`Written::Conflict`] if that was done already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_unowned(&mut self, before: &Unowned) -> Result<Written, StoreError> {
        let written = on!(self, |connection| {
            sqlx::query("DELETE FROM unowned_functions WHERE function = $1 AND seen_at = $2")
                .bind(before.function.as_str())
                .bind(before.seen_at.millis())
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(Written::of(written))
    }
}
