//! Groups of a directory and their members.

use super::{Directory, DirectoryError};
use crate::Governance;
use countersign_model::Timestamp;
use countersign_store::{DirectoryKey, DirectoryKind, DirectoryRow, Transaction, Written};
use std::collections::BTreeSet;

/// Groups of one directory at most.
const GROUPS_MAX: u64 = 20_000;

/// What a directory says of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFacts {
    /// `displayName` in lower case.
    pub name: String,
    /// The directory's own name for it.
    pub external_id: Option<String>,
    /// What the group is called here.
    pub here: String,
    /// The resource as JSON, without members.
    pub document: String,
    /// The ids of its members.
    pub members: BTreeSet<String>,
}

impl Governance {
    /// Takes up a group.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn add_group(
        &self,
        directory: &Directory,
        group: GroupFacts,
    ) -> Result<DirectoryRow, DirectoryError> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        if change.directory_count(&directory.name, DirectoryKind::Group).await? >= GROUPS_MAX {
            return Err(DirectoryError::TooMany(GROUPS_MAX));
        }
        let row = row(self.resource_id(), &group, 1, now, now);
        directory.refuse_taken(&mut change, DirectoryKind::Group, &row).await?;
        match change.add_directory_row(&directory.name, DirectoryKind::Group, &row).await? {
            Written::Done => {}
            Written::Conflict => return Err(DirectoryError::Taken("displayName")),
        }
        have_members(&mut change, directory, &row.id, &group.members).await?;
        change.commit().await?;
        Ok(row)
    }

    /// Writes what a directory says of a group now. `before` is as it was read.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn write_group(
        &self,
        directory: &Directory,
        before: &DirectoryRow,
        group: GroupFacts,
    ) -> Result<DirectoryRow, DirectoryError> {
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let mut next = row(before.id.clone(), &group, before.revision, before.made_at, now);
        directory.refuse_taken(&mut change, DirectoryKind::Group, &next).await?;
        match change.write_directory_row(&directory.name, DirectoryKind::Group, &next).await? {
            Written::Done => next.revision += 1,
            Written::Conflict => return Err(DirectoryError::Changed),
        }
        have_members(&mut change, directory, &next.id, &group.members).await?;
        change.commit().await?;
        Ok(next)
    }

    /// Forgets a group.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn remove_group(
        &self,
        directory: &Directory,
        before: &DirectoryRow,
    ) -> Result<(), DirectoryError> {
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let kind = DirectoryKind::Group;
        let key = DirectoryKey::Id(&before.id);
        let stored = change.directory_row(&directory.name, kind, key).await?;
        let stored = stored.ok_or(DirectoryError::NotFound)?;
        if stored.revision != before.revision {
            return Err(DirectoryError::Changed);
        }
        match change.remove_directory_row(&directory.name, kind, &before.id).await? {
            Written::Done => Ok(change.commit().await?),
            Written::Conflict => Err(DirectoryError::NotFound),
        }
    }
}

/// Writes the difference between the members that there are and those that there should be.
async fn have_members(
    change: &mut Transaction,
    directory: &Directory,
    group: &str,
    members: &BTreeSet<String>,
) -> Result<(), DirectoryError> {
    let before = change.directory_members(&directory.name, group).await?;
    let before: BTreeSet<String> = before.into_iter().collect();
    for left in before.difference(members) {
        change.remove_directory_member(&directory.name, group, left).await?;
    }
    for new in members.difference(&before) {
        let key = DirectoryKey::Id(new);
        if change.directory_row(&directory.name, DirectoryKind::User, key).await?.is_none() {
            return Err(DirectoryError::NoSuchMember);
        }
        change.add_directory_member(&directory.name, group, new).await?;
    }
    Ok(())
}

fn row(
    id: String,
    group: &GroupFacts,
    revision: i64,
    made_at: Timestamp,
    changed_at: Timestamp,
) -> DirectoryRow {
    DirectoryRow {
        id,
        name: group.name.clone(),
        external_id: group.external_id.clone(),
        here: group.here.clone(),
        revision,
        made_at,
        changed_at,
        document: group.document.clone(),
    }
}
