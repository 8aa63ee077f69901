//! What a directory says of people by SCIM, and what follows: who left is barred, signed out, asked
//! about no more and cut, in one transaction with its ledger entries. A person's name that passes to
//! another one passes without the grants of the first. A directory's deactivation and a suspension by
//! an administrator are two facts: neither undoes the other.

mod error;
mod groups;
mod told;
mod users;

pub use error::DirectoryError;
pub use groups::{GroupFacts, Members};
pub use told::GroupRules;
pub use users::{Active, UserFacts};

use crate::{Governance, Unavailable};
use countersign_model::{Subject, snapshot::Letters};
use countersign_store::{DirectoryKey, DirectoryKind, DirectoryRow, Transaction, Written};
use std::sync::Arc;

/// A directory that tells by SCIM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Its name in the configuration. What it says is kept under it, and nobody else's is touched.
    pub name: Arc<str>,
    /// How its names for people are compared where that takes rights away.
    pub letters: Letters,
    /// How its groups count; not at all, if it says nothing.
    pub groups: Option<Arc<GroupRules>>,
}

impl Directory {
    /// Who does what it says, as the ledger names it.
    fn as_subject(&self) -> Subject {
        Subject::new(format!("scim:{}", self.name))
    }

    /// Takes up a resource, of which there may be so many. The epoch is locked.
    async fn add(
        &self,
        change: &mut Transaction,
        kind: DirectoryKind,
        row: &DirectoryRow,
        most: u64,
    ) -> Result<(), DirectoryError> {
        if change.directory_count(&self.name, kind).await? >= most {
            return Err(DirectoryError::TooMany(most));
        }
        self.refuse_taken(change, kind, row).await?;
        match change.add_directory_row(&self.name, kind, row).await? {
            Written::Done => Ok(()),
            Written::Conflict => Err(DirectoryError::Taken(name_of(kind))),
        }
    }

    /// Writes a resource that nobody else has written since. The epoch is locked.
    async fn write(
        &self,
        change: &mut Transaction,
        kind: DirectoryKind,
        next: &mut DirectoryRow,
    ) -> Result<(), DirectoryError> {
        self.refuse_taken(change, kind, next).await?;
        match change.write_directory_row(&self.name, kind, next).await? {
            Written::Done => next.revision += 1,
            Written::Conflict => return Err(DirectoryError::Changed),
        }
        Ok(())
    }

    /// A resource as it stands, which nobody else has written since. The epoch is locked.
    async fn unchanged(
        &self,
        change: &mut Transaction,
        kind: DirectoryKind,
        before: &DirectoryRow,
    ) -> Result<DirectoryRow, DirectoryError> {
        let stored = change.directory_row(&self.name, kind, DirectoryKey::Id(&before.id)).await?;
        let stored = stored.ok_or(DirectoryError::NotFound)?;
        if stored.revision == before.revision { Ok(stored) } else { Err(DirectoryError::Changed) }
    }

    /// Forgets a resource, and what makes it a member or gives it members.
    async fn forget(
        &self,
        change: &mut Transaction,
        kind: DirectoryKind,
        id: &str,
    ) -> Result<(), DirectoryError> {
        match change.remove_directory_row(&self.name, kind, id).await? {
            Written::Done => Ok(()),
            Written::Conflict => Err(DirectoryError::NotFound),
        }
    }

    /// What must be unique must be free. The epoch is locked.
    async fn refuse_taken(
        &self,
        change: &mut Transaction,
        kind: DirectoryKind,
        row: &DirectoryRow,
    ) -> Result<(), DirectoryError> {
        let keys = [
            (name_of(kind), Some(DirectoryKey::Name(&row.name))),
            ("externalId", row.external_id.as_deref().map(DirectoryKey::ExternalId)),
            ("name in this gateway", Some(DirectoryKey::Here(&row.here))),
        ];
        for (what, key) in keys {
            let Some(key) = key else { continue };
            let found = change.directory_row(&self.name, kind, key).await?;
            if found.is_some_and(|it| it.id != row.id) {
                return Err(DirectoryError::Taken(what));
            }
        }
        Ok(())
    }
}

/// What a directory calls the name of a resource.
fn name_of(kind: DirectoryKind) -> &'static str {
    match kind {
        DirectoryKind::User => "userName",
        DirectoryKind::Group => "displayName",
    }
}

/// Users or groups that one list holds at most.
pub const RESOURCES_MAX: u32 = 200;

impl Governance {
    /// A user or group of a directory.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn directory_row(
        &self,
        directory: &Directory,
        kind: DirectoryKind,
        key: DirectoryKey<'_>,
    ) -> Result<Option<DirectoryRow>, Unavailable> {
        Ok(self.store().view().await?.directory_row(&directory.name, kind, key).await?)
    }

    /// Users or groups of a directory by id, and how many there are.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn directory_rows(
        &self,
        directory: &Directory,
        kind: DirectoryKind,
        skip: u32,
        limit: u32,
    ) -> Result<(Vec<DirectoryRow>, u64), Unavailable> {
        let mut view = self.store().view().await?;
        let rows =
            view.directory_rows(&directory.name, kind, skip, limit.min(RESOURCES_MAX)).await?;
        let count = view.directory_count(&directory.name, kind).await?;
        Ok((rows, count))
    }

    /// The ids of a group's members.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn directory_members(
        &self,
        directory: &Directory,
        group: &str,
    ) -> Result<Members, Unavailable> {
        let mut view = self.store().view().await?;
        let users = view.directory_members(&directory.name, group).await?;
        let groups = view.directory_subgroups(&directory.name, group).await?;
        Ok(Members { users, groups })
    }

    /// The ids of a user's groups.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn directory_groups_of(
        &self,
        directory: &Directory,
        user: &str,
    ) -> Result<Vec<String>, Unavailable> {
        Ok(self.store().view().await?.directory_groups_of(&directory.name, user).await?)
    }

    /// A new id for a resource: nobody guesses it.
    fn resource_id(&self) -> String {
        let bytes = self.entropy().bytes::<16>();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
