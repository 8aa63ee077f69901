//! Groups that directories tell of, and what follows for whoever is in them: worked out for each
//! subject when a directory writes, so that a decision looks it up. Who leaves a group has left at the
//! commit; who joins one is in it when the ledger says so.

use super::{Directory, DirectoryError};
use crate::{Governance, Unavailable};
use countersign_model::{
    Group, Subject, Timestamp, ToldFor, ToldGroup, ToldGroups,
    record::{Entry, Event, MembershipChanged},
};
use countersign_store::{Effect, ToldNews, ToldRow, Transaction};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::Arc,
};

/// Groups within groups within groups: so deep at most.
const NESTED_MAX: usize = 10;
/// Subjects that one entry names; more have more entries.
const SUBJECTS_MAX: usize = 200;
/// Users whose groups are worked out in one transaction at the start.
const PAGE: usize = 500;

/// How a directory's groups count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRules {
    /// For what.
    pub counts: ToldFor,
    /// What stands before their names.
    pub prefix: String,
    /// Prefixes of other sources of groups that begin with this one: not its to name.
    pub foreign: Vec<String>,
}

impl GroupRules {
    /// The group that a directory calls so, if it is the directory's to name.
    pub fn named(&self, name: &str) -> Option<Group> {
        let group = format!("{}{name}", self.prefix);
        let foreign = self.foreign.iter().any(|it| group.starts_with(it.as_str()));
        (!foreign).then(|| Group::new(group))
    }
}

/// Who joined and left which groups, by the directory's names for them.
#[derive(Debug, Default)]
pub(crate) struct Regrouped {
    joined: BTreeMap<String, Vec<Subject>>,
    left: BTreeMap<String, Vec<Subject>>,
}

impl Regrouped {
    /// What must be brought into force.
    pub(super) fn gives(&self) -> Option<Effect> {
        if !self.joined.is_empty() {
            Some(Effect::AtDelivery)
        } else if !self.left.is_empty() {
            Some(Effect::AtCommit)
        } else {
            None
        }
    }
}

/// Whether somebody is in a group that they were not in before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gains {
    Nothing,
    Something,
}

/// The groups of a directory, by which of them are members of which.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    outer: HashMap<String, Vec<String>>,
    inner: HashMap<String, Vec<String>>,
}

impl Nesting {
    pub(super) async fn of(
        change: &mut Transaction,
        directory: &Directory,
    ) -> Result<Self, DirectoryError> {
        let mut nesting = Self::default();
        for (outer, inner) in change.directory_nesting(&directory.name).await? {
            nesting.outer.entry(inner.clone()).or_default().push(outer.clone());
            nesting.inner.entry(outer).or_default().push(inner);
        }
        Ok(nesting)
    }

    /// A group and all groups within it, each once.
    pub(super) fn within(&self, group: &str) -> Vec<String> {
        let mut seen: BTreeSet<&str> = [group].into();
        let mut layer = vec![group];
        while !layer.is_empty() {
            let next = layer.iter().filter_map(|it| self.inner.get(*it)).flatten();
            layer = next.map(String::as_str).filter(|it| seen.insert(it)).collect();
        }
        seen.into_iter().map(str::to_owned).collect()
    }

    /// These groups and all that they are within. A circle ends where it began.
    fn around(&self, groups: &[String]) -> Result<BTreeSet<String>, DirectoryError> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut layer: Vec<&str> = groups.iter().map(String::as_str).collect();
        layer.retain(|it| seen.insert(it));
        for _ in 0..NESTED_MAX {
            let next = layer.iter().filter_map(|it| self.outer.get(*it)).flatten();
            layer = next.map(String::as_str).filter(|it| seen.insert(it)).collect();
            if layer.is_empty() {
                return Ok(seen.into_iter().map(str::to_owned).collect());
            }
        }
        Err(DirectoryError::TooDeep(NESTED_MAX))
    }
}

impl Governance {
    /// Works out the groups of these users, and of who had a name before them, in the transaction
    /// of what changed them. The epoch is locked.
    pub(super) async fn regroup(
        &self,
        change: &mut Transaction,
        directory: &Directory,
        users: BTreeSet<String>,
        now: Timestamp,
    ) -> Result<Regrouped, DirectoryError> {
        let users: Vec<String> = users.into_iter().collect();
        let said = said(change, directory, &users).await?;
        let mut regrouped = Regrouped::default();
        let mut writes = Vec::new();
        for before in change.directory_told(&directory.name, &users).await? {
            let told = said.get(&before.subject).cloned().unwrap_or_default();
            if before.told.as_ref() == Some(&told) {
                continue;
            }
            let known = before.told.unwrap_or_default();
            for name in told.difference(&known) {
                let joined = regrouped.joined.entry(name.clone()).or_default();
                joined.push(before.subject.clone());
            }
            for name in known.difference(&told) {
                let left = regrouped.left.entry(name.clone()).or_default();
                left.push(before.subject.clone());
            }
            let gains = if told.is_subset(&known) { Gains::Nothing } else { Gains::Something };
            let in_force: BTreeSet<String> = before.in_force.intersection(&told).cloned().collect();
            let given_by = before.given_by.filter(|_| in_force != told);
            let row = ToldRow { told: Some(told), in_force, given_by, ..before };
            writes.push((row, gains));
        }
        self.write_groups(change, directory, &regrouped, writes, now).await?;
        Ok(regrouped)
    }

    async fn write_groups(
        &self,
        change: &mut Transaction,
        directory: &Directory,
        regrouped: &Regrouped,
        writes: Vec<(ToldRow, Gains)>,
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let Some(rules) = &directory.groups else {
            // They give nobody anything. Should they count one day, they count as they are then.
            let epoch = countersign_model::Epoch(change.lock_epoch().await?.0 + 1);
            for (mut row, _) in writes {
                row.in_force = row.told.clone().unwrap_or_default();
                row.given_by = None;
                change.tell_groups(&directory.name, &row, Some(epoch)).await?;
            }
            return Ok(());
        };
        let epoch = if regrouped.left.is_empty() { None } else { Some(change.next_epoch().await?) };
        let by = directory.as_subject();
        let mut last = None;
        let changes =
            [(&regrouped.left, Effect::AtCommit), (&regrouped.joined, Effect::AtDelivery)];
        for (groups, effect) in changes {
            for (name, subjects) in groups {
                // What is not the directory's to name counts for nobody.
                let Some(group) = rules.named(name) else { continue };
                for some in subjects.chunks(SUBJECTS_MAX) {
                    let mut event = MembershipChanged {
                        by: by.clone(),
                        group: group.clone(),
                        joined: Vec::new(),
                        left: some.to_vec(),
                    };
                    if effect == Effect::AtDelivery {
                        mem::swap(&mut event.joined, &mut event.left);
                        last = Some(self.new_entry(now));
                    }
                    let id = last.filter(|_| effect == Effect::AtDelivery);
                    let id = id.unwrap_or_else(|| self.new_entry(now));
                    let entry = Entry::new(id, now, Event::MembershipChanged(event));
                    self.keep(change, entry, group.as_str(), effect).await?;
                }
            }
        }
        for (mut row, gains) in writes {
            if gains == Gains::Something {
                // Entries are delivered in their order: with the last, all are there.
                row.given_by = last.map(|it| it.to_string());
            }
            change.tell_groups(&directory.name, &row, epoch).await?;
        }
        Ok(())
    }

    /// Works out what was never worked out: what directories said before groups counted.
    pub(crate) async fn settle_groups(&self) -> Result<(), DirectoryError> {
        for directory in &self.0.directories {
            loop {
                let now = self.clock().now();
                let mut change = self.store().change().await?;
                change.lock_epoch().await?;
                let users = change.directory_untold(&directory.name).await?;
                let is_last = users.len() < PAGE;
                if users.is_empty() {
                    break;
                }
                self.regroup(&mut change, directory, users.into_iter().collect(), now).await?;
                change.commit().await?;
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Commits a change of groups and brings it into force.
    pub(super) async fn settle_regrouped(
        &self,
        change: Transaction,
        regrouped: &Regrouped,
    ) -> Result<(), Unavailable> {
        change.commit().await?;
        match regrouped.gives() {
            None => Ok(()),
            // Who left has left now, whatever the ledger does.
            Some(Effect::AtCommit) => self.settle(Effect::AtCommit).await,
            Some(Effect::AtDelivery) => {
                let settled = self.settle(Effect::AtCommit).await;
                settled.and(self.settle(Effect::AtDelivery).await)
            }
        }
    }

    /// Takes up what directories say now: of those whose groups count.
    pub(crate) fn take_up(&self, told: &mut Arc<ToldGroups>, news: Vec<ToldNews>) {
        for it in news {
            let directory = self.0.directories.iter().find(|known| *known.name == *it.provider);
            let Some((directory, rules)) =
                directory.and_then(|known| Some((known, known.groups.as_ref()?)))
            else {
                continue;
            };
            let group = |name: &String| {
                let group = rules.named(name);
                if group.is_none() {
                    tracing::warn!(
                        directory = %directory.name, name,
                        "a group does not count: its name belongs to another source of groups"
                    );
                }
                let directory = Arc::clone(&directory.name);
                Some(ToldGroup { group: group?, directory, counts: rules.counts })
            };
            let groups = it.groups.iter().filter_map(group).collect();
            Arc::make_mut(told).tell(&it.subject, &directory.name, groups);
        }
    }
}

/// The groups that users are in, by who they are here.
async fn said(
    change: &mut Transaction,
    directory: &Directory,
    users: &[String],
) -> Result<HashMap<Subject, BTreeSet<String>>, DirectoryError> {
    let nesting = Nesting::of(change, directory).await?;
    let mut direct: HashMap<String, Vec<String>> = HashMap::new();
    for (user, group) in change.directory_memberships(&directory.name, users).await? {
        direct.entry(user).or_default().push(group);
    }
    let mut all: HashMap<&str, BTreeSet<String>> = HashMap::new();
    for (user, groups) in &direct {
        all.insert(user, nesting.around(groups)?);
    }
    let ids: BTreeSet<&String> = all.values().flatten().collect();
    let ids: Vec<String> = ids.into_iter().cloned().collect();
    let names: HashMap<String, String> =
        change.directory_here(&directory.name, &ids).await?.into_iter().collect();
    let subjects = change.directory_here(&directory.name, users).await?;
    let said = subjects.into_iter().map(|(id, subject)| {
        let groups = all.get(id.as_str()).into_iter().flatten();
        let groups = groups.filter_map(|it| names.get(it)).cloned().collect();
        (Subject::new(subject), groups)
    });
    Ok(said.collect())
}
