//! Notices: what somebody is told, once for each occasion, and what they have read. Their deliveries
//! stand in a file of their own.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{NoticeAbout, NoticeId, NoticeKind, Subject, Timestamp, Urgency};
use serde::{Deserialize, Serialize};

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRow {
    /// Its name.
    pub id: NoticeId,
    /// Whom.
    pub to: Subject,
    /// What kind of thing.
    pub kind: NoticeKind,
    /// The ids of what it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<NoticeAbout>,
    /// What it is told for: nobody is told twice for one occasion.
    pub occasion: String,
    /// One line.
    pub title: String,
    /// Plain text, some sentences.
    pub text: String,
    /// Where it is answered or looked at, below the public URL: `/console/approvals/apr_…`.
    pub link: String,
    /// When it is told.
    pub urgency: Urgency,
    /// When it was made.
    pub made_at: Timestamp,
    /// The notices that it brings, if it is a digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brings: Vec<NoticeId>,
    /// When it was read in the console; kept beside the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// When it became pointless, because somebody answered; kept beside the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
}

/// Whether a notice is named by a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDigest {
    /// By none.
    No,
    /// By the next.
    Waits,
    /// By one that was made.
    Named,
}

/// Which notices of somebody to list, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticesListed {
    /// All but digests, whose parts are listed.
    All,
    /// Those that are neither read nor withdrawn.
    Unread,
}

/// Over which channels somebody wants to be told, by the channels' names. A channel that is not named
/// is not used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeChoice {
    /// What can't wait.
    pub now: Vec<String>,
    /// The digest of the day.
    pub digest: Vec<String>,
}

type Columns = (String, Option<i64>, Option<i64>);

impl InDigest {
    const fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Waits => "waits",
            Self::Named => "named",
        }
    }
}

impl Transaction {
    /// Adds a notice. [`Written::Conflict`] if they were told for this occasion before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_notice(
        &mut self,
        notice: &NoticeRow,
        in_digest: InDigest,
    ) -> Result<Written, StoreError> {
        let document = crate::write_json("notice", notice)?;
        let id = notice.id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO notices (id, recipient, occasion, kind, in_digest, made_at, document)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (recipient, occasion) DO NOTHING",
            )
            .bind(&id)
            .bind(notice.to.as_str())
            .bind(&notice.occasion)
            .bind(notice.kind.name())
            .bind(in_digest.name())
            .bind(notice.made_at.millis())
            .bind(&document)
            .execute(connection)
            .await?
            .rows_affected()
        });
        if written == 1 {
            for about in &notice.about {
                on!(self, |connection| {
                    sqlx::query(
                        "INSERT INTO notice_abouts (about, notice) VALUES ($1, $2)
                         ON CONFLICT DO NOTHING",
                    )
                    .bind(about.as_str())
                    .bind(&id)
                    .execute(connection)
                    .await?;
                });
            }
        }
        Ok(Written::of(written))
    }

    /// A notice.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notice(&mut self, id: NoticeId) -> Result<Option<NoticeRow>, StoreError> {
        let id = id.to_string();
        let row: Option<Columns> = on!(self, |connection| {
            sqlx::query_as("SELECT document, read_at, withdrawn_at FROM notices WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        });
        row.map(read).transpose()
    }

    /// Notices of somebody, newest first, older than one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notices_of(
        &mut self,
        to: &Subject,
        listed: NoticesListed,
        before: Option<NoticeId>,
        limit: u32,
    ) -> Result<Vec<NoticeRow>, StoreError> {
        let which = match listed {
            NoticesListed::All => "all",
            NoticesListed::Unread => "unread",
        };
        let before = before.map_or_else(String::new, |it| it.to_string());
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, read_at, withdrawn_at FROM notices
                 WHERE recipient = $1 AND ($2 = '' OR id < $2) AND kind <> 'digest'
                   AND ($3 = 'all' OR (read_at IS NULL AND withdrawn_at IS NULL))
                 ORDER BY id DESC LIMIT $4",
            )
            .bind(to.as_str())
            .bind(&before)
            .bind(which)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Notices about something, oldest first, after one of them; the digests that brought them too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notices_about(
        &mut self,
        about: &str,
        after: Option<NoticeId>,
        limit: u32,
    ) -> Result<Vec<NoticeRow>, StoreError> {
        let after = after.map_or_else(String::new, |it| it.to_string());
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, read_at, withdrawn_at FROM notices
                 WHERE id IN (SELECT notice FROM notice_abouts WHERE about = $1) AND id > $2
                 ORDER BY id LIMIT $3",
            )
            .bind(about)
            .bind(&after)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// How many notices somebody has not read, of those that still mean something.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notices_unread(&mut self, to: &Subject) -> Result<u64, StoreError> {
        let count: i64 = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT count(*) FROM notices WHERE recipient = $1 AND read_at IS NULL
                   AND withdrawn_at IS NULL AND kind <> 'digest'",
            )
            .bind(to.as_str())
            .fetch_one(connection)
            .await?
        });
        Ok(count.unsigned_abs())
    }

    /// Says that somebody read a notice of theirs; all of theirs if none is named. How many it were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_notices(
        &mut self,
        to: &Subject,
        id: Option<NoticeId>,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let id = id.map_or_else(String::new, |it| it.to_string());
        Ok(on!(self, |connection| {
            sqlx::query(
                "UPDATE notices SET read_at = $1
                 WHERE recipient = $2 AND read_at IS NULL AND ($3 = '' OR id = $3)",
            )
            .bind(at.millis())
            .bind(to.as_str())
            .bind(&id)
            .execute(connection)
            .await?
            .rows_affected()
        }))
    }

    /// Says that nobody needs to do anything for an occasion any more: its notices are in no digest,
    /// count as read by nobody's doing, and what was not sent yet is not sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn withdraw_notices(
        &mut self,
        occasion: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query(
                "UPDATE notices SET withdrawn_at = $1,
                     in_digest = CASE in_digest WHEN 'waits' THEN 'no' ELSE in_digest END
                 WHERE occasion = $2 AND withdrawn_at IS NULL",
            )
            .bind(at.millis())
            .bind(occasion)
            .execute(&mut *connection)
            .await?;
            sqlx::query(
                "UPDATE notice_deliveries SET state = 'withdrawn', ended_at = $1
                 WHERE state IN ('queued', 'failed')
                   AND notice IN (SELECT id FROM notices WHERE occasion = $2)",
            )
            .bind(at.millis())
            .bind(occasion)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// People for whom something waits for a digest, by name after one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn digests_wanted(
        &mut self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Subject>, StoreError> {
        let rows: Vec<String> = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT DISTINCT recipient FROM notices
                 WHERE in_digest = 'waits' AND recipient > $1 ORDER BY recipient LIMIT $2",
            )
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(Subject::new).collect())
    }

    /// What waits for somebody's digest, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn for_digest(
        &mut self,
        to: &Subject,
        limit: u32,
    ) -> Result<Vec<NoticeRow>, StoreError> {
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT document, read_at, withdrawn_at FROM notices
                 WHERE in_digest = 'waits' AND recipient = $1 ORDER BY id LIMIT $2",
            )
            .bind(to.as_str())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }

    /// Says that a digest names a notice. [`Written::Conflict`] if another one does, or it was
    /// withdrawn meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn in_digest(&mut self, id: NoticeId) -> Result<Written, StoreError> {
        let id = id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE notices SET in_digest = 'named' WHERE id = $1 AND in_digest = 'waits'",
            )
            .bind(&id)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Over which channels somebody wants to be told, if they ever said.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notice_choice(
        &mut self,
        subject: &Subject,
    ) -> Result<Option<NoticeChoice>, StoreError> {
        let row: Option<String> = on!(self, |connection| {
            sqlx::query_scalar("SELECT document FROM notice_choices WHERE subject = $1")
                .bind(subject.as_str())
                .fetch_optional(connection)
                .await?
        });
        row.map(|it| crate::read_json("choice of channels", &it)).transpose()
    }

    /// Writes over which channels somebody wants to be told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn choose_channels(
        &mut self,
        subject: &Subject,
        choice: &NoticeChoice,
    ) -> Result<(), StoreError> {
        let document = crate::write_json("choice of channels", choice)?;
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO notice_choices (subject, document) VALUES ($1, $2)
                 ON CONFLICT (subject) DO UPDATE SET document = excluded.document",
            )
            .bind(subject.as_str())
            .bind(&document)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Takes what is done once a day. [`Written::Conflict`] if another gateway has taken it, or did it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_day(&mut self, what: &str, day: &str) -> Result<Written, StoreError> {
        let written = on!(self, |connection| {
            sqlx::query("INSERT INTO days_done (what, day) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(what)
                .bind(day)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Forgets notices that were made before a moment, with their deliveries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_notices(&mut self, before: Timestamp) -> Result<(), StoreError> {
        let date = before.date();
        on!(self, |connection| {
            for table in ["notice_deliveries", "notice_abouts"] {
                let sql = sqlx::AssertSqlSafe(format!(
                    "DELETE FROM {table} WHERE notice IN
                         (SELECT id FROM notices WHERE made_at < $1)"
                ));
                sqlx::query(sql).bind(before.millis()).execute(&mut *connection).await?;
            }
            sqlx::query("DELETE FROM notices WHERE made_at < $1")
                .bind(before.millis())
                .execute(&mut *connection)
                .await?;
            sqlx::query("DELETE FROM days_done WHERE day < $1")
                .bind(&date)
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// Whether what is done once a day is done.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn day_is_done(&mut self, what: &str, day: &str) -> Result<bool, StoreError> {
        let count: i64 = on!(self, |connection| {
            sqlx::query_scalar("SELECT count(*) FROM days_done WHERE what = $1 AND day = $2")
                .bind(what)
                .bind(day)
                .fetch_one(connection)
                .await?
        });
        Ok(count > 0)
    }
}

fn read((document, read_at, withdrawn_at): Columns) -> Result<NoticeRow, StoreError> {
    let notice: NoticeRow = crate::read_json("notice", &document)?;
    let read_at = read_at.map(Timestamp::from_millis);
    let withdrawn_at = withdrawn_at.map(Timestamp::from_millis);
    Ok(NoticeRow { read_at, withdrawn_at, ..notice })
}
