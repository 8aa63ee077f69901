//! Requests for grants: a document with the columns that queries need.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{GrantRequestId, Subject, Timestamp, grant::GrantRequest};

/// A request and the revision for its compare-and-set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRequestRow {
    /// The request.
    pub request: GrantRequest,
    /// Grows with every write.
    pub revision: i64,
}

/// Which requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantRequestsOf {
    /// Those that wait.
    Pending,
    /// All, the newest first.
    All,
}

/// Requests that one list has at most.
pub const GRANT_REQUESTS_MAX: i64 = 1_000;

impl Transaction {
    /// Adds a request.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_grant_request(&mut self, request: &GrantRequest) -> Result<(), StoreError> {
        let document = crate::write_json("grant request", request)?;
        let (id, holder) = (request.id.to_string(), request.holder.to_string());
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO grant_requests
                     (id, state, asked_by, holder, lapses_at, revision, document)
                 VALUES ($1, $2, $3, $4, $5, 1, $6)",
            )
            .bind(&id)
            .bind(request.state.name())
            .bind(request.asked_by.as_str())
            .bind(&holder)
            .bind(request.lapses_at.millis())
            .bind(&document)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// A request.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grant_request(
        &mut self,
        id: GrantRequestId,
    ) -> Result<Option<GrantRequestRow>, StoreError> {
        let id = id.to_string();
        let row: Option<(String, i64)> = on!(self, |connection| {
            sqlx::query_as("SELECT document, revision FROM grant_requests WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        });
        row.map(read).transpose()
    }

    /// Writes a request's next state, if nobody else has written since it was read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_grant_request(
        &mut self,
        next: &GrantRequestRow,
    ) -> Result<Written, StoreError> {
        let document = crate::write_json("grant request", &next.request)?;
        let id = next.request.id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE grant_requests SET state = $1, document = $2, revision = revision + 1
                 WHERE id = $3 AND revision = $4",
            )
            .bind(next.request.state.name())
            .bind(&document)
            .bind(&id)
            .bind(next.revision)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// How many requests of somebody wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grant_requests_waiting_of(&mut self, asker: &Subject) -> Result<u64, StoreError> {
        let count: i64 = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT count(*) FROM grant_requests WHERE asked_by = $1 AND state = 'pending'",
            )
            .bind(asker.as_str())
            .fetch_one(connection)
            .await?
        });
        Ok(count.unsigned_abs())
    }

    /// Requests, the newest first, [`GRANT_REQUESTS_MAX`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grant_requests(
        &mut self,
        of: GrantRequestsOf,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        let all = i64::from(of == GrantRequestsOf::All);
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM grant_requests
                 WHERE $1 = 1 OR state = 'pending' ORDER BY id DESC LIMIT $2",
            )
            .bind(all)
            .bind(GRANT_REQUESTS_MAX)
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Requests that nobody answered in time, some at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grant_requests_lapsed(
        &mut self,
        now: Timestamp,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM grant_requests
                 WHERE state = 'pending' AND lapses_at <= $1 ORDER BY lapses_at LIMIT 100",
            )
            .bind(now.millis())
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }
}

fn read((document, revision): (String, i64)) -> Result<GrantRequestRow, StoreError> {
    Ok(GrantRequestRow { request: crate::read_json("grant request", &document)?, revision })
}
