//! Browsers that are signed in to the console. The name is a digest of the cookie, never the cookie;
//! what the document holds is the console's business.

use crate::{Store, StoreError, transaction::on};
use countersign_model::{Subject, Timestamp};

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSession {
    /// Digest of the cookie's value.
    pub name: String,
    /// Who signed in.
    pub subject: Subject,
    /// When.
    pub made_at: Timestamp,
    /// When it was last used.
    pub seen_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What the console keeps with it.
    pub document: String,
}

type Columns = (String, String, i64, i64, i64, String);

impl Store {
    /// Writes down a browser that signed in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_web_session(&self, session: &WebSession) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query(
                "INSERT INTO web_sessions (name, subject, made_at, seen_at, expires_at, document)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&session.name)
            .bind(session.subject.as_str())
            .bind(session.made_at.millis())
            .bind(session.seen_at.millis())
            .bind(session.expires_at.millis())
            .bind(&session.document)
            .execute(connection)
            .await?;
        });
        change.commit().await
    }

    /// The browser of this name, unless its time is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn web_session(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<WebSession>, StoreError> {
        let mut view = self.view().await?;
        let row: Option<Columns> = on!(view, |connection| {
            sqlx::query_as(
                "SELECT name, subject, made_at, seen_at, expires_at, document FROM web_sessions
                 WHERE name = $1 AND expires_at > $2",
            )
            .bind(name)
            .bind(now.millis())
            .fetch_optional(connection)
            .await?
        });
        Ok(row.map(|(name, subject, made_at, seen_at, expires_at, document)| WebSession {
            name,
            subject: Subject::new(subject),
            made_at: Timestamp::from_millis(made_at),
            seen_at: Timestamp::from_millis(seen_at),
            expires_at: Timestamp::from_millis(expires_at),
            document,
        }))
    }

    /// Says that a browser was used, and what the console keeps with it now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn touch_web_session(
        &self,
        name: &str,
        seen_at: Timestamp,
        document: &str,
    ) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query("UPDATE web_sessions SET seen_at = $1, document = $2 WHERE name = $3")
                .bind(seen_at.millis())
                .bind(document)
                .bind(name)
                .execute(connection)
                .await?;
        });
        change.commit().await
    }

    /// Signs a browser out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_web_session(&self, name: &str) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query("DELETE FROM web_sessions WHERE name = $1")
                .bind(name)
                .execute(connection)
                .await?;
        });
        change.commit().await
    }

    /// Signs every browser of a subject out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_web_sessions_of(&self, subject: &Subject) -> Result<u64, StoreError> {
        let mut change = self.change().await?;
        let removed = on!(change, |connection| {
            sqlx::query("DELETE FROM web_sessions WHERE subject = $1")
                .bind(subject.as_str())
                .execute(connection)
                .await?
                .rows_affected()
        });
        change.commit().await?;
        Ok(removed)
    }

    /// Forgets browsers whose time is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_web_sessions(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut change = self.change().await?;
        let removed = on!(change, |connection| {
            sqlx::query("DELETE FROM web_sessions WHERE expires_at <= $1")
                .bind(now.millis())
                .execute(connection)
                .await?
                .rows_affected()
        });
        change.commit().await?;
        Ok(removed)
    }
}
