//! What directories say of people and groups by SCIM. Each query names its provider: no provider
//! reads or writes what is another's. What deactivates a subject counts at the commit; what ends
//! that, when its entry is in the ledger.

use crate::{StoreError, Transaction, approvals::Written, transaction::on};
use countersign_model::{Subject, Timestamp, ids::EntryId, snapshot::Deactivation};

/// Which kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryKind {
    /// A person.
    User,
    /// A group.
    Group,
}

impl DirectoryKind {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

/// A user or a group of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryRow {
    /// Its name in the provider's requests, made here.
    pub id: String,
    /// `userName` or `displayName` in lower case: unique within the provider.
    pub name: String,
    /// The directory's own name for it, unique within the provider.
    pub external_id: Option<String>,
    /// A user's subject, or a group's name as it is written; unique within the provider.
    pub here: String,
    /// Grows with every write; what a writer must have seen.
    pub revision: i64,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was last written.
    pub changed_at: Timestamp,
    /// The resource as JSON.
    pub document: String,
}

/// By what a resource is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryKey<'a> {
    /// Its id.
    Id(&'a str),
    /// `userName` or `displayName`, in lower case.
    Name(&'a str),
    /// The directory's own name for it.
    ExternalId(&'a str),
    /// What it is here.
    Here(&'a str),
}

/// Who last had a subject's name in a provider's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryName {
    /// The id of the user, who may be gone.
    pub holder: String,
    /// Set while the subject is deactivated.
    pub deactivation: Option<Deactivation>,
}

type Columns = (String, String, Option<String>, String, i64, i64, i64, String);

macro_rules! resources {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, external_id, here, revision, made_at, changed_at, document
             FROM scim_resources WHERE provider = $1 AND kind = $2 ",
            $rest
        )
    };
}

impl Transaction {
    /// A user or group of a provider.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_row(
        &mut self,
        provider: &str,
        kind: DirectoryKind,
        key: DirectoryKey<'_>,
    ) -> Result<Option<DirectoryRow>, StoreError> {
        let (sql, value) = match key {
            DirectoryKey::Id(value) => (resources!("AND id = $3"), value),
            DirectoryKey::Name(value) => (resources!("AND name = $3"), value),
            DirectoryKey::ExternalId(value) => (resources!("AND external_id = $3"), value),
            DirectoryKey::Here(value) => (resources!("AND here = $3"), value),
        };
        let row: Option<Columns> = on!(self, |connection| {
            sqlx::query_as(sql)
                .bind(provider)
                .bind(kind.name())
                .bind(value)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(read))
    }

    /// Users or groups of a provider, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_rows(
        &mut self,
        provider: &str,
        kind: DirectoryKind,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<DirectoryRow>, StoreError> {
        let rows: Vec<Columns> = on!(self, |connection| {
            sqlx::query_as(resources!("ORDER BY id LIMIT $3 OFFSET $4"))
                .bind(provider)
                .bind(kind.name())
                .bind(i64::from(limit))
                .bind(i64::from(skip))
                .fetch_all(connection)
                .await?
        });
        Ok(rows.into_iter().map(read).collect())
    }

    /// How many users or groups a provider has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_count(
        &mut self,
        provider: &str,
        kind: DirectoryKind,
    ) -> Result<u64, StoreError> {
        let count: i64 = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT count(*) FROM scim_resources WHERE provider = $1 AND kind = $2",
            )
            .bind(provider)
            .bind(kind.name())
            .fetch_one(connection)
            .await?
        });
        Ok(count.unsigned_abs())
    }

    /// Adds a user or group. [`Written::Conflict`] if the id or a unique name is taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_directory_row(
        &mut self,
        provider: &str,
        kind: DirectoryKind,
        row: &DirectoryRow,
    ) -> Result<Written, StoreError> {
        let written = on!(self, |connection| {
            sqlx::query(
                "INSERT INTO scim_resources (provider, kind, id, name, external_id, here,
                     revision, made_at, changed_at, document)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            )
            .bind(provider)
            .bind(kind.name())
            .bind(&row.id)
            .bind(&row.name)
            .bind(row.external_id.as_deref())
            .bind(&row.here)
            .bind(row.revision)
            .bind(row.made_at.millis())
            .bind(row.changed_at.millis())
            .bind(&row.document)
            .execute(connection)
            .await?
            .rows_affected()
        });
        self.find_user(kind, &row.here).await?;
        Ok(Written::of(written))
    }

    /// Writes a user or group, if nobody else has since it was read; its revision grows. Its unique
    /// names are free: whoever writes has looked, under the lock of the epoch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_directory_row(
        &mut self,
        provider: &str,
        kind: DirectoryKind,
        row: &DirectoryRow,
    ) -> Result<Written, StoreError> {
        let before = self.directory_row(provider, kind, DirectoryKey::Id(&row.id)).await?;
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE scim_resources SET name = $1, external_id = $2, here = $3,
                     changed_at = $4, document = $5, revision = revision + 1
                 WHERE provider = $6 AND kind = $7 AND id = $8 AND revision = $9",
            )
            .bind(&row.name)
            .bind(row.external_id.as_deref())
            .bind(&row.here)
            .bind(row.changed_at.millis())
            .bind(&row.document)
            .bind(provider)
            .bind(kind.name())
            .bind(&row.id)
            .bind(row.revision)
            .execute(connection)
            .await?
            .rows_affected()
        });
        if let Some(before) = before.filter(|it| it.here != row.here) {
            self.find_user(kind, &before.here).await?;
        }
        self.find_user(kind, &row.here).await?;
        Ok(Written::of(written))
    }

    /// Removes a user or group, and what makes it a member or gives it members.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_directory_row(
        &mut self,
        provider: &str,
        kind: DirectoryKind,
        id: &str,
    ) -> Result<Written, StoreError> {
        let members = match kind {
            DirectoryKind::User => "DELETE FROM scim_members WHERE provider = $1 AND user_id = $2",
            DirectoryKind::Group => {
                "DELETE FROM scim_members WHERE provider = $1 AND group_id = $2"
            }
        };
        let nested = "DELETE FROM scim_subgroups
             WHERE provider = $1 AND (group_id = $2 OR child_id = $2)";
        let before = self.directory_row(provider, kind, DirectoryKey::Id(id)).await?;
        let removed = on!(self, |connection| {
            sqlx::query(nested).bind(provider).bind(id).execute(&mut *connection).await?;
            sqlx::query(members).bind(provider).bind(id).execute(&mut *connection).await?;
            sqlx::query("DELETE FROM scim_resources WHERE provider = $1 AND kind = $2 AND id = $3")
                .bind(provider)
                .bind(kind.name())
                .bind(id)
                .execute(connection)
                .await?
                .rows_affected()
        });
        if let Some(before) = before {
            self.find_user(kind, &before.here).await?;
        }
        Ok(Written::of(removed))
    }

    /// A user is found by what the directory says of them now.
    async fn find_user(&mut self, kind: DirectoryKind, here: &str) -> Result<(), StoreError> {
        match kind {
            DirectoryKind::User => self.find_person(here).await,
            DirectoryKind::Group => Ok(()),
        }
    }

    /// The ids of a group's members.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_members(
        &mut self,
        provider: &str,
        group: &str,
    ) -> Result<Vec<String>, StoreError> {
        Ok(on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT user_id FROM scim_members WHERE provider = $1 AND group_id = $2
                 ORDER BY user_id",
            )
            .bind(provider)
            .bind(group)
            .fetch_all(connection)
            .await?
        }))
    }

    /// The ids of the groups that a user is a member of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_groups_of(
        &mut self,
        provider: &str,
        user: &str,
    ) -> Result<Vec<String>, StoreError> {
        Ok(on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT group_id FROM scim_members WHERE provider = $1 AND user_id = $2
                 ORDER BY group_id",
            )
            .bind(provider)
            .bind(user)
            .fetch_all(connection)
            .await?
        }))
    }

    /// Makes a user a member of a group, once. Both are there: whoever writes has looked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_directory_member(
        &mut self,
        provider: &str,
        group: &str,
        user: &str,
    ) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO scim_members (provider, group_id, user_id) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
            )
            .bind(provider)
            .bind(group)
            .bind(user)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Ends a membership.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_directory_member(
        &mut self,
        provider: &str,
        group: &str,
        user: &str,
    ) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query(
                "DELETE FROM scim_members WHERE provider = $1 AND group_id = $2 AND user_id = $3",
            )
            .bind(provider)
            .bind(group)
            .bind(user)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Who last had a subject's name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_name(
        &mut self,
        provider: &str,
        subject: &Subject,
    ) -> Result<Option<DirectoryName>, StoreError> {
        let row: Option<(String, Option<String>)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT holder, deactivation FROM scim_names WHERE provider = $1 AND subject = $2",
            )
            .bind(provider)
            .bind(subject.as_str())
            .fetch_optional(connection)
            .await?
        });
        row.map(|(holder, document)| {
            let read = |it: String| crate::read_json("deactivation", &it);
            Ok(DirectoryName { holder, deactivation: document.map(read).transpose()? })
        })
        .transpose()
    }

    /// Gives a subject's name to a user. A deactivation of it stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold_directory_name(
        &mut self,
        provider: &str,
        subject: &Subject,
        holder: &str,
    ) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO scim_names (provider, subject, holder) VALUES ($1, $2, $3)
                 ON CONFLICT (provider, subject) DO UPDATE SET holder = excluded.holder",
            )
            .bind(provider)
            .bind(subject.as_str())
            .bind(holder)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Deactivates a subject, at the commit, whatever waited to end an earlier deactivation. Its
    /// name is held.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deactivate(&mut self, deactivation: &Deactivation) -> Result<(), StoreError> {
        let document = crate::write_json("deactivation", deactivation)?;
        on!(self, |connection| {
            sqlx::query(
                "UPDATE scim_names SET deactivation = $1, lifted_by = NULL
                 WHERE provider = $2 AND subject = $3",
            )
            .bind(&document)
            .bind(deactivation.directory.as_ref())
            .bind(deactivation.subject.as_str())
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Ends a deactivation once its entry is in the ledger. [`Written::Conflict`] if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lift_deactivation(
        &mut self,
        provider: &str,
        subject: &Subject,
        entry: EntryId,
    ) -> Result<Written, StoreError> {
        let entry = entry.to_string();
        let written = on!(self, |connection| {
            sqlx::query(
                "UPDATE scim_names SET lifted_by = $1
                 WHERE provider = $2 AND subject = $3 AND deactivation IS NOT NULL",
            )
            .bind(&entry)
            .bind(provider)
            .bind(subject.as_str())
            .execute(connection)
            .await?
            .rows_affected()
        });
        Ok(Written::of(written))
    }

    /// Deactivations in force, whatever the provider.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deactivations(&mut self) -> Result<Vec<Deactivation>, StoreError> {
        let documents: Vec<String> = on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT deactivation FROM scim_names WHERE deactivation IS NOT NULL
                 ORDER BY subject, provider",
            )
            .fetch_all(connection)
            .await?
        });
        documents.iter().map(|it| crate::read_json("deactivation", it)).collect()
    }

    /// Signs every browser of a subject out, however the letters of its name are written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_web_sessions_of(&mut self, subject: &Subject) -> Result<u64, StoreError> {
        Ok(on!(self, |connection| {
            sqlx::query("DELETE FROM web_sessions WHERE subject = $1 OR lower(subject) = $2")
                .bind(subject.as_str())
                .bind(subject.as_str().to_lowercase())
                .execute(connection)
                .await?
                .rows_affected()
        }))
    }
}

fn read(row: Columns) -> DirectoryRow {
    let (id, name, external_id, here, revision, made_at, changed_at, document) = row;
    DirectoryRow {
        id,
        name,
        external_id,
        here,
        revision,
        made_at: Timestamp::from_millis(made_at),
        changed_at: Timestamp::from_millis(changed_at),
        document,
    }
}
