//! Cut-offs: whose credentials are worth nothing if they were issued before a moment. One row for
//! each whom, which only ever moves forward.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{Epoch, Timestamp, Whose};

/// A cut-off that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOffRow {
    /// Whose credentials.
    pub whose: Whose,
    /// What was issued before this is worth nothing.
    pub at: Timestamp,
    /// From when on it may be forgotten.
    pub expires_at: Timestamp,
}

impl Transaction {
    /// Cut-offs that changed after an epoch; all of them when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cut_offs_since(
        &mut self,
        known: Option<Epoch>,
    ) -> Result<Vec<CutOffRow>, StoreError> {
        let known = match known {
            None => -1,
            Some(Epoch(number)) => i64::try_from(number).map_err(|_| StoreError::TooLarge)?,
        };
        let rows: Vec<(String, i64, i64)> = on!(self, |connection| {
            sqlx::query_as("SELECT whose, at, expires_at FROM cut_offs WHERE epoch > $1")
                .bind(known)
                .fetch_all(connection)
                .await?
        });
        rows.into_iter()
            .map(|(whose, at, expires_at)| {
                Ok(CutOffRow {
                    whose: crate::read_json("cut-off", &whose)?,
                    at: Timestamp::from_millis(at),
                    expires_at: Timestamp::from_millis(expires_at),
                })
            })
            .collect()
    }

    /// Writes a cut-off. [`Written::Conflict`] if one stands that is as late or later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cut_off(&mut self, row: &CutOffRow, epoch: Epoch) -> Result<Written, StoreError> {
        let whose = crate::write_json("cut-off", &row.whose)?;
        let epoch = i64::try_from(epoch.0).map_err(|_| StoreError::TooLarge)?;
        let written = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO cut_offs (whose, at, epoch, expires_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (whose) DO UPDATE
                 SET at = excluded.at, epoch = excluded.epoch, expires_at = excluded.expires_at
                 WHERE cut_offs.at < excluded.at",
            )
            .bind(&whose)
            .bind(row.at.millis())
            .bind(epoch)
            .bind(row.expires_at.millis())
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Forgets cut-offs whose time is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_cut_offs(&mut self, now: Timestamp) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query("DELETE FROM cut_offs WHERE expires_at <= $1")
                .bind(now.millis())
                .execute(connection)
                .await?;
        });
        Ok(())
    }
}
