//! Every step of every grant: the grant as it stood after it, never changed.

use crate::{GrantRow, StoreError, Transaction, transaction::on, usage::NAMES_AT_ONCE};
use countersign_model::{Grant, GrantId, Subject, Timestamp, ids::EntryId, record::GrantChange};
use sqlx::AssertSqlSafe;

/// One step of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantStepRow {
    /// Which step: grows with each.
    pub revision: i64,
    /// When; `None` for what was there before steps were kept.
    pub at: Option<Timestamp>,
    /// Who did it; empty for what was there before steps were kept.
    pub by: Subject,
    /// What happened.
    pub change: GrantChange,
    /// The grant after it.
    pub grant: Grant,
}

/// Steps of one grant that one look takes at most, the last ones.
pub const GRANT_STEPS_MAX: i64 = 500;

impl Transaction {
    /// Keeps a step. `row` is as it stands after it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_grant_step(
        &mut self,
        row: &GrantRow,
        change: GrantChange,
        by: &Subject,
        at: Timestamp,
        entry: EntryId,
    ) -> Result<(), StoreError> {
        let document = crate::write_json("grant", &row.grant)?;
        let change = crate::write_json("grant", &change)?;
        let (id, entry) = (row.grant.id.to_string(), entry.to_string());
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO grant_steps (grant_id, revision, at, done_by, change, entry, document)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&id)
            .bind(row.revision)
            .bind(at.millis())
            .bind(by.as_str())
            .bind(change.trim_matches('"'))
            .bind(&entry)
            .bind(&document)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// The steps of a grant, oldest first, the last [`GRANT_STEPS_MAX`] of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grant_steps(&mut self, id: GrantId) -> Result<Vec<GrantStepRow>, StoreError> {
        let id = id.to_string();
        let rows: Vec<(i64, i64, String, String, String)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT revision, at, done_by, change, document FROM grant_steps
                 WHERE grant_id = $1 ORDER BY revision DESC LIMIT $2",
            )
            .bind(&id)
            .bind(GRANT_STEPS_MAX)
            .fetch_all(connection)
            .await?
        });
        let row = |(revision, at, by, change, document): (i64, i64, String, String, String)| {
            Ok(GrantStepRow {
                revision,
                at: (at != 0).then(|| Timestamp::from_millis(at)),
                by: Subject::new(by),
                change: crate::read_json("grant", &format!("\"{change}\""))?,
                grant: crate::read_json("grant", &document)?,
            })
        };
        rows.into_iter().rev().map(row).collect()
    }

    /// When each of these grants was last changed to permit something else after a moment, if it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn widened_since(
        &mut self,
        grants: &[GrantId],
        since: Timestamp,
    ) -> Result<Vec<(GrantId, Timestamp)>, StoreError> {
        let mut found = Vec::new();
        let places = self.places();
        for some in grants.chunks(NAMES_AT_ONCE) {
            let sql = format!(
                "SELECT grant_id, MAX(at) FROM grant_steps
                 WHERE change = 'widened' AND at > {} AND grant_id IN ({})
                 GROUP BY grant_id",
                places.one(1),
                places.list(some.len(), 1)
            );
            let rows: Vec<(String, i64)> = on!(self, |connection| {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(since.millis());
                for grant in some {
                    query = query.bind(grant.to_string());
                }
                query.fetch_all(connection).await?
            });
            for (id, at) in rows {
                let id =
                    id.parse().map_err(|bad| StoreError::damaged("grant's id")(Box::new(bad)))?;
                found.push((id, Timestamp::from_millis(at)));
            }
        }
        Ok(found)
    }
}
