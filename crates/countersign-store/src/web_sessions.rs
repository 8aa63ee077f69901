//! Browsers that are signed in to the console. The name is a digest of the cookie, never the cookie;
//! what the document holds is the console's business.

use crate::{Store, StoreError, Transaction, transaction::on};
use countersign_model::{Subject, Timestamp, Whose};

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
    /// What it rests on.
    pub origin: SessionOrigin,
    /// What the console keeps with it.
    pub document: String,
}

/// The session at an issuer that a browser's session rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOrigin {
    /// The issuer's configured name.
    pub issuer: String,
    /// The issuer's own name for the subject; empty if it has none.
    pub subject: String,
    /// The issuer's session; empty if it named none.
    pub session: String,
    /// When the issuer vouched for it, by the issuer's clock.
    pub issued_at: Timestamp,
}

type Columns = (String, String, i64, i64, i64, String, String, String, i64, String);

impl Store {
    /// Writes down a browser that signed in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_web_session(&self, session: &WebSession) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query(
                "INSERT INTO web_sessions (name, subject, made_at, seen_at, expires_at,
                     issuer, issuer_subject, issuer_session, issued_at, document)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(&session.name)
            .bind(session.subject.as_str())
            .bind(session.made_at.millis())
            .bind(session.seen_at.millis())
            .bind(session.expires_at.millis())
            .bind(&session.origin.issuer)
            .bind(&session.origin.subject)
            .bind(&session.origin.session)
            .bind(session.origin.issued_at.millis())
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
                "SELECT name, subject, made_at, seen_at, expires_at,
                     issuer, issuer_subject, issuer_session, issued_at, document
                 FROM web_sessions WHERE name = $1 AND expires_at > $2",
            )
            .bind(name)
            .bind(now.millis())
            .fetch_optional(connection)
            .await?
        });
        Ok(row.map(WebSession::from))
    }

    /// The browsers that a subject is signed in with, the last one first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn web_sessions_of(
        &self,
        subject: &Subject,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<WebSession>, StoreError> {
        let mut view = self.view().await?;
        let rows: Vec<Columns> = on!(view, |connection| {
            sqlx::query_as(
                "SELECT name, subject, made_at, seen_at, expires_at,
                     issuer, issuer_subject, issuer_session, issued_at, document
                 FROM web_sessions WHERE subject = $1 AND expires_at > $2
                 ORDER BY made_at DESC, name LIMIT $3",
            )
            .bind(subject.as_str())
            .bind(now.millis())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(WebSession::from).collect())
    }

    /// Says that a browser was used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn touch_web_session(
        &self,
        name: &str,
        seen_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query("UPDATE web_sessions SET seen_at = $1 WHERE name = $2")
                .bind(seen_at.millis())
                .bind(name)
                .execute(connection)
                .await?;
        });
        change.commit().await
    }

    /// Takes the renewal of a browser's identity until a moment; whether nobody else has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_renewal(
        &self,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut change = self.change().await?;
        let taken = on!(change, |connection| {
            sqlx::query(
                "UPDATE web_sessions SET renewing_until = $1
                 WHERE name = $2 AND renewing_until <= $3",
            )
            .bind(until.millis())
            .bind(name)
            .bind(now.millis())
            .execute(connection)
            .await?
            .rows_affected()
        });
        change.commit().await?;
        Ok(taken == 1)
    }

    /// Keeps with a browser what the renewal brought, and gives the renewal back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_renewal(&self, name: &str, document: &str) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query(
                "UPDATE web_sessions SET document = $1, renewing_until = 0 WHERE name = $2",
            )
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

impl Transaction {
    /// Signs out browsers whose sessions were issued before a moment; how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_web_sessions(
        &mut self,
        whose: &Whose,
        before: Timestamp,
    ) -> Result<u64, StoreError> {
        let (issuer, name) = match whose {
            Whose::Subject(subject) => ("", subject.as_str()),
            Whose::IssuerSubject { issuer, subject } => (issuer.as_ref(), subject.as_ref()),
            Whose::IssuerSession { issuer, session } => (issuer.as_ref(), session.as_ref()),
        };
        let sql = match whose {
            Whose::Subject(_) => {
                "DELETE FROM web_sessions WHERE $1 = '' AND subject = $2
                 AND (issued_at < $3 OR made_at < $3)"
            }
            Whose::IssuerSubject { .. } => {
                "DELETE FROM web_sessions
                 WHERE issuer = $1 AND issuer_subject = $2
                 AND (issued_at < $3 OR made_at < $3)"
            }
            Whose::IssuerSession { .. } => {
                "DELETE FROM web_sessions
                 WHERE issuer = $1 AND issuer_session = $2
                 AND (issued_at < $3 OR made_at < $3)"
            }
        };
        let removed = on!(self, |connection| {
            sqlx::query(sql)
                .bind(issuer)
                .bind(name)
                .bind(before.millis())
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(removed)
    }

    /// The subjects that browsers are signed in as by an issuer's own name for them; few at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn subjects_signed_in(
        &mut self,
        issuer: &str,
        issuer_subject: &str,
    ) -> Result<Vec<Subject>, StoreError> {
        let names: Vec<String> = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT DISTINCT subject FROM web_sessions
                 WHERE issuer = $1 AND issuer_subject = $2 LIMIT 10",
            )
            .bind(issuer)
            .bind(issuer_subject)
            .fetch_all(connection)
            .await?
        });
        Ok(names.into_iter().map(Subject::new).collect())
    }
}

impl From<Columns> for WebSession {
    fn from(columns: Columns) -> Self {
        let (name, subject, made_at, seen_at, expires_at, issuer, sub, sid, issued_at, document) =
            columns;
        Self {
            name,
            subject: Subject::new(subject),
            made_at: Timestamp::from_millis(made_at),
            seen_at: Timestamp::from_millis(seen_at),
            expires_at: Timestamp::from_millis(expires_at),
            origin: SessionOrigin {
                issuer,
                subject: sub,
                session: sid,
                issued_at: Timestamp::from_millis(issued_at),
            },
            document,
        }
    }
}
