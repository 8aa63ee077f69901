//! Who is in which group, as directories say: groups within groups, and what follows for each
//! subject. What takes somebody out of a group counts at the commit; what takes them into one, when
//! its entry is in the ledger.

use crate::{StoreError, Transaction, transaction::on};
use countersign_model::{Epoch, Subject};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

/// The groups of a subject as its directory says them, by their names there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldRow {
    /// Who.
    pub subject: Subject,
    /// The id of the user who has the name, or had it last.
    pub holder: String,
    /// All that the directory says; `None` until it was worked out.
    pub told: Option<BTreeSet<String>>,
    /// Of these, those that count.
    pub in_force: BTreeSet<String>,
    /// The entry after which all of them count.
    pub given_by: Option<String>,
}

/// The groups that count for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldNews {
    /// The directory that says so.
    pub provider: String,
    /// Who.
    pub subject: Subject,
    /// By their names there.
    pub groups: BTreeSet<String>,
}

/// Ids that one query names.
const IDS_AT_ONCE: usize = 500;

type Told = (String, String, Option<String>, String, Option<String>);

impl Transaction {
    /// Which groups of a provider are members of which: the outer one first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_nesting(
        &mut self,
        provider: &str,
    ) -> Result<Vec<(String, String)>, StoreError> {
        Ok(on!(self, |connection| {
            sqlx::query_as("SELECT group_id, child_id FROM scim_subgroups WHERE provider = $1")
                .bind(provider)
                .fetch_all(connection)
                .await?
        }))
    }

    /// The ids of the groups that are members of a group.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_subgroups(
        &mut self,
        provider: &str,
        group: &str,
    ) -> Result<Vec<String>, StoreError> {
        Ok(on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT child_id FROM scim_subgroups WHERE provider = $1 AND group_id = $2
                 ORDER BY child_id",
            )
            .bind(provider)
            .bind(group)
            .fetch_all(connection)
            .await?
        }))
    }

    /// Makes a group a member of a group, once. Both are there: whoever writes has looked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_directory_subgroup(
        &mut self,
        provider: &str,
        group: &str,
        child: &str,
    ) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO scim_subgroups (provider, group_id, child_id) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
            )
            .bind(provider)
            .bind(group)
            .bind(child)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Ends the membership of a group in a group.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_directory_subgroup(
        &mut self,
        provider: &str,
        group: &str,
        child: &str,
    ) -> Result<(), StoreError> {
        on!(self, |connection| {
            sqlx::query(
                "DELETE FROM scim_subgroups
                 WHERE provider = $1 AND group_id = $2 AND child_id = $3",
            )
            .bind(provider)
            .bind(group)
            .bind(child)
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// The ids of the users who are members of any of these groups themselves.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_users_in(
        &mut self,
        provider: &str,
        groups: &[String],
    ) -> Result<BTreeSet<String>, StoreError> {
        let select = "SELECT user_id, group_id FROM scim_members WHERE provider = $1 AND group_id";
        Ok(self.pairs(select, provider, groups).await?.into_iter().map(|(user, _)| user).collect())
    }

    /// Of these users, who is a member of which group itself: user, then group.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_memberships(
        &mut self,
        provider: &str,
        users: &[String],
    ) -> Result<Vec<(String, String)>, StoreError> {
        let select = "SELECT user_id, group_id FROM scim_members WHERE provider = $1 AND user_id";
        self.pairs(select, provider, users).await
    }

    /// What these users or groups are here, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_here(
        &mut self,
        provider: &str,
        ids: &[String],
    ) -> Result<Vec<(String, String)>, StoreError> {
        let select = "SELECT id, here FROM scim_resources WHERE provider = $1 AND id";
        self.pairs(select, provider, ids).await
    }

    /// The groups of each name that these users have or had last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_told(
        &mut self,
        provider: &str,
        users: &[String],
    ) -> Result<Vec<ToldRow>, StoreError> {
        let mut told = Vec::with_capacity(users.len());
        for some in users.chunks(IDS_AT_ONCE) {
            let sql = format!(
                "SELECT subject, holder, groups_told, groups_in_force, groups_given_by
                 FROM scim_names WHERE provider = $1 AND holder IN ({})",
                places(2, some.len())
            );
            let rows: Vec<Told> = on!(self, |connection| {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(provider);
                for id in some {
                    query = query.bind(id);
                }
                query.fetch_all(connection).await?
            });
            for (subject, holder, all, in_force, given_by) in rows {
                let read = |it: String| crate::read_json("groups", &it);
                told.push(ToldRow {
                    subject: Subject::new(subject),
                    holder,
                    told: all.map(read).transpose()?,
                    in_force: crate::read_json("groups", &in_force)?,
                    given_by,
                });
            }
        }
        Ok(told)
    }

    /// Writes the groups of a subject. `epoch` is since when those count that count.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tell_groups(
        &mut self,
        provider: &str,
        row: &ToldRow,
        epoch: Option<Epoch>,
    ) -> Result<(), StoreError> {
        let told = row.told.as_ref().map(|it| crate::write_json("groups", it)).transpose()?;
        let in_force = crate::write_json("groups", &row.in_force)?;
        let epoch = epoch.map(|it| i64::try_from(it.0)).transpose();
        let epoch = epoch.map_err(|_| StoreError::TooLarge)?;
        on!(self, |connection| {
            sqlx::query(
                "UPDATE scim_names SET groups_told = $1, groups_in_force = $2,
                     groups_given_by = $3, groups_epoch = coalesce($4, groups_epoch)
                 WHERE provider = $5 AND subject = $6",
            )
            .bind(told.as_deref())
            .bind(&in_force)
            .bind(row.given_by.as_deref())
            .bind(epoch)
            .bind(provider)
            .bind(row.subject.as_str())
            .execute(connection)
            .await?;
        });
        Ok(())
    }

    /// Users of a provider whose groups were never worked out, some hundreds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_untold(&mut self, provider: &str) -> Result<Vec<String>, StoreError> {
        Ok(on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT holder FROM scim_names WHERE provider = $1 AND groups_told IS NULL
                 LIMIT 500",
            )
            .bind(provider)
            .fetch_all(connection)
            .await?
        }))
    }

    /// The groups of whoever's changed after an epoch; of everybody, if it names none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn told_since(&mut self, epoch: Option<Epoch>) -> Result<Vec<ToldNews>, StoreError> {
        let after = epoch.map_or(Ok(-1), |it| i64::try_from(it.0));
        let after = after.map_err(|_| StoreError::TooLarge)?;
        let rows: Vec<(String, String, String)> = on!(self, |connection| {
            // Before any change there is nothing to end.
            sqlx::query_as(
                "SELECT provider, subject, groups_in_force FROM scim_names
                 WHERE groups_epoch > $1 AND (groups_in_force <> '[]' OR $1 >= 0)",
            )
            .bind(after)
            .fetch_all(connection)
            .await?
        });
        let news = rows.into_iter().map(|(provider, subject, groups)| {
            let groups = crate::read_json("groups", &groups)?;
            Ok(ToldNews { provider, subject: Subject::new(subject), groups })
        });
        news.collect()
    }

    /// Pairs of what a query finds by any of these ids.
    async fn pairs(
        &mut self,
        select: &'static str,
        provider: &str,
        ids: &[String],
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut pairs = Vec::new();
        for some in ids.chunks(IDS_AT_ONCE) {
            let sql = format!("{select} IN ({})", places(2, some.len()));
            let rows: Vec<(String, String)> = on!(self, |connection| {
                let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(provider);
                for id in some {
                    query = query.bind(id);
                }
                query.fetch_all(connection).await?
            });
            pairs.extend(rows);
        }
        Ok(pairs)
    }
}

/// The places of so many values from this one on.
pub(crate) fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|it| format!("${it}")).collect();
    places.join(", ")
}
