//! What is known of people where reviewers are chosen: look-ups in memory, made once for a campaign.

use crate::{CallerKind, Group, Snapshot, Subject, Timestamp, review::delegation::Delegation};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// What is known of people at a moment.
#[derive(Clone, Debug, Default)]
pub struct ReviewFacts {
    /// The policy in force: owners, agents, who is barred, and groups that directories tell of.
    pub snapshot: Arc<Snapshot>,
    /// When.
    pub now: Timestamp,
    managers: HashMap<Subject, Subject>,
    delegations: HashMap<Subject, Delegation>,
    services: HashSet<Subject>,
    signed_in: HashMap<Subject, BTreeSet<Group>>,
    /// Subjects that belong to one person with others, each with all of them.
    linked: HashMap<Subject, Arc<[Subject]>>,
    members: HashMap<Group, Vec<Subject>>,
}

impl ReviewFacts {
    /// What a snapshot knows.
    pub fn of(snapshot: Arc<Snapshot>, now: Timestamp) -> Self {
        let mut members: HashMap<Group, Vec<Subject>> = HashMap::new();
        for subject in snapshot.told().subjects() {
            for told in snapshot.told_of(subject) {
                members.entry(told.group.clone()).or_default().push(subject.clone());
            }
        }
        for subjects in members.values_mut() {
            subjects.sort_unstable();
            subjects.dedup();
        }
        Self { snapshot, now, members, ..Self::default() }
    }

    /// With who is whose manager: the person first.
    #[must_use]
    pub fn with_managers(self, managers: impl IntoIterator<Item = (Subject, Subject)>) -> Self {
        Self { managers: managers.into_iter().collect(), ..self }
    }

    /// With who stands in for whom; those that stand now count.
    #[must_use]
    pub fn with_delegations(self, delegations: impl IntoIterator<Item = Delegation>) -> Self {
        let now = self.now;
        let standing = delegations.into_iter().filter(|it| it.stands(now));
        Self { delegations: standing.map(|it| (it.of.clone(), it)).collect(), ..self }
    }

    /// With subjects that are programs, besides the catalog's agents.
    #[must_use]
    pub fn with_services(self, services: impl IntoIterator<Item = Subject>) -> Self {
        Self { services: services.into_iter().collect(), ..self }
    }

    /// With the groups that providers named at people's last sign-in: only to find whom a grant reaches.
    #[must_use]
    pub fn with_signed_in(
        self,
        groups: impl IntoIterator<Item = (Subject, BTreeSet<Group>)>,
    ) -> Self {
        Self { signed_in: groups.into_iter().collect(), ..self }
    }

    /// With subjects that are one person: each list.
    #[must_use]
    pub fn with_linked(self, people: impl IntoIterator<Item = Vec<Subject>>) -> Self {
        let all = people.into_iter().map(Arc::<[Subject]>::from);
        let linked = all.flat_map(|all| {
            let each = all.to_vec();
            each.into_iter().map(move |it| (it, Arc::clone(&all)))
        });
        Self { linked: linked.collect(), ..self }
    }

    /// The manager of a person, as a directory says.
    pub fn manager(&self, of: &Subject) -> Option<&Subject> {
        self.managers.get(of)
    }

    /// Who stands in for a person now.
    pub fn delegation(&self, of: &Subject) -> Option<&Delegation> {
        self.delegations.get(of)
    }

    /// Everybody who has somebody stand in now, in no order.
    pub fn delegations(&self) -> impl Iterator<Item = &Delegation> {
        self.delegations.values()
    }

    /// Whether two subjects are one person, as far as is known.
    pub fn is_same_person(&self, one: &Subject, other: &Subject) -> bool {
        one == other || self.linked.get(one).is_some_and(|all| all.contains(other))
    }

    /// Everybody whom directories say is in a group, by name.
    pub fn members(&self, group: &Group) -> &[Subject] {
        self.members.get(group).map_or(&[], Vec::as_slice)
    }

    /// What a subject is, as far as is known; a person, if nothing is.
    pub fn kind(&self, subject: &Subject) -> CallerKind {
        if self.snapshot.agents().contains_key(subject) {
            CallerKind::Agent
        } else if self.services.contains(subject) {
            CallerKind::Service
        } else {
            CallerKind::Person
        }
    }

    /// Whether a person, by any of their names, is in a group: as directories tell, or as their provider
    /// said at the last sign-in.
    pub(super) fn is_in(&self, subject: &Subject, group: &Group) -> bool {
        let own = |it: &Subject| {
            self.members(group).binary_search(it).is_ok()
                || self.signed_in.get(it).is_some_and(|groups| groups.contains(group))
        };
        let others = self.linked.get(subject).map_or(&[][..], |all| &**all);
        own(subject) || others.iter().any(own)
    }
}
