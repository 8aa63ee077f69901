//! People as a thing to look at: whoever signed in, is in a directory, holds a grant or is named by the
//! catalog, with what they have. For people to read: who may call is decided elsewhere, by what is
//! proved at the call.

use crate::{Governance, GrantView, HeldRole, Unavailable};
use countersign_model::{
    ApprovalId, Caller, CallerKind, FunctionName, Group, Holder, Issued, Snapshot, Subject,
    Timestamp, ToldGroup,
    catalog::Approver,
    review::Delegation,
    snapshot::{Deactivation, Suspension},
};
use countersign_store::{DirectoryPerson, PeopleQuery, PersonFacts, PersonFound};
use serde::Serialize;
use std::collections::BTreeSet;

/// People that one page holds at most.
pub const PEOPLE_MAX: u32 = 100;
/// Looks at the store for one page at most: so many agents are passed over.
const LOOKS_MAX: usize = 20;
/// Browsers, and calls that wait, that are shown of a person.
const SHOWN_MAX: u32 = 50;

/// Which people to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleFilter {
    /// Only those with a word of their subject, name or address that begins so.
    pub find: String,
    /// Only those after this one.
    pub after: Option<PersonFound>,
    /// How many at most; 0 stands for as many as one page may hold.
    pub limit: u32,
}

/// A page of people.
#[derive(Clone, Debug)]
pub struct PeoplePage {
    /// They.
    pub people: Vec<PersonLine>,
    /// Where to go on; `None` after the last.
    pub next: Option<PersonFound>,
}

/// A person in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonLine {
    /// Who.
    pub subject: Subject,
    /// A name to show, as they last signed in, else as a directory has it; empty when there is none.
    pub name: String,
    /// An address to show; empty when there is none.
    pub email: String,
    /// Which provider vouched for their last sign-in at the console, else which directory has them.
    pub provider: String,
    /// From where they are known.
    pub known_from: BTreeSet<KnownFrom>,
    /// Whether they may do anything here.
    pub standing: PersonStanding,
    /// The directory that says that they left, and since when.
    pub deactivated: Option<Deactivation>,
    /// Who suspended them, when, and why.
    pub suspended: Option<Suspension>,
    /// When their provider last said who they are.
    pub seen_at: Option<Timestamp>,
}

/// From where a person is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownFrom {
    /// They signed in at the console.
    SignIn,
    /// A directory tells of them by SCIM.
    Directory,
    /// A grant names them.
    Grant,
    /// The catalog names them: as owner, approver or sponsor.
    Catalog,
}

/// Whether a person may do anything here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonStanding {
    /// They may.
    Active,
    /// An administrator suspended them.
    Suspended,
    /// Their directory says that they left.
    Deactivated,
}

/// A person with all that they have.
#[derive(Clone, Debug, Serialize)]
pub struct PersonView {
    /// As in a list.
    #[serde(flatten)]
    pub line: PersonLine,
    /// What their provider last said, if they ever signed in.
    pub signed_in: Option<SignedIn>,
    /// As directories have them.
    pub directories: Vec<DirectoryPerson>,
    /// Groups that directories tell of, those that count.
    pub told_groups: Vec<ToldGroup>,
    /// Their roles, each with why, by the groups of their last sign-in and those of directories.
    pub roles: Vec<HeldRole>,
    /// Grants in force that reach them.
    pub grants: Vec<HeldGrant>,
    /// Agents that they answer for.
    pub sponsors: Vec<Subject>,
    /// Functions that they answer for.
    pub owns: Vec<FunctionName>,
    /// Who stands in for them in reviews, now or later.
    pub delegate: Option<Delegation>,
    /// For whom they stand in, now or later.
    pub stands_in: Vec<Delegation>,
    /// Calls of theirs that wait for people, some dozens.
    pub waiting: Vec<WaitingCall>,
    /// Browsers that they are signed in with, some dozens, the last one first.
    pub browsers: Vec<SignedInBrowser>,
}

/// What a provider said at the last sign-in, or its last renewal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedIn {
    /// The provider's name in the configuration; empty if it was not kept then.
    pub provider: String,
    /// When.
    pub at: Timestamp,
    /// The groups that it named.
    pub groups: BTreeSet<Group>,
}

/// A grant, and how it reaches somebody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldGrant {
    /// The grant.
    #[serde(flatten)]
    pub view: GrantView,
    /// How it reaches them.
    pub through: Through,
}

/// How a grant reaches somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// It names them.
    Subject,
    /// It names a group of theirs.
    Group(Group),
}

/// A call that waits for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingCall {
    /// The request.
    pub id: ApprovalId,
    /// The function.
    pub function: FunctionName,
    /// Since when.
    pub opened_at: Timestamp,
    /// Until when somebody may answer.
    pub answer_by: Timestamp,
}

/// A browser that somebody is signed in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedInBrowser {
    /// The provider's name in the configuration.
    pub provider: String,
    /// Since when.
    pub began_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl Governance {
    /// People by the word that they are found by. Agents of the catalog are none.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn people(&self, filter: &PeopleFilter) -> Result<PeoplePage, Unavailable> {
        let snapshot = self.policy().load();
        let limit = if filter.limit == 0 { PEOPLE_MAX } else { filter.limit.min(PEOPLE_MAX) };
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut subjects: Vec<Subject> = Vec::new();
        let mut next = filter.after.clone();
        for _ in 0..LOOKS_MAX {
            let left = u32::try_from(wanted - subjects.len()).unwrap_or(limit);
            let query = PeopleQuery { find: filter.find.clone(), after: next, limit: left };
            let found = self.store().people(&query).await?;
            let people = found.people.into_iter().map(|it| it.subject);
            subjects.extend(people.filter(|it| !snapshot.agents().contains_key(it)));
            next = found.next;
            if next.is_none() || subjects.len() == wanted {
                break;
            }
        }
        let mut facts = self.store().person_facts(&subjects).await?;
        let named = named(&snapshot);
        let people = subjects.into_iter().map(|subject| {
            let facts = facts.remove(&subject).unwrap_or_default();
            PersonLine::of(subject, &facts, &snapshot, &named)
        });
        Ok(PeoplePage { people: people.collect(), next })
    }

    /// A person in a line, if somebody is known by this subject and it is no agent's.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn person_line(&self, subject: &Subject) -> Result<Option<PersonLine>, Unavailable> {
        let snapshot = self.policy().load();
        if snapshot.agents().contains_key(subject) || !self.store().is_found(subject).await? {
            return Ok(None);
        }
        let mut facts = self.store().person_facts(std::slice::from_ref(subject)).await?;
        let facts = facts.remove(subject).unwrap_or_default();
        Ok(Some(PersonLine::of(subject.clone(), &facts, &snapshot, &named(&snapshot))))
    }

    /// A person with all that they have, whether anybody is known by this subject or not.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn person(&self, subject: &Subject) -> Result<PersonView, Unavailable> {
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let mut facts = self.store().person_facts(std::slice::from_ref(subject)).await?;
        let facts = facts.remove(subject).unwrap_or_default();
        let line = PersonLine::of(subject.clone(), &facts, &snapshot, &named(&snapshot));
        let PersonFacts { signed_in, directories } = facts;
        let signed_in =
            signed_in.map(|it| SignedIn { provider: it.issuer, at: it.seen_at, groups: it.groups });
        let caller = as_caller(&line, signed_in.as_ref(), now);
        let mut change = self.store().view().await?;
        let waiting = change.pending_calls_of(subject, SHOWN_MAX).await?;
        let delegations = change.delegations(None, now).await?;
        drop(change);
        let waiting = waiting.into_iter().filter(|it| now < it.answer_by);
        let browsers = self.store().web_sessions_of(subject, now, SHOWN_MAX).await?;
        Ok(PersonView {
            told_groups: snapshot.told_of(subject).to_vec(),
            roles: self.held_roles(&caller),
            grants: self.grants_of(&caller).into_iter().map(HeldGrant::of).collect(),
            sponsors: sponsored(&snapshot, subject),
            owns: owned(&snapshot, subject),
            delegate: delegations.iter().find(|it| it.of == *subject).cloned(),
            stands_in: delegations.into_iter().filter(|it| it.to == *subject).collect(),
            waiting: waiting
                .map(|it| WaitingCall {
                    id: it.id,
                    function: it.call.function,
                    opened_at: it.opened_at,
                    answer_by: it.answer_by,
                })
                .collect(),
            browsers: browsers
                .into_iter()
                .map(|it| SignedInBrowser {
                    provider: it.origin.issuer,
                    began_at: it.made_at,
                    seen_at: it.seen_at,
                    expires_at: it.expires_at,
                })
                .collect(),
            line,
            signed_in,
            directories,
        })
    }
}

impl PersonLine {
    fn of(
        subject: Subject,
        facts: &PersonFacts,
        snapshot: &Snapshot,
        named: &BTreeSet<&Subject>,
    ) -> Self {
        let signed_in = facts.signed_in.as_ref();
        let told = &facts.directories;
        let first = |own: Option<&String>, of: fn(&DirectoryPerson) -> &String| {
            let all = own.into_iter().chain(told.iter().map(of));
            all.into_iter().find(|it| !it.is_empty()).cloned().unwrap_or_default()
        };
        let deactivated = snapshot.deactivation(&subject).cloned();
        let suspended = snapshot.suspension(&subject).cloned();
        let standing = match (&deactivated, &suspended) {
            (Some(_), _) => PersonStanding::Deactivated,
            (None, Some(_)) => PersonStanding::Suspended,
            (None, None) => PersonStanding::Active,
        };
        let known = [
            (KnownFrom::SignIn, signed_in.is_some()),
            (KnownFrom::Directory, !told.is_empty() || deactivated.is_some()),
            (KnownFrom::Grant, snapshot.holds(&Holder::Subject(subject.clone()))),
            (KnownFrom::Catalog, named.contains(&subject)),
        ];
        Self {
            name: first(signed_in.map(|it| &it.name), |it| &it.name),
            email: first(signed_in.map(|it| &it.email), |it| &it.email),
            provider: first(signed_in.map(|it| &it.issuer), |it| &it.directory),
            known_from: known.into_iter().filter(|(_, is)| *is).map(|(from, _)| from).collect(),
            standing,
            deactivated,
            suspended,
            seen_at: signed_in.map(|it| it.seen_at),
            subject,
        }
    }
}

impl HeldGrant {
    fn of(view: GrantView) -> Self {
        let through = match &view.grant.holder {
            Holder::Subject(_) => Through::Subject,
            Holder::Group(group) => Through::Group(group.clone()),
        };
        Self { view, through }
    }
}

/// The caller that a person would be with what their provider last said.
fn as_caller(line: &PersonLine, signed_in: Option<&SignedIn>, now: Timestamp) -> Caller {
    let shown = |it: &str| (!it.is_empty()).then(|| it.into());
    Caller {
        subject: line.subject.clone(),
        kind: CallerKind::Person,
        actors: Vec::new(),
        client: None,
        issuer: line.provider.as_str().into(),
        groups: signed_in.map(|it| it.groups.clone()).unwrap_or_default(),
        scopes: BTreeSet::new(),
        name: shown(&line.name),
        email: shown(&line.email),
        expires_at: now,
        issued: Issued::default(),
    }
}

/// Everybody whom the catalog in force names: owners, approvers, sponsors.
fn named(snapshot: &Snapshot) -> BTreeSet<&Subject> {
    let functions = || snapshot.catalog().functions.iter();
    let owners = functions().flat_map(|it| &it.owners);
    let rules = functions().flat_map(|it| &it.approvals).flat_map(|it| &it.from);
    let approvers = rules.filter_map(|it| match it {
        Approver::Person(subject) => Some(subject),
        Approver::Owner | Approver::Group(_) | Approver::Subject => None,
    });
    owners.chain(approvers).chain(snapshot.agents().values().map(|it| &it.sponsor)).collect()
}

fn sponsored(snapshot: &Snapshot, sponsor: &Subject) -> Vec<Subject> {
    let agents = snapshot.agents().values().filter(|it| it.sponsor == *sponsor);
    agents.map(|it| it.subject.clone()).collect()
}

fn owned(snapshot: &Snapshot, owner: &Subject) -> Vec<FunctionName> {
    let functions = snapshot.catalog().functions.iter();
    functions.filter(|it| it.owners.contains(owner)).map(|it| it.name.clone()).collect()
}
