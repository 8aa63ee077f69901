//! Who does a management act, and what roles they have. Administrators, auditors and reviewers are
//! groups that the configuration names; who is a caller, owner or approver follows from grants and
//! catalog, and is said by [`held`] for people to read.

mod held;

pub use held::HeldRole;

use countersign_model::{
    Caller, CallerKind, Group, Person, Snapshot, Subject, ToldGroup, approval::Standing,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What somebody is to Countersign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A grant reaches them: they call functions.
    Caller,
    /// Answers for a function of the catalog.
    Owner,
    /// A rule of a function names them as one who may say yes to a held call.
    Approver,
    /// Takes part in access reviews, and sees every grant for that.
    Reviewer,
    /// Sees everything and changes nothing, whatever else they are.
    Auditor,
    /// Keeps the catalog, makes grants, stops calls.
    Administrator,
}

/// Which groups have which role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoleMap {
    /// Groups whose members are administrators.
    #[schemars(with = "Vec<String>")]
    pub administrators: Vec<Group>,
    /// Groups whose members are auditors.
    #[schemars(with = "Vec<String>")]
    pub auditors: Vec<Group>,
    /// Groups whose members are reviewers.
    #[schemars(with = "Vec<String>")]
    pub reviewers: Vec<Group>,
}

/// Who does a management act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Their identity, from their own sign-in.
    pub person: Person,
    /// A name to show to people.
    pub name: String,
    /// The roles that their groups give them.
    pub roles: BTreeSet<Role>,
}

impl Role {
    /// All of them, for tables: the more they may see and change, the later.
    pub const ALL: [Self; 6] = [
        Self::Caller,
        Self::Owner,
        Self::Approver,
        Self::Reviewer,
        Self::Auditor,
        Self::Administrator,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Owner => "owner",
            Self::Approver => "approver",
            Self::Reviewer => "reviewer",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }
}

impl RoleMap {
    /// The roles of a member of these groups.
    pub fn roles(&self, groups: &BTreeSet<Group>) -> BTreeSet<Role> {
        self.by_group(groups, &[]).map(|(role, _)| role).collect()
    }

    /// The roles of a person: what an identity provider says of their groups counts, and of what
    /// directories tell, that which may give roles.
    fn of(&self, person: &Person) -> BTreeSet<Role> {
        self.by_group(&person.groups, &person.told).map(|(role, _)| role).collect()
    }

    /// The roles of a member of these groups, each with a group that gives it.
    fn by_group(
        &self,
        groups: &BTreeSet<Group>,
        told: &[ToldGroup],
    ) -> impl Iterator<Item = (Role, &Group)> {
        let all = [
            (Role::Reviewer, &self.reviewers),
            (Role::Auditor, &self.auditors),
            (Role::Administrator, &self.administrators),
        ];
        all.into_iter().filter_map(|(role, names)| {
            let told = |group: &Group| told.iter().any(|it| it.gives_roles() && it.group == *group);
            let is_in = |group: &&Group| groups.contains(*group) || told(group);
            Some((role, names.iter().find(is_in)?))
        })
    }
}

impl Actor {
    /// Their subject.
    pub fn subject(&self) -> &Subject {
        &self.person.subject
    }

    /// Whether they keep the catalog, make grants and stop calls. Not who is an auditor too.
    pub fn is_administrator(&self) -> bool {
        self.roles.contains(&Role::Administrator) && !self.is_auditor()
    }

    /// Whether they change nothing.
    pub fn is_auditor(&self) -> bool {
        self.roles.contains(&Role::Auditor)
    }

    /// Whether they may see everything.
    pub fn sees_everything(&self) -> bool {
        self.is_auditor() || self.roles.contains(&Role::Administrator)
    }

    /// Whether they may see every grant.
    pub fn sees_grants(&self) -> bool {
        self.sees_everything() || self.roles.contains(&Role::Reviewer)
    }

    /// Who a caller is as an actor. A registered agent is an agent whatever its token says. Where
    /// somebody acts for the subject, it is not the subject who does the act (R5): it counts as an
    /// agent's, and carries none of the subject's roles.
    pub(crate) fn of(caller: &Caller, snapshot: &Snapshot, roles: &RoleMap) -> Self {
        let delegated = !caller.actors.is_empty();
        let kind = if delegated || snapshot.agents().contains_key(&caller.subject) {
            CallerKind::Agent
        } else {
            caller.kind
        };
        let barred = caller.chain().any(|it| snapshot.bars(it));
        let standing = if barred { Standing::Suspended } else { Standing::Good };
        let person = Person {
            subject: caller.subject.clone(),
            kind,
            groups: caller.groups.clone(),
            told: snapshot.told_to(&caller.subject, caller.kind),
            standing,
        };
        let roles = match kind {
            CallerKind::Person | CallerKind::Service => roles.of(&person),
            CallerKind::Agent => BTreeSet::new(),
        };
        Self {
            person,
            name: caller.name.as_deref().unwrap_or(caller.subject.as_str()).to_owned(),
            roles,
        }
    }
}

/// Why an actor may not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The actor is suspended.
    #[error("a suspended subject does nothing here")]
    Suspended,
    /// An auditor changes nothing, whatever else they are.
    #[error("an auditor sees everything and changes nothing")]
    Auditor,
    /// Only people decide, and agents change no policy (R5).
    #[error("an agent changes no policy, and only a person decides")]
    NotAPerson,
    /// Only administrators may.
    #[error("only an administrator may do this")]
    NotAdministrator,
    /// Only the functions' owners or an administrator may.
    #[error("only an owner of the functions or an administrator may do this")]
    NotOwner,
    /// Only administrators grant by tag.
    #[error("only an administrator grants by tag")]
    TagsByAdministrator,
    /// Nobody reviews their own access (R4).
    #[error("nobody certifies access that reaches themself")]
    OwnAccess,
    /// An agent's sponsor alone does not review it (R4).
    #[error("an agent's sponsor does not certify its access")]
    Sponsor,
    /// At high sensitivity the maker does not review (R4).
    #[error("at high sensitivity the person who made a grant does not certify it")]
    Maker,
    /// The actor has no part in it.
    #[error("this is not yours to change")]
    NotYours,
}

impl Forbidden {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::Auditor => "auditor_changes_nothing",
            Self::NotAPerson => "not_a_person",
            Self::NotAdministrator => "not_administrator",
            Self::NotOwner => "not_owner",
            Self::TagsByAdministrator => "tags_by_administrator",
            Self::OwnAccess => "own_access",
            Self::Sponsor => "sponsor",
            Self::Maker => "maker",
            Self::NotYours => "not_yours",
        }
    }
}

/// A person or service in good standing who may change something: agents change no policy, and
/// auditors nothing.
pub(crate) fn may_act(actor: &Actor) -> Result<(), Forbidden> {
    may_look(actor)?;
    match actor.person.kind {
        _ if actor.is_auditor() => Err(Forbidden::Auditor),
        CallerKind::Agent => Err(Forbidden::NotAPerson),
        CallerKind::Person | CallerKind::Service => Ok(()),
    }
}

/// Somebody in good standing.
pub(crate) fn may_look(actor: &Actor) -> Result<(), Forbidden> {
    match actor.person.standing {
        Standing::Suspended => Err(Forbidden::Suspended),
        Standing::Good => Ok(()),
    }
}

/// An administrator in good standing.
pub(crate) fn may_administer(actor: &Actor) -> Result<(), Forbidden> {
    may_act(actor)?;
    if actor.is_administrator() { Ok(()) } else { Err(Forbidden::NotAdministrator) }
}

/// The longest reason or comment, in characters.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// Why a text is no reason or comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// There is none.
    #[error("say why")]
    Missing,
    /// It has more than [`TEXT_CHARS_MAX`] characters.
    #[error("a reason or comment has at most {TEXT_CHARS_MAX} characters")]
    TooLong,
}

/// A reason that was given.
pub(crate) fn reason(text: &str) -> Result<String, BadText> {
    match comment(text)? {
        "" => Err(BadText::Missing),
        text => Ok(text.to_owned()),
    }
}

/// A comment, which may be empty.
pub(crate) fn comment(text: &str) -> Result<&str, BadText> {
    let text = text.trim();
    if text.chars().nth(TEXT_CHARS_MAX).is_some() { Err(BadText::TooLong) } else { Ok(text) }
}

impl crate::Governance {
    /// The actor as they stand at this moment: somebody may have suspended them since they came, and
    /// a directory may have taken them out of a group.
    pub(crate) fn judged(&self, actor: &Actor) -> Actor {
        let mut actor = actor.clone();
        let policy = self.policy().load();
        if policy.bars(&actor.person.subject) {
            actor.person.standing = Standing::Suspended;
        }
        let told = policy.told_of(&actor.person.subject);
        if !actor.person.told.iter().all(|it| told.contains(it)) {
            let before = self.0.roles.of(&actor.person);
            let still = actor.person.told.iter().filter(|it| told.contains(it)).cloned();
            actor.person.told = still.collect();
            let now = self.0.roles.of(&actor.person);
            actor.roles.retain(|it| now.contains(it) || !before.contains(it));
        }
        actor
    }
}

#[cfg(test)]
mod tests;
