//! Groups that directories tell of by SCIM. They are part of a snapshot: who is in which is looked up
//! where a call is decided, without I/O, and ends with the next snapshot. They are added to those that
//! a token proves, and never taken from them.

use crate::{Group, Subject};
use serde::Serialize;
use std::{collections::HashMap, sync::Arc};

/// For what a directory's groups count, as the configuration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldFor {
    /// Grants, conditions and approvals.
    Access,
    /// The same, and what somebody is to Countersign: administrator, auditor, reviewer.
    AccessAndRoles,
}

/// A group that a directory says somebody is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldGroup {
    /// The group, with its prefix.
    pub group: Group,
    /// The directory's name in the configuration.
    pub directory: Arc<str>,
    /// For what it counts.
    pub counts: ToldFor,
}

/// Who is in which group, as directories tell.
#[derive(Clone, Debug, Default)]
pub struct ToldGroups(HashMap<Subject, Arc<[ToldGroup]>>);

impl ToldGroups {
    /// Takes what a directory says of a subject now, whole; what others say stands.
    pub fn tell(&mut self, subject: &Subject, directory: &str, groups: Vec<ToldGroup>) {
        let others = self.0.get(subject).into_iter().flat_map(|it| it.iter());
        let others = others.filter(|it| *it.directory != *directory).cloned();
        let mut all: Vec<ToldGroup> = others.chain(groups).collect();
        all.sort_by(|one, other| {
            (&one.group, &one.directory).cmp(&(&other.group, &other.directory))
        });
        if all.is_empty() {
            self.0.remove(subject);
        } else {
            self.0.insert(subject.clone(), all.into());
        }
    }

    /// Whether nobody is in any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every subject that is in some group, in no order.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.0.keys()
    }

    pub(crate) fn of(&self, subject: &Subject) -> Option<&Arc<[ToldGroup]>> {
        self.0.get(subject)
    }
}

impl ToldGroup {
    /// Whether it gives roles too.
    pub fn gives_roles(&self) -> bool {
        match self.counts {
            ToldFor::Access => false,
            ToldFor::AccessAndRoles => true,
        }
    }
}
