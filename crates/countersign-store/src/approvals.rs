//! Approvals: a document, its digest and state, and a revision for the compare-and-set.

use crate::{StoreError, Transaction, transaction::on};
use countersign_model::{
    Approval, ApprovalId, ApprovalState, Digest, FunctionName, Subject, Timestamp,
};

/// Whether a compare-and-set found what it expected.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It did, and wrote.
    Done,
    /// Somebody else wrote before, or there is nothing to write to.
    Conflict,
}

impl Written {
    pub(crate) fn of(rows: u64) -> Self {
        if rows == 1 { Self::Done } else { Self::Conflict }
    }
}

/// An approval and the revision for its compare-and-set.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalRow {
    /// The approval.
    pub approval: Approval,
    /// Grows with every write.
    pub revision: i64,
}

/// Which approvals to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct ApprovalQuery {
    /// Only in these states; in any when empty.
    pub states: Vec<String>,
    /// Only of this function.
    pub function: Option<FunctionName>,
    /// Only older than this one.
    pub before: Option<ApprovalId>,
    /// How many at most.
    pub limit: u32,
}

/// Changed approvals that one look takes at most.
pub const APPROVALS_LOOK_MAX: usize = 1_000;

/// Open approvals that one page holds at most.
pub const OPEN_PAGE: usize = 256;

impl Transaction {
    /// An approval.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval(&mut self, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        let id = id.to_string();
        let row: Option<(String, i64)> = on!(self, |connection| {
            sqlx::query_as("SELECT document, revision FROM approvals WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        });
        row.map(read).transpose()
    }

    /// The approval that a repeat of the same call would join.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_approval(
        &mut self,
        digest: &Digest,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        let digest = digest.to_string();
        let row: Option<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM approvals
                 WHERE digest = $1 AND state IN ('pending', 'approved')",
            )
            .bind(&digest)
            .fetch_optional(connection)
            .await?
        });
        row.map(read).transpose()
    }

    /// How many calls of a subject wait for people.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_of(&mut self, subject: &Subject) -> Result<u64, StoreError> {
        let count: i64 = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT count(*) FROM approvals WHERE subject = $1 AND state = 'pending'",
            )
            .bind(subject.as_str())
            .fetch_one(connection)
            .await?
        });
        Ok(count.unsigned_abs())
    }

    /// Calls of a subject that wait for people, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_calls_of(
        &mut self,
        subject: &Subject,
        limit: u32,
    ) -> Result<Vec<Approval>, StoreError> {
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM approvals WHERE subject = $1 AND state = 'pending'
                 ORDER BY id LIMIT $2",
            )
            .bind(subject.as_str())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(|row| Ok(read(row)?.approval)).collect()
    }

    /// Approvals that time has ended but nobody has said so, some hundreds at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lapsed_approvals(
        &mut self,
        now: Timestamp,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM approvals
                 WHERE state IN ('pending', 'approved') AND lapses_at <= $1
                 ORDER BY lapses_at LIMIT 256",
            )
            .bind(now.millis())
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Approvals that a gateway was using, some hundreds at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn redeeming_approvals(
        &mut self,
        gateway: &str,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM approvals
                 WHERE state = 'redeeming' AND gateway = $1 ORDER BY id LIMIT 256",
            )
            .bind(gateway)
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Open requests and approvals in whose document a text stands, oldest first after one of
    /// them, [`OPEN_PAGE`] at most. Upper and lower case may be taken for the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_approvals_naming(
        &mut self,
        text: &str,
        after: Option<ApprovalId>,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let text = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        let pattern = format!("%{text}%");
        let after = after.map_or_else(String::new, |it| it.to_string());
        let page = i64::try_from(OPEN_PAGE).unwrap_or(i64::MAX);
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM approvals
                 WHERE state IN ('pending', 'approved') AND id > $1
                 AND lower(document) LIKE lower($2) ESCAPE '!' ORDER BY id LIMIT $3",
            )
            .bind(&after)
            .bind(&pattern)
            .bind(page)
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Which approvals changed after a number, and the number of each, in order; a thousand at
    /// most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approvals_since(
        &mut self,
        tick: u64,
    ) -> Result<Vec<(ApprovalId, u64)>, StoreError> {
        let tick = i64::try_from(tick).map_err(|_| StoreError::TooLarge)?;
        let look_max = i64::try_from(APPROVALS_LOOK_MAX).unwrap_or(i64::MAX);
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as("SELECT id, tick FROM approvals WHERE tick > $1 ORDER BY tick LIMIT $2")
                .bind(tick)
                .bind(look_max)
                .fetch_all(connection)
                .await?
        });
        let damaged = StoreError::damaged("approval's id");
        rows.into_iter()
            .map(|(id, tick)| {
                let id = id.parse().map_err(|error| damaged(Box::new(error)))?;
                Ok((id, tick.unsigned_abs()))
            })
            .collect()
    }

    /// Lists approvals, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approvals(&mut self, query: &ApprovalQuery) -> Result<Vec<Approval>, StoreError> {
        let states = (!query.states.is_empty()).then(|| format!(",{},", query.states.join(",")));
        let before = query.before.map(|it| it.to_string());
        let rows: Vec<(String, i64)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, revision FROM approvals
                 WHERE ($1 IS NULL OR $1 LIKE '%,' || state || ',%')
                 AND ($2 IS NULL OR function = $2) AND ($3 IS NULL OR id < $3)
                 ORDER BY id DESC LIMIT $4",
            )
            .bind(states.as_deref())
            .bind(query.function.as_ref().map(FunctionName::as_str))
            .bind(before.as_deref())
            .bind(i64::from(query.limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(|row| read(row).map(|row| row.approval)).collect()
    }

    /// Adds an approval. [`Written::Conflict`] if one with the same digest is open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_approval(
        &mut self,
        approval: &Approval,
        salt: &[u8; 16],
        gateway: &str,
        tick: u64,
    ) -> Result<Written, StoreError> {
        let document = crate::write_json("approval", approval)?;
        let (id, digest) = (approval.id.to_string(), approval.digest.to_string());
        let tick = i64::try_from(tick).map_err(|_| StoreError::TooLarge)?;
        let written = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO approvals (id, digest, state, subject, function, lapses_at, gateway,
                     revision, tick, salt, document)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10)
                 ON CONFLICT DO NOTHING",
            )
            .bind(&id)
            .bind(&digest)
            .bind(approval.state.name())
            .bind(approval.call.caller.subject.as_str())
            .bind(approval.call.function.as_str())
            .bind(lapses_at(approval))
            .bind(gateway)
            .bind(tick)
            .bind(salt.as_slice())
            .bind(&document)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Writes an approval's next state, if nobody else has written since it was read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_approval(
        &mut self,
        next: &ApprovalRow,
        gateway: &str,
        tick: u64,
    ) -> Result<Written, StoreError> {
        let document = crate::write_json("approval", &next.approval)?;
        let id = next.approval.id.to_string();
        let tick = i64::try_from(tick).map_err(|_| StoreError::TooLarge)?;
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE approvals SET state = $1, lapses_at = $2, gateway = $3, tick = $4,
                     document = $5, revision = revision + 1
                 WHERE id = $6 AND revision = $7",
            )
            .bind(next.approval.state.name())
            .bind(lapses_at(&next.approval))
            .bind(gateway)
            .bind(tick)
            .bind(&document)
            .bind(&id)
            .bind(next.revision)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// The salt of an approval's commitment in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_salt(&mut self, id: ApprovalId) -> Result<Option<Vec<u8>>, StoreError> {
        let id = id.to_string();
        Ok(on!(self, |connection| {
            sqlx::query_scalar("SELECT salt FROM approvals WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        }))
    }
}

fn read((document, revision): (String, i64)) -> Result<ApprovalRow, StoreError> {
    Ok(ApprovalRow { approval: crate::read_json("approval", &document)?, revision })
}

/// When time alone ends it, in milliseconds since the Unix epoch.
fn lapses_at(approval: &Approval) -> Option<i64> {
    match &approval.state {
        ApprovalState::Pending => Some(approval.answer_by.millis()),
        ApprovalState::Approved { until, .. } => Some(until.millis()),
        ApprovalState::Denied { .. }
        | ApprovalState::Expired { .. }
        | ApprovalState::Cancelled { .. }
        | ApprovalState::Revoked { .. }
        | ApprovalState::Redeeming { .. }
        | ApprovalState::Executed { .. }
        | ApprovalState::Failed { .. }
        | ApprovalState::OutcomeUnknown { .. } => None,
    }
}
