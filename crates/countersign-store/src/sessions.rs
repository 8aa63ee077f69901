//! Sessions: an index of the recordings, and the wrapped keys. Destroying a key erases the
//! recordings and keeps the row.

use crate::{Store, StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{SessionId, Subject, Timestamp};
use serde::Serialize;

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its name.
    pub id: SessionId,
    /// For whom its calls are made.
    pub subject: Subject,
    /// Who acts for the subject, nearest first.
    pub actors: Vec<Subject>,
    /// What to show to people.
    pub title: String,
    /// When its first call came.
    pub started_at: Timestamp,
    /// Its recordings' key, wrapped with the master key.
    pub wrapped_key: Vec<u8>,
}

/// What happened in a session since it was last written down.
#[derive(Clone, Copy, Debug)]
pub struct SessionTouch {
    /// Which.
    pub id: SessionId,
    /// When its last call came.
    pub last_at: Timestamp,
    /// Calls to add.
    pub calls: u64,
    /// Calls that did not run, to add.
    pub refused: u64,
    /// A segment that holds recordings of it.
    pub segment: Option<u64>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    /// Its name.
    pub id: SessionId,
    /// For whom its calls were made.
    pub subject: Subject,
    /// Who acted for the subject, nearest first.
    pub actors: Vec<Subject>,
    /// What to show to people.
    pub title: String,
    /// When its first call came.
    pub started_at: Timestamp,
    /// When its last call came.
    pub last_at: Timestamp,
    /// How many calls it holds, refused ones too.
    pub calls: u64,
    /// How many of them did not run.
    pub refused: u64,
    /// When its key was destroyed.
    pub erased_at: Option<Timestamp>,
    /// Segments that hold its recordings.
    pub segments: Vec<u64>,
}

/// Which sessions to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct SessionQuery {
    /// Only those of this subject, and those in which it acted for another.
    pub subject: Option<Subject>,
    /// Only older than this one.
    pub before: Option<SessionId>,
    /// How many at most.
    pub limit: u32,
}

type Columns = (String, String, String, String, i64, i64, i64, i64, Option<i64>);

impl Store {
    /// Writes down sessions that began. One that is known stays as it is.
    ///
    /// # Errors
    /// [`StoreError`]; then none is written.
    pub async fn open_sessions(&self, sessions: &[NewSession]) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        for session in sessions {
            change.open_session(session).await?;
        }
        change.commit().await
    }

    /// Adds up what happened in sessions. What is not known is left out.
    ///
    /// # Errors
    /// [`StoreError`]; then none is written.
    pub async fn touch_sessions(&self, touches: &[SessionTouch]) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        for touch in touches {
            change.touch_session(touch).await?;
        }
        change.commit().await
    }

    /// Writes down that a segment holds recordings of these sessions, where it is not written yet.
    /// What is not known is left out.
    ///
    /// # Errors
    /// [`StoreError`]; then what was written before stays, and doing it again is right.
    pub async fn index_segment(
        &self,
        segment: u64,
        sessions: &[SessionId],
    ) -> Result<(), StoreError> {
        for some in sessions.chunks(INDEXED_AT_ONCE) {
            let mut change = self.change().await?;
            for session in some {
                change.index_session(&session.to_string(), segment).await?;
            }
            change.commit().await?;
        }
        Ok(())
    }
}

impl Transaction {
    /// Whether it is written down of each of these sessions that is known that the segment holds
    /// recordings of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_indexed(
        &mut self,
        segment: u64,
        sessions: &[SessionId],
    ) -> Result<bool, StoreError> {
        let segment = number(segment)?;
        for session in sessions {
            let id = session.to_string();
            let missing: Option<String> = on!(self, |connection| {
                sqlx::query_scalar(
                    "SELECT id FROM sessions WHERE id = $1 AND NOT EXISTS
                         (SELECT 1 FROM session_segments WHERE session = $1 AND segment = $2)",
                )
                .bind(&id)
                .bind(segment)
                .fetch_optional(connection)
                .await?
            });
            if missing.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn index_session(&mut self, id: &str, segment: u64) -> Result<(), StoreError> {
        let segment = number(segment)?;
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO session_segments (session, segment)
                 SELECT id, $2 FROM sessions WHERE id = $1
                 ON CONFLICT DO NOTHING",
            )
            .bind(id)
            .bind(segment)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    async fn open_session(&mut self, session: &NewSession) -> Result<(), StoreError> {
        let id = session.id.to_string();
        let actors = crate::write_json("session", &session.actors)?;
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO sessions (id, subject, actors, title, started_at, last_at, calls,
                     refused, wrapped_key)
                 VALUES ($1, $2, $3, $4, $5, $5, 0, 0, $6)
                 ON CONFLICT (id) DO NOTHING",
            )
            .bind(&id)
            .bind(session.subject.as_str())
            .bind(&actors)
            .bind(&session.title)
            .bind(session.started_at.millis())
            .bind(session.wrapped_key.as_slice())
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    async fn touch_session(&mut self, touch: &SessionTouch) -> Result<(), StoreError> {
        let id = touch.id.to_string();
        let (calls, refused) = (number(touch.calls)?, number(touch.refused)?);
        on!(self, |connection| {
            sqlx::query(
                "UPDATE sessions SET calls = calls + $1, refused = refused + $2,
                     last_at = CASE WHEN last_at < $3 THEN $3 ELSE last_at END
                 WHERE id = $4",
            )
            .bind(calls)
            .bind(refused)
            .bind(touch.last_at.millis())
            .bind(&id)
            .execute(connection)
            .await?;
        });
        match touch.segment {
            Some(segment) => self.index_session(&id, segment).await,
            None => Ok(()),
        }
    }

    /// A session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(&mut self, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        let id = id.to_string();
        let row: Option<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT id, subject, actors, title, started_at, last_at, calls, refused, erased_at
                 FROM sessions WHERE id = $1",
            )
            .bind(&id)
            .fetch_optional(connection)
            .await?
        });
        match row {
            None => Ok(None),
            Some(row) => self.with_segments(row).await.map(Some),
        }
    }

    /// Lists sessions, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions(&mut self, query: &SessionQuery) -> Result<Vec<SessionRow>, StoreError> {
        let before = query.before.map(|it| it.to_string());
        let subject = query.subject.as_ref();
        // As it stands in the list of actors. Both databases compare `replace` byte for byte.
        let actor = subject.map(|it| crate::write_json("session", it)).transpose()?;
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT id, subject, actors, title, started_at, last_at, calls, refused, erased_at
                 FROM sessions
                 WHERE ($1 IS NULL OR subject = $1 OR replace(actors, $2, '') <> actors)
                     AND ($3 IS NULL OR id < $3)
                 ORDER BY id DESC LIMIT $4",
            )
            .bind(subject.map(Subject::as_str))
            .bind(actor.as_deref())
            .bind(before.as_deref())
            .bind(i64::from(query.limit))
            .fetch_all(connection)
            .await?
        });
        let mut sessions = Vec::with_capacity(rows.len());
        for row in rows {
            sessions.push(self.with_segments(row).await?);
        }
        Ok(sessions)
    }

    /// A session's wrapped key; `None` when the session is unknown or its key was destroyed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wrapped_key(&mut self, id: SessionId) -> Result<Option<Vec<u8>>, StoreError> {
        let id = id.to_string();
        let key: Option<Option<Vec<u8>>> = on!(self, |connection| {
            sqlx::query_scalar("SELECT wrapped_key FROM sessions WHERE id = $1")
                .bind(&id)
                .fetch_optional(connection)
                .await?
        });
        Ok(key.flatten())
    }

    /// Destroys a session's key. [`Written::Conflict`] when it is unknown or destroyed already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn erase_session(
        &mut self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let id = id.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE sessions SET wrapped_key = NULL, erased_at = $1
                 WHERE id = $2 AND erased_at IS NULL",
            )
            .bind(now.millis())
            .bind(&id)
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    async fn with_segments(&mut self, row: Columns) -> Result<SessionRow, StoreError> {
        let segments: Vec<i64> = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT segment FROM session_segments WHERE session = $1 ORDER BY segment",
            )
            .bind(&row.0)
            .fetch_all(connection)
            .await?
        });
        let (id, subject, actors, title, started_at, last_at, calls, refused, erased_at) = row;
        let damaged = StoreError::damaged("session's id");
        Ok(SessionRow {
            id: id.parse().map_err(|error| damaged(Box::new(error)))?,
            subject: Subject::new(subject),
            actors: crate::read_json("session", &actors)?,
            title,
            started_at: Timestamp::from_millis(started_at),
            last_at: Timestamp::from_millis(last_at),
            calls: calls.unsigned_abs(),
            refused: refused.unsigned_abs(),
            erased_at: erased_at.map(Timestamp::from_millis),
            segments: segments.into_iter().map(i64::unsigned_abs).collect(),
        })
    }
}

fn number(it: u64) -> Result<i64, StoreError> {
    i64::try_from(it).map_err(|_| StoreError::TooLarge)
}

/// Sessions that one transaction indexes, so that calls' own writes get their turn.
const INDEXED_AT_ONCE: usize = 256;
