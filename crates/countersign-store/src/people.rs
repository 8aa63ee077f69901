//! People as they last signed in: names to show and groups to preview with. Never an authority:
//! who is calling is proved anew each time.

use crate::{Store, StoreError, transaction::on};
use countersign_model::{Group, Subject, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;

/// A person as they last signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonRow {
    /// Who.
    pub subject: Subject,
    /// A name to show.
    pub name: String,
    /// An address to show; empty when there is none.
    pub email: String,
    /// Their groups at that time.
    pub groups: BTreeSet<Group>,
    /// When.
    pub seen_at: Timestamp,
}

type Columns = (String, String, String, String, i64);

impl Store {
    /// Writes down a sign-in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn saw_person(&self, person: &PersonRow) -> Result<(), StoreError> {
        let groups = crate::write_json("person", &person.groups)?;
        let mut change = self.change().await?;
        on!(change, |connection| {
            sqlx::query(
                "INSERT INTO people (subject, name, email, member_of, seen_at)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (subject) DO UPDATE SET name = excluded.name, email = excluded.email,
                     member_of = excluded.member_of, seen_at = excluded.seen_at",
            )
            .bind(person.subject.as_str())
            .bind(&person.name)
            .bind(&person.email)
            .bind(&groups)
            .bind(person.seen_at.millis())
            .execute(connection)
            .await?;
        });
        change.commit().await
    }

    /// A person as they last signed in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person(&self, subject: &Subject) -> Result<Option<PersonRow>, StoreError> {
        let mut view = self.view().await?;
        let row: Option<Columns> = on!(view, |connection| {
            sqlx::query_as(
                "SELECT subject, name, email, member_of, seen_at FROM people WHERE subject = $1",
            )
            .bind(subject.as_str())
            .fetch_optional(connection)
            .await?
        });
        row.map(read).transpose()
    }

    /// People by subject, some hundreds at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn people(&self, limit: u32) -> Result<Vec<PersonRow>, StoreError> {
        let mut view = self.view().await?;
        let rows: Vec<Columns> = on!(view, |connection| {
            sqlx::query_as(
                "SELECT subject, name, email, member_of, seen_at FROM people
                 ORDER BY subject LIMIT $1",
            )
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(read).collect()
    }
}

fn read((subject, name, email, groups, seen_at): Columns) -> Result<PersonRow, StoreError> {
    Ok(PersonRow {
        subject: Subject::new(subject),
        name,
        email,
        groups: crate::read_json("person", &groups)?,
        seen_at: Timestamp::from_millis(seen_at),
    })
}
