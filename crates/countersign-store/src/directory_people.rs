//! Everybody of all directories, a page at a time, with what reviews ask of them: who their manager is,
//! and by which address they are known.

use crate::{
    StoreError, Transaction,
    directory_groups::places,
    people::{PEOPLE_AT_ONCE_MAX, address, manager_id},
    transaction::on,
};
use countersign_model::Subject;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// A person of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUser {
    /// The place in the order of all.
    pub place: DirectoryUserPlace,
    /// Who they are here.
    pub subject: Subject,
    /// The id of their manager in the same directory.
    pub manager: Option<String>,
    /// Their primary address, in lower case.
    pub email: Option<String>,
}

/// The place of a person in the order of all directories' people.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectoryUserPlace {
    /// The directory's name in the configuration.
    pub directory: String,
    /// Their id in it.
    pub id: String,
}

impl Transaction {
    /// So many people of all directories after a place, in order; from the first on without one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory_users(
        &mut self,
        after: Option<&DirectoryUserPlace>,
        limit: u32,
    ) -> Result<Vec<DirectoryUser>, StoreError> {
        let nobody = DirectoryUserPlace::default();
        let after = after.unwrap_or(&nobody);
        let rows: Vec<(String, String, String, String)> = on!(self, |connection| {
            sqlx::query_as(
                "SELECT provider, id, here, document FROM scim_resources
                 WHERE kind = 'user' AND (provider > $1 OR (provider = $1 AND id > $2))
                 ORDER BY provider, id LIMIT $3",
            )
            .bind(&after.directory)
            .bind(&after.id)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        let users = rows.into_iter().map(|(directory, id, here, document)| {
            let said = serde_json::from_str(&document).unwrap_or(Value::Null);
            DirectoryUser {
                place: DirectoryUserPlace { directory, id },
                subject: Subject::new(here),
                manager: manager_id(&said),
                email: address(&said),
            }
        });
        Ok(users.collect())
    }

    /// Who people of directories are here, by directory and id; nothing of whom there is not.
    pub(crate) async fn directory_subjects(
        &mut self,
        of: &[(String, String)],
    ) -> Result<BTreeMap<(String, String), Subject>, StoreError> {
        let ids: Vec<&str> = of.iter().take(PEOPLE_AT_ONCE_MAX).map(|it| it.1.as_str()).collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names = places(1, ids.len());
        let sql = format!(
            "SELECT provider, id, here FROM scim_resources WHERE kind = 'user' AND id IN ({names})"
        );
        let rows: Vec<(String, String, String)> = on!(self, |connection| {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for id in &ids {
                query = query.bind(id);
            }
            query.fetch_all(connection).await?
        });
        let found =
            rows.into_iter().map(|(provider, id, here)| ((provider, id), Subject::new(here)));
        Ok(found.collect())
    }
}
