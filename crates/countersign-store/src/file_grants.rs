//! Which grant stands for a name in the catalog's files.

use crate::{StoreError, Transaction, transaction::on};
use countersign_model::GrantId;
use std::collections::BTreeMap;

impl Transaction {
    /// The grants of all names that files ever had, ended ones too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn file_grants(&mut self) -> Result<BTreeMap<String, GrantId>, StoreError> {
        let rows: Vec<(String, String)> = on!(self, |connection| {
            sqlx::query_as("SELECT name, grant_id FROM file_grants").fetch_all(connection).await?
        });
        let read = |(name, id): (String, String)| match id.parse() {
            Ok(id) => Ok((name, id)),
            Err(bad) => Err(StoreError::damaged("file grant")(Box::new(bad))),
        };
        rows.into_iter().map(read).collect()
    }

    /// Has a name stand for a grant from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn name_file_grant(&mut self, name: &str, id: GrantId) -> Result<(), StoreError> {
        let id = id.to_string();
        on!(self, |connection| {
            sqlx::query(
                "INSERT INTO file_grants (name, grant_id) VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE SET grant_id = excluded.grant_id",
            )
            .bind(name)
            .bind(&id)
            .execute(connection)
            .await?;
        });
        Ok(())
    }
}
