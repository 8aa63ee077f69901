//! Deliveries of notices: one row for each channel that a notice goes over. A gateway claims one by
//! compare-and-set, sends, and writes what became of it; who dies in between leaves a claim that ends by
//! itself, and the next one sends under the same id.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{DeliveryId, NoticeId, Subject, Timestamp};
use serde::Serialize;

/// A notice on its way over one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    /// Its name; the same with each attempt.
    pub id: DeliveryId,
    /// Which notice.
    pub notice: NoticeId,
    /// Over which channel.
    pub channel: String,
    /// Whom; absent where the channel is a room or a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Subject>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it is tried next, or from when on another gateway may.
    pub next_at: Timestamp,
    /// Which gateway tried it last; empty if none did.
    pub gateway: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What went wrong last; empty if nothing did.
    pub error: String,
    /// What the channel answered last: an SMTP reply, an HTTP status.
    pub answer: String,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Nobody has tried it.
    Queued,
    /// A gateway tries it.
    Sending,
    /// The channel took it.
    Sent,
    /// It did not, and it is tried again.
    Failed,
    /// Nobody tries it any more.
    GivenUp,
    /// It became pointless before it was sent.
    Withdrawn,
}

/// A delivery to make.
#[derive(Clone, Copy, Debug)]
pub struct NewDelivery<'a> {
    /// Its name.
    pub id: DeliveryId,
    /// Which notice.
    pub notice: NoticeId,
    /// Over which channel.
    pub channel: &'a str,
    /// What goes over this channel once: a notice, or an occasion.
    pub target: &'a str,
    /// Whom.
    pub to: Option<&'a Subject>,
    /// When.
    pub at: Timestamp,
}

/// Which deliveries to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct DeliveryQuery {
    /// Only of this notice.
    pub notice: Option<NoticeId>,
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only older than this one.
    pub before: Option<DeliveryId>,
    /// How many at most.
    pub limit: u32,
}

type Columns =
    (String, String, String, String, String, i64, i64, i64, String, Option<i64>, String, String);

const COLUMNS: &str = "id, notice, channel, recipient, state, attempts, made_at, next_at, gateway, \
                       ended_at, error, answer";

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Sending, Self::Sent, Self::Failed, Self::GivenUp, Self::Withdrawn];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Whether nothing follows.
    pub const fn is_end(self) -> bool {
        match self {
            Self::Queued | Self::Sending | Self::Failed => false,
            Self::Sent | Self::GivenUp | Self::Withdrawn => true,
        }
    }
}

impl Transaction {
    /// Adds a delivery. [`Written::Conflict`] if there is one with this target over this channel.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_delivery(&mut self, new: &NewDelivery<'_>) -> Result<Written, StoreError> {
        let (id, notice) = (new.id.to_string(), new.notice.to_string());
        let written = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO notice_deliveries (id, notice, channel, target, recipient, state,
                     attempts, made_at, next_at, gateway, error, answer)
                 VALUES ($1, $2, $3, $4, $5, 'queued', 0, $6, $6, '', '', '')
                 ON CONFLICT (channel, target) DO NOTHING",
            )
            .bind(&id)
            .bind(&notice)
            .bind(new.channel)
            .bind(new.target)
            .bind(new.to.map_or("", Subject::as_str))
            .bind(new.at.millis())
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Deliveries over a channel whose time has come, oldest first: new ones, failed ones, and those whose gateway
    /// did not say what became of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries_due(
        &mut self,
        channel: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM notice_deliveries
             WHERE state IN ('queued', 'sending', 'failed') AND channel = $1 AND next_at <= $2
             ORDER BY next_at LIMIT $3"
        ));
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(sql)
                .bind(channel)
                .bind(now.millis())
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Deliveries that have been due since before a moment, over whichever channel.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries_stuck(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM notice_deliveries
             WHERE state IN ('queued', 'sending', 'failed') AND next_at <= $1
             ORDER BY next_at LIMIT $2"
        ));
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(sql)
                .bind(before.millis())
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Claims a delivery as it was read, until a moment. [`Written::Conflict`] if another gateway was
    /// first, or it was withdrawn.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_delivery(
        &mut self,
        row: &DeliveryRow,
        gateway: &str,
        until: Timestamp,
    ) -> Result<Written, StoreError> {
        let id = row.id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE notice_deliveries
                 SET state = 'sending', attempts = attempts + 1, gateway = $1, next_at = $2
                 WHERE id = $3 AND attempts = $4 AND state IN ('queued', 'sending', 'failed')",
            )
            .bind(gateway)
            .bind(until.millis())
            .bind(&id)
            .bind(i64::from(row.attempts))
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Writes what became of a claimed delivery. [`Written::Conflict`] if another gateway has claimed
    /// it since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_delivery(&mut self, row: &DeliveryRow) -> Result<Written, StoreError> {
        let id = row.id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE notice_deliveries
                 SET state = $1, next_at = $2, ended_at = $3, error = $4, answer = $5
                 WHERE id = $6 AND attempts = $7 AND state = 'sending'",
            )
            .bind(row.state.name())
            .bind(row.next_at.millis())
            .bind(row.ended_at.map(Timestamp::millis))
            .bind(&row.error)
            .bind(&row.answer)
            .bind(&id)
            .bind(i64::from(row.attempts))
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Deliveries, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries(
        &mut self,
        query: &DeliveryQuery,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let notice = query.notice.map_or_else(String::new, |it| it.to_string());
        let before = query.before.map_or_else(String::new, |it| it.to_string());
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM notice_deliveries
             WHERE ($1 = '' OR id < $1) AND ($2 = '' OR notice = $2) AND ($3 = '' OR state = $3)
             ORDER BY id DESC LIMIT $4"
        ));
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(sql)
                .bind(&before)
                .bind(&notice)
                .bind(query.state.map_or("", DeliveryState::name))
                .bind(i64::from(query.limit))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Deliveries of the notices about something, and of the digests that brought those, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries_about(
        &mut self,
        about: &str,
        after: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let after = after.map_or_else(String::new, |it| it.to_string());
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM notice_deliveries
             WHERE notice IN (SELECT notice FROM notice_abouts WHERE about = $1) AND id > $2
             ORDER BY id LIMIT $3"
        ));
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(sql)
                .bind(about)
                .bind(&after)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(read).collect()
    }
}

fn read(columns: Columns) -> Result<DeliveryRow, StoreError> {
    let (id, notice, channel, to, state, attempts, made, next, gateway, ended, error, answer) =
        columns;
    let damaged = StoreError::damaged("delivery");
    let unknown = || damaged("its state is unknown".into());
    Ok(DeliveryRow {
        id: id.parse().map_err(|bad| damaged(Box::new(bad)))?,
        notice: notice.parse().map_err(|bad| damaged(Box::new(bad)))?,
        channel,
        to: (!to.is_empty()).then(|| Subject::new(to)),
        state: DeliveryState::named(&state).ok_or_else(unknown)?,
        attempts: u32::try_from(attempts).map_err(|_| StoreError::TooLarge)?,
        made_at: Timestamp::from_millis(made),
        next_at: Timestamp::from_millis(next),
        gateway,
        ended_at: ended.map(Timestamp::from_millis),
        error,
        answer,
    })
}
