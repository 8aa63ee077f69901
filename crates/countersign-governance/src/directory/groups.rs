//! Groups of a directory and their members.

use super::{Directory, DirectoryError, told::Nesting};
use crate::Governance;
use countersign_model::Timestamp;
use countersign_store::{DirectoryKey, DirectoryKind, DirectoryRow, Transaction};
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

/// The ids of a group's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Users.
    pub users: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
}

/// What a change of a group means for others.
struct Reach {
    /// Users whose groups may be others now.
    users: BTreeSet<String>,
    /// Groups, all users within which may be in others now.
    groups: BTreeSet<String>,
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
        let row = row(self.resource_id(), &group, 1, now, now);
        directory.add(&mut change, DirectoryKind::Group, &row, GROUPS_MAX).await?;
        let reach = have_members(&mut change, directory, &row.id, &group.members).await?;
        self.reach(change, directory, reach, now).await?;
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
        directory.write(&mut change, DirectoryKind::Group, &mut next).await?;
        let mut reach = have_members(&mut change, directory, &next.id, &group.members).await?;
        if before.here != next.here {
            reach.groups.insert(next.id.clone());
        }
        self.reach(change, directory, reach, now).await?;
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
        let now = self.clock().now();
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let kind = DirectoryKind::Group;
        let stored = directory.unchanged(&mut change, kind, before).await?;
        let groups = Nesting::of(&mut change, directory).await?.within(&before.id);
        let users = change.directory_users_in(&directory.name, &groups).await?;
        directory.forget(&mut change, kind, &stored.id).await?;
        self.reach(change, directory, Reach { users, groups: BTreeSet::new() }, now).await
    }

    /// Works out who is in which group now, commits, and brings it into force.
    async fn reach(
        &self,
        mut change: Transaction,
        directory: &Directory,
        reach: Reach,
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let Reach { mut users, groups } = reach;
        if !groups.is_empty() {
            let nesting = Nesting::of(&mut change, directory).await?;
            let all: BTreeSet<String> = groups.iter().flat_map(|it| nesting.within(it)).collect();
            let all: Vec<String> = all.into_iter().collect();
            users.extend(change.directory_users_in(&directory.name, &all).await?);
        }
        let regrouped = self.regroup(&mut change, directory, users, now).await?;
        Ok(self.settle_regrouped(change, &regrouped).await?)
    }
}

/// Writes the difference between the members that there are and those that there should be.
async fn have_members(
    change: &mut Transaction,
    directory: &Directory,
    group: &str,
    members: &BTreeSet<String>,
) -> Result<Reach, DirectoryError> {
    let name = &directory.name;
    let users: BTreeSet<String> = set(change.directory_members(name, group).await?);
    let groups: BTreeSet<String> = set(change.directory_subgroups(name, group).await?);
    let mut reach = Reach { users: BTreeSet::new(), groups: BTreeSet::new() };
    for left in users.difference(members) {
        change.remove_directory_member(name, group, left).await?;
        reach.users.insert(left.clone());
    }
    for left in groups.difference(members) {
        change.remove_directory_subgroup(name, group, left).await?;
        reach.groups.insert(left.clone());
    }
    for new in members.iter().filter(|it| !users.contains(*it) && !groups.contains(*it)) {
        let key = DirectoryKey::Id(new);
        if change.directory_row(name, DirectoryKind::User, key).await?.is_some() {
            change.add_directory_member(name, group, new).await?;
            reach.users.insert(new.clone());
        } else if change.directory_row(name, DirectoryKind::Group, key).await?.is_some() {
            change.add_directory_subgroup(name, group, new).await?;
            reach.groups.insert(new.clone());
        } else {
            return Err(DirectoryError::NoSuchMember);
        }
    }
    Ok(reach)
}

fn set(ids: Vec<String>) -> BTreeSet<String> {
    ids.into_iter().collect()
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
